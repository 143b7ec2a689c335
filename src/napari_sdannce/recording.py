"""A recording: several cameras that filmed the same scene, as it lies on disk."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from napari_sdannce.geometry.cameras import Camera
    from napari_sdannce.skeletons import Skeleton

IntArray = npt.NDArray[np.int64]

MISSING_FRAME = -1
MAX_FRAME = 2**31 - 1
"""Largest frame number of a camera: more than a year at 50 frames a second. A larger one is a slip,
or a date."""


class PixelOrigin(StrEnum):
    """What a MATLAB-layout calibration calls the centre of the first pixel.

    No file says which convention made it, so the choice is shown, can be overridden, and is kept.
    """

    MATLAB = "matlab"
    """(1, 1): one is subtracted from principal point and labels on reading. The default."""
    ZERO = "zero"
    """(0, 0): everything is taken as it stands."""
    REFERENCE = "reference"
    """As s-DANNCE does: one is subtracted from labels, not from the principal point. Pretrained
    reference weights learned with it."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong with a file of a recording that does not keep the rest from being used."""

    path: Path
    message: str

    def __str__(self) -> str:
        return f"{self.path}: {self.message}"


@dataclass(frozen=True, slots=True)
class VideoFile:
    """One video file of a camera; `first_frame` is the camera's frame number of its first frame."""

    path: Path
    first_frame: int = 0


@dataclass(frozen=True, slots=True)
class View:
    """One camera of a recording with its videos.

    Parameters
    ----------
    name
        Name of the camera.
    videos
        Files in order of their first frame; empty when the videos are not at hand.
    camera
        Calibration, None when not calibrated.
    """

    name: str
    videos: tuple[VideoFile, ...] = ()
    camera: Camera | None = None

    def __post_init__(self) -> None:
        starts = [video.first_frame for video in self.videos]
        if starts != sorted(set(starts)):
            raise ValueError(
                f"camera '{self.name}': videos must have rising first frames: {starts}"
            )
        if starts and starts[0] < 0:
            raise ValueError(f"camera '{self.name}': first frame {starts[0]} is negative")
        if starts and starts[-1] > MAX_FRAME:
            raise ValueError(
                f"camera '{self.name}': first frame {starts[-1]} is above {MAX_FRAME}, the largest "
                "there can be"
            )
        if self.camera is not None and self.camera.name != self.name:
            raise ValueError(f"view '{self.name}' got the calibration of '{self.camera.name}'")

    def locate(self, frame: int) -> tuple[VideoFile, int]:
        """File that holds a frame of this camera, and the frame's index in that file.

        The file's length is not known here: the index may lie past its end.

        Raises
        ------
        IndexError
            When the camera has no videos, or the frame comes before the first.
        """
        i = bisect_right([video.first_frame for video in self.videos], frame) - 1
        if i < 0:
            first = self.videos[0].first_frame if self.videos else None
            raise IndexError(
                f"camera '{self.name}' has no video for frame {frame} (first frame: {first})"
            )
        return self.videos[i], frame - self.videos[i].first_frame


def missing_videos(folder: Path, views: Sequence[View]) -> tuple[Problem, ...]:
    """Tell of cameras of a recording without any video: what networks see of them is blank."""
    names = [view.name for view in views if not view.videos]
    if not names:
        return ()
    if len(names) == len(views):
        return (Problem(folder, "has no videos of its cameras"),)
    return (Problem(folder, f"has no videos of {', '.join(names)}: nothing is seen there"),)


@dataclass(frozen=True, eq=False)
class Sync:
    """Which frame of each camera belongs to which moment.

    Parameters
    ----------
    sample_ids
        (T,) unique keys of the moments. An opaque key: in some recordings the frame number, in
        others a time stamp.
    frames
        (T, V) frame number in each view, `MISSING_FRAME` where a camera has none.
    """

    sample_ids: IntArray
    frames: IntArray

    def __post_init__(self) -> None:
        if self.sample_ids.ndim != 1 or self.frames.ndim != 2:
            raise ValueError(
                f"sync needs (T,) sample ids and (T, V) frames, got {self.sample_ids.shape} and "
                f"{self.frames.shape}"
            )
        if len(self.sample_ids) != len(self.frames):
            raise ValueError(
                f"sync has {len(self.sample_ids)} sample ids for {len(self.frames)} moments"
            )

    def __len__(self) -> int:
        return len(self.sample_ids)

    @classmethod
    def identity(cls, n_moments: int, n_views: int) -> Sync:
        """Every camera's frame t belongs to moment t."""
        moments = np.arange(n_moments, dtype=np.int64)
        return cls(moments, np.repeat(moments[:, None], n_views, axis=1))


