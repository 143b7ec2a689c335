"""How fast the pose network runs on a CPU: torch, ONNX Runtime, OpenVINO.

    python benchmarks/cpu_backends.py [--voxels 32 48 64] [--threads 1 2] [--repeats 5]

The compressed network (width 32) of six cameras and 23 keypoints, one volume at a time, all ways in
turns. `plain` stands for the reference program: its formulas in plain torch, in torch's default
memory layout. `torch` is what prediction uses without an extra. `apart` is the largest distance of
a keypoint from where `plain` finds it.
"""

from __future__ import annotations

import argparse
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import torch
from machine import print_machine
from timing import median, print_table, take_turns

from napari_sdannce.inference.backends import COMPILERS, run_by
from napari_sdannce.models import DannceConfig, build_network
from napari_sdannce.models.blocks import EPSILON, ScalarLayerNorm
from napari_sdannce.models.dannce import normalise_volumes
from napari_sdannce.models.heatmaps import soft_argmax

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from torch import Tensor

CONFIG = DannceConfig(n_views=6, n_keypoints=23, width=32)
SIZE_MM = 240


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--voxels", type=int, nargs="+", default=[32, 48, 64])
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--repeats", type=int, default=5)
    arguments = parser.parse_args()
    print_machine("torch", "onnxruntime", "openvino")
    rows = []
    for threads in arguments.threads:
        torch.set_num_threads(threads)
        for voxels in arguments.voxels:
            rows += measure(voxels, threads, arguments.repeats)
    print_table(
        ["a volume", "ms", "best ms", "CPU ms", "times as fast", "by CPU", "apart mm"], rows
    )


def measure(voxels: int, threads: int, repeats: int) -> list[list[object]]:
    """Time all ways in turns."""
    shape = (1, CONFIG.in_channels, voxels, voxels, voxels)
    volumes = torch.from_numpy(np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8))
    ways = {"plain": plain, **{name: ours(name) for name in ("torch", *COMPILERS)}}
    found = {name: positions(way(volumes), voxels) for name, way in ways.items()}
    turns = {name: partial(way, volumes) for name, way in ways.items()}
    spent = take_turns(turns, repeats)
    slowest = median(spent["plain"])
    return [
        [
            f"{name}, {voxels}^3, {threads} thread{'s' * (threads > 1)}",
            median(spent[name]).wall,
            min(each.wall for each in spent[name]),
            median(spent[name]).cpu,
            slowest.wall / median(spent[name]).wall,
            slowest.cpu / median(spent[name]).cpu,
            float((found[name] - found["plain"]).norm(dim=-1).max()),
        ]
        for name in ways
    ]


def positions(logits: Tensor, voxels: int) -> Tensor:
    return soft_argmax(logits, SIZE_MM / voxels)


def ours(backend: str) -> Callable[[Tensor], Tensor]:
    network = run_by(backend, build_network(CONFIG, 0).eval())

    def run(volumes: Tensor) -> Tensor:
        with torch.inference_mode():
            return network(normalise_volumes(volumes))

    return run


def plain(volumes: Tensor) -> Tensor:
    with torch.inference_mode(), plain_norms():
        return PLAIN(volumes.float() / 127.5 - 1)


PLAIN = build_network(CONFIG, 0).eval()


@contextmanager
def plain_norms() -> Iterator[None]:
    """Layer norms as their formula is written."""

    def forward(self: ScalarLayerNorm, x: Tensor) -> Tensor:
        flat = x.flatten(1)
        shape = (-1, *[1] * (x.ndim - 1))
        mean, std = flat.mean(1).view(shape), flat.std(1, unbiased=False).view(shape)
        return self.gamma * ((x - mean) / (std + EPSILON)) + self.beta

    ours_forward = ScalarLayerNorm.forward
    ScalarLayerNorm.forward = forward
    try:
        yield
    finally:
        ScalarLayerNorm.forward = ours_forward


if __name__ == "__main__":
    main()
