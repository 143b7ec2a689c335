"""The keypoints of an animal: how each came to be in each camera, and how well views agree."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from qtpy.QtCore import QAbstractTableModel, QModelIndex, QSignalBlocker, Qt
from qtpy.QtGui import QColor, QPalette
from qtpy.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QHeaderView,
    QLabel,
    QStyledItemDelegate,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from napari_sdannce.labels import LabelState
from napari_sdannce.widgets.label_3d.drawn_cells import LOOKS

if TYPE_CHECKING:
    from napari_sdannce.widgets.label_3d.desk import Desk

_SIGNS = {
    LabelState.NONE: "",
    LabelState.PREDICTED: "○",
    LabelState.TRACKED: "□",
    LabelState.HUMAN: "●",
    LabelState.UNCERTAIN: "◆",
    LabelState.REPROJECTED: "·",
    LabelState.OCCLUDED: "+",
    LabelState.NOT_IN_VIEW: "–",
    LabelState.REJECTED: "✗",
}
_GOOD_PX, _BAD_PX = 3.0, 10.0
# readable in napari's dark theme, in its light one, and in the selected row
_GREEN, _AMBER, _RED = QColor("#35a853"), QColor("#d98a00"), QColor("#e5483a")
_HEAD = ("keypoint", "3D")
_AROUND_NAME = 24


class KeypointModel(QAbstractTableModel):
    """A row a keypoint of the selected animal; a column a camera."""

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self.desk = desk

    def rowCount(self, parent: QModelIndex | None = None) -> int:
        """Keypoints."""
        return self.desk.subject.shape[2]

    def columnCount(self, parent: QModelIndex | None = None) -> int:
        """The name, the position in space, and the cameras."""
        return len(_HEAD) + self.desk.subject.shape[0]

    def headerData(self, section: int, orientation: Any, role: int = 0) -> Any:
        """Numbers of the cameras; their names are in the tooltips."""
        if orientation != Qt.Orientation.Horizontal:
            return None
        view = section - len(_HEAD)
        if role == Qt.ItemDataRole.DisplayRole:
            return _HEAD[section] if view < 0 else str(view + 1)
        if role == Qt.ItemDataRole.ToolTipRole and view >= 0:
            return self.desk.subject.views[view]
        return None

    def data(self, index: QModelIndex, role: int = 0) -> Any:
        """What a cell says, and its colour."""
        if role == Qt.ItemDataRole.TextAlignmentRole and index.column():
            return Qt.AlignmentFlag.AlignCenter
        keypoint, view = index.row(), index.column() - len(_HEAD)
        if view == -2:
            is_name = role == Qt.ItemDataRole.DisplayRole
            return self.desk.subject.skeleton.keypoints[keypoint] if is_name else None
        return self._of_space(keypoint, role) if view < 0 else self._of_view(view, keypoint, role)

    def _of_space(self, keypoint: int, role: int) -> Any:
        solution, animal = self.desk.solution, self.desk.animal
        known = bool(np.isfinite(solution.points_3d[animal, keypoint]).all())
        complete = bool(solution.complete[animal, keypoint])
        if role == Qt.ItemDataRole.DisplayRole:
            return "✓" if complete else "○" if known else ""
        if role == Qt.ItemDataRole.ForegroundRole and complete:
            return _GREEN
        if role == Qt.ItemDataRole.ToolTipRole and known:
            spread = np.sqrt(np.trace(solution.covariance[animal, keypoint]))
            state = "yours" if complete else "proposed: accept it with K, or click it"
            return f"{state}; uncertain by {spread:.2g} mm" if np.isfinite(spread) else state
        return None

    def _of_view(self, view: int, keypoint: int, role: int) -> Any:
        solution, animal = self.desk.solution, self.desk.animal
        state = LabelState(int(solution.states[view, animal, keypoint]))
        error = float(solution.error_px[view, animal, keypoint])
        if role == Qt.ItemDataRole.DisplayRole:
            locked = "!" if self.desk.labels.locked[view, animal, keypoint] else ""
            return _SIGNS[state] + locked
        if role == Qt.ItemDataRole.ForegroundRole:
            if state is LabelState.REJECTED or error > _BAD_PX:
                return _RED
            if error > _GOOD_PX:
                return _AMBER
            return _GREEN if error <= _GOOD_PX else None
        if role == Qt.ItemDataRole.ToolTipRole:
            words = LOOKS[state].words if state in LOOKS else "outside of this view"
            said = "" if state is LabelState.NONE else f"{self.desk.subject.views[view]}: {words}"
            return f"{said}, {error:.1f} px off the others" if np.isfinite(error) else said
        return None

    def refresh(self) -> None:
        """Everything may be different now."""
        last = self.index(self.rowCount() - 1, self.columnCount() - 1)
        self.dataChanged.emit(self.index(0, 0), last)


class _OwnColours(QStyledItemDelegate):
    """Keeps the colour of a cell in the selected row: that is the one being corrected."""

    def initStyleOption(self, option: Any, index: QModelIndex) -> None:
        super().initStyleOption(option, index)
        color = index.data(Qt.ItemDataRole.ForegroundRole)
        if color is not None:
            option.palette.setColor(QPalette.ColorRole.HighlightedText, color)


class KeypointTable(QWidget):
    """The table, and the choice of the animal above it."""

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.desk = desk
        self.animals = QComboBox()
        self.animals.addItems(list(desk.subject.animals))
        self.animals.setVisible(len(desk.subject.animals) > 1)
        self.animals.currentIndexChanged.connect(desk.select_animal)
        self.animals.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.model = KeypointModel(desk)
        self.table = QTableView()
        self.table.setModel(self.model)
        self.table.setItemDelegate(_OwnColours(self.table))
        self.table.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.table.clicked.connect(lambda index: desk.select(desk.animal, index.row()))
        self._shape()
        self.count = QLabel()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.animals)
        layout.addWidget(self.table, stretch=1)
        layout.addWidget(self.count)
        self.show_selected()
        self.refill()

    def _shape(self) -> None:
        across, down = self.table.horizontalHeader(), self.table.verticalHeader()
        assert across is not None
        assert down is not None
        down.setVisible(False)
        down.setDefaultSectionSize(20)
        across.setMinimumSectionSize(18)
        across.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        across.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        for column in range(1, self.model.columnCount()):
            self.table.setColumnWidth(column, 28 if column == 1 else 24)

    def wanted_width(self) -> int:
        """Room for the names and all cameras, px."""
        metrics, bar = self.table.fontMetrics(), self.table.verticalScrollBar()
        names = (*self.desk.subject.skeleton.keypoints, _HEAD[0])
        widest = max(metrics.horizontalAdvance(name) for name in names)
        cameras = sum(map(self.table.columnWidth, range(1, self.model.columnCount())))
        return widest + _AROUND_NAME + cameras + (0 if bar is None else bar.sizeHint().width())

    def refill(self) -> None:
        """Show the labels of the moment."""
        self.model.refresh()
        complete = self.desk.solution.complete
        parts = [
            f"{name}: {int(row.sum())} of {len(row)}"
            for name, row in zip(self.desk.subject.animals, complete, strict=True)
        ]
        self.count.setText(", ".join(parts))

    def show_selected(self) -> None:
        """Mark the selected keypoint's row."""
        with QSignalBlocker(self.animals):
            if self.animals.currentIndex() != self.desk.animal:
                self.animals.setCurrentIndex(self.desk.animal)
                self.model.refresh()
        self.table.selectRow(self.desk.keypoint)
