"""The panel "Label in 3D", worked with the mouse and the keys in a real window."""

from __future__ import annotations

import shutil
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from qtpy.QtCore import QPoint, Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QLabel

from napari_sdannce.files import open_labels
from napari_sdannce.labels import LabelState
from napari_sdannce.widgets.label_3d.key_table import (
    ACTIONS,
    LABEL3D,
    KeyTable,
    read_keys,
    write_keys,
)
from napari_sdannce.widgets.napari_adapter import widget_of

from .labelling_hands import (
    LEFT,
    NONE,
    Labelling,
    _own_keys,
    labelling,
    let_qt_work,
    move,
    press_keys,
    seen,
    viewer,
)

if TYPE_CHECKING:
    from pathlib import Path

    import napari


__all__ = ["_own_keys", "labelling", "viewer"]

pytestmark = pytest.mark.window


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


def test_every_key_arrives(labelling: Labelling, monkeypatch: Any) -> None:
    """At the canvas of a camera and at that of the pose, whatever napari would do with it."""
    arrived = []
    work = labelling.work
    monkeypatch.setattr(work.keys, "_run", lambda action, down: arrived.append((action, down)))
    canvases = (work.views.cameras[1].place.native, widget_of(work.views.pose.canvas))
    for keys, canvas in product((KeyTable(), KeyTable(LABEL3D)), canvases):
        work.keys.table = keys
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
