"""Prediction of keypoints over a recording."""

from __future__ import annotations

import time
from collections import Counter
from contextlib import suppress
from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from napari_sdannce.files.com_pickle import Aggregation
from napari_sdannce.files.errors import FileFormatError
from napari_sdannce.files.guess_skeleton import guess_skeleton
from napari_sdannce.inference.backends import run_by
from napari_sdannce.inference.cluster import check_cluster
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
from napari_sdannce.inference.pose_finder import MomentInput, PoseFinder, ReplacedView
from napari_sdannce.inference.sharing import filled
from napari_sdannce.models import load_checkpoint
from napari_sdannce.models.devices import choose_device
from napari_sdannce.predictions import Job, PoseStore, Reason, read_com_trace
from napari_sdannce.predictions.com_repair import UsableTrace, usable_trace
from napari_sdannce.predictions.find_com import com_candidates
from napari_sdannce.predictions.hashes import cameras_hash, sync_hash, trace_hash, weights_hash
from napari_sdannce.settings.events import Event, JobDone, Message
from napari_sdannce.video import RecordingVideo
from napari_sdannce.video.agreement import check_sizes

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Sequence
    from pathlib import Path

    from pydantic import JsonValue

    from napari_sdannce.models import Checkpoint, CheckpointInfo
    from napari_sdannce.predictions import ComTrace
    from napari_sdannce.recording import Recording
    from napari_sdannce.settings.dannce import DanncePredictSettings
    from napari_sdannce.settings.volume import VolumeSettings

FloatArray = npt.NDArray[np.float64]

STORE = "poses.zarr"
_TWINS = ("save_data_*.mat", "init_save_data_*.mat", "com3d_used.mat")


