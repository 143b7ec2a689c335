"""Moments to label next: in a recording with planted flaws, those are what is suggested."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from napari_sdannce.labeling import commands
from napari_sdannce.labeling.findings import Predicted
from napari_sdannce.labeling.journal import Author
from napari_sdannce.labeling.prediction_checks import CheckLimits, wide_spread
from napari_sdannce.labeling.session import LabelingSession, Subject
from napari_sdannce.labeling.suggestions import SuggestionSettings, suggest, suggest_evenly
from napari_sdannce.poses import Poses
from napari_sdannce.predictions import (
    Job,
    PoseChunk,
    PoseStore,
    open_predictions,
    read_covariance,
)
from napari_sdannce.recording import Sync

from .conftest import SKELETON

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import Scene

N = 2000
ANIMALS = ("one", "two")
BODY = np.array([[20.0, 0, 8], [5, 12, 8], [5, -12, 8], [0, 0, 12], [-25, 0, 8]])
NOSE, LEFT, RIGHT, _, TAIL = range(5)


def walking(n_moments: int = N, seed: int = 0) -> np.ndarray:
    """(T, 2, 5, 3) mm: two animals that walk in circles and wag their tails."""
    rng = np.random.default_rng(seed)
    time = np.arange(n_moments)
    turn = np.stack([time * 0.01, 2 - time * 0.008], axis=1)
    c, s = np.cos(turn), np.sin(turn)
    body = np.repeat(np.repeat(BODY[None, None], n_moments, 0), 2, 1)
    body[:, :, TAIL, 1] += 8 * np.sin(time * 0.05)[:, None]
    x = body[..., 0] * c[..., None] - body[..., 1] * s[..., None]
    y = body[..., 0] * s[..., None] + body[..., 1] * c[..., None]
    centre = np.stack([60 * np.sin(turn), -60 * np.cos(turn)], axis=-1)
    centre[:, 1] += 150
    positions = np.stack([x + centre[..., :1], y + centre[..., 1:], body[..., 2]], axis=-1)
    return positions + rng.normal(0, 0.3, positions.shape)


@dataclass(frozen=True)
class Predictions:
    """Poses and what else is known of them, to be spoilt."""

    positions: np.ndarray
    confidence: np.ndarray

    @property
    def poses(self) -> Poses:
        return Poses(
            positions=self.positions,
            confidence=self.confidence,
            sample_ids=1000 + np.arange(len(self.positions)),
            animals=ANIMALS,
            keypoints=SKELETON.keypoints,
        )


@pytest.fixture
def good() -> Predictions:
    rng = np.random.default_rng(5)
    return Predictions(walking(), np.clip(rng.normal(0.8, 0.04, (N, 2, 5)), 0, 1))


@pytest.fixture
def session(scene: Scene) -> LabelingSession:
    made = session_of(scene, N)
    made.open()
    return made


def session_of(scene: Scene, n_moments: int) -> LabelingSession:
    names = tuple(camera.name for camera in scene.cameras)
    even = Sync.identity(n_moments, len(names))
    sync = Sync(1000 + even.sample_ids, even.frames)
    subject = Subject(names, scene.cameras, SKELETON, ANIMALS, sync)
    return LabelingSession(subject, Author(name="anna", session="anna"))


def label(session: LabelingSession, moment: int, pose: np.ndarray, keypoints: int = 5) -> None:
    """Click the first keypoints of both animals in two views."""
    key = 1000 + moment
    labels = session.at(key)
    for view in range(2):
        pixels = session.subject.cameras[view].project(pose)
        for animal, keypoint in np.ndindex(2, keypoints):
            pixel = pixels[animal, keypoint]
            labels = commands.place(labels, view, animal, keypoint, pixel, session.by)
    session.change("label", {key: labels})


def moments(found: tuple) -> list[int]:
    assert all(each.sample_id == 1000 + each.moment for each in found)
    assert all(each.reasons and all(each.reasons) for each in found)
    return [each.moment for each in found]


def test_without_labels_they_are_evenly_spread(session: LabelingSession) -> None:
    found = suggest_evenly(session, 20)
    assert moments(found) == [50 + 100 * i for i in range(20)]
    assert found == suggest_evenly(session, 20)
    assert found[0].reasons == ("nothing is labelled yet: spread evenly over the recording",)


def test_they_go_where_nothing_is_labelled(session: LabelingSession) -> None:
    truth = walking()
    for moment in (0, 100, 200, 300, 400, 1990):
        label(session, moment, truth[moment])
    found = suggest_evenly(session, 4)
    assert min(moments(found)) > 500
    assert np.diff([400, *moments(found)]).min() > 200
    assert found[0].reasons[0].endswith(" frames from a labelled one")
    many = moments(suggest_evenly(session, 1000, SuggestionSettings(apart=10)))
    assert len(many) > 150
    assert np.diff(many).min() >= 10
    assert min(abs(m - at) for m in many for at in (0, 100, 200, 300, 400, 1990)) >= 10


def test_moments_that_too_few_cameras_saw_are_left_out(scene: Scene, good: Predictions) -> None:
    session = session_of(scene, N)
    frames = session.subject.sync.frames.copy()
    frames[:1000, 1:] = -1
    sync = Sync(session.subject.sync.sample_ids, frames)
    session.subject = replace(session.subject, sync=sync)
    assert min(moments(suggest_evenly(session, 10))) >= 1000
    assert min(moments(suggest(session, 10, good.poses))) >= 1000


def test_a_short_recording_has_room_for_some(scene: Scene) -> None:
    session = session_of(scene, 12)
    assert moments(suggest_evenly(session, 3)) == [2, 6, 10]
    assert moments(suggest_evenly(session, 100)) == list(range(12))
    assert suggest_evenly(session, 0) == ()


def spoilt_confidence(good: Predictions) -> Predictions:
    confidence = good.confidence.copy()
    confidence[700, 1, LEFT] = 0.1
    return replace(good, confidence=confidence)


def spoilt_bone(good: Predictions) -> Predictions:
    # slowly there and back, so that nothing jumps
    positions = good.positions.copy()
    positions[690:711, 0, TAIL] += np.bartlett(21)[:, None] * [-25.0, 0, 0]
    return replace(good, positions=positions)


def spoilt_path(good: Predictions) -> Predictions:
    positions = good.positions.copy()
    positions[700, 1] += 12  # all of it: bones stay as they are
    return replace(good, positions=positions)


def spoilt_names(good: Predictions) -> Predictions:
    positions = good.positions.copy()
    positions[700:] = positions[700:, ::-1]
    return replace(good, positions=positions)


def spoilt_sides(good: Predictions) -> Predictions:
    positions = good.positions.copy()
    positions[700:, 0] = positions[700:, 0][:, list(SKELETON.swapped())]
    return replace(good, positions=positions)


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (spoilt_confidence, "low confidence: finL of two (0.1, usually 0.8)"),
        (spoilt_bone, "odd bone length: body to tail of one ("),
        (spoilt_path, "jump: "),
        (spoilt_names, "animals: one and two may have exchanged their names here"),
        (spoilt_sides, "left and right: may be exchanged here of one"),
    ],
)
def test_what_was_spoilt_is_suggested_first_and_said(
    session: LabelingSession, good: Predictions, spoil: object, reason: str
) -> None:
    assert callable(spoil)
    (first, *others) = suggest(session, 3, spoil(good).poses)
    assert abs(first.moment - 700) <= 3
    assert any(each.startswith(reason) for each in first.reasons)
    assert all(each.score < first.score for each in others)
    # without the flaw nobody says so
    told = [text for each in suggest(session, 50, good.poses) for text in each.reasons]
    assert not [text for text in told if text.startswith(reason)]


def test_a_place_that_could_be_anywhere_is_suggested(
    session: LabelingSession, good: Predictions
) -> None:
    rng = np.random.default_rng(2)
    covariance = np.zeros((N, 2, 5, 6), np.float32)
    covariance[..., [0, 3, 5]] = rng.uniform(3, 5, (N, 2, 5, 3))
    covariance[900, 0, NOSE, [0, 3, 5]] = 100
    found = suggest(session, 1, good.poses, covariance)
    assert moments(found) == [900]
    assert found[0].reasons[0] == "uncertain place: nose of one (within 17.3 mm, usually 3.5 mm)"
    with pytest.raises(ValueError, match="covariance has shape"):
        suggest(session, 1, good.poses, covariance[:-1])


def test_a_usual_uncertainty_is_no_reason(
    session: LabelingSession, good: Predictions, tmp_path: Path
) -> None:
    """Each keypoint is compared with itself, and spreads are skewed; all by way of a store."""
    rng = np.random.default_rng(3)
    usual_mm = np.array([1.0, 2, 2, 4, 9])
    sigma = usual_mm * np.exp(rng.normal(0, 0.4, (N, 2, 5)))
    sigma[700, 1, NOSE] = 8  # as uncertain as a tail
    sigma[1500, 0] = np.nan
    covariance = np.zeros((N, 2, 5, 6))
    covariance[..., [0, 3, 5]] = sigma[..., None] ** 2 * [0.1, 0.8, 0.1]
    poses = good.poses
    job = Job(animals=poses.animals, keypoints=poses.keypoints)
    where = tmp_path / "poses.zarr"
    store = PoseStore.create(where, poses.sample_ids, job, chunk=N, extras=("covariance",))
    com = np.full((N, 2, 3), np.nan)
    store.write(0, PoseChunk(poses.positions, poses.confidence, com, covariance=covariance))
    found = suggest(session, 60, open_predictions(where), read_covariance(where))
    reasons = {each.moment: [r for r in each.reasons if "uncertain" in r] for each in found}
    assert reasons[700] == ["uncertain place: nose of two (within 8.0 mm, usually 1.0 mm)"]
    limits = CheckLimits()
    predicted = Predicted.of(poses, session.subject, read_covariance(where))
    odd = wide_spread(predicted, covariance, limits.uncertainty).ratio > 1
    assert odd[700].tolist() == [False] * 5 + [True] + [False] * 4
    assert odd.mean() < 0.005
    assert not odd[1500].any()


def test_labels_in_part_come_again_where_the_prediction_disagrees(
    session: LabelingSession, good: Predictions
) -> None:
    truth = good.positions.copy()
    label(session, 300, truth[300], keypoints=2)
    label(session, 600, truth[600] + [0, 0, 20], keypoints=2)
    label(session, 900, truth[900] + [0, 0, 20])
    found = suggest(session, 30, good.poses)
    assert {300, 600, 900} & set(moments(found)) == {600}
    (again,) = [each for each in found if each.moment == 600]
    assert again.reasons[0].startswith("prediction disagrees with your clicks: ")
    assert again.reasons[0].endswith(" px away) and 2 more")


def test_they_keep_apart_from_one_another_and_from_labels(
    session: LabelingSession, good: Predictions
) -> None:
    confidence = good.confidence.copy()
    confidence[500:520] = 0.05  # twenty moments in a row, all as bad
    for moment in (490, 1200):
        label(session, moment, good.positions[moment])
    poses = replace(good, confidence=confidence).poses
    found = moments(suggest(session, 20, poses, settings=SuggestionSettings(apart=15)))
    assert len(found) == 20
    assert np.diff(sorted([*found, 490, 1200])).min() >= 15
    assert len([m for m in found if 500 <= m < 520]) == 1
    assert found == moments(suggest(session, 20, poses, settings=SuggestionSettings(apart=15)))
    with pytest.raises(ValueError, match="apart must be 1 moment or more"):
        SuggestionSettings(apart=0)


def test_poses_are_diverse(session: LabelingSession, good: Predictions) -> None:
    # the animals stand still, but for three short stretches in poses of their own
    positions = np.repeat(good.positions[:1], N, axis=0)
    positions += np.random.default_rng(0).normal(0, 0.3, positions.shape)
    for start, moved in ((400, [0, 0, 25]), (1000, [0, 20, 0]), (1500, [15, 0, 10])):
        rise = np.clip(np.minimum(np.arange(60), np.arange(60)[::-1]) / 20, 0, 1)[:, None]
        positions[start : start + 60, 0, NOSE] += rise * moved
        positions[start : start + 60, 0, TAIL] -= rise * moved
    found = moments(suggest(session, 4, replace(good, positions=positions).poses))
    stretches = {next((s for s in (400, 1000, 1500) if s <= m < s + 60), 0) for m in found}
    assert stretches >= {400, 1000, 1500}
    # where one of them is labelled, it is not asked for again
    label(session, 430, positions[430])
    again = moments(suggest(session, 2, replace(good, positions=positions).poses))
    assert sorted(1000 <= m < 1060 for m in again) == [False, True]
    assert sorted(1500 <= m < 1560 for m in again) == [False, True]


def test_gaps_are_not_odd(session: LabelingSession, good: Predictions) -> None:
    positions, confidence = good.positions.copy(), good.confidence.copy()
    positions[300:400, 0] = np.nan
    confidence[300:400, 0] = np.nan
    positions[500:600] = np.nan
    # not predicted at all: the animals have moved on meanwhile
    keep = np.r_[0:1000, 1100:N]
    poses = replace(good, positions=positions, confidence=confidence).poses
    poses = replace(
        poses,
        positions=poses.positions[keep],
        confidence=poses.confidence[keep],
        sample_ids=poses.sample_ids[keep],
    )
    found = suggest(session, 40, poses)
    assert not {m for m in moments(found) if 500 <= m < 600 or 1000 <= m < 1100}
    told = [text for each in found for text in each.reasons]
    assert not [t for t in told if t.startswith(("jump", "animals", "left and right"))]


def test_order_and_foreign_moments_do_not_matter(
    session: LabelingSession, good: Predictions
) -> None:
    poses = spoilt_path(good).poses
    order = np.random.default_rng(0).permutation(N)
    ids = poses.sample_ids.copy()
    ids[:10] = -np.arange(1, 11)  # of another recording
    shuffled = replace(
        poses,
        positions=poses.positions[order],
        confidence=poses.confidence[order],
        sample_ids=ids[order],
    )
    assert moments(suggest(session, 1, shuffled)) == [700]
    with pytest.raises(ValueError, match="none of the 2000 predicted moments"):
        suggest(session, 1, replace(poses, sample_ids=-1 - np.arange(N)))


def test_one_animal_without_pairs_or_bones(scene: Scene, good: Predictions) -> None:
    session = session_of(scene, N)
    bare = replace(SKELETON, edges=(), colors=(), pairs=())
    session.subject = replace(session.subject, skeleton=bare, animals=("rat",))
    poses = spoilt_path(good).poses
    alone = replace(
        poses,
        positions=poses.positions[:, 1:],
        confidence=np.full((N, 1, 5), np.nan),
        animals=("two",),
    )
    (found,) = suggest(session, 1, alone)
    assert found.moment == 700
    assert found.reasons[0].startswith("jump: ")
    assert " of " not in found.reasons[0].replace("off its", "")
