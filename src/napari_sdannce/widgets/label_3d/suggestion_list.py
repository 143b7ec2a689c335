"""Which frames to label next, and why; with predictions, where these look wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from napari.qt.threading import create_worker
from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QHBoxLayout,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from napari_sdannce.labeling.prelabels import prelabel
from napari_sdannce.labeling.suggestions import suggest, suggest_evenly
from napari_sdannce.predictions import open_predictions, read_covariance
from napari_sdannce.widgets.label_3d.copying import Copying
from napari_sdannce.widgets.opening import FILE_ERRORS, Failed, Kind, found_files, in_plain_words

if TYPE_CHECKING:
    from pathlib import Path

    from napari_sdannce.labeling.session import LabelingSession
    from napari_sdannce.labeling.suggestions import Suggestion
    from napari_sdannce.poses import Poses
    from napari_sdannce.widgets.label_3d.desk import Desk

_NO_PREDICTIONS = "no predictions"
_USUAL = 20
_COPY = "Copy these frames, for quick jumps"


class SuggestionList(QWidget):
    """Asks for suggestions, lists them, and proposes predictions at the frame that is shown."""

    suggested = Signal()
    """There are other suggestions."""
    message = Signal(str, bool)

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.desk = desk
        self.suggestions: tuple[Suggestion, ...] = ()
        self._poses: tuple[Path, Poses] | None = None
        self._worker: Any = None
        self._is_dropped = False
        self.source = QComboBox()
        self.source.setToolTip("Predictions to look for mistakes in, and to begin labels with")
        self.source.addItem(_NO_PREDICTIONS, None)
        for found in found_files(desk.recording):
            if found.kind is Kind.POSES:
                self.source.addItem(_name_of(found.path, desk.recording.folder), found.path)
        self.count = QSpinBox()
        self.count.setRange(1, 500)
        self.count.setValue(_USUAL)
        self.count.setToolTip("How many frames to suggest")
        self.ask_button = QPushButton("Suggest frames")
        self.ask_button.clicked.connect(self.ask)
        self.propose_button = QPushButton("Propose predictions")
        self.propose_button.setToolTip("Show the predictions at this frame as proposals, to accept")
        self.propose_button.clicked.connect(self.propose)
        self.list = QListWidget()
        self.list.setWordWrap(True)
        self.list.itemClicked.connect(self._on_item)
        self.copying = Copying(desk, self)
        self.copying.progress.connect(self._on_progress)
        self.copying.message.connect(self.message.emit)
        self.copying.ended.connect(self._on_copying_ended)
        self.copy_box = QCheckBox(_COPY)
        self.copy_box.setToolTip(
            "In videos with few keyframes a jump decodes hundreds of frames;\n"
            "of copied ones it decodes none. They lie in the folder of these labels."
        )
        self.copy_box.setChecked(desk.copy.folder.is_dir())
        self.copy_box.toggled.connect(self._copy)
        for widget in (
            self.source, self.ask_button, self.propose_button, self.list, self.copy_box,
        ):  # fmt: skip
            widget.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.count.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self.source.currentIndexChanged.connect(lambda _: self._allow())
        self._lay_out()
        self._allow()

    def _lay_out(self) -> None:
        head = QLabel("Frames to label")
        head.setStyleSheet("font-weight: bold")
        asking = QHBoxLayout()
        asking.addWidget(self.ask_button, stretch=1)
        asking.addWidget(self.count)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 4, 0, 0)
        layout.setSpacing(3)
        layout.addWidget(head)
        layout.addWidget(self.source)
        layout.addLayout(asking)
        layout.addWidget(self.list, stretch=1)
        layout.addWidget(self.copy_box)
        layout.addWidget(self.propose_button)

    def _allow(self) -> None:
        self.propose_button.setVisible(self.source.currentData() is not None)

    @property
    def predicted(self) -> list[int]:
        """Moments of which the chosen predictions say something, once they were read."""
        if self._poses is None or self._poses[0] != self.source.currentData():
            return []
        poses = self._poses[1]
        known_points = np.asarray(np.isfinite(poses.positions).all(axis=-1))
        found = known_points.any(axis=(1, 2))
        known = np.isin(self.desk.subject.sync.sample_ids, poses.sample_ids[found])
        return np.flatnonzero(known).tolist()

    @property
    def moments(self) -> list[int]:
        """Suggested moments, in order of time."""
        return sorted(each.moment for each in self.suggestions)

    # suggesting

    def ask(self) -> None:
        """Look for frames to label, in the background."""
        if self._worker is not None:
            return
        self.ask_button.setEnabled(False)
        self.ask_button.setText("Looking …")
        labels = self.desk.session.snapshot()  # one may label on meanwhile
        path, n = self.source.currentData(), self.count.value()
        self._worker = create_worker(self._suggested, labels, path, n)
        self._worker.returned.connect(self._on_suggested)
        self._worker.errored.connect(self._on_error)
        self._worker.start()

    def _suggested(
        self, labels: LabelingSession, path: Path | None, n: int
    ) -> tuple[Suggestion, ...] | Failed:
        if path is None:
            return suggest_evenly(labels, n)
        try:
            # read anew each time, not kept: it is larger than the poses
            return suggest(labels, n, self._poses_of(path), read_covariance(path))
        except FILE_ERRORS as error:
            return Failed(in_plain_words(error))

    def _poses_of(self, path: Path) -> Poses:
        """Predictions of a file, read once."""
        if self._poses is None or self._poses[0] != path:
            self._poses = path, open_predictions(path, skeleton=self.desk.subject.skeleton)
        return self._poses[1]

    def drop(self) -> None:
        """Begin nothing more, and say nothing: the session is put away."""
        self._is_dropped = True
        self.copying.drop()

    def _on_suggested(self, found: tuple[Suggestion, ...] | Failed) -> None:
        if self._is_dropped:
            return
        self._end()
        if isinstance(found, Failed):
            self.message.emit(found.message, True)
            return
        self.suggestions = found
        self.list.clear()
        for each in found:
            item = QListWidgetItem(f"{each.moment}: {', '.join(each.reasons)}")
            item.setData(Qt.ItemDataRole.UserRole, each.moment)
            self.list.addItem(item)
        self.desk.await_moments(self.moments)
        self._copy()
        said = f"{len(found)} frames are suggested: N goes to the next."
        self.message.emit(said if found else "There is no frame left to suggest.", False)
        self.suggested.emit()

    def _on_error(self, error: BaseException) -> None:
        self._end()
        self.message.emit(f"This should not have happened: {in_plain_words(error)}", True)

    def _end(self) -> None:
        self._worker = None
        self.ask_button.setEnabled(True)
        self.ask_button.setText("Suggest frames")

    def _on_item(self, item: QListWidgetItem) -> None:
        self.desk.go_to(int(item.data(Qt.ItemDataRole.UserRole)))

    # copying

    def _copy(self) -> None:
        """Copy the suggested frames when that is wanted."""
        if not self.copy_box.isChecked():
            self.copying.stop()
        elif self.suggestions:
            self.copying.start(self.moments)

    def _on_progress(self, text: str) -> None:
        self.copy_box.setText(text)

    def _on_copying_ended(self, whole: bool) -> None:
        self.copy_box.setText(_COPY)
        if whole:
            self.message.emit("The suggested frames are copied: jumps to them are quick.", False)

    # pre-labels

    def propose(self) -> None:
        """Show the predictions of this frame as proposals."""
        path = self.source.currentData()
        if path is None:
            self.message.emit("Choose predictions first: over 'Suggest frames'.", False)
            return
        desk = self.desk
        try:
            after = prelabel(desk.session, self._poses_of(path), [desk.sample_id])
        except FILE_ERRORS as error:
            self.message.emit(in_plain_words(error), True)
            return
        if desk.change_moments(f"predictions of frame {desk.moment}", after):
            self.message.emit("Proposed: correct what is wrong, then accept with T.", False)
        else:
            self.message.emit("There is nothing to propose at this frame.", False)


def _name_of(path: Path, folder: Path) -> str:
    inside = path.relative_to(folder) if path.is_relative_to(folder) else path
    return str(inside.parent if path.suffix == ".zarr" else inside)
