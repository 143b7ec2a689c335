"""Robust triangulation: time and error of `triangulate`, beside aniposelib's `triangulate_ransac`.

    python benchmarks/triangulation.py [--points 1000000] [--peer-python PATH]

The other library lives in an environment of its own, because its versions of numpy and OpenCV are
its business:

    python -m venv /tmp/peers-venv
    /tmp/peers-venv/bin/pip install aniposelib==0.8.0
    python benchmarks/triangulation.py --peer-python /tmp/peers-venv/bin/python

Six distorted cameras without skew (aniposelib knows none) see points within 60 mm; every pixel has
1 px of normal noise, one view in ten is off by a wrong click of 20 to 200 px, one in ten
is missing. Ours triangulates all points; aniposelib, thousands of times slower, the first
`--peer-points` of them, and so does ours once more, in alternating rounds, for errors on the same
points; a point that was not found counts as infinitely far. Times are without imports, compiling
and reading of files.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from machine import print_machine
from timing import print_table, timed

if TYPE_CHECKING:
    from napari_sdannce.geometry import Camera

    Cameras = tuple[Camera, ...]
    Row = tuple[str, float, float, float, float, float, float, float]

N_CAMERAS = 6
HEAD = ("", "s", "us a point", "CPU us a point", "median mm", "95 % mm", "99 % mm", "none %")


def scene(cameras: Cameras, n_points: int) -> tuple[np.ndarray, np.ndarray]:
    """Points (N, 3) and what the views report of them (V, N, 2), seeded; two views at least."""
    rng = np.random.default_rng(7)
    points = rng.uniform(-60, 60, (n_points, 3))
    pixels = np.stack([camera.project(points) for camera in cameras])
    pixels += rng.normal(size=pixels.shape)
    wrong = rng.random(pixels.shape[:2]) < 0.1
    angle = rng.uniform(0, 2 * np.pi, wrong.sum())
    far = rng.uniform(20, 200, wrong.sum())[:, None]
    pixels[wrong] += far * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    pixels[rng.random(pixels.shape[:2]) < 0.1] = np.nan
    kept = np.isfinite(pixels[..., 0]).sum(axis=0) >= 2
    return points[kept], np.ascontiguousarray(pixels[:, kept])


def their_turn(path: str) -> None:
    """Run in the other environment: triangulate pixels, print version and times, save points."""
    import cv2
    from aniposelib.cameras import Camera, CameraGroup

    given = np.load(path)
    parts = (given[name] for name in ("matrices", "lenses", "rotations", "translations"))
    cameras = [
        Camera(
            matrix=matrix,
            dist=np.array([lens[0], lens[1], lens[3], lens[4], lens[2]]),
            size=tuple(given["size"].tolist()),
            rvec=cv2.Rodrigues(rotation)[0].ravel(),
            tvec=translation,
            name=str(i),
        )
        for i, (matrix, lens, rotation, translation) in enumerate(zip(*parts, strict=True))
    ]
    group, pixels = CameraGroup(cameras), given["pixels"]
    group.triangulate_ransac(pixels[:, :3].copy())  # compile
    start = time.perf_counter(), time.process_time()
    points = group.triangulate_ransac(pixels.copy())[0]
    seconds = time.perf_counter() - start[0], time.process_time() - start[1]
    np.save(Path(path).with_suffix(".npy"), points)
    print(json.dumps([version("aniposelib"), *seconds]))


def ask_peer(python: str, cameras: Cameras, points: np.ndarray, pixels: np.ndarray) -> Row:
    """A row of the other library."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "given.npz"
        np.savez(
            path,
            pixels=pixels,
            size=np.array(cameras[0].image_size),
            matrices=np.stack([camera.matrix for camera in cameras]),
            lenses=np.stack([[*camera.radial3, *camera.tangential] for camera in cameras]),
            rotations=np.stack([camera.rotation for camera in cameras]),
            translations=np.stack([camera.translation for camera in cameras]),
        )
        run = subprocess.run(
            [python, __file__, "--their-turn", path], capture_output=True, text=True, check=False
        )
        if run.returncode:
            sys.exit(f"{python} could not run aniposelib:\n{run.stderr}")
        number, wall, cpu = json.loads(run.stdout.splitlines()[-1])
        off = np.linalg.norm(np.load(path.with_suffix(".npy")) - points, axis=1)
    return row(f"aniposelib {number}", wall, cpu, off)


def our_turn(cameras: Cameras, points: np.ndarray, pixels: np.ndarray) -> Row:
    """A row of ours."""
    from napari_sdannce.geometry import triangulate

    spent, found = timed(lambda: triangulate(cameras, pixels))
    off = np.linalg.norm(found.points - points, axis=1)
    return row("ours", spent.wall / 1e3, spent.cpu / 1e3, off)


def row(who: str, wall: float, cpu: float, off: np.ndarray) -> Row:
    """Seconds, microseconds a point, and errors."""
    far = np.where(np.isnan(off), np.inf, off)
    shares = (float(np.percentile(far, share)) for share in (50, 95, 99))
    missed = 100 * float(np.isnan(off).mean())
    times = wall, 1e6 * wall / len(off), 1e6 * cpu / len(off)
    return (f"{who}, {len(off)} points", *times, *shares, missed)


def clicks(cameras: Cameras, pixels: np.ndarray) -> None:
    """The 23 keypoints of one animal, as when somebody clicks: triangulate and reproject."""
    from napari_sdannce.geometry import triangulate

    def answer(part: np.ndarray) -> None:
        found = triangulate(cameras, part)
        for camera in cameras:
            camera.project(found.points)

    parts = [pixels[:, i : i + 23] for i in range(0, min(200 * 23, pixels.shape[1] - 22), 23)]
    walls = [timed(lambda part=part: answer(part))[0].wall for part in parts]
    times = float(np.median(walls)), float(np.percentile(walls, 99))
    print_table(
        (f"23 keypoints x {N_CAMERAS} cameras", "median ms", "99 % ms"),
        [("triangulate and reproject", *times)],
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--points", type=int, default=1_000_000)
    parser.add_argument("--peer-points", type=int, default=400)
    parser.add_argument("--peer-python", help="interpreter that has aniposelib")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--their-turn", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.their_turn:
        their_turn(given.their_turn)
        return
    from rig import mouse_rig

    print_machine("numpy", "numba")
    cameras = mouse_rig(N_CAMERAS)
    points, pixels = scene(cameras, given.points)
    first = our_turn(cameras, points[:100], pixels[:, :100])
    print(f"first call, compiling or loading what was compiled: {first[1]:.2f} s\n")
    rows, some = [], slice(0, given.peer_points)
    for _ in range(given.rounds):
        rows.append(our_turn(cameras, points, pixels))
        rows.append(our_turn(cameras, points[some], pixels[:, some]))
        if given.peer_python:
            rows.append(ask_peer(given.peer_python, cameras, points[some], pixels[:, some]))
    print_table(HEAD, rows)
    clicks(cameras, pixels)


if __name__ == "__main__":
    main()
