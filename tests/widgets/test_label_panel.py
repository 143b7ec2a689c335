"""The panel "Label in 3D", worked with the mouse and the keys in a real window."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

import numpy as np
import pytest
from qtpy.QtCore import QEvent, QPoint, QPointF, Qt
from qtpy.QtGui import QKeySequence, QMouseEvent
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication, QLabel

from napari_sdannce.files import open_labels
from napari_sdannce.files.dannce_mat import read_dannce
from napari_sdannce.files.sync_csv import write_sync_csv
from napari_sdannce.labeling.export import export_dannce
from napari_sdannce.labeling.session_folder import open_session
from napari_sdannce.labels import LabelState
from napari_sdannce.widgets import napari_adapter
from napari_sdannce.widgets.label_3d.key_table import (
    ACTIONS,
    LABEL3D,
    KeyTable,
    read_keys,
    write_keys,
)
from napari_sdannce.widgets.label_3d.label_panel import LabelPanel
from napari_sdannce.widgets.label_3d.sessions import FOLDER, WantedSession
from napari_sdannce.widgets.label_3d.time_strip import Kind, Mark
from napari_sdannce.widgets.napari_adapter import widget_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import napari
    from napari.qt import QtViewer

    from napari_sdannce.geometry import Camera

pytestmark = pytest.mark.window

LEFT = Qt.MouseButton.LeftButton
NONE = Qt.KeyboardModifier.NoModifier


@pytest.fixture(autouse=True)
def _own_keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep out of the keys of the person who runs the tests."""
    file = tmp_path / "keys.yaml"
    monkeypatch.setattr("napari_sdannce.widgets.label_3d.key_table.keys_file", lambda: file)


@pytest.fixture(scope="module")
def viewer(qapp: Any) -> Iterator[napari.Viewer]:
    """One window for all tests here: opening one takes seconds."""
    import napari

    viewer = napari.Viewer(show=True)
    viewer.window.resize(1300, 900)
    yield viewer
    viewer.close()


class Labelling:
    """A panel at work, and the hands of a person."""

    def __init__(self, viewer: napari.Viewer, experiment: Path, skeleton: Any) -> None:
        self.panel = LabelPanel(viewer)
        viewer.window.add_dock_widget(self.panel, name="Label in 3D", area="right")
        self.panel.open_recording(experiment)
        wanted = WantedSession(experiment / FOLDER / "mine", "anna", skeleton, ("one", "two"))
        self.panel.open_session(wanted)
        let_qt_work()

    @property
    def work(self) -> Any:
        return self.panel.work

    @property
    def desk(self) -> Any:
        return self.panel.work.desk

    def on_screen(self, view: int, pixel: Any) -> tuple[Any, QPoint]:
        """The canvas of a camera, and where in it a pixel of its image lies."""
        one = self.work.views.cameras[view]
        native, camera = one.place.native, one.model.scene.camera
        pixel = np.add(pixel, one.place.corner[::-1])
        x = (pixel[0] - camera.center[2]) * camera.zoom + native.width() / 2
        y = (pixel[1] - camera.center[1]) * camera.zoom + native.height() / 2
        return native, QPoint(round(x), round(y))

    def click(self, view: int, pixel: Any, button: Qt.MouseButton = LEFT) -> None:
        native, place = self.on_screen(view, pixel)
        move(native, place)
        QTest.mouseClick(native, button, NONE, place)
        let_qt_work()

    def drag(self, view: int, start: Any, end: Any) -> None:
        native, place = self.on_screen(view, start)
        _, goal = self.on_screen(view, end)
        QTest.mousePress(native, LEFT, NONE, place)
        for share in (0.4, 0.8, 1.0):
            move(native, place + (goal - place) * share, LEFT)
            let_qt_work()
        QTest.mouseRelease(native, LEFT, NONE, goal)
        let_qt_work()

    def press(self, keys: str, view: int = 0) -> None:
        native = self.work.views.cameras[view].place.native
        press_keys(native, keys)


def press_keys(widget: Any, keys: str) -> None:
    combination = QKeySequence(keys)[0]
    key, modifiers = combination.key(), combination.keyboardModifiers()
    if keys == "Shift+Tab":
        key = Qt.Key.Key_Backtab
    QTest.keyClick(widget, key, modifiers)
    let_qt_work()


def move(widget: Any, place: QPoint, buttons: Qt.MouseButton = Qt.MouseButton.NoButton) -> None:
    """Move the mouse within a widget; QTest would move the pointer, which other tests share."""
    where = QPointF(place)
    around = QPointF(widget.mapToGlobal(place))
    event = QMouseEvent(
        QEvent.Type.MouseMove, where, around, Qt.MouseButton.NoButton, buttons, NONE
    )
    QApplication.sendEvent(widget, event)


def let_qt_work() -> None:
    for _ in range(5):
        QApplication.processEvents()


@pytest.fixture
def labelling(
    viewer: napari.Viewer, folder: Path, tmp_path: Path, small: Any
) -> Iterator[Labelling]:
    experiment = tmp_path / "monday"
    shutil.copytree(folder, experiment)
    labelling = Labelling(viewer, experiment, small.skeleton)
    yield labelling
    labelling.panel.close_session()
    viewer.window.remove_dock_widget(labelling.panel)
    labelling.panel.deleteLater()
    let_qt_work()


def seen(small: Any, view: int, moment: int, animal: int, keypoint: int) -> np.ndarray:
    return small.cameras[view].project(small.positions()[moment, animal, keypoint])


