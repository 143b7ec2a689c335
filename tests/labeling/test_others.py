"""Labels of others read, compared, brought in, and conflicts settled."""

from __future__ import annotations

import shutil
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from napari_sdannce.labeling import commands
from napari_sdannce.labeling.comparison import compare
from napari_sdannce.labeling.others import read_others
from napari_sdannce.labeling.session_folder import (
    JOURNAL,
    create_session,
    open_session,
    read_session,
)
from napari_sdannce.labeling.settling import Settling
from napari_sdannce.labeling.snapshot import SNAPSHOT
from napari_sdannce.labels import NOBODY, LabelState
from napari_sdannce.recording import Recording, Sync, View
from napari_sdannce.skeletons import Skeleton

from .conftest import SKELETON

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from napari_sdannce.labeling.session import LabelingSession
    from napari_sdannce.labeling.session_folder import SessionFolder

    from .conftest import Scene

ANIMALS = ("one", "two")


@pytest.fixture
def recording(scene: Scene, tmp_path: Path) -> Recording:
    views = tuple(View(each.name, (), each) for each in scene.cameras)
    return Recording(tmp_path / "monday", views, sync=scene.subject.sync)


@pytest.fixture
def ours(recording: Recording, tmp_path: Path) -> Iterator[SessionFolder]:
    """Anna's session, open."""
    with create_session(tmp_path / "ours", recording, SKELETON, ANIMALS, "anna") as folder:
        yield folder


@pytest.fixture
def theirs(recording: Recording, tmp_path: Path) -> Iterator[SessionFolder]:
    """Ben's session, open."""
    with create_session(tmp_path / "theirs", recording, SKELETON, ANIMALS, "ben") as folder:
        yield folder


def click(session: LabelingSession, moment: int, cell: tuple[int, int, int], x: float) -> None:
    labels = commands.place(session.at(moment), *cell, (x, 7.0), session.by)
    session.change("click", {moment: labels})


def content_of(folder: Path) -> dict[str, tuple[int, bytes]]:
    return {path.name: (path.stat().st_mtime_ns, path.read_bytes()) for path in folder.iterdir()}


def test_reading_leaves_everything_as_it_was(theirs: SessionFolder, recording: Recording) -> None:
    """Another window has it open, and is writing a line."""
    for view in range(5):
        click(theirs.session, view, (view, 0, 0), 3.0)
        if view == 2:
            theirs.save()
    with (theirs.path / JOURNAL).open("ab") as file:
        file.write(b'{"number":7,"time":1.0,"frames":{"0":{"ce')
    before = content_of(theirs.path)
    found = read_session(theirs.path, recording)
    assert content_of(theirs.path) == before
    assert found.authors == theirs.session.authors
    assert found.frames.keys() == theirs.session.frames.keys()
    assert all(labels.equals(theirs.session.at(key)) for key, labels in found.frames.items())
    assert found.by.author == NOBODY


def test_labels_in_another_order_are_put_into_ours(
    scene: Scene, ours: SessionFolder, recording: Recording, tmp_path: Path
) -> None:
    names = SKELETON.keypoints[::-1]
    backwards = recording.select(recording.names[::-1])
    path = tmp_path / "backwards"
    with create_session(path, backwards, Skeleton("x", names), ANIMALS[::-1], "ben") as folder:
        click(folder.session, 4, (0, 0, 1), 30.0)  # last camera, second animal, last but one
        accepted = folder.session.at(4).editable()
        accepted.accepted[0, 1] = True
        folder.session.change("accept", {4: accepted.frozen()})
    labels = read_others(path, recording, ours.session.subject).frames[4]
    assert np.argwhere(labels.states).tolist() == [[4, 1, 3]]
    assert np.argwhere(labels.accepted).tolist() == [[1, 3]]
    assert labels.points[4, 1, 3].tolist() == [30.0, 7.0]


