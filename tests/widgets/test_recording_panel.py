"""The panel "Recording" in a napari window."""

from __future__ import annotations

import gc
import shutil
import weakref
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from qtpy.QtCore import QEvent, QMimeData, QPointF, Qt, QUrl
from qtpy.QtGui import QDragEnterEvent, QDropEvent, QMouseEvent
from qtpy.QtWidgets import QApplication, QFileDialog, QMessageBox

import napari_sdannce as sd
from napari_sdannce.files import open_recording
from napari_sdannce.files.pose_mat import write_poses
from napari_sdannce.files.registration import register
from napari_sdannce.overlay.colors import ColorBy
from napari_sdannce.predictions import Job, PoseChunk, PoseStore
from napari_sdannce.widgets import napari_adapter
from napari_sdannce.widgets.opening import FoundFile, Kind, found_files
from napari_sdannce.widgets.recording_layers import shown_in
from napari_sdannce.widgets.recording_panel import RecordingPanel

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import napari

pytestmark = pytest.mark.window


@pytest.fixture(scope="module")
def viewer(qapp: Any) -> Iterator[napari.Viewer]:
    """One window for all tests here: opening one takes seconds."""
    import napari

    viewer = napari.Viewer(show=False)
    yield viewer
    viewer.close()


@pytest.fixture
def panel(viewer: napari.Viewer, qtbot: Any) -> Iterator[RecordingPanel]:
    panel = RecordingPanel(viewer)
    viewer.window.add_dock_widget(panel, name="Recording", area="right")
    yield panel
    viewer.layers.clear()
    viewer.window.remove_dock_widget(panel)
    panel.deleteLater()


