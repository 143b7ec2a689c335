"""The panel "Capture": cameras connected, looked at and recorded, in the real recorder process."""

from __future__ import annotations

import os
import signal
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import psutil
import pytest
import yaml
from qtpy.QtCore import QPoint, QPointF, Qt
from qtpy.QtGui import QWheelEvent
from qtpy.QtWidgets import QFileDialog, QInputDialog

from napari_sdannce.capture.recorder.counts import RecorderState
from napari_sdannce.capture.recorder_process.notes import running_recorders
from napari_sdannce.capture.recording_file import read_recording_file
from napari_sdannce.files import open_recording
from napari_sdannce.video import VideoWriter
from napari_sdannce.widgets import napari_adapter
from napari_sdannce.widgets.capture.capture_panel import CapturePanel

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import napari

    from napari_sdannce.widgets.capture.board_watch import SeenBoards

pytestmark = pytest.mark.window
PATIENCE_MS = 60_000


@pytest.fixture(scope="module")
def viewer(qapp: Any) -> Iterator[napari.Viewer]:
    """One window for all tests here: opening one takes seconds."""
    import napari

    viewer = napari.Viewer(show=False)
    yield viewer
    viewer.close()


@pytest.fixture(autouse=True)
def own_recorders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Recorders of a test are found by nobody else, and none stays."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("PYLON_CAMEMU", "2")
    monkeypatch.delenv("GENICAM_GENTL64_PATH", raising=False)
    yield
    for note in running_recorders():
        psutil.Process(note.pid).kill()


@pytest.fixture
def opened(
    viewer: napari.Viewer, qtbot: Any, tmp_path: Path
) -> Iterator[Callable[[], CapturePanel]]:
    """Opens the panel, and waits until cameras are listed."""
    panels = []

    def make() -> CapturePanel:
        panel = CapturePanel(viewer)
        viewer.window.add_dock_widget(panel, name="Capture", area="right")
        panels.append(panel)
        qtbot.waitUntil(lambda: panel.cameras.table.rowCount() >= 2, timeout=PATIENCE_MS)
        panel.bar.parent_folder.setText(str(tmp_path / "data"))
        return panel

    yield make
    for panel in panels:
        closed(viewer, panel)


def closed(viewer: napari.Viewer, panel: CapturePanel) -> None:
    if any(inner is panel for inner in viewer.window.dock_widgets.values()):
        viewer.window.remove_dock_widget(panel)


def choose(panel: CapturePanel, kind: str, count: int = 2, **settings: Any) -> None:
    """Tick so many cameras of a kind, and fill in settings."""
    identities = panel.cameras._identities()
    rows = [row for row, (back_end, _) in enumerate(identities) if back_end == kind][:count]
    for row in range(len(identities)):
        state = Qt.CheckState.Checked if row in rows else Qt.CheckState.Unchecked
        panel.cameras._item(row, 0).setCheckState(state)
    panel.form.fill({"fps": 50.0, "keep_free_gb": 0.0, **settings})


def connected(panel: CapturePanel, qtbot: Any) -> None:
    panel.connect_button.click()
    qtbot.waitUntil(lambda: panel.connected is not None, timeout=PATIENCE_MS)
    qtbot.waitUntil(
        lambda: all(tile._image for tile in panel.tiles.tiles.values()), timeout=PATIENCE_MS
    )


def record(panel: CapturePanel, qtbot: Any) -> None:
    qtbot.waitUntil(panel.bar.record_button.isEnabled, timeout=PATIENCE_MS)
    panel.bar.record_button.click()


def is_recording(panel: CapturePanel) -> bool:
    return panel.status is not None and panel.status.now.state is RecorderState.RECORDING


def has_ended(panel: CapturePanel) -> bool:
    looks = panel.status is not None and panel.status.now.state is RecorderState.LOOKING
    return looks and panel.status.last is not None


def test_cameras_are_listed_with_what_can_not_be_used(opened: Any) -> None:
    panel = opened()
    assert [each[1:] for each in panel.cameras.chosen()] == [
        ("basler", "0815-0000"),
        ("basler", "0815-0001"),
    ]
    assert [each[0] for each in panel.cameras.chosen()] == ["Camera1", "Camera2"]
    assert panel.connect_button.text() == "Connect 2 cameras and look"
    assert "gentl" in panel.cameras.missing.text()
    choose(panel, "none")
    assert not panel.connect_button.isEnabled()