def test_labels_of_something_else_are_refused(
    scene: Scene, ours: SessionFolder, recording: Recording, tmp_path: Path
) -> None:
    tip = Skeleton("tip", (*SKELETON.keypoints[:-1], "tip"))
    fewer = recording.select(recording.names[:4])
    longer = replace(recording, sync=Sync.identity(30, 5))
    for name, what, skeleton, animals, words in (
        ("cameras", fewer, SKELETON, ANIMALS, f"without {recording.names[4]}"),
        ("keypoints", recording, tip, ANIMALS, "keypoints has other keypoints than these labels: "
         "without tail, with tip"),
        ("animals", recording, SKELETON, ("one", "three"), "without two, with three"),
        ("longer", longer, SKELETON, ANIMALS, "the recording has no moment 25"),
    ):  # fmt: skip
        with create_session(tmp_path / name, what, skeleton, animals, "ben") as folder:
            click(folder.session, 25 if name == "longer" else 2, (0, 0, 0), 1.0)
        with pytest.raises(ValueError, match=words):
            read_others(tmp_path / name, recording, ours.session.subject)
    (tmp_path / "longer" / SNAPSHOT).unlink()
    with pytest.raises(ValueError, match=f"{JOURNAL}: .*no moment 25; expected labels of this"):
        read_others(tmp_path / "longer", recording, ours.session.subject)


def test_merged_labels_are_there_again_from_the_journal_alone(
    ours: SessionFolder, theirs: SessionFolder, recording: Recording, tmp_path: Path
) -> None:
    anna, ben = ours.session, theirs.session
    anna.clock, ben.clock = (lambda: 1000.0), (lambda: 2000.0)
    click(anna, 0, (0, 0, 0), 10.0)
    for moment, view, x in ((0, 0, 30.0), (0, 1, 50.0), (6, 2, 70.0)):
        click(ben, moment, (view, 0, 0), x)
    found = compare(anna, read_others(theirs.path, recording, anna.subject))
    assert (found.n_frames, found.n_points) == (1, 2)
    assert anna.change("merge theirs", found.changed, found.joined)
    click(anna, 6, (3, 0, 0), 90.0)  # whose name is it now?
    left = dict(anna.frames)
    # as after kill -9: nobody closed it, and only the journal tells
    copied = tmp_path / "copied"
    shutil.copytree(ours.path, copied)
    (copied / SNAPSHOT).unlink(missing_ok=True)
    with open_session(copied, recording, "carl") as folder:
        again = folder.session
        assert [each.name for each in again.authors] == ["anna", "ben", "carl"]
        assert again.authors[1] == ben.author
        assert again.frames.keys() == left.keys()
        assert all(again.at(key).equals(labels) for key, labels in left.items())
        for moment, view, name, session, when in (
            (0, 0, "anna", anna, 1000.0), (0, 1, "ben", ben, 2000.0),
            (6, 2, "ben", ben, 2000.0), (6, 3, "anna", anna, 1000.0),
        ):  # fmt: skip
            labels = again.at(moment)
            author = again.authors[labels.authors[view, 0, 0]]
            assert (author.name, author.session) == (name, session.author.session)
            assert labels.times[view, 0, 0] == when
        click(again, 8, (0, 0, 0), 1.0)
        assert again.authors[again.at(8).authors[0, 0, 0]].name == "carl"
        # one step, taken back as one
        for _ in range(3):
            again.undo()
        assert again.frames.keys() == {0}
        assert np.argwhere(again.at(0).states).tolist() == [[0, 0, 0]]
        again.redo()
        assert again.at(6).authors[2, 0, 0] == 1
    with open_session(copied, recording, "dora") as folder:  # now from the snapshot
        assert [each.name for each in folder.session.authors] == ["anna", "ben", "carl", "dora"]
        assert folder.session.at(6).authors[2, 0, 0] == 1