@pytest.fixture(autouse=True)
def _no_scene_by_itself(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A 3D view takes seconds to open without a graphics card: only where it is looked at."""
    if "3d" not in request.node.name:
        monkeypatch.setattr(napari_adapter, "has_window", lambda viewer: False)


@pytest.fixture
def experiment(folder: Path, poses: Any, tmp_path: Path) -> Path:
    """A copy of the recording with predictions and a damaged file."""
    root = tmp_path / "monday"
    shutil.copytree(folder, root)
    write_poses(root / "DANNCE" / "predict", poses)
    (root / "videos" / "top" / "0.mp4").write_bytes(b"this is no video")
    return root


def opened(panel: RecordingPanel, path: Path, qtbot: Any) -> None:
    with qtbot.waitSignal(panel.opened, timeout=30_000):
        panel.open(path)


def drawn(panel: RecordingPanel, found: FoundFile, qtbot: Any) -> None:
    with qtbot.waitSignal(panel.marks_opened, timeout=30_000):
        panel.toggle_file(found)


def test_empty_panel_invites(panel: RecordingPanel) -> None:
    assert not panel._empty.isHidden()
    assert panel._scroll.isHidden()
    assert panel.status == ""


def test_opening_a_folder(panel: RecordingPanel, folder: Path, qtbot: Any, small: Any) -> None:
    opened(panel, folder, qtbot)
    assert panel.status == "3 cameras, 12 frames."
    assert panel._empty.isHidden()
    table = panel.page.cameras
    rows = [[table.item(r, c).text() for c in range(3)] for r in range(3)]
    assert rows == [["left", "96×64", "0"], ["right", "128×96", "0"], ["top", "64×64", "0"]]
    assert panel.page.moment.text() == "Frame 0 (0 to 11)"
    panel.viewer.dims.set_current_step(0, 4)
    assert panel.page.moment.text() == "Frame 4 (0 to 11)"
    assert table.item(1, 2).text() == "4"


def test_hiding_a_camera(panel: RecordingPanel, folder: Path, qtbot: Any) -> None:
    opened(panel, folder, qtbot)
    panel.page.cameras.tick("right", False)
    assert panel.shown is not None
    assert [image.visible for image in panel.shown.images.values()] == [True, False, True]
    panel.shown.images["right"].visible = True
    assert panel.page.cameras.item(1, 0).checkState() == Qt.CheckState.Checked


def test_problems_are_listed_in_plain_words(
    panel: RecordingPanel, experiment: Path, qtbot: Any
) -> None:
    opened(panel, experiment, qtbot)
    assert panel.shown is not None
    assert "top" in panel.shown.images
    text = panel.page.problems.text().replace("\u200b", "")
    assert "videos/top/0.mp4" in text
    assert str(experiment) not in text
    assert "Traceback" not in text
    assert not panel.page._problems_box.isHidden()


def test_labels_and_predictions_are_found_and_shown(
    panel: RecordingPanel, experiment: Path, qtbot: Any, small: Any
) -> None:
    opened(panel, experiment, qtbot)
    kinds = {found.path.name: found.kind for found in panel.page._files}
    assert kinds == {"walk_dannce.mat": Kind.LABELS, "save_data_AVG0.mat": Kind.POSES}
    labels, predictions = panel.page._files
    drawn(panel, labels, qtbot)
    assert panel.shown is not None
    assert panel.shown.moment == 2
    assert panel.page.files.buttons[labels.path].text() == "Hide"
    drawn(panel, predictions, qtbot)
    assert [one.marks.name for one in panel.shown.drawn] == [
        "walk",
        "DANNCE/predict save_data_AVG0",
    ]
    panel.toggle_file(labels)
    assert [one.marks.name for one in panel.shown.drawn] == ["DANNCE/predict save_data_AVG0"]
    assert panel.page.files.buttons[labels.path].text() == "Show"


def test_choices_reach_the_layers(panel: RecordingPanel, experiment: Path, qtbot: Any) -> None:
    opened(panel, experiment, qtbot)
    drawn(panel, panel.page._files[1], qtbot)
    marks, shown = panel.page.marks, panel.shown
    assert shown is not None
    points = shown.drawn[0].cameras["left"].points
    marks.animals.tick("animal2", False)
    assert points.shown.tolist() == [True] * 3 + [False] * 3
    marks.keypoints.tick_all(False)
    assert not points.shown.any()
    marks.keypoints.tick(marks.keypoints.names()[1], True)
    assert points.shown.tolist() == [False, True, False, False, False, False]
    marks.color_by.setCurrentIndex(0)
    assert shown.drawn[0].color_by.value == "keypoint"


def test_stepping_between_labelled_frames(panel: RecordingPanel, folder: Path, qtbot: Any) -> None:
    opened(panel, folder, qtbot)
    drawn(panel, panel.page._files[0], qtbot)
    shown = panel.shown
    assert shown is not None
    assert panel.page.marks.now.text() == "1 animal in this frame"
    panel.page.marks.next.click()
    assert shown.moment == 6
    panel.page.marks.next.click()
    assert (shown.moment, panel.status) == (6, "No further frame has any.")
    panel.viewer.dims.set_current_step(0, 5)
    assert panel.page.marks.now.text() == "nothing in this frame"
    panel.page.marks.previous.click()
    assert shown.moment == 2


def drag(viewer: napari.Viewer, layer: Any, row: int, by: tuple[int, int]) -> None:
    """Press on a point of a layer, move and release, as Qt reports it."""
    viewer.window.show()
    canvas = viewer.window._qt_viewer.canvas
    QApplication.processEvents()
    to_canvas = canvas.layer_to_visual[layer].node.get_transform("visual", "canvas")
    x, y, _, w = to_canvas.map([*layer.data[row][::-1], 0, 1])
    start = QPointF(x / w, y / w)
    none, left = Qt.MouseButton.NoButton, Qt.MouseButton.LeftButton
    steps = [start + QPointF(by[0] * k / 4, by[1] * k / 4) for k in range(1, 5)]
    for kind, place, button, held in (
        (QEvent.Type.MouseMove, start, none, none),
        (QEvent.Type.MouseButtonPress, start, left, left),
        *((QEvent.Type.MouseMove, step, none, left) for step in steps),
        (QEvent.Type.MouseButtonRelease, steps[-1], left, none),
    ):
        there = canvas.native.mapToGlobal(place)
        event = QMouseEvent(kind, place, there, button, held, Qt.KeyboardModifier.NoModifier)
        QApplication.sendEvent(canvas.native, event)
        QApplication.processEvents()


def test_keypoints_are_dragged_by_the_mouse_in_any_camera(
    viewer: napari.Viewer,
    panel: RecordingPanel,
    folder: Path,
    qtbot: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    opened(panel, folder, qtbot)
    drawn(panel, panel.page._files[0], qtbot)
    panel.page.marks.edit_button.click()
    edited = panel.page.marks.edited
    assert edited is not None
    for one in edited.cameras.values():
        before = one.points.data.copy()
        drag(viewer, one.points, 1, (24, 12))
        change = one.points.data - before
        assert (change[1] > 0).all()
        assert not np.delete(change, 1, axis=0).any()
        np.testing.assert_allclose(one.bones.data[0][1], one.points.data[1], atol=1e-3)
    assert edited.is_unsaved
    answers = iter([QMessageBox.StandardButton.No, QMessageBox.StandardButton.Yes])
    monkeypatch.setattr(QMessageBox, "question", lambda *_: next(answers))
    panel.page.marks.edit_button.click()
    assert panel.page.marks.edited is edited
    panel.page.marks.edit_button.click()
    assert panel.page.marks.edited is None


def test_an_edit_is_saved_under_a_name_that_is_found_again(
    panel: RecordingPanel, experiment: Path, qtbot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened(panel, experiment, qtbot)
    drawn(panel, panel.page._files[0], qtbot)
    panel.page.marks.edit_button.click()
    asked = lambda *_: (str(experiment / "mine"), "")  # noqa: E731
    monkeypatch.setattr(QFileDialog, "getSaveFileName", asked)
    panel.page.marks.save_button.click()
    assert (experiment / "mine_dannce.mat").is_file()
    assert experiment / "mine_dannce.mat" in panel.page.files.buttons


def test_animals_of_two_files_have_their_own_colours(
    panel: RecordingPanel, experiment: Path, small: Any, qtbot: Any
) -> None:
    opened(panel, experiment, qtbot)
    shown = panel.shown
    assert shown is not None
    for animal in (0, 1, 0):
        poses = small.poses(animal)
        sd.add_poses(panel.viewer, shown.recording, poses, name=poses.animals[0])
    shown.paint(ColorBy.ANIMAL)
    first, second, again = (drawn.cameras["left"].points.face_color[0] for drawn in shown.drawn)
    assert not np.allclose(first[:3], second[:3])
    np.testing.assert_array_equal(first, again)


def test_zoom_and_edit_buttons(panel: RecordingPanel, folder: Path, qtbot: Any) -> None:
    opened(panel, folder, qtbot)
    drawn(panel, panel.page._files[0], qtbot)
    marks, shown = panel.page.marks, panel.shown
    assert shown is not None
    marks.zoom_button.click()
    assert float(shown.images["left"].scale[-1]) > 1.5
    panel.page.whole_button.click()
    assert float(shown.images["right"].scale[-1]) == 1
    assert not marks.save_button.isEnabled()
    marks.edit_button.click()
    assert marks.edited is not None
    assert marks.save_button.isEnabled()
    assert {"points", "shapes"} == {layer._type_string for layer in marks.edited.layers}
    marks.edit_button.click()
    assert marks.edited is None
    panel.viewer.dims.set_current_step(0, 5)
    marks.zoom_button.click()
    assert panel.status == "No camera sees anna in this frame."


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda root: root / "nowhere", "does not exist"),
        (lambda root: root, "neither videos nor a label file"),
    ],
)
def test_errors_are_one_sentence(
    panel: RecordingPanel, tmp_path: Path, qtbot: Any, make: Any, said: str
) -> None:
    opened(panel, make(tmp_path), qtbot)
    assert said in panel.status
    assert "\n" not in panel.status
    assert panel.shown is None
    assert panel._empty.isEnabled()


def test_a_damaged_label_file_is_refused_and_the_rest_stays(
    panel: RecordingPanel, folder: Path, qtbot: Any, tmp_path: Path
) -> None:
    opened(panel, folder, qtbot)
    bad = tmp_path / "bad_dannce.mat"
    bad.write_bytes(b"MATLAB 5.0 MAT-file" + bytes(200))
    with qtbot.waitSignal(panel.marks_opened, timeout=30_000):
        panel.open_any(bad)
    assert "bad_dannce.mat" in panel.status
    assert panel.shown is not None
    assert not panel.shown.drawn


def test_a_prediction_that_grows_is_drawn_anew(
    panel: RecordingPanel, folder: Path, qtbot: Any, tmp_path: Path
) -> None:
    opened(panel, folder, qtbot)
    assert panel.shown is not None
    n_moments = panel.shown.n_moments
    job = Job(animals=("rat",), keypoints=("nose",))
    store = PoseStore.open_or_create(tmp_path / "poses.zarr", np.arange(n_moments), job, chunk=5)
    for start, told in ((0, 5), (5, 10)):
        one = PoseChunk(np.ones((5, 1, 1, 3)), np.ones((5, 1, 1)), np.ones((5, 1, 3)))
        store.write(start, one)
        with qtbot.waitSignal(panel.marks_opened, timeout=20_000):
            panel.show_file(FoundFile(store.path, Kind.POSES))
        assert panel.status == f"poses.zarr: {told} of {n_moments} frames."
        assert len(panel.shown.drawn) == 1


def test_a_store_that_the_project_names_is_listed_once(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder, tmp_path / "copy")
    job = Job(animals=("rat",), keypoints=("nose",))
    store = PoseStore.open_or_create(tmp_path / "copy/DANNCE/predict/poses.zarr", np.arange(3), job)
    register(tmp_path / "copy", "predictions", store.path)
    recording = open_recording(tmp_path / "copy")
    assert len(recording.prediction_files) == 1
    found = [each.path for each in found_files(recording)]
    assert found.count(store.path) == 1
    assert len(found) == len(set(found))


def test_predictions_of_another_recording_are_refused(
    panel: RecordingPanel, folder: Path, poses: Any, qtbot: Any, tmp_path: Path
) -> None:
    from dataclasses import replace

    opened(panel, folder, qtbot)
    path = write_poses(tmp_path / "save_data_AVG.mat", replace(poses, sample_ids=np.arange(50, 62)))
    drawn(panel, FoundFile(path, Kind.POSES), qtbot)
    assert "do they belong together?" in panel.status


def drop(panel: RecordingPanel, path: Path) -> QDropEvent:
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(path))])
    buttons, keys = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    enter = QDragEnterEvent(QPointF(5, 5).toPoint(), Qt.DropAction.CopyAction, mime, buttons, keys)
    panel.dragEnterEvent(enter)
    assert enter.isAccepted()
    event = QDropEvent(QPointF(5, 5), Qt.DropAction.CopyAction, mime, buttons, keys)
    panel.dropEvent(event)
    return event


def test_dropping_a_folder_and_then_a_file(
    panel: RecordingPanel, experiment: Path, qtbot: Any
) -> None:
    with qtbot.waitSignal(panel.opened, timeout=30_000):
        assert drop(panel, experiment).isAccepted()
    assert panel.shown is not None
    with qtbot.waitSignal(panel.marks_opened, timeout=30_000):
        drop(panel, experiment / "walk_dannce.mat")
    assert len(panel.shown.drawn) == 1


def test_the_first_marks_open_a_3d_view_and_closing_leaves_nothing(
    viewer: napari.Viewer, recording: Any, poses: Any, qtbot: Any
) -> None:
    from napari.qt import QtViewer

    gc.collect()
    before = len(QtViewer._instances)
    gone: list[Any] = []
    for _ in range(3):
        sd.add_poses(viewer, recording, poses)
        shown = shown_in(viewer)
        assert shown is not None
        assert shown.scene is not None
        assert shown.scene in viewer.window.dock_widgets.values()
        gone += [weakref.ref(shown), weakref.ref(shown.scene.model)]
        viewer.layers.clear()
        assert "3D view" not in viewer.window.dock_widgets
        del shown
    qtbot.wait_until(lambda: no_longer(gone, before), timeout=20_000)


def no_longer(gone: list[Any], before: int) -> bool:
    """Whether nothing of a closed recording is left."""
    from napari.qt import QtViewer
    from qtpy.QtCore import QEvent
    from qtpy.QtWidgets import QApplication

    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    gc.collect()
    return all(ref() is None for ref in gone) and len(QtViewer._instances) == before


def test_the_3d_view_shows_the_same_moment(
    panel: RecordingPanel, experiment: Path, qtbot: Any, small: Any
) -> None:
    opened(panel, experiment, qtbot)
    assert panel.shown is not None
    panel.page.scene_box.setChecked(True)
    scene = panel.shown.scene
    assert scene is not None
    drawn(panel, panel.page._files[1], qtbot)
    panel.viewer.dims.set_current_step(0, 4)
    scene.layers.refill(4)  # the window is hidden here, so it does not follow by itself
    expected = small.positions()[4].reshape(-1, 3)[:, ::-1]
    np.testing.assert_allclose(scene.layers.points[0].data, expected, atol=1e-4)
    panel.page.scene_box.setChecked(False)
    assert panel.shown.scene is None


def test_removing_the_layers_empties_the_panel(
    panel: RecordingPanel, folder: Path, qtbot: Any
) -> None:
    opened(panel, folder, qtbot)
    panel.viewer.layers.clear()
    assert panel.shown is None
    assert not panel._empty.isHidden()


def test_a_script_may_open_it(
    panel: RecordingPanel, viewer: napari.Viewer, recording: Any, qtbot: Any
) -> None:
    sd.add_recording(viewer, recording)
    qtbot.waitUntil(lambda: panel.shown is not None, timeout=10_000)
    assert panel.page.cameras.rowCount() == 3
