"""Labelling sessions: begun, opened, shown, exported and put away."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

import numpy as np
import pytest
from qtpy.QtWidgets import QApplication

from napari_sdannce.files import open_labels
from napari_sdannce.files.dannce_mat import read_dannce
from napari_sdannce.files.sync_csv import write_sync_csv
from napari_sdannce.labeling.export import export_dannce
from napari_sdannce.labeling.session_folder import open_session
from napari_sdannce.labels import LabelState
from napari_sdannce.widgets import napari_adapter
from napari_sdannce.widgets.label_3d.label_panel import LabelPanel
from napari_sdannce.widgets.label_3d.sessions import FOLDER, WantedSession

from .labelling_hands import (
    Labelling,
    _own_keys,
    labelling,
    let_qt_work,
    seen,
    viewer,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import napari
    from napari.qt import QtViewer

    from napari_sdannce.geometry import Camera

__all__ = ["_own_keys", "labelling", "viewer"]

pytestmark = pytest.mark.window


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

    for number in range(8):
        once(number)
        if number % 4 == 3:  # a pass over the memory of all tests takes as long as opening
            gc.collect()
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


def test_new_labels_lie_in_a_folder_of_their_own(labelling: Labelling) -> None:
    labelling.panel.close_session()
    for name in ("..", ".", "a/b", ""):
        labelling.panel.say("")
        labelling.panel.start.name.setText(name)
        labelling.panel.start.make_button.click()
        assert labelling.panel.work is None, name
        told = "Give the new labels a name, without a slash."
        assert labelling.panel.status == told, name


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
    labelling.panel.close_session()
    start.there.setCurrentRow(1)
    start.go_on_button.click()
    assert labelling.desk.folder.path.name == "mine"


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
