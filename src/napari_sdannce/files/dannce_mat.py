"""``*_dannce.mat``: labels, calibration and sync, as Label3D exports and s-DANNCE reads them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import numpy as np

from napari_sdannce.recording import MISSING_FRAME, PixelOrigin, Sync

from .com_mat import ComFile, com_of_struct
from .mat import MatFile, read_mat, write_mat
from .mat_fields import field as field_of
from .mat_fields import float_vector, int_vector, is_empty, reading, rows, struct, structs, texts
from .matlab_camera import cameras_from_matlab

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping
    from pathlib import Path

    import numpy.typing as npt

    from napari_sdannce.geometry.cameras import Camera

    from .mat_values import MatValue

EXPECTED = "a label file of Label3D or DANNCE (*_dannce.mat) with 'params'"

_NEVER_NEEDED = "cameraPoses"
"""A table of Label3D that repeats the calibration."""


@dataclass(frozen=True, eq=False)
class FrameTable:
    """``labelData`` or ``sync`` of all cameras, cut to the rows that every camera has.

    Parameters
    ----------
    data_2d
        (V, N, 2K) px as in the file, u1 v1 u2 v2 ...; (V, N, 0) of `sync`, where it means nothing.
    data_3d
        (N, 3K) mm, x1 y1 z1 x2 ..., of the first camera; of `sync` (N, 0).
    frames
        (N, V) 0-based frame numbers, `MISSING_FRAME` for negative ones.
    sample_ids
        (N,) keys, of the first camera.
    problems
        What did not fit together.
    """

    data_2d: npt.NDArray[np.float64]
    data_3d: npt.NDArray[np.float64]
    frames: npt.NDArray[np.int64]
    sample_ids: npt.NDArray[np.int64]
    problems: tuple[str, ...]


def default_camera_names(count: int) -> tuple[str, ...]:
    """Names of cameras that have none: ``Camera1``, ``Camera2``, ..."""
    return tuple(f"Camera{i + 1}" for i in range(count))


@dataclass(frozen=True, eq=False)
class DannceFile:
    """A ``*_dannce.mat``: every variable as it stands, and what it means.

    Parameters
    ----------
    path
        The file.
    variables
        Every variable, unknown ones too, with value, dtype, class and orientation of the file;
        `write_dannce` writes them back the same. Opaque MATLAB objects are left out.
    dropped
        Places of the opaque objects left out.
    version
        Version of the MATLAB format.
    """

    path: Path
    variables: Mapping[str, MatValue]
    dropped: tuple[str, ...] = ()
    version: Literal["5", "7.3"] = field(default="5")

    @property
    def params(self) -> list[dict[str, MatValue]]:
        """Camera parameters, one struct a camera."""
        return structs(field_of(self.variables, "params"), "params")

    @property
    def sync(self) -> list[dict[str, MatValue]]:
        """Frames of every moment, one struct a camera; empty when the file has none."""
        return self._structs("sync")

    @property
    def camnames(self) -> tuple[str, ...]:
        """Names of the cameras; ``Camera1``, ``Camera2``, ... when the file has none.

        Raises
        ------
        ValueError
            When they repeat or are not as many as the camera parameters.
        """
        value = self.variables.get("camnames")
        if value is None or is_empty(value):
            return default_camera_names(len(self.params))
        names = tuple(texts(value, "camnames"))
        if len(names) != len(self.params):
            raise ValueError(f"it has {len(names)} 'camnames' for {len(self.params)} 'params'")
        if len(set(names)) != len(names) or not all(names):
            raise ValueError(f"its camera names repeat or are empty: {', '.join(names)}")
        return names

    @property
    def com(self) -> ComFile | None:
        """The COM trace inside the file, None when there is none.

        Raises
        ------
        FileFormatError
            When it is damaged.
        """
        value = self.variables.get("com")
        if value is None or is_empty(value):
            return None
        with reading(self.path, EXPECTED):
            return com_of_struct(self.path, struct(value, "com"))

    def cameras(self, pixel_origin: PixelOrigin = PixelOrigin.MATLAB) -> tuple[Camera, ...]:
        """Calibrated cameras, 0-based and not transposed.

        Raises
        ------
        FileFormatError
            When a parameter is missing or makes no camera.
        """
        with reading(self.path, EXPECTED):
            return cameras_from_matlab(self.variables, self.params, self.camnames, pixel_origin)

    def sync_table(self) -> Sync | None:
        """Which frame of each camera belongs to which moment; None when the file has no sync."""
        with reading(self.path, EXPECTED):
            if not self.sync:
                return None
            table = self._table("sync", with_points=False)
            return Sync(table.sample_ids, table.frames)

    def label_table(self) -> FrameTable:
        """Labelled moments of all cameras."""
        with reading(self.path, EXPECTED):
            return self._table("labelData", with_points=True)

    def problems(self) -> tuple[str, ...]:
        """What does not fit together but keeps nothing from being used."""
        found = [
            f"'{place}' is a MATLAB object and was left out"
            for place in self.dropped
            if not place.startswith(_NEVER_NEEDED)
        ]
        with reading(self.path, EXPECTED):
            for name in ("labelData", "sync"):
                found += self._table(name, with_points=name == "labelData").problems
            ids = self._table("sync", with_points=False).sample_ids
            if len(np.unique(ids)) != len(ids):
                found.append("sample IDs occur more than once in 'sync'")
            for camera, each in zip(self.camnames, self.params, strict=True):
                if "m" in each and float_vector(each["m"], "m").any():
                    found.append(
                        f"camera '{camera}' is marked as a mirror image; its frames are not flipped"
                    )
        return tuple(found)

    def _structs(self, name: str) -> list[dict[str, MatValue]]:
        value = self.variables.get(name)
        return [] if value is None or is_empty(value) else structs(value, name)

    def _table(self, name: str, *, with_points: bool) -> FrameTable:
        views = self._structs(name)
        n_views = len(self.params)
        if views and len(views) != n_views:
            raise ValueError(f"'{name}' is for {len(views)} cameras, 'params' for {n_views}")
        return _frame_table(name, views, with_points) if views else _no_frames(n_views)


def _no_frames(n_views: int) -> FrameTable:
    return FrameTable(
        data_2d=np.zeros((n_views, 0, 0)),
        data_3d=np.zeros((0, 0)),
        frames=np.zeros((0, n_views), dtype=np.int64),
        sample_ids=np.zeros(0, dtype=np.int64),
        problems=(),
    )


def _frame_table(name: str, views: list[dict[str, MatValue]], with_points: bool) -> FrameTable:
    """Bring the tables of all cameras to one length."""
    frames = [int_vector(field_of(view, "data_frame", name), "data_frame") for view in views]
    ids = [int_vector(field_of(view, "data_sampleID", name), "data_sampleID") for view in views]
    if with_points:
        points = [
            rows(field_of(view, "data_2d", name), "data_2d", len(frame))
            for view, frame in zip(views, frames, strict=True)
        ]
        points_3d = rows(field_of(views[0], "data_3d", name), "data_3d", len(frames[0]))
    else:
        points = [np.zeros((len(frame), 0)) for frame in frames]
        points_3d = np.zeros((len(frames[0]), 0))
    widths = {each.shape[1] for each in points}
    if len(widths) > 1:
        raise ValueError(f"'{name}' has data_2d of different widths: {sorted(widths)}")
    lengths = [len(each) for each in [*frames, *ids, *points, points_3d]]
    count = min(lengths)
    problems = []
    if max(lengths) != count:
        problems.append(
            f"the lengths in '{name}' differ ({count} to {max(lengths)}); only the first {count} "
            "moments are used"
        )
    if any(not np.array_equal(each[:count], ids[0][:count]) for each in ids[1:]):
        problems.append(f"'{name}' has other sample IDs in other cameras; the first's are used")
    return FrameTable(
        data_2d=np.stack([each[:count] for each in points]),
        data_3d=points_3d[:count],
        frames=np.maximum(np.stack([each[:count] for each in frames], axis=1), MISSING_FRAME),
        sample_ids=ids[0][:count],
        problems=tuple(problems),
    )


def read_dannce(path: str | os.PathLike[str]) -> DannceFile:
    """Read a ``*_dannce.mat`` of MATLAB v5 or v7.3.

    Raises
    ------
    FileNotFoundError
        When there is no such file.
    FileFormatError
        When it is not a label file, or damaged.
    """
    return dannce_file(read_mat(path))


def dannce_file(found: MatFile) -> DannceFile:
    """Take the variables of a file as a label file; FileFormatError when they are none."""
    file = DannceFile(found.path, found.variables, found.dropped, found.version)
    with reading(found.path, EXPECTED):
        if not file.params:
            raise ValueError("'params' is empty")
        if not file.camnames:
            raise ValueError("it has no cameras")
    return file


def write_dannce(
    path: str | os.PathLike[str], file: DannceFile, *, overwrite: bool = False
) -> Path:
    """Write a ``*_dannce.mat``: everything in `file`, unchanged.

    Raises
    ------
    FileExistsError
        When the file exists and may not be overwritten.
    """
    return write_mat(path, file.variables, version=file.version, overwrite=overwrite)
