"""Linear triangulation."""

from __future__ import annotations

import numpy as np
import pytest

from napari_sdannce.geometry import triangulate_dlt, triangulate_pair_median
from napari_sdannce.geometry.dlt import (
    intersect_all,
    intersect_pairs,
    nan_median,
    pinhole_matrices,
)

METHODS = [triangulate_dlt, triangulate_pair_median]


@pytest.mark.parametrize("method", METHODS)
def test_finds_projected_points(method, ring, points) -> None:
    pixels = np.stack([camera.project(points) for camera in ring])
    np.testing.assert_allclose(method(ring, pixels), points, atol=1e-7)
    shaped = pixels.reshape(6, 5, 100, 2)
    np.testing.assert_allclose(method(ring, shaped), points.reshape(5, 100, 3), atol=1e-7)


@pytest.mark.parametrize("method", METHODS)
def test_needs_two_views(method, ring, points) -> None:
    pixels = np.stack([camera.project(points[:4]) for camera in ring])
    pixels[2:, 0] = np.nan
    pixels[1:, 1] = np.nan
    pixels[:, 2] = np.nan
    found = method(ring, pixels)
    np.testing.assert_allclose(found[[0, 3]], points[[0, 3]], atol=1e-6)
    assert np.isnan(found[1:3]).all()


def test_one_coordinate_missing_is_not_seen(ring, points) -> None:
    pixels = np.stack([camera.project(points[:1]) for camera in ring])
    pixels[0, 0, 1] = np.nan
    np.testing.assert_allclose(triangulate_dlt(ring, pixels), points[:1], atol=1e-7)


def test_median_over_pairs_shrugs_off_one_wrong_view(ring, points) -> None:
    pixels = np.stack([camera.project(points) for camera in ring])
    pixels[3] += 200
    off = np.linalg.norm(triangulate_pair_median(ring, pixels) - points, axis=1)
    linear = np.linalg.norm(triangulate_dlt(ring, pixels) - points, axis=1)
    assert np.median(off) < 0.2 * np.median(linear)


def test_nan_median() -> None:
    values = np.array([[1, np.nan, 5.0], [3, np.nan, np.nan], [2, np.nan, 7]])
    np.testing.assert_array_equal(nan_median(values), [2, np.nan, 6])


@pytest.mark.parametrize("method", METHODS)
def test_wrong_shapes_are_named(method, ring) -> None:
    with pytest.raises(ValueError, match=r"\(5, 2\), expected \(6, \.\.\., 2\) for 6 cameras"):
        method(ring, np.zeros((5, 2)))
    with pytest.raises(ValueError, match="got none"):
        method([], np.zeros((0, 2)))


@pytest.mark.golden
def test_reference_triangulation(mouse6) -> None:
    cameras, numbers = mouse6
    matrices, ideal = pinhole_matrices(cameras), numbers["tri_input_px"]
    pairs = intersect_pairs(matrices, ideal)
    assert numbers["tri_pairs"].tolist() == [[i, j] for i in range(6) for j in range(i + 1, 6)]
    np.testing.assert_allclose(pairs, numbers["tri_pairwise"], atol=1e-6, rtol=0)
    np.testing.assert_allclose(nan_median(pairs), numbers["tri_pair_median"], atol=1e-6, rtol=0)
    found = intersect_all(matrices, ideal)
    np.testing.assert_allclose(found, numbers["tri_all_dlt"], atol=1e-6, rtol=0)
    assert np.isnan(found[3]).all()
