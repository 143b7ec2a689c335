"""Prediction of keypoints over a recording."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from napari_sdannce.files.pose_mat import write_com3d_used, write_poses
from napari_sdannce.inference.com import default_folder as com_folder
from napari_sdannce.inference.common import (
    Clock,
    batches_of,
    groups,
    moments_to_predict,
    origin_warning,
    trace_hash,
    weights_hash,
)
from napari_sdannce.inference.pose_finder import MomentInput, PoseFinder
from napari_sdannce.models import load_checkpoint
from napari_sdannce.models.devices import choose_device, shared_cores
from napari_sdannce.models.prepare_ahead import prepare_ahead
from napari_sdannce.poses import Poses
from napari_sdannce.predictions import Job, PoseChunk, PoseStore, Reason, read_com_trace
from napari_sdannce.settings.events import Event, JobDone, Message
from napari_sdannce.video import RecordingVideo

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from napari_sdannce.models.checkpoint_info import CheckpointInfo
    from napari_sdannce.models.checkpoints import Checkpoint
    from napari_sdannce.models.dannce import DannceNet
    from napari_sdannce.predictions import ComTrace
    from napari_sdannce.recording import Recording
    from napari_sdannce.settings.dannce import DanncePredictSettings
    from napari_sdannce.settings.volume import VolumeSettings

FloatArray = npt.NDArray[np.float64]

STORE = "poses.zarr"


def predict_dannce(
    recording: Recording, settings: DanncePredictSettings, com: ComTrace | None = None
) -> Iterator[Event]:
    """Find the keypoints of each animal at every moment.

    Results go to the store ``poses.zarr`` chunk by chunk (a job that was killed goes on where it
    was), and at the end to ``save_data_AVG<start>.mat`` and ``com3d_used.mat``. Moments without a
    COM stay NaN, with the reason.

    Parameters
    ----------
    recording
        Calibrated.
    settings
        Network, COM, moments, output.
    com
        Trace to use instead of the one the settings name.

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
    network, info = checkpoint.dannce, checkpoint.info
    recording = choose_cameras(recording, settings.cameras, checkpoint)
    volume = _volume(settings, info)
    for message in (origin_warning(recording, info), _camera_warning(recording, info)):
        if message:
            yield message
    trace = com or read_com_trace(settings.com or find_com(recording))
    folder = settings.output or recording.folder / "DANNCE" / "predict"
    with RecordingVideo(recording) as video:
        moments = np.array(moments_to_predict(video, settings))
        here = trace.at(video.sample_ids[moments])
        job = _job(recording, checkpoint, volume, here, video.fps)
        store = PoseStore.open_or_create(
            folder / STORE, here.sample_ids, job, chunk=settings.chunk, extras=("heatmap_max",)
        )
        finder = PoseFinder(network, recording.cameras, volume)
        with shared_cores(device):
            yield from _fill_store(
                store, finder, video, moments, here.positions, settings.batch_size
            )
        for problem in video.problems:
            yield Message(level="warning", text=str(problem))
    store.finish()
    files = write_mat_files(store, folder, settings.start)
    yield _summary(store)
    outputs = tuple(str(path) for path in (store.path, *files))
    yield JobDone(seconds=time.monotonic() - started, outputs=outputs)


def _job(
    recording: Recording,
    checkpoint: Checkpoint,
    volume: VolumeSettings,
    com: ComTrace,
    fps: float | None,
) -> Job:
    """What decides the result."""
    info = checkpoint.info
    return Job(
        animals=com.animals,
        keypoints=_keypoints(info, checkpoint.dannce),
        cameras=recording.names,
        skeleton=info.skeleton,
        fps=fps,
        recording=recording.name,
        settings={"volume": volume.model_dump(mode="json"), "com": trace_hash(com)},
        weights=weights_hash(checkpoint.path),
    )


