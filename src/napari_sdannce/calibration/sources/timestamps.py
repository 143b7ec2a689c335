"""``timestamps.csv``: when each frame of each camera was taken."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from napari_sdannce.calibration.errors import CalibrationError
from napari_sdannce.files.errors import FileFormatError
from napari_sdannce.recording import MAX_FRAME, MISSING_FRAME, Sync

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

TIMESTAMPS = "timestamps.csv"
_EXPECTED = "a table with the columns cam_id, frame_index, frame_time, and perhaps sync_index"
_MAX_BYTES = 500_000_000
_MOST = 2**53
"""Larger whole numbers are not exact as floats, as which tables with empty cells are read."""


@dataclass(frozen=True, eq=False, slots=True)
class Timestamps:
    """Times of frames.

    Parameters
    ----------
    path
        Where they come from.
    cameras
        (N,) what the file calls the camera of each frame.
    frames
        (N,) frame in its video, from zero.
    times
        (N,) s.
    moments
        (N,) moment that it belongs to, None when the file does not say.
    """

    path: Path
    cameras: npt.NDArray[np.object_]
    frames: IntArray
    times: FloatArray
    moments: IntArray | None


def read_timestamps(path: Path) -> Timestamps:
    """Read a table as caliscope writes it.

    Its frames count from when the cameras were started: the first of each camera is taken for the
    first of its video.

    Raises
    ------
    FileFormatError
        When it is no such table.
    """
    if path.stat().st_size > _MAX_BYTES:
        raise FileFormatError(path, f"it has {path.stat().st_size} bytes", _EXPECTED)
    try:
        table = pd.read_csv(path)
        missing = {"cam_id", "frame_index", "frame_time"} - set(table.columns)
        if missing or not len(table):
            found = f"it has no {', '.join(sorted(missing))}" if missing else "it has no rows"
            raise FileFormatError(path, found, _EXPECTED)
        frames = _whole_numbers(path, table, "frame_index")
        times = table["frame_time"].to_numpy(dtype=np.float64)
        moments = _whole_numbers(path, table, "sync_index") if "sync_index" in table else None
    except (ValueError, TypeError, pd.errors.ParserError, UnicodeDecodeError) as error:
        if isinstance(error, FileFormatError):
            raise
        raise FileFormatError(path, f"it is no such table ({error})", _EXPECTED) from error
    cameras = table["cam_id"].astype(str).to_numpy(dtype=object)
    if not np.isfinite(times).all() or np.ptp(frames) > MAX_FRAME:
        raise FileFormatError(path, "it has times or frames out of range", _EXPECTED)
    for camera in set(cameras):
        own = cameras == camera
        frames[own] -= frames[own].min()
    return Timestamps(path, cameras, frames, times, moments)


def _whole_numbers(path: Path, table: pd.DataFrame, column: str) -> IntArray:
    """(N,) a column of a table.

    Raises
    ------
    FileFormatError
        When a row has none there, or something else.
    ValueError, TypeError
        When it can be no numbers.
    """
    values = table[column].to_numpy(dtype=np.float64)
    wrong = np.flatnonzero(~(np.abs(values) <= _MOST) | (values != np.rint(values)))
    if len(wrong):
        cell = table[column].iloc[int(wrong[0])]
        has = f"no {column}" if pd.isna(cell) else f"{column} {cell}, no whole number"
        # the first row below the header is the second line
        raise FileFormatError(path, f"line {wrong[0] + 2} has {has}", _EXPECTED)
    return table[column].to_numpy(dtype=np.int64, copy=True)


def synchronised(stamps: Timestamps, names: Sequence[str], *, by_time: bool) -> tuple[Sync, str]:
    """Which frames belong together, and how that was found.

    Parameters
    ----------
    stamps
        The table.
    names
        Cameras.
    by_time
        By equal times, whatever the table says of moments.

    Raises
    ------
    FileFormatError
        When cameras of the table are not those of the recording.
    CalibrationError
        When a camera took no frame at a time of the others.
    """
    own = [_rows_of(stamps, name) for name in names]
    if stamps.moments is not None and not by_time:
        keys = np.unique(stamps.moments)
        frames = np.full((len(keys), len(names)), MISSING_FRAME)
        for view, rows in enumerate(own):
            frames[np.searchsorted(keys, stamps.moments[rows]), view] = stamps.frames[rows]
        told = f"frames belong to one moment as {stamps.path.name} says"
        return Sync(np.arange(len(keys)), frames), told
    # the slowest camera gives the moments; partners are nearest in time, within half a frame
    leader = min(own, key=len)
    order = leader[np.argsort(stamps.times[leader])]
    moments = stamps.times[order]
    half = float(np.median(np.diff(moments))) / 2 if len(moments) > 1 else np.inf
    frames = np.full((len(moments), len(names)), MISSING_FRAME)
    for view, rows in enumerate(own):
        rows = rows[np.argsort(stamps.times[rows])]
        near = _nearest(stamps.times[rows], moments)
        close = np.abs(stamps.times[rows][near] - moments) <= half
        if not close.any():
            raise CalibrationError(_apart(stamps, names, own))
        frames[close, view] = stamps.frames[rows][near[close]]
    told = f"frames nearest in time belong to one moment, by {stamps.path.name}"
    return Sync(np.arange(len(moments)), frames), told


def _apart(stamps: Timestamps, names: Sequence[str], own: Sequence[IntArray]) -> str:
    """Say when each camera took frames, where those of one have no partners."""
    ranges = [(stamps.times[rows].min(), stamps.times[rows].max()) for rows in own]
    told = ", ".join(
        f"{name} {first:.6g} to {last:.6g} s"
        for name, (first, last) in zip(names, ranges, strict=True)
    )
    return (
        f"{stamps.path}: the cameras did not take frames at the same times ({told}); if their "
        "clocks differ, frames of equal number may belong together (--match index)"
    )


def _nearest(times: FloatArray, wanted: FloatArray) -> IntArray:
    """Index of the time nearest to each wanted one."""
    after = np.clip(np.searchsorted(times, wanted), 1, max(len(times) - 1, 1))
    if len(times) == 1:
        return np.zeros(len(wanted), dtype=np.int64)
    before = after - 1
    return np.where(wanted - times[before] <= times[after] - wanted, before, after)


def _rows_of(stamps: Timestamps, name: str) -> IntArray:
    """Rows of a camera: of its name, or of the number that its name ends with."""
    rows = np.flatnonzero(stamps.cameras == name)
    number = re.search(r"(\d+)$", name)
    if not len(rows) and number:
        rows = np.flatnonzero(stamps.cameras == str(int(number[1])))
    if not len(rows):
        known = ", ".join(sorted(set(stamps.cameras.tolist()))[:20])
        raise FileFormatError(
            stamps.path, f"it has no camera '{name}'; there are {known}", _EXPECTED
        )
    return rows
