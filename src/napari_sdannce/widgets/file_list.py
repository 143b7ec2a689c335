"""Label sets and predictions found in a folder, each with a button to show it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QGridLayout, QLabel, QPushButton, QWidget
from superqt import QElidingLabel

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from napari_sdannce.widgets.opening import FoundFile


class FileList(QWidget):
    """One row a file."""

    asked = Signal(object)
    """A `FoundFile` is to be shown, or hidden when it is shown."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(6)
        self._grid.setVerticalSpacing(2)
        self.buttons: dict[Path, QPushButton] = {}

    def fill(self, files: Iterable[FoundFile], folder: Path) -> None:
        """List files by their path below `folder`."""
        while self._grid.count():
            item = self._grid.takeAt(0)
            widget = item.widget() if item is not None else None
            if widget is not None:
                widget.hide()  # it is deleted only when Qt comes to it
                widget.deleteLater()
        self.buttons = {}
        for row, found in enumerate(files):
            below = found.path.is_relative_to(folder)
            path = found.path.relative_to(folder) if below else found.path
            name = QElidingLabel(str(path))
            name.setElideMode(Qt.TextElideMode.ElideLeft)
            name.setToolTip(str(found.path))
            button = QPushButton("Show")
            button.setFixedWidth(60)
            button.clicked.connect(lambda _checked=False, found=found: self.asked.emit(found))
            self.buttons[found.path] = button
            self._grid.addWidget(name, row, 0)
            self._grid.addWidget(QLabel(found.kind.value), row, 1)
            self._grid.addWidget(button, row, 2)
        self._grid.setColumnStretch(0, 1)
        if not self.buttons:
            nothing = QLabel("No labels or predictions in this folder.")
            nothing.setWordWrap(True)
            self._grid.addWidget(nothing, 0, 0)

    def mark_shown(self, shown: Iterable[Path]) -> None:
        """Let buttons of shown files say Hide."""
        paths = set(shown)
        for path, button in self.buttons.items():
            button.setText("Hide" if path in paths else "Show")

    def set_busy(self, busy: bool) -> None:
        """Take no clicks while something is being opened."""
        for button in self.buttons.values():
            button.setEnabled(not busy)
