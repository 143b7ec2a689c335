"""The fisheye lens: OpenCV's numbers, slopes, inverses and whole cameras."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_sdannce.geometry import Camera, triangulate, triangulate_dlt
from napari_sdannce.geometry.camera_rows import camera_rows
from napari_sdannce.geometry.compiled_lens import line_of_sight, look
from napari_sdannce.geometry.fisheye import (
    bend_fisheye_slopes,
    distort_fisheye,
    fold_angle,
    undistort_fisheye,
)

LENS = np.array([0.03, -0.012, 0.006, -0.002])
STRAIGHT = np.array([[310.0, 0, 320], [0, 312.0, 256], [0, 0, 1]])  # OpenCV knows no such skew
SKEWED = STRAIGHT + np.array([[0, 2.5, 0], [0, 0, 0], [0, 0, 0]])
TURN = np.array([[0.36, 0.48, -0.8], [-0.8, 0.6, 0], [0.48, 0.64, 0.6]])


def at_angle(angle: np.ndarray | float, around: np.ndarray | float) -> np.ndarray:
    """(..., 3) unit vectors at an angle off the axis z."""
    sine = np.sin(angle)
    return np.stack(
        np.broadcast_arrays(sine * np.cos(around), sine * np.sin(around), np.cos(angle)), axis=-1
    )


def wide(radial=LENS, matrix=STRAIGHT, rotation=None, **changes) -> Camera:
    turned = np.eye(3) if rotation is None else rotation
    return Camera("wide", matrix, turned, np.zeros(3), radial, fisheye=True, **changes)


def test_opencv_projects_alike() -> None:
    rng = np.random.default_rng(0)
    points = at_angle(rng.uniform(0, np.radians(89), 400), rng.uniform(0, 7, 400)) * 50
    expected, _ = cv2.fisheye.projectPoints(
        points[:, None], np.zeros(3), np.zeros(3), STRAIGHT, LENS
    )
    np.testing.assert_allclose(wide().project(points), expected[:, 0], atol=1e-9)


def test_opencv_undistorts_alike() -> None:
    rng = np.random.default_rng(1)
    pixels = rng.uniform(0, (640, 512), (300, 2))
    criteria = (cv2.TERM_CRITERIA_COUNT + cv2.TERM_CRITERIA_EPS, 100, 1e-14)
    expected = cv2.fisheye.undistortPoints(
        pixels[:, None], STRAIGHT, LENS, P=STRAIGHT, criteria=criteria
    )
    np.testing.assert_allclose(wide().undistort(pixels), expected[:, 0], rtol=1e-7)


@pytest.mark.parametrize("size", [1e-9, 1e-3, 1.0, 11.4])
def test_slopes_are_those_of_the_lens(size: float) -> None:
    """Up to 85 degrees off the axis, and next to it."""
    xy = size * np.random.default_rng(2).uniform(-1, 1, (60, 2))
    along_x, cross, along_y = bend_fisheye_slopes(*xy.T, *LENS)
    jacobian = np.array([[along_x, cross], [cross, along_y]]).transpose(2, 0, 1)
    for k in range(2):
        step = np.eye(2)[k] * 1e-5 * max(size, 0.1)
        slope = distort_fisheye(xy + step, LENS) - distort_fisheye(xy - step, LENS)
        np.testing.assert_allclose(jacobian[:, :, k], slope / (2 * step.max()), atol=1e-8)


def test_the_axis_needs_no_care() -> None:
    assert distort_fisheye(np.zeros(2), LENS).tolist() == [0, 0]
    assert undistort_fisheye(np.zeros(2), LENS).tolist() == [0, 0]
    assert [float(each) for each in bend_fisheye_slopes(0.0, 0.0, *LENS)] == [1, 0, 1]
    tiny = np.array([1e-170, -1e-200])
    np.testing.assert_allclose(distort_fisheye(tiny, LENS), tiny)


def test_growth_ends_at_the_fold() -> None:
    lens = (-0.4, 0.05, 0.0, 0.0)
    angles = np.linspace(0, np.pi / 2, 200_001)
    bent = angles * (1 + angles**2 * (lens[0] + angles**2 * lens[1]))
    first = angles[np.argmax(np.diff(bent) < 0)]
    assert fold_angle(lens) == pytest.approx(first, abs=2e-5)
    assert fold_angle((0.1, 0.0, 0.0, 0.0)) == np.pi / 2
    camera = wide(lens)
    assert camera.reach == pytest.approx(np.tan(first), rel=1e-3)
    assert camera.widest_angle == fold_angle(lens)
    assert wide().reach == np.inf


def test_nothing_beyond_the_fold_or_behind() -> None:
    camera = wide((-0.4, 0.05, 0.0, 0.0))
    inside, outside = camera.widest_angle * np.array([0.999, 1.001])
    assert np.isfinite(camera.project(at_angle(inside, 1.0))).all()
    assert np.isnan(camera.project(at_angle(outside, 1.0))).all()
    widest = camera.widest_angle
    rim = 310 * widest * (1 - 0.4 * widest**2 + 0.05 * widest**4)
    assert np.isfinite(camera.undistort([320 + 0.9999 * rim, 256])).all()
    assert np.isnan(camera.undistort([320 + 1.0001 * rim, 256])).all()
    assert np.isnan(camera.rays([320 + 1.0001 * rim, 256])).all()
    assert np.isnan(wide().project([[1, 0, 0.0], [1, 0, -0.1], [0, 0, 0], [np.nan, 0, 1]])).all()
    half = 310 * distort_fisheye(np.array([1e9, 0]), LENS)[0]
    assert np.isnan(wide().rays([320 + 1.0001 * half, 256])).all()


lenses = st.tuples(*[st.floats(-limit, limit) for limit in (0.3, 0.1, 0.05, 0.02)])


@settings(deadline=None)
@given(
    lens=lenses,
    skew=st.floats(-8, 8),
    around=st.floats(0, 2 * np.pi),
    part=st.floats(0, 0.985),
    distance=st.floats(1, 1e4),
)
def test_rays_undo_projection(
    lens: tuple[float, ...], skew: float, around: float, part: float, distance: float
) -> None:
    matrix = STRAIGHT + np.array([[0, skew, 0], [0, 0, 0], [0, 0, 0]])
    camera = Camera("a", matrix, TURN, np.array([5.0, -7, 11]), lens, fisheye=True)
    in_camera = at_angle(part * camera.widest_angle, around) * distance
    point = TURN.T @ (in_camera - camera.translation)
    pixel = camera.project(point)
    found = camera.centre + camera.rays(pixel) * distance
    np.testing.assert_allclose(found, point, atol=1e-7 * distance)
    ideal = camera.to_pixels(in_camera[:2] / in_camera[2])
    np.testing.assert_allclose(camera.undistort(pixel), ideal, atol=1e-6, rtol=1e-6)


@settings(deadline=None)
@given(lens=lenses, x=st.floats(-3, 3), y=st.floats(-3, 3))
def test_rays_are_the_inverse_or_nan(lens: tuple[float, ...], x: float, y: float) -> None:
    camera = wide(lens, SKEWED)
    pixel = camera.to_pixels(np.array([x, y]))
    ray = camera.rays(pixel)
    if np.isnan(ray).any():
        widest = camera.widest_angle
        rim = widest * (1 + sum(k * widest ** (2 * n) for n, k in enumerate(lens, start=1)))
        assert np.hypot(x, y) > rim - 1e-9
    elif ray[2] > 1e-6:  # else 90 degrees off the axis, where rounding decides
        np.testing.assert_allclose(camera.project(ray), pixel, atol=1e-6)


@pytest.fixture(scope="module")
def dome() -> tuple[Camera, ...]:
    """Five cameras close round the origin, turned by up to 90 degrees from it, skewed."""
    cameras = []
    for i, angle in enumerate(np.linspace(0, 2 * np.pi, 5, endpoint=False)):
        centre = np.array([90 * np.cos(angle), 90 * np.sin(angle), 40.0])
        away = angle + 0.4 * i
        forward = -np.array([np.cos(away), np.sin(away), 0.3])
        forward /= np.linalg.norm(forward)
        right = np.cross(forward, [0, 0, 1.0])
        right /= np.linalg.norm(right)
        rotation = np.stack([right, np.cross(forward, right), forward])
        radial = LENS * (1 + 0.2 * i)
        cameras.append(
            Camera(
                str(i), SKEWED, rotation, -rotation @ centre, radial,
                image_size=(1000, 1000), fisheye=True,
            )
        )  # fmt: skip
    return tuple(cameras)


def test_the_compiled_camera_is_the_camera(dome, points) -> None:
    rows = camera_rows(dome)
    for v, camera in enumerate(dome):
        found = np.array([look(rows, v, *point) for point in points[:100]])
        np.testing.assert_allclose(found[:, :2], camera.project(points[:100]), atol=1e-9)
        pixels = np.random.default_rng(1).uniform(0, 640, (60, 2))
        sights = np.array([line_of_sight(rows, v, *pixel) for pixel in pixels])
        unit = sights / np.linalg.norm(sights, axis=1, keepdims=True)
        np.testing.assert_allclose(unit, camera.rays(pixels), atol=1e-11)


def test_mixed_cameras_triangulate(dome, ring, points) -> None:
    cameras = (*dome[:3], *ring[:2])
    pixels = np.stack([camera.project(points) for camera in cameras])
    many = np.isfinite(pixels).all(axis=-1).sum(axis=0) >= 3
    assert many.mean() > 0.9
    off_axis = [dome[v].rays(pixels[v]) @ dome[v].rotation[2] for v in range(3)]
    assert np.nanmin(off_axis) < np.cos(np.radians(80))
    found = triangulate(cameras, pixels)
    np.testing.assert_allclose(found.points[many], points[many], atol=1e-7)
    np.testing.assert_allclose(triangulate_dlt(cameras, pixels)[many], points[many], atol=1e-6)


def test_a_wrong_view_of_a_fisheye_is_left_out(dome, points) -> None:
    pixels = np.stack([camera.project(points) for camera in dome])
    pixels[1] += 150
    found = triangulate(dome, pixels)
    seen = np.isfinite(pixels).all(axis=-1)
    kept = seen.sum(axis=0) == 5
    assert kept.sum() > 50
    assert not found.accepted[1, kept].any()
    np.testing.assert_allclose(found.points[kept], points[kept], atol=1e-6)


def test_covariance_is_that_of_noise(dome) -> None:
    """The slopes are right where the lens bends most."""
    point, rng = np.array([15.0, -20, 10]), np.random.default_rng(4)
    exact = np.stack([camera.project(point) for camera in dome])
    seen = [v for v in range(5) if np.isfinite(exact[v]).all()]
    cameras = [dome[v] for v in seen]
    noisy = exact[seen][:, None] + rng.normal(0, 0.5, (len(seen), 4000, 2))
    found = triangulate(cameras, noisy, pixel_sigma=0.5)
    spread = np.cov(found.points.T)
    np.testing.assert_allclose(
        np.sqrt(np.diag(spread)), np.sqrt(np.diag(np.mean(found.covariance, axis=0))), rtol=0.08
    )


def test_images_that_reach_85_degrees() -> None:
    """There and back to the borders, and through smaller and cropped images."""
    edge = distort_fisheye(np.array([np.tan(np.radians(85)), 0]), LENS)[0]
    focal = 511.5 / edge
    matrix = np.array([[focal, 0, 511.5], [0, focal, 511.5], [0, 0, 1]])
    camera = wide(LENS, matrix, TURN, image_size=(1024, 1024))
    sides = np.array([[0, 511.5], [1023, 511.5], [511.5, 0], [511.5, 1023]])
    angles = np.degrees(np.arccos(camera.rays(sides) @ TURN[2]))
    np.testing.assert_allclose(angles, 85, atol=1e-9)
    points = 300 * camera.rays(sides)
    np.testing.assert_allclose(camera.project(points), sides, atol=1e-8)
    np.testing.assert_allclose(
        camera.undistort(sides)[1, 0] - 511.5, focal * np.tan(np.radians(85))
    )
    half = camera.scaled(0.5)
    assert half.fisheye
    np.testing.assert_allclose(half.project(points) + 0.5, (sides + 0.5) / 2, atol=1e-8)
    cut = camera.cropped(100, 50, 800, 900)
    np.testing.assert_allclose(cut.project(points), sides - (100, 50), atol=1e-8)
    moved = camera.seen_from(TURN, [3.0, 4, 5])
    np.testing.assert_allclose(moved.project((points - [3, 4, 5]) @ TURN.T), sides, atol=1e-8)


def test_what_is_no_fisheye_is_named() -> None:
    with pytest.raises(ValueError, match=r"'wide': radial has shape \(3,\), expected \(4,\)"):
        wide([0.1, 0.2, 0.3])
    with pytest.raises(ValueError, match=r"'wide': radial has shape \(4,\), expected \(2,\)"):
        replace(wide(), fisheye=False)
    with pytest.raises(ValueError, match="'wide': a fisheye has no tangential distortion, got"):
        wide(tangential=[0.1, 0])
    with pytest.raises(ValueError, match="camera 'wide' is a fisheye"):
        wide().radial3  # noqa: B018