def test_clicks_in_views_become_a_position(labelling: Labelling, small: Any) -> None:
    desk = labelling.desk
    for keypoint in range(3):
        for view in range(3):
            desk.select(0, keypoint)
            labelling.click(view, seen(small, view, 0, 0, keypoint))
        assert (desk.animal, desk.keypoint) == (0, (keypoint + 1) % 3)
    assert (desk.labels.states[:, 0] == LabelState.HUMAN).all()
    # a screen pixel is some tenths of a pixel of these small images
    away = np.linalg.norm(desk.solution.points_3d[0] - small.positions()[0, 0], axis=-1)
    assert away.max() < 2.0
    assert desk.solution.complete[0].all()
    assert not desk.solution.complete[1].any()
    drawn = labelling.work.views.cameras[1].points
    assert drawn.shown.tolist() == [True] * 3 + [False] * 3
    # a hidden row must not be seen in the corner where it waits
    assert (drawn.face_color[3:, 3] == 0).all()
    assert labelling.work.keypoints.count.text() == "one: 3 of 3, two: 0 of 3"


def test_every_step_is_on_the_disk(labelling: Labelling, small: Any, viewer: Any) -> None:
    for view in range(2):
        labelling.desk.select(0, 0)
        labelling.click(view, seen(small, view, 0, 0, 0))
    kept, path = labelling.desk.labels, labelling.desk.folder.path
    # as after the power failed: nobody closed the session, and only the journal tells
    copied = path.with_name("copied")
    shutil.copytree(path, copied)
    with open_session(copied, labelling.desk.recording, "anna") as folder:
        assert folder.session.at(0).equals(kept)
    other = LabelPanel(viewer)
    other.open_recording(labelling.desk.recording.folder)
    other.open_session(WantedSession(path, "bert"))
    assert other.work is None
    assert other.status.startswith("mine is open already: anna on")
    other.deleteLater()


def test_dragging_a_point_moves_it_and_undo_puts_it_back(labelling: Labelling, small: Any) -> None:
    desk = labelling.desk
    for view in range(3):
        desk.select(0, 0)
        labelling.click(view, seen(small, view, 0, 0, 0))
    before, steps = desk.labels, desk.session.done
    start = desk.labels.points[1, 0, 0]
    labelling.drag(1, start, start + np.array([9, 6]))
    assert desk.session.done[len(steps) :] == ("place one nose in right",)
    np.testing.assert_allclose(desk.labels.points[1, 0, 0], start + np.array([9, 6]), atol=0.6)
    assert desk.labels.states[1, 0, 0] == LabelState.HUMAN
    labelling.press("Ctrl+Z")
    assert desk.labels.equals(before)
    labelling.press("Ctrl+Shift+Z")
    np.testing.assert_allclose(desk.labels.points[1, 0, 0], start + np.array([9, 6]), atol=0.6)


def test_dragging_the_image_places_nothing(labelling: Labelling, small: Any) -> None:
    camera = labelling.work.views.cameras[0].model.scene.camera
    before = camera.center
    labelling.drag(0, (20, 20), (50, 40))
    assert not labelling.desk.session.frames
    assert camera.center != before


def test_a_click_on_another_point_selects_it_once_this_one_is_placed(
    labelling: Labelling, small: Any
) -> None:
    desk = labelling.desk
    for keypoint in (0, 1):
        desk.select(0, keypoint)
        labelling.click(0, seen(small, 0, 0, 0, keypoint))
    desk.select(0, 1)
    labelling.click(0, desk.labels.points[0, 0, 0])
    assert (desk.animal, desk.keypoint) == (0, 0)
    assert len(desk.session.done) == 2
    # one that is not placed yet may lie where another one is
    desk.select(0, 2)
    labelling.click(0, desk.labels.points[0, 0, 0])
    assert desk.labels.clicked[0, 0].all()


def test_a_right_click_hides_and_shows(labelling: Labelling, small: Any) -> None:
    desk = labelling.desk
    desk.select(0, 0)
    labelling.click(0, seen(small, 0, 0, 0, 0))
    labelling.click(0, desk.labels.points[0, 0, 0], Qt.MouseButton.RightButton)
    assert desk.labels.states[0, 0, 0] == LabelState.OCCLUDED
    labelling.press("Ctrl+Z")
    assert desk.labels.states[0, 0, 0] == LabelState.HUMAN


@pytest.mark.parametrize("keys", [KeyTable(), KeyTable(LABEL3D)], ids=["usual", "Label3D"])
def test_every_key_arrives(labelling: Labelling, monkeypatch: Any, keys: KeyTable) -> None:
    """At the canvas of a camera and at that of the pose, whatever napari would do with it."""
    arrived = []
    work = labelling.work
    work.keys.table = keys
    monkeypatch.setattr(work.keys, "_run", lambda action, down: arrived.append((action, down)))
    canvases = (work.views.cameras[1].place.native, widget_of(work.views.pose.canvas))
    for canvas in canvases:
        for action in keys.actions:
            for key in action.keys:
                arrived.clear()
                press_keys(canvas, key)
                assert (action, True) in arrived, (action.name, key)


def test_keys_do_what_they_say(labelling: Labelling, small: Any) -> None:
    desk, work = labelling.desk, labelling.work
    native, place = labelling.on_screen(1, seen(small, 1, 0, 0, 0))
    move(native, place)
    labelling.press("W", view=1)
    assert desk.labels.states[1, 0, 0] == LabelState.HUMAN
    assert desk.keypoint == 1
    labelling.press("Shift+Tab", view=1)
    assert desk.keypoint == 0
    labelling.press("U", view=1)
    assert desk.labels.states[1, 0, 0] == LabelState.UNCERTAIN
    labelling.press("Backspace", view=1)
    assert not desk.session.frames
    labelling.press("7")
    assert desk.animal == 1
    labelling.press("Right")
    labelling.press("]")
    assert desk.moment == 11
    assert work.frame.value() == 11
    labelling.press("Left")
    assert desk.moment == 10
    # 'top' has nine frames: its view says so, and stays in step
    assert "no frame" in work.views.cameras[2].title.text()
    assert not work.views.cameras[2].image.data.any()
    expected = small.brightness(0, 10)
    assert abs(int(work.views.cameras[0].image.data.mean()) - expected) < 4
    labelling.press("M")
    assert [one.isHidden() for one in work.views.cameras].count(False) == 1
    labelling.press("M")
    assert not any(one.isHidden() for one in work.views.cameras)
    labelling.press("Ctrl+Left")
    assert labelling.panel.status == "There is no further frame with labels."


