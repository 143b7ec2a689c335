"""What a check before a job found: a line each, green, amber or red."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QGridLayout, QLabel, QWidget

from napari_sdannce.jobs.checks import Check, Verdict
from napari_sdannce.widgets.breakable import breakable

if TYPE_CHECKING:
    from collections.abc import Sequence

_SIGNS = {
    Verdict.GOOD: ("✓", "#6fcf6f"),
    Verdict.CAREFUL: ("!", "#ffc14d"),
    Verdict.BAD: ("✗", "#ff7b6b"),
}
_ORDER = list(reversed(_SIGNS))


class CheckLines(QWidget):
    """Lines of a check, the worst first."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.checks: tuple[Check, ...] = ()
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(6)
        self._grid.setVerticalSpacing(2)
        self._grid.setColumnStretch(1, 1)

    def show_checks(self, checks: Sequence[Check]) -> None:
        """Replace the lines."""
        self._clear()
        self.checks = tuple(sorted(checks, key=lambda check: _ORDER.index(check.verdict)))
        for row, check in enumerate(self.checks):
            sign, color = _SIGNS[check.verdict]
            mark = QLabel(sign)
            mark.setStyleSheet(f"color: {color}; font-weight: bold; font-size: 14px")
            text = QLabel(breakable(check.text))
            text.setWordWrap(True)
            text.setAlignment(Qt.AlignmentFlag.AlignTop)
            text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            if check.verdict is not Verdict.GOOD:
                text.setStyleSheet(f"color: {color}")
            self._grid.addWidget(mark, row, 0, Qt.AlignmentFlag.AlignTop)
            self._grid.addWidget(text, row, 1)

    def say(self, text: str) -> None:
        """Show one plain line instead."""
        self._clear()
        self.checks = ()
        line = QLabel(text)
        line.setWordWrap(True)
        self._grid.addWidget(line, 0, 0, 1, 2)

    @property
    def is_bad(self) -> bool:
        """Whether something is to be mended first."""
        return any(check.verdict is Verdict.BAD for check in self.checks)

    def _clear(self) -> None:
        while self._grid.count():
            item = self._grid.takeAt(0)
            widget = item.widget() if item is not None else None
            if widget is not None:
                widget.hide()  # it is deleted only when Qt comes to it
                widget.deleteLater()
