"""The main job on a real mouse: people's 2D labels in, networks trained, held-out frames predicted.

    python benchmarks/real_mouse.py PATH/TO/mouse4cam OUT [--steps 2500] [--voxels 32] ...

Frames 0-59 train, frames 60-79 are predicted and compared with the people's labels on keypoints
that agree across views (ears, head, shoulders, neck): median distance in px over views, frames and
keypoints. The mouse hardly moves, so more numbers stand beside it: what the best constant pose of
the training frames scores, how far a prediction moves when the COM is moved, what blank images
give, and the same for a network that has learned nothing. See docs/real-mouse.md.
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
import torch
from machine import print_machine

import napari_sdannce as sd
from napari_sdannce.files.import_2d import import_points
from napari_sdannce.geometry import triangulate_dlt
from napari_sdannce.inference import predict_com, predict_dannce
from napari_sdannce.models import DannceNet, load_checkpoint, save_checkpoint
from napari_sdannce.predictions import ComTrace, read_com_trace
from napari_sdannce.recording import Recording, VideoFile, View
from napari_sdannce.settings.com import ComImageSettings, ComPredictSettings, ComTrainSettings
from napari_sdannce.settings.dannce import (
    DanncePredictSettings,
    DannceTrainSettings,
    SdannceTrainSettings,
)
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
TRAIN, HELD_OUT = range(60), range(60, 80)
SHIFT_MM = 20.0
BEST = Path("checkpoints") / "best.safetensors"


@dataclass(frozen=True)
class Score:
    """What a network does on the held-out frames.

    Errors are medians in px over views, frames and steady keypoints; `shift_moves_mm` is the median
    distance by which steady keypoints move when the COM is moved by up to 20 mm along each axis.
    """

    error_px: float
    blank_px: float
    blank_ratio: float
    shift_moves_mm: float


@dataclass(frozen=True)
class Verdict:
    """What came out. `labels_px`: the labels' own disagreement, from their robust triangulation."""

    labels_px: float
    labels_dlt_px: float
    constant_px: float
    com_error_mm: float
    trained: Score
    untrained: Score
    train_com_s: float
    train_dannce_s: float
    refined: Score | None = None
    """Of s-DANNCE, started from the trained network."""
    train_sdannce_s: float = 0.0


def main() -> None:
    arguments = parse()
    print_machine("torch", "numpy", "av")
    verdict = run(arguments)
    text = json.dumps(asdict(verdict), indent=2)
    (arguments.out / "verdict.json").write_text(text)
    print(text)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path, help="the recording with its labels_2d.npz")
    parser.add_argument("out", type=Path, help="folder for the runs, made when it is not there")
    parser.add_argument("--com-steps", type=int, default=600)
    parser.add_argument("--com-downsample", type=int, default=8)
    parser.add_argument("--steps", type=int, default=2500)
    parser.add_argument("--voxels", type=int, default=32)
    parser.add_argument("--size-mm", type=float, default=120.0)
    parser.add_argument("--width", type=int, default=8)
    parser.add_argument("--interpolation", default="linear")
    parser.add_argument("--jitter-mm", type=float, default=12.0)
    parser.add_argument("--learning-rate", type=float, default=2e-3)
    parser.add_argument("--views", default="all")
    parser.add_argument("--rotate", action="store_true")
    parser.add_argument("--average", type=float, default=0.995, help="of the weights; 0: none")
    parser.add_argument("--refine-steps", type=int, default=500, help="of s-DANNCE; 0: none")
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


def run(arguments: argparse.Namespace) -> Verdict:
    recording = sd.open_recording(arguments.data)
    arguments.out.mkdir(parents=True, exist_ok=True)
    labels = import_points(
        recording, arguments.data / "labels_2d.npz", ImportSettings(state="human")
    )
    training = Experiment.of(recording, labels.select_frames(np.array(TRAIN)))
    held_out = labels.select_frames(np.array(HELD_OUT))

    com_run = arguments.out / "com_train"
    com_seconds = report(train_com(com_settings(arguments, com_run), [training]))
    trace = find_com(recording, com_run / BEST, arguments.out / "com")
    dannce_run = arguments.out / "dannce_train"
    seconds = report(train_dannce(dannce_settings(arguments, dannce_run), [training]))

    blank = blank_recording(recording, arguments.out / "blank")
    judge = Judge(recording, blank, held_out, trace, arguments.out)
    refined, refine_seconds = None, 0.0
    if arguments.refine_steps:
        refine_run = arguments.out / "sdannce_train"
        refining = sdannce_settings(arguments, dannce_run / BEST, refine_run)
        refine_seconds = report(train_dannce(refining, [training]))
        refined = judge.score(refine_run / BEST, "refined")
    linear = triangulate_dlt(recording.cameras, held_out.points_2d)[:, 0]
    truth = labels.points_3d[:, 0]
    return Verdict(
        labels_px=judge.error_px(held_out.points_3d[:, 0]),
        labels_dlt_px=judge.error_px(linear),
        constant_px=min(
            judge.error_px(np.repeat(truth[frame][None], len(HELD_OUT), axis=0)) for frame in TRAIN
        ),
        com_error_mm=judge.com_error_mm(),
        trained=judge.score(dannce_run / BEST, "trained"),
        untrained=judge.score(
            untrained(dannce_run / BEST, arguments.out / "untrained.safetensors"), "untrained"
        ),
        train_com_s=com_seconds,
        train_dannce_s=seconds,
        refined=refined,
        train_sdannce_s=refine_seconds,
    )


