"""Label files into a session and out of it."""

from __future__ import annotations

import re
import shutil
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from napari_sdannce.files import open_labels, open_recording
from napari_sdannce.files.dannce_labels import sync_of
from napari_sdannce.files.dannce_mat import read_dannce
from napari_sdannce.files.label3d import read_label3d_state
from napari_sdannce.files.reference_config import read_reference_config
from napari_sdannce.labeling import commands
from napari_sdannce.labeling.export import (
    Incomplete,
    IncompleteError,
    export_dannce,
    export_label3d,
    gaps_of,
    note_for_reference,
)
from napari_sdannce.labeling.importing import frames_of, side_by_side
from napari_sdannce.labeling.journal import Author
from napari_sdannce.labeling.session import LabelingSession
from napari_sdannce.labeling.session_folder import subject_of
from napari_sdannce.labels import LabelState
from napari_sdannce.recording import Recording, View
from napari_sdannce.skeletons import Skeleton

if TYPE_CHECKING:
    from pathlib import Path

    from napari_sdannce.files.reference_config import ReferenceConfig

    from .conftest import Scene

# what newsdannce's program takes for a label file
NEWSDANNCE = re.compile(r"^\d{8}_\d{6}_.*Label3D_dannce\.mat$|^\d{8}_\d{6}_dannce\.mat$")


def recording_of(scene: Scene, folder: Path) -> Recording:
    views = tuple(View(each.name, (), each) for each in scene.cameras)
    return Recording(folder, views, sync=scene.subject.sync)


def labelled(scene: Scene, moments: range = range(3)) -> LabelingSession:
    """Every keypoint clicked in three views, a pixel off."""
    session = scene.session()
    session.open()
    rng = np.random.default_rng(4)
    for moment in moments:
        labels = session.at(moment)
        for view, animal, keypoint in np.ndindex(3, 2, 5):
            pixel = scene.pixels[view, animal, keypoint] + rng.normal(size=2)
            labels = commands.place(labels, view, animal, keypoint, pixel, session.by)
        session.change("all", {moment: labels})
    return session


def test_labels_of_a_session(scene: Scene) -> None:
    session = labelled(scene)
    labels = session.labels()
    assert labels.sample_ids.tolist() == [0, 1, 2]
    assert labels.complete.all()
    assert (labels.states[:3] == LabelState.HUMAN).all()
    assert (labels.states[3:] == LabelState.REPROJECTED).all()
    assert np.abs(labels.points_3d - scene.points).max() < 2
    assert labels.labeler_names == ("anna",)
    again = LabelingSession(scene.subject, Author(name="ben", session="x"))
    again.frames = frames_of(labels, scene.subject, {"anna": 0})
    for key, frame in session.frames.items():
        assert again.frames[key].equals(frame)


def test_clicks_are_kept_as_they_were_clicked(scene: Scene, tmp_path: Path) -> None:
    """The raw clicks are in every file, never their reprojections."""
    session, recording = labelled(scene), recording_of(scene, tmp_path)
    clicks = np.stack([session.at(moment).points[:3] for moment in range(3)], axis=1)
    for path in (*export_dannce(session, recording, tmp_path, when=0.0),
                 export_label3d(session, recording, tmp_path, when=0.0)):  # fmt: skip
        found = open_labels(path)
        where = [found.animals.index(name) for name in found.animals]
        ours = ["one", "two"].index(found.animals[0]) if len(where) == 1 else slice(None)
        expected = clicks[:, :, ours] if isinstance(ours, slice) else clicks[:, :, [ours]]
        by_person = found.states[:3] == LabelState.HUMAN
        assert by_person.all()
        np.testing.assert_allclose(found.points_2d[:3], expected, atol=1e-9)


def test_names_that_other_programs_accept(scene: Scene, tmp_path: Path) -> None:
    session, recording = labelled(scene), recording_of(scene, tmp_path)
    paths = export_dannce(session, recording, tmp_path, when=1.7e9)
    assert len(paths) == 2
    assert all(NEWSDANNCE.match(path.name) for path in paths)
    assert [path.name[16:] for path in paths] == [
        "DANNCE_one_Label3D_dannce.mat", "DANNCE_two_Label3D_dannce.mat",
    ]  # fmt: skip
    # training finds them
    project = (tmp_path / "sdannce.yaml").read_text(encoding="utf-8")
    assert all(path.name in project for path in paths)
    with pytest.raises(FileExistsError, match="not replaced"):
        export_dannce(session, recording, tmp_path, when=1.7e9)
    single = LabelingSession(
        replace(scene.subject, skeleton=Skeleton("com", ("com",))), session.author
    )
    single.open()
    labels = single.at(0)
    for view, animal in np.ndindex(2, 2):
        pixel = scene.pixels[view, animal, 0]
        labels = commands.place(labels, view, animal, 0, pixel, single.by)
    single.change("com", {0: labels})
    (path,) = export_dannce(single, recording, tmp_path, when=1.7e9)
    assert path.name[16:] == "COM_Label3D_dannce.mat"
    assert open_labels(path).points_3d.shape[0] == 1


