"""Prediction of centres of mass over a recording."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from napari_sdannce.files.guess_skeleton import animal_names
from napari_sdannce.inference.cluster import check_cluster
from napari_sdannce.inference.com_finder import ComFinder
from napari_sdannce.inference.common import (
    chosen_moments,
    completed,
    fewer,
    moved,
    opened_store,
    origin_warning,
    registered,
    that_fit,
    video_warnings,
)
from napari_sdannce.inference.filling import Work
from napari_sdannce.inference.sharing import filled
from napari_sdannce.models import load_checkpoint
from napari_sdannce.models.com_images import common_size, prepare_image
from napari_sdannce.models.devices import choose_device
from napari_sdannce.predictions import ComStore, Job
from napari_sdannce.predictions.com_review import REVIEW, read_review, write_review
from napari_sdannce.predictions.find_com import default_com_folder
from napari_sdannce.predictions.hashes import cameras_hash, sync_hash, weights_hash
from napari_sdannce.predictions.identities import possible_swaps
from napari_sdannce.settings.events import Event, JobDone, Message
from napari_sdannce.video import RecordingVideo
from napari_sdannce.video.agreement import check_sizes

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence
    from pathlib import Path

    from napari_sdannce.models import Checkpoint, ComConfig
    from napari_sdannce.predictions.twins import Twin
    from napari_sdannce.recording import Recording
    from napari_sdannce.settings.com import ComImageSettings, ComPredictSettings

STORE = "com.zarr"
_TWINS = ("com3d.mat", "com3d[0-9]*.mat", "instance*com3d*.mat")
_DECIDING = {"subpixel", "min_peak", "triangulation", "max_error_px"}
_OF_SHARED: dict[str, set[str]] = {"identity": set(), "shared": {"peak_distance_px"}}


def predict_com(
    recording: Recording, settings: ComPredictSettings, *, only: range | None = None
) -> Generator[Event, None, None]:
    """Find each animal's centre of mass at every moment.

    Results go to the store ``com.zarr`` chunk by chunk (a job that was killed goes on where it
    was), and at the end, unless `mat_files` is off, to ``com3d.mat``, with
    ``instance<i>com3d.mat`` for several animals. For these there is ``com_review.csv``, too: where
    two of them may have been swapped. Animals that share a heatmap are
    linked over time then. A ``sdannce.yaml`` of the recording then names the store.

    Parameters
    ----------
    recording
        Calibrated.
    settings
        Network, moments, output.
    only
        Predict nothing but the chunks with some of these rows of the store, and write no file
        beside it: what one of several processes does.

    Yields
    ------
    Event
        Progress, at last `JobDone`.

    Raises
    ------
    FileNotFoundError, FileFormatError, CheckpointError
        When something can not be read.
    NotADirectoryError, FileExistsError
        When the output is a file, or holds results that are not of such a job.
    ValueError
        When network, recording and settings do not fit, or the output is of another job.
    """
    started = time.monotonic()
    asked = recording
    check_cluster(settings)
    device = choose_device(settings.own_device)
    checkpoint = load_checkpoint(settings.checkpoint, str(device))
    network, image, config = (
        checkpoint.com,
        _image(settings, checkpoint),
        _animals(settings, checkpoint),
    )
    recording = _enough_cameras(recording.select(settings.cameras or recording.names))
    yield from origin_warning(recording, checkpoint.info)
    folder = settings.output or default_com_folder(recording)
    with RecordingVideo(recording) as video:
        check_sizes(recording, video.cameras)
        moments = chosen_moments(video, settings)
        yield from fewer(video, settings)
        job = _job(recording, checkpoint, config, image, settings, video.fps)
        sample_ids = video.sample_ids[moments]
        store = opened_store(
            folder,
            STORE,
            _TWINS,
            settings.if_used,
            lambda path: ComStore.open_or_create(path, sample_ids, job, chunk=settings.chunk),
        )
        yield from moved(folder, store.path)
        # who helps is told where it is
        settings = settings.model_copy(update={"output": store.path.parent})
        size = _image_size(video, image)
        finder = ComFinder(network, recording.cameras, image, size, settings, config)
        work = Work(
            "find animals",
            lambda rows: video.frames(moments[rows].tolist()),
            finder.prepare,
            finder.find,
        )
        told: set[str] = set()
        yield from video_warnings(video, told)
        yield from filled(store, work, settings, partial(predict_com, asked), only)
        yield from video_warnings(video, told)
    if only is not None:
        return
    whole = settings.start == 0 and settings.count is None
    start = None if whole else settings.start
    twins = store.twins(start) if settings.mat_files else ()
    twins = yield from that_fit(twins, store.path)
    review = (REVIEW,) if config.n_animals > 1 else ()
    files = store.write_beside(
        [*(twin.name for twin in twins), *review],
        lambda folder: _write_beside(store, config, folder, twins),
    )
    yield _summary(store, files)
    yield from registered(recording, "com", store.path)
    outputs = tuple(map(str, (store.path, *files)))
    yield JobDone(seconds=time.monotonic() - started, outputs=outputs)


def _enough_cameras(recording: Recording) -> Recording:
    if len(recording.cameras) < 2:
        raise ValueError(
            f"{recording.folder}: a position in space needs at least two cameras, there is only "
            f"{', '.join(recording.names)}"
        )
    return recording


def _image(settings: ComPredictSettings, checkpoint: Checkpoint) -> ComImageSettings:
    image = completed(settings.image, checkpoint.info.image)
    if image is None:
        raise ValueError(
            f"{settings.checkpoint} does not say how frames become images: set 'image' "
            "(downsample, method, crops)"
        )
    return image


def _animals(settings: ComPredictSettings, checkpoint: Checkpoint) -> ComConfig:
    """The network's configuration, with as many animals as it shall look for."""
    config, count = checkpoint.com.config, settings.n_animals
    if count is None or count == config.n_animals:
        return config
    if config.n_heatmaps > 1:
        raise ValueError(
            f"{settings.checkpoint} has a heatmap for each of {config.n_animals} animals; "
            f"n_animals {count} needs a network of one heatmap"
        )
    return config.model_copy(update={"channels": "shared", "n_animals": count})


