"""Projection and its inverses."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_sdannce.geometry import Camera

MATRIX = np.array([[500.0, 4.0, 320], [0, 510.0, 240], [0, 0, 1]])


def test_point_known_by_hand() -> None:
    camera = Camera("a", MATRIX, np.eye(3), np.zeros(3), [0.1, 0, 0], [0.01, 0.02])
    x, y, q = 0.2, -0.1, 0.05
    bent_x = x * (1 + 0.1 * q) + 2 * 0.01 * x * y + 0.02 * (q + 2 * x * x)
    bent_y = y * (1 + 0.1 * q) + 0.01 * (q + 2 * y * y) + 2 * 0.02 * x * y
    expected = [500 * bent_x + 4 * bent_y + 320, 510 * bent_y + 240]
    np.testing.assert_allclose(camera.project([20.0, -10, 100]), expected, atol=1e-11)


def test_opencv_agrees() -> None:
    cv2 = pytest.importorskip("cv2")
    straight = MATRIX * np.array([[1, 0, 1], [1, 1, 1], [1, 1, 1]])  # OpenCV knows no skew
    camera = Camera("a", straight, np.eye(3), np.zeros(3), [-0.2, 0.1, -0.05], [0.01, -0.004])
    points = np.random.default_rng(0).uniform([-40, -40, 100], [40, 40, 150], (100, 3))
    k = np.array([-0.2, 0.1, 0.01, -0.004, -0.05])
    expected, _ = cv2.projectPoints(points, np.zeros(3), np.zeros(3), straight, k)
    np.testing.assert_allclose(camera.project(points), expected[:, 0], atol=1e-9)


def test_behind_and_nan_are_nan() -> None:
    camera = Camera("a", MATRIX, np.eye(3), np.zeros(3))
    pixels = camera.project([[0, 0, -1.0], [0, 0, 0], [np.nan, 0, 1], [1, 1, 1]])
    assert np.isnan(pixels[:3]).all()
    assert np.isfinite(pixels[3]).all()


def test_points_past_the_fold_do_not_come_back_into_the_image() -> None:
    camera = Camera("a", MATRIX, np.eye(3), np.zeros(3), [-0.3, 0.0], image_size=(640, 480))
    assert camera.reach == pytest.approx(np.sqrt(1 / 0.9))
    x = np.linspace(0, 3, 400)
    pixels = camera.project(np.stack([x, 0 * x, np.ones_like(x)], axis=1))
    inside = x < camera.reach
    assert np.isfinite(pixels[inside]).all()
    assert np.isnan(pixels[~inside]).all()
    assert (np.diff(pixels[inside, 0]) > 0).all()
    # what the polynomial alone would say: a point 60 degrees off the axis seen near the centre
    folded = 500 * 1.8 * (1 - 0.3 * 1.8**2) + 320
    assert camera.sees([folded, 240])


def test_undistort_gives_nan_where_no_point_projects() -> None:
    camera = Camera("a", MATRIX, np.eye(3), np.zeros(3), [-0.3, 0.0])
    farthest = 500 * camera.reach * (1 - 0.3 * camera.reach**2)
    pixels = camera.undistort([[320 + 0.999 * farthest, 240], [320 + 1.001 * farthest, 240]])
    assert np.isfinite(pixels[0]).all()
    assert np.isnan(pixels[1]).all()
    assert np.isnan(camera.rays([320 + 1.001 * farthest, 240])).all()


lenses = st.tuples(
    st.floats(-0.4, 0.4), st.floats(-0.3, 0.9), st.floats(-3, 3), st.floats(-0.02, 0.02),
    st.floats(-0.02, 0.02),
)  # fmt: skip


@settings(deadline=None)
@given(
    lens=lenses,
    skew=st.floats(-8, 8),
    angle=st.floats(0, 2 * np.pi),
    off_axis=st.floats(0, 0.97),
    depth=st.floats(1, 1e4),
)
def test_rays_undo_projection(
    lens: tuple[float, ...], skew: float, angle: float, off_axis: float, depth: float
) -> None:
    turn = np.array([[0.36, 0.48, -0.8], [-0.8, 0.6, 0], [0.48, 0.64, 0.6]])
    matrix = MATRIX + np.array([[0, skew, 0], [0, 0, 0], [0, 0, 0]])
    camera = Camera("a", matrix, turn, np.array([5.0, -7, 11]), lens[:3], lens[3:])
    radius = off_axis * min(camera.reach, 1.5)
    in_camera = np.array([radius * np.cos(angle), radius * np.sin(angle), 1]) * depth
    point = turn.T @ (in_camera - camera.translation)
    pixel = camera.project(point)
    found = camera.centre + camera.rays(pixel) * np.linalg.norm(in_camera)
    np.testing.assert_allclose(found, point, atol=1e-7 * depth)
    ideal = camera.to_pixels(in_camera[:2] / in_camera[2])
    np.testing.assert_allclose(camera.undistort(pixel), ideal, atol=1e-6)


@settings(deadline=None)
@given(lens=lenses, x=st.floats(-2, 2), y=st.floats(-2, 2))
def test_undistort_is_the_inverse_or_nan(lens: tuple[float, ...], x: float, y: float) -> None:
    camera = Camera("a", MATRIX, np.eye(3), np.zeros(3), lens[:3], lens[3:])
    pixel = camera.to_pixels(np.array([x, y]))
    ray = camera.rays(pixel)
    if np.isnan(ray).any():
        # beyond what the lens can show: farther out than any pixel of the circle it reaches
        around = np.linspace(0, 2 * np.pi, 720)
        rim = camera.reach * 0.9999 * np.stack([np.cos(around), np.sin(around)], axis=1)
        bent = camera.to_normalised(camera.project(np.c_[rim, np.ones(720)]))
        nearest = np.argmax(bent @ [x, y] / np.linalg.norm(bent, axis=1))
        assert np.hypot(x, y) > 0.99 * np.linalg.norm(bent[nearest])
    else:
        np.testing.assert_allclose(camera.project(ray), pixel, atol=1e-6)


def test_scaled_and_cropped_follow_the_image() -> None:
    camera = Camera("a", MATRIX, np.eye(3), np.zeros(3), [-0.1, 0], image_size=(640, 480))
    point = [3.0, 4.0, 50.0]
    pixel = camera.project(point)
    cropped = camera.cropped(100, 50, 200, 300)
    np.testing.assert_allclose(cropped.project(point), pixel - [100, 50])
    assert cropped.image_size == (200, 300)
    # the corner of the image, half a pixel off the first centre, stays the corner
    np.testing.assert_allclose(camera.scaled(0.25).project(point) + 0.5, (pixel + 0.5) / 4)


def test_sees_the_image_to_its_edges() -> None:
    camera = Camera("a", MATRIX, np.eye(3), np.zeros(3), image_size=(640, 480))
    pixels = [[-0.5, -0.5], [639.4, 479.4], [639.5, 0], [0, -0.6], [np.nan, 0]]
    assert camera.sees(pixels).tolist() == [True, True, False, False, False]


def test_image_corners_are_undistorted_exactly(ring) -> None:
    """There and back, to the corners of the outermost pixels, skew and three terms included."""
    corners = np.array([[-0.5, -0.5], [639.5, -0.5], [-0.5, 511.5], [639.5, 511.5]])
    for camera in ring:
        ideal = camera.to_normalised(camera.undistort(corners))
        in_camera = np.concatenate([ideal, np.ones((4, 1))], axis=1) * 700.0
        points = (in_camera - camera.translation) @ camera.rotation
        np.testing.assert_allclose(camera.project(points), corners, atol=1e-9, rtol=0)


def test_many_points_of_any_shape_at_once(ring) -> None:
    points = np.random.default_rng(3).uniform(-60, 60, (2, 3, 5, 3))
    for camera in ring[:2]:
        pixels = camera.project(points)
        assert pixels.shape == (2, 3, 5, 2)
        assert camera.rays(pixels).shape == (2, 3, 5, 3)
        np.testing.assert_array_equal(camera.project(points[1, 2, 4]), pixels[1, 2, 4])
        assert camera.project(np.empty((0, 3))).shape == (0, 2)
        assert camera.undistort(np.empty((4, 0, 2))).shape == (4, 0, 2)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"matrix": np.eye(4)}, r"matrix has shape \(4, 4\), expected \(3, 3\)"),
        ({"matrix": MATRIX.T}, "transposed matrix"),
        ({"matrix": MATRIX * [[-1, 1, 1], [1, 1, 1], [1, 1, 1]]}, "focal lengths"),
        ({"radial": [0.1]}, r"radial has shape \(1,\), expected \(2,\) or \(3,\)"),
        ({"translation": [0, np.nan, 0]}, "translation holds values that are not finite"),
        ({"rotation": 2 * np.eye(3)}, "not a rotation matrix"),
        ({"rotation": np.diag([1.0, 1, -1])}, "determinant -1"),
        ({"image_size": (640, 0)}, r"image size must be \(width, height\).*got \(640, 0\)"),
        ({"image_size": (640.5, 480)}, "whole px"),
        ({"image_size": (640, 480, 3)}, "whole px"),
    ],
)
def test_what_is_no_camera_is_named(changes: dict, message: str) -> None:
    good = {"matrix": MATRIX, "rotation": np.eye(3), "translation": np.zeros(3)}
    with pytest.raises(ValueError, match=f"camera 'left': .*{message}"):
        Camera("left", **(good | changes))


def test_what_is_no_point_is_named(ring) -> None:
    for call, values in (
        (ring[0].project, [[1.0, 2.0]]),
        (ring[0].undistort, [1.0, 2.0, 3.0]),
        (ring[0].rays, 5.0),
        (ring[0].sees, [[1.0, 2.0, 3.0]]),
    ):
        with pytest.raises(ValueError, match=r"camera 'at .*have shape \(.*\), expected \(..., "):
            call(values)


def test_sizes_of_any_kind_of_number_are_the_same_size() -> None:
    camera = Camera("a", MATRIX, np.eye(3), np.zeros(3), image_size=np.array([640, 480]))
    assert camera.image_size == (640, 480)
    assert all(type(side) is int for side in camera.image_size)


@pytest.mark.golden
def test_reference_projection(mouse6) -> None:
    cameras, numbers = mouse6
    projected = np.stack([camera.project(numbers["points3d"]) for camera in cameras])
    np.testing.assert_allclose(projected, numbers["proj_distorted_f64"], atol=1e-6, rtol=0)
    np.testing.assert_allclose(projected, numbers["proj_distorted_f32"], atol=1e-3, rtol=0)


@pytest.mark.golden
def test_undistorting_gives_the_reference_pinhole(mouse6) -> None:
    cameras, numbers = mouse6
    observed = zip(cameras, numbers["proj_distorted_f64"], strict=True)
    ideal = np.stack([camera.undistort(pixels) for camera, pixels in observed])
    np.testing.assert_allclose(ideal, numbers["proj_pinhole"], atol=1e-6, rtol=0)
    pinhole = np.stack([camera.projection_matrix for camera in cameras])
    np.testing.assert_allclose(np.swapaxes(pinhole, 1, 2), numbers["M"], atol=1e-6, rtol=1e-9)


@pytest.mark.golden
def test_reference_undistortion_is_off_by_its_skew_only(mouse6) -> None:
    """Defect D37: the reference's inverse forgets the skew of the observed pixel."""
    cameras, numbers = mouse6
    for camera, observed, theirs in zip(
        cameras, numbers["proj_distorted_f64"], numbers["undistorted_cv2_f32"], strict=True
    ):
        ours = camera.undistort(observed)
        off = np.abs(ours - theirs).max()
        assert off < 0.05 + np.abs(camera.matrix[0, 1]) * 0.5
    worst = np.abs(cameras[0].undistort(numbers["proj_distorted_f64"][0]) - numbers["undistorted_cv2_f32"][0]).max()  # fmt: skip # noqa: E501
    assert worst > 1
