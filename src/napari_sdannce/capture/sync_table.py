"""Which frames of the cameras belong together, whatever each of them lost."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt

from napari_sdannce.capture.exposure_numbers import (
    NumberedCamera,
    align,
    meet,
    nearest_of,
    number_camera,
)
from napari_sdannce.capture.sync_report import CameraSync, SyncReport
from napari_sdannce.recording import MISSING_FRAME, Sync

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from napari_sdannce.capture.frame_records import FrameRecords, IntArray
    from napari_sdannce.settings.capture import TriggerKind

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class SyncRules:
    """What makes a moment.

    Parameters
    ----------
    fps
        Exposures a second.
    trigger
        What started them. Those of free cameras belong together that are nearest in time.
    least_cameras
        Cameras that must have a frame; None: all that recorded.
    missing
        What stands for a frame that a camera lacks: "mark" (-1), or the "nearest" it has.
    most_skew_ms
        Moments whose frames lie farther apart are left out; None: none. Of triggered cameras this
        is without what each is always later than the others.
    pulses
        Pulses that were sent, where that is known.
    """

    fps: float
    trigger: TriggerKind = "hardware"
    least_cameras: int | None = None
    missing: Literal["mark", "nearest"] = "mark"
    most_skew_ms: float | None = None
    pulses: int | None = None


def sync_cameras(records: Mapping[str, FrameRecords], rules: SyncRules) -> tuple[Sync, SyncReport]:
    """Find the frames that belong together.

    Parameters
    ----------
    records
        The frames of each camera, in the order that the sync shall have.
    rules
        What makes a moment.

    Raises
    ------
    ValueError
        When there is no camera.
    """
    if not records:
        raise ValueError("no cameras to be synchronised")
    numbered, problems = _numbered(records, rules)
    table = _Table(tuple(records), {camera.name: camera for camera in numbered}, rules)
    empty = [name for name, each in records.items() if not each.in_file.any()]
    problems += [f"{name} recorded nothing" for name in empty]
    problems += _pulse_problems(numbered, rules.pulses)
    return table.sync, table.report(records, problems)


def sample_ids_of(numbers: IntArray, fps: float) -> tuple[IntArray, bool]:
    """(T,) keys of moments, and whether they are milliseconds.

    s-DANNCE takes them for whole numbers. Where exposures are whole milliseconds apart they are
    ``number * 1000 / fps + 1``, as in MATLAB; else, since rounded ones could repeat, the numbers.
    """
    step = 1000 / fps
    if step >= 1 and abs(step - round(step)) < 1e-9:
        return numbers * round(step) + 1, True
    return numbers, False


def _numbered(
    records: Mapping[str, FrameRecords], rules: SyncRules
) -> tuple[list[NumberedCamera], list[str]]:
    """Cameras that have frames, all numbers of one kind, and what is told of them."""
    there = {name: each for name, each in records.items() if each.in_file.any()}
    triggered = rules.trigger != "free"
    period_ns = 1e9 / rules.fps
    cameras = [
        number_camera(name, each, period_ns, count=triggered) for name, each in there.items()
    ]
    if not cameras:
        return [], []
    if triggered:
        return align(cameras, period_ns)
    met = meet(cameras, period_ns)
    alone = [camera.name for camera in met if not camera.records.in_file.any()]
    told = [f"no frame of {name} is near one of the others in time" for name in alone]
    return [camera for camera in met if camera.name not in alone], told


def _pulse_problems(cameras: Sequence[NumberedCamera], pulses: int | None) -> list[str]:
    if pulses is None:
        return []
    return [
        f"{camera.name} saw {camera.last_number + 1} pulses of {pulses}"
        for camera in cameras
        if camera.last_number + 1 != pulses
    ]


class _Table:
    """Moments by cameras."""

    def __init__(
        self, names: tuple[str, ...], cameras: Mapping[str, NumberedCamera], rules: SyncRules
    ) -> None:
        self.names, self.cameras, self.rules = names, cameras, rules
        self._rows = {name: _in_file(camera) for name, camera in cameras.items()}
        self._choose_moments()
        self._measure()
        self._leave_out_skewed()
        self.own = self.frames != MISSING_FRAME
        if rules.missing == "nearest":
            self._fill()

    @property
    def sync(self) -> Sync:
        """The moments."""
        return Sync(sample_ids_of(self.numbers, self.rules.fps)[0], self.frames)

    def _choose_moments(self) -> None:
        each = [numbers for numbers, _, _ in self._rows.values()]
        empty = np.empty(0, dtype=np.int64)
        numbers, counts = np.unique(np.concatenate([empty, *each]), return_counts=True)
        least = self.rules.least_cameras or len(self._rows)
        self.numbers = numbers[counts >= least]
        self.n_incomplete = len(numbers) - len(self.numbers)
        self.frames = np.full((len(self.numbers), len(self.names)), MISSING_FRAME, dtype=np.int64)
        self._times = np.full(self.frames.shape, np.nan)
        begin = min((int(times[0]) for _, _, times in self._rows.values()), default=0)
        for column, name in enumerate(self.names):
            if name in self._rows:
                own, frames, times = self._rows[name]
                _, at, which = np.intersect1d(
                    self.numbers, own, assume_unique=True, return_indices=True
                )
                self.frames[at, column] = frames[which]
                self._times[at, column] = (times[which] - begin) / 1e6

    def _measure(self) -> None:
        """How far each frame is from the middle of its moment, and how far usually (ms)."""
        self._off = self._times - _nanmedian(self._times, axis=1)[:, None]
        self.offsets = _nanmedian(self._off, axis=0)
        usual = 0 if self.rules.trigger == "free" else np.nan_to_num(self.offsets)
        self._off -= usual
        self.skew = _spread(self._off)

    def _leave_out_skewed(self) -> None:
        most = self.rules.most_skew_ms
        kept = np.ones(len(self.numbers), dtype=bool) if most is None else self.skew <= most
        self.n_skewed = int((~kept).sum())
        self.numbers, self.frames = self.numbers[kept], self.frames[kept]
        self.skew, self._off = self.skew[kept], self._off[kept]

    def _fill(self) -> None:
        for column, name in enumerate(self.names):
            lacking = ~self.own[:, column]
            if name in self._rows and lacking.any():
                numbers, frames, _ = self._rows[name]
                self.frames[lacking, column] = frames[nearest_of(numbers, self.numbers[lacking])]

    def report(self, records: Mapping[str, FrameRecords], problems: list[str]) -> SyncReport:
        """How it came about."""
        is_time = sample_ids_of(self.numbers, self.rules.fps)[1]
        return SyncReport(
            cameras=tuple(
                self._camera(column, name, int(records[name].in_file.sum()))
                for column, name in enumerate(self.names)
            ),
            sample_ids="milliseconds" if is_time else "numbers",
            n_moments=len(self.numbers),
            n_incomplete=self.n_incomplete,
            n_skewed=self.n_skewed,
            n_filled=int((self.frames != MISSING_FRAME).sum() - self.own.sum()),
            skew_ms=float(np.median(self.skew)) if len(self.skew) else 0.0,
            most_skew_ms=float(self.skew.max(initial=0)),
            problems=tuple(problems),
        )

    def _camera(self, column: int, name: str, n_frames: int) -> CameraSync:
        if name not in self.cameras:
            return CameraSync(name, n_frames)
        camera, (numbers, _, _) = self.cameras[name], self._rows[name]
        off = np.abs(self._off[:, column])
        return CameraSync(
            name,
            n_frames,
            n_used=int(self.own[:, column].sum()),
            first=int(numbers[0]),
            last=int(numbers[-1]),
            numbered_by=camera.by,
            missed_first=camera.shift,
            lost=_gaps(numbers),
            offset_ms=float(np.nan_to_num(self.offsets[column])),
            most_skew_ms=float(np.nanmax(off, initial=0)),
            clock=camera.fit,
        )


def _in_file(camera: NumberedCamera) -> tuple[IntArray, IntArray, IntArray]:
    """(N,) numbers, frames and times of what is in the video."""
    there = camera.records.in_file
    return camera.number[there], camera.records.file_frame[there], camera.host_ns[there]


def _nanmedian(values: FloatArray, axis: int) -> FloatArray:
    """Median of what is there; NaN where nothing is."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # of rows without any
        return np.asarray(np.nanmedian(values, axis=axis), dtype=np.float64)


def _spread(values: FloatArray) -> FloatArray:
    """(T,) largest less smallest of each row of (T, V), without NaN."""
    high = np.where(np.isnan(values), -np.inf, values).max(axis=1, initial=-np.inf)
    low = np.where(np.isnan(values), np.inf, values).min(axis=1, initial=np.inf)
    return np.asarray(high - low, dtype=np.float64)


def _gaps(numbers: IntArray) -> tuple[range, ...]:
    """Whole numbers that rising ones leave out."""
    before = np.flatnonzero(np.diff(numbers) > 1)
    return tuple(range(int(numbers[i]) + 1, int(numbers[i + 1])) for i in before)
