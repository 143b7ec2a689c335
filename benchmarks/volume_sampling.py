"""Time to fill a volume: 6 cameras, 1152 x 1024 px, distorted, 80^3 voxels.

    python benchmarks/volume_sampling.py [--cameras 6] [--voxels 80] [--threads N] [--repeats 30]

Each way of sampling is timed in turn, round after round, so that what else the machine does hits
all alike; the median and the best round are printed, and the least time that all cores together
spent on a round, which a busy machine hardly changes. The torch rows are the twin of the compiled
sampler (the same voxels) on the CPU, and on the GPU if there is one, with the images starting in
main memory.
"""

from __future__ import annotations

import argparse
import platform
import statistics
import sys
import time
from typing import TYPE_CHECKING

import numpy as np

from napari_sdannce.geometry import Camera
from napari_sdannce.geometry.threads import available_cores
from napari_sdannce.volumes import Interpolation, VolumeSampler, VoxelGrid

if TYPE_CHECKING:
    from collections.abc import Callable

WIDTH, HEIGHT = 1152, 1024
COMS = np.array([[5.0, -10.0, 20.0]])


def ring(n_cameras: int) -> tuple[Camera, ...]:
    """Cameras 400 mm from the middle, the lenses much like those of a mouse rig."""
    cameras = []
    for i, angle in enumerate(np.linspace(0, 2 * np.pi, n_cameras, endpoint=False)):
        centre = np.array([360 * np.cos(angle), 360 * np.sin(angle), 180.0])
        forward = -centre / np.linalg.norm(centre)
        right = np.cross(forward, [0, 0, 1.0])
        right /= np.linalg.norm(right)
        rotation = np.stack([right, np.cross(forward, right), forward])
        matrix = np.array([[1660.0, -3, WIDTH / 2], [0, 1670, HEIGHT / 2], [0, 0, 1]])
        lens = ([-0.12, 0.3, -0.9], [-0.002, 0.003])
        size = (WIDTH, HEIGHT)
        cameras.append(Camera(str(i), matrix, rotation, -rotation @ centre, *lens, size))
    return tuple(cameras)


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
    parser.add_argument("--threads", type=int, default=available_cores())
    parser.add_argument("--repeats", type=int, default=30)
    given = parser.parse_args()

    cameras, grid = ring(given.cameras), VoxelGrid(given.size, given.voxels)
    rng = np.random.default_rng(0)
    images = [rng.integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8) for _ in cameras]
    ways: dict[str, Callable[[], object]] = {}
    for threads in sorted({1, given.threads}):
        for how in Interpolation:
            sampler = VolumeSampler(cameras, grid, how, threads=threads)
            ways[f"compiled, {how}, {threads} thread{'s' * (threads > 1)}"] = (
                lambda sampler=sampler: sampler.fill(images, COMS)
            )
    ways |= torch_ways(cameras, grid, images, given.threads)

    times: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    for way in ways.values():
        way()  # compile, load
    for _ in range(given.repeats):
        for name, way in ways.items():
            start = time.perf_counter(), time.process_time()
            way()
            times[name].append((time.perf_counter() - start[0], time.process_time() - start[1]))

    print(f"{platform.platform()}, {platform.machine()}, {available_cores()} cores")
    print(f"Python {platform.python_version()}, numpy {np.__version__}; {' '.join(sys.argv)}")
    print(f"{given.cameras} cameras {WIDTH} x {HEIGHT}, {given.voxels}^3 voxels, one volume\n")
    print(f"{'way':<42}{'median':>10}{'best':>10}{'best CPU':>11}")
    for name, pairs in times.items():
        wall, cpu = zip(*pairs, strict=True)
        print(f"{name:<42}{statistics.median(wall):>8.4f} s{min(wall):>8.4f} s{min(cpu):>9.4f} s")


if __name__ == "__main__":
    main()
