"""What goes wrong while one labels in 3D: keys of napari, disks, closed docks, missing images."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from qtpy.QtCore import QEvent, Qt, QThreadPool
from qtpy.QtGui import QFocusEvent, QKeySequence
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication

from napari_sdannce.labeling.propagating import Propagation
from napari_sdannce.labeling.session_folder import open_session
from napari_sdannce.widgets.breakable import unbroken
from napari_sdannce.widgets.label_3d.export_dialog import ExportDialog
from napari_sdannce.widgets.label_3d.key_table import LABEL3D, KeyTable
from napari_sdannce.widgets.label_3d.label_panel import LabelPanel
from napari_sdannce.widgets.label_3d.merge_dialog import MergeDialog
from napari_sdannce.widgets.label_3d.places import Place
from napari_sdannce.widgets.label_3d.sessions import FOLDER, WantedSession
from napari_sdannce.widgets.napari_adapter import widget_of

from .labelling_hands import (
    Labelling,
    _own_keys,
    labelling,
    let_qt_work,
    move,
    seen,
    viewer,
)

if TYPE_CHECKING:
    from pathlib import Path

    import napari

__all__ = ["_own_keys", "labelling", "viewer"]

pytestmark = pytest.mark.window


def state_of(model: Any) -> list[object]:
    """All of a viewer that its keys could change."""
    camera = model.scene.camera
    return [
        model.dims.ndisplay, tuple(model.dims.order), model.canvas.grid.enabled, camera.zoom,
        tuple(camera.center), [layer.name for layer in model.layers.selection],
        *((layer.name, layer.visible, len(layer.data), layer.mode) for layer in model.layers),
    ]  # fmt: skip


def test_keys_of_napari_do_not_reach_the_canvases(labelling: Labelling) -> None:
    """Some delete or hide the layers that are drawn with; a few of them ended the program."""
    views = labelling.work.views
    canvases = (
        (views.cameras[0].model, views.cameras[0].place.native),
        (views.pose.model, widget_of(views.pose.canvas)),
    )
    before = [state_of(model) for model, _ in canvases]
    for _, canvas in canvases:
        for keys in (
            "A", "V", "1", "2", "Shift+V", "Shift+Down", "Ctrl+G", "Ctrl+R", "Ctrl+T", "Ctrl+Up",
            "Ctrl+Del", "Ctrl+Backspace", "Alt+Shift+Up", "Ctrl+Shift+C", "Ctrl+Alt+/", "Space",
        ):  # fmt: skip
            combination = QKeySequence(keys)[0]
            QTest.keyClick(canvas, combination.key(), combination.keyboardModifiers())
            assert [state_of(model) for model, _ in canvases] == before, keys


def test_what_is_hidden_is_shown_when_the_keyboard_goes_elsewhere(labelling: Labelling) -> None:
    one = labelling.work.views.cameras[0]
    native, away = one.place.native, Qt.FocusReason.ActiveWindowFocusReason
    QTest.keyPress(native, Qt.Key.Key_H)
    QApplication.sendEvent(
        native, QFocusEvent(QEvent.Type.FocusOut, Qt.FocusReason.MouseFocusReason)
    )
    assert one.is_hidden
    QApplication.sendEvent(native, QFocusEvent(QEvent.Type.FocusOut, away))
    assert not one.is_hidden
    labelling.work.keys.table = KeyTable(LABEL3D)
    QTest.keyPress(native, Qt.Key.Key_H, Qt.KeyboardModifier.ShiftModifier)
    assert one.is_hidden
    QTest.keyRelease(native, Qt.Key.Key_H)  # Shift was let go first
    assert not one.is_hidden


def test_a_key_places_under_the_mouse_wherever_the_view_went(
    labelling: Labelling, small: Any
) -> None:
    desk = labelling.desk
    for view in range(2):
        desk.place(view, 0, 0, seen(small, view, 0, 0, 0))
    native, place = labelling.on_screen(0, (80, 50))
    move(native, place)
    np.testing.assert_allclose(desk.cursor, (80, 50), atol=0.3)
    labelling.press("C")
    assert np.linalg.norm(desk.cursor - (80, 50)) > 5
    desk.select(0, 2)
    labelling.press("W")
    _, where = labelling.on_screen(0, desk.labels.points[0, 0, 2])
    assert (where - place).manhattanLength() <= 1
    QApplication.sendEvent(native, QEvent(QEvent.Type.Leave))
    desk.select(0, 1)
    labelling.press("W")
    assert labelling.panel.status == "Hold the mouse over a camera first."
    assert not desk.labels.clicked[0, 0, 1]


def test_nothing_is_placed_where_nothing_is_seen(labelling: Labelling) -> None:
    desk = labelling.desk
    labelling.click(0, (-6, 20))
    assert "outside of the image of left" in labelling.panel.status
    desk.go_to(11)  # 'top' has nine frames
    labelling.click(2, (30, 30))
    assert "top has no image" in labelling.panel.status
    assert not desk.session.frames
    assert desk.keypoint == 0
    labelling.click(0, (30, 30))
    labelling.drag(0, desk.labels.points[0, 0, 0], (-8, 30))
    np.testing.assert_allclose(desk.labels.points[0, 0, 0], (30, 30), atol=0.5)


def test_images_that_share_a_canvas_end_with_their_last_pixel() -> None:
    place = Place(None, None, (10, 8), is_shared=True)  # type: ignore[arg-type]
    assert place.holds(np.array([-0.5, 7.4]))
    assert not place.holds(np.array([9.6, 3.0]))


def test_an_undo_that_can_not_be_written_is_told(labelling: Labelling) -> None:
    desk = labelling.desk
    labelling.click(0, (30, 30))

    def full(_: object) -> None:
        raise OSError(28, "No space left on device")

    desk.session.record = full
    labelling.press("Ctrl+Z")
    assert labelling.panel.status.startswith("It could not be written down")
    assert desk.session.done == ("place one nose in left",)


def test_labels_whose_folder_is_gone_are_put_away(labelling: Labelling) -> None:
    desk = labelling.desk
    shutil.rmtree(desk.folder.path)
    labelling.click(0, (30, 30))
    assert labelling.panel.status.startswith("It could not be written down")
    labelling.panel.close_session()
    assert labelling.panel.status.startswith("No snapshot was written")
    assert "journal" not in labelling.panel.status
    with pytest.raises(ValueError, match="closed"):
        desk.video.read(0)


def test_suggestions_that_come_late_begin_nothing(labelling: Labelling) -> None:
    suggestions = labelling.work.suggestions
    suggestions.copy_box.setChecked(True)
    suggestions.ask()
    QThreadPool.globalInstance().waitForDone(10_000)
    labelling.panel.close_session()
    let_qt_work()
    assert not suggestions.copying.is_running


def test_videos_that_fail_while_keypoints_are_followed_are_told(
    labelling: Labelling, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object, **__: object) -> Any:
        raise OSError(5, "Input/output error", "0.mp4")
        yield

    labelling.click(0, (30, 30))
    monkeypatch.setattr(labelling.desk.video, "frames", fails)
    labelling.press("Y")
    QThreadPool.globalInstance().waitForDone(10_000)
    let_qt_work()
    assert labelling.panel.status == (
        "The keypoints are followed no further: 0.mp4: input/output error"
    )


def test_labels_are_read_before_they_are_carried(
    labelling: Labelling, monkeypatch: pytest.MonkeyPatch
) -> None:
    labelling.click(0, (30, 30))
    read: list[int] = []
    monkeypatch.setattr(Propagation, "from_moment", lambda _, moment, __: read.append(moment))

    def begins(*_: object) -> None:
        assert read == [0]
        raise InterruptedError

    monkeypatch.setattr("napari_sdannce.widgets.label_3d.carrying.create_worker", begins)
    with pytest.raises(InterruptedError):
        labelling.work.carrying.start(1)


def test_dialogs_are_not_gathered(labelling: Labelling) -> None:
    work = labelling.work
    for _ in range(3):
        work._export()
        work._merge()
        QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    assert len(work.findChildren(ExportDialog)) == 1
    assert len(work.findChildren(MergeDialog)) == 1


def test_keys_that_can_not_be_read_are_told(
    viewer: napari.Viewer, folder: Path, tmp_path: Path, small: Any
) -> None:
    (tmp_path / "keys.yaml").write_text('{"place": ["Q"]}', encoding="utf-8")
    experiment = tmp_path / "monday"
    shutil.copytree(folder, experiment)
    labelling = Labelling(viewer, experiment, small.skeleton)
    assert "Q does two things" in labelling.panel.status
    labelling.panel.close_session()
    viewer.window.remove_dock_widget(labelling.panel)


def test_a_damaged_session_hides_no_others(
    viewer: napari.Viewer, folder: Path, tmp_path: Path
) -> None:
    experiment = tmp_path / "monday"
    shutil.copytree(folder, experiment)
    damaged = experiment / FOLDER / "damaged"
    damaged.mkdir(parents=True)
    (damaged / "session.json").write_bytes(b"\xff\xfe{")
    panel = LabelPanel(viewer)
    panel.open_recording(experiment)
    assert panel.start.name.text() == "labels-1"
    assert "damaged/session.json: not readable" in unbroken(panel.status)
    panel.deleteLater()


def test_a_panel_that_can_not_be_made_keeps_no_lock(
    labelling: Labelling, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk, panel = labelling.desk, labelling.panel
    panel.close_session()

    def fails(*_: object, **__: object) -> None:
        raise RuntimeError("no canvas")

    monkeypatch.setattr("napari_sdannce.widgets.label_3d.label_panel.WorkPage", fails)
    with pytest.raises(RuntimeError, match="no canvas"):
        panel.open_session(WantedSession(desk.folder.path, "anna"))
    open_session(desk.folder.path, desk.recording, "bert").close()


def test_gaps_are_told_by_the_frames_that_are_seen(labelling: Labelling) -> None:
    desk = labelling.desk
    ids = desk.subject.sync.sample_ids
    ids.flags.writeable = True
    ids += 100
    vars(desk.session).pop("_rows", None)
    desk.go_to(3)
    labelling.click(0, (30, 30))
    labelling.work._export()
    dialog = labelling.work.exporting
    assert dialog.listed.item(0).text() == "frame 3, one: all"
    dialog.reject()


def test_labels_that_do_not_fit_leave_nothing_behind(
    viewer: napari.Viewer, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    experiment = tmp_path / "monday"
    shutil.copytree(folder, experiment)
    panel = LabelPanel(viewer)
    panel.open_recording(experiment)

    def fits_not(*_: object) -> None:
        raise ValueError("they are of other keypoints")

    monkeypatch.setattr("napari_sdannce.widgets.label_3d.sessions.frames_of", fits_not)
    panel.start.start_from.setCurrentIndex(1)
    panel.start.make()
    assert panel.status == "they are of other keypoints"
    assert not (experiment / FOLDER).exists()
    panel.deleteLater()


def test_closing_napari_puts_away_what_is_in_a_dock_afloat(
    folder: Path, tmp_path: Path, small: Any
) -> None:
    import napari

    experiment = tmp_path / "monday"
    shutil.copytree(folder, experiment)
    other = napari.Viewer(show=True)
    panel = LabelPanel(other)
    other.window.add_dock_widget(panel, name="Label in 3D", area="right").setFloating(True)
    let_qt_work()
    panel.open_recording(experiment)
    wanted = WantedSession(experiment / FOLDER / "mine", "anna", small.skeleton, ("one",))
    panel.open_session(wanted)
    assert panel.work is not None
    recording = panel.work.desk.recording
    other.close()
    let_qt_work()
    with open_session(wanted.path, recording, "bert"):
        pass
