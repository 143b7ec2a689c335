"""What the panel shows of an open recording."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QSignalBlocker, Signal
from qtpy.QtWidgets import (
    QCheckBox,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)
from superqt import QCollapsible

from napari_sdannce.widgets import napari_adapter
from napari_sdannce.widgets.breakable import SelectableLabel, breakable
from napari_sdannce.widgets.camera_table import CameraTable
from napari_sdannce.widgets.file_list import FileList
from napari_sdannce.widgets.marks_page import MarksPage
from napari_sdannce.widgets.opening import FoundFile, Kind, found_files

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from napari_sdannce.recording import Problem
    from napari_sdannce.widgets.recording_layers import RecordingLayers


class RecordingPage(QWidget):
    """Cameras, files, marks, problems and the current moment of one recording."""

    open_asked = Signal()
    file_asked = Signal(object)
    message = Signal(str, bool)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._shown: RecordingLayers | None = None
        self._files: list[FoundFile] = []
        self._name = QLabel()
        self._name.setStyleSheet("font-weight: bold; font-size: 14px")
        self._name.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.open_button = QPushButton("Open …")
        self.open_button.setToolTip("Open another recording; a folder can also be dropped here")
        self.open_button.clicked.connect(lambda: self.open_asked.emit())
        self.moment = QLabel()
        self.cameras = CameraTable()
        self.cameras.toggled.connect(self._on_camera)
        self.uncalibrated = QLabel("* not calibrated: nothing can be drawn over it")
        self.uncalibrated.setWordWrap(True)
        self.scene_box = QCheckBox("3D view")
        self.scene_box.toggled.connect(self._on_scene)
        self.whole_button = QPushButton("Whole images")
        self.whole_button.setToolTip("Undo any zoom")
        self.whole_button.clicked.connect(self._on_whole)
        self.files = FileList()
        self.files.asked.connect(self.file_asked.emit)
        self.marks = MarksPage()
        self.marks.message.connect(self.message.emit)
        self.marks.saved.connect(lambda path: self.add_file(FoundFile(path, Kind.LABELS)))
        self.problems = SelectableLabel()
        self._problems_box = QCollapsible("Problems")
        self._problems_box.addWidget(self.problems)
        self._lay_out()

    def _lay_out(self) -> None:
        layout = QVBoxLayout(self)
        layout.setContentsMargins(2, 2, 2, 2)
        layout.setSpacing(6)
        layout.addLayout(_row(self._name, self.open_button))
        layout.addWidget(self.moment)
        layout.addWidget(self._problems_box)
        layout.addWidget(self.cameras)
        layout.addWidget(self.uncalibrated)
        layout.addLayout(_row(self.scene_box, self.whole_button))
        layout.addWidget(_heading("Labels and predictions"))
        layout.addWidget(self.files)
        layout.addWidget(self.marks)
        layout.addStretch()

    def follow(
        self, shown: RecordingLayers | None, files: tuple[FoundFile, ...] | None = None
    ) -> None:
        """Show a recording."""
        self._shown = shown
        self.marks.follow(shown)
        if shown is None:
            return
        self._name.setText(shown.recording.name)
        self._name.setToolTip(str(shown.recording.folder))
        self.cameras.fill(shown)
        self._files = list(found_files(shown.recording) if files is None else files)
        self.files.fill(self._files, shown.recording.folder)
        calibrated = any(view.camera is not None for view in shown.recording.views)
        self.uncalibrated.setVisible(any(view.camera is None for view in shown.recording.views))
        self.scene_box.setEnabled(calibrated)
        self.scene_box.setToolTip(
            "Keypoints, bones and cameras in space, beside the images"
            if calibrated
            else "Needs a calibration, and this recording has none"
        )
        self.show_problems()
        self._on_moment(shown.moment)
        self._on_marks()
        shown.moment_changed.connect(self._on_moment)
        shown.marks_changed.connect(self._on_marks)
        shown.cameras_changed.connect(self._on_cameras)

    def set_busy(self, busy: bool) -> None:
        """Take no clicks that open something while something is being opened."""
        self.open_button.setEnabled(not busy)
        self.files.set_busy(busy)

    def add_file(self, found: FoundFile) -> None:
        """List a file that was dropped."""
        if self._shown is not None and found.path not in self.files.buttons:
            self._files.append(found)
            self.files.fill(self._files, self._shown.recording.folder)

    def mark_shown(self, paths: Iterable[Path]) -> None:
        """Say which files are on screen."""
        self.files.mark_shown(paths)

    def show_problems(self) -> None:
        """List what is wrong with the files, as far as known."""
        if self._shown is None:
            return
        found: dict[str, None] = {}
        folder = self._shown.recording.folder
        for problem in self._shown.video.all_problems:
            found[_plain(problem, folder)] = None
        self.problems.setText("\n".join(f"• {breakable(text)}" for text in found))
        problems = "problem" if len(found) == 1 else "problems"
        self._problems_box.setText(f"{len(found)} {problems} with the files")
        self._problems_box.setVisible(bool(found))

    def _on_moment(self, moment: int) -> None:
        shown = self._shown
        if shown is None:
            return
        text = f"Frame {moment} (0 to {shown.n_moments - 1})"
        if shown.sample_id != moment:  # as in files that number frames by a clock
            text += f"   ·   sample id {shown.sample_id}"
        self.moment.setText(text)
        self.cameras.show_moment(shown)
        self.marks.show_moment(moment)

    def _on_marks(self) -> None:
        if self._shown is not None:
            self.marks.fill()
            # a first set of marks opens the 3D view after it says so
            napari_adapter.later(self._tick_scene)

    def _tick_scene(self) -> None:
        if self._shown is not None:
            with QSignalBlocker(self.scene_box):
                self.scene_box.setChecked(self._shown.scene is not None)

    def _on_cameras(self) -> None:
        if self._shown is not None:
            self.cameras.fill(self._shown)

    def _on_camera(self, name: str, visible: bool) -> None:
        if self._shown is not None:
            self._shown.show_camera(name, visible)

    def _on_scene(self, wanted: bool) -> None:
        if self._shown is None:
            return
        if wanted:
            from napari_sdannce.widgets.scene_view import show_scene

            show_scene(self._shown)
        elif self._shown.scene is not None:
            self._shown.scene.shut()

    def _on_whole(self) -> None:
        if self._shown is not None:
            self._shown.cells.show_whole_images()


def _plain(problem: Problem, folder: Path) -> str:
    """A problem as a sentence, the path as short as it can be."""
    path = problem.path
    if path == folder:
        sentence = problem.message
        return f"The folder {sentence}" if sentence.startswith("has") else sentence
    below = path.relative_to(folder) if path.is_relative_to(folder) else path
    return f"{below}: {problem.message}"


def _heading(text: str) -> QLabel:
    label = QLabel(text)
    label.setStyleSheet("font-weight: bold; padding-top: 4px")
    return label


def _row(left: QWidget, right: QWidget) -> QHBoxLayout:
    row = QHBoxLayout()
    row.addWidget(left, stretch=1)
    row.addWidget(right)
    return row
