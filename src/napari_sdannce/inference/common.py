"""What every prediction has in common."""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from napari_sdannce.files import open_recording
from napari_sdannce.models.checkpoints import read_info
from napari_sdannce.recording import PixelOrigin
from napari_sdannce.settings.events import Message, Progress

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    import numpy.typing as npt

    from napari_sdannce.models.checkpoint_info import CheckpointInfo
    from napari_sdannce.predictions import ComTrace
    from napari_sdannce.recording import Recording
    from napari_sdannce.settings.base import PredictSettings
    from napari_sdannce.video import RecordingVideo

Item = TypeVar("Item")


def open_to_predict(settings: PredictSettings) -> Recording:
    """Open the recording that settings name, its calibration read as the network learned it.

    Raises
    ------
    FileNotFoundError, FileFormatError
        When it can not be opened.
    ValueError
        When the settings name none.
    """
    if settings.experiment is None:
        raise ValueError("there is nothing to predict: the settings name no experiment")
    origin = settings.pixel_origin or read_info(settings.checkpoint).pixel_origin
    return open_recording(
        settings.experiment, pixel_origin=PixelOrigin(origin or PixelOrigin.MATLAB)
    )


def moments_to_predict(video: RecordingVideo, settings: PredictSettings) -> range:
    """Moments of the recording that the settings ask for.

    Raises
    ------
    ValueError
        When there are none.
    """
    end = video.n_moments if settings.count is None else settings.start + settings.count
    moments = range(settings.start, min(end, video.n_moments))
    if not moments:
        raise ValueError(
            f"{video.recording.folder}: nothing to predict from moment {settings.start} on; the "
            f"recording has {video.n_moments}"
        )
    return moments


def weights_hash(path: Path) -> str:
    """SHA-256 of a checkpoint's weights file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def trace_hash(trace: ComTrace) -> str:
    """SHA-256 of a COM trace."""
    digest = hashlib.sha256()
    for array in (trace.positions, trace.sample_ids):
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def origin_warning(recording: Recording, info: CheckpointInfo) -> Message | None:
    """Warn when the calibration is read with another pixel origin than in training."""
    ours, theirs = recording.pixel_origin, info.pixel_origin
    if ours is None or theirs is None or ours == theirs:
        return None
    return Message(
        level="warning",
        text=f"the network learned with pixel origin '{theirs}', this calibration is read with "
        f"'{ours}': positions may be off by a pixel; set pixel_origin to '{theirs}'",
    )


def groups(items: Iterable[Item], sizes: Iterable[int]) -> Iterator[list[Item]]:
    """Cut a stream into lists of the given lengths."""
    stream = iter(items)
    for size in sizes:
        yield list(islice(stream, size))


def batches_of(chunk: npt.NDArray[np.int64], batch_size: int) -> list[npt.NDArray[np.int64]]:
    """Batches of the moments of one chunk: none crosses its end, so a rerun of it is the same."""
    return [chunk[start : start + batch_size] for start in range(0, len(chunk), batch_size)]


@dataclass
class Clock:
    """Tells how far a job is and how long it still takes."""

    task: str
    total: int
    done: int = 0
    started: float = field(default_factory=time.monotonic)

    def advance(self, count: int) -> Progress:
        """Count moments as done."""
        self.done += count
        elapsed = time.monotonic() - self.started
        left = elapsed / self.done * (self.total - self.done) if self.done else None
        return Progress(task=self.task, done=self.done, total=self.total, seconds_left=left)
