"""Peaks to positions: first principles, and the reference's COM files."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from napari_sdannce.files import open_recording
from napari_sdannce.files.com_mat import read_com
from napari_sdannce.geometry import Camera
from napari_sdannce.geometry.dlt import intersect_pairs, nan_median, pinhole_matrices
from napari_sdannce.inference.locate import find_peaks, locate
from napari_sdannce.recording import PixelOrigin
from napari_sdannce.settings import ComImageSettings, ComPredictSettings
from napari_sdannce.synthetic import camera_ring
from napari_sdannce.training.com_targets import com_targets

if TYPE_CHECKING:
    from pathlib import Path

REFERENCE = ComPredictSettings(
    checkpoint="none.pth", subpixel=False, min_peak=0.0, triangulation="pair_median"
)
ROBUST = ComPredictSettings(checkpoint="none.safetensors")


def mouse_cameras(golden: Path) -> tuple[Camera, ...]:
    numbers = np.load(golden / "camera_mouse6.npz")
    keys = ("camnames", "K", "R", "t", "RDistort", "TDistort")
    return tuple(
        Camera(str(name), K.T, R.T, t[0], radial, tangential)
        for name, K, R, t, radial, tangential in zip(*(numbers[k] for k in keys), strict=True)
    )


def rat_cameras(shared_data: Path) -> tuple[Camera, ...]:
    file = shared_data / "label3d/test_social_dannce_dannce.mat"
    return open_recording(file, pixel_origin=PixelOrigin.REFERENCE).cameras


def opencv_undistorted(camera: Camera, pixels: np.ndarray) -> np.ndarray:
    """Undistort as the reference does: OpenCV forgets the skew on the way in (defect D37)."""
    k1, k2, k3 = camera.radial3
    lens = np.array([k1, k2, *camera.tangential, k3])
    points = pixels.reshape(-1, 1, 2).astype(np.float32)
    ideal = cv2.undistortPoints(points, camera.matrix, lens, P=camera.matrix)
    return ideal.reshape(pixels.shape)


@pytest.mark.golden
@pytest.mark.parametrize("name", ["com_single_mouse6", "com_single_mouse6_crop"])
def test_single_animal_of_the_reference(golden: Path, name: str) -> None:
    stored, cameras = np.load(golden / f"{name}.npz"), mouse_cameras(golden)
    image = ComImageSettings(
        downsample=int(stored["downfac"]),
        method="nearest",
        crop_rows=tuple(stored["crop_height"].tolist()),
        crop_columns=tuple(stored["crop_width"].tolist()),
    )
    peaks, heights = find_peaks(stored["heatmaps"], image, subpixel=False)
    np.testing.assert_array_equal(heights.astype(np.float32), stored["pred_max"])
    ideal = np.stack([opencv_undistorted(c, peaks[:, v]) for v, c in enumerate(cameras)])
    np.testing.assert_allclose(ideal, stored["com2d_undistorted"].swapaxes(0, 1), atol=1e-3)
    pairs = intersect_pairs(pinhole_matrices(cameras), ideal.astype(np.float64))
    np.testing.assert_allclose(pairs.swapaxes(0, 1), stored["pair_com3d"], atol=1e-3)
    np.testing.assert_allclose(nan_median(pairs), stored["com3d"], atol=1e-3)
    file = read_com(golden / f"{name}_com3d.mat")
    np.testing.assert_allclose(nan_median(pairs), file.positions[:, 0], atol=1e-3)
    # our undistortion is exact, skew included; the same pixels then lie within a millimetre
    ours = locate(cameras, peaks.swapaxes(0, 1), heights.T, REFERENCE)
    np.testing.assert_allclose(ours.positions, stored["com3d"], atol=1.0)
    off = np.linalg.norm(ours.positions - stored["true_com"], axis=-1)
    theirs = np.linalg.norm(stored["com3d"] - stored["true_com"], axis=-1)
    assert off.mean() < theirs.mean() + 0.1


@pytest.mark.golden
def test_several_animals_of_the_reference(golden: Path, shared_data: Path) -> None:
    stored, cameras = np.load(golden / "com_multichannel_rat6.npz"), rat_cameras(shared_data)
    image = ComImageSettings(downsample=8, method="nearest")
    heatmaps = np.moveaxis(stored["heatmaps"], -1, 2)  # (T, V, A, H, W)
    peaks, heights = find_peaks(heatmaps, image, subpixel=False)
    views = np.moveaxis(peaks, 1, 0)
    ideal = np.stack([camera.undistort(seen) for camera, seen in zip(cameras, views, strict=True)])
    np.testing.assert_allclose(np.moveaxis(ideal, 0, 1), stored["com2d_undistorted"], atol=5e-3)
    located = locate(cameras, views, np.moveaxis(heights, 1, 0), REFERENCE)
    np.testing.assert_allclose(located.positions.swapaxes(1, 2), stored["com3d"], atol=5e-3)
    file = read_com(golden / "com_multichannel_rat6_com3d.mat")
    np.testing.assert_allclose(located.positions, file.positions, atol=5e-3)


@pytest.mark.golden
def test_between_pixels_is_nearer_to_the_truth(golden: Path, shared_data: Path) -> None:
    stored, cameras = np.load(golden / "com_multichannel_rat6.npz"), rat_cameras(shared_data)
    image = ComImageSettings(downsample=8, method="nearest")
    heatmaps = np.moveaxis(stored["heatmaps"], -1, 2)
    truth = np.stack([stored["true_A"], stored["true_B"]], axis=1)
    errors = []
    for settings in (REFERENCE, ROBUST):
        peaks, heights = find_peaks(heatmaps, image, subpixel=settings.subpixel)
        found = locate(cameras, np.moveaxis(peaks, 1, 0), np.moveaxis(heights, 1, 0), settings)
        errors.append(np.linalg.norm(found.positions - truth, axis=-1).mean())
    assert errors[1] < errors[0]


def scene() -> tuple[tuple[Camera, ...], np.ndarray, np.ndarray]:
    cameras = camera_ring(5, seed=1)
    points = np.random.default_rng(0).uniform(-150, 150, (7, 2, 3)) * (1, 1, 0.2)
    return cameras, points, np.stack([camera.project(points) for camera in cameras])


def test_heatmaps_to_positions() -> None:
    cameras, points, pixels = scene()
    image = ComImageSettings(downsample=4)
    flat = com_targets(pixels.reshape(-1, 2), (160, 128), image, sigma_px=24.0)
    maps = 0.8 * flat.reshape(*pixels.shape[:-1], 128, 160)
    peaks, heights = find_peaks(maps, image, subpixel=True)
    np.testing.assert_allclose(peaks, pixels, atol=0.02)
    found = locate(cameras, peaks, heights, ROBUST)
    np.testing.assert_allclose(found.positions, points, atol=0.05)
    assert ((found.confidence > 0.75) & (found.confidence <= 0.8)).all()


def test_wrong_and_low_peaks_are_left_out() -> None:
    cameras, points, pixels = scene()
    heights = np.full(pixels.shape[:-1], 0.9)
    pixels[2, :, 0] += 120  # another animal taken for this one, with high confidence
    pixels[4, :, 1] = 5.0  # nowhere, with low confidence
    heights[4, :, 1] = 0.05
    found = locate(cameras, pixels, heights, ROBUST)
    np.testing.assert_allclose(found.positions, points, atol=1e-3)
    assert found.confidence[0, 1] == pytest.approx(0.9)


@pytest.mark.parametrize("settings", [REFERENCE, ROBUST])
def test_too_few_cameras_give_nothing(settings: ComPredictSettings) -> None:
    cameras, _, pixels = scene()
    heights = np.full(pixels.shape[:-1], 0.9)
    heights[1:, 0, 0] = -1
    pixels[1:, 1, 1] = np.nan
    heights[1:, 1, 1] = np.nan
    found = locate(cameras, pixels, heights, settings)
    missing = np.isnan(found.positions).any(axis=-1)
    assert np.argwhere(missing).tolist() == [[0, 0], [1, 1]]
    assert np.isnan(found.confidence[missing]).all()