def test_how_well_people_agree(
    ours: SessionFolder, theirs: SessionFolder, recording: Recording
) -> None:
    for moment in range(20):
        click(ours.session, moment, (0, 0, 0), 100.0)
        click(theirs.session, moment, (0, 0, 0), 100.0 + moment)
    theirs.session.change("hide", {0: commands.toggle_occluded(
        theirs.session.at(0), 0, 0, 0, theirs.session.by)})  # fmt: skip
    found = compare(ours.session, read_others(theirs.path, recording, ours.session.subject))
    (agreement,) = found.agreements
    assert agreement.names == ("anna", "ben")
    assert agreement.n_points == 19
    assert agreement.median_px == 10.0
    assert agreement.p95_px == pytest.approx(18.1)
    words = [found.conflict_in_words(each) for each in found.merged.conflicts]
    nose = f"one, nose in {recording.names[0]}"
    assert words[:2] == [
        f"frame 0, {nose}: placed (anna) or hidden (ben)",
        f"frame 19, {nose}: 19 px apart (anna, ben)",
    ]
    assert len(words) == 1 + 16  # 4 to 19 px
    assert (found.n_frames, found.n_points, found.changed) == (0, 0, {})


def test_a_copy_of_our_labels_says_nothing_of_how_people_agree(
    ours: SessionFolder, recording: Recording, tmp_path: Path
) -> None:
    """Ben went on with a copy of what Anna had clicked, and moved one of her points."""
    for moment in range(5):
        click(ours.session, moment, (0, 0, 0), 100.0)
    shutil.copytree(ours.path, tmp_path / "copied")
    with open_session(tmp_path / "copied", recording, "ben") as folder:
        click(folder.session, 3, (0, 0, 0), 108.0)
    found = compare(ours.session, read_others(tmp_path / "copied", recording, ours.session.subject))
    (agreement,) = found.agreements
    assert (agreement.n_points, agreement.median_px) == (1, 8.0)
    assert [each.sample_id for each in found.merged.conflicts] == [3]
    assert [each.name for each in found.joined] == ["ben"]


def test_conflicts_are_settled_one_by_one(
    ours: SessionFolder, theirs: SessionFolder, recording: Recording
) -> None:
    anna, ben = ours.session, theirs.session
    for keypoint in range(4):
        click(anna, 2, (1, 0, keypoint), 100.0)
        click(ben, 2, (1, 0, keypoint), 120.0 + keypoint)
    found = compare(anna, read_others(theirs.path, recording, anna.subject))
    # everything they clicked is clicked by us, too: nothing is added, and nobody joins us yet
    assert not anna.change("merge", found.changed, found.joined)
    settling = Settling(anna, found)
    taken, kept, moved, last = settling.left
    assert [each.keypoint for each in settling.left] == [3, 2, 1, 0]
    assert settling.their_place(taken).tolist() == [123.0, 7.0]
    after, joined = settling.with_theirs(taken)
    assert anna.change("take", after, joined)
    assert [each.name for each in anna.authors] == ["anna", "ben"]
    assert anna.at(2).points[1, 0, 3].tolist() == [123.0, 7.0]
    assert anna.at(2).authors[1, 0].tolist() == [0, 0, 0, 1, NOBODY]
    assert anna.at(2).times[1, 0, 3] == ben.at(2).times[1, 0, 3]
    settling.keep_ours(kept)
    click(anna, 2, (1, 0, moved.keypoint), 111.0)
    assert anna.at(2).authors[1, 0, moved.keypoint] == 0
    assert settling.left == [last]
    anna.undo()
    assert settling.left == [moved, last]
    anna.undo()
    assert settling.left == [taken, moved, last]
    anna.redo()
    assert settling.left == [moved, last]
    after, joined = settling.with_theirs(last)
    assert joined == []


def test_a_position_stays_as_it_was_accepted(scene: Scene) -> None:
    """Proposals that nobody accepted do not slip under the acceptance of another."""
    from napari_sdannce.labeling.merge import merge

    anna, ben = scene.session("anna"), scene.session("ben")
    for session, off, is_accepted in ((anna, 0.0, False), (ben, 9.0, True)):
        session.open()
        proposed = commands.propose(session.at(0), scene.pixels + off, session.by)
        accepted = commands.accept(proposed, session.solution(0)).editable()
        accepted.accepted[:] = is_accepted
        session.change("propose", {0: accepted.frozen()})
    for first, second in ((anna, ben), (ben, anna)):
        found = merge(first.frames, second.frames, first.authors, second.authors).frames[0]
        assert found.accepted.all()
        assert (found.states == LabelState.PREDICTED).all()
        np.testing.assert_array_equal(found.points, ben.at(0).points)
