"""How fast poses are predicted, where the time goes, and how much memory it takes.

    python benchmarks/inference.py EXPERIMENT [--voxels 32 64] [--batch 1 4] [--backend openvino]

Each phase is timed alone on the same moments: decode (all cameras, in threads), sampling (volumes
of all animals), network. `end to end` is `predict_dannce` with the three overlapped, store and
files included; what it takes beyond the slowest phase is `other`. `CPU` is processor time, which a
busy machine hardly changes. `peak MB` is the largest memory of a process that does nothing but
predict these moments (`GPU MB`: of torch on the GPU).
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, astuple, dataclass, fields, replace
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import torch
from machine import print_machine
from timing import Spent, print_table, timed

from napari_sdannce.files import open_recording
from napari_sdannce.inference import predict_dannce
from napari_sdannce.inference.backends import run_by
from napari_sdannce.inference.pose_finder import MomentInput, PoseFinder
from napari_sdannce.models import CheckpointInfo, DannceConfig, build_network, save_checkpoint
from napari_sdannce.models.devices import choose_device, shared_cores
from napari_sdannce.predictions import ComTrace
from napari_sdannce.settings import DanncePredictSettings, VolumeSettings
from napari_sdannce.video import RecordingVideo

if TYPE_CHECKING:
    from collections.abc import Callable

Result = TypeVar("Result")


@dataclass(frozen=True)
class Row:
    """Milliseconds a frame (all cameras, all animals), and frames a second."""

    voxels: int
    width: int
    cameras: int
    animals: int
    batch: int
    decode_ms: float
    sampling_ms: float
    network_ms: float
    end_to_end_ms: float
    other_ms: float
    network_CPU_ms: float
    end_to_end_CPU_ms: float
    frames_per_second: float
    GPU_MB: float
    peak_MB: float = 0.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("experiment", type=Path)
    parser.add_argument("--voxels", type=int, nargs="+", default=[32, 64])
    parser.add_argument("--width", type=int, default=32)
    parser.add_argument("--frames", type=int, default=20)
    parser.add_argument("--batch", type=int, nargs="+", default=[1])
    parser.add_argument("--backend", default="torch")
    parser.add_argument("--animals", type=int, default=1)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    print_machine("torch", "numpy", "av")
    with ProcessPoolExecutor(1, get_context("spawn"), max_tasks_per_child=1) as pool:
        sizes = [(voxels, batch) for voxels in arguments.voxels for batch in arguments.batch]
        rows = [
            replace(
                pool.submit(measure, *size, arguments).result(),
                peak_MB=pool.submit(peak_of_prediction, *size, arguments).result(),
            )
            for size in sizes
        ]
    print_table(
        [field.name.replace("_", " ") for field in fields(Row)], [astuple(row) for row in rows]
    )
    if arguments.json:
        arguments.json.write_text(json.dumps([asdict(row) for row in rows], indent=2))


def measure(voxels: int, batch: int, arguments: argparse.Namespace) -> Row:
    """Time all phases for one size of volume and one of batches."""
    recording = open_recording(arguments.experiment)
    device = choose_device(arguments.device)
    n = arguments.frames
    volume = VolumeSettings(voxels=voxels)
    config = DannceConfig(n_views=len(recording.views), n_keypoints=23, width=arguments.width)
    network = run_by(arguments.backend, build_network(config, 0).eval().to(device))
    coms = animals_at(arguments)
    finder = PoseFinder(network, recording.cameras, volume)
    with RecordingVideo(recording) as video:
        decode, frames = timed_on(device, lambda: list(video.frames(range(n))))
    inputs = [MomentInput(images, com) for images, com in zip(frames, coms, strict=True)]
    batches = [inputs[i : i + batch] for i in range(0, n, batch)]
    with shared_cores(device):  # as prediction does
        finder.find(finder.fill(batches[0]))  # compiles
        sampling, given = timed_on(device, lambda: [finder.fill(batch) for batch in batches])
        network_time, _ = timed_on(device, lambda: [finder.find(each) for each in given])
    with tempfile.TemporaryDirectory() as folder:
        total, _ = timed_on(device, partial(predict, Path(folder), voxels, batch, arguments))
    phases = [spent / n for spent in (decode, sampling, network_time, total)]
    wall = [spent.wall for spent in phases]
    return Row(
        voxels,
        arguments.width,
        len(recording.views),
        arguments.animals,
        batch,
        *wall,
        other_ms=wall[3] - max(wall[:3]),
        network_CPU_ms=phases[2].cpu,
        end_to_end_CPU_ms=phases[3].cpu,
        frames_per_second=1e3 / wall[3],
        GPU_MB=torch.cuda.max_memory_allocated(device) / 1e6 if device.type == "cuda" else 0.0,
    )


def predict(folder: Path, voxels: int, batch: int, arguments: argparse.Namespace) -> None:
    """Predict the moments with an untrained network."""
    recording = open_recording(arguments.experiment)
    config = DannceConfig(n_views=len(recording.views), n_keypoints=23, width=arguments.width)
    info = CheckpointInfo(network=config, volume=VolumeSettings(voxels=voxels))
    settings = DanncePredictSettings(
        checkpoint=save_checkpoint(folder / "net", build_network(config, 0), info),
        output=folder / "out",
        count=arguments.frames,
        batch_size=batch,
        backend=arguments.backend,
        device=arguments.device,
    )
    coms = animals_at(arguments)
    trace = ComTrace(coms, np.ones(coms.shape[:2]), np.arange(arguments.frames))
    for _ in predict_dannce(recording, settings, trace):
        pass


def animals_at(arguments: argparse.Namespace) -> np.ndarray:
    """COMs (T, A, 3) mm: the same all the time, the animals beside one another."""
    beside = np.arange(arguments.animals)[:, None] * 100.0
    return np.zeros((arguments.frames, arguments.animals, 3)) + beside


def peak_of_prediction(voxels: int, batch: int, arguments: argparse.Namespace) -> float:
    """Largest memory of a process that only predicts, MB (1e6 bytes)."""
    with tempfile.TemporaryDirectory() as folder:
        predict(Path(folder), voxels, batch, arguments)
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6


def timed_on(device: torch.device, work: Callable[[], Result]) -> tuple[Spent, Result]:
    """Time of some work, and what it returns; what a GPU still has to do counts."""

    def to_the_end() -> Result:
        result = work()
        synchronise(device)
        return result

    synchronise(device)
    return timed(to_the_end)


def synchronise(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


if __name__ == "__main__":
    main()
