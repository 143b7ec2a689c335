"""Open six 100 000-frame videos as lazy arrays: time to the arrays, the first frames, the index.

    python benchmarks/video_open.py [--frames 100000] [--cameras 6] [--format mp4|mkv] [--napari]

A small clip is encoded once and its packets are repeated; the six cameras are links to that file.
Each camera indexes its file anew, as it would with six different files.
"""

from __future__ import annotations

import argparse
import os
import platform
import resource
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import av
import numpy as np

from napari_sdannce.recording import Recording, VideoFile, View
from napari_sdannce.video import RecordingVideo, VideoWriter

if TYPE_CHECKING:
    from collections.abc import Callable

WIDTH, HEIGHT, FPS = 1152, 1024, 50


def write_long(path: Path, n_frames: int) -> None:
    """A video of n frames made of one group of 50 pictures, over and over."""
    clip = path.with_name("clip.mp4")
    rng = np.random.default_rng(0)
    base = np.kron(
        rng.integers(0, 255, (40, 44, 3), dtype=np.uint8), np.ones((32, 32, 1), np.uint8)
    )
    with VideoWriter(clip, WIDTH, HEIGHT, FPS, options={"bf": "3", "sc_threshold": "0"}) as writer:
        for i in range(50):
            writer.write(base[i : i + HEIGHT, 2 * i : 2 * i + WIDTH].copy())
    with av.open(str(clip)) as source, av.open(str(path), "w") as output:
        stream = source.streams.video[0]
        copy = output.add_stream_from_template(stream)
        packets = [(bytes(p), p.pts, p.dts, p.is_keyframe) for p in source.demux(stream) if p.size]
        length = 50 * packets_step(packets)
        for turn in range(n_frames // 50):
            for data, pts, dts, key in packets:
                packet = av.Packet(data)
                packet.pts, packet.dts = pts + turn * length, dts + turn * length
                packet.time_base, packet.stream, packet.is_keyframe = stream.time_base, copy, key
                output.mux(packet)
    clip.unlink()


def packets_step(packets: list[tuple[bytes, int, int, bool]]) -> int:
    times = sorted(pts for _, pts, _, _ in packets)
    return times[1] - times[0]


def memory_mb() -> float:
    with Path("/proc/self/statm").open() as file:
        return int(file.read().split()[1]) * resource.getpagesize() / 1e6


class Clock:
    """Wall and processor time; the second tells what a busy machine would have taken alone."""

    def __init__(self) -> None:
        self.wall, self.work = time.perf_counter(), time.process_time()

    def __str__(self) -> str:
        wall, work = time.perf_counter() - self.wall, time.process_time() - self.work
        return f"{wall * 1e3:6.0f} ms (processor {work * 1e3:5.0f} ms)"


def measure(recording: Recording, show: bool) -> None:
    if show:
        from napari.components import ViewerModel as viewer_model
    before = memory_mb()
    clock = Clock()
    video = RecordingVideo(recording)
    arrays = [video.lazy(name) for name in recording.names]
    print(f"  {len(arrays)} lazy arrays of {arrays[0].shape}: {clock}")
    done = threading.Event()
    video.inspect_in_background(done.set)
    if show:
        show_layers(viewer_model, arrays)
        print(f"  as layers of a ViewerModel: {clock}")
    first = [np.asarray(array[0]) for array in arrays]
    print(f"  and a frame of each read:   {clock}")
    done.wait()
    print(f"  and all indexed:            {clock}")
    print(
        f"  {memory_mb() - before:.0f} MB more memory; at most "
        f"{max(len(dict(array.dask)) for array in arrays)} keys in a graph"
    )
    assert all(image.any() for image in first)
    for name, places in jumps(video.n_moments).items():
        print(f"  {name}: {each(video.read, places)} a moment of all cameras")
    step = each(lambda i: np.asarray(arrays[0][i]), list(range(1000, 1030)))
    print(f"  steps of one array through dask: {step}")
    video.close()


def each(read: Callable[[int], object], places: list[int]) -> str:
    wall, work = [], []
    for place in places:
        start, begun = time.perf_counter(), time.process_time()
        read(place)
        wall.append(time.perf_counter() - start)
        work.append(time.process_time() - begun)
    return f"{np.median(wall) * 1e3:6.1f} ms (processor {np.median(work) * 1e3:5.1f} ms)"


def show_layers(viewer_model: type, arrays: list) -> None:
    viewer = viewer_model()
    for array in arrays:
        viewer.add_image(array, rgb=True, contrast_limits=(0, 255))


def jumps(n: int) -> dict[str, list[int]]:
    rng = np.random.default_rng(1)
    return {
        "jumps in the first 1000 frames": rng.integers(0, 1000, 15).tolist(),
        "jumps over the whole length   ": rng.integers(0, n, 15).tolist(),
        "steps of one                  ": list(range(n // 2, n // 2 + 30)),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--frames", type=int, default=100_000)
    parser.add_argument("--cameras", type=int, default=6)
    parser.add_argument("--format", default="mp4", choices=["mp4", "mkv"])
    parser.add_argument("--napari", action="store_true", help="add the arrays to a ViewerModel too")
    arguments = parser.parse_args()
    print(
        f"{platform.processor() or platform.machine()}, {os.cpu_count()} processors, "
        f"Python {platform.python_version()}, PyAV {av.__version__}, "
        f"load {os.getloadavg()[0]:.1f}"
    )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"long.{arguments.format}"
        write_long(path, arguments.frames)
        print(f"{arguments.frames} frames, {path.stat().st_size / 1e6:.0f} MB a file")
        views = []
        for number in range(arguments.cameras):
            link = Path(folder) / f"{number}{path.suffix}"
            os.link(path, link)
            views.append(View(f"Camera{number + 1}", (VideoFile(link),)))
        measure(Recording(Path(folder), tuple(views)), arguments.napari)


if __name__ == "__main__":
    main()
