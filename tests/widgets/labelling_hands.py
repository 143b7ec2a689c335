"""The panel "Label in 3D" in a real window, and the hands of a person who works in it."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from qtpy.QtCore import QEvent, QPoint, QPointF, Qt
from qtpy.QtGui import QKeySequence, QMouseEvent
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication

from napari_sdannce.widgets.label_3d.label_panel import LabelPanel
from napari_sdannce.widgets.label_3d.sessions import FOLDER, WantedSession

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import napari


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
