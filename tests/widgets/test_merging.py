"""Labels of another person brought into the panel "Label in 3D", and conflicts settled there."""

from __future__ import annotations

import shutil
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from qtpy.QtWidgets import QApplication

from napari_sdannce.files import open_recording
from napari_sdannce.labeling import commands
from napari_sdannce.labeling.session_folder import create_session
from napari_sdannce.labels import LabelState
from napari_sdannce.video import RecordingVideo
from napari_sdannce.widgets.breakable import unbroken
from napari_sdannce.widgets.label_3d.desk import Desk
from napari_sdannce.widgets.label_3d.label_panel import LabelPanel
from napari_sdannce.widgets.label_3d.merge_dialog import MergeDialog
from napari_sdannce.widgets.label_3d.sessions import FOLDER, WantedSession

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import napari

    from napari_sdannce.skeletons import Skeleton

pytestmark = pytest.mark.window

ANIMALS = ("one", "two")


@pytest.fixture(scope="module")
def viewer(qapp: Any) -> Iterator[napari.Viewer]:
    import napari

    viewer = napari.Viewer(show=True)
    viewer.window.resize(1300, 900)
    yield viewer
    viewer.close()


@pytest.fixture
def panel(
    viewer: napari.Viewer, folder: Path, tmp_path: Path, small: Any, monkeypatch: Any
) -> Iterator[LabelPanel]:
    """Anna's labels, open: the noses of both animals in the first frame."""
    keys = tmp_path / "keys.yaml"
    monkeypatch.setattr("napari_sdannce.widgets.label_3d.key_table.keys_file", lambda: keys)
    experiment = tmp_path / "monday"
    shutil.copytree(folder, experiment)
    panel = LabelPanel(viewer)
    viewer.window.add_dock_widget(panel, name="Label in 3D", area="right")
    panel.open_recording(experiment)
    panel.open_session(WantedSession(experiment / FOLDER / "mine", "anna", small.skeleton, ANIMALS))
    let_qt_work()
    for view, animal in np.ndindex(3, 2):
        panel.work.desk.place(view, animal, 0, nose(small, view, animal))
    yield panel
    panel.close_session()
    viewer.window.remove_dock_widget(panel)
    panel.deleteLater()
    let_qt_work()


def let_qt_work() -> None:
    for _ in range(5):
        QApplication.processEvents()


def nose(small: Any, view: int, animal: int, moment: int = 0) -> np.ndarray:
    return small.cameras[view].project(small.positions()[moment, animal, 0])


def right_of(pixel: np.ndarray, off: float) -> np.ndarray:
    return pixel + np.array([off, 0.0])


def bens_labels(
    path: Path, experiment: Path, small: Any, skeleton: Skeleton, off: dict[tuple[int, int], float]
) -> None:
    """The same noses, so many px to the right (view, animal), and one of another frame."""
    with create_session(path, open_recording(experiment), skeleton, ANIMALS, "ben") as folder:
        session = folder.session
        for moment in (0, 5):
            labels = session.at(moment)
            for view, animal in np.ndindex(3, 2):
                pixel = right_of(nose(small, view, animal), off.get((view, animal), 0.5))
                labels = commands.place(labels, view, animal, 0, pixel, session.by)
            session.change("noses", {moment: labels})


def test_labels_of_another_person_are_merged_and_settled(
    panel: LabelPanel, small: Any, qtbot: Any
) -> None:
    work, desk = panel.work, panel.work.desk
    folder = desk.recording.folder
    off = {(1, 0): 9.0, (2, 1): 7.0, (0, 1): 5.0}
    bens_labels(folder / FOLDER / "bens", folder, small, small.skeleton, off)
    work._actions["merge"]()
    dialog = work.merging
    with qtbot.waitSignal(dialog.compared, timeout=20_000):
        assert dialog.sessions.item(0).text().startswith("bens: stick, 2 animals, 2 frames, ben, ")
    assert "They add 6 points, and 1 new frame." in dialog.summary.text()
    assert "anna and ben both clicked 6 points, half of them within" in dialog.summary.text()
    assert dialog.conflicts.item(0).text() == "frame 0, one, nose in right: 9 px apart (anna, ben)"
    steps = len(desk.session.done)
    dialog.merge_button.click()
    let_qt_work()
    assert desk.session.done[steps:] == ("labels of bens",)
    assert desk.moments_with_labels() == [0, 5]
    assert panel.status == "The labels of bens are in. 3 points to settle, at the right."

    conflicts = work.conflicts
    assert conflicts.isVisible()
    assert conflicts.list.count() == 3
    # the first is shown: what both clicked, in the camera where they do not agree
    assert (desk.moment, desk.animal, desk.keypoint, desk.focus) == (0, 0, 0, 1)
    drawn = [one.other.shown.tolist() for one in work.views.cameras]
    assert drawn == [[False], [True], [False]]
    row, column = work.views.cameras[1].other.data[0]
    np.testing.assert_allclose((column, row), right_of(nose(small, 1, 0), 9))
    conflicts.theirs_button.click()
    let_qt_work()
    np.testing.assert_allclose(desk.labels.points[1, 0, 0], right_of(nose(small, 1, 0), 9))
    assert desk.session.authors[desk.labels.authors[1, 0, 0]].name == "ben"
    assert desk.session.authors[desk.session.by.author].name == "anna"
    assert (conflicts.list.count(), desk.animal, desk.focus) == (2, 1, 2)
    conflicts.ours_button.click()
    assert (conflicts.list.count(), desk.focus) == (1, 0)
    # whoever moves the point settles it, too, and undo opens it again
    desk.place(0, 1, 0, right_of(nose(small, 0, 1), 2))
    qtbot.waitUntil(conflicts.isHidden)
    qtbot.waitUntil(lambda: not work.views.cameras[0].other.shown.any())
    desk.undo()
    qtbot.waitUntil(conflicts.isVisible)
    desk.undo()
    qtbot.waitUntil(lambda: conflicts.list.count() == 2)
    desk.undo()
    assert desk.moments_with_labels() == [0]
    assert (desk.session.at(0).states[:, :, 0] == LabelState.HUMAN).all()


def test_what_can_not_be_merged_is_said(
    folder: Path, tmp_path: Path, small: Any, qtbot: Any
) -> None:
    recording, theirs = open_recording(folder), tmp_path / "theirs"
    longer = replace(small.skeleton, keypoints=(*small.skeleton.keypoints, "tip"))
    bens_labels(theirs, folder, small, longer, {})
    with (
        create_session(tmp_path / "mine", recording, small.skeleton, ANIMALS) as ours,
        RecordingVideo(recording) as video,
    ):
        dialog = MergeDialog(Desk(recording, video, ours))
        qtbot.addWidget(dialog)
        assert said_by(dialog) == "This recording has no other labels: choose a folder."
        assert not dialog.merge_button.isEnabled()
        dialog.choose(folder)
        assert "expected a labeling session" in said_by(dialog)
        dialog.choose(ours.path)
        assert said_by(dialog) == "These are the labels that you work on."
        with qtbot.waitSignal(dialog.compared, timeout=20_000):
            dialog.choose(theirs)
        assert said_by(dialog) == "theirs has other keypoints than these labels: with tip"
        assert not dialog.merge_button.isEnabled()


def said_by(dialog: MergeDialog) -> str:
    return unbroken(dialog.summary.text())
