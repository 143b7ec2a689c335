"""Clips in which every frame carries its number in its pixels, and a check sum beside it."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

import av
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

WIDTH, HEIGHT, BLOCK = 96, 64, 16
COLUMNS, ROWS = WIDTH // BLOCK, HEIGHT // BLOCK
BITS = 16


def _check(number: int) -> int:
    return (number * 37 + 91) % 251


def frame_code(number: int, width: int = WIDTH, height: int = HEIGHT) -> np.ndarray:
    """(H, W) uint8 image of black and white blocks: 16 bits of number, 8 of check sum."""
    value = number | _check(number) << BITS
    bits = np.array([(value >> i) & 1 for i in range(COLUMNS * ROWS)], dtype=np.uint8)
    image = np.kron(bits.reshape(ROWS, COLUMNS) * 170 + 40, np.ones((BLOCK, BLOCK), np.uint8))
    return np.asarray(image[:height, :width], dtype=np.uint8)


def read_code(image: np.ndarray) -> int | None:
    """The number in an image, None when the check sum is wrong."""
    gray = image if image.ndim == 2 else image.mean(axis=-1)
    half = BLOCK // 2
    centres = gray[half - 3 :: BLOCK, half - 3 :: BLOCK][:ROWS, :COLUMNS]
    bits = (centres > 125).astype(int).ravel()
    value = int(sum(int(bit) << i for i, bit in enumerate(bits)))
    number = value & (1 << BITS) - 1
    return number if value >> BITS == _check(number) else None


def write_clip(
    path: Path,
    n: int = 40,
    *,
    codec: str = "libx264",
    pixels: str = "yuv420p",
    options: dict[str, str] | None = None,
    container: str | None = None,
    container_options: dict[str, str] | None = None,
    times_ms: Sequence[int] | None = None,
    size: tuple[int, int] = (WIDTH, HEIGHT),
    first: int = 0,
    bframes: int | None = None,
    gop: int | None = None,
    prepare: Callable[[av.VideoStream], None] | None = None,
) -> Path:
    """Write n frames with the numbers first, first + 1, ..."""
    with av.open(
        str(path), "w", format=container, container_options=container_options or {}
    ) as output:
        stream = output.add_stream(codec, rate=30, options=options or {})
        stream.width, stream.height = size
        stream.pix_fmt = pixels
        if gop is not None:
            stream.codec_context.gop_size = gop
        if bframes is not None:
            stream.codec_context.max_b_frames = bframes
        if times_ms is not None:
            stream.codec_context.time_base = Fraction(1, 1000)
        if prepare is not None:
            prepare(stream)
        for i in range(n):
            image = frame_code(first + i, *size)
            source = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="gray")
            frame = source if pixels == "gray" else source.reformat(format=pixels)
            frame.pts = i if times_ms is None else times_ms[i]
            frame.time_base = Fraction(1, 30) if times_ms is None else Fraction(1, 1000)
            output.mux(stream.encode(frame))
        output.mux(stream.encode())
    return path


def wrong_frames(read: Callable[[int], np.ndarray], frames: Sequence[int], first: int = 0) -> list:
    """Frames whose image does not carry their number."""
    return [i for i in frames if read_code(read(i)) != first + i]
