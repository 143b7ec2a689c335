"""Time to draw an image of two rats, 640 x 512 px, on one core.

    OMP_NUM_THREADS=1 python benchmarks/render.py [--cameras 6] [--animals 2] [--frames 30]

Reported apart: what is done once a scene and camera (tracing the empty arena), once a frame (making
the motion), and once an image. Compiling is left out.
"""

from __future__ import annotations

import argparse

from machine import print_machine
from timing import median, print_table, timed

from napari_sdannce.synthetic import Scene, random_scene, rat_motion, render_frame
from napari_sdannce.synthetic.background import trace_background


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cameras", type=int, default=6)
    parser.add_argument("--animals", type=int, default=2)
    parser.add_argument("--frames", type=int, default=30)
    options = parser.parse_args()
    print_machine("numpy", "numba")

    def scene(n_cameras: int, seed: int) -> Scene:
        return random_scene(options.frames, options.animals, n_cameras, seed=seed)

    render_frame(scene(1, 1), 0)
    full = scene(options.cameras, 2)
    motion, _ = timed(lambda: rat_motion(1000, options.animals, seed=3))
    first, _ = timed(lambda: trace_background(full.cameras[0], full.arena))
    further, _ = timed(lambda: trace_background(full.cameras[-1], full.arena))
    render_frame(full, 0)
    shots = [
        timed(lambda t=t: render_frame(full, t))[0] / options.cameras
        for t in range(1, options.frames)
    ]
    worst = max(shots, key=lambda spent: spent.cpu)
    rows = {
        f"motion, a frame of {options.animals} animals": motion / 1000,
        "empty arena with its bedding, first camera": first,
        "empty arena, each further camera": further,
        f"an image, median of {len(shots)} frames": median(shots),
        "an image, worst frame": worst,
    }
    print_table(("", "ms", "CPU ms"), [(name, s.wall, s.cpu) for name, s in rows.items()])


if __name__ == "__main__":
    main()
