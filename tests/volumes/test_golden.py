"""Volumes against those of the reference.

Nearest: equal but for at most 0.1 % of the voxels, all at rounding ties, where the reference's
float32 projection lands on the other side. Linear: at most 4 % off by one grey level, 1e-4 by more.
"""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

from napari_sdannce.volumes import VoxelGrid, fill_volume, normalise

pytestmark = pytest.mark.golden

TIES = 1e-3


TIE_PX = 2e-3


def check_nearest(found: np.ndarray, expected: np.ndarray, cameras, com) -> None:
    assert found.shape == expected.shape
    assert (found != expected).any(axis=-1).mean() <= TIES
    points = VoxelGrid(120, len(found)).points(com)
    of_camera = np.split((found != expected).reshape(len(points), -1), len(cameras), axis=1)
    for camera, off in zip(cameras, of_camera, strict=True):
        pixels = camera.project(points[off.any(axis=1)])
        to_tie = np.abs(pixels - np.floor(pixels) - 0.5).min(axis=1, initial=0.5)
        assert (to_tie < TIE_PX).all()


def check_linear(found: np.ndarray, expected: np.ndarray) -> None:
    off = np.abs(found.astype(int) - expected)
    assert (off > 0).mean() <= 0.04
    assert (off > 1).mean() <= 1e-4


@pytest.mark.parametrize("voxels", [16, 32])
def test_quarter_size(voxels, reference) -> None:
    numbers = reference.quarter
    cameras = reference.cameras(numbers["K_scaled"])

    def fill(how):
        return fill_volume(
            reference.images, cameras, numbers["com"], size=120, voxels=voxels, interpolation=how
        )

    check_nearest(fill("nearest"), numbers[f"raw_u8_nearest_nvox{voxels}"], cameras, numbers["com"])
    check_linear(fill("reference-linear"), numbers[f"raw_u8_linear_nvox{voxels}"])


def test_normalised(reference) -> None:
    numbers = reference.quarter
    for how in ("nearest", "linear"):
        norm = normalise(numbers[f"raw_u8_{how}_nvox16"])
        np.testing.assert_allclose(norm, numbers[f"norm_{how}_nvox16"], atol=1e-6)


def test_cropped(reference) -> None:
    numbers = reference.read("volume_mouse6_quarter_crop")
    (top, bottom), (left, right) = numbers["crop_height"], numbers["crop_width"]
    assert (top, bottom, left, right) == (16, 240, 24, 264)
    cameras = reference.cameras(reference.quarter["K_scaled"])
    cropped = [camera.cropped(left, top, right - left, bottom - top) for camera in cameras]
    images = [image[top:bottom, left:right] for image in reference.images]
    volume = fill_volume(images, cropped, numbers["com"], size=120, voxels=32)
    check_nearest(volume, numbers["raw_u8_nearest_nvox32"], cropped, numbers["com"])
    np.testing.assert_array_equal(VoxelGrid(120, 32).points(numbers["com"]), numbers["grid"])


def test_mono(reference) -> None:
    expected = reference.read("volume_mouse6_quarter_mono")["raw_mono_nearest_nvox16"]
    cameras = reference.cameras(reference.quarter["K_scaled"])
    volume = fill_volume(
        reference.images, cameras, reference.quarter["com"], size=120, voxels=16, mono=True
    )
    assert volume.dtype == np.float32
    assert (np.abs(volume - expected) > 1e-4).any(axis=-1).mean() <= TIES


@pytest.mark.parametrize("voxels", [16, 32])
def test_full_size(voxels, reference) -> None:
    numbers, cameras = reference.read("volume_mouse6_full"), reference.cameras()
    images = reference.full_images()
    assert [hashlib.sha1(image.tobytes()).hexdigest() for image in images] == list(numbers["sha1"])

    def fill(how):
        return fill_volume(
            images, cameras, numbers["com"], size=120, voxels=voxels, interpolation=how
        )

    check_nearest(fill("nearest"), numbers[f"raw_u8_nearest_nvox{voxels}"], cameras, numbers["com"])
    check_linear(fill("reference-linear"), numbers[f"raw_u8_linear_nvox{voxels}"])


def test_our_linear_differs_from_the_reference_only_by_its_defects(reference) -> None:
    """Away from the borders both mix the same four pixels, so the mean level is the same."""
    numbers = reference.quarter
    volume = fill_volume(
        reference.images,
        reference.cameras(numbers["K_scaled"]),
        numbers["com"],
        size=120,
        voxels=32,
        interpolation="linear",
    )
    theirs = numbers["raw_u8_linear_nvox32"].astype(float)
    assert (volume != theirs).mean() > 0.3
    assert 0 < (volume - theirs).mean() < 3
