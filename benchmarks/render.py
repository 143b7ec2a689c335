"""Time to draw an image of two rats, 640 x 512 px, on one core.

    OMP_NUM_THREADS=1 python benchmarks/render.py [--cameras 6] [--animals 2] [--frames 30]

Reported apart: what is done once a scene (tracing the empty arena), once a frame (posing the
bodies, shadows), and once an image. Times are process time, so other work on the machine counts
little; compiling is left out.
"""

from __future__ import annotations

import argparse
import platform
import statistics
import time
from typing import TYPE_CHECKING, TypeVar

from napari_sdannce.synthetic import Scene, random_scene, render_frame
from napari_sdannce.synthetic.background import trace_background
from napari_sdannce.synthetic.motion import rat_motion

if TYPE_CHECKING:
    from collections.abc import Callable

Result = TypeVar("Result")


def timed(what: str, unit: str, count: int, job: Callable[[], Result]) -> Result:
    start = time.process_time()
    result = job()
    milliseconds = 1e3 * (time.process_time() - start) / count
    print(f"{what:<28}{milliseconds:9.1f} ms a{unit}")
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cameras", type=int, default=6)
    parser.add_argument("--animals", type=int, default=2)
    parser.add_argument("--frames", type=int, default=30)
    options = parser.parse_args()
    print(f"{platform.processor() or platform.machine()}, Python {platform.python_version()}")

    def scene(n_cameras: int, seed: int) -> Scene:
        return random_scene(options.frames, options.animals, n_cameras, seed=seed)

    render_frame(scene(1, 1), 0)
    timed("motion", f" frame ({options.animals} animals)", 1000,
          lambda: rat_motion(1000, options.animals, seed=3))  # fmt: skip
    full = scene(options.cameras, 2)
    timed("empty arena", " camera", 1, lambda: trace_background(full.cameras[0], full.arena))
    render_frame(full, 0)
    shots = []
    for t in range(1, options.frames):
        start = time.process_time()
        render_frame(full, t)
        shots.append(1e3 * (time.process_time() - start))
    image = statistics.median(shots) / options.cameras
    print(f"{'drawing':<28}{image:9.1f} ms an image (median of {len(shots)} frames), "
          f"worst {max(shots) / options.cameras:.1f}")  # fmt: skip


if __name__ == "__main__":
    main()
