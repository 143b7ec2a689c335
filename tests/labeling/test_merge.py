"""Labels of two people of the same recording."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_sdannce.labeling import commands
from napari_sdannce.labeling.merge import merge, taking_theirs
from napari_sdannce.labels import LabelState

if TYPE_CHECKING:
    from napari_sdannce.labeling.session import LabelingSession

    from .conftest import Scene


def clicked(scene: Scene, name: str, clicks: dict[tuple[int, int, int], float]) -> LabelingSession:
    """A session with clicks (moment, view, keypoint), each so many px beside the truth."""
    session = scene.session(name)
    session.open()
    for (moment, view, keypoint), off in clicks.items():
        pixel = scene.pixels[view, 0, keypoint] + (off, 0)
        labels = commands.place(session.at(moment), view, 0, keypoint, pixel, session.by)
        session.change("click", {moment: labels})
    return session


def test_two_people_together(scene: Scene) -> None:
    anna = clicked(scene, "anna", {(0, 0, 0): 0.0, (0, 1, 0): 0.0, (1, 0, 0): 0.0})
    ben = clicked(scene, "ben", {(0, 0, 0): 2.0, (0, 1, 0): 20.0, (0, 2, 0): 1.0, (5, 3, 1): 0.0})
    hidden = commands.toggle_occluded(ben.at(1), 0, 0, 0, ben.by)
    ben.change("hidden", {1: hidden})
    found = merge(anna.frames, ben.frames, anna.authors, ben.authors)
    assert [author.name for author in found.authors] == ["anna", "ben"]
    assert sorted(found.frames) == [0, 1, 5]
    first = found.frames[0]
    assert first.authors[:3, 0, 0].tolist() == [0, 0, 1]
    np.testing.assert_array_equal(first.points[0, 0, 0], scene.pixels[0, 0, 0])
    assert found.frames[5].authors[3, 0, 1] == 1
    # sorted: what is no place at all, then the farthest apart
    state, place = found.conflicts
    assert (state.sample_id, state.theirs) == (1, LabelState.OCCLUDED)
    assert (place.sample_id, place.view, place.animal, place.keypoint) == (0, 1, 0, 0)
    assert place.apart_px == 20
    np.testing.assert_allclose(np.sort(found.apart_px), [2, 20])
    changed = taking_theirs(found.frames, ben.frames, np.array([1], np.int16), found.conflicts)
    assert sorted(changed) == [0, 1]
    np.testing.assert_array_equal(changed[0].points[1, 0, 0], scene.pixels[1, 0, 0] + (20, 0))
    assert changed[0].authors[1, 0, 0] == 1
    assert changed[1].states[0, 0, 0] == LabelState.OCCLUDED


def test_people_go_before_programs(scene: Scene) -> None:
    anna, ben = clicked(scene, "anna", {}), clicked(scene, "ben", {(0, 0, 0): 3.0})
    proposed = commands.propose(anna.at(0), scene.pixels, anna.by)
    anna.change("predict", {0: proposed})
    for ours, theirs in ((anna, ben), (ben, anna)):
        found = merge(ours.frames, theirs.frames, ours.authors, theirs.authors)
        assert found.conflicts == []
        assert found.frames[0].states[0, 0, 0] == LabelState.HUMAN
        assert (found.frames[0].states[1:, 0, 0] == LabelState.PREDICTED).all()
        author = found.authors[found.frames[0].authors[0, 0, 0]]
        assert author.name == "ben"


def test_a_session_merged_with_itself_is_itself(scene: Scene) -> None:
    anna = clicked(scene, "anna", {(0, 0, 0): 0.0, (3, 1, 2): 5.0})
    found = merge(anna.frames, anna.frames, anna.authors, anna.authors)
    assert found.conflicts == []
    assert found.authors == anna.authors
    assert all(found.frames[key].equals(labels) for key, labels in anna.frames.items())
