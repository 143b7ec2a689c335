"""The experiments a job works on, and what is chosen for each of them alone."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QSignalBlocker, Qt, Signal
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

from napari_sdannce.widgets.opening import short_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_ROWS = 3


@dataclass(frozen=True, eq=False)
class ListedExperiment:
    """An experiment, with what a training takes of it.

    Parameters
    ----------
    folder
        Where it lies. Two animals of one recording may be two experiments of one folder.
    values
        Its `ExperimentSettings` that are not as by default, as a person has typed them.
    """

    folder: Path
    values: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Of the folder, with those of the label files where some are chosen."""
        labels = [short_name(Path(each)) for each in self.values.get("labels", ())]
        folder = Path(os.path.normpath(self.folder)).name  # '..' is no name
        return f"{folder} ({', '.join(labels)})" if labels else folder


class ExperimentList(QWidget):
    """Experiments, in the order they were added; one of them is chosen."""

    changed = Signal()
    chosen = Signal()
    described = Signal(object)
    """Something else was chosen for a single experiment; who did so."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._listed: list[ListedExperiment] = []
        self.list = QListWidget()
        self.list.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.setTextElideMode(Qt.TextElideMode.ElideMiddle)
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
    def experiments(self) -> tuple[ListedExperiment, ...]:
        """All of them."""
        return tuple(self._listed)

    @property
    def folders(self) -> tuple[Path, ...]:
        """Their folders, each once."""
        return tuple(dict.fromkeys(each.folder for each in self._listed))

    @property
    def chosen_one(self) -> ListedExperiment | None:
        """The one that is chosen."""
        row = self.list.currentRow()
        return self._listed[row] if 0 <= row < len(self._listed) else None

    @property
    def current(self) -> Path | None:
        """Folder of the one that is chosen."""
        return None if self.chosen_one is None else self.chosen_one.folder

    def add(self, folders: Iterable[Path]) -> None:
        """Add those that are not there yet, and choose the last of all that were named."""
        for folder in folders:
            if folder not in self.folders:
                self._append(ListedExperiment(folder))
            rows = [row for row, each in enumerate(self._listed) if each.folder == folder]
            self.list.setCurrentRow(rows[0])
        self._fit()
        self.changed.emit()

    def put_in_place(self, experiments: Sequence[ListedExperiment]) -> None:
        """List these instead of those that are there; the first one is chosen."""
        with QSignalBlocker(self.list):
            self._listed = []
            self.list.clear()
            for each in experiments:
                self._append(each)
            self.list.setCurrentRow(0 if experiments else -1)
        self._on_list_changed()

    def describe(self, values: Mapping[str, Any], who: object) -> None:
        """Note what is chosen for the experiment that is chosen."""
        row = self.list.currentRow()
        if row < 0 or dict(self._listed[row].values) == dict(values):
            return
        self._listed[row] = replace(self._listed[row], values=dict(values))
        self._write(row)
        self.described.emit(who)

    def _append(self, experiment: ListedExperiment) -> None:
        self._listed.append(experiment)
        self.list.addItem(QListWidgetItem())
        self._write(len(self._listed) - 1)

    def _write(self, row: int) -> None:
        experiment, item = self._listed[row], self.list.item(row)
        assert item is not None
        item.setText(f"{experiment.name}   {experiment.folder.parent}")
        item.setToolTip(str(experiment.folder))

    def _ask(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, "Add an experiment folder")
        if folder:
            self.add([Path(folder)])

    def _remove(self) -> None:
        row = self.list.currentRow()
        if row >= 0:
            with QSignalBlocker(self.list):  # between the two lines, rows do not fit
                del self._listed[row]
                self.list.takeItem(row)
            self._on_list_changed()

    def _on_list_changed(self) -> None:
        self._fit()
        self.chosen.emit()
        self.changed.emit()

    def _fit(self) -> None:
        """As high as what it holds, up to a few rows."""
        count = self.list.count()
        self.remove_button.setEnabled(count > 0)
        height = self.list.sizeHintForRow(0) if count else 20
        self.list.setFixedHeight(height * min(max(count, 1), _ROWS) + 6)
