"""Checks before a prediction: network, centres of mass, cameras, memory and disk."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_sdannce.jobs import memory
from napari_sdannce.jobs.checks import (
    UNREADABLE,
    Check,
    KnownNetwork,
    Verdict,
    bad,
    careful,
    check_cameras,
    check_disk,
    check_memory,
    check_network,
    found_com,
    good,
    inside,
    opened,
    sentence,
)
from napari_sdannce.jobs.gpus import free_gpu_memory
from napari_sdannce.jobs.results import WantedPrediction, hash_of, poses_folder
from napari_sdannce.predictions import ComTrace, read_com_trace
from napari_sdannce.predictions.com_repair import usable_trace
from napari_sdannce.predictions.hashes import trace_hash
from napari_sdannce.settings import ComPredictSettings, DanncePredictSettings
from napari_sdannce.video import RecordingVideo

if TYPE_CHECKING:
    from collections.abc import Iterator

    from napari_sdannce.recording import Recording
    from napari_sdannce.settings import PredictSettings

_MOST_WITHOUT = 0.5
_SMALLER = "a smaller batch takes less"
_FEWER = "fewer workers, or a smaller batch, take less"
_BYTES_A_KEYPOINT = 28.0
"""Three coordinates, confidence and height of the heatmap, before they are compressed."""
_BYTES_IN_MAT_FILES = 56.0
"""The same in a .mat file, and the coordinates once more while it is written."""


def check_prediction(settings: PredictSettings) -> list[Check]:
    """Look at all that a prediction needs, without beginning it.

    Reads the COM trace and the heads of videos, so it may take a second; touches nothing.

    Parameters
    ----------
    settings
        `ComPredictSettings`, `DanncePredictSettings` or a class made from one.
    """
    return list(_checks(settings))


def _checks(settings: PredictSettings) -> Iterator[Check]:
    of_coms = isinstance(settings, ComPredictSettings)
    kinds, purpose = (
        (("com",), "find centres of mass") if of_coms else (("dannce", "sdannce"), "find keypoints")
    )
    network = check_network(settings.checkpoint, kinds, purpose)
    if isinstance(network, Check):
        yield network
        network = None
    if settings.experiment is None:
        yield bad("choose an experiment to predict")
        return
    recording = opened(settings.experiment, settings.pixel_origin, settings.videos)
    if isinstance(recording, Check):
        yield recording
        return
    yield from check_cameras(recording, settings.cameras)
    yield from _check_views(settings, network, recording)
    if isinstance(settings, DanncePredictSettings):
        yield from _check_cube(settings, network)
    with RecordingVideo(recording) as video:
        moments, sizes = _moments(video, settings), video.sizes
        recorded = video.sample_ids
        sample_ids = recorded[moments.start : moments.stop]
    if not len(sample_ids):
        yield bad(f"{recording.name}: there is no frame to predict from {settings.start} on")
        return
    yield good(f"{len(sample_ids)} frames to predict")
    n_animals, usable = 2, None
    if isinstance(settings, DanncePredictSettings):
        found = _trace(settings, recording)
        if isinstance(found, Check):
            yield found
        else:
            name, trace = found
            n_animals = trace.n_animals
            usable = usable_trace(trace, recorded, sample_ids, settings).trace
            yield _check_trace(usable, name, sample_ids, settings.com_limit_mm)
    if settings.checkpoint.is_file():
        wanted = _wanted(settings, network, sample_ids, usable)
        yield _check_output(settings, network, wanted)
    per_moment = n_animals * ((network and network.n_keypoints) or 1)
    bytes_a_keypoint = _BYTES_A_KEYPOINT + settings.mat_files * _BYTES_IN_MAT_FILES
    needed = len(sample_ids) * per_moment * bytes_a_keypoint
    yield check_disk(settings.output or recording.folder, needed)
    if network is not None:
        pixels = max((size[0] * size[1] for size in sizes if size is not None), default=0)
        yield from _check_memory(settings, _memory(settings, network, pixels, n_animals))


def _moments(video: RecordingVideo, settings: PredictSettings) -> range:
    end = video.n_moments if settings.count is None else settings.start + settings.count
    return range(settings.start, min(end, video.n_moments))


def _check_views(
    settings: PredictSettings, network: KnownNetwork | None, recording: Recording
) -> Iterator[Check]:
    if network is None or network.n_views is None:
        return
    names = settings.cameras or recording.names
    if not settings.cameras and set(network.cameras) <= set(names):
        names = network.cameras
    if len(names) != network.n_views:
        yield bad(f"the network takes {network.n_views} cameras, here are {len(names)}")
    elif network.cameras and tuple(names) != network.cameras:
        yield careful(f"the network learned with the cameras {', '.join(network.cameras)}")


def _trace(settings: DanncePredictSettings, recording: Recording) -> tuple[str, ComTrace] | Check:
    """Name and content of the COM trace that prediction will take, or why there is none."""
    path = settings.com or found_com(recording)
    if isinstance(path, Check):
        return path
    try:
        return inside(path, recording.folder), read_com_trace(path)
    except UNREADABLE as error:
        return bad(sentence(error))


def _check_trace(
    trace: ComTrace, name: str, sample_ids: np.typing.NDArray[np.int64], limit_mm: float | None
) -> Check:
    known = np.isfinite(trace.at(sample_ids).positions).all(axis=-1)
    share = float(known.mean()) if known.size else 0.0
    animals = "1 animal" if trace.n_animals == 1 else f"{trace.n_animals} animals"
    text = f"a COM is known in {share:.0%} of the frames, {animals} ({name})"
    if not known.any():
        within = "" if limit_mm is None else f" within the COM limit of {limit_mm:g} mm"
        return bad(f"the COM trace {name} has no position{within} in any of these frames")
    if share < 1:
        return (careful if share > _MOST_WITHOUT else bad)(f"{text}; the others get no pose")
    return good(text)


def _wanted(
    settings: PredictSettings,
    network: KnownNetwork | None,
    sample_ids: np.typing.NDArray[np.int64],
    usable: ComTrace | None,
) -> WantedPrediction:
    """What tells whether a prediction that is there is the same."""
    weights = hash_of(settings.checkpoint)
    if not isinstance(settings, DanncePredictSettings):
        return WantedPrediction("com", weights, sample_ids)
    cube = _cube(settings, network)
    if settings.labelled_only or usable is None:
        return WantedPrediction("poses", weights, cube=cube)  # labelled ones are not looked up
    return WantedPrediction("poses", weights, sample_ids, trace_hash(usable), cube)


def _cube(settings: DanncePredictSettings, network: KnownNetwork | None) -> dict[str, Any]:
    """The cube that prediction will take, as far as it is known: of training, unless given."""
    learned = {} if network is None else {"size_mm": network.size_mm, "voxels": network.voxels}
    given = {} if settings.volume is None else settings.volume.model_dump(exclude_unset=True)
    return {key: value for key, value in (learned | given).items() if value is not None}


def _check_cube(settings: DanncePredictSettings, network: KnownNetwork | None) -> Iterator[Check]:
    """Whether the network is shown cubes like those it learned in."""
    if network is None or network.size_mm is None:
        return
    cube = _cube(settings, network)
    if (cube["size_mm"], cube["voxels"]) != (network.size_mm, network.voxels):
        yield careful(
            f"the network learned in a cube of {network.size_mm:g} mm and {network.voxels} voxels; "
            f"here it is {cube['size_mm']:g} mm and {cube['voxels']}"
        )


def _check_output(
    settings: PredictSettings, network: KnownNetwork | None, wanted: WantedPrediction
) -> Check:
    """Where results go, and whether they may go there."""
    assert settings.experiment is not None
    experiment = settings.experiment
    if wanted.kind == "com":
        first = settings.output or experiment / "COM" / "predict"
    else:
        first = settings.output or poses_folder(experiment, settings.checkpoint, network)
    if first.is_file():
        return bad(f"{first} is a file; choose a folder for the results")
    other = wanted.other_in(first)
    name = inside(first, experiment)
    if other and settings.output:
        return bad(f"{name} {other}: choose another results folder, or delete this one")
    folder = wanted.free_folder(first)
    if wanted.is_begun_in(folder):
        text = f"{inside(folder, experiment)} holds a prediction of this network: "
        if wanted.is_whole_in(folder):
            text += "all of it is there, and nothing is left to do"
        else:
            text += "it goes on where it was"
        return Check(Verdict.CAREFUL, text, folder)
    why = f", as {name} {other}" if other else ""
    return Check(Verdict.GOOD, f"results go to {inside(folder, experiment)}{why}", folder)


def _check_memory(settings: PredictSettings, needed: float) -> Iterator[Check]:
    """Whether each device can hold all the processes that share it: each loads the network."""
    for device, count in _processes(settings).items():
        found = check_memory(count * needed, device, _SMALLER if count == 1 else _FEWER)
        if count > 1:
            found = replace(found, text=f"{count} processes on {device}, {found.text}")
        yield found


def _processes(settings: PredictSettings) -> Counter[str]:
    """How many processes each device holds on this machine; none where a queue finds others."""
    if settings.cluster == "local":
        return Counter({settings.device: settings.cluster_job.count})
    if settings.cluster is not None:
        return Counter()
    return Counter(map(_same_device, settings.crew or (settings.device,)))


def _same_device(name: str) -> str:
    """One name for each device: auto and cuda are the first GPU, where there is one."""
    if name == "auto":
        return "cpu" if free_gpu_memory(name) is None else "cuda:0"
    return "cuda:0" if name == "cuda" else name


def _memory(
    settings: PredictSettings, network: KnownNetwork, pixels: float, n_animals: int
) -> float:
    if isinstance(settings, ComPredictSettings):
        downsample = settings.image.downsample if settings.image else 4
        views = len(network.cameras) or 6
        images = settings.batch_size * views
        return memory.of_predicting_images(images, pixels / downsample**2, network.width)
    assert isinstance(settings, DanncePredictSettings)
    voxels = _cube(settings, network).get("voxels", 80)
    return memory.of_predicting_volumes(
        settings.batch_size * n_animals,
        voxels,
        network.width,
        network.channels,
        network.n_keypoints or 1,
    )