def test_frames_that_are_not_whole_are_gone_to(labelling: Labelling, small: Any) -> None:
    desk, work = labelling.desk, labelling.work
    positions = small.positions()
    for moment in (2, 5):  # the first whole, the second in part
        for view, camera in enumerate(small.cameras):
            for animal, keypoint in np.ndindex(2, 3 if moment == 2 else 2):
                desk.go_to(moment)
                desk.place(view, animal, keypoint, camera.project(positions[0, animal, keypoint]))
    desk.await_moments([2, 8])
    desk.go_to(0)
    for expected in (5, 8, 8):
        labelling.press("J")
        assert desk.moment == expected
    assert labelling.panel.status.startswith("There is no further frame")
    labelling.press("Shift+J")
    assert desk.moment == 5
    labelling.press("Ctrl+Left")
    assert desk.moment == 2
    work.stride.setValue(4)
    labelling.press("]")
    assert desk.moment == 6


def test_other_views_say_where_a_keypoint_lies_and_which_click_would_help(
    labelling: Labelling, small: Any
) -> None:
    desk, views = labelling.desk, labelling.work.views
    truth = small.positions()[0, 0, 0]
    lines = [one.curves.data for one in views.cameras]
    assert not any(each.any() for each in lines)
    labelling.click(0, small.cameras[0].project(truth))
    desk.select(0, 0)
    labelling.work.views.refill()
    assert [bool(one.curves.data.any()) for one in views.cameras] == [False, True, True]
    labelling.click(1, small.cameras[1].project(truth))
    desk.select(0, 0)
    labelling.work.views.refill()
    # an outline in the third view, round where it must lie
    drawn = views.cameras[2].curves.data
    outline = drawn[drawn.any(axis=(1, 2)), 0][:, ::-1]
    middle = (outline.min(axis=0) + outline.max(axis=0)) / 2
    assert middle == pytest.approx(desk.solution.projected[2, 0, 0], abs=0.5)
    titles = [one.title.text() for one in views.cameras]
    assert ["click here next" in title for title in titles] == [False, False, True]
    desk.look_at_view(2, None)
    desk.toggle_not_in_view()
    labelling.work._refill()
    assert "click here next" not in views.cameras[2].title.text()
    assert "place one nose in right" in labelling.work.undo_button.toolTip()


def test_a_pose_is_carried_to_another_frame_and_accepted(labelling: Labelling, small: Any) -> None:
    desk = labelling.desk
    for keypoint in range(3):
        for view in range(3):
            desk.select(0, keypoint)
            labelling.click(view, seen(small, view, 0, 0, keypoint))
    first = desk.solution.points_3d[0]
    labelling.press("Right")
    labelling.press("D")
    assert (desk.labels.states[:, 0] == LabelState.PREDICTED).any(axis=0).all()
    assert not desk.solution.complete.any()
    labelling.press("T")
    assert desk.solution.complete[0].all()
    np.testing.assert_allclose(desk.solution.points_3d[0], first, atol=1e-3)


def test_every_action_says_what_it_did(labelling: Labelling, small: Any) -> None:
    panel, desk = labelling.panel, labelling.desk
    labelling.press("K")
    assert panel.status == "Nothing to do: accept one nose."
    labelling.press("P")
    assert panel.status.startswith("Choose predictions first")
    labelling.press("9")
    assert panel.status == "There are 2 animals."
    for view in range(2):
        desk.select(0, 0)
        labelling.click(view, seen(small, view, 0, 0, 0))
    assert panel.status == "Done: place one nose in right."
    labelling.press("Right")
    labelling.press("D")
    assert panel.status.startswith("Proposed: pose of frame 0.")
    title = labelling.work.views.cameras[1].title.text()
    assert title.endswith("one neck")  # what a click places here
    desk.select(0, 0)
    desk.go_to(0)
    let_qt_work()
    assert "one nose" not in labelling.work.views.cameras[2].title.text()


def test_a_placed_point_is_not_hidden_by_what_is_drawn_below(
    labelling: Labelling, small: Any
) -> None:
    desk, one = labelling.desk, labelling.work.views.cameras[0]
    for view in range(2):
        for keypoint in range(3):
            desk.place(view, 0, keypoint, seen(small, view, 0, 0, keypoint))
    desk.select(1, 0)
    labelling.work._refill()
    one.zoom_to_point(0, 1)
    let_qt_work()
    native, place = labelling.on_screen(0, desk.labels.points[0, 0, 1])
    drawn = native.grabFramebuffer()
    scale = drawn.width() / native.width()
    color = drawn.pixelColor(round(place.x() * scale), round(place.y() * scale))
    # a bone, and the cross at the position in space, lie under its middle
    expected = 255 * one.colors[0, 1, :3]
    np.testing.assert_allclose(color.getRgb()[:3], expected, atol=12)


def test_the_pose_in_space_is_zoomed_to_as_well(labelling: Labelling, small: Any) -> None:
    desk, camera = labelling.desk, labelling.work.views.pose.model.scene.camera
    for view, keypoint in np.ndindex(2, 3):
        desk.place(view, 0, keypoint, seen(small, view, 0, 0, keypoint))
    before = camera.zoom
    labelling.press("C")
    pose = desk.solution.points_3d[0]
    middle = (pose.min(axis=0) + pose.max(axis=0)) / 2
    np.testing.assert_allclose(camera.center, middle[::-1], atol=1e-6)
    assert camera.zoom > 1.5 * before
    labelling.press("O")
    assert camera.zoom == pytest.approx(before)