@dataclass(frozen=True, eq=False)
class Recording:
    """Cameras, calibration, videos and their synchronisation.

    Opening one reads no frames. Paths are absolute: nothing depends on the current folder.

    Parameters
    ----------
    folder
        The experiment folder.
    views
        One a camera, in the order of every array that has a view axis.
    sync
        None when frame t of every camera belongs to moment t.
    skeleton
        The project's skeleton, when it names one.
    label_files, com_files, prediction_files
        What else lies in the folder and can be opened.
    pixel_origin
        How the calibration was read, when it came from a MATLAB-layout file.
    fps
        Frames a second, when known.
    problems
        Files that could not be used, and why.
    calibration_file, sync_file
        Where the calibration and the sync come from, when from a file.
    """

    folder: Path
    views: tuple[View, ...]
    sync: Sync | None = None
    skeleton: Skeleton | None = None
    label_files: tuple[Path, ...] = ()
    com_files: tuple[Path, ...] = ()
    prediction_files: tuple[Path, ...] = ()
    pixel_origin: PixelOrigin | None = None
    fps: float | None = None
    problems: tuple[Problem, ...] = field(default=())
    calibration_file: Path | None = None
    sync_file: Path | None = None

    def __post_init__(self) -> None:
        if not self.views:
            raise ValueError(f"{self.folder}: a recording needs at least one camera")
        names = self.names
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"{self.folder}: camera names occur more than once: {twice}")
        if self.sync is not None and self.sync.frames.shape[1] != len(self.views):
            raise ValueError(
                f"{self.folder}: sync is for {self.sync.frames.shape[1]} cameras, the recording "
                f"has {len(self.views)}"
            )

    @property
    def name(self) -> str:
        """Name of the folder."""
        return self.folder.name

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the cameras."""
        return tuple(view.name for view in self.views)

    @property
    def is_calibrated(self) -> bool:
        """Whether every camera has a calibration."""
        return all(view.camera is not None for view in self.views)

    @property
    def cameras(self) -> tuple[Camera, ...]:
        """The calibrated cameras.

        Raises
        ------
        ValueError
            When a camera has no calibration.
        """
        missing = [view.name for view in self.views if view.camera is None]
        if missing:
            raise ValueError(f"{self.folder}: no calibration for {', '.join(missing)}")
        return tuple(view.camera for view in self.views if view.camera is not None)

    def view(self, name: str) -> View:
        """The view of a camera by its name.

        Raises
        ------
        ValueError
            When there is no such camera.
        """
        for view in self.views:
            if view.name == name:
                return view
        one_by_one = ", to be named one by one" if "," in name else ""
        raise ValueError(
            f"{self.folder}: no camera '{name}'; there are {', '.join(self.names)}{one_by_one}"
        )

    def select(self, names: Sequence[str]) -> Recording:
        """The same recording with only these cameras, in this order.

        Raises
        ------
        ValueError
            When there is no camera of one of the names.
        """
        views = tuple(self.view(name) for name in names)
        sync = self.sync
        if sync is not None:
            columns = [self.names.index(name) for name in names]
            sync = Sync(sync.sample_ids, sync.frames[:, columns])
        return replace(self, views=views, sync=sync)

    def calibrated(self, cameras: Iterable[Camera]) -> Recording:
        """The same recording with other calibrations, matched by camera name.

        Raises
        ------
        ValueError
            When a camera of the recording is not among them.
        """
        by_name = {camera.name: camera for camera in cameras}
        missing = [name for name in self.names if name not in by_name]
        if missing:
            raise ValueError(
                f"{self.folder}: the calibration has {', '.join(sorted(by_name)) or 'no cameras'}, "
                f"but not {', '.join(missing)}"
            )
        views = tuple(replace(view, camera=by_name[view.name]) for view in self.views)
        return replace(self, views=views, calibration_file=None)