def _fill_store(
    store: PoseStore,
    finder: PoseFinder,
    video: RecordingVideo,
    moments: npt.NDArray[np.int64],
    coms: FloatArray,
    batch_size: int,
) -> Iterator[Event]:
    """Predict the chunks that are still missing; frames that nobody needs are not decoded."""
    missing = [np.array(chunk) for chunk in store.missing_chunks()]
    clock = Clock("find keypoints", total=sum(map(len, missing)))
    plan = [batches_of(chunk, batch_size) for chunk in missing]
    rows = [int(row) for chunk in missing for row in chunk]
    wanted: npt.NDArray[np.bool_] = np.asarray(np.isfinite(coms).all(axis=-1).any(axis=-1))
    frames = video.frames([int(moments[row]) for row in rows if wanted[row]])
    nothing = [None] * len(finder.cameras)
    inputs = (MomentInput(next(frames) if wanted[row] else nothing, coms[row]) for row in rows)
    sizes = (len(batch) for batches in plan for batch in batches)
    prepared = prepare_ahead(finder.fill, groups(inputs, sizes))
    for chunk, batches in zip(missing, plan, strict=True):
        found = []
        for batch in batches:
            found.append(finder.find(next(prepared)))
            yield clock.advance(len(batch))
        store.write(int(chunk[0]), _joined(found))


def _joined(parts: Sequence[PoseChunk]) -> PoseChunk:
    def join(name: str) -> npt.NDArray[np.float64]:
        return np.concatenate([getattr(part, name) for part in parts])

    return PoseChunk(
        positions=join("positions"),
        confidence=join("confidence"),
        com=join("com"),
        reasons=join("reasons").astype(np.uint8),
        heatmap_max=join("heatmap_max"),
    )


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
    if chosen:
        recording = recording.select(chosen)
    elif trained and set(trained) <= set(recording.names):
        recording = recording.select(trained)
    wanted = checkpoint.dannce.config.n_views
    if len(recording.views) != wanted:
        raise ValueError(
            f"{checkpoint.path} takes {wanted} views, {recording.folder} has "
            f"{len(recording.views)} cameras ({', '.join(recording.names)}); choose {wanted} with "
            "'cameras', or train a network for them"
        )
    return recording


def _camera_warning(recording: Recording, info: CheckpointInfo) -> Message | None:
    if not info.cameras or info.cameras == recording.names:
        return None
    return Message(
        level="warning",
        text=f"the network learned with the cameras {', '.join(info.cameras)}, here they are "
        f"{', '.join(recording.names)}",
    )


def _volume(settings: DanncePredictSettings, info: CheckpointInfo) -> VolumeSettings:
    volume = settings.volume or info.volume
    if volume is None:
        raise ValueError(
            f"{settings.checkpoint} does not say what volume it was trained with: set 'volume' "
            "(size_mm, voxels, interpolation)"
        )
    return volume


def _keypoints(info: CheckpointInfo, network: DannceNet) -> tuple[str, ...]:
    if info.keypoints:
        return info.keypoints
    return tuple(f"kp{i + 1}" for i in range(network.config.n_keypoints))


def find_com(recording: Recording) -> Path:
    """COM trace of a recording: what was predicted here, else the only COM file there is.

    Raises
    ------
    ValueError
        When there is none, or several.
    """
    predicted = com_folder(recording)
    if predicted.is_dir():
        return predicted
    if len(recording.com_files) == 1:
        return recording.com_files[0]
    if recording.com_files:
        names = ", ".join(str(path.relative_to(recording.folder)) for path in recording.com_files)
        raise ValueError(f"{recording.folder}: several COM files ({names}); choose with 'com'")
    raise ValueError(
        f"{recording.folder}: no COM trace; predict it first (sdannce predict com), or name one "
        "with 'com'"
    )


def write_mat_files(store: PoseStore, folder: Path, start: int) -> tuple[Path, ...]:
    """Write a finished store as the reference program's files."""
    poses = store.poses()
    found = store.read()
    assert found.heatmap_max is not None
    raw = Poses(
        positions=poses.positions,
        confidence=np.asarray(found.heatmap_max, dtype=np.float64),
        sample_ids=poses.sample_ids,
        animals=poses.animals,
        keypoints=poses.keypoints,
    )
    com = np.asarray(found.com, dtype=np.float64)
    return (
        write_poses(folder, raw, start=start, overwrite=True),
        write_com3d_used(folder, com, poses.sample_ids, overwrite=True),
    )


def _summary(store: PoseStore) -> Message:
    reasons = store.read().reasons
    assert reasons is not None
    counts = {reason: int((reasons == reason).sum()) for reason in Reason}
    missing = [
        f"{count} {reason.name.lower().replace('_', ' ')}"
        for reason, count in counts.items()
        if count and reason is not Reason.NONE
    ]
    text = f"{counts[Reason.NONE]} of {reasons.size} poses"
    return Message(text=text + (f"; missing: {', '.join(missing)}" if missing else ""))
