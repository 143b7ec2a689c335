"""Lengths of bones, where the animal is made with known ones."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from napari_sdannce.labeling import commands
from napari_sdannce.labeling.bones import BoneStatistics, along_ray, bone_lengths, bone_statistics

from .conftest import SKELETON

if TYPE_CHECKING:
    from .conftest import Scene

LENGTHS = np.array([20.0, 15.0, 15.0, 30.0])


def poses(n_frames: int, spread_mm: float = 0.0, seed: int = 0) -> np.ndarray:
    """(F, 2, 5, 3) mm: bones of `LENGTHS` in any direction, the second animal's twice as long."""
    rng = np.random.default_rng(seed)
    positions = np.zeros((n_frames, 2, 5, 3))
    positions[:, :, 3] = rng.uniform(-50, 50, (n_frames, 2, 3))
    lengths = LENGTHS * np.array([[1.0], [2.0]]) + rng.normal(0, spread_mm, (n_frames, 2, 4))
    for bone, (first, second) in enumerate(SKELETON.bones):
        end = second if first == 3 else first
        way = rng.normal(size=(n_frames, 2, 3))
        way /= np.linalg.norm(way, axis=-1, keepdims=True)
        positions[:, :, end] = positions[:, :, 3] + way * lengths[..., bone, None]
    return positions


def test_usual_lengths_are_those_the_animal_was_made_with() -> None:
    positions = poses(300, spread_mm=1.0)
    positions[::10, :, 4] += 500  # one in ten tails is somewhere else
    found = BoneStatistics.of(positions, SKELETON.bones)
    np.testing.assert_allclose(found.median, LENGTHS * [[1], [2]], atol=0.4)
    np.testing.assert_allclose(found.spread, np.full((2, 4), 1.0), atol=0.35)
    assert (found.n_frames == 300).all()


def test_a_bone_too_long_is_odd_and_no_other() -> None:
    statistics = BoneStatistics.of(poses(50, spread_mm=0.5), SKELETON.bones)
    pose = poses(1, seed=9)[0]
    pose[1, 4] = pose[1, 3] + (pose[1, 4] - pose[1, 3]) * 1.2
    found = statistics.check(pose)
    assert np.argwhere(found.odd()).tolist() == [[1, 3]]
    assert found.lengths[1, 3] == pytest.approx(72)
    assert found.deviations[1, 3] > 5
    assert not found.odd(limit=100).any()


def test_a_rigid_animal_is_not_odd_by_a_tenth_of_a_millimetre() -> None:
    statistics = BoneStatistics.of(poses(20), SKELETON.bones)
    pose = poses(1, seed=4)[0]
    for end in (0, 1, 2, 4):
        way = pose[:, end] - pose[:, 3]
        pose[:, end] += 0.1 * way / np.linalg.norm(way, axis=-1, keepdims=True)
    assert not statistics.check(pose).odd().any()


def test_what_is_not_known_is_nan_and_not_odd() -> None:
    positions = poses(20)
    positions[4:, 0, 4] = np.nan  # four frames of that bone
    statistics = BoneStatistics.of(positions, SKELETON.bones)
    assert statistics.n_frames[0].tolist() == [20, 20, 20, 4]
    pose = positions[0].copy()
    pose[0, 4] += 1000
    pose[1, 0] = np.nan
    found = statistics.check(pose)
    assert np.argwhere(np.isnan(found.deviations)).tolist() == [[0, 3], [1, 0]]
    assert not found.odd().any()
    assert np.isnan(statistics.length(0, 3, 4))
    assert statistics.length(1, 4, 3) == pytest.approx(60)
    with pytest.raises(ValueError, match="no bone is between the keypoints 0 and 4"):
        statistics.length(0, 0, 4)


def test_nothing_labelled_has_no_statistics() -> None:
    statistics = BoneStatistics.of(np.empty((0, 2, 5, 3)), SKELETON.bones)
    assert np.isnan(statistics.median).all()
    assert not statistics.check(poses(1)[0]).odd().any()


def test_a_session_knows_the_bones_of_complete_keypoints_only(scene: Scene) -> None:
    session = scene.session()
    session.open()
    labels = session.at(0)
    for view, keypoint in np.ndindex(2, 5):
        pixel = scene.pixels[view, 0, keypoint]
        labels = commands.place(labels, view, 0, keypoint, pixel, session.by)
    # a program's proposal, not accepted, says nothing of the animal
    proposed = commands.propose(session.at(9), scene.pixels, session.by)
    session.change("label", {**dict.fromkeys(range(6), labels), 9: proposed})
    statistics = bone_statistics(session)
    assert statistics.n_frames.tolist() == [[6] * 4, [0] * 4]
    expected = bone_lengths(scene.points, SKELETON.bones)[0]
    np.testing.assert_allclose(statistics.median[0], expected, atol=1e-5)


@pytest.mark.parametrize("hinted", [True, False])
def test_one_camera_and_a_bone_give_the_place(scene: Scene, hinted: bool) -> None:
    camera = replace(scene.cameras[0], radial=np.array([-0.2, 0.05]), tangential=np.full(2, 1e-3))
    neighbour, truth = scene.points[0, 3], scene.points[0, 4]
    length = float(np.linalg.norm(truth - neighbour))
    hint = truth + 3 if hinted else None
    found = along_ray(camera, camera.project(truth), neighbour, length, hint=hint)
    assert found is not None
    assert len(found) == (1 if hinted else 2)
    assert np.linalg.norm(found - truth, axis=-1).min() < 1e-6
    np.testing.assert_allclose(np.linalg.norm(found - neighbour, axis=-1), length)
    np.testing.assert_allclose(camera.project(found), [camera.project(truth)] * len(found))


def test_a_ray_that_passes_too_far_off_gives_nothing_unless_allowed(scene: Scene) -> None:
    camera, neighbour = scene.cameras[0], scene.points[0, 3]
    sideways = np.cross(neighbour - camera.centre, [0, 0, 1])
    off = neighbour + 12 * sideways / np.linalg.norm(sideways)
    pixel = camera.project(off)
    assert along_ray(camera, pixel, neighbour, 10.0) is None
    assert along_ray(camera, pixel, neighbour, 10.0, slack=1.0) is None
    near = along_ray(camera, pixel, neighbour, 10.0, slack=2.5)
    assert near is not None
    np.testing.assert_allclose(near, [off], atol=0.3)


def test_what_lies_behind_the_camera_or_is_not_known_gives_nothing(scene: Scene) -> None:
    camera = scene.cameras[0]
    pixel = camera.project(scene.points[0, 0])
    behind = camera.centre - 100 * camera.rays(pixel)
    assert along_ray(camera, pixel, behind, 20.0) is None
    assert along_ray(camera, pixel, np.full(3, np.nan), 20.0) is None
    assert along_ray(camera, pixel, scene.points[0, 1], np.nan) is None
    with pytest.raises(ValueError, match="must not be negative"):
        along_ray(camera, pixel, behind, -1.0)
