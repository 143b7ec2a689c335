from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from napari_sdannce.models.heatmaps import peak_logit, peak_probability, soft_argmax
from napari_sdannce.models.image_peaks import integer_peaks, local_peaks, subpixel_peaks

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt


def spots(points: npt.ArrayLike, size: tuple[int, int], sigma: float) -> np.ndarray:
    """Gaussians of height 1 at points (n, 2), on images of (width, height): (n, H, W)."""
    x, y = np.mgrid[: size[0], : size[1]].swapaxes(1, 2)
    off = np.stack([x, y], axis=-1) - np.asarray(points)[:, None, None]
    return np.exp(-(off**2).sum(axis=-1) / (2 * sigma**2))


def test_expectation_of_one_hot_is_its_voxel() -> None:
    logits = torch.zeros(1, 2, 8, 8, 8)
    logits[0, 0, 1, 6, 3] = 60  # y, x, z
    position = soft_argmax(logits, voxel_mm=2.0)
    # centres lie at (index - 3.5) * 2 mm
    torch.testing.assert_close(position[0, 0], torch.tensor([5.0, -5.0, -1.0]))
    torch.testing.assert_close(position[0, 1], torch.zeros(3), atol=1e-5, rtol=0)


def test_expectation_equals_sum_over_grid() -> None:
    logits = torch.randn(2, 3, 8, 8, 16, generator=torch.Generator().manual_seed(3))
    y, x, z = np.meshgrid(*((np.arange(n) - (n - 1) / 2) * 1.5 for n in (8, 8, 16)), indexing="ij")
    p = np.exp(logits.double().numpy())
    p /= p.sum(axis=(2, 3, 4), keepdims=True)
    expected = np.stack([(p * axis).sum(axis=(2, 3, 4)) for axis in (x, y, z)], axis=-1)
    np.testing.assert_allclose(soft_argmax(logits, 1.5).numpy(), expected, atol=1e-5)


def test_peak_values() -> None:
    logits = torch.randn(1, 2, 4, 4, 4, generator=torch.Generator().manual_seed(0)) * 5
    p = torch.softmax(logits.flatten(2), dim=2).amax(dim=2)
    torch.testing.assert_close(peak_probability(logits), p)
    torch.testing.assert_close(peak_logit(logits), logits.flatten(2).amax(dim=2))


def test_integer_peaks_take_the_first_highest() -> None:
    heatmaps = np.zeros((2, 5, 7))
    heatmaps[0, 3, 4] = 2
    heatmaps[1, 1, [2, 5]] = 1
    peaks, values = integer_peaks(heatmaps)
    assert peaks.tolist() == [[4, 3], [2, 1]]
    assert values.tolist() == [2, 1]


@pytest.mark.parametrize("sigma", [1.0, 2.5, 7.0])
def test_subpixel_peak_of_a_spot_is_exact(sigma: float) -> None:
    points = np.array([[20.3, 11.8], [15.5, 16.5], [30.0, 9.0]])
    peaks, values = subpixel_peaks(0.7 * spots(points, (48, 32), sigma))
    np.testing.assert_allclose(peaks, points, atol=2e-3)
    assert (values <= 0.7).all()


def test_subpixel_peak_survives_noise_border_and_nothing() -> None:
    rng = np.random.default_rng(0)
    points = np.array([[20.3, 11.8]] * 200)
    noisy = spots(points, (48, 32), 4.0) + rng.normal(0, 0.02, (200, 32, 48))
    error = np.linalg.norm(subpixel_peaks(noisy)[0] - points, axis=1)
    whole = np.linalg.norm(integer_peaks(noisy)[0] - points, axis=1)
    assert np.median(error) < 0.6 * np.median(whole)
    corner, _ = subpixel_peaks(spots([[0.2, 31.1]], (48, 32), 2.0))
    np.testing.assert_allclose(corner, [[0.2, 31.1]], atol=0.01)
    flat, _ = subpixel_peaks(np.zeros((1, 8, 8)))
    assert flat.tolist() == [[0, 0]]
    negative, value = subpixel_peaks(np.full((1, 8, 8), -1.0))
    assert negative.tolist() == [[0, 0]]
    assert value.tolist() == [-1]


@pytest.mark.golden
@pytest.mark.parametrize("name", ["com_single_mouse6", "com_single_mouse6_crop"])
def test_peak_values_of_the_reference(golden: Path, name: str) -> None:
    stored = np.load(golden / f"{name}.npz")
    _, values = integer_peaks(stored["heatmaps"])
    np.testing.assert_array_equal(values.astype(np.float32), stored["pred_max"])


def test_local_peaks_are_found_best_first() -> None:
    places = np.array([[20.3, 9.6], [6.0, 12.2], [33.4, 20.0]])
    heights = np.array([0.6, 0.9, 0.3])
    heatmap = (heights[:, None, None] * spots(places, (40, 28), 2.0)).max(axis=0)
    peaks, values = local_peaks(heatmap[None], 5, radius=3)
    assert peaks.shape == (1, 5, 2)
    np.testing.assert_allclose(peaks[0, :3], places[[1, 0, 2]], atol=1e-3)
    np.testing.assert_allclose(values[0, :3], heights[[1, 0, 2]], atol=0.05)
    assert np.isnan(peaks[0, 3:]).all()
    assert np.isnan(values[0, 3:]).all()
    whole, _ = local_peaks(heatmap, 2, radius=3, subpixel=False)
    assert whole.tolist() == [[6, 12], [20, 10]]


def test_peaks_near_a_higher_one_do_not_count() -> None:
    heatmap = np.zeros((12, 20))
    heatmap[5, [3, 6, 14]] = [0.9, 0.8, 0.7]
    heatmap[8, 14:16] = 0.7  # with the one above it a plateau of three
    heatmap[0, 19] = 0.2  # in the corner
    peaks, values = local_peaks(heatmap, 9, radius=3, subpixel=False)
    found = np.isfinite(values)
    assert peaks[found].tolist() == [[3, 5], [14, 5], [19, 0]]
    assert len(local_peaks(heatmap - 1, 9, radius=3)[0]) == 9
    assert np.isnan(local_peaks(heatmap - 1, 9, radius=3)[0]).all()


def test_the_highest_local_peak_is_the_peak() -> None:
    heatmaps = np.random.default_rng(1).normal(size=(3, 2, 30, 40))
    peaks, values = local_peaks(heatmaps.astype(np.float32), 1, radius=4)
    expected, height = subpixel_peaks(heatmaps.astype(np.float32))
    np.testing.assert_allclose(peaks[:, :, 0], expected, atol=1e-5)
    np.testing.assert_allclose(values[:, :, 0], height)
