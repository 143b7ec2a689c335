"""Cameras that are there, and which of them shall record under which name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QSignalBlocker, Qt, Signal
from qtpy.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QHeaderView,
    QInputDialog,
    QLabel,
    QPushButton,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from napari_sdannce.widgets.breakable import breakable

if TYPE_CHECKING:
    from collections.abc import Iterable

    from napari_sdannce.capture.recorder_process.session import Discovered
    from napari_sdannce.settings.capture import CameraSettings

_HEADS = ("", "Name", "Kind", "Serial number", "Model")
_TICK, _NAME, _KIND, _SERIAL, _MODEL = range(5)
_TICK_THEM = "Tick those that shall record. A name becomes the folder of the camera's video."
_SYNTHETIC = "synthetic"
_QUIET = "color: #9a9a9a; font-size: 11px"


class CameraList(QWidget):
    """A table of cameras: ticked ones record, names can be edited."""

    search_asked = Signal()
    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        heading = QLabel("Cameras")
        heading.setStyleSheet("font-size: 15px; font-weight: bold")
        self.note = QLabel("Looking for cameras …")
        self.note.setWordWrap(True)
        self.table = QTableWidget(0, len(_HEADS))
        self.table.setHorizontalHeaderLabels(_HEADS)
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        rows, columns = self.table.verticalHeader(), self.table.horizontalHeader()
        assert rows is not None
        assert columns is not None
        rows.hide()
        columns.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        columns.setStretchLastSection(True)
        self.table.itemChanged.connect(lambda _: self.changed.emit())
        self.search_button = QPushButton("Look again")
        self.search_button.clicked.connect(lambda: self.search())
        self.add_button = QPushButton("Add a video or network camera …")
        self.add_button.setToolTip("A video plays the part of a camera: to try things out")
        self.add_button.clicked.connect(lambda: self.ask_for_source())
        self.missing = QLabel()
        self.missing.setWordWrap(True)
        self.missing.setStyleSheet(_QUIET)
        buttons = QHBoxLayout()
        buttons.addWidget(self.search_button)
        buttons.addWidget(self.add_button, stretch=1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        for widget in (heading, self.note, self.table):
            layout.addWidget(widget)
        layout.addLayout(buttons)
        layout.addWidget(self.missing)

    def search(self) -> None:
        """Look for cameras."""
        self.note.setText("Looking for cameras …")
        self.search_button.setEnabled(False)
        self.search_asked.emit()

    def show_found(self, found: Discovered) -> None:
        """List what was found besides what is listed; test patterns only where nothing else is."""
        self.search_button.setEnabled(True)
        there = {(row[0], row[1]) for row in self._identities()}
        real = [camera for camera in found.cameras if camera.back_end != _SYNTHETIC]
        for camera in found.cameras:
            if (camera.back_end, camera.serial) not in there:
                ticked = camera.back_end != _SYNTHETIC
                self._add(ticked, "", camera.back_end, camera.serial, camera.model)
        self._name_the_nameless()
        self.note.setText(
            _TICK_THEM
            if real
            else "No camera was found. Test patterns and videos can play their part."
        )
        told = "\n".join(f"{each.name}: {each.reason}" for each in found.missing)
        self.missing.setText(breakable(f"Not usable here:\n{told}") if told else "")
        self.missing.setVisible(bool(told))
        self.changed.emit()

    def show_settings(self, cameras: Iterable[CameraSettings]) -> None:
        """List the cameras of a configuration, ticked, and clear all others."""
        cameras = list(cameras)
        for row in range(self.table.rowCount()):
            self._item(row, _TICK).setCheckState(Qt.CheckState.Unchecked)
        for camera in cameras:
            identity = (camera.back_end, camera.serial)
            if identity not in self._identities():
                self._add(True, camera.name, *identity, "")
            row = self._identities().index(identity)
            self._item(row, _TICK).setCheckState(Qt.CheckState.Checked)
            self._item(row, _NAME).setText(camera.name)
        self.note.setText(_TICK_THEM)
        self.changed.emit()

    def chosen(self) -> list[tuple[str, str, str]]:
        """Name, kind and serial number of those that are ticked."""
        return [
            (self._item(row, _NAME).text().strip(), *identity)
            for row, identity in enumerate(self._identities())
            if self._item(row, _TICK).checkState() == Qt.CheckState.Checked
        ]

    def ask_for_source(self) -> None:
        """Let the person type a path or an address."""
        text, is_given = QInputDialog.getText(
            self,
            "Add a video or network camera",
            "Path of a video or of a camera's folder,\nor an address (rtsp://…, http://…):",
        )
        if is_given and text.strip():
            self.add_source(text.strip())

    def add_source(self, text: str) -> None:
        """List a video or a network camera."""
        kind, model = ("webcam", "network camera") if "://" in text else ("replay", "video")
        self._add(True, "", kind, text, model)
        self._name_the_nameless()
        self.changed.emit()

    def _identities(self) -> list[tuple[str, str]]:
        return [
            (self._item(row, _KIND).text(), self._item(row, _SERIAL).text())
            for row in range(self.table.rowCount())
        ]

    def _add(self, ticked: bool, name: str, *words: str) -> None:
        blocked = QSignalBlocker(self.table)  # nobody may look at half a row
        row = self.table.rowCount()
        self.table.insertRow(row)
        tick = QTableWidgetItem()
        tick.setFlags(Qt.ItemFlag.ItemIsUserCheckable | Qt.ItemFlag.ItemIsEnabled)
        tick.setCheckState(Qt.CheckState.Checked if ticked else Qt.CheckState.Unchecked)
        self.table.setItem(row, _TICK, tick)
        for column, word in enumerate((name, *words), start=_NAME):
            item = QTableWidgetItem(word)
            item.setToolTip(word)
            if column != _NAME:
                item.setFlags(item.flags() & ~Qt.ItemFlag.ItemIsEditable)
            self.table.setItem(row, column, item)
        blocked.unblock()

    def _name_the_nameless(self) -> None:
        """Camera1, Camera2 ... in their order."""
        names = {self._item(row, _NAME).text() for row in range(self.table.rowCount())}
        free = (f"Camera{n}" for n in range(1, 1000) if f"Camera{n}" not in names)
        for row in range(self.table.rowCount()):
            if not self._item(row, _NAME).text():
                self._item(row, _NAME).setText(next(free))

    def _item(self, row: int, column: int) -> QTableWidgetItem:
        item = self.table.item(row, column)
        assert item is not None
        return item
