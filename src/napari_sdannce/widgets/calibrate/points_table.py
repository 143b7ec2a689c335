"""The measured points in a table: names and places that can be typed, and who shows them."""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING

from qtpy.QtCore import QSignalBlocker, Qt
from qtpy.QtWidgets import QAbstractItemView, QHeaderView, QTableWidget, QTableWidgetItem, QWidget

if TYPE_CHECKING:
    from napari_sdannce.widgets.calibrate.clicked_points import ClickedPoints

_HEADS = ("Point", "X mm", "Y mm", "Z mm", "Views")
_FEWEST_ROWS, _MOST_ROWS = 3, 7


class PointsTable(QTableWidget):
    """A row a point; the current row is the one that a click places."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(0, len(_HEADS), parent)
        self._clicked: ClickedPoints | None = None
        self.setHorizontalHeaderLabels(_HEADS)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        rows, columns = self.verticalHeader(), self.horizontalHeader()
        assert rows is not None
        assert columns is not None
        rows.setVisible(False)
        rows.setDefaultSectionSize(self.fontMetrics().height() + 6)
        columns.setMinimumSectionSize(30)
        columns.setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        columns.setSectionResizeMode(len(_HEADS) - 1, QHeaderView.ResizeMode.ResizeToContents)
        height = columns.sizeHint().height() + 6
        row = self.fontMetrics().height() + 6
        self.setMinimumHeight(height + _FEWEST_ROWS * row)
        self.setMaximumHeight(height + _MOST_ROWS * row)
        self.itemChanged.connect(self._on_edit)
        self.currentCellChanged.connect(self._on_row)

    def show_points(self, clicked: ClickedPoints | None) -> None:
        """Follow these points; None: none."""
        if self._clicked is not None:
            self._clicked.changed.disconnect(self._fill)
        self._clicked = clicked
        if clicked is not None:
            clicked.changed.connect(self._fill)
        self._fill()

    def _fill(self) -> None:
        clicked = self._clicked
        with QSignalBlocker(self):
            self.setRowCount(0 if clicked is None else len(clicked))
            if clicked is None:
                return
            for row, label in enumerate(clicked.labels):
                self._put(row, 0, label)
                for axis, mm in enumerate(clicked.points[row]):
                    self._put(row, 1 + axis, f"{mm:g}" if isfinite(mm) else "")
                seen = clicked.seen_by(row)
                views = self._put(row, 4, f"{len(seen)} of {len(clicked.cameras)}")
                views.setFlags(views.flags() & ~Qt.ItemFlag.ItemIsEditable)
                views.setToolTip(f"Clicked in {', '.join(seen) or 'no camera'}")
            if clicked.labels:
                self.setCurrentCell(clicked.current, max(self.currentColumn(), 0))

    def _put(self, row: int, column: int, text: str) -> QTableWidgetItem:
        item = self.item(row, column)
        if item is None:
            item = QTableWidgetItem()
            self.setItem(row, column, item)
        item.setText(text)
        return item

    def _on_row(self, row: int, *others: int) -> None:
        if self._clicked is not None:
            self._clicked.select(row)

    def _on_edit(self, item: QTableWidgetItem) -> None:
        clicked = self._clicked
        if clicked is None:
            return
        text = item.text().strip()
        if item.column() == 0:
            clicked.rename(item.row(), text)
            return
        try:
            mm = float(text.replace(",", ".")) if text else float("nan")
        except ValueError:
            mm = float(clicked.points[item.row(), item.column() - 1])
        clicked.measure(item.row(), item.column() - 1, mm)