def test_names_of_keypoints_are_not_cut(labelling: Labelling) -> None:
    table = labelling.work.keypoints.table
    widest = max(
        map(table.fontMetrics().horizontalAdvance, labelling.desk.subject.skeleton.keypoints)
    )
    assert table.columnWidth(0) > widest


def test_what_is_proposed_is_no_label(labelling: Labelling, small: Any) -> None:
    desk, work = labelling.desk, labelling.work
    for view, keypoint in np.ndindex(2, 3):
        desk.place(view, 0, keypoint, seen(small, view, 0, 0, keypoint))
    labelling.press("Right")
    labelling.press("D")
    assert work.strip.marks() == {0: Mark(Kind.PART), 1: Mark(Kind.PROPOSED)}
    labelling.press("Ctrl+E")
    assert not work.exporting.gaps
    work.exporting.close()
    labelling.press("X")
    desk.place(0, 0, 0, seen(small, 0, 1, 0, 0))
    assert work.strip.marks() == {0: Mark(Kind.PART), 1: Mark(Kind.PART)}
    labelling.press("Ctrl+E")
    told = work.exporting.listed.item(0).text()
    assert told == "frame 1, one: all"
    # its list follows what is labelled while it is open
    desk.clear_frame()
    work._refill()
    assert not work.exporting.gaps
    assert work.exporting.listed.isHidden()


def test_centres_of_mass_of_animals_are_clicked_in_turn(
    viewer: napari.Viewer, folder: Path, tmp_path: Path, small: Any
) -> None:
    from napari_sdannce.skeletons import load_skeleton

    experiment = tmp_path / "monday"
    shutil.copytree(folder, experiment)
    labelling = Labelling(viewer, experiment, load_skeleton("com"))
    for view, animal in np.ndindex(2, 2):
        assert labelling.desk.animal == animal
        labelling.click(view, seen(small, view, 0, animal, 1))
    assert labelling.desk.solution.complete.all()
    labelling.panel.close_session()
    viewer.window.remove_dock_widget(labelling.panel)


def test_quick_clicks_place_two_keypoints(labelling: Labelling) -> None:
    camera = labelling.work.views.cameras[0].model.scene.camera
    before = camera.zoom
    native, place = labelling.on_screen(0, (30, 30))
    QTest.mouseClick(native, LEFT, NONE, place)
    QTest.mouseDClick(native, LEFT, NONE, place)
    let_qt_work()
    assert labelling.desk.labels.clicked[0, 0].tolist() == [True, True, False]
    assert camera.zoom == before


def test_labels_are_exported_and_read_back(
    viewer: napari.Viewer, folder: Path, tmp_path: Path, small: Any
) -> None:
    from dataclasses import replace

    experiment = tmp_path / "monday"
    shutil.copytree(folder, experiment)
    skeleton = replace(small.skeleton, keypoints=(*small.skeleton.keypoints, "tip"))
    labelling = Labelling(viewer, experiment, skeleton)
    desk = labelling.desk
    for keypoint in range(4):
        for view in range(3):
            desk.select(0, keypoint)
            place = small.positions()[0, 0, min(keypoint, 2)] + 10 * (keypoint == 3)
            labelling.click(view, small.cameras[view].project(place))
    assert desk.solution.complete[0].all()
    desk.select(1, 0)
    labelling.click(0, seen(small, 0, 0, 1, 0))
    labelling.press("Ctrl+E")
    dialog = labelling.work.exporting
    assert [gap.animal for gap in dialog.gaps] == ["two"]
    assert not dialog.write_button.isEnabled()
    dialog.choice.button(0).click()
    dialog.for_reference.click()
    dialog.write_button.click()
    (path,) = dialog.written
    assert path.name.endswith("_DANNCE_one_Label3D_dannce.mat")
    labels = open_labels(path, skeleton=skeleton)
    np.testing.assert_allclose(labels.points_3d[0, 0], desk.solution.points_3d[0], atol=1e-6)
    for name in ("sdannce.yaml", "io.yaml"):
        assert path.name in (path.parent / name).read_text()
    labelling.panel.close_session()
    viewer.window.remove_dock_widget(labelling.panel)


def test_a_camera_that_started_late_is_shown_and_exported_in_step(
    viewer: napari.Viewer, folder: Path, tmp_path: Path, small: Any, shifted: Any
) -> None:
    """Moments have keys 100, 110 ...; `right` is three frames late, `top` has nine frames."""
    experiment = tmp_path / "monday"
    shutil.copytree(folder, experiment)
    write_sync_csv(experiment / "sync.csv", shifted.recording.names, shifted.recording.sync)
    (experiment / "sdannce.yaml").write_text("sync: sync.csv\n")
    labelling = Labelling(viewer, experiment, small.skeleton)
    desk, views = labelling.desk, labelling.work.views
    assert "no frame" in views.cameras[1].title.text()
    for _ in range(5):
        labelling.press("Right")
    for view, frame in enumerate((5, 2, 5)):
        shown = views.cameras[view].image.data
        assert abs(int(shown.mean()) - small.brightness(view, frame)) < 4
        for keypoint in range(3):
            desk.select(0, keypoint)
            labelling.click(view, seen(small, view, 5, 0, keypoint))
    assert list(desk.session.frames) == [150]
    (path,) = export_dannce(desk.session, desk.recording, experiment)
    table = read_dannce(path).label_table()
    assert (table.sample_ids.tolist(), table.frames.tolist()) == ([150], [[5, 2, 5]])
    labelling.panel.close_session()
    viewer.window.remove_dock_widget(labelling.panel)


