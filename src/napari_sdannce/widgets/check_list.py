"""A list of names with boxes to tick."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QSignalBlocker, Qt, Signal
from qtpy.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

if TYPE_CHECKING:
    from collections.abc import Sequence


class CheckList(QWidget):
    """Names with boxes, and buttons to tick all or none."""

    changed = Signal()

    def __init__(self, title: str, rows: int = 4, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._rows = rows
        self._list = QListWidget()
        self._list.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        self._list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._list.itemChanged.connect(lambda item: self.changed.emit())
        self._all = QPushButton("All")
        self._none = QPushButton("None")
        self._all.clicked.connect(lambda: self.tick_all(True))
        self._none.clicked.connect(lambda: self.tick_all(False))
        head = QHBoxLayout()
        head.addWidget(QLabel(title))
        head.addStretch()
        for button in (self._all, self._none):
            button.setFixedWidth(52)
            head.addWidget(button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        layout.addLayout(head)
        layout.addWidget(self._list)

    def set_names(self, names: Sequence[str], ticked: Sequence[bool]) -> None:
        """Replace the names; nothing is emitted."""
        with QSignalBlocker(self._list):
            self._list.clear()
            for name, tick in zip(names, ticked, strict=True):
                item = QListWidgetItem(name)
                item.setFlags(Qt.ItemFlag.ItemIsUserCheckable | Qt.ItemFlag.ItemIsEnabled)
                item.setCheckState(_state(tick))
                self._list.addItem(item)
        height = self._list.sizeHintForRow(0) if len(names) else 20
        self._list.setFixedHeight(height * min(max(len(names), 1), self._rows) + 6)

    def names(self) -> list[str]:
        """All names."""
        return [self._item(i).text() for i in range(self._list.count())]

    def ticked(self) -> list[str]:
        """Names that are ticked."""
        items = [self._item(i) for i in range(self._list.count())]
        return [item.text() for item in items if item.checkState() == Qt.CheckState.Checked]

    def tick(self, name: str, ticked: bool) -> None:
        """Tick or clear one name."""
        self._item(self.names().index(name)).setCheckState(_state(ticked))

    def tick_all(self, ticked: bool) -> None:
        """Tick or clear all names at once."""
        with QSignalBlocker(self._list):
            for i in range(self._list.count()):
                self._item(i).setCheckState(_state(ticked))
        self.changed.emit()

    def _item(self, row: int) -> QListWidgetItem:
        item = self._list.item(row)
        assert item is not None
        return item


def _state(ticked: bool) -> Qt.CheckState:
    return Qt.CheckState.Checked if ticked else Qt.CheckState.Unchecked
