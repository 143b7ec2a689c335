"""Robust triangulation."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_sdannce.geometry import triangulate, triangulate_dlt, triangulate_pair_median


def project(cameras, points):
    return np.stack([camera.project(points) for camera in cameras])


@pytest.fixture(scope="module")
def noisy(ring, points):
    """Pixels with 1 px of noise."""
    return project(ring, points) + np.random.default_rng(1).normal(size=(6, len(points), 2))


def mm_per_pixel(cameras, points):
    """(N,) how far a point moves for one pixel, in its nearest view."""
    depth = np.min([camera.to_camera_frame(points)[:, 2] for camera in cameras], axis=0)
    return depth / 900


def test_finds_projected_points(ring, points) -> None:
    found = triangulate(ring, project(ring, points).reshape(6, 5, 100, 2))
    np.testing.assert_allclose(found.points, points.reshape(5, 100, 3), atol=1e-9)
    assert found.accepted.shape == found.residuals.shape == (6, 5, 100)
    assert found.accepted.all()
    assert found.error.shape == (5, 100)
    assert found.error.max() < 1e-9
    assert found.covariance.shape == (5, 100, 3, 3)


@pytest.mark.parametrize("n", [2, 3, 4, 8, 12])
def test_any_number_of_cameras(n, rig, points) -> None:
    """Half of the views at random, two at the least; the rest of the ring saw nothing."""
    cameras = rig(n)
    pixels, rng = project(cameras, points), np.random.default_rng(n)
    unseen = rng.random(pixels.shape[:2]) < 0.5
    for i in range(len(points)):
        unseen[rng.choice(n, 2, replace=False), i] = False
    pixels[unseen] = np.nan
    for method in (triangulate_dlt, triangulate_pair_median):
        np.testing.assert_allclose(method(cameras, pixels), points, atol=1e-5)
    found = triangulate(cameras, pixels)
    np.testing.assert_allclose(found.points, points, atol=1e-5)
    np.testing.assert_array_equal(found.accepted, ~unseen)


def test_one_camera_finds_nothing(ring, points) -> None:
    found = triangulate(ring[:1], project(ring[:1], points))
    assert found.points.shape == (500, 3)
    assert np.isnan(found.points).all()
    assert not found.accepted.any()
    for method in (triangulate_dlt, triangulate_pair_median):
        assert np.isnan(method(ring[:1], project(ring[:1], points))).all()


def test_views_that_saw_nothing_change_nothing(ring, points, noisy) -> None:
    blind = noisy.copy()
    blind[[1, 4]] = np.nan
    blind[1, ::2, 0] = np.inf
    kept = [0, 2, 3, 5]
    found, alone = triangulate(ring, blind), triangulate([ring[v] for v in kept], noisy[kept])
    np.testing.assert_array_equal(found.points, alone.points)
    np.testing.assert_array_equal(found.covariance, alone.covariance)
    assert not found.accepted[[1, 4]].any()
    assert np.isnan(found.residuals[[1, 4]]).all()


def test_order_of_cameras_does_not_matter(ring, points, noisy) -> None:
    clicked = noisy.copy()
    clicked[2, :100] += 90
    turned = [3, 0, 5, 1, 4, 2]
    one, other = triangulate(ring, clicked), triangulate([ring[v] for v in turned], clicked[turned])
    np.testing.assert_allclose(other.points, one.points, atol=1e-6)
    np.testing.assert_array_equal(other.accepted, one.accepted[turned])


@pytest.mark.parametrize("n", [0, 1, 4096, 4097])
def test_points_are_taken_in_blocks(n, ring, points) -> None:
    many = np.resize(points, (n, 3))
    found = triangulate(ring, project(ring, many))
    assert found.covariance.shape == (n, 3, 3)
    np.testing.assert_allclose(found.points, many, atol=1e-8)
    np.testing.assert_allclose(triangulate_dlt(ring, project(ring, many)), many, atol=1e-6)


def test_least_squares_on_what_was_seen(ring, points, noisy) -> None:
    """No small move lowers the summed squared residual when Huber's knee is far off."""
    found = triangulate(ring, noisy, pixel_sigma=100.0)

    def cost(where):
        return ((project(ring, where) - noisy) ** 2).sum(axis=(0, 2))

    best = cost(found.points)
    for step in np.vstack([np.eye(3), -np.eye(3)]) * 0.01:
        assert (cost(found.points + step) > best).all()
    linear = triangulate_dlt(ring, noisy)
    assert (best <= cost(linear) + 1e-9).all()


def test_one_point_without_further_axes(ring, points, noisy) -> None:
    one = triangulate(ring, noisy[:, 7])
    assert one.points.shape == (3,)
    assert one.error.shape == ()
    np.testing.assert_array_equal(one.points, triangulate(ring, noisy).points[7])


