"""Where the board was seen: a tile a camera, what pairs of cameras share, and what is missing."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING

import numpy as np
from qtpy.QtCore import QRectF, QSize, Qt
from qtpy.QtGui import QColor, QPainter, QPen
from qtpy.QtWidgets import QLabel, QSizePolicy, QVBoxLayout, QWidget

from napari_sdannce.calibration.detection.hints import ENOUGH_SHARED, hints_of
from napari_sdannce.widgets.breakable import breakable
from napari_sdannce.widgets.scrolled import scrolled

if TYPE_CHECKING:
    from qtpy.QtGui import QPaintEvent

    from napari_sdannce.settings.events import BoardCoverage

_EMPTY, _LITTLE, _MUCH = QColor("#2b2f36"), QColor("#1f6f63"), QColor("#8ff0c0")
_GROUND, _TEXT, _QUIET = QColor("#1b1d20"), QColor("#e6e6e6"), QColor("#9a9a9a")
_WARN = QColor("#ffc14d")
_MANY = 60
"""Corners in a cell from which it is as bright as can be."""
_TILE, _GAP, _HEAD = 108, 6, 18
_TALL = 0.75
_CELL, _LEAST_CELL = 34, 20
_MOST_HINTS = 3
_QUIET_TEXT = "#9a9a9a"


class CoverageView(QWidget):
    """All of it, for a `BoardCoverage`."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.hints = QLabel()
        self.hints.setWordWrap(True)
        self.tiles = CoverageTiles()
        self.about_pairs = QLabel("Moments that cameras share")
        self.about_pairs.setToolTip(
            "How often two cameras saw the board at once; on the diagonal, how often each saw it. "
            f"Amber: fewer than {ENOUGH_SHARED}"
        )
        self.about_pairs.setStyleSheet("color: #9a9a9a; font-size: 11px")
        self.pairs = PairCounts()
        body = QWidget()
        inside = QVBoxLayout(body)
        inside.setContentsMargins(2, 6, 2, 2)
        inside.setSpacing(6)
        for widget in (self.hints, self.tiles, self.about_pairs, self.pairs):
            inside.addWidget(widget)
        inside.addStretch()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(scrolled(body))
        self.show_coverage(None)

    def show_coverage(self, coverage: BoardCoverage | None, *, so_far: bool = False) -> None:
        """Show where the board was found (so far); None: nowhere yet."""
        self.tiles.show_coverage(coverage)
        self.pairs.show_coverage(coverage)
        several = coverage is not None and len(coverage.cameras) > 1
        self.pairs.setVisible(several)
        self.about_pairs.setVisible(several)
        if coverage is None:
            self._say("The board was not found yet.", _QUIET_TEXT)
            return
        hints = hints_of(coverage, so_far=so_far)
        if not hints and so_far:
            self._say("Looking …", _QUIET_TEXT)
            return
        if not hints:
            self._say("✓ The board was everywhere in all images, tilted, near and far.", "#6fcf6f")
            return
        more = f" (and {len(hints) - _MOST_HINTS} more)" if len(hints) > _MOST_HINTS else ""
        first, *others = hints[:_MOST_HINTS]
        lines = [f"{first[:1].upper()}{first[1:]}", *others]
        told = f"{'; '.join(lines)}{more}."
        self._say(f"So far: {told}" if so_far else told, _QUIET_TEXT if so_far else "#ffc14d")

    def _say(self, text: str, color: str) -> None:
        self.hints.setText(breakable(text))
        self.hints.setStyleSheet(f"color: {color}")


