"""What follows from clicks, where the positions in space are known."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from napari_sdannce.labeling import commands
from napari_sdannce.labeling.commands import By
from napari_sdannce.labeling.frame_labels import FrameLabels
from napari_sdannce.labeling.solving import solve
from napari_sdannce.labels import LabelState

if TYPE_CHECKING:
    from collections.abc import Callable

    from .conftest import Scene

ANNA = By(0, 1.5e9)


def clicked(scene: Scene, views: tuple[int, ...], keypoints: tuple[int, ...] = (0,)) -> FrameLabels:
    """Clicks on the first animal, exactly where its keypoints are."""
    labels = FrameLabels.empty(*scene.subject.shape)
    for view in views:
        for keypoint in keypoints:
            pixel = scene.pixels[view, 0, keypoint]
            labels = commands.place(labels, view, 0, keypoint, pixel, ANNA)
    return labels


@pytest.mark.parametrize("n_views", [2, 3, 12])
def test_clicks_in_two_views_are_a_position(scene_of: Callable[[int], Scene], n_views: int) -> None:
    scene = scene_of(n_views)
    found = solve(clicked(scene, (0, 1)), scene.cameras)
    np.testing.assert_allclose(found.points_3d[0, 0], scene.points[0, 0], atol=1e-6)
    assert found.complete.sum() == 1
    np.testing.assert_allclose(found.points[:, 0, 0], scene.pixels[:, 0, 0], atol=1e-5)
    assert (found.states[2:, 0, 0] == LabelState.REPROJECTED).all()
    assert (found.states[:, 1] == LabelState.NONE).all()


def test_one_camera_labels_in_2d_only(scene_of: Callable[[int], Scene]) -> None:
    scene = scene_of(2)
    labels = FrameLabels.empty(1, 2, 5)
    labels = commands.place(labels, 0, 0, 0, (100.0, 50.0), ANNA)
    found = solve(labels, scene.cameras[:1])
    assert np.isnan(found.points_3d).all()
    assert not found.complete.any()
    np.testing.assert_array_equal(found.points[0, 0, 0], (100, 50))
    assert found.states[0, 0, 0] == LabelState.HUMAN


def test_a_wrong_click_is_flagged_and_moves_nothing(scene: Scene) -> None:
    labels = clicked(scene, (0, 1, 2, 3, 4))
    wrong = scene.pixels[2, 0, 0] + (200, 0)
    labels = commands.place(labels, 2, 0, 0, wrong, ANNA)
    found = solve(labels, scene.cameras)
    assert found.states[2, 0, 0] == LabelState.REJECTED
    assert (found.states[[0, 1, 3, 4], 0, 0] == LabelState.HUMAN).all()
    # the click stays where it is, and is told to be 200 px off
    np.testing.assert_array_equal(found.points[2, 0, 0], wrong)
    assert found.error_px[2, 0, 0] == pytest.approx(200, abs=1)
    moved = np.linalg.norm(found.projected[:, 0, 0] - scene.pixels[:, 0, 0], axis=-1)
    assert moved.max() < 1


def test_solving_again_moves_nothing(scene: Scene) -> None:
    rng = np.random.default_rng(1)
    labels = FrameLabels.empty(*scene.subject.shape)
    for view in range(3):
        pixel = scene.pixels[view, 0, 0] + rng.normal(size=2)
        labels = commands.place(labels, view, 0, 0, pixel, ANNA)
    first = solve(labels, scene.cameras)
    for _ in range(50):
        labels = commands.accept(labels, solve(labels, scene.cameras))
    again = solve(labels, scene.cameras)
    np.testing.assert_array_equal(again.points_3d, first.points_3d)
    np.testing.assert_array_equal(again.points, first.points)


def test_a_locked_point_wins(scene: Scene) -> None:
    labels = clicked(scene, (0, 1, 2, 3, 4))
    target = scene.pixels[2, 0, 0] + (15, 0)
    labels = commands.place(labels, 2, 0, 0, target, ANNA)
    free = solve(labels, scene.cameras)
    locked = solve(commands.toggle_locked(labels, 2, 0, 0), scene.cameras)
    before, after = (np.linalg.norm(each.projected[2, 0, 0] - target) for each in (free, locked))
    assert before > 10
    assert after < 1


def test_proposals_count_until_there_are_two_clicks(scene: Scene) -> None:
    away = np.stack([camera.project(scene.points + 10) for camera in scene.cameras])
    labels = commands.propose(FrameLabels.empty(*scene.subject.shape), away, ANNA)
    found = solve(labels, scene.cameras)
    np.testing.assert_allclose(found.points_3d, scene.points + 10, atol=1e-5)
    assert not found.complete.any()
    assert (found.states == LabelState.PREDICTED).all()
    # one click pulls the proposal onto its line of sight
    labels = commands.place(labels, 0, 0, 0, scene.pixels[0, 0, 0], ANNA)
    found = solve(labels, scene.cameras)
    assert np.linalg.norm(found.projected[0, 0, 0] - scene.pixels[0, 0, 0]) < 3
    assert not found.complete[0, 0]
    # two clicks are all that counts
    labels = commands.place(labels, 1, 0, 0, scene.pixels[1, 0, 0], ANNA)
    found = solve(labels, scene.cameras)
    np.testing.assert_allclose(found.points_3d[0, 0], scene.points[0, 0], atol=1e-6)
    assert found.complete[0, 0]
    assert (found.states[2:, 0, 0] == LabelState.REPROJECTED).all()


def test_what_is_hidden_does_not_vote(scene: Scene) -> None:
    labels = clicked(scene, (0, 1, 2))
    labels = commands.place(labels, 3, 0, 0, scene.pixels[3, 0, 0] + 30, ANNA)
    labels = commands.toggle_occluded(labels, 3, 0, 0, ANNA)
    labels = commands.toggle_not_in_view(labels, 4, 0, 0, ANNA)
    found = solve(labels, scene.cameras)
    np.testing.assert_allclose(found.points_3d[0, 0], scene.points[0, 0], atol=1e-6)
    assert found.states[3, 0, 0] == LabelState.OCCLUDED
    np.testing.assert_allclose(found.points[3, 0, 0], scene.pixels[3, 0, 0], atol=1e-5)
    assert np.isnan(found.points[4, 0, 0]).all()
    # seen after all: it is where it had been put
    again = commands.toggle_occluded(labels, 3, 0, 0, ANNA)
    np.testing.assert_array_equal(again.points[3, 0, 0], scene.pixels[3, 0, 0] + 30)
    assert again.states[3, 0, 0] == LabelState.HUMAN


def test_accepting_makes_a_proposal_complete(scene: Scene) -> None:
    labels = commands.propose(FrameLabels.empty(*scene.subject.shape), scene.pixels, ANNA)
    labels = commands.accept(labels, solve(labels, scene.cameras), 0, [0, 2])
    found = solve(labels, scene.cameras)
    assert np.argwhere(found.complete).tolist() == [[0, 0], [0, 2]]
    assert (found.states[:, 0, 2] == LabelState.REPROJECTED).all()


def test_uncalibrated_views_are_labelled_and_do_not_vote(scene: Scene) -> None:
    cameras = (*scene.cameras[:4], None)
    labels = clicked(scene, (0, 1))
    labels = commands.place(labels, 4, 0, 0, (3.0, 4.0), ANNA)
    found = solve(labels, cameras)
    np.testing.assert_allclose(found.points_3d[0, 0], scene.points[0, 0], atol=1e-6)
    np.testing.assert_array_equal(found.points[4, 0, 0], (3, 4))
    assert found.states[4, 0, 0] == LabelState.HUMAN
    only = solve(commands.place(clicked(scene, (0,)), 4, 0, 0, (3.0, 4.0), ANNA), cameras)
    assert not only.complete.any()


def test_a_click_in_an_uncalibrated_view_silences_no_proposals(scene: Scene) -> None:
    labels = commands.propose(clicked(scene, (0, 4)), scene.pixels, ANNA)
    found = solve(labels, [*scene.cameras[:4], None])
    np.testing.assert_allclose(found.points_3d[0, 0], scene.points[0, 0], atol=1e-6)


def test_uncertain_clicks_weigh_less(scene: Scene) -> None:
    rng = np.random.default_rng(0)
    labels = FrameLabels.empty(*scene.subject.shape)
    for view in range(3):
        pixel = scene.pixels[view, 0, 0] + rng.normal(size=2) * 5
        labels = commands.place(labels, view, 0, 0, pixel, ANNA)
    sure = solve(labels, scene.cameras).residual_px[0, 0, 0]
    unsure = commands.toggle_uncertain(labels, 0, 0, 0, ANNA)
    assert solve(unsure, scene.cameras).residual_px[0, 0, 0] > sure
    assert commands.toggle_uncertain(unsure, 0, 0, 0, ANNA).equals(labels)
