"""Frames a processor second that encoders take, with rate and error, beside a pipe to ffmpeg.

    python benchmarks/encoding.py [FILE] [--frames 120] [--size 1152 1024]

Images are the first of FILE, grey and made as large, or a scene that moves a little; both with the
noise of a sensor. Each encoder has one thread and writes files that a kill leaves readable, as the
recorder does. The pipe is imageio-ffmpeg's, as Campy uses it: `pip install imageio-ffmpeg`.
Processor time is that of all threads, and of the other program where there is one.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
from machine import print_machine
from timing import print_table

from napari_sdannce.capture.cameras import Format, PixelLayout
from napari_sdannce.capture.codecs import LEVELS, OPTIONS, encoding_of, footage_of, why_not
from napari_sdannce.capture.video_file import CameraVideoWriter
from napari_sdannce.settings.capture import EncodingSettings
from napari_sdannce.video import VideoReader

try:
    import imageio_ffmpeg
except ImportError:
    imageio_ffmpeg = None

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

FPS = 100
NOISE = 1.5
CAMPY = [
    "-preset",
    "fast",
    "-tune",
    "fastdecode",
    "-crf",
    "21",
    "-bufsize",
    "20M",
    "-maxrate",
    "10M",
    "-bf",
    "4",
]
SAME = ["-preset", "ultrafast", "-tune", "zerolatency", "-crf", "18", "-bf", "0", "-g", "50"]
HEAD = ("", "frames a CPU s", "wall, frames a s", f"Mbit/s at {FPS}", "PSNR dB")

Images = list[np.ndarray]


def images_of(path: Path | None, n: int, width: int, height: int) -> Images:
    rng = np.random.default_rng(0)
    source = moving_scene(rng, n, width, height) if path is None else first_of(path, n)
    sized = [cv2.resize(image, (width, height)) for image in source]
    noises = [rng.normal(0, NOISE, (height, width)).astype(np.float32) for _ in range(8)]
    return [
        np.clip(image + np.roll(noises[i % 8], i, axis=1), 0, 255).astype(np.uint8)
        for i, image in enumerate(sized)
    ]


def first_of(path: Path, n: int) -> Images:
    with VideoReader(path, color="gray") as video:
        return [video.read(i) for i in range(min(n, video.n_frames))]


def moving_scene(rng: np.random.Generator, n: int, width: int, height: int) -> Images:
    """Bedding with two dark animals that walk over it."""
    coarse = rng.integers(70, 190, (height // 6, width // 6), dtype=np.uint8)
    bedding = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    found = []
    for i in range(n):
        image = bedding.copy()
        for phase in (0.0, 2.0):
            x = int(width * (0.5 + 0.3 * np.cos(phase + i / 60)))
            y = int(height * (0.5 + 0.3 * np.sin(phase + i / 45)))
            cv2.ellipse(image, (x, y), (width // 14, height // 30), 3 * i, 0, 360, 40, -1)
        found.append(cv2.GaussianBlur(image, (5, 5), 0))
    return found


def processor_s() -> float:
    """Processor time of this process and those that it waited for."""
    spent = os.times()
    return spent.user + spent.system + spent.children_user + spent.children_system


def measure(write: Callable[[Path], None], folder: Path, images: Images) -> list[float]:
    cpu, wall = processor_s(), time.perf_counter()
    write(folder)
    cpu, wall = processor_s() - cpu, time.perf_counter() - wall
    path = folder / "0.mp4"
    rate = path.stat().st_size * 8 * FPS / len(images) / 1e6
    with VideoReader(path, color="gray") as video:
        errors = [
            np.mean((video.read(i).astype(float) - images[i]) ** 2)
            for i in range(0, len(images), 5)
        ]
    decibel = float("inf") if not any(errors) else 10 * np.log10(255**2 / np.mean(errors))
    return [len(images) / cpu, len(images) / wall, rate, float(decibel)]


def recorder(images: Images, codec: str, quality: str) -> Callable[[Path], None]:
    height, width = images[0].shape
    footage = footage_of(Format(width, height, PixelLayout.MONO), FPS)
    encoding = encoding_of(codec, EncodingSettings(codec=codec, quality=quality))

    def write(folder: Path) -> None:
        with CameraVideoWriter(folder, PixelLayout.MONO, footage, encoding) as writer:
            for i, image in enumerate(images):
                writer.write(image, i * 1_000_000 // FPS)

    return write


def pipe(images: Images, options: Sequence[str], pixels: str = "gray") -> Callable[[Path], None]:
    height, width = images[0].shape

    def write(folder: Path) -> None:
        sink = imageio_ffmpeg.write_frames(
            str(folder / "0.mp4"), (width, height), pix_fmt_in=pixels, pix_fmt_out="yuvj420p",
            fps=FPS, codec="libx264", quality=None, macro_block_size=1,
            output_params=[*options, "-threads", "1"],
        )  # fmt: skip
        sink.send(None)
        for image in images:
            sink.send(image if pixels == "gray" else cv2.cvtColor(image, cv2.COLOR_GRAY2RGB))
        sink.close()

    return write


def measure_all(images: Images, ways: dict[str, Callable[[Path], None]]) -> None:
    rows = []
    for name, write in ways.items():
        with tempfile.TemporaryDirectory() as folder:
            rows.append((name, *measure(write, Path(folder), images)))
    print_table(HEAD, rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file", nargs="?", type=Path)
    parser.add_argument("--frames", type=int, default=120)
    parser.add_argument("--size", type=int, nargs=2, default=(1152, 1024))
    given = parser.parse_args()
    print_machine("av", "opencv-python-headless", "numpy")
    images = images_of(given.file, given.frames, *given.size)
    footage = footage_of(Format(*given.size, PixelLayout.MONO), FPS)
    ways = {}
    for codec in OPTIONS:
        reason = why_not(encoding_of(codec, EncodingSettings()), footage)
        if reason:
            print(f"{codec} does not work here: {reason}")
        for quality in () if reason else LEVELS if codec != "ffv1" else LEVELS[:1]:
            ways[f"{codec}, {quality}" if codec != "ffv1" else codec] = recorder(
                images, codec, quality
            )
    print()
    measure_all(images, ways)
    if imageio_ffmpeg is None:
        print("No pipe to compare with: pip install imageio-ffmpeg")
        return
    measure_all(
        images,
        {
            "libx264, high, this program": recorder(images, "libx264", "high"),
            "the same options, pipe, grey": pipe(images, SAME),
            "the same options, pipe, rgb24": pipe(images, SAME, "rgb24"),
            "Campy's default, pipe, rgb24": pipe(images, CAMPY, "rgb24"),
        },
    )


if __name__ == "__main__":
    main()
