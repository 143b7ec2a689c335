"""A keypoint that one camera sees: its bones tell where, and the animal's bones are known here."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from napari_sdannce.labeling import commands
from napari_sdannce.labeling.bones import bone_statistics
from napari_sdannce.labeling.depth_guess import NoDepthError, guess_depth
from napari_sdannce.labeling.line_of_sight import KnownBones, places_on_line
from napari_sdannce.labeling.similar_pose import Motion, from_similar_pose
from napari_sdannce.labels import LabelState

from .conftest import SKELETON

if TYPE_CHECKING:
    from napari_sdannce.labeling.depth_guess import DepthGuess
    from napari_sdannce.labeling.session import LabelingSession

    from .conftest import Scene

BODY_SHAPE = np.array([[28.0, 0, 4], [6, 14, -6], [6, -14, -6], [0, 0, 0], [-30, 0, -2]])
NOSE, LEFT, RIGHT, BODY, TAIL = range(5)
N_LABELLED, HERE = 8, 12


def swimming(n_moments: int = 20) -> np.ndarray:
    """(T, 5, 3) mm: an animal that turns, and whose rigid bones wave by some degrees."""
    rng = np.random.default_rng(4)
    positions = np.empty((n_moments, 5, 3))
    for moment in range(n_moments):
        turn = 0.15 * moment
        c, s = np.cos(turn), np.sin(turn)
        waved = BODY_SHAPE + 4 * rng.normal(size=BODY_SHAPE.shape)
        waved[BODY] = 0
        lengths = np.linalg.norm(BODY_SHAPE, axis=1) / np.maximum(np.linalg.norm(waved, axis=1), 1)
        turned = (waved * lengths[:, None]) @ np.array([[c, s, 0], [-s, c, 0], [0, 0, 1]])
        positions[moment] = turned + np.array([40 * c, 40 * s, 60])
    return positions


TRUTH = swimming()


def click(
    session: LabelingSession, moment: int, keypoints: tuple[int, ...], views: tuple[int, ...]
) -> None:
    """Click keypoints of the first animal exactly where they are."""
    labels = session.at(moment)
    for view in views:
        pixels = session.subject.cameras[view].project(TRUTH[moment])
        for keypoint in keypoints:
            labels = commands.place(labels, view, 0, keypoint, pixels[keypoint], session.by)
    session.change("click", {moment: labels})


@pytest.fixture
def session(scene: Scene) -> LabelingSession:
    """Eight whole frames, and one in which the tail is clicked in a single view."""
    made = scene.session()
    made.open()
    for moment in range(N_LABELLED):
        click(made, moment, (0, 1, 2, 3, 4), (0, 1, 2))
    click(made, HERE, (NOSE, LEFT, RIGHT, BODY), (0, 1, 2))
    click(made, HERE, (TAIL,), (2,))
    return made


def propose(session: LabelingSession, guess: DepthGuess, number: int = 0) -> np.ndarray:
    """Take a guess, and return the position that follows."""
    after = guess.over(session.at(HERE), session.subject.cameras, number, session.by)
    session.change("guess", {HERE: after})
    return session.solution(HERE).points_3d[guess.animal, guess.keypoint]


def test_an_accepted_guess_is_complete_and_stays(session: LabelingSession) -> None:
    before = session.at(HERE)
    guess = guess_depth(session, HERE, 0, TAIL)
    found = propose(session, guess)
    proposed = session.at(HERE)
    assert proposed.states[:, 0, TAIL].tolist() == [
        LabelState.HUMAN if view == 2 else LabelState.PREDICTED for view in range(5)
    ]
    others = np.ones(5, bool)
    others[TAIL] = False
    np.testing.assert_array_equal(proposed.points[:, 0, others], before.points[:, 0, others])
    np.testing.assert_array_equal(proposed.points[2, 0, TAIL], before.points[2, 0, TAIL])
    assert not session.solution(HERE).complete[0, TAIL]
    labels = proposed
    for _ in range(50):
        labels = commands.accept(labels, session.solution(HERE), 0, TAIL)
        session.change("accept", {HERE: labels})
        np.testing.assert_array_equal(session.solution(HERE).points_3d[0, TAIL], found)
    solution = session.solution(HERE)
    assert solution.complete[0, TAIL]
    assert solution.residual_px[2, 0, TAIL] < 1e-3
    length = np.linalg.norm(found - solution.points_3d[0, BODY])
    assert length == pytest.approx(np.linalg.norm(BODY_SHAPE[TAIL]), abs=1e-3)
    assert np.linalg.norm(found - TRUTH[HERE, TAIL]) < 0.05
    assert (solution.states[[0, 1, 3, 4], 0, TAIL] == LabelState.REPROJECTED).all()
    assert session.labels().points_3d[-1, 0, TAIL] == pytest.approx(found)


def test_the_true_place_is_among_those_found_and_mostly_first(session: LabelingSession) -> None:
    click(session, HERE, (TAIL,), (0, 1))
    whole = session.at(HERE)
    first = []
    for view, keypoint in np.ndindex(5, 5):
        labels = commands.clear(whole, slice(None), 0, keypoint)
        pixel = session.subject.cameras[view].project(TRUTH[HERE, keypoint])
        labels = commands.place(labels, view, 0, keypoint, pixel, session.by)
        session.change("click", {HERE: labels})
        places = guess_depth(session, HERE, 0, keypoint).places
        apart = np.array([np.linalg.norm(each.point - TRUTH[HERE, keypoint]) for each in places])
        assert apart.min() < 0.05
        # four neighbours leave no second place
        assert len(places) == 1 or keypoint != BODY
        first.append(bool(apart.argmin() == 0))
    assert sum(first) >= 22


def test_the_key_again_takes_the_other_place_and_comes_back(session: LabelingSession) -> None:
    places = []
    for _ in range(4):
        guess = guess_depth(session, HERE, 0, TAIL)
        number = guess.next_to(session.solution(HERE).points_3d[0, TAIL])
        assert number is not None
        places.append(propose(session, guess, number))
        labels = commands.accept(session.at(HERE), session.solution(HERE), 0, TAIL)
        session.change("accept", {HERE: labels})
    first, second, third, fourth = places
    assert np.linalg.norm(first - second) > 1
    np.testing.assert_allclose([third, fourth], [first, second], atol=1e-6)
    ends = session.solution(HERE).points_3d[0, BODY]
    np.testing.assert_allclose(
        np.linalg.norm(np.stack(places) - ends, axis=-1),
        np.linalg.norm(BODY_SHAPE[TAIL]),
        atol=1e-3,
    )
    # the lengths that a guess rests on are not confirmed by it
    assert bone_statistics(session).n_frames[0].tolist() == [N_LABELLED + 1] * 3 + [N_LABELLED]


def test_the_only_place_is_proposed_once(scene: Scene) -> None:
    session = scene.session()
    session.open()
    for moment in range(N_LABELLED):
        click(session, moment, (0, 1, 2, 3, 4), (0, 1))
    click(session, HERE, (NOSE, LEFT, RIGHT, TAIL), (0, 1))
    click(session, HERE, (BODY,), (3,))
    guess = guess_depth(session, HERE, 0, BODY)
    assert guess.next_to(np.full(3, np.nan)) == 0
    assert guess.next_to(propose(session, guess)) is None
    assert guess.words(0).startswith(
        "Proposed: body at the usual distance from nose, finL, finR and tail, to about "
    )
    assert guess.words(0).endswith(" mm along the line of sight. Accept it with K.")


def test_a_guess_takes_the_place_of_what_was_proposed(session: LabelingSession) -> None:
    away = np.full((*session.subject.shape, 2), np.nan)
    for view, camera in enumerate(session.subject.cameras):
        away[view, 0, TAIL] = camera.project(TRUTH[HERE, TAIL] + 30)
    labels = commands.propose(session.at(HERE), away, session.by)
    session.change("propose", {HERE: labels})
    labels = commands.accept(labels, session.solution(HERE), 0, TAIL)
    labels = commands.toggle_occluded(labels, 4, 0, TAIL, session.by)
    session.change("accept", {HERE: labels})
    found = propose(session, guess_depth(session, HERE, 0, TAIL))
    assert np.linalg.norm(found - TRUTH[HERE, TAIL]) < 0.05
    assert not session.at(HERE).accepted.any()
    assert session.at(HERE).states[4, 0, TAIL] == LabelState.OCCLUDED
    session.undo()
    assert session.at(HERE).equals(labels)


def refused(session: LabelingSession, keypoint: int = TAIL, animal: int = 0) -> str:
    before = session.at(HERE)
    with pytest.raises(NoDepthError) as refusal:
        guess_depth(session, HERE, animal, keypoint)
    assert session.at(HERE) is before or before.is_empty
    return str(refusal.value)


def test_it_says_why_it_can_not_guess(session: LabelingSession) -> None:
    assert refused(session, animal=1).startswith("Click tail in one view first")
    assert refused(session, NOSE).startswith("nose is clicked in 3 views: its position follows")
    lonely = replace(SKELETON, edges=((0, 3), (1, 3)), colors=())
    subject, session.subject = session.subject, replace(session.subject, skeleton=lonely)
    assert refused(session) == "No bone of fish ends at tail: nothing tells its depth."
    session.subject = subject
    labels, tail = session.at(HERE), session.at(HERE).points[2, 0, TAIL]
    moved = commands.place(labels, 2, 0, TAIL, tail + 300, session.by)
    session.change("click", {HERE: moved})
    assert refused(session).startswith("The line of sight of tail passes body at ")
    assert refused(session).endswith(" mm, farther than usual (30 mm): is either clicked wrong?")
    session.change("clear", {HERE: commands.clear(labels, slice(None), 0, BODY)})
    expected = "No neighbour of tail has a position in this frame: place or accept body first."
    assert refused(session) == expected


def test_it_says_that_bones_are_not_known_yet(session: LabelingSession) -> None:
    empty = session.at(19)
    session.change("clear", dict.fromkeys(range(4, N_LABELLED), empty))
    assert refused(session) == (
        "It is not known yet how far tail is from body: that needs 5 labelled frames with both, "
        "there are 4."
    )
    click(session, 14, (BODY, TAIL), (0, 1))
    assert guess_depth(session, HERE, 0, TAIL).places


def test_it_says_that_there_is_no_view_to_show_it_in(session: LabelingSession) -> None:
    labels = session.at(HERE)
    for view in (0, 1, 3, 4):
        labels = commands.toggle_occluded(labels, view, 0, TAIL, session.by)
    session.change("hide", {HERE: labels})
    assert refused(session).startswith("tail is said to be hidden or outside in every other view")
    # one view is enough, and those that are hidden stay so
    labels = commands.toggle_occluded(labels, 1, 0, TAIL, session.by)
    session.change("show", {HERE: labels})
    found = propose(session, guess_depth(session, HERE, 0, TAIL))
    assert np.linalg.norm(found - TRUTH[HERE, TAIL]) < 0.05
    assert session.solution(HERE).residual_px[2, 0, TAIL] < 1e-3
    cameras = session.subject.cameras
    session.subject = replace(session.subject, cameras=(*cameras[:2], None, *cameras[3:]))
    assert refused(session).endswith(" is not calibrated: no line of sight.")


def test_all_neighbours_together_beat_clicks_that_are_off(scene: Scene) -> None:
    rng = np.random.default_rng(1)
    ends, lengths = BODY_SHAPE[[0, 1, 2, 4]], np.linalg.norm(BODY_SHAPE, axis=1)[[0, 1, 2, 4]]
    camera, apart = scene.cameras[0], []
    for _ in range(50):
        noisy = ends + rng.normal(0, 0.5, ends.shape)
        bones = KnownBones(("a", "b", "c", "d"), noisy, lengths, np.full(4, 0.6))
        pixel = camera.project(np.zeros(3)) + rng.normal(0, 0.5, 2)
        (place, *_) = places_on_line(camera, pixel, bones)
        np.testing.assert_allclose(camera.project(place.point), pixel, atol=1e-6)
        apart.append((np.linalg.norm(place.point), place.uncertainty))
    errors, told = np.array(apart).T
    assert np.sqrt((errors**2).mean()) < 1.2
    assert 0.3 < np.median(told) / np.median(errors) < 3


def test_a_line_beside_a_bone_takes_its_nearest_place(scene: Scene) -> None:
    camera, end = scene.cameras[0], np.array([0.0, 0, 60])
    sideways = np.cross(end - camera.centre, [0, 0, 1])
    off = end + 10.4 * sideways / np.linalg.norm(sideways)
    pixel = camera.project(off)
    usual = KnownBones(("end",), end[None], np.array([10.0]), np.array([0.2]))
    (place,) = places_on_line(camera, pixel, usual)
    np.testing.assert_allclose(place.point, off, atol=0.3)
    assert place.deviations == pytest.approx([2.0], abs=0.05)
    # there the length tells little of the depth
    assert place.uncertainty > 0.9
    narrow = replace(usual, spreads=np.array([0.1]))
    assert places_on_line(camera, pixel, narrow) == ()


def test_the_most_similar_pose_tells_about_where_it_is(session: LabelingSession) -> None:
    labels = session.at(16)
    # of two keypoints only, which would fit however they lie
    click(session, 15, (BODY, TAIL), (0, 1))
    hint = from_similar_pose(session, HERE, 0, TAIL)
    assert hint is not None
    assert np.linalg.norm(hint - TRUTH[HERE, TAIL]) < 12
    # the same pose elsewhere: exactly there
    turn = np.array([[0.0, 1, 0], [-1, 0, 0], [0, 0, 1]])
    for view, keypoint in np.ndindex(2, 5):
        place = TRUTH[HERE, keypoint] @ turn + 5
        pixel = session.subject.cameras[view].project(place)
        labels = commands.place(labels, view, 0, keypoint, pixel, session.by)
    session.change("move", {16: labels})
    hint = from_similar_pose(session, HERE, 0, TAIL)
    assert hint == pytest.approx(TRUTH[HERE, TAIL], abs=0.3)
    assert from_similar_pose(session, HERE, 1, TAIL) is None


def test_a_single_point_moves_a_pose_and_turns_nothing() -> None:
    motion = Motion.between(np.zeros((1, 3)), np.array([[5.0, 0, 0]]))
    np.testing.assert_allclose(motion.of(np.ones(3)), [6, 1, 1])
