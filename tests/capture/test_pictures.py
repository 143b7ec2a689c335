"""Pictures to look at: size, colours, light and focus."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from napari_sdannce.capture.cameras import Frame, PixelLayout
from napari_sdannce.capture.recorder.pictures import picture_of
from napari_sdannce.synthetic.cameras import pattern

BAYER = [layout for layout in PixelLayout if layout.value.startswith("bayer")]


def of(image: np.ndarray, layout: PixelLayout = PixelLayout.MONO, width: int = 100):
    return picture_of(Frame(image, 7, None, 1, 2), layout, width)


@pytest.mark.parametrize("layout", [PixelLayout.RGB, PixelLayout.BGR, *BAYER])
@pytest.mark.parametrize("width", [100, 700])
def test_colours_are_those_of_the_scene(layout: PixelLayout, width: int) -> None:
    picture = of(pattern(640, 512, layout), layout, width)
    truth = cv2.resize(pattern(640, 512, PixelLayout.RGB), picture.image.shape[1::-1])
    assert picture.image.shape[1] == min(width, 640)
    inner = (slice(4, -4), slice(4, -4))
    off = np.abs(picture.image.astype(int) - truth)[inner]
    assert np.median(off) <= 2  # but for edges between the ramps


def test_small_pictures_keep_their_shape_and_large_ones_stay() -> None:
    assert of(np.zeros((1024, 1152), np.uint8), width=288).image.shape == (256, 288)
    image = np.random.default_rng(0).integers(0, 255, (40, 60), dtype=np.uint8)
    picture = of(image)
    assert (picture.width, picture.height, picture.block_id) == (60, 40, 7)
    np.testing.assert_array_equal(picture.image, image)
    assert not np.shares_memory(picture.image, image)


def test_light_is_measured() -> None:
    image = np.full((300, 300), 100, np.uint8)
    image[:30] = 255
    image[-60:] = 0
    picture = of(image)
    assert picture.saturated == pytest.approx(0.1)
    assert picture.black == pytest.approx(0.2)
    assert picture.histogram[100 // 4] == pytest.approx(0.7)
    assert picture.histogram.sum() == pytest.approx(1)


@pytest.mark.parametrize("layout", [PixelLayout.MONO, PixelLayout.BAYER_RG])
def test_what_is_sharp_has_more_focus_than_what_is_not_whatever_the_light(
    layout: PixelLayout,
) -> None:
    rng = np.random.default_rng(0)
    sharp = cv2.resize(rng.integers(40, 200, (64, 64), dtype=np.uint8), (512, 512))
    soft = cv2.GaussianBlur(sharp, (0, 0), 4)
    assert of(sharp, layout).focus > 2 * of(soft, layout).focus
    darker = (sharp // 2).astype(np.uint8)
    assert of(darker, layout).focus == pytest.approx(of(sharp, layout).focus, rel=0.3)