def test_what_cameras_see_is_shown_recorded_and_opened(
    viewer: napari.Viewer, opened: Any, qtbot: Any, tmp_path: Path
) -> None:
    panel = opened()
    choose(panel, "synthetic", seconds=1.0)
    panel.camera_form.form.fill({"width": 320, "height": 256})
    connected(panel, qtbot)
    assert panel.bar.isVisibleTo(panel)
    assert panel.pages.currentWidget() is panel.tiles
    assert _colours(panel) > 50  # a picture, and not an empty canvas
    qtbot.waitUntil(lambda: panel.status.now.cameras[0].fps > 40, timeout=PATIENCE_MS)

    folder = panel.bar.folder
    assert folder.parent == tmp_path / "data"
    record(panel, qtbot)
    qtbot.waitUntil(lambda: is_recording(panel), timeout=PATIENCE_MS)
    assert panel.bar.stop_button.isEnabled()
    assert not panel.bar.record_button.isEnabled()
    assert not panel.form.isEnabled()
    assert panel.bar.headline.text().startswith("Recording")
    qtbot.waitUntil(lambda: has_ended(panel), timeout=PATIENCE_MS)
    assert "50 frames of each camera, none missing" in panel.bar.last.text().replace("\u200b", "")
    assert "recording ended" in panel.events.toPlainText()
    assert len(open_recording(folder).sync) == 50
    assert panel.bar.folder != folder  # the next one
    opened_paths = []
    panel.bar.open_asked.disconnect(panel._on_open)
    panel.bar.open_asked.connect(opened_paths.append)
    panel.bar.open_button.click()
    assert opened_paths == [folder]


def _colours(panel: CapturePanel) -> int:
    """How many colours a tile shows."""
    tile = next(iter(panel.tiles.tiles.values()))
    image = tile.grab().toImage()
    data = image.constBits()
    data.setsize(image.sizeInBytes())
    return len(np.unique(np.frombuffer(data, np.uint32)))


def test_a_recording_is_stopped_and_judged(opened: Any, qtbot: Any) -> None:
    panel = opened()
    choose(panel, "synthetic")
    connected(panel, qtbot)
    record(panel, qtbot)
    qtbot.waitUntil(lambda: is_recording(panel), timeout=PATIENCE_MS)
    qtbot.waitUntil(lambda: panel.status.now.cameras[0].encoded > 10, timeout=PATIENCE_MS)
    panel.bar.stop_button.click()
    qtbot.waitUntil(lambda: has_ended(panel), timeout=PATIENCE_MS)
    recording = read_recording_file(panel.status.last.folder)
    assert recording.ended_by == "it was stopped in the panel"
    assert all(check.passed for check in recording.checks)


