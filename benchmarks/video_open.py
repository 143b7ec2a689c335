"""Open six 100 000-frame videos as lazy arrays: time to the arrays, the first frames, the index.

    python benchmarks/video_open.py [--frames 100000] [--cameras 6] [--format mp4|mkv]

A small clip is encoded once and its packets are repeated; the six cameras are links to that file.
Each camera indexes its file anew, as it would with six different files.
"""

from __future__ import annotations

import argparse
import os
import resource
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from long_video import write_long_video
from machine import print_machine
from timing import Clock, Spent, median, print_table, timed

from napari_sdannce.recording import Recording, VideoFile, View
from napari_sdannce.video import RecordingVideo
from napari_sdannce.video.lazy import LazyVideo  # noqa: TC001 - dask before the clock starts

if TYPE_CHECKING:
    from collections.abc import Callable


def measure_opening(
    video: RecordingVideo, arrays: list[LazyVideo], clock: Clock
) -> dict[str, Spent]:
    """Time since the recording was opened, at each stage."""
    stages = {"opened as lazy arrays": clock.read()}
    done = threading.Event()
    video.inspect_in_background(done.set)
    first = [np.asarray(array[0]) for array in arrays]
    assert all(image.any() for image in first)
    stages["a frame of each read"] = clock.read()
    done.wait()
    stages["all indexed"] = clock.read()
    return stages


def measure_steps(video: RecordingVideo, array: LazyVideo) -> dict[str, Spent]:
    """Median time of a moment of all cameras, and of a frame of one array."""
    rng, n = np.random.default_rng(1), video.n_moments
    near, far = rng.integers(0, min(n, 1000), 15).tolist(), rng.integers(0, n, 15).tolist()
    steps = list(range(n // 2, min(n, n // 2 + 30)))
    return {
        "jump in the first 1000 frames": each(video.read, near),
        "jump over the whole length": each(video.read, far),
        "step of one": each(video.read, steps),
        "step of one array": each(lambda i: np.asarray(array[i]), steps),
    }


def each(read: Callable[[int], object], places: list[int]) -> Spent:
    return median(timed(lambda place=place: read(place))[0] for place in places)


def memory_mb() -> float:
    with Path("/proc/self/statm").open() as file:
        return int(file.read().split()[1]) * resource.getpagesize() / 1e6


def measure(recording: Recording) -> None:
    before, clock = memory_mb(), Clock()
    with RecordingVideo(recording) as video:
        arrays = [video.lazy(name) for name in recording.names]
        stages = measure_opening(video, arrays, clock)
        keys = max(len(dict(array.dask)) for array in arrays)
        print(f"{memory_mb() - before:.0f} MB more memory; at most {keys} keys in a graph\n")
        print_rows("since opening", stages)
        print_rows("all cameras", measure_steps(video, arrays[0]))


def print_rows(what: str, rows: dict[str, Spent]) -> None:
    print_table((what, "ms", "CPU ms"), [(name, s.wall, s.cpu) for name, s in rows.items()])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--frames", type=int, default=100_000)
    parser.add_argument("--cameras", type=int, default=6)
    parser.add_argument("--format", default="mp4", choices=["mp4", "mkv"])
    given = parser.parse_args()
    print_machine("av", "numpy", "dask")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"long.{given.format}"
        write_long_video(path, given.frames)
        print(f"{given.frames} frames, {path.stat().st_size / 1e6:.0f} MB a file")
        views = []
        for number in range(given.cameras):
            link = Path(folder) / f"{number}{path.suffix}"
            os.link(path, link)
            views.append(View(f"Camera{number + 1}", (VideoFile(link),)))
        measure(Recording(Path(folder), tuple(views)))


if __name__ == "__main__":
    main()
