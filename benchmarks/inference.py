"""How fast poses are predicted, and where the time goes.

    python benchmarks/inference.py EXPERIMENT [--voxels 32 64] [--width 32] [--frames 20]

Each phase is timed alone on the same moments: decode (all cameras, in threads), sampling (volumes
of all animals), network. `end to end` is `predict_dannce` with the three overlapped, store and
files included; what it takes beyond the slowest phase is `other`.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from dataclasses import asdict, astuple, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import torch
from machine import print_machine
from timing import Spent, print_table, timed

from napari_sdannce.files import open_recording
from napari_sdannce.inference import predict_dannce
from napari_sdannce.inference.pose_finder import MomentInput, PoseFinder
from napari_sdannce.models import CheckpointInfo, DannceConfig, build_network, save_checkpoint
from napari_sdannce.models.devices import choose_device, shared_cores
from napari_sdannce.predictions import ComTrace
from napari_sdannce.settings import DanncePredictSettings, VolumeSettings
from napari_sdannce.video import RecordingVideo

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_sdannce.recording import Recording


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
    frames_per_second: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("experiment", type=Path)
    parser.add_argument("--voxels", type=int, nargs="+", default=[32, 64])
    parser.add_argument("--width", type=int, default=32)
    parser.add_argument("--frames", type=int, default=20)
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--animals", type=int, default=1)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    print_machine("torch", "numpy", "av")
    recording = open_recording(arguments.experiment)
    rows = [measure(recording, voxels, arguments) for voxels in arguments.voxels]
    print_table(
        [field.name.replace("_", " ") for field in fields(Row)], [astuple(row) for row in rows]
    )
    if arguments.json:
        arguments.json.write_text(json.dumps([asdict(row) for row in rows], indent=2))


def measure(recording: Recording, voxels: int, arguments: argparse.Namespace) -> Row:
    """Time all phases for one size of volume."""
    device = choose_device(arguments.device)
    n = arguments.frames
    volume = VolumeSettings(voxels=voxels)
    config = DannceConfig(n_views=len(recording.views), n_keypoints=23, width=arguments.width)
    network = build_network(config, 0).eval().to(device)
    coms = np.zeros((n, arguments.animals, 3)) + np.arange(arguments.animals)[:, None] * 100.0
    finder = PoseFinder(network, recording.cameras, volume)
    with RecordingVideo(recording) as video:
        ids = video.sample_ids[:n]
        decode, frames = timed_on(device, lambda: list(video.frames(range(n))))
    inputs = [MomentInput(images, com) for images, com in zip(frames, coms, strict=True)]
    batches = [inputs[i : i + arguments.batch] for i in range(0, n, arguments.batch)]
    with shared_cores(device):  # as prediction does
        finder.find(finder.fill(batches[0]))  # compiles
        sampling, given = timed_on(device, lambda: [finder.fill(batch) for batch in batches])
        network_time, _ = timed_on(device, lambda: [finder.find(each) for each in given])
    with tempfile.TemporaryDirectory() as folder:
        path = save_checkpoint(
            Path(folder) / "net", network, CheckpointInfo(network=config, volume=volume)
        )
        settings = DanncePredictSettings(
            checkpoint=path,
            output=Path(folder) / "out",
            count=n,
            batch_size=arguments.batch,
            device=arguments.device,
        )
        trace = ComTrace(coms, np.ones(coms.shape[:2]), ids)
        total, _ = timed_on(device, lambda: list(predict_dannce(recording, settings, trace)))
    per_frame = [spent.wall / n for spent in (decode, sampling, network_time, total)]
    return Row(
        voxels,
        arguments.width,
        len(recording.views),
        arguments.animals,
        arguments.batch,
        *per_frame,
        other_ms=per_frame[3] - max(per_frame[:3]),
        frames_per_second=1e3 * n / total.wall,
    )


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