@pytest.mark.parametrize("wrong", range(5))
def test_a_wrong_click_in_one_of_five_views_is_rejected(wrong, ring, points) -> None:
    views, rng = ring[:5], np.random.default_rng(wrong)
    pixels = project(views, points) + 0.3 * rng.normal(size=(5, len(points), 2))
    angle = rng.uniform(0, 2 * np.pi, len(points))
    clicked = pixels.copy()
    clicked[wrong] += 200 * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    found, clean = triangulate(views, clicked), triangulate(views, pixels)
    assert not found.accepted[wrong].any()
    assert np.delete(found.accepted, wrong, axis=0).all()
    assert (found.residuals[wrong] > 150).all()
    moved = np.linalg.norm(found.points - clean.points, axis=1)
    assert (moved < mm_per_pixel(views, points)).all()
    # the wrong click has no say at all: the same point as if it had not been made
    masked = pixels.copy()
    masked[wrong] = np.nan
    np.testing.assert_allclose(found.points, triangulate(views, masked).points, atol=1e-5)


def test_two_wrong_of_six(ring, points, noisy) -> None:
    clicked = noisy.copy()
    clicked[1] += [120, -40]
    clicked[4] += [-60, 90]
    found = triangulate(ring, clicked)
    assert found.accepted.sum(axis=0).min() >= 2
    right = (~found.accepted[[1, 4]]).all(axis=0) & found.accepted[[0, 2, 3, 5]].all(axis=0)
    assert right.mean() > 0.98


def test_repeated_use_changes_nothing(ring, points, noisy) -> None:
    clicked = noisy.copy()
    clicked[0, :100] += 90
    first = triangulate(ring, clicked)
    kept = np.where(first.accepted[..., None], clicked, np.nan)
    again = triangulate(ring, kept)
    np.testing.assert_allclose(again.points, first.points, atol=1e-5)
    np.testing.assert_array_equal(again.accepted, first.accepted)
    exact = triangulate(ring, project(ring, first.points))
    np.testing.assert_allclose(exact.points, first.points, atol=1e-8)


def test_two_views_have_nothing_to_reject(ring, points, noisy) -> None:
    pixels = noisy[:2].copy()
    pixels[1, :50] += [0, 80]  # the views cannot tell who is wrong, but the error shows it
    found = triangulate(ring[:2], pixels)
    assert found.accepted.all()
    assert np.isfinite(found.points).all()
    assert (found.error[:50] > 15).all()
    assert found.error[50:].max() < 5


def test_missing_views(ring, points, noisy) -> None:
    pixels = noisy.copy()
    pixels[2:, 0] = np.nan
    pixels[1:, 1] = np.nan
    pixels[:, 2] = np.nan
    pixels[3, 3, 0] = np.nan
    found = triangulate(ring, pixels)
    assert found.accepted[:, 0].tolist() == [True, True, False, False, False, False]
    assert np.isnan(found.points[1:3]).all()
    assert np.isnan(found.error[1:3]).all()
    assert np.isnan(found.covariance[1:3]).all()
    assert not found.accepted[:, 1:3].any()
    assert not found.accepted[3, 3]
    assert np.isnan(found.residuals[3, 3])
    assert np.isfinite(found.points[[0, 3]]).all()


def test_rays_that_part_do_not_meet_behind_the_cameras(ring) -> None:
    """Lines of sight whose meeting point lies behind both cameras give no point."""
    left, right = ring[0].centre, ring[0].centre + ring[0].rotation[0] * 100
    second = type(ring[0])(
        "b", ring[0].matrix, ring[0].rotation, -ring[0].rotation @ right,
        ring[0].radial, ring[0].tangential,
    )  # fmt: skip
    crossing = triangulate((ring[0], second), [[400, 250], [260, 250]])
    parting = triangulate((ring[0], second), [[260, 250], [400, 250]])
    assert np.linalg.norm(crossing.points - left) > 0
    assert np.isfinite(crossing.points).all()
    assert np.isnan(parting.points).all()
    assert not parting.accepted.any()


def test_a_view_from_behind_is_not_accepted(ring, points) -> None:
    """A camera that looks away cannot have seen the point, wherever its click lies."""
    camera = ring[5]
    turned = np.diag([-1.0, 1, -1]) @ camera.rotation
    away = type(camera)("away", camera.matrix, turned, -turned @ camera.centre)
    views = (*ring[:4], away)
    pixels = np.concatenate([project(ring[:4], points), np.full((1, len(points), 2), 250.0)])
    found = triangulate(views, pixels)
    np.testing.assert_allclose(found.points, points, atol=1e-7)
    assert not found.accepted[4].any()
    assert np.isnan(found.residuals[4]).all()


