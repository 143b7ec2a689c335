"""The lens polynomial, its slopes, its fold and its inverse."""

from __future__ import annotations

import numpy as np
import pytest

from napari_sdannce.geometry.distortion import (
    bend_slopes,
    distort,
    fold_radius,
    undistort,
)

RADIAL, TANGENTIAL = np.array([-0.159, 0.94, -2.71]), np.array([-0.0011, -0.0038])


def jacobian_of(xy: np.ndarray, radial: np.ndarray, tangential: np.ndarray) -> np.ndarray:
    """(N, 2, 2) from the slopes, which make a symmetric matrix."""
    along_x, cross, along_y = bend_slopes(*xy.T, *radial, *tangential)
    return np.array([[along_x, cross], [cross, along_y]]).transpose(2, 0, 1)


def test_slopes_are_those_of_the_polynomial() -> None:
    xy = np.random.default_rng(0).uniform(-0.6, 0.6, (50, 2))
    jacobian = jacobian_of(xy, RADIAL, TANGENTIAL)
    for k in range(2):
        step = np.eye(2)[k] * 1e-6
        ahead = distort(xy + step, RADIAL, TANGENTIAL)
        slope = (ahead - distort(xy - step, RADIAL, TANGENTIAL)) / 2e-6
        np.testing.assert_allclose(jacobian[:, :, k], slope, atol=1e-8)


def test_fold_of_radial_terms_is_where_growth_ends() -> None:
    reach = fold_radius(tuple(RADIAL), (0.0, 0.0))
    radii = np.linspace(0, 1, 100_001)
    bent = distort(np.stack([radii, 0 * radii], axis=1), RADIAL, np.zeros(2))[:, 0]
    assert reach == pytest.approx(radii[np.argmax(np.diff(bent) < 0)], abs=2e-5)


def test_tangential_terms_bring_the_fold_nearer() -> None:
    radial = fold_radius((-0.3, 0.0, 0.0), (0.0, 0.0))
    both = fold_radius((-0.3, 0.0, 0.0), (0.02, 0.0))
    assert 0.8 * radial < both < radial
    angle = np.linspace(0, 2 * np.pi, 1000)
    for part, whole in ((0.999, True), (1.001, False)):
        rim = part * both * np.stack([np.cos(angle), np.sin(angle)], axis=1)
        slopes = jacobian_of(rim, np.array([-0.3, 0, 0]), np.array([0.02, 0]))
        assert (np.linalg.det(slopes) > 0).all() == whole


def test_a_growing_lens_has_no_fold() -> None:
    assert fold_radius((0.1, 0.0, 0.0), (0.0, 0.0)) == np.inf
    assert fold_radius((0.0, 0.0, 0.0), (0.0, 0.0)) == np.inf


def test_inverse_close_to_the_fold() -> None:
    reach = fold_radius(tuple(RADIAL), tuple(TANGENTIAL))
    angle = np.linspace(0, 2 * np.pi, 500)
    rim = 0.9999 * reach * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    found = undistort(distort(rim, RADIAL, TANGENTIAL), RADIAL, TANGENTIAL)
    np.testing.assert_allclose(found, rim, atol=1e-6)


def test_shapes_and_missing_values() -> None:
    xy = np.full((2, 3, 2), 0.1)
    xy[1, 2] = np.nan
    ideal = undistort(xy, RADIAL, TANGENTIAL)
    assert ideal.shape == xy.shape
    assert np.isnan(ideal[1, 2]).all()
    assert np.isfinite(np.delete(ideal.reshape(6, 2), 5, axis=0)).all()
    assert undistort(np.array([0.1, np.inf]), RADIAL, TANGENTIAL).shape == (2,)
    assert np.isnan(undistort(np.array([0.1, np.inf]), RADIAL, TANGENTIAL)).all()