def predict_dannce(
    recording: Recording,
    settings: DanncePredictSettings,
    com: ComTrace | None = None,
    *,
    only: range | None = None,
) -> Generator[Event, None, None]:
    """Find the keypoints of each animal at every moment, by a DANNCE or an s-DANNCE network.

    Results go to the store ``poses.zarr`` chunk by chunk (a job that was killed goes on where it
    was), and at the end, unless `mat_files` is off, to ``save_data_AVG<start>.mat`` and
    ``com3d_used.mat``; for s-DANNCE the first poses, before refinement, to
    ``init_save_data_AVG.mat``. Moments without a COM stay NaN, with the reason. A ``sdannce.yaml``
    of the recording then names the store.

    Parameters
    ----------
    recording
        Calibrated.
    settings
        Network, COM, moments, output.
    com
        Trace to use instead of the one the settings name.
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
    network = run_by(settings.backend, checkpoint.pose)
    volume = _volume(settings, checkpoint)
    recording = choose_cameras(recording, settings.cameras, checkpoint)
    yield from origin_warning(recording, checkpoint.info)
    yield from _camera_warning(recording, checkpoint.info)
    yield from _cube_warning(volume, checkpoint.info)
    usual = recording.folder / network.config.kind.upper() / "predict"
    folder = settings.output or usual
    with RecordingVideo(recording) as video:
        check_sizes(recording, video.cameras)
        moments = chosen_moments(video, settings)
        yield from fewer(video, settings)

        def made_usable(trace: ComTrace) -> UsableTrace:
            return usable_trace(trace, video.sample_ids, video.sample_ids[moments], settings)

        where = None
        if com is None:
            where, com = _com_of(recording, settings, folder / STORE, made_usable)
        trace, usable = com, made_usable(com)
        here = usable.trace
        yield from _check_com(here, trace)
        replaced = _replaced(asked, recording, settings)
        job = _job(recording, checkpoint, volume, here, video.fps, replaced)
        finder = PoseFinder(network, recording.cameras, volume, checkpoint.info.reliability)
        store = opened_store(
            folder,
            STORE,
            _TWINS,
            settings.if_used,
            lambda path: PoseStore.open_or_create(
                path, here.sample_ids, job, chunk=settings.chunk, extras=finder.extras
            ),
        )
        yield from moved(folder, store.path)
        # who helps is told where it is
        settings = settings.model_copy(update={"output": store.path.parent})
        work = Work(
            "find keypoints",
            lambda rows: _inputs(video, moments, usable, rows, replaced),
            finder.fill,
            finder.find,
        )
        if where is not None:
            yield Message(text=f"centres of the animals from {where}")
        if only is None:
            yield from _confidence_warning(checkpoint)
        told: set[str] = set()
        yield from video_warnings(video, told)
        elsewhere = partial(predict_dannce, asked, com=trace)
        yield from filled(store, work, settings, elsewhere, only)
        yield from video_warnings(video, told)
    if only is not None:
        return
    twins = store.twins(settings.start) if settings.mat_files else ()
    twins = yield from that_fit(twins, store.path)
    files = store.write_beside(
        [twin.name for twin in twins],
        lambda folder: [twin.write(folder, overwrite=True) for twin in twins],
    )
    yield _summary(store)
    yield from registered(recording, "predictions", store.path)
    outputs = tuple(map(str, (store.path, *files)))
    yield JobDone(seconds=time.monotonic() - started, outputs=outputs)


def _com_of(
    recording: Recording,
    settings: DanncePredictSettings,
    store: Path,
    made_usable: Callable[[ComTrace], UsableTrace],
) -> tuple[Path, ComTrace]:
    """The COM trace to predict from, and where it lies.

    A prediction that was begun goes on from the trace it began with, whatever was predicted since.
    """
    aggregation = Aggregation(**settings.com_pairs.model_dump())
    paths = [settings.com] if settings.com else com_candidates(recording)
    begun = None
    if store.exists():
        with suppress(FileFormatError):  # what becomes of a damaged one is not decided here
            begun = PoseStore.open(store).job.settings.get("com")
    for path in paths if begun is not None and len(paths) > 1 else ():
        trace = read_com_trace(path, aggregation=aggregation)
        if trace_hash(made_usable(trace).trace) == begun:
            return path, trace
    return paths[0], read_com_trace(paths[0], aggregation=aggregation)


def _job(
    recording: Recording,
    checkpoint: Checkpoint,
    volume: VolumeSettings,
    com: ComTrace,
    fps: float | None,
    replaced: ReplacedView | None,
) -> Job:
    """What decides the result."""
    info, count = checkpoint.info, checkpoint.pose.config.n_keypoints
    # only where it is asked for: a store made before there was this option goes on
    more: dict[str, JsonValue] = {} if replaced is None else {"replaced": asdict(replaced)}
    if info.reliability is not None:
        more["reliability"] = info.reliability.model_dump(mode="json")
    return Job(
        animals=com.animals,
        keypoints=info.keypoints or guess_skeleton(count).keypoints,
        cameras=recording.names,
        skeleton=info.skeleton,
        fps=fps,
        recording=recording.name,
        confidence="peak" if info.reliability is None else "probability",
        settings={
            "volume": volume.model_dump(mode="json"),
            "com": trace_hash(com),
            "calibration": cameras_hash(recording.cameras),
            "sync": sync_hash(recording.sync),
            **more,
        },
        weights=weights_hash(checkpoint.path),
    )


def _replaced(
    asked: Recording, recording: Recording, settings: DanncePredictSettings
) -> ReplacedView | None:
    """Which camera of a recording is replaced; a number counts those that were asked for."""
    name, names = settings.replace_view, recording.names
    if name is None:
        return None
    counted = settings.cameras or asked.names
    if name not in names and name.isdecimal() and 1 <= int(name) <= len(counted):
        name = counted[int(name) - 1]
    recording.view(name)
    if len(names) < 2:
        raise ValueError(f"replace_view needs another camera than {name}")
    return ReplacedView(names.index(name), len(names), settings.seed)


def _inputs(
    video: RecordingVideo,
    moments: npt.NDArray[np.int64],
    usable: UsableTrace,
    rows: Sequence[int],
    replaced: ReplacedView | None,
) -> Iterator[MomentInput]:
    """Frames and centres of some rows of the trace; frames nobody needs are not decoded."""
    coms = usable.trace.positions
    wanted: npt.NDArray[np.bool_] = np.asarray(np.isfinite(coms).all(axis=-1).any(axis=-1))
    frames = video.frames([int(moments[row]) for row in rows if wanted[row]])
    nothing = [None] * len(video.recording.views)
    for row in rows:
        images = next(frames) if wanted[row] else nothing
        other = None if replaced is None else replaced.at(int(moments[row]))
        yield MomentInput(images, coms[row], other, usable.outside[row])


def _check_com(here: ComTrace, trace: ComTrace) -> Iterator[Message]:
    """Warn when some moments have no centre of mass; raise ValueError when all have none."""
    known = np.isfinite(here.positions).all(axis=-1).any(axis=-1)
    if known.all():
        return
    if not known.any():
        if np.isfinite(trace.at(here.sample_ids).positions).all(axis=-1).any():
            raise ValueError(
                f"the COM trace has no position within 'com_limit_mm' at any of the {len(here)} "
                "frames to predict"
            )
        raise ValueError(
            f"the COM trace has no position at any of the {len(here)} frames to predict: their "
            f"sample ids are {_reach(here)}, those of the trace {_reach(trace)}"
        )
    yield Message(
        level="warning",
        text=f"the COM trace has no position at {int((~known).sum())} of {len(here)} frames; they "
        "get no pose",
    )


def _reach(trace: ComTrace) -> str:
    if not len(trace):
        return "none"
    return f"{trace.sample_ids.min()} to {trace.sample_ids.max()}"


def choose_cameras(
    recording: Recording, chosen: tuple[str, ...], checkpoint: Checkpoint
) -> Recording:
    """Cameras in the order that the network knows.

    Raises
    ------
    ValueError
        When there are not as many as the network takes.
    """
    trained = checkpoint.info.cameras
    if not chosen and set(trained) <= set(recording.names):
        chosen = trained
    recording = recording.select(chosen or recording.names)
    wanted = checkpoint.pose.config.n_views
    if len(recording.views) != wanted:
        raise ValueError(
            f"{checkpoint.path} takes {wanted} views, {recording.folder} has "
            f"{len(recording.views)} cameras ({', '.join(recording.names)}); choose {wanted} with "
            "'cameras', or train a network for them"
        )
    return recording


def _camera_warning(recording: Recording, info: CheckpointInfo) -> Iterator[Message]:
    """Warn when the cameras are not those of training, by name."""
    if info.cameras and info.cameras != recording.names:
        yield Message(
            level="warning",
            text=f"the network learned with the cameras {', '.join(info.cameras)}, here they are "
            f"{', '.join(recording.names)}",
        )


def _cube_warning(volume: VolumeSettings, info: CheckpointInfo) -> Iterator[Message]:
    """Warn when the cube is not that of training: a voxel then shows another part of the animal."""
    learned = info.volume
    if learned is None or (learned.size_mm, learned.voxels) == (volume.size_mm, volume.voxels):
        return
    yield Message(
        level="warning",
        text=f"the network learned with a cube of {learned.size_mm:g} mm in {learned.voxels} "
        f"voxels, here it is {volume.size_mm:g} mm in {volume.voxels}: keypoints may be far off",
    )


def _confidence_warning(checkpoint: Checkpoint) -> Iterator[Message]:
    """Warn when nobody has learned how often the network is right."""
    if checkpoint.info.reliability is None:
        yield Message(
            level="warning",
            text=f"{checkpoint.path} does not say how often it is right: 'confidence' will be the "
            "height of each heatmap's peak, which tells surer keypoints from less sure ones, and "
            "no probability. A training here learns it from the validation frames, where these "
            "have at least 60 labelled keypoints",
        )


def _volume(settings: DanncePredictSettings, checkpoint: Checkpoint) -> VolumeSettings:
    volume = completed(settings.volume, checkpoint.info.volume)
    if volume is None:
        raise ValueError(
            f"{settings.checkpoint} does not say what volume it was trained with: set 'volume' "
            "(size_mm, voxels, interpolation)"
        )
    return volume


def _summary(store: PoseStore) -> Message:
    counts = Counter[int]()
    for start in range(0, len(store), store.chunk):
        reasons = store.read(range(start, min(start + store.chunk, len(store)))).reasons
        assert reasons is not None  # a store has them for every moment
        counts.update(reasons.ravel().tolist())
    missing = [
        f"{counts[reason]} {reason.name.lower().replace('_', ' ')}"
        for reason in Reason
        if counts[reason] and reason is not Reason.NONE
    ]
    text = f"{counts[Reason.NONE]} of {counts.total()} poses"
    return Message(text=text + (f"; missing: {', '.join(missing)}" if missing else ""))
