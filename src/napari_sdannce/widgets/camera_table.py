"""The cameras of a recording: shown or not, image size, frame number at the current moment."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QSignalBlocker, Qt, Signal
from qtpy.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QTableWidget,
    QTableWidgetItem,
    QWidget,
)

if TYPE_CHECKING:
    from napari_sdannce.widgets.recording_layers import RecordingLayers

MOST_ROWS = 6


class CameraTable(QTableWidget):
    """One row a camera; the box shows or hides it."""

    toggled = Signal(str, bool)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(0, 3, parent)
        self.setHorizontalHeaderLabels(["Camera", "Image", "Frame"])
        self.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setShowGrid(False)
        rows, columns = self.verticalHeader(), self.horizontalHeader()
        assert rows is not None
        assert columns is not None
        rows.setVisible(False)
        rows.setDefaultSectionSize(self.fontMetrics().height() + 6)
        columns.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        for column in (1, 2):
            columns.setSectionResizeMode(column, QHeaderView.ResizeMode.ResizeToContents)
        self.itemChanged.connect(self._on_item)

    def fill(self, shown: RecordingLayers) -> None:
        """List the cameras."""
        with QSignalBlocker(self):
            self.setRowCount(len(shown.images))
            for row, (name, image) in enumerate(shown.images.items()):
                item = QTableWidgetItem(name)
                item.setFlags(Qt.ItemFlag.ItemIsUserCheckable | Qt.ItemFlag.ItemIsEnabled)
                state = Qt.CheckState.Checked if image.visible else Qt.CheckState.Unchecked
                item.setCheckState(state)
                calibrated = shown.recording.view(name).camera is not None
                item.setToolTip("" if calibrated else "Not calibrated: nothing is drawn over it")
                width, height = shown.cells.size(name)
                size = f"{width}×{height}" + ("" if calibrated else " *")
                self.setItem(row, 0, item)
                self.setItem(row, 1, QTableWidgetItem(size))
                self.setItem(row, 2, QTableWidgetItem(""))
        self.show_moment(shown)
        header = self.horizontalHeader()
        assert header is not None
        rows = min(max(self.rowCount(), 1), MOST_ROWS)
        height = self.rowHeight(0) if self.rowCount() else 24
        self.setFixedHeight(header.sizeHint().height() + rows * height + 6)

    def show_moment(self, shown: RecordingLayers) -> None:
        """Write the frame numbers of the current moment."""
        with QSignalBlocker(self):
            for row in range(self.rowCount()):
                name, frame = self.item(row, 0), self.item(row, 2)
                if name is None or frame is None or name.text() not in shown.images:
                    continue
                number = shown.frame_of(name.text())
                frame.setText("none" if number is None else f"{number}")
                frame.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)

    def tick(self, camera: str, ticked: bool) -> None:
        """Tick or clear a camera, as a click on its box."""
        for row in range(self.rowCount()):
            item = self.item(row, 0)
            if item is not None and item.text() == camera:
                item.setCheckState(Qt.CheckState.Checked if ticked else Qt.CheckState.Unchecked)

    def _on_item(self, item: QTableWidgetItem) -> None:
        if item.column() == 0:
            self.toggled.emit(item.text(), item.checkState() == Qt.CheckState.Checked)
