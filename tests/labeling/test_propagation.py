"""Labels carried along images in which the animals move as we say."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from moving_scene import ANNA, MovingScene, moving_scene

from napari_sdannce.labeling import commands
from napari_sdannce.labeling.blending import blend
from napari_sdannce.labeling.flow import FlowSettings, follow
from napari_sdannce.labeling.frame_labels import FrameLabels
from napari_sdannce.labeling.propagation import Start, Tracked, carry
from napari_sdannce.labeling.propagation_settings import PropagationSettings
from napari_sdannce.labeling.solving import solve
from napari_sdannce.labels import LabelState

VIEWS = (0, 1, 2, 3)
EMPTY = FrameLabels.empty(4, 2, 5)


@pytest.fixture(scope="module")
def scene() -> MovingScene:
    return moving_scene()


def start(scene: MovingScene, moment: int = 0, views: tuple[int, ...] = VIEWS) -> Start:
    labels = scene.clicks(moment, views, EMPTY)
    return Start.of(labels, solve(labels, scene.cameras))


def errors(scene: MovingScene, tracked: Tracked) -> np.ndarray:
    """(A, K) mm from the truth, NaN of what is lost."""
    return np.linalg.norm(tracked.points_3d - scene.keypoints[tracked.moment], axis=-1)


def pixel_errors(scene: MovingScene, tracked: Tracked) -> np.ndarray:
    """(V, A, K) px."""
    return np.linalg.norm(tracked.points - scene.pixels(tracked.moment), axis=-1)


def test_points_are_followed_there_and_back(scene: MovingScene) -> None:
    pixels = scene.pixels(0)[1].reshape(-1, 2)
    pixels[3] = np.nan
    pixels[4] = (-20, 3)
    before, after = scene.images[0][1], scene.images[1][1].copy()
    flow = follow(before, after, pixels, FlowSettings())
    away = np.linalg.norm(flow.points - scene.pixels(1)[1].reshape(-1, 2), axis=-1)
    assert np.flatnonzero(np.isnan(away)).tolist() == [3, 4]
    assert np.nanmax(away) < 0.7
    assert np.nanmax(flow.round_trip) < 0.6
    assert np.nanmedian(flow.round_trip) < 0.1
    # something else is there now: the way back tells, or there is none
    x, y = pixels[0].astype(int)
    after[y - 30 : y + 30, x - 30 : x + 30] = before[200:260, 400:460]
    round_trip = follow(before, after, pixels, FlowSettings()).round_trip
    assert not round_trip[0] <= FlowSettings().limit_px(after)


def test_fused_labels_stay_near_the_truth(scene: MovingScene) -> None:
    """Ten moments on, over a way of 40 mm, and nearer than what each view makes by itself."""
    found = list(carry(start(scene), range(11), scene.images, scene.cameras))
    assert [each.moment for each in found] == list(range(1, 11))
    last = found[-1]
    away = errors(scene, last)
    assert np.linalg.norm(scene.keypoints[10] - scene.keypoints[0], axis=-1).min() > 30
    assert np.isfinite(away).all()
    assert away.max() < 1.6
    assert away.mean() < 0.8
    assert (last.quality < 0.3).all()
    *_, single = carry(start(scene), range(11), scene.images, (None,) * 4)
    both = np.isfinite(pixel_errors(scene, single))
    assert pixel_errors(scene, last)[both].mean() < 0.8 * pixel_errors(scene, single)[both].mean()


def test_labels_are_carried_back_in_time(scene: MovingScene) -> None:
    backwards = range(15, 4, -1)
    images = [scene.images[moment] for moment in backwards]
    *_, last = carry(start(scene, 15), backwards, images, scene.cameras)
    assert last.moment == 5
    assert np.nanmax(errors(scene, last)) < 2
    assert np.isfinite(errors(scene, last)).mean() > 0.8


def test_views_without_a_click_follow_what_the_others_know(scene: MovingScene) -> None:
    *_, last = carry(start(scene, views=(0, 2)), range(11), scene.images, scene.cameras)
    assert np.nanmax(errors(scene, last)) < 2
    assert last.followed[1].sum() > 7
    assert np.isfinite(last.points).all()


def test_blank_images_lose_points(scene: MovingScene) -> None:
    images = list(scene.images)
    rng = np.random.default_rng(0)
    for moment in (6, 7):
        noise = rng.normal(120, 2.5, (4, *images[0][0].shape))
        images[moment] = tuple(noise.astype(np.uint8))
    found = list(carry(start(scene), range(25), images, scene.cameras))
    # nothing is left to follow: the loop ends by itself
    assert [each.moment for each in found] == list(range(1, 7))
    assert np.isnan(found[-1].points_3d).all()
    assert np.isnan(found[-1].points).all()
    assert np.isnan(found[-1].quality).all()
    assert not found[-1].over(EMPTY, ANNA).states.any()
    assert errors(scene, found[-2]).max() < 1.6


def covered(scene: MovingScene, views: tuple[int, ...], moments: range) -> list:
    """Images in which a textured board, standing still, hides the first animal."""
    rng = np.random.default_rng(2)
    board = np.kron(rng.integers(20, 235, (40, 40)), np.ones((5, 5))).astype(np.uint8)
    images = [list(each) for each in scene.images]
    for view in views:
        x, y = scene.pixels(moments[0])[view, 0].mean(axis=0).astype(int) - 100
        left, top = max(x, 0), max(y, 0)
        for moment in moments:
            image = images[moment][view].copy()
            part = image[top : y + 200, left : x + 200]
            part[:] = board[: part.shape[0], : part.shape[1]]
            images[moment][view] = image
    return images


def test_a_covered_view_is_left_out_and_comes_back(scene: MovingScene) -> None:
    images = covered(scene, (1,), range(4, 7))
    found = {each.moment: each for each in carry(start(scene), range(12), images, scene.cameras)}
    for moment in (4, 5, 6):
        assert not found[moment].followed[1, 0].any()
        assert np.nanmax(errors(scene, found[moment])) < 2
        # the others say where it is behind the board
        assert np.isfinite(found[moment].points[1, 0]).all()
    assert found[11].followed[1, 0].sum() >= 3
    assert np.nanmax(errors(scene, found[11])) < 2.5
    assert np.isfinite(errors(scene, found[11])).all()


def test_covered_in_all_but_one_view_is_lost(scene: MovingScene) -> None:
    images = covered(scene, (0, 1, 3), range(4, 25))
    found = {each.moment: each for each in carry(start(scene), range(12), images, scene.cameras)}
    assert np.isnan(errors(scene, found[4])[0]).all()
    assert np.isnan(errors(scene, found[11])[0]).all()
    assert np.isfinite(errors(scene, found[11])[1]).sum() >= 4
    assert np.nanmax(errors(scene, found[11])) < 2.5


def test_a_view_led_astray_bit_by_bit_is_outvoted(scene: MovingScene) -> None:
    """One view's image stands still: its points are found each time, perfectly, and wrongly."""
    images = [list(each) for each in scene.images]
    for each in images:
        each[2] = images[0][2]
    patient = PropagationSettings(disagreement=50)
    *_, last = carry(start(scene), range(13), images, scene.cameras, patient)
    assert last.followed[2].sum() <= 2
    *_, fooled = carry(start(scene), range(13), images, scene.cameras, replace(patient, strain=1e9))
    assert np.nanmedian(errors(scene, last)) < 0.5 * np.nanmedian(errors(scene, fooled))


