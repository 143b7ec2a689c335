"""The voxel grid."""

from __future__ import annotations

import numpy as np
import pytest

from napari_sdannce.volumes import VoxelGrid


def test_points_are_in_reference_order() -> None:
    grid, com = VoxelGrid(120, 4), np.array([5.0, -3.0, 40.0])
    x, y, z = grid.axes(com)
    points = grid.points(com).reshape(4, 4, 4, 3)
    for iy, ix, iz in [(0, 0, 0), (3, 1, 2), (1, 3, 0)]:
        assert points[iy, ix, iz].tolist() == [x[ix], y[iy], z[iz]]
    assert points.dtype == np.float32
    assert x.tolist() == [5 - 45, 5 - 15, 5 + 15, 5 + 45]


def test_odd_number_has_a_voxel_at_the_centre() -> None:
    grid = VoxelGrid(30, 3)
    assert grid.points((7, 8, 9))[13].tolist() == [7, 8, 9]
    assert grid.voxel_mm == 10


@pytest.mark.parametrize(
    ("size", "voxels", "message"),
    [(0, 8, "positive, got 0"), (np.nan, 8, "positive"), (10, 0, ">= 1"), (10, 2.5, "got 2.5")],
)
def test_impossible_grids(size: float, voxels: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        VoxelGrid(size, voxels)


def test_centres_must_be_finite_triples() -> None:
    with pytest.raises(ValueError, match="NaN"):
        VoxelGrid(10, 2).points((1, np.nan, 3))
    with pytest.raises(ValueError, match=r"shape \(2,\)"):
        VoxelGrid(10, 2).points((1, 3))


@pytest.mark.golden
def test_reference_grid(reference) -> None:
    numbers = reference.quarter
    for voxels in (16, 32):
        expected = numbers[f"grid_nvox{voxels}"]
        np.testing.assert_array_equal(VoxelGrid(120, voxels).points(numbers["com"]), expected)
