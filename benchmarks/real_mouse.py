"""The main job on a real mouse: people's 2D labels in, networks trained, held-out frames predicted.

    python benchmarks/real_mouse.py PATH/TO/mouse4cam OUT [--steps 600] [--voxels 48] ...

Frames 0-59 train, frames 60-79 are predicted and compared with the people's labels on keypoints
that agree across views (ears, head, shoulders, neck), as the median distance in px over views, frames
and keypoints. The mouse hardly moves, so three more numbers stand beside it: what the best constant
pose of the training frames scores, how far a prediction moves when the COM is moved, and what blank
images give. See docs/real-mouse.md.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

import napari_sdannce as sd
from napari_sdannce.files.import_2d import import_points
from napari_sdannce.inference import predict_com, predict_dannce
from napari_sdannce.predictions import ComTrace, read_com_trace
from napari_sdannce.recording import Recording, VideoFile, View
from napari_sdannce.settings.com import ComImageSettings, ComPredictSettings, ComTrainSettings
from napari_sdannce.settings.dannce import DanncePredictSettings, DannceTrainSettings
from napari_sdannce.settings.events import EpochDone, Event, JobDone, Message
from napari_sdannce.settings.import_2d import ImportSettings
from napari_sdannce.settings.volume import VolumeSettings
from napari_sdannce.training import Experiment, train_com, train_dannce
from napari_sdannce.video import VideoWriter

if TYPE_CHECKING:
    from collections.abc import Iterator

    from napari_sdannce.labels import Labels

FloatArray = npt.NDArray[np.float64]

STEADY = ("Ear_R", "Ear_L", "Head", "Shoulder_left", "Shoulder_right", "Neck")
TRAIN, HELD_OUT = slice(0, 60), slice(60, 80)
SHIFT_MM = 20.0


@dataclass(frozen=True)
class Verdict:
    """What came out; errors are medians in px over views, frames and steady keypoints."""

    labels_px: float
    constant_px: float
    prediction_px: float
    blank_px: float
    ratio_to_labels: float
    constant_ratio: float
    blank_ratio: float
    com_error_mm: float
    shift_moves_mm: float
    train_com_s: float
    train_dannce_s: float


def main() -> None:
    arguments = parse()
    verdict = run(arguments)
    text = json.dumps(asdict(verdict), indent=2)
    (arguments.out / "verdict.json").write_text(text)
    print(text)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path, help="the recording with its labels_2d.npz")
    parser.add_argument("out", type=Path, help="folder for the runs, made when it is not there")
    parser.add_argument("--com-steps", type=int, default=150)
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--voxels", type=int, default=48)
    parser.add_argument("--size-mm", type=float, default=120.0)
    parser.add_argument("--width", type=int, default=8)
    parser.add_argument("--interpolation", default="linear")
    parser.add_argument("--jitter-mm", type=float, default=20.0)
    parser.add_argument("--learning-rate", type=float, default=1e-3)
    parser.add_argument("--views", default="shuffled")
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


def run(arguments: argparse.Namespace) -> Verdict:
    recording = sd.open_recording(arguments.data)
    arguments.out.mkdir(parents=True, exist_ok=True)
    labels = import_points(
        recording, arguments.data / "labels_2d.npz", ImportSettings(state="human")
    )
    training = Experiment.of(recording, labels.select_frames(np.arange(len(labels))[TRAIN]))

    com_run, com_seconds = learn_com(arguments, training)
    trace = find_com(recording, com_run, arguments.out / "com")
    dannce_run, seconds = learn_dannce(arguments, training)

    def predict(rec: Recording, com: ComTrace, name: str) -> FloatArray:
        settings = DanncePredictSettings(
            checkpoint=dannce_run / "checkpoints" / "best.safetensors",
            output=arguments.out / name,
            start=HELD_OUT.start,
            count=HELD_OUT.stop - HELD_OUT.start,
        )
        report(predict_dannce(rec, settings, com))
        return sd.open_predictions(arguments.out / name).positions[:, 0]

    predicted = predict(recording, trace, "poses")
    rng = np.random.default_rng(arguments.seed)
    shifts = rng.uniform(-SHIFT_MM, SHIFT_MM, trace.positions.shape)
    moved = predict(recording, replace(trace, positions=trace.positions + shifts), "poses_moved")
    blank = predict(blank_recording(recording, arguments.out / "blank"), trace, "poses_blank")

    held_out = labels.select_frames(np.arange(len(labels))[HELD_OUT])
    truth = labels.points_3d[:, 0]
    own = error_px(recording, held_out, truth[HELD_OUT])
    constant = min(
        error_px(recording, held_out, np.repeat(pose[None], len(held_out), axis=0))
        for pose in truth[TRAIN]
    )
    error = error_px(recording, held_out, predicted)
    blank_error = error_px(recording, held_out, blank)
    true_com = Experiment.of(recording, held_out).coms[:, 0]
    steady = [labels.skeleton.index(name) for name in STEADY]
    return Verdict(
        labels_px=own,
        constant_px=constant,
        prediction_px=error,
        blank_px=blank_error,
        ratio_to_labels=error / own,
        constant_ratio=constant / own,
        blank_ratio=blank_error / error,
        com_error_mm=float(
            np.median(np.linalg.norm(trace.positions[HELD_OUT, 0] - true_com, axis=-1))
        ),
        shift_moves_mm=float(
            np.median(np.linalg.norm(moved[:, steady] - predicted[:, steady], axis=-1))
        ),
        train_com_s=com_seconds,
        train_dannce_s=seconds,
    )


def learn_com(arguments: argparse.Namespace, experiment: Experiment) -> tuple[Path, float]:
    settings = ComTrainSettings(
        output=arguments.out / "com_train",
        image=ComImageSettings(downsample=8),
        width=arguments.width,
        steps=arguments.com_steps,
        seed=arguments.seed,
    )
    return settings.output, report(train_com(settings, [experiment]))


def find_com(recording: Recording, run_folder: Path, out: Path) -> ComTrace:
    settings = ComPredictSettings(
        checkpoint=run_folder / "checkpoints" / "best.safetensors", output=out
    )
    report(predict_com(recording, settings))
    return read_com_trace(out / "com.zarr")


def learn_dannce(arguments: argparse.Namespace, experiment: Experiment) -> tuple[Path, float]:
    settings = DannceTrainSettings(
        output=arguments.out / "dannce_train",
        volume=VolumeSettings(
            size_mm=arguments.size_mm,
            voxels=arguments.voxels,
            interpolation=arguments.interpolation,
        ),
        width=arguments.width,
        steps=arguments.steps,
        learning_rate=arguments.learning_rate,
        com_jitter_mm=arguments.jitter_mm,
        views=arguments.views,
        validate_every=5,
        seed=arguments.seed,
    )
    return settings.output, report(train_dannce(settings, [experiment]))


def report(events: Iterator[Event]) -> float:
    """Run a job to its end, print what it says, return the seconds it took."""
    started = time.monotonic()
    for event in events:
        show(event)
    return time.monotonic() - started


def show(event: Event) -> None:
    if isinstance(event, Message):
        print(event.text, flush=True)
    elif isinstance(event, EpochDone) and event.epoch % 5 == 0:
        print(
            event.epoch,
            {name: round(value, 3) for name, value in event.metrics.items()},
            flush=True,
        )
    elif isinstance(event, JobDone):
        print(f"{event.seconds:.0f} s", *event.outputs, flush=True)


def blank_recording(recording: Recording, folder: Path) -> Recording:
    """The same cameras looking at nothing: uniform grey videos of the same size and length."""
    folder.mkdir(parents=True, exist_ok=True)
    views = []
    for view, camera in zip(recording.views, recording.cameras, strict=True):
        width, height = camera.image_size
        path = folder / f"{view.name}.mp4"
        if not path.exists():
            with VideoWriter(path, width, height, 30) as video:
                for _ in range(HELD_OUT.stop):
                    video.write(np.full((height, width, 3), 60, dtype=np.uint8))
        views.append(View(view.name, (VideoFile(path),), camera))
    return replace(recording, views=tuple(views))


def error_px(recording: Recording, labels: Labels, poses: FloatArray) -> float:
    """Median distance (px) of poses (F, K, 3) from the people's points on steady keypoints."""
    steady = [labels.skeleton.index(name) for name in STEADY]
    errors = [
        np.linalg.norm(camera.project(poses[:, steady]) - points[:, 0, steady], axis=-1)
        for camera, points in zip(recording.cameras, labels.points_2d, strict=True)
    ]
    return float(np.nanmedian(errors))


if __name__ == "__main__":
    main()