class CoverageTiles(QWidget):
    """A tile for each camera: its image in cells, brighter where more corners were found."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.coverage: BoardCoverage | None = None
        policy = QSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Preferred)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)

    def show_coverage(self, coverage: BoardCoverage | None) -> None:
        """Paint it."""
        n_before = 0 if self.coverage is None else len(self.coverage.cameras)
        self.coverage = coverage
        if n_before != (0 if coverage is None else len(coverage.cameras)):
            self.updateGeometry()
        if coverage is not None:
            counts = [coverage.shared[i][i] for i in range(len(coverage.cameras))]
            filled = [100 * np.mean(np.array(cells) > 0) for cells in coverage.cells]
            held = zip(coverage.tilts, coverage.depths, strict=True)
            told = zip(coverage.cameras, counts, filled, held, strict=True)
            self.setToolTip(
                "\n".join(
                    f"{name}: seen {n} times, in {share:.0f} % of its image, tilted by about "
                    f"{tilt:.0f} degrees, {depth:.1f} times as far as near"
                    for name, n, share, (tilt, depth) in told
                )
            )
        self.update()

    def hasHeightForWidth(self) -> bool:
        """Tiles keep their shape."""
        return True

    def heightForWidth(self, width: int) -> int:
        """As many rows as are needed."""
        if self.coverage is None:
            return 0
        columns = self._columns(width)
        rows = ceil(len(self.coverage.cameras) / columns)
        tile = (width - _GAP * (columns - 1)) / columns
        return round(rows * (_HEAD + _TALL * tile + _GAP))

    def sizeHint(self) -> QSize:
        """Height at the width it has."""
        return QSize(340, self.heightForWidth(max(self.width(), 340)))

    def _columns(self, width: int) -> int:
        n = 1 if self.coverage is None else len(self.coverage.cameras)
        most = max(1, (width + _GAP) // (_TILE + _GAP))
        rows = ceil(n / most)
        return ceil(n / rows)

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Paint all tiles."""
        if self.coverage is None:
            return
        painter = QPainter(self)
        columns = self._columns(self.width())
        width = (self.width() - _GAP * (columns - 1)) / columns
        height = _HEAD + _TALL * width
        for number, name in enumerate(self.coverage.cameras):
            left = (number % columns) * (width + _GAP)
            top = (number // columns) * (height + _GAP)
            self._paint_tile(painter, QRectF(left, top, width, height), number, name)
        painter.end()

    def _paint_tile(self, painter: QPainter, room: QRectF, view: int, name: str) -> None:
        assert self.coverage is not None
        seen = f"{self.coverage.shared[view][view]}×"
        metrics = painter.fontMetrics()
        own = metrics.horizontalAdvance(seen)
        head = QRectF(room.left(), room.top(), room.width(), _HEAD - 2)
        elided = metrics.elidedText(name, Qt.TextElideMode.ElideMiddle, int(room.width() - own - 6))
        painter.setPen(_TEXT)
        painter.drawText(head, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, elided)
        painter.setPen(_QUIET)
        painter.drawText(head, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, seen)
        cells = np.array(self.coverage.cells[view])
        side = round(len(cells) ** 0.5)
        box = room.adjusted(0, _HEAD, 0, 0)
        painter.fillRect(box, _GROUND)
        step_x, step_y = box.width() / side, box.height() / side
        for i, count in enumerate(cells):
            place = QRectF(
                box.left() + (i % side) * step_x, box.top() + (i // side) * step_y, step_x, step_y
            )
            painter.fillRect(place.adjusted(0, 0, -1, -1), _color(int(count)))


class PairCounts(QWidget):
    """How many moments each pair of cameras shares."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.coverage: BoardCoverage | None = None

    def show_coverage(self, coverage: BoardCoverage | None) -> None:
        """Paint it."""
        self.coverage = coverage
        self.setFixedHeight(self._height())
        self.update()

    def _height(self) -> int:
        n = 0 if self.coverage is None else len(self.coverage.cameras)
        return 0 if n == 0 else n * _LEAST_CELL + _LEAST_CELL + 2

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Paint the table: names at the left, numbers of the cameras on top."""
        if self.coverage is None:
            return
        painter = QPainter(self)
        n = len(self.coverage.cameras)
        metrics = painter.fontMetrics()
        names = [f"{i + 1}  {name}" for i, name in enumerate(self.coverage.cameras)]
        cell = min(_CELL, self.width() * 0.72 / n)
        wide = min(max(map(metrics.horizontalAdvance, names)) + 10, int(self.width() - n * cell))
        middle = Qt.AlignmentFlag.AlignCenter
        for i in range(n):
            top = (i + 1) * _LEAST_CELL
            painter.setPen(_QUIET)
            head = QRectF(wide + i * cell, 0, cell, _LEAST_CELL)
            painter.drawText(head, middle, f"{i + 1}")
            painter.setPen(_TEXT)
            text = metrics.elidedText(names[i], Qt.TextElideMode.ElideMiddle, wide - 8)
            left = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
            painter.drawText(QRectF(0, top, wide, _LEAST_CELL), left, text)
            for j in range(n):
                place = QRectF(wide + j * cell, top, cell - 1, _LEAST_CELL - 1)
                self._paint_count(painter, place, self.coverage.shared[i][j], own=i == j)
        painter.end()

    def _paint_count(self, painter: QPainter, place: QRectF, count: int, *, own: bool) -> None:
        painter.fillRect(place, _GROUND if own else _EMPTY)
        painter.setPen(QPen(_QUIET if own else _TEXT if count >= ENOUGH_SHARED else _WARN))
        painter.drawText(place, Qt.AlignmentFlag.AlignCenter, f"{count}")


def _color(count: int) -> QColor:
    """Of a cell in which so many corners were found; a few are seen well already."""
    if count == 0:
        return _EMPTY
    part = min(1.0, np.log1p(count) / np.log1p(_MANY))
    mixed = [
        round(low + (high - low) * part)
        for low, high in zip(_LITTLE.getRgb()[:3], _MUCH.getRgb()[:3], strict=True)
    ]
    return QColor(*mixed)
