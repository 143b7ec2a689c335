"""Pixel formats of GenICam, and images of 8 bits made of them.

Videos hold 8 bits a value. Of 10, 12, 14 and 16 bits the upper eight are kept: shifted, not
rescaled, so that the same light gives the same value on every camera and at any time.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from napari_sdannce.capture.cameras import Image, PixelLayout


@dataclass(frozen=True, slots=True)
class PixelFormat:
    """How a camera sends a pixel.

    Parameters
    ----------
    layout
        Of the values that are kept.
    bits
        Significant ones of a value; more than 8 come in two bytes, least significant first.
    channels
        Values of a pixel as sent: 4 has one that tells nothing.
    """

    layout: PixelLayout
    bits: int = 8
    channels: int = 1

    @property
    def sent_as(self) -> np.dtype[np.unsignedinteger]:
        """Type of a value as sent."""
        return np.dtype(np.uint8 if self.bits == 8 else "<u2")


def _with_depths(name: str, layout: PixelLayout) -> dict[str, PixelFormat]:
    return {f"{name}{bits}": PixelFormat(layout, bits) for bits in (8, 10, 12, 14, 16)}


FORMATS: dict[str, PixelFormat] = {
    **_with_depths("Mono", PixelLayout.MONO),
    **_with_depths("BayerRG", PixelLayout.BAYER_RG),
    **_with_depths("BayerBG", PixelLayout.BAYER_BG),
    **_with_depths("BayerGR", PixelLayout.BAYER_GR),
    **_with_depths("BayerGB", PixelLayout.BAYER_GB),
    **dict.fromkeys(("RGB8", "RGB8Packed"), PixelFormat(PixelLayout.RGB, channels=3)),
    **dict.fromkeys(("BGR8", "BGR8Packed"), PixelFormat(PixelLayout.BGR, channels=3)),
    **dict.fromkeys(("RGBa8", "RGBA8Packed"), PixelFormat(PixelLayout.RGB, channels=4)),
    **dict.fromkeys(("BGRa8", "BGRA8Packed"), PixelFormat(PixelLayout.BGR, channels=4)),
}
"""By the names that GenICam and Basler give them; what is not here can not be recorded."""


def pixels(
    memory: bytes | bytearray,
    size: tuple[int, int],
    kind: PixelFormat,
    *,
    padding: int = 0,
    offset: int = 0,
) -> npt.NDArray[np.unsignedinteger]:
    """(H, W) or (H, W, channels) values that a camera sent, still where they lie.

    Parameters
    ----------
    memory
        Bytes of a buffer.
    size
        Width and height, px.
    padding
        Bytes at the end of every line.
    offset
        Bytes before the first.

    Raises
    ------
    ValueError
        When the buffer is too short for that.
    """
    width, height = size
    line = width * kind.channels * kind.sent_as.itemsize
    data = np.frombuffer(memory, np.uint8, (line + padding) * height, offset)
    lines = data.reshape(height, line + padding)[:, :line]
    values = np.ascontiguousarray(lines).view(kind.sent_as)
    return values.reshape((height, width) if kind.channels == 1 else (height, width, -1))


def eight_bits(values: npt.NDArray[np.unsignedinteger], kind: PixelFormat) -> Image:
    """The image of what a camera sent, with 8 bits a value.

    Parameters
    ----------
    values
        (H, W) or (H, W, channels), as the camera sent them.

    Returns
    -------
    numpy.ndarray
        (H, W) or (H, W, 3) uint8; `values` itself where nothing is to be changed.
    """
    if kind.bits > 8:
        return np.asarray(values >> (kind.bits - 8), dtype=np.uint8)
    return np.ascontiguousarray(values[..., :3] if kind.channels == 4 else values, dtype=np.uint8)
