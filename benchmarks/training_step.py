"""How long a training step on volumes takes, where the time goes, and how much memory it takes.

    python benchmarks/training_step.py EXPERIMENT [--voxels 32 64] [--batch 4] [--network sdannce]

EXPERIMENT has labels of poses, as sample_data/two_rats. `filling` is making a batch of volumes
(moved, turned, with drawn views); in training it goes on beside the network, whose part of a step
is `forward` (with losses and errors), `backward` and `update`. `CPU` is processor time of all of
these, which a busy machine hardly changes. `peak MB` is the largest memory of a process that does
nothing but such steps (`GPU MB`: of torch on the GPU).
"""

from __future__ import annotations

import argparse
import resource
import sys
from concurrent.futures import ProcessPoolExecutor
from dataclasses import astuple, dataclass, fields
from itertools import islice
from multiprocessing import get_context
from pathlib import Path

import torch
from machine import print_machine
from timing import Spent, median, print_table, timed

from napari_sdannce.models import build_network
from napari_sdannce.models.devices import choose_device, shared_cores
from napari_sdannce.settings import (
    DannceTrainSettings,
    ExperimentSettings,
    SdannceTrainSettings,
    VolumeSettings,
)
from napari_sdannce.training import open_experiment
from napari_sdannce.training.batches import BatchPlan, make_batch
from napari_sdannce.training.dannce import pose_lesson
from napari_sdannce.training.volume_maker import VolumeMaker

N_EXAMPLES = 32
_KINDS = {
    "dannce": (DannceTrainSettings, {}),
    "sdannce": (SdannceTrainSettings, {"unlabelled": "none"}),
}


@dataclass(frozen=True)
class Row:
    """Median milliseconds of a step."""

    voxels: int
    batch: int
    filling_ms: float
    forward_ms: float
    backward_ms: float
    update_ms: float
    step_ms: float
    step_CPU_ms: float
    GPU_MB: float
    peak_MB: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("experiment", type=Path)
    parser.add_argument("--voxels", type=int, nargs="+", default=[32, 64])
    parser.add_argument("--batch", type=int, nargs="+", default=[4])
    parser.add_argument("--width", type=int, default=32)
    parser.add_argument("--network", choices=list(_KINDS), default="dannce")
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--device", default="cpu")
    arguments = parser.parse_args()
    print_machine("torch", "numpy")
    with ProcessPoolExecutor(1, get_context("spawn"), max_tasks_per_child=1) as pool:
        rows = [
            pool.submit(measure, voxels, batch, arguments).result()
            for voxels in arguments.voxels
            for batch in arguments.batch
        ]
    print_table(
        [field.name.replace("_", " ") for field in fields(Row)], [astuple(row) for row in rows]
    )


def measure(voxels: int, batch: int, arguments: argparse.Namespace) -> Row:
    """Time the parts of steps with one size of volumes and of batches."""
    device = choose_device(arguments.device)
    kind, graph = _KINDS[arguments.network]
    settings = kind(
        volume=VolumeSettings(size_mm=264, voxels=voxels),
        batch_size=batch,
        width=arguments.width,
        losses=["L1Loss"],
        **graph,
    )
    lesson = pose_lesson(
        settings, [open_experiment(ExperimentSettings(folder=arguments.experiment), "dannce")]
    )
    read = (each for each in lesson.read(lesson.experiments[0], 0) if each is not None)
    examples = list(islice(read, max(N_EXAMPLES, batch)))
    task = lesson.task(examples, [], device)
    plan = BatchPlan(examples, settings)
    maker = VolumeMaker(settings, device, lesson.experiments[0].labels.skeleton.swapped())
    network = build_network(lesson.info.network, 0).to(device).train()
    optimiser = torch.optim.Adam(network.parameters(), 1e-5)
    spent: list[list[Spent]] = []
    with shared_cores(device):  # as training does
        for number in range(1 + arguments.steps):
            filling, made = timed(
                lambda n=number: done(make_batch(plan, plan.epoch(n)[0], n, maker), device)
            )
            forward, measured = timed(lambda made=made: done(task.measure(network, made), device))
            optimiser.zero_grad(set_to_none=True)
            backward, _ = timed(lambda of=measured: done(of.loss.backward(), device))
            update, _ = timed(lambda: done(optimiser.step(), device))
            if number:  # the first one compiles
                spent.append([filling, forward, backward, update])
    phases = [median(column) for column in zip(*spent, strict=True)]
    unit = 1 if sys.platform == "darwin" else 1024
    return Row(
        voxels,
        batch,
        *(phase.wall for phase in phases),
        step_ms=sum(phase.wall for phase in phases[1:]),
        step_CPU_ms=sum(phase.cpu for phase in phases),
        GPU_MB=torch.cuda.max_memory_allocated(device) / 1e6 if device.type == "cuda" else 0.0,
        peak_MB=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6,
    )


def done(result: object, device: torch.device) -> object:
    """Wait for what a GPU still has to do."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return result


if __name__ == "__main__":
    main()
