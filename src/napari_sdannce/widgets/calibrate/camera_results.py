"""The cameras of a calibration in a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Qt
from qtpy.QtGui import QColor
from qtpy.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QTableWidget,
    QTableWidgetItem,
    QWidget,
)

from napari_sdannce.calibration.detection.hints import ENOUGH_CELLS

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_sdannce.calibration.report.saved_report import SavedCamera, SavedReport

_AMBER = QColor("#ffc14d")
_MOST_ROWS = 8
_PERCENT = 100.0


def _error(camera: SavedCamera) -> str:
    return "–" if camera.error_px is None else f"{camera.error_px:.2f}"


def _focal(camera: SavedCamera) -> str:
    sigma = camera.focal_sigma_percent
    told = f"{camera.focal_px:.0f}"
    return told if sigma is None else f"{told} ± {sigma * camera.focal_px / _PERCENT:.1f}"


def _covered(camera: SavedCamera) -> str:
    return "–" if camera.covered is None else f"{_PERCENT * camera.covered:.0f} %"


def _left_out(camera: SavedCamera) -> str:
    share = camera.corners_left_out / max(camera.corners, 1)
    return f"{_PERCENT * share:.1f} %" if share else "0"


def _late(camera: SavedCamera) -> str:
    late = camera.late_frames
    return "–" if late is None else f"{late:+.2f}".replace("-0.00", "0").replace("+0.00", "0")


_COLUMNS: dict[str, tuple[Callable[[SavedCamera], str], str]] = {
    "Error\npx": (
        _error,
        "Half of its corners are closer than this to where the calibration has them, at moments "
        "that it was not fitted to, where there are such",
    ),
    "Focal\npx": (_focal, "Focal length and its standard deviation"),
    "Covered": (_covered, "Share of the image in which the board was"),
    "Left\nout": (
        _left_out,
        "Share of corners that are not where they can be, and were not used",
    ),
    "Late\nframes": (
        _late,
        "How much later it sees things than the first camera; told only where the board moved",
    ),
}


class CameraResults(QTableWidget):
    """One row a camera."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(0, 1 + len(_COLUMNS), parent)
        self.setHorizontalHeaderLabels(["Camera", *_COLUMNS])
        self.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.setShowGrid(False)
        rows, columns = self.verticalHeader(), self.horizontalHeader()
        assert rows is not None
        assert columns is not None
        rows.setVisible(False)
        rows.setDefaultSectionSize(self.fontMetrics().height() + 6)
        columns.setMinimumSectionSize(30)
        columns.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        for column, (_, tip) in enumerate(_COLUMNS.values(), start=1):
            columns.setSectionResizeMode(column, QHeaderView.ResizeMode.ResizeToContents)
            head = self.horizontalHeaderItem(column)
            if head is not None:
                head.setToolTip(tip)

    def fill(self, report: SavedReport) -> None:
        """List the cameras; what wants a look is amber."""
        doubtful = {finding.camera for finding in report.told if finding.grade != "good"}
        self.setRowCount(len(report.cameras))
        for row, (name, camera) in enumerate(report.cameras.items()):
            self.setItem(row, 0, QTableWidgetItem(name))
            for column, (value, _) in enumerate(_COLUMNS.values(), start=1):
                item = QTableWidgetItem(value(camera))
                item.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
                if value is _covered and (camera.covered or 0) < ENOUGH_CELLS:
                    item.setForeground(_AMBER)
                self.setItem(row, column, item)
            first = self.item(row, 0)
            if first is not None:
                first.setToolTip(
                    f"{name}: saw the board {camera.sightings} times, {camera.corners:,} corners"
                )
                if name in doubtful:
                    first.setForeground(_AMBER)
        header = self.horizontalHeader()
        assert header is not None
        rows = min(max(self.rowCount(), 1), _MOST_ROWS)
        height = self.rowHeight(0) if self.rowCount() else 24
        self.setFixedHeight(header.sizeHint().height() + rows * height + 6)