@pytest.mark.parametrize(
    ("animals", "names"),
    [
        (("雄", "雌"), ["1", "2"]),
        (("rat 1", "rat-1"), ["1-rat-1", "2-rat-1"]),
        (("Rat", "rat"), ["1-Rat", "2-rat"]),  # one file on Windows
        (("a/b", "c\nd"), ["a-b", "c-d"]),
    ],
)
def test_every_animal_has_a_file_whatever_it_is_called(
    scene: Scene, tmp_path: Path, animals: tuple[str, str], names: list[str]
) -> None:
    session = labelled(scene)
    session.subject = replace(session.subject, animals=animals)
    paths = export_dannce(session, recording_of(scene, tmp_path), tmp_path, when=0.0)
    assert [path.name[16:] for path in paths] == [
        f"DANNCE_{name}_Label3D_dannce.mat" for name in names
    ]
    assert [open_labels(path).animals for path in paths] == [animals[:1], animals[1:]]


def test_the_reference_program_finds_them_too(scene: Scene, tmp_path: Path) -> None:
    session, recording = labelled(scene), recording_of(scene, tmp_path)
    paths = export_dannce(session, recording, tmp_path, when=1.7e9)
    note_for_reference(recording, paths)
    assert [(each.label3d_file, each.com_file) for each in io_of(tmp_path).exp] == [
        (path, None) for path in paths
    ]
    coms = [tmp_path / "COM" / "predict" / f"instance{animal}com3d.mat" for animal in range(2)]
    coms[0].parent.mkdir(parents=True)
    for com in coms:
        com.touch()
    later = export_dannce(session, recording, tmp_path, when=1.8e9)
    note_for_reference(recording, later)
    assert [each.com_file for each in io_of(tmp_path).exp] == [None, None, *coms]
    com_labels = tmp_path / "20261128_000000_COM_Label3D_dannce.mat"
    note_for_reference(recording, [com_labels])
    noted = io_of(tmp_path)
    assert noted.com_exp is not None
    assert [each.label3d_file for each in noted.com_exp] == [com_labels]
    assert len(noted.exp) == 4


def io_of(folder: Path) -> ReferenceConfig:
    return read_reference_config(folder / "io.yaml", folder=folder).config


def test_files_read_as_the_reference_reads_them(scene: Scene, tmp_path: Path) -> None:
    """One is subtracted from pixels, frames count from 0, keys are whole numbers."""
    session = labelled(scene, range(7, 8))
    path, _ = export_dannce(session, recording_of(scene, tmp_path), tmp_path, when=0.0)
    file = read_dannce(path)
    for view, camera in enumerate(scene.cameras):
        found = file.label_table()
        assert found.sample_ids.tolist() == [7]
        assert found.frames[0, view] == 7
        pixels = found.data_2d.reshape(len(scene.cameras), -1, 2)[view] - 1
        points = found.data_3d.reshape(-1, 3)
        np.testing.assert_allclose(pixels, camera.project(points), atol=1e-6)


def test_incomplete_labels_are_not_silent(scene: Scene, tmp_path: Path) -> None:
    session, recording = labelled(scene), recording_of(scene, tmp_path)
    labels = commands.clear(session.at(1), slice(None), 1, [2, 4])
    session.change("clear", {1: labels})
    (gap,) = gaps_of(session.labels())
    assert (gap.sample_id, gap.animal, gap.missing) == (1, "two", ("finR", "tail"))
    with pytest.raises(IncompleteError, match="moment 1, two: finR, tail") as caught:
        export_dannce(session, recording, tmp_path, when=0.0)
    assert caught.value.gaps == (gap,)
    assert not list(tmp_path.glob("*.mat"))
    paths = export_dannce(session, recording, tmp_path, when=1.0, incomplete=Incomplete.LEAVE_OUT)
    assert [len(open_labels(path)) for path in paths] == [3, 2]
    paths = export_dannce(session, recording, tmp_path, when=2.0, incomplete=Incomplete.IN_PART)
    two = open_labels(paths[1])
    assert np.isfinite(two.points_3d).all(axis=-1)[:, 0].sum(axis=1).tolist() == [5, 3, 5]
    with pytest.raises(ValueError, match="nothing to export"):
        export_dannce(scene.session(), recording, tmp_path, when=3.0)