def test_covariance_says_how_far_points_are_off(ring, points) -> None:
    rng = np.random.default_rng(3)
    for sigma in (0.5, 2.0):
        pixels = project(ring, points) + rng.normal(size=(6, len(points), 2)) * sigma
        found = triangulate(ring, pixels, pixel_sigma=sigma)
        off = found.points - points
        squared = np.einsum("ni,nij,nj->n", off, np.linalg.inv(found.covariance), off)
        # 3 for a known sigma; somewhat more because it is partly estimated
        assert 2.6 < squared.mean() < 4.2


def test_covariance_grows_when_views_disagree(ring, points) -> None:
    rng = np.random.default_rng(4)
    pixels = project(ring, points) + rng.normal(size=(6, len(points), 2)) * 4
    stated = triangulate(ring, project(ring, points)).covariance
    found = triangulate(ring, pixels).covariance
    ratio = np.trace(found, axis1=1, axis2=2) / np.trace(stated, axis1=1, axis2=2)
    assert np.median(ratio) > 8


def test_weights_pull(ring, points, noisy) -> None:
    clicked = noisy[:3].copy()
    clicked[2] += [6, 0]  # too little to be rejected
    even = triangulate(ring[:3], clicked)
    light = triangulate(ring[:3], clicked, weights=np.array([1, 1, 1e-3])[:, None])
    without = triangulate(ring[:2], clicked[:2])
    near = np.linalg.norm(light.points - without.points, axis=1)
    assert near.mean() < 0.2 * np.linalg.norm(even.points - without.points, axis=1).mean()
    weights = np.ones((3, len(points)))
    weights[2] = 0
    ignored = triangulate(ring[:3], clicked, weights=weights)
    assert not ignored.accepted[2].any()
    np.testing.assert_allclose(ignored.points, without.points, atol=1e-6)


def test_max_error_is_the_limit(ring, points) -> None:
    pixels = project(ring, points)
    pixels[2] += [12, 0]
    assert not triangulate(ring, pixels, max_error=8).accepted[2].any()
    assert triangulate(ring, pixels, max_error=30).accepted[2].all()


def test_same_answer_on_any_number_of_threads(ring, noisy) -> None:
    many = np.tile(noisy, (1, 20, 1))
    one, four = triangulate(ring, many, threads=1), triangulate(ring, many, threads=4)
    np.testing.assert_array_equal(one.points, four.points)
    np.testing.assert_array_equal(one.accepted, four.accepted)


def test_strided_and_read_only_pixels(ring, noisy) -> None:
    plain = triangulate(ring, noisy).points
    strided = np.stack([noisy, noisy], axis=-1)[..., 0]
    strided.flags.writeable = False
    np.testing.assert_array_equal(triangulate(ring, strided).points, plain)


@settings(deadline=None, max_examples=50)
@given(
    xyz=st.tuples(*[st.floats(-80, 80)] * 3),
    seen=st.lists(st.booleans(), min_size=6, max_size=6),
)
def test_triangulate_undoes_project(ring, xyz, seen) -> None:
    pixels = project(ring, np.array(xyz))
    pixels[~np.array(seen)] = np.nan
    found = triangulate(ring, pixels)
    if sum(seen) < 2:
        assert np.isnan(found.points).all()
    else:
        # two cameras that face each other tell little about the way between them
        np.testing.assert_allclose(found.points, xyz, atol=1e-5)
        assert found.accepted.tolist() == seen


def test_bad_input_is_named(ring) -> None:
    pixels = np.zeros((6, 4, 2))
    with pytest.raises(ValueError, match=r"\(6, 4, 3\), expected \(6, \.\.\., 2\)"):
        triangulate(ring, np.zeros((6, 4, 3)))
    with pytest.raises(ValueError, match=r"weights have shape \(5,\)"):
        triangulate(ring, pixels, weights=np.ones(5))
    with pytest.raises(ValueError, match="not negative"):
        triangulate(ring, pixels, weights=-1.0)
    with pytest.raises(ValueError, match="max_error must be positive, got 0"):
        triangulate(ring, pixels, max_error=0)
    with pytest.raises(ValueError, match="pixel_sigma must be positive"):
        triangulate(ring, pixels, pixel_sigma=np.nan)


@pytest.mark.golden
def test_reference_cameras(mouse6) -> None:
    cameras, numbers = mouse6
    found = triangulate(cameras, numbers["proj_distorted_f64"])
    np.testing.assert_allclose(found.points, numbers["points3d"], atol=1e-8)
