"""Prediction of centres of mass over a recording."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from napari_sdannce.files.com_mat import write_com
from napari_sdannce.inference.com_finder import ComFinder
from napari_sdannce.inference.common import (
    Clock,
    batches_of,
    groups,
    moments_to_predict,
    origin_warning,
    weights_hash,
)
from napari_sdannce.inference.locate import locate
from napari_sdannce.models import load_checkpoint
from napari_sdannce.models.com_images import common_size, prepare_image
from napari_sdannce.models.devices import choose_device, shared_cores
from napari_sdannce.models.prepare_ahead import prepare_ahead
from napari_sdannce.predictions import ComChunk, ComStore, Job, Reason
from napari_sdannce.settings.events import Event, JobDone, Message
from napari_sdannce.video import RecordingVideo

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from napari_sdannce.models.checkpoint_info import CheckpointInfo
    from napari_sdannce.recording import Recording
    from napari_sdannce.settings.com import ComImageSettings, ComPredictSettings

FloatArray = npt.NDArray[np.float64]

STORE = "com.zarr"
_DECIDING = {"subpixel", "min_peak", "triangulation", "max_error_px"}


def predict_com(recording: Recording, settings: ComPredictSettings) -> Iterator[Event]:
    """Find each animal's centre of mass at every moment.

    Results go to the store ``com.zarr`` chunk by chunk (a job that was killed goes on where it
    was), and at the end to ``com3d.mat``, with ``instance<i>com3d.mat`` for several animals.

    Parameters
    ----------
    recording
        Calibrated.
    settings
        Network, moments, output.

    Yields
    ------
    Event
        Progress, at last `JobDone`.

    Raises
    ------
    FileNotFoundError, FileFormatError, CheckpointError
        When something can not be read.
    ValueError
        When network, recording and settings do not fit, or the output is of another job.
    """
    started = time.monotonic()
    device = choose_device(settings.device)
    checkpoint = load_checkpoint(settings.checkpoint, str(device))
    network, info = checkpoint.com, checkpoint.info
    image = _image(settings, info)
    if settings.cameras:
        recording = recording.select(settings.cameras)
    warning = origin_warning(recording, info)
    if warning:
        yield warning
    folder = settings.output or default_folder(recording)
    animals = info.animals or tuple(f"animal{i + 1}" for i in range(network.config.n_animals))
    with RecordingVideo(recording) as video:
        moments = np.array(moments_to_predict(video, settings))
        job = Job(
            animals=animals,
            cameras=recording.names,
            fps=video.fps,
            recording=recording.name,
            settings={
                **settings.model_dump(mode="json", include=_DECIDING),
                "image": image.model_dump(mode="json"),
            },
            weights=weights_hash(checkpoint.path),
        )
        store = ComStore.open_or_create(
            folder / STORE, video.sample_ids[moments], job, chunk=settings.chunk
        )
        finder = ComFinder(network, image, _image_size(video, image), settings.subpixel)
        with shared_cores(device):
            yield from _fill_store(store, finder, video, moments, settings)
        for problem in video.problems:
            yield Message(level="warning", text=str(problem))
    store.finish()
    files = _write_mat_files(store, folder, settings)
    found = np.asarray(np.isfinite(store.trace().positions).all(axis=(-1, -2)))
    yield Message(text=f"all animals found at {int(found.sum())} of {len(found)} moments")
    outputs = tuple(str(path) for path in (store.path, *files))
    yield JobDone(seconds=time.monotonic() - started, outputs=outputs)


def _image(settings: ComPredictSettings, info: CheckpointInfo) -> ComImageSettings:
    image = settings.image or info.image
    if image is None:
        raise ValueError(
            f"{settings.checkpoint} does not say how frames become images: set 'image' "
            "(downsample, method, crops)"
        )
    return image


def _write_mat_files(
    store: ComStore, folder: Path, settings: ComPredictSettings
) -> tuple[Path, ...]:
    trace = store.trace()
    return write_com(
        folder,
        trace.positions,
        trace.sample_ids,
        start=None if settings.start == 0 and settings.count is None else settings.start,
        metadata={"checkpoint": settings.checkpoint.name, "program": "napari-sdannce"},
        overwrite=True,
    )


def _image_size(video: RecordingVideo, image: ComImageSettings) -> tuple[int, int]:
    """Common size of the images of all cameras."""
    sizes = [size for size in video.sizes if size is not None]
    if not sizes:
        raise ValueError(f"{video.recording.folder}: no camera has a video that can be read")
    blank = [np.zeros((height, width), dtype=np.uint8) for width, height in sizes]
    return common_size(prepare_image(each, image).shape for each in blank)


def _fill_store(
    store: ComStore,
    finder: ComFinder,
    video: RecordingVideo,
    moments: npt.NDArray[np.int64],
    settings: ComPredictSettings,
) -> Iterator[Event]:
    """Predict the chunks that are still missing."""
    missing = [np.array(chunk) for chunk in store.missing_chunks()]
    clock = Clock("find animals", total=sum(map(len, missing)))
    plan = [batches_of(chunk, settings.batch_size) for chunk in missing]
    frames = video.frames(int(moments[row]) for chunk in missing for row in chunk)
    sizes = (len(batch) for batches in plan for batch in batches)
    prepared = prepare_ahead(finder.prepare, groups(frames, sizes))
    for chunk, batches in zip(missing, plan, strict=True):
        found = []
        for batch in batches:
            found.append(finder.find(next(prepared)))
            yield clock.advance(len(batch))
        peaks, heights = (np.concatenate(each) for each in zip(*found, strict=True))
        store.write(int(chunk[0]), com_chunk(video.recording, peaks, heights, settings))


def com_chunk(
    recording: Recording, peaks: FloatArray, heights: FloatArray, settings: ComPredictSettings
) -> ComChunk:
    """Positions of n moments from peaks (n, V, A, 2) and their heights (n, V, A)."""
    located = locate(
        recording.cameras, np.moveaxis(peaks, 1, 0), np.moveaxis(heights, 1, 0), settings
    )
    readable = np.isfinite(heights).sum(axis=1) >= 2
    missing = np.isnan(located.positions).any(axis=-1)
    reasons = np.where(
        missing, np.where(readable, Reason.NOT_SEEN, Reason.UNREADABLE_FRAME), Reason.NONE
    )
    return ComChunk(
        positions=located.positions,
        confidence=located.confidence,
        peaks=peaks,
        peak_confidence=heights,
        reasons=reasons.astype(np.uint8),
    )


def default_folder(recording: Recording) -> Path:
    """Where a COM prediction of a recording goes when nothing else is said."""
    return recording.folder / "COM" / "predict"
