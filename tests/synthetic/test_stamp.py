"""Numbers that can be read from an image, whatever was done to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_sdannce.synthetic.stamp import MIN_HEIGHT, MIN_WIDTH, Stamp, draw_stamp, read_stamp
from napari_sdannce.video import Encoding, VideoReader, VideoWriter

if TYPE_CHECKING:
    from pathlib import Path


def noise(height: int, width: int, *channels: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (height, width, *channels), dtype=np.uint8)


@given(
    st.builds(Stamp, st.integers(0, 255), st.integers(0, 2**24 - 1)),
    st.integers(MIN_WIDTH, 400),
    st.integers(MIN_HEIGHT, 300),
    st.sampled_from([(), (3,)]),
)
def test_what_is_drawn_is_read(
    stamp: Stamp, width: int, height: int, channels: tuple[int, ...]
) -> None:
    image = noise(height, width, *channels)
    draw_stamp(image, stamp)
    assert read_stamp(image) == stamp


@given(st.integers(0, 2**32 - 1))
def test_noise_holds_none(seed: int) -> None:
    assert read_stamp(noise(64, 160, seed=seed)) is None


def test_a_plain_image_holds_none() -> None:
    assert read_stamp(np.full((64, 160, 3), 200, dtype=np.uint8)) is None


def test_one_wrong_block_is_noticed() -> None:
    for block in range(1, 41):
        image = noise(64, 42 * 4)
        draw_stamp(image, Stamp(5, 77))
        image[:8, block * 4 : block * 4 + 4] ^= 255
        assert read_stamp(image) is None


@pytest.mark.parametrize(("gain", "offset"), [(0.3, 0), (0.4, 120), (0.6, 40)])
def test_it_survives_other_light(gain: float, offset: float) -> None:
    image = noise(64, 160)
    draw_stamp(image, Stamp(5, 77))
    darker = (image * gain + offset).astype(np.uint8)
    assert read_stamp(darker) == Stamp(5, 77)


@pytest.mark.parametrize("codec", ["libx264", "mjpeg"])
@pytest.mark.parametrize("gray", [False, True])
def test_it_survives_poor_encoding(tmp_path: Path, codec: str, gray: bool) -> None:
    path = tmp_path / "0.mkv"
    encoding = Encoding(codec=codec, quality=40)
    stamps = [Stamp(n % 256, n * n) for n in range(0, 3000, 300)]
    with VideoWriter(path, 160, 64, 25, gray=gray, encoding=encoding) as video:
        for i, stamp in enumerate(stamps):
            image = noise(64, 160, *([] if gray else [3]), seed=i)
            draw_stamp(image, stamp)
            video.write(image)
    with VideoReader(path, color="auto") as video:
        assert [read_stamp(video.read(i)) for i in range(len(stamps))] == stamps
