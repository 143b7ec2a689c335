"""What happened, the newest at the bottom."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtGui import QTextCursor
from qtpy.QtWidgets import QPlainTextEdit, QWidget

from napari_sdannce.capture.recorder.events import EventKind
from napari_sdannce.capture.recorder.words import event_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_sdannce.capture.recorder.events import Event


class EventList(QPlainTextEdit):
    """Events of a recording, in lines."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setReadOnly(True)
        self.setPlaceholderText("Nothing happened yet.")
        self.setStyleSheet("font-size: 11px")
        self._shown: tuple[Event, ...] = ()

    def show_events(self, events: Sequence[Event]) -> None:
        """Show them; nothing is done when they are the same as before."""
        if tuple(events) == self._shown:
            return
        self._shown = tuple(events)
        self.setPlainText("\n".join(map(event_line, events)))
        self.moveCursor(QTextCursor.MoveOperation.End)

    @property
    def n_troubles(self) -> int:
        """Events a person should look at."""
        return sum(event.kind is not EventKind.NOTE for event in self._shown)
