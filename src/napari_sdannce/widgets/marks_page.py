"""Choosing what is seen of labels or predictions, zooming to an animal, sending a frame to edit."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from qtpy.QtCore import QSignalBlocker, Signal
from qtpy.QtWidgets import (
    QComboBox,
    QFileDialog,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QMessageBox,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from napari_sdannce.overlay.colors import ColorBy
from napari_sdannce.widgets.check_list import CheckList
from napari_sdannce.widgets.edited_frame import EditedFrame, save_edit
from napari_sdannce.widgets.opening import FILE_ERRORS, in_plain_words

if TYPE_CHECKING:
    from napari_sdannce.widgets.drawn_marks import DrawnMarks
    from napari_sdannce.widgets.recording_layers import RecordingLayers


class MarksPage(QWidget):
    """Animals, keypoints, colours and the frame in edit, of one of the sets of marks shown."""

    message = Signal(str, bool)
    saved = Signal(object)
    """The path of a label file that was written."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._shown: RecordingLayers | None = None
        self.which = QComboBox()
        self.which.currentIndexChanged.connect(lambda index: self._fill_choices())
        self.now = QLabel()
        self.previous = QPushButton("◀ Previous")
        self.next = QPushButton("Next ▶")
        for button, step, what in ((self.previous, -1, "last"), (self.next, 1, "next")):
            button.setToolTip(f"Go to the {what} frame that has any")
            button.clicked.connect(lambda _checked=False, step=step: self.go(step))
        self.animals = CheckList("Animals", rows=4)
        self.keypoints = CheckList("Keypoints", rows=7)
        for chosen in (self.animals, self.keypoints):
            chosen.changed.connect(self._on_choice)
        self.color_by = QComboBox()
        self.color_by.addItems([f"by {by.value}" for by in ColorBy])
        self.color_by.currentIndexChanged.connect(self._on_color)
        self.zoom_to = QComboBox()
        self.zoom_button = QPushButton("Zoom to")
        self.zoom_button.setToolTip("Bring this animal to the middle of every camera")
        self.zoom_button.clicked.connect(self._on_zoom)
        self.edit_button = QPushButton("Send frame to edit")
        self.edit_button.setToolTip(
            "Copy this frame's keypoints and bones into layers where they can be dragged"
        )
        self.edit_button.clicked.connect(self._on_edit)
        self.save_button = QPushButton("Save as labels …")
        self.save_button.setToolTip("Triangulate the edited points anew and save a label file")
        self.save_button.clicked.connect(self._on_save)
        self._lay_out()

    def _lay_out(self) -> None:
        steps = QHBoxLayout()
        for widget in (self.now, self.previous, self.next):
            steps.addWidget(widget, stretch=1 if widget is self.now else 0)
        choices = QGridLayout()
        for row, left, right in (
            (0, self.zoom_button, self.zoom_to),
            (1, QLabel("Colour"), self.color_by),
            (2, self.edit_button, self.save_button),
        ):
            choices.addWidget(left, row, 0)
            choices.addWidget(right, row, 1)
        choices.setColumnStretch(1, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        layout.addWidget(self.which)
        layout.addLayout(steps)
        layout.addLayout(choices)
        layout.addWidget(self.animals)
        layout.addWidget(self.keypoints)

    def follow(self, shown: RecordingLayers | None) -> None:
        """Show a recording's marks."""
        self._shown = shown
        self.fill()

    def fill(self) -> None:
        """List the sets of marks anew."""
        drawn = self._shown.drawn if self._shown is not None else []
        before = self.which.currentIndex()
        with QSignalBlocker(self.which):
            self.which.clear()
            self.which.addItems([one.marks.name for one in drawn])
            newest = len(drawn) - 1
            self.which.setCurrentIndex(newest if before < 0 or before > newest else before)
        self.which.setVisible(len(drawn) > 1)
        self.setVisible(bool(drawn))
        if drawn:
            self._fill_choices()
        self._show_edit()

    @property
    def current(self) -> DrawnMarks | None:
        """The set of marks that is being chosen from."""
        drawn = self._shown.drawn if self._shown is not None else []
        index = self.which.currentIndex()
        return drawn[index] if 0 <= index < len(drawn) else None

    @property
    def edited(self) -> EditedFrame | None:
        """The frame in edit."""
        overlays = self._shown.overlays if self._shown is not None else []
        return next((one for one in overlays if isinstance(one, EditedFrame)), None)

    def go(self, step: int) -> None:
        """Go to the next (1) or previous (-1) moment that has marks."""
        if self._shown is None or self.current is None:
            return
        moments = self.current.marks.moments()
        there = (
            moments[moments > self._shown.moment]
            if step > 0
            else (moments[moments < self._shown.moment][::-1])
        )
        if len(there):
            self._shown.go_to(int(there[0]))
        else:
            self.message.emit("No further frame has any.", False)

    def show_moment(self, moment: int) -> None:
        """Say whether the current moment has marks."""
        if self._shown is None or self.current is None:
            return
        there = np.isfinite(self.current.marks.points_3d(moment)).all(axis=-1).any(axis=-1)
        n = int(there.sum())
        words = {0: "nothing in this frame", 1: "1 animal in this frame"}
        self.now.setText(words.get(n, f"{n} animals in this frame"))

    def _fill_choices(self) -> None:
        drawn = self.current
        if drawn is None or self._shown is None:
            return
        names = drawn.marks.animals
        self.animals.set_names(names, np.any(drawn.shown, axis=1).tolist())
        keypoints = drawn.marks.skeleton.keypoints
        self.keypoints.set_names(keypoints, np.any(drawn.shown, axis=0).tolist())
        with QSignalBlocker(self.zoom_to):
            index = max(self.zoom_to.currentIndex(), 0)
            self.zoom_to.clear()
            self.zoom_to.addItems(list(names))
            self.zoom_to.setCurrentIndex(min(index, len(names) - 1))
        with QSignalBlocker(self.color_by):
            self.color_by.setCurrentIndex(list(ColorBy).index(drawn.color_by))
        self.show_moment(self._shown.moment)

    def _on_choice(self) -> None:
        if self._shown is not None and self.current is not None:
            self._shown.choose(self.current, self.animals.ticked(), self.keypoints.ticked())

    def _on_color(self, index: int) -> None:
        if self._shown is not None:
            self._shown.paint(list(ColorBy)[index])

    def _on_zoom(self) -> None:
        if self._shown is None or self.current is None:
            return
        name = self.zoom_to.currentText()
        if not self._shown.zoom_to(self.current, self.zoom_to.currentIndex()):
            self.message.emit(f"No camera sees {name} in this frame.", True)

    def _on_edit(self) -> None:
        shown, drawn, edited = self._shown, self.current, self.edited
        if shown is None or drawn is None:
            return
        if edited is not None:
            if self.may_lose_edit():
                shown.remove(edited)
                self.message.emit("The edit was put away.", False)
            return
        frame = EditedFrame(drawn, shown.moment, shown.sample_id)
        shown.add_overlay(frame)
        self.message.emit("Drag keypoints in any camera; bones follow.", False)

    def _on_save(self) -> None:
        shown, edited = self._shown, self.edited
        if shown is None or edited is None:
            return
        start = shown.recording.folder / f"edited_{edited.sample_id}_dannce.mat"
        path, _ = QFileDialog.getSaveFileName(
            self, "Save the edited frame", str(start), "Label files (*_dannce.mat)"
        )
        if not path:
            return
        try:
            saved = save_edit(edited, shown, label_file(Path(path)))
        except FILE_ERRORS as error:
            self.message.emit(in_plain_words(error), True)
        else:
            self.message.emit(f"Saved {saved.name}.", False)
            self.saved.emit(saved)

    def may_lose_edit(self) -> bool:
        """Whether no edit is under way that was not saved, or the person lets it go."""
        edited = self.edited
        if edited is None or not edited.is_unsaved:
            return True
        answer = QMessageBox.question(
            self,
            "Unsaved edit",
            f"Frame {edited.moment} was edited and not saved. Put the edit away all the same?",
        )
        return answer == QMessageBox.StandardButton.Yes

    def _show_edit(self) -> None:
        edited = self.edited
        away = "" if edited is None else f"Put edit of frame {edited.moment} away"
        self.edit_button.setText(away or "Send frame to edit")
        self.save_button.setEnabled(edited is not None)


def label_file(path: Path) -> Path:
    """The path with the ending by which label files are known."""
    if path.name.endswith("dannce.mat"):
        return path
    stem = path.stem if path.suffix == ".mat" else path.name
    return path.with_name(f"{stem}_dannce.mat")
