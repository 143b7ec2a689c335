"""Predictions proposed to a person, in a scene with known answers."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from napari_sdannce.labeling import commands
from napari_sdannce.labeling.commands import By
from napari_sdannce.labeling.prelabels import matched_animals, prelabel, with_prediction
from napari_sdannce.labels import LabelState
from napari_sdannce.poses import Poses
from napari_sdannce.recording import Sync

from .conftest import SKELETON

if TYPE_CHECKING:
    from napari_sdannce.labeling.session import LabelingSession

    from .conftest import Scene

ANNA = By(0, 1.5e9)


def poses_of(scene: Scene, animals: tuple[str, ...] = ("one", "two")) -> Poses:
    """The truth as a prediction of moments 3 and 4."""
    positions = np.stack([scene.points, scene.points + 5])
    return Poses(
        positions=positions,
        confidence=np.ones(positions.shape[:3]),
        sample_ids=np.array([3, 4]),
        animals=animals,
        keypoints=SKELETON.keypoints,
    )


@pytest.fixture
def session(scene: Scene) -> LabelingSession:
    made = scene.session()
    made.open()
    return made


def test_predictions_are_proposed_in_every_view(scene: Scene, session: LabelingSession) -> None:
    after = prelabel(session, poses_of(scene), [3, 4, 5])
    assert sorted(after) == [3, 4]
    assert session.frames == {}
    session.change("pre-label", after)
    labels = session.at(3)
    assert (labels.states == LabelState.PREDICTED).all()
    np.testing.assert_allclose(labels.points, scene.pixels)
    assert not session.solution(3).complete.any()
    # asked again, there is nothing to do
    assert prelabel(session, poses_of(scene), [3, 4, 5]) == {}


def test_only_where_the_image_is(scene: Scene, session: LabelingSession) -> None:
    # the middle of what the camera sees becomes the edge of its image
    edge = float(np.median(scene.pixels[0, ..., 0]))
    camera = replace(scene.cameras[0], image_size=(round(edge), 800))
    unknown = replace(scene.cameras[1], image_size=None)
    cameras = (camera, unknown, None, *scene.cameras[3:])
    labels = with_prediction(session.at(3), scene.points, cameras, ANNA)
    proposed = labels.states == LabelState.PREDICTED
    np.testing.assert_array_equal(proposed[0], scene.pixels[0, ..., 0] < round(edge) - 0.5)
    assert 0 < proposed[0].sum() < 10
    assert proposed[1].all()
    assert not proposed[2].any()
    assert proposed[3:].all()


def test_a_view_without_a_frame_is_left_out(scene: Scene, session: LabelingSession) -> None:
    frames = session.subject.sync.frames.copy()
    frames[3, 2] = -1
    sync = Sync(session.subject.sync.sample_ids, frames)
    session.subject = replace(session.subject, sync=sync)
    after = prelabel(session, poses_of(scene), [3])
    assert (after[3].states != LabelState.NONE).any(axis=(1, 2)).tolist() == [1, 1, 0, 1, 1]


def test_never_over_what_a_person_said(scene: Scene, session: LabelingSession) -> None:
    by = session.by
    labels = commands.place(session.at(3), 0, 0, 0, (10.0, 20.0), by)
    labels = commands.toggle_occluded(labels, 1, 0, 0, by)
    labels = commands.toggle_not_in_view(labels, 2, 0, 0, by)
    session.change("label", {3: labels})
    found = prelabel(session, poses_of(scene), [3])[3]
    said = (LabelState.HUMAN, LabelState.OCCLUDED, LabelState.NOT_IN_VIEW)
    assert tuple(found.states[:3, 0, 0]) == said
    np.testing.assert_array_equal(found.points[0, 0, 0], (10, 20))
    assert (found.states[3:, 0, 0] == LabelState.PREDICTED).all()


def test_a_person_accepts_a_keypoint_an_animal_the_frame(
    scene: Scene, session: LabelingSession
) -> None:
    session.change("pre-label", prelabel(session, poses_of(scene), [3]))

    def accept(*cells: int | slice) -> np.ndarray:
        labels = commands.accept(session.at(3), session.solution(3), *cells)
        session.change("accept", {3: labels})
        return session.solution(3).complete

    assert np.argwhere(accept(0, 2)).tolist() == [[0, 2]]
    assert accept(1).sum(axis=1).tolist() == [1, 5]
    assert accept().all()
    np.testing.assert_allclose(session.solution(3).points_3d, scene.points, atol=1e-5)
    # what was accepted stays, whatever is predicted later
    moved = replace(poses_of(scene), positions=poses_of(scene).positions + 30)
    assert prelabel(session, moved, [3]) == {}


def test_a_new_prediction_takes_the_place_of_the_old_one(
    scene: Scene, session: LabelingSession
) -> None:
    poses = poses_of(scene)
    session.change("pre-label", prelabel(session, poses, [3]))
    positions = poses.positions.copy()
    camera = scene.cameras[0]
    away = camera.rays((1500.0, 400.0))  # outside of the first image
    positions[0, 0, 0] = camera.centre + away * np.linalg.norm(scene.points[0, 0] - camera.centre)
    positions[0, 1, 1] = np.nan
    session.change("again", prelabel(session, replace(poses, positions=positions), [3]))
    labels = session.at(3)
    assert labels.states[0, 0, 0] == LabelState.NONE
    inside = labels.states[1:, 0, 0] == LabelState.PREDICTED
    assert not (labels.points[1:, 0, 0][inside] == scene.pixels[1:, 0, 0][inside]).any()
    np.testing.assert_allclose(labels.points[:, 1, 1], scene.pixels[:, 1, 1])


def test_animals_are_matched_by_name_else_by_order(scene: Scene, session: LabelingSession) -> None:
    assert matched_animals(("two", "one"), ("one", "two")) == (1, 0)
    assert matched_animals(("rat_0", "rat_1"), ("one", "two")) == (0, 1)
    assert matched_animals(("x", "one", "y"), ("one", "two")) == (1, 0, None)
    turned = prelabel(session, poses_of(scene, ("two", "one")), [3])[3]
    np.testing.assert_allclose(turned.points[:, [1, 0]], scene.pixels)
    one = poses_of(scene)
    alone = replace(
        one, positions=one.positions[:, 1:], confidence=one.confidence[:, 1:], animals=("two",)
    )
    found = prelabel(session, alone, [3])[3]
    assert (found.states != LabelState.NONE).any(axis=(0, 2)).tolist() == [False, True]


def test_other_keypoints_or_moments_are_errors(scene: Scene, session: LabelingSession) -> None:
    poses = replace(poses_of(scene), keypoints=("a", "b", "c", "d", "e"))
    with pytest.raises(ValueError, match="the predictions have the keypoints a, b"):
        prelabel(session, poses, [3])
    with pytest.raises(KeyError, match="no moment 99"):
        prelabel(session, poses_of(scene), [99])