def test_a_self_test_is_told(opened: Any, qtbot: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("napari_sdannce.widgets.capture.capture_panel.SECONDS", 1.0)
    panel = opened()
    choose(panel, "synthetic")
    connected(panel, qtbot)
    qtbot.waitUntil(panel.bar.test_button.isEnabled, timeout=PATIENCE_MS)
    panel.bar.test_button.click()
    panel._on_status(panel.status)  # what was said before it began
    assert panel.bar.headline.text() == "Self-test …"
    for widget in (panel.bar.record_button, panel.bar.test_button, panel.form, panel.bar.name):
        assert not widget.isEnabled()
    qtbot.waitUntil(lambda: panel.bar.verdicts.isVisibleTo(panel), timeout=PATIENCE_MS)
    assert "<b>Camera" in panel.bar.verdicts.text()
    assert "GB/h" in panel.bar.verdicts.text()
    assert not panel.bar.folder.parent.exists()
    qtbot.waitUntil(panel.bar.record_button.isEnabled, timeout=PATIENCE_MS)
    assert panel.bar.headline.text() == "Not recording"


def test_encoders_are_blamed_only_when_they_are_behind(
    opened: Any, qtbot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    panel = opened()
    choose(panel, "synthetic")
    connected(panel, qtbot)
    monkeypatch.setattr(panel.link, "look_at", lambda *_: None)
    panel.link._widths = {}
    tiles = list(panel.tiles.tiles.values())
    panel._on_pictures({})
    assert not any(tile.is_paused for tile in tiles)
    now = panel.status.now
    behind = tuple(replace(each, fill=0.9) for each in now.cameras)
    panel.status = replace(panel.status, now=replace(now, cameras=behind))
    panel._on_pictures({})
    assert all(tile.is_paused for tile in tiles)


def test_a_recording_has_a_folder_of_its_own(opened: Any, qtbot: Any) -> None:
    panel = opened()
    panel.bar.parent_folder.setText("data")  # the recorder may run in another folder
    assert panel.bar.folder.is_absolute()
    panel.bar.name.setText("x" * 300)  # longer than a folder's name can be
    panel.bar.propose_name()
    assert panel.bar.name.text() == "x" * 300
    panel.bar.name.clear()
    panel.bar.name.editingFinished.emit()
    assert panel.bar.name.text()


def test_one_recorder_is_started_at_a_time(opened: Any, qtbot: Any) -> None:
    panel = opened()
    panel._on_gone("it ended")
    panel.connect_button.click()
    started = panel.link
    assert not panel.connect_button.isEnabled()
    panel.camera_form.apply_button.click()
    assert panel.link is started
    qtbot.waitUntil(lambda: panel._is_known, timeout=PATIENCE_MS)


def test_that_no_camera_is_ticked_is_told(opened: Any) -> None:
    panel = opened()
    choose(panel, "none")
    panel.camera_form.apply_button.click()
    assert panel.message.text() == "No camera is ticked"


def test_a_recording_goes_on_without_the_panel_and_is_found_again(
    viewer: napari.Viewer, opened: Any, qtbot: Any
) -> None:
    panel = opened()
    choose(panel, "synthetic", when_behind="stop")
    connected(panel, qtbot)
    record(panel, qtbot)
    qtbot.waitUntil(lambda: is_recording(panel), timeout=PATIENCE_MS)
    folder = panel.status.now.folder
    closed(viewer, panel)
    (note,) = running_recorders()
    again = opened()
    assert again.link is not panel.link
    qtbot.waitUntil(lambda: is_recording(again), timeout=PATIENCE_MS)
    assert again.status.now.folder == folder
    assert [camera.name for camera in again.connected.settings.cameras] == list(again.tiles.tiles)
    assert again.form.values()["when_behind"] == "stop"
    assert "Looking" not in again.cameras.note.text()  # nobody does while it records
    again.bar.stop_button.click()
    qtbot.waitUntil(lambda: has_ended(again), timeout=PATIENCE_MS)
    assert read_recording_file(folder).is_finished
    closed(viewer, again)
    qtbot.waitUntil(lambda: not note.is_alive, timeout=PATIENCE_MS)  # nobody needs it any more


def test_a_recorder_that_is_killed_is_told(opened: Any, qtbot: Any) -> None:
    panel = opened()
    choose(panel, "synthetic")
    connected(panel, qtbot)
    folder = panel.bar.folder
    record(panel, qtbot)
    qtbot.waitUntil(lambda: is_recording(panel), timeout=PATIENCE_MS)
    (note,) = running_recorders()
    os.kill(note.pid, signal.SIGKILL)
    qtbot.waitUntil(lambda: "does not answer" in panel.message.text(), timeout=PATIENCE_MS)
    assert f"`sdannce capture finish {folder}`" in panel.message.text().replace("\u200b", "")
    assert panel.connected is None
    assert not panel.bar.record_button.isEnabled()
    assert panel.connect_button.text() == "Start a new recorder"
    panel.connect_button.click()
    qtbot.waitUntil(lambda: "Connect" in panel.connect_button.text(), timeout=PATIENCE_MS)
    connected(panel, qtbot)


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"fps": 5000.0}, "exposes for 10000 us, longer than"),
        ({"encoding": {"codec": "h265"}}, "no codec is called"),
        ({"fps": None}, "Frames a second"),
    ],
)
def test_what_can_not_be_is_told_and_can_be_mended(
    opened: Any, qtbot: Any, settings: dict[str, Any], told: str
) -> None:
    panel = opened()
    choose(panel, "basler", 1, **{"fps": 10.0, **settings})
    panel.connect_button.click()
    if "encoding" in settings:
        qtbot.waitUntil(lambda: panel.connected is not None, timeout=PATIENCE_MS)
        record(panel, qtbot)
    said = lambda: panel.message.text().replace("\u200b", "")  # noqa: E731
    qtbot.waitUntil(lambda: told in said(), timeout=PATIENCE_MS)
    choose(panel, "basler", 1, fps=10.0, seconds=0.5)
    if panel.connected is None:
        connected(panel, qtbot)
    panel.record()
    qtbot.waitUntil(lambda: has_ended(panel), timeout=PATIENCE_MS)
    assert panel.status.last.cameras[0].encoded == 5