def _job(
    recording: Recording,
    checkpoint: Checkpoint,
    config: ComConfig,
    image: ComImageSettings,
    settings: ComPredictSettings,
    fps: float | None,
) -> Job:
    """What decides the result."""
    names, count = checkpoint.info.animals, config.n_animals
    deciding = _DECIDING | _OF_SHARED[config.channels]
    return Job(
        animals=names if len(names) == count else animal_names(count),
        cameras=recording.names,
        fps=fps,
        recording=recording.name,
        settings={
            **settings.model_dump(mode="json", include=deciding),
            "image": image.model_dump(mode="json"),
            "calibration": cameras_hash(recording.cameras),
            "sync": sync_hash(recording.sync),
        },
        weights=weights_hash(checkpoint.path),
    )


def _image_size(video: RecordingVideo, image: ComImageSettings) -> tuple[int, int]:
    """Common size of the images of all cameras."""
    sizes = [size for size in video.sizes if size is not None]
    if not sizes:
        raise ValueError(f"{video.recording.folder}: no camera has a video that can be read")
    blank = [np.zeros((height, width), dtype=np.uint8) for width, height in sizes]
    return common_size(prepare_image(each, image).shape for each in blank)


def _write_beside(store: ComStore, config: ComConfig, folder: Path, twins: Sequence[Twin]) -> None:
    """Link the animals of a shared heatmap, and write what is written beside a whole store."""
    if config.n_animals > 1:
        linked = config.channels == "shared"
        swaps = store.link().swaps if linked else possible_swaps(store.trace())
        write_review(folder, swaps)
    for twin in twins:
        twin.write(folder, overwrite=True)


def _summary(store: ComStore, files: Sequence[Path]) -> Message:
    n_found = 0
    for start in range(0, len(store), store.chunk):
        centres = store.read(range(start, min(start + store.chunk, len(store)))).positions
        n_found += int(np.isfinite(centres).all(axis=(-1, -2)).sum())
    text = f"all animals found at {n_found} of {len(store)} frames"
    for review in (path for path in files if path.name == REVIEW):
        text += f"; {len(read_review(review))} stretches where two may be swapped, see {review}"
    return Message(text=text)