def test_labels_of_something_else_are_refused(scene: Scene) -> None:
    labels = labelled(scene).labels()
    for other, words in (
        (replace(scene.subject, skeleton=Skeleton("x", tuple("vwxyz"))), "the session v, w, x"),
        (replace(scene.subject, animals=("one",)), "of 2 animals, the session of 1"),
        (replace(scene.subject, sync=scene.subject.sync.__class__(np.arange(5, 9),
                 np.zeros((4, 5), np.int64))), "3 labelled moments are not in the recording"),
        (replace(scene.subject, sync=scene.subject.sync.__class__(np.arange(20),
                 np.arange(20)[:, None].repeat(5, 1) + 2)), "frame 0 of .* has frame 2 there"),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=words):
            frames_of(labels, other)


def recording_beside(path: Path) -> Recording:
    """The recording of a label file, or of a state of Label3D, which names no videos."""
    if path.name.endswith("_dannce.mat"):
        return open_recording(path.parent)
    state = read_label3d_state(path)
    views = tuple(View(camera.name, (), camera) for camera in state.cameras())
    sync = state.as_dannce().sync_table() or sync_of(open_labels(path))
    return Recording(path.parent, views, sync=sync)


@pytest.mark.realdata
@pytest.mark.parametrize(
    "name",
    [
        "labels1.mat",
        "labels2.mat",
        "markerless_mouse_1_dannce.mat",
        "test_social_dannce_dannce.mat",
        "test_social_com_dannce.mat",
    ],
)
def test_real_files_are_edited_saved_and_opened_again(
    name: str, shared_data: Path, tmp_path: Path
) -> None:
    shutil.copy(shared_data / "label3d" / name, tmp_path / name)
    given = open_labels(tmp_path / name)
    recording = recording_beside(tmp_path / name)
    subject = subject_of(recording, given.skeleton, given.animals)
    session = LabelingSession(subject, Author(name="anna", session="s"))
    session.open()
    session.frames = frames_of(given, subject)
    found = session.labels()
    rows = np.isin(given.sample_ids, found.sample_ids)
    known = np.isfinite(given.points_3d[rows]).all(axis=-1)
    assert known.any()
    moved = np.linalg.norm(found.points_3d - given.points_3d[rows], axis=-1)[known]
    by_hand = (given.states == LabelState.HUMAN).any()
    assert by_hand or np.nanmax(moved) < 1e-3
    # one keypoint is put elsewhere, in two views
    key = int(found.sample_ids[0])
    animal, keypoint = np.argwhere(known[0])[0]
    before = session.solution(key).projected[:, animal, keypoint]
    labels = session.at(key)
    for view in range(2):
        labels = commands.place(labels, view, animal, keypoint, before[view] + 3, session.by)
    session.change("move", {key: labels})
    (path, *_) = export_dannce(session, recording, tmp_path, incomplete=Incomplete.IN_PART)
    again = open_labels(path)
    row = again.sample_ids.tolist().index(key)
    np.testing.assert_allclose(again.points_2d[:2, row, 0, keypoint], before[:2] + 3, atol=1e-6)
    others = np.delete(np.arange(len(again)), row)
    assert np.isfinite(again.points_3d[others]).any() or len(again) == 1


def test_files_of_single_animals_become_one_session(scene: Scene) -> None:
    session = scene.session()
    for key, animals in ((3, (0, 1)), (5, (1,))):
        labels = session.at(key)
        for animal in animals:
            for keypoint in range(5):
                for view in range(3):
                    pixel = scene.pixels[view, animal, keypoint]
                    labels = commands.place(labels, view, animal, keypoint, pixel, session.by)
        session.change("place", {key: labels})
    whole = session.labels()
    alone = [whole.select_animal(animal) for animal in range(2)]
    parts = [one.select_frames(one.any_3d) for one in alone]
    assert [len(part) for part in parts] == [1, 2]
    again = side_by_side(parts)
    assert again.animals == whole.animals
    for name in ("sample_ids", "frames", "points_2d", "points_3d", "states", "times"):
        np.testing.assert_array_equal(getattr(again, name), getattr(whole, name))
    other = replace(parts[0], frames=parts[0].frames + 1)
    with pytest.raises(ValueError, match="same moments at different frames"):
        side_by_side([parts[1], other])