def test_a_folder_that_exists_is_not_recorded_into(opened: Any, qtbot: Any) -> None:
    panel = opened()
    choose(panel, "synthetic")
    connected(panel, qtbot)
    panel.bar.name.setText("mine")
    (panel.bar.folder / "videos").mkdir(parents=True)
    panel.record()
    qtbot.waitUntil(lambda: "nothing is overwritten" in panel.message.text(), timeout=PATIENCE_MS)
    panel.bar.propose_name()
    assert panel.bar.name.text() == "mine_1"


def test_settings_of_one_camera_win(opened: Any, qtbot: Any) -> None:
    panel = opened()
    choose(panel, "synthetic")
    names = [each[0] for each in panel.cameras.chosen()]
    panel.camera_form.form.fill({"width": 320, "height": 256})
    panel.camera_form.of.setCurrentText(names[1])
    panel.camera_form.form.fill({"width": 640})
    connected(panel, qtbot)
    assert [(each.width, each.height) for each in panel.connected.formats] == [
        (320, 256),
        (640, 256),
    ]
    panel.camera_form.form.fill({"width": 512})
    panel.camera_form.apply_button.click()
    qtbot.waitUntil(lambda: panel.connected.formats[1].width == 512, timeout=PATIENCE_MS)
    panel.disconnect_button.click()
    qtbot.waitUntil(lambda: panel.connected is None, timeout=PATIENCE_MS)
    assert panel.pages.currentWidget() is panel.cameras


def test_one_camera_is_looked_at_closely(opened: Any, qtbot: Any) -> None:
    panel = opened()
    choose(panel, "synthetic")
    panel.camera_form.form.fill({"width": 2048, "height": 1024})
    connected(panel, qtbot)
    first, second = panel.tiles.tiles.values()
    qtbot.mouseDClick(first, Qt.MouseButton.LeftButton)
    assert not second.isVisibleTo(panel.tiles)
    assert list(panel.tiles.widths) == [first.name]
    before = first.wanted_width
    place = QPointF(first.rect().center())
    event = QWheelEvent(
        place, first.mapToGlobal(place), QPoint(), QPoint(0, 120), Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    first.wheelEvent(event)
    assert (first.zoom, first.wanted_width) == (2, 2 * before)
    qtbot.waitUntil(lambda: first._image.width() == min(2048, 2 * before), timeout=PATIENCE_MS)
    qtbot.mouseDClick(first, Qt.MouseButton.LeftButton)
    assert second.isVisibleTo(panel.tiles)


def test_configurations_are_opened_and_saved(
    opened: Any, qtbot: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    panel = opened()
    campy = tmp_path / "campy.yaml"
    campy.write_text(
        "numCams: 2\nframeRate: 20\nrecTimeInSec: 5\nvideoFolder: rec\ncameraSelection: [1, 0]\n"
        "cameraNames: [Camera1, Camera2]\nffmpegLogLevel: quiet\n"
    )
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(campy), ""))
    panel.open_config_button.click()
    assert [each[1:] for each in panel.cameras.chosen()] == [
        ("basler", "0815-0000"),
        ("basler", "0815-0001"),
    ]
    names = {serial: name for name, _, serial in panel.cameras.chosen()}
    assert names == {"0815-0001": "Camera1", "0815-0000": "Camera2"}
    assert "not followed as it stands: ffmpegLogLevel" in panel.message.text().replace("\u200b", "")
    saved = tmp_path / "ours.yaml"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(saved), ""))
    panel.save_config_button.click()
    content = yaml.safe_load(saved.read_text())
    assert (content["fps"], content["seconds"]) == (20, 5)
    panel.open_configuration(saved)
    assert panel.settings().fps == 20
    saved.write_text("fps: fast\n")
    panel.open_configuration(saved)
    assert "line 1" in panel.message.text()