@pytest.fixture
def on_one_canvas(
    viewer: napari.Viewer, folder: Path, tmp_path: Path, small: Any, monkeypatch: Any
) -> Iterator[Labelling]:
    """A computer that can draw on one canvas only."""
    monkeypatch.setattr(napari_adapter, "can_open", lambda count: False)
    experiment = tmp_path / "monday"
    shutil.copytree(folder, experiment)
    labelling = Labelling(viewer, experiment, small.skeleton)
    yield labelling
    labelling.panel.close_session()
    viewer.window.remove_dock_widget(labelling.panel)


def test_all_cameras_share_a_canvas_where_there_is_one(
    on_one_canvas: Labelling, small: Any
) -> None:
    labelling = on_one_canvas
    assert "one canvas" in labelling.panel.status
    views, desk = labelling.work.views, labelling.desk
    assert views.pose is None
    assert len({id(one.model) for one in views.cameras}) == 1
    for view in range(3):
        desk.select(0, 0)
        labelling.click(view, seen(small, view, 0, 0, 0))
        assert desk.focus == view
    assert desk.solution.complete[0, 0]
    zoom = views.cameras[0].model.scene.camera.zoom
    found, truth = desk.solution.points_3d[0, 0], small.positions()[0, 0, 0]
    pixels = [camera.project(found) - camera.project(truth) for camera in small.cameras]
    assert np.abs(pixels).max() < 1 / zoom
    labelling.drag(1, desk.labels.points[1, 0, 0], (40, 30))
    np.testing.assert_allclose(desk.labels.points[1, 0, 0], (40, 30), atol=1.5 / zoom)
    assert desk.labels.clicked[:, 0, 0].all()
    camera = views.cameras[0].model.scene.camera
    middle = camera.center
    labelling.press("M")
    (width, height), (row, column) = views.cameras[1].size_px, views.cameras[1].place.corner
    expected = (0, row + height / 2 - 0.5, column + width / 2 - 0.5)
    assert camera.center == pytest.approx(expected)
    labelling.press("M")
    assert (camera.center, camera.zoom) == (pytest.approx(middle), pytest.approx(zoom))
    labelling.press("Right")
    labelling.press("Tab")
    assert (desk.moment, desk.keypoint) == (1, 1)


def test_one_camera_labels_in_2d(
    viewer: napari.Viewer, folder: Path, tmp_path: Path, small: Any
) -> None:
    experiment = tmp_path / "single"
    shutil.copytree(folder / "videos" / "left", experiment / "videos" / "left")
    labelling = Labelling(viewer, experiment, small.skeleton)
    try:
        assert labelling.panel.status.startswith("Fewer than two calibrated cameras")
        assert labelling.work.views.pose is None
        labelling.click(0, (30, 30))
        assert labelling.desk.labels.states[0, 0, 0] == LabelState.HUMAN
        assert np.isnan(labelling.desk.solution.points_3d).all()
    finally:
        labelling.panel.close_session()
        viewer.window.remove_dock_widget(labelling.panel)


def test_opening_and_closing_leaks_nothing(
    viewer: napari.Viewer, folder: Path, tmp_path: Path, small: Any
) -> None:
    import gc

    from napari_sdannce.files.anipose import write_anipose

    experiment = tmp_path / "monday"
    for camera in small.cameras[:2]:
        there = folder / "videos" / camera.name
        shutil.copytree(there, experiment / "videos" / camera.name)
    write_anipose(experiment / "calibration.toml", small.cameras[:2])

    canvases: WeakSet[QtViewer] = WeakSet()

    def once(number: int) -> None:
        panel = LabelPanel(viewer)
        viewer.window.add_dock_widget(panel, name="Label in 3D", area="right")
        panel.open_recording(experiment)
        skeleton = small.skeleton if number == 0 else None
        wanted = WantedSession(experiment / FOLDER / "mine", "anna", skeleton, ("one",))
        panel.open_session(wanted)
        assert panel.work is not None, panel.status
        views = panel.work.views
        canvases.update([*(one.place.canvas for one in views.cameras), views.pose.canvas])
        del views
        panel.close_session()
        viewer.window.remove_dock_widget(panel)
        panel.deleteLater()
        del panel
        let_qt_work()
        QApplication.sendPostedEvents(None, 52)  # what is to be deleted later, now
        gc.collect()

    for number in range(20):
        once(number)
    assert len(canvases) <= 3  # of the last one, at most


def test_closing_the_dock_puts_the_session_away(labelling: Labelling, viewer: Any) -> None:
    desk, panel = labelling.desk, labelling.panel
    dock = panel.parentWidget()
    while not hasattr(dock, "destroyOnClose"):
        dock = dock.parentWidget()
    dock.title.close_button.click()
    let_qt_work()
    assert panel.work is None
    assert not viewer.window._qt_window.centralWidget().isHidden()
    with open_session(desk.folder.path, desk.recording, "bert") as folder:
        assert folder.session.authors[-1].name == "bert"
    viewer.window.add_dock_widget(panel, name="Label in 3D", area="right")


def test_closing_napari_puts_the_session_away(folder: Path, tmp_path: Path, small: Any) -> None:
    import napari

    experiment = tmp_path / "monday"
    shutil.copytree(folder, experiment)
    other = napari.Viewer(show=True)
    labelling = Labelling(other, experiment, small.skeleton)
    desk = labelling.desk
    other.close()
    let_qt_work()
    with open_session(desk.folder.path, desk.recording, "bert"):
        pass


def test_a_drag_into_another_frame_places_nothing(labelling: Labelling, small: Any) -> None:
    desk = labelling.desk
    desk.select(0, 0)
    labelling.click(0, seen(small, 0, 0, 0, 0))
    start = desk.labels.points[0, 0, 0]
    native, place = labelling.on_screen(0, start)
    QTest.mousePress(native, LEFT, NONE, place)
    move(native, place + QPoint(20, 10), LEFT)
    let_qt_work()
    desk.step(1)
    move(native, place + QPoint(30, 10), LEFT)
    QTest.mouseRelease(native, LEFT, NONE, place + QPoint(30, 10))
    let_qt_work()
    assert desk.moments_with_labels() == [0]
    np.testing.assert_array_equal(desk.session.at(0).points[0, 0, 0], start)


