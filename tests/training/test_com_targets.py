from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from napari_sdannce.models.com_images import (
    common_size,
    prepare_image,
    stack_images,
    to_frame_pixels,
    to_image_pixels,
)
from napari_sdannce.models.image_peaks import subpixel_peaks
from napari_sdannce.settings import ComImageSettings
from napari_sdannce.training.com_examples import mirrored
from napari_sdannce.training.com_targets import com_targets, shared_target

if TYPE_CHECKING:
    from pathlib import Path

METHODS = {"dsm": "mean"}


@pytest.mark.golden
@pytest.mark.parametrize("name", ["nn", "dsm", "mono", "crop_nn", "two_ch", "two_in_one"])
def test_inputs_and_targets_of_the_reference(golden: Path, name: str) -> None:
    stored = np.load(golden / f"com_target_{name}.npz")
    frame = np.load(golden / "com_target_nn.npz")["image"]
    settings = ComImageSettings(
        downsample=int(stored["downfac"]),
        method=METHODS.get(name, "nearest"),
        mono=name == "mono",
        crop_rows=tuple(stored["crop_height"].tolist()),
        crop_columns=tuple(stored["crop_width"].tolist()),
    )
    image = prepare_image(frame, settings).astype(np.float64)
    if name == "mono":
        expected_image = stored["input"][0] + 114.67
        atol = 1e-3
    else:
        mean, std = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
        expected_image = (stored["input"][0] * std + mean) * 255
        # means of blocks are kept as whole grey values
        atol = 0.51 if name == "dsm" else 1e-3
    np.testing.assert_allclose(image, expected_image, atol=atol)
    # the reference rounds the label to whole pixels and scales the spot to height 1
    points = np.round(stored["label_xy"].T)
    target = com_targets(points, image.shape[1::-1], settings, float(stored["sigma"]))
    if name == "two_in_one":
        target = shared_target(target)
    target /= target.max(axis=(1, 2), keepdims=True)
    np.testing.assert_allclose(target.transpose(1, 2, 0), stored["target"][0], atol=1e-5)


@pytest.mark.parametrize("method", ["nearest", "mean"])
@pytest.mark.parametrize("factor", [1, 4, 8])
def test_peak_of_the_target_is_the_point(method: str, factor: int) -> None:
    settings = ComImageSettings(
        downsample=factor, method=method, crop_rows=(16, 400), crop_columns=(32, 640)
    )
    point = np.array([[301.3, 203.8]])
    size = (608 // factor, 384 // factor)
    peaks, height = subpixel_peaks(com_targets(point, size, settings, sigma_px=24.0))
    np.testing.assert_allclose(to_frame_pixels(peaks, settings), point, atol=0.05)
    assert height[0] > 0.9


def test_an_animal_without_label_has_no_target() -> None:
    points = np.array([[3.0, 4.0], [np.nan, 4.0]])
    targets = com_targets(points, (16, 8), ComImageSettings(downsample=1), sigma_px=2.0)
    assert targets.shape == (2, 8, 16)
    assert targets[0, 4, 3] == 1
    assert np.isnan(targets[1]).all()


@pytest.mark.parametrize("method", ["nearest", "mean"])
def test_pixels_go_there_and_back(method: str) -> None:
    settings = ComImageSettings(downsample=4, method=method, crop_rows=(8, 100))
    points = np.random.default_rng(0).uniform(0, 100, (5, 2))
    np.testing.assert_allclose(to_frame_pixels(to_image_pixels(points, settings), settings), points)
    middle = {"nearest": 0.0, "mean": 1.5}[method]
    np.testing.assert_allclose(to_frame_pixels([0, 0], settings), [middle, 8 + middle])


def test_images_of_several_sizes_are_stacked_without_moving() -> None:
    frames = [np.full((40, 70), 9, np.uint8), np.full((64, 50, 3), 5, np.uint8)]
    prepared = [prepare_image(frame, ComImageSettings(downsample=2)) for frame in frames]
    assert [image.shape for image in prepared] == [(20, 35, 3), (32, 25, 3)]
    size = common_size(image.shape for image in prepared)
    assert size == (32, 48)
    batch = stack_images(prepared, size)
    assert (batch[0, :20, :35] == 9).all()
    assert batch[0].sum() == 9 * 20 * 35 * 3


def test_crop_outside_of_the_frame_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"crop_rows \(50, 60\) lies outside of frames of 40 px"):
        prepare_image(np.zeros((40, 40, 3), np.uint8), ComImageSettings(crop_rows=(50, 60)))
    with pytest.raises(ValueError, match="two rising numbers"):
        ComImageSettings(crop_columns=(9, 9))


def test_a_mirrored_image_takes_its_points_along() -> None:
    image = np.zeros((6, 9, 3), np.uint8)
    image[4, 2] = 255
    turned, points = mirrored(image, np.array([[2.0, 4.0], [np.nan, 1.0]]))
    assert turned[int(points[0, 1]), int(points[0, 0])].tolist() == [255, 255, 255]
    assert turned.sum() == 3 * 255
    assert np.isnan(points[1, 0])
