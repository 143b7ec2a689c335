"""Epipolar curves."""

from __future__ import annotations

import numpy as np
import pytest

from napari_sdannce.geometry import Camera, epipolar_curve


def off_curve(curve, pixel):
    """Distance in px of a pixel from a polyline."""
    start, way = curve[:-1], np.diff(curve, axis=0)
    kept = np.isfinite(start).all(axis=1) & np.isfinite(way).all(axis=1)
    start, way = start[kept], way[kept]
    along = ((pixel - start) * way).sum(axis=1) / (way**2).sum(axis=1)
    nearest = start + np.clip(along, 0, 1)[:, None] * way
    return np.linalg.norm(nearest - pixel, axis=1).min()


@pytest.mark.parametrize("bounds", [{}, {"depths": (200, 1200)}, {"box": [[-90] * 3, [90] * 3]}])
def test_passes_through_the_point_in_the_other_view(bounds, ring, points) -> None:
    for point in points[:20]:
        clicked = ring[0].project(point)
        for target in ring[1:]:
            curve = epipolar_curve(ring[0], clicked, target, **bounds)
            assert curve.shape == (100, 2)
            assert off_curve(curve, target.project(point)) < 0.1


def test_stays_inside_the_image(ring) -> None:
    for target in ring[1:]:
        curve = epipolar_curve(ring[0], [330, 250], target)
        inside = np.isfinite(curve).all(axis=1)
        assert target.sees(curve[inside]).all()
        assert inside.sum() > 80  # few samples are spent outside


def test_box_bounds_the_curve(ring) -> None:
    box = np.array([[-10.0] * 3, [10.0] * 3])
    curve = epipolar_curve(ring[0], ring[0].project([0, 0, 0]), ring[2], box=box)
    ends = np.linalg.norm(curve[[0, -1]] - ring[2].project([0, 0, 0]), axis=1)
    # the box is at most 35 mm across, some 650 mm away
    assert (ends > 5).all()
    assert (ends < 900 * 18 / 600).all()
    assert np.isnan(epipolar_curve(ring[0], [5, 5], ring[2], box=box)).all()


def test_evenly_spaced(ring) -> None:
    curve = epipolar_curve(ring[0], [330, 250], ring[2], depths=(300, 3000), samples=50)
    steps = np.linalg.norm(np.diff(curve[np.isfinite(curve[:, 0])], axis=0), axis=1)
    assert steps.max() < 1.5 * steps.min()


def fisheye_at(centre, towards, **changes) -> Camera:
    """Fisheye with images that end 85 degrees off the axis."""
    forward = np.array(towards, dtype=float) - centre
    forward /= np.linalg.norm(forward)
    right = np.cross(forward, [0, 0, 1.0])
    right /= np.linalg.norm(right)
    rotation = np.stack([right, np.cross(forward, right), forward])
    focal = 511.5 / np.radians(85)
    matrix = np.array([[focal, 0, 511.5], [0, focal, 511.5], [0, 0, 1]])
    how = {"image_size": (1024, 1024)} | changes
    return Camera("wide", matrix, rotation, -rotation @ centre, np.zeros(4), fisheye=True, **how)


@pytest.mark.parametrize("size", [(1024, 1024), None])
def test_curves_in_a_fisheye_and_from_one(size, ring, points) -> None:
    """Also where the point is seen at the border of the image, 85 degrees off the axis."""
    wide = fisheye_at(np.array([300.0, 100, 80]), [0, 150, 0], image_size=size)
    for point in (*points[:20], wide.centre + 200 * wide.rays([511.5, 1023.0])):
        clicked = ring[0].project(point)
        curve = epipolar_curve(ring[0], clicked, wide, samples=400)
        assert off_curve(curve, wide.project(point)) < 0.2
        back = epipolar_curve(wide, wide.project(point), ring[0], samples=400)
        if ring[0].sees(clicked):
            assert off_curve(back, clicked) < 0.2


def test_evenly_spaced_in_a_fisheye() -> None:
    one = fisheye_at(np.array([300.0, 0, 80]), [0, 0, 0])
    other = fisheye_at(np.array([0.0, 300, 200]), [0, 0, 0])
    for pixel in ([300, 500], [511.5, 511.5], [900, 600]):
        curve = epipolar_curve(one, pixel, other, samples=100)
        inside = np.isfinite(curve[:, 0])
        assert inside.sum() > 60
        assert other.sees(curve[inside]).all()
        steps = np.linalg.norm(np.diff(curve[inside], axis=0), axis=1)
        assert steps.max() < 2.2 * steps.min()


def test_a_fisheye_sees_its_own_ray_as_a_point() -> None:
    wide = fisheye_at(np.array([300.0, 0, 80]), [0, 0, 0])
    curve = epipolar_curve(wide, [300, 200], wide)
    np.testing.assert_allclose(curve[np.isfinite(curve[:, 0])], [[300, 200]] * 100, atol=1e-6)


def test_unknown_image_size(ring, points) -> None:
    target = Camera("b", ring[1].matrix, ring[1].rotation, ring[1].translation, ring[1].radial)
    curve = epipolar_curve(ring[0], ring[0].project(points[0]), target, depths=(100, 2000))
    assert off_curve(curve, target.project(points[0])) < 0.5


def test_nothing_to_see(ring) -> None:
    """A target that looks the other way shows nothing, nor does a pixel beyond the lens."""
    away = np.diag([-1.0, 1, -1]) @ ring[1].rotation
    target = Camera("away", ring[1].matrix, away, -away @ ring[1].centre)
    curve = epipolar_curve(ring[0], [330, 250], target, depths=(300, 900))
    assert np.isnan(curve).all()
    assert np.isnan(epipolar_curve(ring[0], [np.nan, 3], ring[1])).all()
    assert np.isnan(epipolar_curve(ring[0], [1e5, 3], ring[1])).all()


def test_same_place_shows_a_point(ring) -> None:
    curve = epipolar_curve(ring[0], [300, 200], ring[0])
    np.testing.assert_allclose(curve[np.isfinite(curve[:, 0])], [[300, 200]] * 100, atol=1e-6)


def test_bad_bounds_are_named(ring) -> None:
    with pytest.raises(ValueError, match="depths must be two rising"):
        epipolar_curve(ring[0], [1, 1], ring[1], depths=(5, 2))
    with pytest.raises(ValueError, match="box must be"):
        epipolar_curve(ring[0], [1, 1], ring[1], box=[[1, 1, 1], [0, 2, 2]])
    with pytest.raises(ValueError, match="at least two samples"):
        epipolar_curve(ring[0], [1, 1], ring[1], samples=1)
    with pytest.raises(ValueError, match=r"one pixel x, y, got an array of shape \(2, 2\)"):
        epipolar_curve(ring[0], [[1, 1], [2, 2]], ring[1])
