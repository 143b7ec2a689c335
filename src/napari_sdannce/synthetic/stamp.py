"""Numbers that can be read from an image: which camera it is of, and which exposure.

A band along the upper edge holds blocks, white for 1 and black for 0: a white one, the number of
the camera (8 bits), of the exposure (24), a sum to check them by (8), a black one. They survive
encoding with losses, colour filters and changes of brightness.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

Image = npt.NDArray[np.uint8]

MIN_WIDTH, MIN_HEIGHT = 128, 32
"""Smallest image that a stamp fits into, px."""
_N_BITS = 40
_N_BLOCKS = _N_BITS + 2
_LEAST_CONTRAST = 40.0


@dataclass(frozen=True, slots=True)
class Stamp:
    """What an image shows.

    Parameters
    ----------
    camera
        Number of the camera, to 255.
    exposure
        Number of the exposure since the camera was armed; counts on from 0 after 2**24.
    """

    camera: int
    exposure: int


def draw_stamp(image: Image, stamp: Stamp) -> None:
    """Write a stamp into an image, (H, W) or (H, W, channels)."""
    band, edges = _band(image.shape)
    for block, bit in enumerate((1, *_bits(stamp), 0)):
        image[band, edges[block] : edges[block + 1]] = 255 * bit


def read_stamp(image: Image) -> Stamp | None:
    """Read the stamp of an image, (H, W) or (H, W, channels); None when there is none whole."""
    band, edges = _band(image.shape)
    rows = image[band]
    quarter = rows.shape[0] // 4
    inner = rows[quarter : rows.shape[0] - quarter]
    grey = inner.reshape(inner.shape[0], image.shape[1], -1).mean(axis=(0, 2))
    blocks = np.array([_middle(grey[a:b]) for a, b in pairwise(edges)])
    white, black = blocks[0], blocks[-1]
    if white - black < _LEAST_CONTRAST:
        return None
    bits = blocks[1:-1] > (white + black) / 2
    data = np.packbits(bits).tobytes()
    if zlib.crc32(data[:-1]) & 0xFF != data[-1]:
        return None
    return Stamp(data[0], int.from_bytes(data[1:-1]))


def _band(shape: tuple[int, ...]) -> tuple[slice, list[int]]:
    """Rows of the band, and the edges of its blocks."""
    height, width = shape[:2]
    edges = np.linspace(0, width, _N_BLOCKS + 1).round().astype(int)
    return slice(0, max(8, height // 16)), edges.tolist()


def _bits(stamp: Stamp) -> tuple[int, ...]:
    data = bytes([stamp.camera & 0xFF]) + (stamp.exposure & 0xFFFFFF).to_bytes(3)
    data += bytes([zlib.crc32(data) & 0xFF])
    return tuple(int(bit) for bit in np.unpackbits(np.frombuffer(data, np.uint8)))


def _middle(values: npt.NDArray[np.floating]) -> float:
    """Mean without the edges, which encoding blurs."""
    quarter = len(values) // 4
    return float(values[quarter : len(values) - quarter].mean())