def test_two_views_that_disagree_lose_the_point(scene: MovingScene) -> None:
    images = [list(each) for each in scene.images]
    for each in images:
        each[1] = np.roll(images[0][1], 12 * len(images), axis=0)
    images[0][1] = scene.images[0][1]
    two = [each[:2] for each in images]
    begin = start(scene)
    begin = Start(begin.points[:2], begin.trust[:2], begin.positions)
    found = list(carry(begin, range(13), two, scene.cameras[:2]))
    assert all(np.nan_to_num(errors(scene, each)).max() < 5 for each in found)
    assert np.isnan(found[-1].points_3d).all()


def test_what_a_person_said_stays(scene: MovingScene) -> None:
    *_, tracked = carry(start(scene), range(4), scene.images, scene.cameras)
    labels = commands.place(EMPTY, 0, 0, 0, (10.0, 20.0), ANNA)
    labels = commands.toggle_occluded(labels, 1, 0, 0, ANNA)
    labels = commands.toggle_not_in_view(labels, 2, 1, 3, ANNA)
    labels = commands.propose(labels, scene.pixels(0), ANNA, animals=1)
    after = tracked.over(labels, ANNA)
    said = np.zeros(labels.states.shape, bool)
    for cell in ((0, 0, 0), (1, 0, 0), (2, 1, 3)):
        said[cell] = True
    np.testing.assert_array_equal(after.states[said], labels.states[said])
    np.testing.assert_array_equal(after.points[said], labels.points[said])
    assert (after.states[~said] == LabelState.TRACKED).all()
    np.testing.assert_array_equal(after.points[~said], tracked.points[~said])
    # accepted by a person: it stays, whoever made it
    accepted = commands.accept(labels, solve(labels, scene.cameras), 1)
    np.testing.assert_array_equal(tracked.over(accepted, ANNA).points[:, 1], accepted.points[:, 1])


