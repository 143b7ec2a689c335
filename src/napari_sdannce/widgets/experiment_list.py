"""The experiments a job works on."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QAbstractItemView,
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

_ROWS = 3


class ExperimentList(QWidget):
    """Folders of experiments, in the order they were added; one of them is chosen."""

    changed = Signal()
    chosen = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.list = QListWidget()
        self.list.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.setTextElideMode(Qt.TextElideMode.ElideLeft)
        self.list.currentRowChanged.connect(lambda row: self.chosen.emit())
        self.add_button = QPushButton("Add folder …")
        self.add_button.clicked.connect(self._ask)
        self.remove_button = QPushButton("Remove")
        self.remove_button.setToolTip(
            "Take the chosen experiment off this list; no file is touched"
        )
        self.remove_button.clicked.connect(self._remove)
        title = QLabel("Experiments")
        title.setStyleSheet("font-weight: bold")
        head = QHBoxLayout()
        head.addWidget(title, stretch=1)
        head.addWidget(self.add_button)
        head.addWidget(self.remove_button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        layout.addLayout(head)
        layout.addWidget(self.list)
        self._fit()

    @property
    def folders(self) -> tuple[Path, ...]:
        """All experiments."""
        items = [self.list.item(row) for row in range(self.list.count())]
        return tuple(Path(item.toolTip()) for item in items if item is not None)

    @property
    def current(self) -> Path | None:
        """The one that is chosen."""
        row = self.list.currentRow()
        return self.folders[row] if 0 <= row < self.list.count() else None

    def add(self, folders: Iterable[Path]) -> None:
        """Add those that are not there yet, and choose the last of all that were named."""
        for folder in folders:
            if folder not in self.folders:
                item = QListWidgetItem(f"{folder.name}   {folder.parent}")
                item.setToolTip(str(folder))
                self.list.addItem(item)
            self.list.setCurrentRow(self.folders.index(folder))
        self._fit()
        self.changed.emit()

    def _ask(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, "Add an experiment folder")
        if folder:
            self.add([Path(folder)])

    def _remove(self) -> None:
        row = self.list.currentRow()
        if row >= 0:
            self.list.takeItem(row)
            self._fit()
            self.changed.emit()

    def _fit(self) -> None:
        """As high as what it holds, up to a few rows."""
        count = self.list.count()
        self.remove_button.setEnabled(count > 0)
        height = self.list.sizeHintForRow(0) if count else 20
        self.list.setFixedHeight(height * min(max(count, 1), _ROWS) + 6)