@pytest.mark.parametrize("name", ["..", ".", "a/b", ""])
def test_new_labels_lie_in_a_folder_of_their_own(labelling: Labelling, name: str) -> None:
    labelling.panel.close_session()
    labelling.panel.start.name.setText(name)
    labelling.panel.start.make_button.click()
    assert labelling.panel.work is None
    assert labelling.panel.status == "Give the new labels a name, without a slash."


def test_the_window_is_given_back(labelling: Labelling, viewer: napari.Viewer) -> None:
    window = viewer.window._qt_window
    assert window.centralWidget().isHidden()
    labelling.panel.close_session()
    let_qt_work()
    assert not window.centralWidget().isHidden()
    before = labelling.panel.width()
    labelling.panel.start.go_on_button.click()
    let_qt_work()
    assert labelling.panel.width() > before + 200
    labelling.panel.close_session()
    let_qt_work()
    assert abs(labelling.panel.width() - before) < 10


def test_the_dock_stays_where_its_canvases_are(labelling: Labelling) -> None:
    """In another window they would be drawn on no more, and vispy would end the program."""
    dock = labelling.panel.parentWidget()
    while not hasattr(dock, "destroyOnClose"):
        dock = dock.parentWidget()
    floats = dock.DockWidgetFeature.DockWidgetFloatable
    assert not dock.features() & floats
    assert dock.title.float_button.isHidden()
    labelling.panel.close_session()
    assert dock.features() & floats
    assert not dock.title.float_button.isHidden()


def test_no_skeleton_is_taken_that_nobody_chose(
    labelling: Labelling, folder: Path, tmp_path: Path
) -> None:
    labelling.panel.close_session()
    start = labelling.panel.start
    shutil.copytree(folder / "videos", tmp_path / "bare" / "videos")
    labelling.panel.open_recording(tmp_path / "bare")
    assert start.skeleton.currentIndex() == -1
    start.make_button.click()
    assert labelling.panel.work is None
    assert labelling.panel.status == "Choose a skeleton."


def test_the_start_page_offers_what_is_there(labelling: Labelling, small: Any) -> None:
    labelling.panel.close_session()
    start = labelling.panel.start
    assert start.there.item(0).text().startswith("mine: stick, 2 animals, 0 frames, anna, ")
    assert start.name.text() == "labels-1"
    files = [start.start_from.itemText(row) for row in range(start.start_from.count())]
    assert files == ["nothing", "walk_dannce.mat"]
    start.start_from.setCurrentIndex(1)
    assert start.skeleton.currentText() == "as in the file"
    start.make_button.click()
    desk = labelling.desk
    assert desk.moments_with_labels() == [2, 6]
    assert desk.moment == 2
    assert desk.session.done == ("labels of walk_dannce.mat",)
    labelling.panel.close_session()
    start.go_on_button.click()
    assert labelling.desk.moments_with_labels() == [2, 6]


def test_labels_begin_with_a_file_from_elsewhere(labelling: Labelling, tmp_path: Path) -> None:
    panel, start = labelling.panel, labelling.panel.start
    panel.close_session()
    moved = tmp_path / "from_a_friend.mat"
    assert start.recording is not None
    shutil.move(start.recording.folder / "walk_dannce.mat", moved)
    panel.open_recording(start.recording.folder)
    start.begin_with(moved)
    start.make_button.click()
    assert labelling.work is not None, panel.status
    assert labelling.desk.moments_with_labels() == [2, 6]


def test_keys_can_be_changed_and_are_kept(labelling: Labelling, tmp_path: Path) -> None:
    work = labelling.work
    labelling.press("F1")
    assert not work.help.isHidden()
    row = next(
        row for row in range(work.help.table.rowCount())
        if work.help.table.item(row, 1).text() == "Next frame"
    )  # fmt: skip
    work.help.ask_for(row)
    press_keys(work.help, "Ctrl+Z")
    assert work.keys.table.action("Ctrl+Z").name == "forward"
    assert read_keys().action("Ctrl+Z").name == "forward"
    labelling.press("Ctrl+Z")
    assert labelling.desk.moment == 1
    assert isinstance(work.help.hint, QLabel)


def test_a_table_of_keys_is_sound(tmp_path: Path) -> None:
    assert {action.name for action in KeyTable(LABEL3D).actions} == {a.name for a in ACTIONS}
    with pytest.raises(ValueError, match="W does two things"):
        KeyTable({"undo": ("W",)})
    with pytest.raises(ValueError, match="no actions fly"):
        KeyTable({"fly": ("W",)})
    path = tmp_path / "sub" / "keys.yaml"
    write_keys(KeyTable(LABEL3D), path)
    assert read_keys(path).changed() == KeyTable(LABEL3D).changed()
    path.write_text("place: [W, [1]]")
    with pytest.raises(ValueError, match="is no table of keys"):
        read_keys(path)


def test_cameras_of_any_number(viewer: napari.Viewer, tmp_path: Path, small: Any) -> None:
    """Twelve cameras of different sizes, and two."""
    from napari_sdannce.files.anipose import write_anipose
    from napari_sdannce.synthetic import camera_ring
    from napari_sdannce.video import VideoWriter

    for count in (2, 12):
        experiment = tmp_path / f"rig{count}"
        cameras: list[Camera] = []
        for i, camera in enumerate(camera_ring(count, image_size=(64 + 16 * (count % 3), 48))):
            path = experiment / "videos" / camera.name / "0.mp4"
            path.parent.mkdir(parents=True)
            width, height = camera.image_size
            with VideoWriter(path, width, height, 30.0) as video:
                for _ in range(2):
                    video.write(np.full((height, width, 3), 10 * i, np.uint8))
            cameras.append(camera)
        write_anipose(experiment / "calibration.toml", cameras)
        labelling = Labelling(viewer, experiment, small.skeleton)
        assert len(labelling.work.views.cameras) == count
        labelling.panel.close_session()
        viewer.window.remove_dock_widget(labelling.panel)


