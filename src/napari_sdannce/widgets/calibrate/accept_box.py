"""Taking a calibration over into a recording: what it will change, and the button."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari.qt.threading import create_worker
from qtpy.QtCore import QTimer, Signal
from qtpy.QtWidgets import (
    QFileDialog,
    QGroupBox,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from napari_sdannce.calibration.findings import Grade
from napari_sdannce.files import open_recording
from napari_sdannce.files.accept_calibration import accept_calibration, plan_acceptance
from napari_sdannce.jobs.checks import Check, bad, careful, good
from napari_sdannce.video import RecordingVideo
from napari_sdannce.widgets.breakable import unbroken
from napari_sdannce.widgets.check_lines import CheckLines
from napari_sdannce.widgets.opening import FILE_ERRORS, Failed, in_plain_words

if TYPE_CHECKING:
    from napari_sdannce.files.accept_calibration import Acceptance
    from napari_sdannce.geometry import Camera

_PAUSE_MS = 300


class AcceptBox(QGroupBox):
    """Chooses a recording, says what is going to happen, and writes."""

    accepted = Signal(object, object)
    """Folder of the recording, and the files that were written."""
    planned = Signal()
    """What would be written is known, or why nothing can be."""
    message = Signal(str, bool)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Use it for a recording", parent)
        self.plan: Acceptance | None = None
        self._cameras: tuple[Camera, ...] = ()
        self._grade = Grade.GOOD
        self._worker: Any = None
        self.folder = QLineEdit()
        self.folder.setPlaceholderText("its folder")
        self.folder.textChanged.connect(self._on_text)
        self.choose_button = QPushButton("…")
        self.choose_button.setFixedWidth(28)
        self.choose_button.setToolTip("Choose the folder of the recording")
        self.choose_button.clicked.connect(self._ask)
        self.lines = CheckLines()
        self.write_button = QPushButton("Write it there")
        self.write_button.setStyleSheet("font-weight: bold")
        self.write_button.clicked.connect(self.accept)
        self.cancel_button = QPushButton("Cancel")
        self.cancel_button.clicked.connect(self.hide)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_PAUSE_MS)
        self._timer.timeout.connect(self.look)
        first, last = QHBoxLayout(), QHBoxLayout()
        first.setSpacing(4)
        first.addWidget(self.folder, stretch=1)
        first.addWidget(self.choose_button)
        last.addWidget(self.write_button, stretch=1)
        last.addWidget(self.cancel_button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 14, 8, 8)
        layout.addLayout(first)
        layout.addWidget(self.lines)
        layout.addLayout(last)

    def begin(self, cameras: tuple[Camera, ...], grade: Grade, folder: Path | None) -> None:
        """Offer cameras to a recording; None: one that is chosen here."""
        self._cameras, self._grade = cameras, grade
        self.show()
        if folder is not None:
            self.folder.setText(str(folder))
        self.look()

    def _ask(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, "Choose the recording")
        if folder:
            self.folder.setText(folder)

    def _on_text(self) -> None:
        self.plan = None
        self.write_button.setEnabled(False)
        self.lines.say("Looking …")
        self._timer.start()

    @property
    def chosen(self) -> Path | None:
        """The folder that is named."""
        text = unbroken(self.folder.text()).strip()
        return Path(text).expanduser().absolute() if text else None

    def look(self) -> None:
        """See what would happen, in the background."""
        self._timer.stop()
        self.plan = None
        self.write_button.setEnabled(False)
        if self._worker is not None:
            self._worker.returned.disconnect(self._on_plan)
            self._worker.errored.disconnect(self._on_error)
            self._worker = None
        if self.chosen is None:
            self.lines.say("Choose the folder of the recording, as the panel Recording opens it.")
            self.planned.emit()
            return
        self._worker = create_worker(plan_for, self._cameras, self.chosen, date.today())
        self._worker.returned.connect(self._on_plan)
        self._worker.errored.connect(self._on_error)
        self._worker.start()

    def _on_error(self, error: BaseException) -> None:
        self._worker = None
        self.lines.say(f"This should not have happened: {in_plain_words(error)}")
        self.planned.emit()

    def _on_plan(self, plan: Acceptance | Failed) -> None:
        self._worker = None
        if isinstance(plan, Failed):
            self.lines.show_checks([bad(plan.message)])
        else:
            self.plan = plan
            first = f"{plan.recording.name}: {', '.join(plan.recording.names)}"
            about = [bad(each) for each in plan.troubles] or [good(first)]
            notes = map(careful if plan.is_new else good, plan.notes)
            self.lines.show_checks([*self._doubts(), *about, *notes])
            self.write_button.setEnabled(plan.is_new and not plan.troubles)
        self.planned.emit()

    def _doubts(self) -> list[Check]:
        """What the verdict on the calibration says against it."""
        if self._grade is Grade.RECORD_AGAIN:
            return [bad("The board should be recorded again before these cameras are used")]
        return []

    def accept(self) -> None:
        """Write the calibration."""
        plan = self.plan
        if plan is None or plan.troubles:
            return
        try:
            written = accept_calibration(plan, date.today())
        except FILE_ERRORS as error:
            self.message.emit(f"It could not be written: {in_plain_words(error)}", True)
            return
        self.hide()
        self.accepted.emit(plan.recording.folder, written)


def plan_for(cameras: tuple[Camera, ...], folder: Path, today: date) -> Acceptance | Failed:
    """What would be written, with the sizes of the videos looked at. Touches no widget."""
    try:
        recording = open_recording(folder)
        with RecordingVideo(recording) as video:
            return plan_acceptance(cameras, recording, today, video.sizes)
    except FILE_ERRORS as error:
        return Failed(in_plain_words(error))
