"""Prediction of centres of mass over a recording."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch

from napari_sdannce.files.com_mat import write_com
from napari_sdannce.inference.common import (
    Clock,
    batches_of,
    groups,
    moments_to_predict,
    origin_warning,
    weights_hash,
)
from napari_sdannce.inference.locate import find_peaks, locate
from napari_sdannce.models import load_checkpoint
from napari_sdannce.models.com import normalise_images
from napari_sdannce.models.com_images import common_size, prepare_image, stack_images
from napari_sdannce.models.devices import choose_device, mixed_precision
from napari_sdannce.models.prepare_ahead import prepare_ahead
from napari_sdannce.predictions import ComChunk, ComStore, Job, Reason
from napari_sdannce.settings.events import Event, JobDone, Message
from napari_sdannce.video import RecordingVideo

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from napari_sdannce.models.com import ComNet
    from napari_sdannce.recording import Recording
    from napari_sdannce.settings.com import ComImageSettings, ComPredictSettings

FloatArray = npt.NDArray[np.float64]
Image = npt.NDArray[np.uint8]

STORE = "com.zarr"


@dataclass(frozen=True, eq=False)
class ImagesOfMoments:
    """Images of n moments, ready for the network.

    Parameters
    ----------
    images
        (B, H, W, C), those that could be read.
    shapes
        (height, width) of each within its frame of zeros.
    readable
        (n, V) which ones they are, moment by moment.
    """

    images: npt.NDArray[Any]
    shapes: tuple[tuple[int, int], ...]
    readable: npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class ComFinder:
    """Finds animals in images of all cameras."""

    network: ComNet
    image: ComImageSettings
    size: tuple[int, int]
    subpixel: bool

    def prepare(self, moments: Sequence[Sequence[Image | None]]) -> ImagesOfMoments:
        """Make the network's images of the frames of some moments."""
        prepared = [
            prepare_image(frame, self.image)
            for frames in moments
            for frame in frames
            if frame is not None
        ]
        readable = np.array([[frame is not None for frame in frames] for frames in moments])
        if not prepared:
            return ImagesOfMoments(np.zeros((0, *self.size, 1)), (), readable)
        shapes = tuple((each.shape[0], each.shape[1]) for each in prepared)
        return ImagesOfMoments(stack_images(prepared, self.size), shapes, readable)

    def find(self, given: ImagesOfMoments) -> tuple[FloatArray, FloatArray]:
        """Peaks (n, V, A, 2) px of the frames, and their heights (n, V, A); NaN without image."""
        n_animals = self.network.config.n_animals
        peaks = np.full((*given.readable.shape, n_animals, 2), np.nan)
        heights = np.full((*given.readable.shape, n_animals), np.nan)
        if not len(given.images):
            return peaks, heights
        device = next(self.network.parameters()).device
        with torch.inference_mode(), mixed_precision(device):
            images = normalise_images(torch.from_numpy(given.images).to(device))
            heatmaps = self.network(images).float().cpu().numpy()
        places = np.argwhere(given.readable)
        for (moment, view), maps, (height, width) in zip(
            places, heatmaps, given.shapes, strict=True
        ):
            peaks[moment, view], heights[moment, view] = find_peaks(
                maps[:, :height, :width], self.image, subpixel=self.subpixel
            )
        return peaks, heights


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
    image = settings.image or info.image
    if image is None:
        raise ValueError(
            f"{settings.checkpoint} does not say how frames become images: set 'image' "
            "(downsample, method, crops)"
        )
    if settings.cameras:
        recording = recording.select(settings.cameras)
    warning = origin_warning(recording, info)
    if warning:
        yield warning
    folder = settings.output or recording.folder / "COM" / "predict"
    animals = info.animals or tuple(f"animal{i + 1}" for i in range(network.config.n_animals))
    with RecordingVideo(recording) as video:
        moments = np.array(moments_to_predict(video, settings))
        job = Job(
            animals=animals,
            cameras=recording.names,
            fps=video.fps,
            recording=recording.name,
            settings={
                **settings.model_dump(
                    mode="json",
                    include={"subpixel", "min_peak", "triangulation", "max_error_px"},
                ),
                "image": image.model_dump(mode="json"),
            },
            weights=weights_hash(checkpoint.path),
        )
        store = ComStore.open_or_create(
            folder / STORE, video.sample_ids[moments], job, chunk=settings.chunk
        )
        finder = ComFinder(network, image, _image_size(video, image), settings.subpixel)
        yield from _fill_store(store, finder, video, moments, settings)
        for problem in video.problems:
            yield Message(level="warning", text=str(problem))
    store.finish()
    trace = store.trace()
    files = write_com(
        folder,
        trace.positions,
        trace.sample_ids,
        start=None if settings.start == 0 and settings.count is None else settings.start,
        metadata={"checkpoint": settings.checkpoint.name, "program": "napari-sdannce"},
        overwrite=True,
    )
    found = int(np.isfinite(trace.positions).all(axis=-1).all(axis=-1).sum())
    yield Message(text=f"all animals found at {found} of {len(trace)} moments")
    outputs = tuple(str(path) for path in (store.path, *files))
    yield JobDone(seconds=time.monotonic() - started, outputs=outputs)


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
