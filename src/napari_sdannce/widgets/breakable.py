"""Texts that may be wrapped anywhere a path may be."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from qtpy.QtCore import Qt
from qtpy.QtGui import QGuiApplication, QKeySequence
from qtpy.QtWidgets import QLabel, QMenu

if TYPE_CHECKING:
    from qtpy.QtGui import QContextMenuEvent, QKeyEvent
    from qtpy.QtWidgets import QWidget

_BREAK = "\u200b"


def breakable(text: str) -> str:
    """Let long file names be wrapped: an invisible space after each separator.

    A label that can not wrap a word makes its whole panel as wide as the word.
    """
    return re.sub(r"([/\\\\_,;*<>-]|\.(?!\d))", rf"\1{_BREAK}", text)


def unbroken(text: str) -> str:
    """The text without such spaces, as it may be typed or handed to a program."""
    return text.replace(_BREAK, "")


class SelectableLabel(QLabel):
    """A label of breakable texts, of which is copied what one reads."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWordWrap(True)
        self.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)

    def copy(self) -> None:
        """Copy what is selected."""
        clipboard = QGuiApplication.clipboard()
        if clipboard is not None and self.hasSelectedText():
            clipboard.setText(unbroken(self.selectedText()))

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        """Copy, as everywhere."""
        if event is not None and event.matches(QKeySequence.StandardKey.Copy):
            self.copy()
        else:
            super().keyPressEvent(event)

    def contextMenuEvent(self, event: QContextMenuEvent | None) -> None:
        """Offer to copy."""
        if event is None:
            return
        menu = QMenu(self)
        action = menu.addAction("Copy")
        assert action is not None
        action.setEnabled(self.hasSelectedText())
        action.triggered.connect(self.copy)
        menu.exec(event.globalPos())