def test_hidden_and_proposed_points_are_not_begun_with(scene: MovingScene) -> None:
    labels = scene.clicks(0, (0, 1, 2), EMPTY)
    labels = commands.toggle_occluded(labels, 2, 0, 0, ANNA)
    labels = commands.clear(labels, slice(None), 1, slice(None))
    labels = commands.propose(labels, scene.pixels(0), ANNA, animals=1)
    begin = Start.of(labels, solve(labels, scene.cameras))
    assert np.isnan(begin.points[2, 0, 0]).all()
    assert np.isfinite(begin.points[3, 0]).all()
    assert (begin.trust[3, 0] < begin.trust[0, 0]).all()
    assert np.isnan(begin.points[:, 1]).all()
    assert np.isnan(begin.positions[1]).all()
    *_, last = carry(begin, range(4), scene.images, scene.cameras)
    assert np.isnan(last.points[:, 1]).all()
    assert not last.followed[2, 0, 0]


def test_a_camera_without_images_waits(scene: MovingScene) -> None:
    images = [list(each) for each in scene.images]
    for moment in (4, 5, 6):
        images[moment][3] = None
    found = {each.moment: each for each in carry(start(scene), range(11), images, scene.cameras)}
    assert not found[5].followed[3].any()
    assert np.isnan(found[5].points[3]).all()
    assert np.isfinite(errors(scene, found[5])).sum() >= 9
    assert found[7].followed[3].sum() > 5
    assert np.nanmax(errors(scene, found[10])) < 1.6


def test_a_point_waits_while_too_few_cameras_have_images(scene: MovingScene) -> None:
    images = [[*each[:2], None, None] for each in scene.images]
    images[4][1] = images[5][1] = None
    found = {each.moment: each for each in carry(start(scene), range(9), images, scene.cameras)}
    assert np.isnan(found[4].points).all()
    assert np.isnan(found[5].points_3d).all()
    assert np.isfinite(errors(scene, found[6])).sum() >= 8
    assert np.nanmax(errors(scene, found[8])) < 3


def test_one_camera_is_followed_in_2d(scene: MovingScene) -> None:
    labels = FrameLabels.empty(1, 2, 5)
    for animal, keypoint in np.ndindex(2, 5):
        pixel = scene.pixels(0)[2, animal, keypoint]
        labels = commands.place(labels, 0, animal, keypoint, pixel, ANNA)
    begin = Start.of(labels, solve(labels, scene.cameras[2:3]))
    images = [each[2:3] for each in scene.images]
    *_, last = carry(begin, range(7), images, scene.cameras[2:3])
    away = np.linalg.norm(last.points[0] - scene.pixels(6)[2], axis=-1)
    assert np.isfinite(away).sum() >= 8
    assert np.nanmax(away) < 3
    assert np.nanmedian(away) < 1
    assert np.isnan(last.points_3d).all()
    states = last.over(FrameLabels.empty(1, 2, 5), ANNA).states
    np.testing.assert_array_equal(states[0] == LabelState.TRACKED, np.isfinite(away))


