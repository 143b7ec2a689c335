"""Steps back and forth, and the journal that survives everything."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import h5py
import numpy as np
import pytest

from napari_sdannce.files.errors import FileFormatError
from napari_sdannce.labeling import commands
from napari_sdannce.labeling.cell_changes import CellChanges
from napari_sdannce.labeling.journal import read_journal
from napari_sdannce.labeling.session_folder import (
    JOURNAL,
    SessionInUseError,
    account,
    create_session,
    open_session,
    read_about,
)
from napari_sdannce.labeling.snapshot import SNAPSHOT, write_snapshot
from napari_sdannce.labels import LabelState
from napari_sdannce.recording import Recording, View

from .conftest import SKELETON

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_sdannce.labeling.frame_labels import FrameLabels
    from napari_sdannce.labeling.session import LabelingSession

    from .conftest import Scene


def click(session: LabelingSession, moment: int, view: int, keypoint: int, x: float) -> None:
    labels = commands.place(session.at(moment), view, 0, keypoint, (x, 7.0), session.by)
    session.change(f"place {keypoint}", {moment: labels})


def recording_of(scene: Scene, folder: Path) -> Recording:
    views = tuple(View(each.name, (), each) for each in scene.cameras)
    return Recording(folder, views, sync=scene.subject.sync)


def random_step(session: LabelingSession, rng: np.random.Generator) -> None:
    """Something that a person could do."""
    moment, view, keypoint = int(rng.integers(4)), int(rng.integers(5)), int(rng.integers(5))
    labels, by = session.at(moment), session.by
    pixel = rng.uniform(0, 500, 2)
    choice = int(rng.integers(10))
    if choice == 0:
        session.undo()
        return
    if choice == 1:
        session.redo()
        return
    after: dict[int, FrameLabels] = {}
    if choice == 2:
        after[moment] = commands.clear(labels, view, 0, keypoint)
    elif choice == 3:
        after[moment] = commands.toggle_occluded(labels, view, 0, keypoint, by)
    elif choice == 4:
        after[moment] = commands.toggle_locked(labels, view, 0, keypoint)
    elif choice == 5:
        after[moment] = commands.accept(labels, session.solution(moment))
    elif choice == 6:
        for each in range(4):
            swapped = commands.swap_animals(session.at(each), 0, 1)
            after[each] = swapped
    elif choice == 7:
        after[moment] = commands.swap_left_right(labels, SKELETON.swapped(), slice(None), 0)
    else:
        after[moment] = commands.place(labels, view, int(rng.integers(2)), keypoint, pixel, by)
    session.change(f"step {choice}", after)


def test_undo_takes_every_step_back_to_the_byte(scene: Scene) -> None:
    session = scene.session()
    session.open()
    rng = np.random.default_rng(0)
    before = []
    for step in range(60):
        before.append(dict(session.frames))
        labels = session.at(step % 4)
        pixel = rng.uniform(0, 500, 2)
        view, keypoint = rng.integers(5, size=2)
        new = commands.place(labels, int(view), 0, int(keypoint), pixel, session.by)
        assert session.change("place", {step % 4: new})
    after = dict(session.frames)
    for expected in reversed(before):
        assert session.undo() is not None
        assert_same(session.frames, expected)
    assert session.undo() is None
    assert session.frames == {}
    while session.redo() is not None:
        pass
    assert_same(session.frames, after)


def assert_same(found: dict[int, FrameLabels], expected: dict[int, FrameLabels]) -> None:
    assert found.keys() == expected.keys()
    for key, labels in expected.items():
        for name in ("points", "states", "locked", "authors", "times", "accepted"):
            assert getattr(found[key], name).tobytes() == getattr(labels, name).tobytes()


def test_a_step_that_changes_nothing_is_none(scene: Scene) -> None:
    session = scene.session()
    session.open()
    assert not session.change("clear", {0: commands.clear(session.at(0), 0, 0, 0)})
    assert session.done == ()
    with pytest.raises(KeyError, match="no moment 99"):
        click(session, 99, 0, 0, 1.0)


def test_changes_are_read_back_as_they_were_written(scene: Scene) -> None:
    session = scene.session()
    session.open()
    rng = np.random.default_rng(2)
    for _ in range(200):
        random_step(session, rng)
        before = session.at(0)
        random_step(session, rng)
        changes = CellChanges.between(before, session.at(0))
        again = CellChanges.model_validate_json(changes.model_dump_json())
        assert_same({0: again.over(before)}, {0: session.at(0)})


def test_a_session_is_opened_again_as_it_was_left(scene: Scene, tmp_path: Path) -> None:
    recording = recording_of(scene, tmp_path)
    rng = np.random.default_rng(5)
    with create_session(tmp_path / "labels", recording, SKELETON, ("one", "two"), "anna") as folder:
        for _ in range(450):
            random_step(folder.session, rng)
        left, authors = dict(folder.session.frames), folder.session.authors
    with open_session(tmp_path / "labels", recording, "ben") as folder:
        assert_same(folder.session.frames, left)
        assert [each.name for each in folder.session.authors] == ["anna", "ben"]
        assert folder.session.authors[:1] == authors


def test_without_a_snapshot_the_journal_tells_all(scene: Scene, tmp_path: Path) -> None:
    recording = recording_of(scene, tmp_path)
    rng = np.random.default_rng(6)
    with create_session(tmp_path / "labels", recording, SKELETON, ("one", "two"), "anna") as folder:
        for _ in range(300):
            random_step(folder.session, rng)
        left, done = dict(folder.session.frames), folder.session.done
        undone = folder.session.undone
    (tmp_path / "labels" / SNAPSHOT).unlink()
    with open_session(tmp_path / "labels", recording) as folder:
        assert_same(folder.session.frames, left)
        # its steps can be taken back, too
        assert (folder.session.done, folder.session.undone) == (done, undone)
        while folder.session.undo() is not None:
            pass
        assert folder.session.frames == {}


def test_a_second_window_is_refused_and_told_who(scene: Scene, tmp_path: Path) -> None:
    recording = recording_of(scene, tmp_path)
    with (
        create_session(tmp_path / "labels", recording, SKELETON, ("one",), "anna"),
        pytest.raises(SessionInUseError, match=rf"anna on .* .process {os.getpid()}"),
    ):
        open_session(tmp_path / "labels", recording, "ben")
    with open_session(tmp_path / "labels", recording, "ben"):
        pass
    with pytest.raises(FileExistsError, match="is not empty"):
        create_session(tmp_path / "labels", recording, SKELETON, ("one",))


def test_a_torn_last_line_is_the_only_loss(scene: Scene, tmp_path: Path) -> None:
    recording = recording_of(scene, tmp_path)
    with create_session(tmp_path / "labels", recording, SKELETON, ("one",), "anna") as folder:
        for step in range(5):
            click(folder.session, 0, step, 0, float(step))
    journal = tmp_path / "labels" / JOURNAL
    (tmp_path / "labels" / SNAPSHOT).unlink()
    journal.write_bytes(journal.read_bytes()[:-9])
    with open_session(tmp_path / "labels", recording) as folder:
        assert folder.session.done == ("place 0",) * 4
        click(folder.session, 0, 4, 0, 4.0)
    with open_session(tmp_path / "labels", recording) as folder:
        assert (folder.session.at(0).states[:, 0, 0] == LabelState.HUMAN).all()


CHILD = """
import sys
from pathlib import Path
from napari_sdannce.labeling import commands
from napari_sdannce.labeling.session_folder import create_session
from napari_sdannce.recording import Recording, Sync, View
from napari_sdannce.skeletons import Skeleton
from napari_sdannce.synthetic import camera_ring
folder = Path(sys.argv[1])
views = tuple(View(each.name, (), each) for each in camera_ring(5, image_size=(1000, 800)))
recording = Recording(folder, views, sync=Sync.identity(20, 5))
session = create_session(folder / "labels", recording, Skeleton("s", tuple("abcde")), ("one",),
                         "anna").session