def com_settings(arguments: argparse.Namespace, output: Path) -> ComTrainSettings:
    return ComTrainSettings(
        output=output,
        image=ComImageSettings(downsample=arguments.com_downsample),
        width=arguments.width,
        steps=arguments.com_steps,
        learning_rate=3e-3,
        seed=arguments.seed,
    )


def dannce_settings(arguments: argparse.Namespace, output: Path) -> DannceTrainSettings:
    return DannceTrainSettings(
        output=output,
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
        rotate="quarters" if arguments.rotate else "none",
        validate_every=5,
        average=arguments.average or None,
        seed=arguments.seed,
    )


def sdannce_settings(
    arguments: argparse.Namespace, start: Path, output: Path
) -> SdannceTrainSettings:
    """Labels and bones only: among the frames without labels are those held out."""
    same = dannce_settings(arguments, output).model_dump(exclude_unset=True)
    return SdannceTrainSettings.model_validate(
        {
            **same,
            "start_from": start,
            "steps": arguments.refine_steps,
            "learning_rate": arguments.learning_rate / 4,
            "losses": ["L1Loss", "BoneLengthLoss:0.5"],
            "unlabelled": "none",
        }
    )


def find_com(recording: Recording, checkpoint: Path, out: Path) -> ComTrace:
    report(predict_com(recording, ComPredictSettings(checkpoint=checkpoint, output=out)))
    return read_com_trace(out / "com.zarr")


def untrained(checkpoint: Path, path: Path) -> Path:
    """Save the same network with fresh weights."""
    trained = load_checkpoint(checkpoint)
    torch.manual_seed(0)
    save_checkpoint(path, DannceNet(trained.dannce.config), trained.info)
    return path


@dataclass(frozen=True)
class Judge:
    """Compares predictions of the held-out frames with the people's labels."""

    recording: Recording
    blank: Recording
    labels: Labels
    trace: ComTrace
    out: Path

    @property
    def steady(self) -> list[int]:
        """Indices of the keypoints that agree across views."""
        return [self.labels.skeleton.index(name) for name in STEADY]

    def score(self, checkpoint: Path, name: str) -> Score:
        shifts = np.random.default_rng(0).uniform(-SHIFT_MM, SHIFT_MM, self.trace.positions.shape)
        moved_trace = replace(self.trace, positions=self.trace.positions + shifts)
        poses = self.predict(checkpoint, self.recording, self.trace, name)
        moved = self.predict(checkpoint, self.recording, moved_trace, f"{name}_moved")
        blank = self.predict(checkpoint, self.blank, self.trace, f"{name}_blank")
        error, blank_error = self.error_px(poses), self.error_px(blank)
        by = np.linalg.norm(moved[:, self.steady] - poses[:, self.steady], axis=-1)
        return Score(error, blank_error, blank_error / error, float(np.median(by)))

    def predict(
        self, checkpoint: Path, recording: Recording, trace: ComTrace, name: str
    ) -> FloatArray:
        """Poses (F, K, 3) mm of the held-out frames."""
        settings = DanncePredictSettings(
            checkpoint=checkpoint,
            output=self.out / name,
            start=HELD_OUT.start,
            count=len(HELD_OUT),
        )
        report(predict_dannce(recording, settings, trace))
        return sd.open_predictions(self.out / name).positions[:, 0]

    def error_px(self, poses: FloatArray) -> float:
        """Median distance of poses (F, K, 3) from the people's points on steady keypoints."""
        errors = [
            np.linalg.norm(
                camera.project(poses[:, self.steady]) - points[:, 0, self.steady], axis=-1
            )
            for camera, points in zip(self.recording.cameras, self.labels.points_2d, strict=True)
        ]
        return float(np.nanmedian(errors))

    def com_error_mm(self) -> float:
        """Median distance of the trace from the mean of the labelled keypoints."""
        truth = Experiment.of(self.recording, self.labels).coms
        found = self.trace.at(self.labels.sample_ids).positions
        return float(np.median(np.linalg.norm(found - truth, axis=-1)))


def report(events: Iterator[Event]) -> float:
    """Run a job to its end, print what it says, return the seconds it took."""
    started = time.monotonic()
    for event in events:
        if isinstance(event, Message):
            print(event.text, flush=True)
        elif isinstance(event, EpochDone) and event.epoch % 5 == 0:
            metrics = {name: round(value, 3) for name, value in event.metrics.items()}
            print(event.epoch, metrics, flush=True)
        elif isinstance(event, JobDone):
            print(f"{event.seconds:.0f} s", *event.outputs, flush=True)
    return time.monotonic() - started


def blank_recording(recording: Recording, folder: Path) -> Recording:
    """The same cameras looking at nothing: uniform grey videos of the same size."""
    folder.mkdir(parents=True, exist_ok=True)
    views = []
    for camera in recording.cameras:
        width, height = camera.image_size
        path = folder / f"{camera.name}.mp4"
        if not path.exists():
            with VideoWriter(path, width, height, 30) as video:
                for _ in range(HELD_OUT.stop):
                    video.write(np.full((height, width, 3), 60, dtype=np.uint8))
        views.append(View(camera.name, (VideoFile(path),), camera))
    return replace(recording, views=tuple(views))


if __name__ == "__main__":
    main()
