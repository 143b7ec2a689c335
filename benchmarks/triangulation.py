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
points. Times are without imports, compiling and reading of files; CPU time is that of all cores
together, which a busy machine hardly changes.
"""

from __future__ import annotations

import argparse
import json
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

SIZE = (1152, 1024)
N_CAMERAS = 6


def rig():
    """Intrinsic matrix, lens (k1, k2, k3, p1, p2), and rotation and translation of each camera."""
    matrix = np.array([[1660.0, 0, SIZE[0] / 2], [0, 1670, SIZE[1] / 2], [0, 0, 1]])
    poses = []
    for angle in np.linspace(0, 2 * np.pi, N_CAMERAS, endpoint=False):
        centre = np.array([360 * np.cos(angle), 360 * np.sin(angle), 180.0])
        forward = -centre / np.linalg.norm(centre)
        right = np.cross(forward, [0, 0, 1.0])
        right /= np.linalg.norm(right)
        rotation = np.stack([right, np.cross(forward, right), forward])
        poses.append((rotation, -rotation @ centre))
    return matrix, (-0.12, 0.3, -0.9, -0.002, 0.003), poses


def our_cameras():
    """The rig as our cameras."""
    from napari_sdannce.geometry import Camera

    matrix, lens, poses = rig()
    return tuple(
        Camera(str(i), matrix, rotation, translation, lens[:3], lens[3:], SIZE)
        for i, (rotation, translation) in enumerate(poses)
    )


def scene(n_points: int):
    """Points (N, 3) and what the views report of them (V, N, 2), seeded."""
    rng = np.random.default_rng(7)
    points = rng.uniform(-60, 60, (n_points, 3))
    pixels = np.stack([camera.project(points) for camera in our_cameras()])
    pixels += rng.normal(size=pixels.shape)
    wrong = rng.random(pixels.shape[:2]) < 0.1
    angle = rng.uniform(0, 2 * np.pi, wrong.sum())
    far = rng.uniform(20, 200, wrong.sum())[:, None]
    pixels[wrong] += far * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    pixels[rng.random(pixels.shape[:2]) < 0.1] = np.nan
    return points, pixels


def their_turn(path: str) -> None:
    """Run in the other environment: triangulate the pixels of a file, print time, save points."""
    import cv2
    from aniposelib.cameras import Camera, CameraGroup

    matrix, (k1, k2, k3, p1, p2), poses = rig()
    group = CameraGroup(
        [
            Camera(
                matrix=matrix,
                dist=np.array([k1, k2, p1, p2, k3]),
                size=SIZE,
                rvec=cv2.Rodrigues(rotation)[0].ravel(),
                tvec=translation,
                name=str(i),
            )
            for i, (rotation, translation) in enumerate(poses)
        ]
    )
    pixels = np.load(path)
    group.triangulate_ransac(pixels[:, :3].copy())  # compile
    start = time.perf_counter(), time.process_time()
    points = group.triangulate_ransac(pixels.copy())[0]
    seconds = time.perf_counter() - start[0], time.process_time() - start[1]
    np.save(path, points)
    print(json.dumps(seconds))


def ask_peer(python: str, pixels):
    """Seconds (elapsed, CPU) and points of the other library."""
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "pixels.npy")
        np.save(path, pixels)
        run = subprocess.run(
            [python, __file__, "--their-turn", path], capture_output=True, text=True, check=False
        )
        if run.returncode:
            sys.exit(f"{python} could not run aniposelib:\n{run.stderr}")
        return json.loads(run.stdout.splitlines()[-1]), np.load(path)


def timed(cameras, pixels):
    """Seconds (elapsed, CPU) and result of ours."""
    from napari_sdannce.geometry import triangulate

    start = time.perf_counter(), time.process_time()
    found = triangulate(cameras, pixels)
    return (time.perf_counter() - start[0], time.process_time() - start[1]), found


def report(name: str, seconds, off) -> None:
    """One row: time a point, and the errors; a point not found counts as infinitely far."""
    far = np.where(np.isnan(off), np.inf, off)
    print(
        f"{name:<38}{seconds[0]:>9.3f} s{1e6 * seconds[0] / len(off):>11.2f} us"
        f"{1e6 * seconds[1] / len(off):>11.2f} us"
        f"{np.median(far):>9.3f}{np.percentile(far, 95):>9.3f}{np.percentile(far, 99):>9.3f}"
        f"{100 * np.isnan(off).mean():>8.2f} %"
    )


def live(cameras, points, pixels) -> None:
    """The 23 keypoints of one animal, as when somebody clicks: triangulate and reproject."""
    times = []
    for i in range(200):
        part = pixels[:, 23 * i : 23 * i + 23]
        start = time.perf_counter()
        _, found = timed(cameras, part)
        for camera in cameras:
            camera.project(found.points)
        times.append(time.perf_counter() - start)
    print(
        f"\n23 keypoints x 6 cameras, triangulate and reproject: median "
        f"{1e3 * np.median(times):.2f} ms, 99th percentile {1e3 * np.percentile(times, 99):.2f} ms"
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
    from napari_sdannce.geometry.threads import available_cores

    cameras, (points, pixels) = our_cameras(), scene(given.points)
    # leave out points that fewer than two views report
    kept = np.isfinite(pixels[..., 0]).sum(axis=0) >= 2
    points, pixels = points[kept], np.ascontiguousarray(pixels[:, kept])
    start = time.perf_counter()
    timed(cameras, pixels[:, :100])
    print(f"{platform.platform()}, {platform.machine()}, {available_cores()} cores")
    print(f"Python {platform.python_version()}, numpy {np.__version__}; {' '.join(sys.argv)}")
    print(f"first call (compile, or load what was compiled): {time.perf_counter() - start:.2f} s\n")
    print(f"{'':<77}{'error in mm':^27}")
    print(
        f"{'':<38}{'time':>11}{'a point':>14}{'CPU':>14}"
        f"{'median':>9}{'95 %':>9}{'99 %':>9}{'none':>10}"
    )
    some = slice(0, given.peer_points)
    for turn in range(given.rounds):
        seconds, found = timed(cameras, pixels)
        off = np.linalg.norm(found.points - points, axis=1)
        report(f"round {turn + 1}: ours, {len(points)} points", seconds, off)
        seconds, found = timed(cameras, pixels[:, some])
        off = np.linalg.norm(found.points - points[some], axis=1)
        report(f"round {turn + 1}: ours, {len(off)} points", seconds, off)
        if given.peer_python:
            seconds, theirs = ask_peer(given.peer_python, pixels[:, some])
            off = np.linalg.norm(theirs - points[some], axis=1)
            report(f"round {turn + 1}: aniposelib, {len(off)} points", seconds, off)
    live(cameras, points, pixels)


if __name__ == "__main__":
    main()