for step in range(10**6):
    moment, view, keypoint = step % 20, step // 20 % 5, step // 100 % 5
    pixel = float(step), 7.0
    labels = commands.place(session.at(moment), view, 0, keypoint, pixel, session.by)
    session.change("place", {moment: labels})
    print(step, flush=True)
"""


@pytest.mark.skipif(os.name == "nt", reason="there is no SIGKILL")
@pytest.mark.parametrize("n_steps", [3, 40, 230])
def test_kill_9_loses_at_most_the_last_step(scene: Scene, tmp_path: Path, n_steps: int) -> None:
    command = [sys.executable, "-c", CHILD, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        for _ in range(n_steps):
            last = int(child.stdout.readline())
        child.send_signal(signal.SIGKILL)
        more = child.stdout.read().split()
    last = int(more[-1]) if more else last
    with open_session(tmp_path / "labels", recording_of(scene, tmp_path)) as folder:
        found = folder.session
        # every step that was told of is there, and at most one that was not
        counted = found.n_entries - 2
        assert counted in (last + 1, last + 2)
        for step in range(max(0, last - 99), last + 1):
            x = found.at(step % 20).points[step // 20 % 5, 0, step // 100 % 5, 0]
            assert x == step


def test_a_full_disk_leaves_the_session_as_it_was(
    scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recording = recording_of(scene, tmp_path)
    with create_session(tmp_path / "labels", recording, SKELETON, ("one",), "anna") as folder:
        click(folder.session, 0, 0, 0, 1.0)
        write = os.write

        def half(handle: int, content: bytes) -> int:
            write(handle, content[: len(content) // 2])
            raise OSError(28, "No space left on device")

        with monkeypatch.context() as patch:
            patch.setattr(os, "write", half)
            with pytest.raises(OSError, match=r"No space left.*journal"):
                click(folder.session, 0, 1, 0, 2.0)
        assert folder.session.at(0).states[1, 0, 0] == LabelState.NONE
        assert folder.session.done == ("place 0",)
        click(folder.session, 0, 2, 0, 3.0)
    (tmp_path / "labels" / SNAPSHOT).unlink()
    with open_session(tmp_path / "labels", recording) as folder:
        assert folder.session.at(0).states[:, 0, 0].tolist() == [3, 0, 3, 0, 0]


def test_a_session_of_another_version_is_told(scene: Scene, tmp_path: Path) -> None:
    path = tmp_path / "labels"
    create_session(path, recording_of(scene, tmp_path), SKELETON, ("one",)).close()
    about = (path / "session.json").read_text(encoding="utf-8")
    (path / "session.json").write_text(about.replace('"version": 1', '"version": 2'), "utf-8")
    with pytest.raises(FileFormatError, match=r"another version .* \(format 2\)"):
        read_about(path)


def test_an_account_without_a_name_can_label(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown() -> str:
        raise KeyError("getpwuid(): uid not found: 1234")

    monkeypatch.setattr("getpass.getuser", unknown)
    assert account() == str(os.getuid())


@pytest.mark.parametrize("what", ["removed", "renamed", "replaced"])
def test_nothing_is_written_where_nobody_finds_it(scene: Scene, tmp_path: Path, what: str) -> None:
    recording, path = recording_of(scene, tmp_path), tmp_path / "labels"
    folder = create_session(path, recording, SKELETON, ("one",), "anna")
    click(folder.session, 0, 0, 0, 1.0)
    if what == "removed":
        shutil.rmtree(path)
    elif what == "renamed":
        path.rename(tmp_path / "other")
    else:
        shutil.copy(path / JOURNAL, path / "copy")
        (path / "copy").replace(path / JOURNAL)
    with pytest.raises(FileNotFoundError):
        click(folder.session, 0, 1, 0, 2.0)
    assert folder.session.done == ("place 0",)
    if what == "renamed":
        (tmp_path / "other").rename(path)
        click(folder.session, 0, 2, 0, 3.0)
        assert folder.session.done == ("place 0", "place 0")
    if what == "removed":
        with pytest.raises(FileNotFoundError):
            folder.close()
    else:
        folder.close()


def test_a_snapshot_that_can_not_be_written_stops_nobody(
    scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recording, path = recording_of(scene, tmp_path), tmp_path / "labels"
    folder = create_session(path, recording, SKELETON, ("one",), "anna")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("napari_sdannce.labeling.session_folder.write_snapshot", full)
    for x in range(450):
        click(folder.session, 0, 0, 0, float(x))
    with pytest.raises(OSError, match="No space"):
        folder.close()
    with open_session(path, recording) as again:
        assert again.session.at(0).points[0, 0, 0, 0] == 449
        monkeypatch.undo()


@pytest.mark.skipif(sys.platform != "linux", reason="/dev/full")
def test_a_disk_full_of_snapshot_is_an_error_of_the_system(scene: Scene, tmp_path: Path) -> None:
    session = scene.session()
    click(session, 0, 0, 0, 1.0)
    # HDF5 itself ends the program on such a disk
    with pytest.raises(OSError, match="No space"):
        write_snapshot(Path("/dev/full"), session)


def test_steps_before_the_snapshot_are_not_read_again(scene: Scene, tmp_path: Path) -> None:
    recording, path = recording_of(scene, tmp_path), tmp_path / "labels"
    with create_session(path, recording, SKELETON, ("one",), "anna") as folder:
        for x in range(3):
            click(folder.session, 0, 0, 0, float(x))
        folder.save()
        click(folder.session, 0, 1, 0, 7.0)
        assert [each.number for each in read_journal(path / JOURNAL, after=4)] == [5]
        assert len(read_journal(path / JOURNAL)) == 5


def test_a_session_that_is_no_text_is_told(tmp_path: Path) -> None:
    (tmp_path / "session.json").write_bytes(b"\xff\xfe{")
    with pytest.raises(FileFormatError, match="no text"):
        read_about(tmp_path)


@pytest.mark.parametrize("damage", ["line", "gap", "cell", "moment", "state"])
def test_a_damaged_journal_is_told(scene: Scene, tmp_path: Path, damage: str) -> None:
    recording = recording_of(scene, tmp_path)
    with create_session(tmp_path / "labels", recording, SKELETON, ("one",), "anna") as folder:
        for step in range(5):
            click(folder.session, 0, step, 0, float(step))
    (tmp_path / "labels" / SNAPSHOT).unlink()
    journal = tmp_path / "labels" / JOURNAL
    lines = journal.read_text(encoding="utf-8").splitlines(keepends=True)
    changed: dict[str, Callable[[], list[str]]] = {
        "line": lambda: [*lines[:2], lines[2][:20] + "\n", *lines[3:]],
        "gap": lambda: [*lines[:2], *lines[3:]],
        "cell": lambda: [*lines[:2], lines[2].replace("[1,0,0,", "[9,0,0,"), *lines[3:]],
        "moment": lambda: [*lines[:2], lines[2].replace('"0":', '"70":'), *lines[3:]],
        "state": lambda: [*lines[:2], lines[2].replace("7.0,3,", "7.0,300,"), *lines[3:]],
    }
    journal.write_text("".join(changed[damage]()), encoding="utf-8")
    words = {"line": "line 3 is damaged", "gap": "is entry 4, after 2", "cell": "entry 3",
             "moment": "no moment 70", "state": "line 3 is damaged"}  # fmt: skip
    with pytest.raises(ValueError, match=words[damage]) as caught:
        open_session(tmp_path / "labels", recording)
    assert JOURNAL in str(caught.value)
    # and nobody is locked out by it
    journal.write_text("".join(lines), encoding="utf-8")
    open_session(tmp_path / "labels", recording).close()


@pytest.mark.parametrize("damage", ["cut", "shape", "missing", "states"])
def test_a_damaged_snapshot_costs_nothing(scene: Scene, tmp_path: Path, damage: str) -> None:
    """The journal has it all; the damaged file is kept for whoever wants to look."""
    recording = recording_of(scene, tmp_path)
    with create_session(tmp_path / "labels", recording, SKELETON, ("one",), "anna") as folder:
        click(folder.session, 0, 0, 0, 1.0)
    snapshot = tmp_path / "labels" / SNAPSHOT
    whole = snapshot.read_bytes()
    if damage == "cut":
        snapshot.write_bytes(whole[: len(whole) // 2])
    else:
        with h5py.File(snapshot, "a") as file:
            states = file["states"][:]
            del file["states"]
            if damage == "shape":
                file["states"] = states[..., :3]
            elif damage == "states":
                file["states"] = states + 40
    damaged = snapshot.read_bytes()
    with open_session(tmp_path / "labels", recording) as folder:
        assert folder.session.at(0).states[0, 0, 0] == LabelState.HUMAN
        assert [author.name for author in folder.session.authors][:1] == ["anna"]
    assert (tmp_path / "labels" / "labels.damaged.h5").read_bytes() == damaged
    with open_session(tmp_path / "labels", recording) as folder:
        assert folder.session.at(0).states[0, 0, 0] == LabelState.HUMAN
    # without the steps from the beginning it is told
    snapshot.write_bytes(damaged)
    lines = (tmp_path / "labels" / JOURNAL).read_text().splitlines(keepends=True)
    (tmp_path / "labels" / JOURNAL).write_text("".join(lines[1:]))
    with pytest.raises(FileFormatError, match=SNAPSHOT):
        open_session(tmp_path / "labels", recording)
