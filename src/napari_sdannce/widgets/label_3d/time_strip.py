"""Which moments are labelled, predicted or suggested, along the whole recording."""

from __future__ import annotations

import time
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

import numpy as np
from qtpy.QtCore import Qt, QTimer
from qtpy.QtGui import QColor, QMouseEvent, QPainter, QPaintEvent
from qtpy.QtWidgets import QWidget

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from napari_sdannce.labeling.frame_labels import FrameLabels
    from napari_sdannce.labeling.solving import Solution
    from napari_sdannce.widgets.label_3d.desk import Desk

_HEIGHT = 34
_BACK, _NOW = QColor("#2b3038"), QColor("#ffffff")
_WHOLE, _PART = QColor("#6fcf6f"), QColor("#ffc14d")
_PREDICTED, _SUGGESTED, _ODD = QColor("#4a78c2"), QColor("#d78bff"), QColor("#ff5b4b")
_ODD_PX = 10.0
_LOOK_S = 0.03
"""Time that drawing may take for moments that were never looked at."""


class Kind(Enum):
    """How far a moment is labelled."""

    WHOLE = "labelled"
    PART = "labelled in part"
    PROPOSED = "only proposed"


@dataclass(frozen=True, slots=True)
class Mark:
    """What the strip shows of a moment.

    Parameters
    ----------
    kind
        How far it is labelled.
    is_odd
        Whether views disagree.
    """

    kind: Kind
    is_odd: bool = False


def mark_of(labels: FrameLabels, solution: Solution) -> Mark:
    """What the strip shows of these labels."""
    if not labels.is_labelled:
        return Mark(Kind.PROPOSED)
    kind = Kind.WHOLE if solution.complete.all() else Kind.PART
    return Mark(kind, bool((solution.error_px > _ODD_PX).any()))


_COLORS = {Kind.WHOLE: _WHOLE, Kind.PART: _PART, Kind.PROPOSED: _PREDICTED}


class TimeStrip(QWidget):
    """A strip over all moments; a click goes to one of them."""

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.desk = desk
        self.suggested: tuple[int, ...] = ()
        self.predicted: tuple[range, ...] = ()
        self._known: dict[int, tuple[FrameLabels, Mark]] = {}
        self._look_on = QTimer(self)
        self._look_on.setSingleShot(True)
        self._look_on.setInterval(0)
        self._look_on.timeout.connect(self.update)
        self.setFixedHeight(_HEIGHT)
        self.setToolTip(
            "Green: labelled, amber: labelled in part, red: views disagree, "
            "blue: predicted or proposed, violet: suggested. Click to go there."
        )

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Draw the strips."""
        painter = QPainter(self)
        painter.fillRect(self.rect(), _BACK)
        for moments in self.predicted:
            self._bar(painter, moments, _PREDICTED, 24, 6)
        self._ticks(painter, self.suggested, _SUGGESTED, 14, 9)
        for moment, mark in self.marks().items():
            self._ticks(painter, (moment,), _COLORS[mark.kind], 2, 11)
            if mark.is_odd:
                self._ticks(painter, (moment,), _ODD, 2, 5)
        middle = self._x(self.desk.moment) + self._tick_width() // 2
        painter.fillRect(middle - 1, 0, 2, _HEIGHT, _NOW)
        painter.end()

    def marks(self) -> dict[int, Mark]:
        """What is said of moments: at once what is known, the rest bit by bit."""
        session = self.desk.session
        found: dict[int, Mark] = {}
        until = time.monotonic() + _LOOK_S
        is_behind = False
        for key, labels in session.frames.items():
            known = self._known.get(key)
            if known is None or known[0] is not labels:
                if time.monotonic() > until:
                    is_behind = True
                    continue
                known = self._known[key] = labels, mark_of(labels, session.solution(key))
            found[self.desk.row_of(key)] = known[1]
        if is_behind:
            self._look_on.start()
        return found

    def _ticks(
        self, painter: QPainter, moments: Iterable[int], color: QColor, top: int, height: int
    ) -> None:
        for moment in moments:
            painter.fillRect(self._x(moment), top, self._tick_width(), height, color)

    def _tick_width(self) -> int:
        return max(2, self.width() // max(self.desk.n_moments, 1))

    def _bar(self, painter: QPainter, moments: range, color: QColor, top: int, height: int) -> None:
        left, right = self._x(moments.start), self._x(moments.stop)
        painter.fillRect(left, top, max(1, right - left), height, color)

    def _x(self, moment: int) -> int:
        return int(moment * self.width() / max(self.desk.n_moments, 1))

    def moment_at(self, x: float) -> int:
        """The moment drawn at a place; near a tick, that of the tick."""
        moment = int(x * self.desk.n_moments / max(self.width(), 1))
        near = 4 * self.desk.n_moments / max(self.width(), 1)
        marked = [*self.desk.moments_with_labels(), *self.suggested]
        close = [each for each in marked if abs(each - moment) <= near]
        return min(close, key=lambda each: abs(each - moment), default=moment)

    def mousePressEvent(self, event: QMouseEvent | None) -> None:
        """Go where it is clicked."""
        if event is not None and event.button() == Qt.MouseButton.LeftButton:
            self.desk.go_to(self.moment_at(event.position().x()))

    def mouseMoveEvent(self, event: QMouseEvent | None) -> None:
        """Scrub."""
        if event is not None and event.buttons() & Qt.MouseButton.LeftButton:
            x = min(max(event.position().x(), 0.0), self.width() - 1.0)
            self.desk.go_to(int(x * self.desk.n_moments / self.width()))


def stretches(moments: Sequence[int]) -> tuple[range, ...]:
    """Rising moments as ranges of those that follow one another."""
    numbers = np.asarray(moments, dtype=np.int64)
    parts = np.split(numbers, np.flatnonzero(np.diff(numbers) > 1) + 1)
    return tuple(range(int(part[0]), int(part[-1]) + 1) for part in parts if len(part))