def test_labels_are_carried_to_the_next_frames(
    viewer: napari.Viewer, tmp_path: Path, qtbot: Any
) -> None:
    """On the sample, whose keypoints are known: clicks of one frame, followed through ten."""
    from napari_sdannce.demo_data import sample_folder
    from napari_sdannce.skeletons import load_skeleton

    experiment = tmp_path / "rats"
    shutil.copytree(sample_folder(), experiment)
    labelling = Labelling(viewer, experiment, load_skeleton("rat23"))
    # the files of both rats, as one session
    labelling.panel.close_session()
    start = labelling.panel.start
    start.start_from.setCurrentIndex(start.start_from.count() - 1)
    start.make_button.click()
    assert labelling.work is not None, labelling.panel.status
    assert len(labelling.desk.subject.animals) == 2
    assert len(labelling.desk.moments_with_labels()) == 40
    assert labelling.desk.solution.complete.all(axis=1).tolist() == [True, True]
    labelling.desk.clear_frame()
    labelling.panel.close_session()
    start.there.setCurrentRow(1)
    start.go_on_button.click()
    desk, work = labelling.desk, labelling.work
    assert desk.folder.path.name == "mine"
    truth = np.load(experiment / "truth.npz")["keypoints"]
    labelling.press("Y")
    assert labelling.panel.status.startswith("Label this frame first")
    spine = [desk.subject.skeleton.index(name) for name in ("SpineF", "SpineM", "TailBase")]
    for keypoint in spine:
        for view, camera in enumerate(desk.subject.cameras):
            desk.place(view, 0, keypoint, camera.project(truth[0, 0, keypoint]))
    with qtbot.waitSignal(work.carrying.ended, timeout=60_000):
        labelling.press("Y")
    assert labelling.panel.status.startswith("Proposed at 20 frames")
    desk.go_to(5)
    found = desk.solution.points_3d[0, spine]
    followed = (desk.labels.states[:, 0, spine] == LabelState.TRACKED).any(axis=0)
    assert followed.sum() >= 2  # one that the other rat hides may be lost, and is not guessed
    assert not desk.solution.complete.any()
    moved = np.linalg.norm(truth[5, 0, spine] - truth[0, 0, spine], axis=-1)[followed].mean()
    away = np.linalg.norm(found - truth[5, 0, spine], axis=-1)[followed].mean()
    assert away < min(3.0, moved / 2)
    labelling.press("Ctrl+Z")
    assert desk.moments_with_labels() == [0]
    labelling.panel.close_session()
    viewer.window.remove_dock_widget(labelling.panel)


@pytest.mark.realdata
def test_a_real_mouse_is_labelled_from_nothing(
    viewer: napari.Viewer, shared_data: Path, tmp_path: Path
) -> None:
    """People's own clicks, made again with the mouse: the same places, to a screen pixel."""
    from napari_sdannce.geometry import triangulate
    from napari_sdannce.skeletons import Skeleton

    theirs = np.load(shared_data / "mouse4cam" / "labels_2d.npz")
    experiment = tmp_path / "mouse"
    experiment.mkdir()
    for name in ("videos", "calibration.toml"):
        (experiment / name).symlink_to(shared_data / "mouse4cam" / name)
    names = tuple(str(name) for name in theirs["keypoints"])
    labelling = Labelling(viewer, experiment, Skeleton("mouse", names))
    desk, work = labelling.desk, labelling.work
    order = [list(theirs["cameras"]).index(name) for name in desk.subject.views]
    pixels = theirs["points"][order]
    moments = (0, 40)
    placed = 0
    for moment in moments:
        desk.go_to(moment)
        for keypoint in range(len(names)):
            for view in range(len(order)):
                pixel = pixels[view, moment, keypoint]
                if np.isfinite(pixel).all():
                    desk.select(0, keypoint)
                    labelling.click(view, pixel)
                    placed += 1
        there = np.isfinite(pixels[:, moment]).all(axis=-1)
        clicked = desk.labels.clicked[:, 0]
        np.testing.assert_array_equal(clicked, there)
        zoom = min(one.model.scene.camera.zoom for one in work.views.cameras)
        away = np.abs(desk.labels.points[:, 0] - pixels[:, moment])[there]
        assert away.max() <= 1.5 / zoom
        expected = triangulate(desk.subject.cameras, desk.labels.points[:, 0]).points
        np.testing.assert_allclose(desk.solution.points_3d[0], expected, atol=1e-6)
        assert np.isfinite(expected).all(axis=-1).sum() >= 10
    assert placed > 50
    labelling.press("Ctrl+E")
    dialog = work.exporting
    if dialog.gaps:
        dialog.choice.button(1).click()
    dialog.write_button.click()
    (path,) = dialog.written
    labels = open_labels(path, skeleton=desk.subject.skeleton)
    assert labels.sample_ids.tolist() == list(moments)
    expected = desk.session.labels().points_3d[:, :1]
    np.testing.assert_allclose(labels.points_3d, expected, atol=1e-6)
    labelling.panel.close_session()
    viewer.window.remove_dock_widget(labelling.panel)


