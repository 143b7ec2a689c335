"""What cameras send becomes images of 8 bits."""

from __future__ import annotations

import numpy as np
import pytest

from napari_sdannce.capture.back_ends.pixel_formats import FORMATS, eight_bits, pixels
from napari_sdannce.capture.cameras import PixelLayout


@pytest.mark.parametrize("bits", [10, 12, 14, 16])
def test_the_upper_eight_bits_are_kept(bits: int) -> None:
    kind = FORMATS[f"Mono{bits}"]
    sent = np.arange(2**bits, dtype="<u2").reshape(4, -1)
    image = eight_bits(sent, kind)
    assert image.dtype == np.uint8
    np.testing.assert_array_equal(image, sent // 2 ** (bits - 8))


def test_eight_bits_are_not_touched() -> None:
    sent = np.arange(12, dtype=np.uint8).reshape(3, 4)
    assert eight_bits(sent, FORMATS["BayerRG8"]) is sent


def test_the_fourth_channel_goes() -> None:
    sent = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
    image = eight_bits(sent, FORMATS["BGRA8Packed"])
    np.testing.assert_array_equal(image, sent[..., :3])
    assert image.flags.c_contiguous
    assert FORMATS["BGRA8Packed"].layout is PixelLayout.BGR


@pytest.mark.parametrize("name", ["Mono8", "Mono12", "RGB8", "RGBa8"])
def test_pixels_lie_between_padding(name: str) -> None:
    kind = FORMATS[name]
    shape = (3, 5) if kind.channels == 1 else (3, 5, kind.channels)
    sent = np.arange(np.prod(shape)).reshape(shape).astype(kind.sent_as)
    lines = [b"\xee" * 7, *(line.tobytes() + b"\xff" * 4 for line in sent), b"\xdd"]
    found = pixels(b"".join(lines), (5, 3), kind, padding=4, offset=7)
    np.testing.assert_array_equal(found, sent)


def test_a_short_buffer_is_told() -> None:
    with pytest.raises(ValueError, match="buffer"):
        pixels(bytes(14), (5, 3), FORMATS["Mono8"])