def test_a_video_plays_the_part_of_a_camera(
    folder: Path, opened: Any, qtbot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    panel = opened()
    choose(panel, "none")
    source = str(folder / "videos" / "left")
    monkeypatch.setattr(QInputDialog, "getText", lambda *_: (source, True))
    panel.cameras.add_button.click()
    ((_, kind, serial),) = panel.cameras.chosen()
    assert (kind, serial) == ("replay", source)
    connected(panel, qtbot)
    panel.record()
    qtbot.waitUntil(lambda: has_ended(panel), timeout=PATIENCE_MS)
    told = panel.events.toPlainText()
    assert "is over after 12 frames" in told


def test_a_board_is_looked_for_while_a_calibration_is_recorded(
    filmed: Any, opened: Any, qtbot: Any, tmp_path: Path
) -> None:
    names = [camera.name for camera in filmed.cameras[:2]]
    cameras = []
    for name in names:
        images = [cv2.imread(str(path), 0) for path in sorted((filmed.folder / name).iterdir())]
        with VideoWriter(tmp_path / f"{name}.mp4", 400, 320, 10, gray=True) as video:
            for image in images:
                video.write(image)
        cameras.append({"name": name, "back_end": "replay", "serial": str(tmp_path / f"{name}.mp4"),
                        "features": {"loop": True}})  # fmt: skip
    panel = opened()
    settings = {"folder": str(tmp_path / "data/a"), "fps": 10, "cameras": cameras}
    (tmp_path / "capture.yaml").write_text(yaml.safe_dump(settings))
    panel.open_configuration(tmp_path / "capture.yaml")
    connected(panel, qtbot)
    seen: list[SeenBoards] = []
    panel.board.begin(filmed.board_file)
    assert panel.board.watch is not None
    panel.board.watch.seen.connect(seen.append)
    qtbot.waitUntil(lambda: bool(seen) and seen[-1].moments >= 3, timeout=PATIENCE_MS)
    assert "moments" in panel.bar.board.text()
    for name, camera in zip(names, filmed.cameras, strict=False):
        found = next(each.corners[name] for each in seen if name in each.corners)
        # where the board was at one of the moments
        corners = found * camera.image_size - 0.5
        there = [camera.project(pose.place(filmed.board.points[0])) for pose in filmed.poses]
        off = [np.linalg.norm(corners[:, None] - each[None], axis=2).min(axis=1) for each in there]
        assert min(float(np.median(each)) for each in off) < 1
        assert seen[-1].cells[name].sum() > 0
        assert panel.tiles.tiles[name]._cells is not None
    panel.board.end()
    assert panel.tiles.tiles[names[0]]._cells is None
    assert not panel.bar.board.isVisible()
    record(panel, qtbot)
    qtbot.waitUntil(lambda: is_recording(panel), timeout=PATIENCE_MS)
    qtbot.waitUntil(lambda: panel.status.now.cameras[0].encoded > 2, timeout=PATIENCE_MS)
    panel.bar.stop_button.click()
    qtbot.waitUntil(lambda: has_ended(panel), timeout=PATIENCE_MS)
    panel.bar.calibrate_button.click()
    calibrate = napari_adapter.open_panel(panel.viewer, "Calibrate")
    assert calibrate.set_up.form.rows[("source",)].editor.get() == str(panel.status.last.folder)
    assert calibrate.set_up.form.rows[("board",)].editor.get() == str(filmed.board_file)
    napari_adapter.undock(panel.viewer, calibrate)
    panel.board.begin(tmp_path / "nowhere.toml")
    assert "does not exist" in panel.message.text()


def test_the_window_is_taken_and_given_back(
    opened: Any, qtbot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    panel = opened()
    notes: list[bool] = []
    monkeypatch.setattr(napari_adapter, "give_window", lambda _, *, taken: notes.append(taken))
    choose(panel, "synthetic")
    connected(panel, qtbot)
    assert notes[-1]
    panel.disconnect_button.click()
    qtbot.waitUntil(lambda: panel.connected is None, timeout=PATIENCE_MS)
    assert not notes[-1]