def test_frames_are_suggested_and_predictions_accepted(
    viewer: napari.Viewer, folder: Path, tmp_path: Path, small: Any, poses: Any, qtbot: Any
) -> None:
    from napari_sdannce.predictions import Job, PoseChunk, PoseStore

    experiment = tmp_path / "monday"
    shutil.copytree(folder, experiment)
    job = Job(animals=poses.animals, keypoints=poses.keypoints)
    where = experiment / "DANNCE" / "predict" / "poses.zarr"
    store = PoseStore.create(where, poses.sample_ids, job, chunk=12, extras=("covariance",))
    covariance = np.ones((*poses.confidence.shape, 6))
    covariance[4, 0, 1, [0, 3, 5]] = 100
    com = poses.positions[:, :, 0]
    store.write(0, PoseChunk(poses.positions, poses.confidence, com, covariance=covariance))
    labelling = Labelling(viewer, experiment, small.skeleton)
    work, desk = labelling.work, labelling.desk
    labelling.press("N")
    assert labelling.panel.status.startswith("Ask for suggestions first")
    with qtbot.waitSignal(work.suggestions.suggested, timeout=20_000):
        labelling.press("Ctrl+N")
    assert work.suggestions.list.count() == len(work.suggestions.moments) > 0
    assert "nothing is labelled yet" in work.suggestions.list.item(0).text()
    assert work.strip.suggested == tuple(work.suggestions.moments)
    labelling.press("N")
    assert desk.moment == work.suggestions.moments[0 if work.suggestions.moments[0] else 1]
    labelling.press("P")
    assert not desk.session.frames  # no predictions are chosen
    sources = [work.suggestions.source.itemText(row) for row in range(2)]
    assert sources == ["no predictions", "DANNCE/predict"]
    work.suggestions.source.setCurrentIndex(1)
    with qtbot.waitSignal(work.suggestions.suggested, timeout=20_000):
        work.suggestions.ask_button.click()
    told = [work.suggestions.list.item(row).text() for row in range(work.suggestions.list.count())]
    (uncertain,) = [text for text in told if "uncertain place: " in text]
    assert uncertain.startswith("4: ")
    # at every moment one animal at least is there
    assert work.strip.predicted == (range(12),)
    # the suggested frames are copied, and shown from the copy
    with qtbot.waitSignal(work.suggestions.copying.ended, timeout=20_000):
        work.suggestions.copy_box.click()
    assert labelling.panel.status.startswith("The suggested frames are copied")
    assert all(desk.copy.has(moment) for moment in work.suggestions.moments)
    decoded = [camera.n_packets_decoded for camera in desk.video.cameras]
    labelling.press("Shift+N")
    labelling.press("N")
    assert all(one.has_frame for one in work.views.cameras)
    assert [camera.n_packets_decoded for camera in desk.video.cameras] == decoded
    desk.go_to(1)
    labelling.press("P")
    assert (desk.labels.states == LabelState.PREDICTED).any()
    assert not desk.solution.complete.any()
    labelling.press("T")
    known = desk.solution.complete
    assert known.all()
    np.testing.assert_allclose(desk.solution.points_3d, small.positions()[1], atol=1e-3)
    labelling.panel.close_session()
    viewer.window.remove_dock_widget(labelling.panel)


def test_odd_bones_and_exchanged_sides_are_told(
    viewer: napari.Viewer, folder: Path, tmp_path: Path, small: Any
) -> None:
    from dataclasses import replace

    experiment = tmp_path / "monday"
    shutil.copytree(folder, experiment)
    labelling = Labelling(viewer, experiment, replace(small.skeleton, pairs=((0, 2),)))
    desk, doubts = labelling.desk, labelling.work.doubts
    pose = small.positions()[0, 0]
    for moment in range(6):
        desk.go_to(moment)
        for view, camera in enumerate(small.cameras):
            for keypoint, pixel in enumerate(camera.project(pose)):
                desk.place(view, 0, keypoint, pixel)
    doubts.look()
    assert doubts.isHidden()
    longer = pose[2] + 2 * (pose[2] - pose[1])  # the bone is thrice as long
    for view, camera in enumerate(small.cameras):
        desk.place(view, 0, 2, camera.project(longer))
    doubts.look()
    usual = np.linalg.norm(pose[2] - pose[1])
    assert doubts.text() == f"neck to tail: {3 * usual:.0f} mm, usually {usual:.0f}"
    for _ in small.cameras:
        desk.undo()
    nose, tail = (small.cameras[1].project(pose[keypoint]) for keypoint in (0, 2))
    desk.place(1, 0, 0, tail)
    desk.place(1, 0, 2, nose)
    doubts.look()
    assert "nose and tail exchanged in right?" in doubts.text()
    labelling.panel.close_session()
    viewer.window.remove_dock_widget(labelling.panel)


def test_depth_of_a_single_click_is_guessed(labelling: Labelling, small: Any) -> None:
    desk, pose = labelling.desk, small.positions()[0, 0]
    pixels = [camera.project(pose) for camera in small.cameras]
    for moment in range(6):
        desk.go_to(moment)
        for view, keypoint in np.ndindex(2, 3 if moment < 5 else 2):
            desk.place(view, 0, keypoint, pixels[view][keypoint])
    desk.select(0, 2)
    labelling.press("Shift+D")
    assert labelling.panel.status.startswith("Click ")
    desk.place(2, 0, 2, pixels[2][2])
    labelling.press("Shift+D")
    assert labelling.panel.status.startswith("Proposed: ")
    states = [LabelState.PREDICTED, LabelState.PREDICTED, LabelState.HUMAN]
    assert desk.labels.states[:, 0, 2].tolist() == states
    first = desk.solution.points_3d[0, 2]
    assert np.linalg.norm(first - pose[2]) < 0.5
    labelling.press("K")
    assert desk.solution.complete[0].all()
    assert desk.solution.residual_px[2, 0, 2] < 1e-3
    assert (desk.solution.states[:2, 0, 2] == LabelState.REPROJECTED).all()
    labelling.press("Shift+D")
    assert np.linalg.norm(desk.solution.points_3d[0, 2] - first) > 1
    assert not desk.solution.complete[0, 2]