def test_a_view_without_calibration_is_followed_beside_the_others(scene: MovingScene) -> None:
    cameras = (*scene.cameras[:3], None)
    labels = scene.clicks(0, VIEWS, EMPTY)
    begin = Start.of(labels, solve(labels, cameras))
    *_, last = carry(begin, range(7), scene.images, cameras)
    assert np.nanmax(errors(scene, last)) < 2
    assert last.followed[3].sum() >= 8
    assert np.nanmax(pixel_errors(scene, last)[3]) < 2.5


def test_carrying_can_be_stopped(scene: MovingScene) -> None:
    taken = []

    def images():
        for moment, each in enumerate(scene.images):
            taken.append(moment)
            yield each

    going = carry(start(scene), range(25), images(), scene.cameras)
    next(going)
    next(going)
    going.close()
    assert taken == [0, 1, 2]
    assert list(carry(start(scene), [], [], scene.cameras)) == []


def walked(scene: MovingScene, shift: float, variance: float) -> Tracked:
    positions = scene.keypoints[3] + (shift, 0, 0)
    points = np.stack([camera.project(positions) for camera in scene.cameras])
    shape = points.shape[:-1]
    return Tracked(
        3, positions, points, np.full(shape, 0.1), np.full(shape, variance), np.full(shape, np.nan)
    )


def test_two_ends_are_weighted_by_what_they_know(scene: MovingScene) -> None:
    limits = [50.0] * 4
    both = blend(walked(scene, 0, 1), walked(scene, 8, 3), scene.cameras, limits)
    np.testing.assert_allclose(both.points_3d, scene.keypoints[3] + (2, 0, 0))
    np.testing.assert_allclose(both.points[1], scene.cameras[1].project(both.points_3d))
    np.testing.assert_allclose(both.variance, 0.75)
    assert (both.apart > 5).all()
    # too far apart to say which is right
    lost = blend(walked(scene, 0, 1), walked(scene, 80, 3), scene.cameras, limits)
    assert np.isnan(lost.points_3d).all()
    assert np.isnan(lost.points).all()
    assert not lost.followed.any()


def test_one_end_stands_in_where_the_other_is_lost(scene: MovingScene) -> None:
    one, other = walked(scene, 0, 1), walked(scene, 8, 3)
    one.points_3d[0, 2], one.points[:, 0, 2], one.round_trip[:, 0, 2] = np.nan, np.nan, np.nan
    both = blend(one, other, scene.cameras, [50.0] * 4)
    np.testing.assert_allclose(both.points_3d[0, 2], other.points_3d[0, 2])
    np.testing.assert_allclose(both.points[:, 0, 2], other.points[:, 0, 2])
    np.testing.assert_allclose(both.variance[:, 0, 2], 3)
    assert np.isnan(both.apart[:, 0, 2]).all()
    free = blend(walked(scene, 0, 1), other, (None,) * 4, [50.0] * 4)
    expected = 0.75 * walked(scene, 0, 1).points + 0.25 * other.points
    np.testing.assert_allclose(free.points, expected)


@pytest.mark.parametrize("wrong", [{"strain": 0.0}, {"memory": 1.5}, {"apart": float("nan")}])
def test_settings_that_mean_nothing(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        PropagationSettings(**wrong)
    with pytest.raises(ValueError, match="positive window"):
        FlowSettings(window=0)


def test_a_view_that_is_trusted_less_misleads_less(scene: MovingScene) -> None:
    images = [[*each[:2], scene.images[0][2], each[3]] for each in scene.images]
    gullible = PropagationSettings(disagreement=50, strain=1e9)
    begin = start(scene)
    doubted = replace(begin, trust=begin.trust * np.array([1, 1, 0.1, 1])[:, None, None])
    away = []
    for each in (begin, doubted):
        *_, last = carry(each, range(4), images, scene.cameras, gullible)
        away.append(np.nanmedian(errors(scene, last)))
    assert away[1] < 0.5 * away[0]
