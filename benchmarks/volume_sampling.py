"""Time to fill a volume: 6 cameras, 1152 x 1024 px, distorted, 80^3 voxels.

    python benchmarks/volume_sampling.py [--cameras 6] [--voxels 80] [--threads N] [--repeats 30]

The torch rows are the twin of the compiled sampler (the same voxels) on the CPU, and on the GPU if
there is one, with the images starting in main memory.
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

import numpy as np
from machine import cores, print_machine
from rig import SIZE, mouse_rig
from timing import median, print_table, take_turns

from napari_sdannce.volumes import Interpolation, VolumeSampler, VoxelGrid

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_sdannce.geometry import Camera

COMS = np.array([[5.0, -10.0, 20.0]])


def compiled_ways(
    cameras: tuple[Camera, ...], grid: VoxelGrid, images: list[np.ndarray], threads: int
) -> dict[str, Callable[[], object]]:
    """Every interpolation on one thread and on several."""
    ways: dict[str, Callable[[], object]] = {}
    for count in sorted({1, threads}):
        for how in Interpolation:
            sampler = VolumeSampler(cameras, grid, how, threads=count)
            name = f"compiled, {how}, {count} thread{'s' * (count > 1)}"
            ways[name] = lambda sampler=sampler: sampler.fill(images, COMS)
    return ways


def torch_ways(
    cameras: tuple[Camera, ...], grid: VoxelGrid, images: list[np.ndarray], threads: int
) -> dict[str, Callable[[], object]]:
    """The torch twin on the devices there are; nothing without torch."""
    try:
        import torch
    except ImportError:
        return {}
    from napari_sdannce.volumes.sample_torch import TorchSampler

    torch.set_num_threads(threads)
    ways: dict[str, Callable[[], object]] = {}
    for device in ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]:
        for how in (Interpolation.NEAREST, Interpolation.LINEAR):
            sampler = TorchSampler(cameras, grid, how, device)

            def fill(sampler: TorchSampler = sampler, device: str = device) -> None:
                sampler.fill(images, COMS)
                if device == "cuda":
                    torch.cuda.synchronize()

            ways[f"torch {device}, {how}"] = fill
    return ways


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cameras", type=int, default=6)
    parser.add_argument("--voxels", type=int, default=80)
    parser.add_argument("--size", type=float, default=120.0, help="edge of the volume, mm")
    parser.add_argument("--threads", type=int, default=cores())
    parser.add_argument("--repeats", type=int, default=30)
    given = parser.parse_args()
    print_machine("numpy", "numba")
    cameras, grid = mouse_rig(given.cameras, skew=-3.0), VoxelGrid(given.size, given.voxels)
    rng = np.random.default_rng(0)
    images = [rng.integers(0, 256, (*SIZE[::-1], 3), dtype=np.uint8) for _ in cameras]
    ways = compiled_ways(cameras, grid, images, given.threads)
    ways |= torch_ways(cameras, grid, images, given.threads)
    rows = []
    for name, spent in take_turns(ways, given.repeats).items():
        best = min(each.wall for each in spent), min(each.cpu for each in spent)
        rows.append((name, median(spent).wall, *best))
    print_table(("one volume", "median ms", "best ms", "best CPU ms"), rows)


if __name__ == "__main__":
    main()
