"""Frames a second of the reader beside OpenCV's: in sequence, near by, at random, six cameras.

    python benchmarks/video_decode.py [FILE] [--threads 0] [--gop 250] [--frames 300]

Without a FILE a noisy clip of 1152x1024 px is written first. Both readers take turns on the same
frames; times are medians of three rounds.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
from machine import print_machine
from timing import Spent, median, print_table, timed

from napari_sdannce.recording import Recording, VideoFile, View
from napari_sdannce.video import Encoding, RecordingVideo, VideoReader, VideoWriter

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

WIDTH, HEIGHT, CAMERAS, ROUNDS = 1152, 1024, 6, 3


def write_noisy(path: Path, n: int, gop: int) -> None:
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 255, (60, 60, 3), dtype=np.uint8)
    scene = cv2.resize(coarse, (WIDTH + 200, HEIGHT + 200))
    noise = rng.integers(-6, 7, (HEIGHT + 64, WIDTH + 64, 3)).astype(np.int16)
    options = {"bf": "3", "g": str(gop), "sc_threshold": "0", "preset": "veryfast"}
    with VideoWriter(
        path, WIDTH, HEIGHT, 50, encoding=Encoding(quality=23, options=options)
    ) as writer:
        for i in range(n):
            y, x = rng.integers(0, 64, 2)
            shift = int(90 + 80 * np.sin(i / 20))
            image = scene[shift : shift + HEIGHT, i % 200 : i % 200 + WIDTH].astype(np.int16)
            image += noise[y : y + HEIGHT, x : x + WIDTH]
            writer.write(np.clip(image, 0, 255).astype(np.uint8))


class OpenCv:
    """OpenCV's reader: RGB, a seek before every frame that is not the next."""

    def __init__(self, path: Path) -> None:
        self._capture = cv2.VideoCapture(str(path))
        self._next = 0

    def read(self, frame: int) -> np.ndarray:
        if frame != self._next:
            self._capture.set(cv2.CAP_PROP_POS_FRAMES, frame)
        self._next = frame + 1
        return cv2.cvtColor(self._capture.read()[1], cv2.COLOR_BGR2RGB)

    def close(self) -> None:
        self._capture.release()


def patterns(n: int) -> dict[str, list[int]]:
    rng = np.random.default_rng(3)
    middle = n // 2
    return {
        "in sequence": list(range(min(n, 200))),
        "every fifth": list(range(0, n, 5)),
        "ten steps back": list(range(middle, middle - 10, -1)),
        "to and fro, within 10": (middle + rng.integers(-10, 11, 20)).tolist(),
        "at random": rng.integers(0, n, 20).tolist(),
    }


def read_all(open_reader: Callable[[], OpenCv | VideoReader], frames: Sequence[int]) -> Spent:
    """Time a frame, opening left out."""
    reader = open_reader()
    reader.read(frames[0])
    spent, _ = timed(lambda: [reader.read(frame) is None for frame in frames])
    reader.close()
    return spent / len(frames)


def compare(path: Path, threads: int, n: int) -> None:
    """Milliseconds a frame, on the wall, of one file; the readers take turns."""
    readers: dict[str, Callable[[], OpenCv | VideoReader]] = {
        "rgb": lambda: VideoReader(path, threads=threads),
        "rgb, 1 thread": lambda: VideoReader(path, threads=1),
        "gray": lambda: VideoReader(path, color="gray", threads=threads),
        "OpenCV": lambda: OpenCv(path),
    }
    rows = []
    for pattern, frames in patterns(n).items():
        spent: dict[str, list[Spent]] = {name: [] for name in readers}
        for _ in range(ROUNDS):
            for name, reader in readers.items():
                spent[name].append(read_all(reader, frames))
        rows.append((pattern, *(median(spent[name]).wall for name in readers)))
    print_table(("ms a frame", *readers), rows)


def read_ahead(path: Path, n: int) -> Spent:
    """Time a moment of six cameras, decoded ahead."""
    views = tuple(View(f"Camera{i}", (VideoFile(path),)) for i in range(CAMERAS))
    with RecordingVideo(Recording(path.parent, views)) as video:
        return timed(lambda: [len(images) for images in video.frames(range(n))])[0] / n


def read_in_turn(path: Path, n: int) -> Spent:
    """The same with OpenCV, one camera after the other."""
    captures = [OpenCv(path) for _ in range(CAMERAS)]
    spent, _ = timed(lambda: [capture.read(i) is None for i in range(n) for capture in captures])
    for capture in captures:
        capture.close()
    return spent / n


def compare_cameras(path: Path, n: int) -> None:
    ours, theirs = [], []
    for _ in range(ROUNDS):
        ours.append(read_ahead(path, n))
        theirs.append(read_in_turn(path, n))
    rows = {"all cameras ahead": median(ours), "OpenCV, in turn": median(theirs)}
    print_table(
        (f"{CAMERAS} cameras in sequence", "moments a second", "CPU ms a moment"),
        [(name, 1e3 / spent.wall, spent.cpu) for name, spent in rows.items()],
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file", nargs="?", type=Path)
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--gop", type=int, default=250)
    parser.add_argument("--frames", type=int, default=300)
    given = parser.parse_args()
    print_machine("av", "opencv-python-headless", "numpy")
    with tempfile.TemporaryDirectory() as folder:
        path = given.file
        if path is None:
            path = Path(folder) / "clip.mp4"
            write_noisy(path, given.frames, given.gop)
        with VideoReader(path) as video:
            n = video.n_frames
            rate = path.stat().st_size * 8 * (video.fps or 0) / n / 1e6
            print(f"{video.width}x{video.height}, {n} frames, {rate:.1f} Mbit/s\n")
        compare(path, given.threads, n)
        compare_cameras(path, min(n, 100))


if __name__ == "__main__":
    main()
