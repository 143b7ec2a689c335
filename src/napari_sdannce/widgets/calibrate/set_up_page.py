"""Setting a calibration up: images and board, what was found there, and the button."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari.qt.threading import create_worker
from qtpy.QtCore import QTimer, Signal
from qtpy.QtWidgets import QApplication, QLabel, QPushButton, QVBoxLayout, QWidget

from napari_sdannce.calibration.report.saved_report import FILE as REPORT
from napari_sdannce.jobs.background import State, jobs_of
from napari_sdannce.jobs.calibrating import (
    WHAT,
    Asked,
    check_calibration,
    new_results,
    start_calibration,
)
from napari_sdannce.settings.calibrate import CalibrateSettings
from napari_sdannce.widgets.calibrate.board_form import BoardForm
from napari_sdannce.widgets.check_lines import CheckLines
from napari_sdannce.widgets.opening import FILE_ERRORS, in_plain_words
from napari_sdannce.widgets.scrolled import scrolled
from napari_sdannce.widgets.setting_words import shorten
from napari_sdannce.widgets.settings_form import SettingsForm

if TYPE_CHECKING:
    from collections.abc import Mapping

    from napari_sdannce.jobs.background import BackgroundJob
    from napari_sdannce.jobs.checks import Check
    from napari_sdannce.settings.calibrate import Match

_FIRST = (("source",), ("board",), ("out",))
_PAUSE_MS = 300
"""How long nothing must be typed before it is looked at."""
_LINK = (
    "QPushButton {text-align: left; color: #7aa6ff; padding: 2px; background: transparent; "
    "border: none} QPushButton:hover {text-decoration: underline}"
)
_MAKE, _MADE = "No board file yet? Describe the board …", "Close the description of the board"


class SetUpPage(QWidget):
    """The form of a calibration."""

    started = Signal(object)
    """A `BackgroundJob` was started."""
    found_running = Signal(object)
    """A `BackgroundJob` works on the folder that was chosen."""
    result_asked = Signal(object)
    """The calibration in the folder of this path is to be shown."""
    checked = Signal()
    """All was looked at."""
    message = Signal(str, bool)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.form = SettingsForm(CalibrateSettings, _FIRST)
        self.form.changed.connect(self.look_again)
        self.board_button = QPushButton(_MAKE)
        self.board_button.setStyleSheet(_LINK)
        self.board_button.clicked.connect(lambda: self.show_board_form(self.board_form.isHidden()))
        self.board_form = BoardForm()
        self.board_form.hide()
        self.board_form.written.connect(self._on_board)
        self.board_form.message.connect(self.message.emit)
        self.lines = CheckLines()
        self.looking = QLabel("Looking for the board in some of the images …")
        self.looking.setStyleSheet("color: #9a9a9a")
        self.looking.setIndent(4)
        self.looking.hide()
        self.last_button = QPushButton()
        self.last_button.hide()
        self.last_button.clicked.connect(self._on_last)
        self.summary = QLabel()
        self.summary.setIndent(4)
        self.start_button = QPushButton("Calibrate")
        self.start_button.setStyleSheet("font-weight: bold; padding: 6px")
        self.start_button.clicked.connect(self.start)
        self._worker: Any = None
        self._last: Path | None = None
        self._source: Path | None = None
        self._running: BackgroundJob | None = None
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_PAUSE_MS)
        self._timer.timeout.connect(self.check)
        application = QApplication.instance()
        if application is not None:
            application.aboutToQuit.connect(self.stop_looking)
        self._lay_out()
        self.check()

    def _lay_out(self) -> None:
        purpose = QLabel("Find out where cameras stand and how they see, from images of a board.")
        purpose.setWordWrap(True)
        heading = QLabel("What was found")
        heading.setStyleSheet("font-weight: bold; padding-top: 4px")
        body = QWidget()
        inside = QVBoxLayout(body)
        inside.setContentsMargins(4, 6, 4, 4)
        inside.setSpacing(6)
        rows = self.form.layout()
        assert isinstance(rows, QVBoxLayout)
        rows.insertWidget(1, self.board_button)  # below what matters first
        rows.insertWidget(2, self.board_form)
        for widget in (purpose, self.form, heading, self.lines, self.looking, self.last_button):
            inside.addWidget(widget)
        inside.addStretch()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(scrolled(body), stretch=1)
        layout.addWidget(self.summary)
        layout.addWidget(self.start_button)

    # the form

    def choose(self, source: Path | None = None, board: Path | None = None) -> None:
        """Fill in a folder of images, or a board."""
        for name, value in (("source", source), ("board", board)):
            if value is not None:
                self.form.rows[(name,)].editor.set(value)

    def fill(self, values: Mapping[str, Any]) -> None:
        """Fill in all settings; others are as by default."""
        self.form.fill(values)
        if set(values) - {"source", "board", "out"}:
            self.form.more.expand()

    def show_board_form(self, wanted: bool) -> None:
        """Describe a board, or no more."""
        source = self._path("source")
        if source is not None:
            self.board_form.folder = source.parent
        self.board_form.setVisible(wanted)
        self.board_button.setText(_MADE if wanted else _MAKE)

    def _on_board(self, path: Path) -> None:
        self.show_board_form(False)
        self.choose(board=path)
        self.message.emit(f"The board is in {path.name}.", False)

    def _path(self, name: str) -> Path | None:
        text = self.form.rows[(name,)].editor.get()
        return Path(text).expanduser().absolute() if text else None

    def settings(self) -> CalibrateSettings | None:
        """What is asked for; None when something is missing or wrong, which the form then says."""
        settings = self.form.settings(Path.cwd())
        assert settings is None or isinstance(settings, CalibrateSettings)
        return settings

    # the check

    def look_again(self) -> None:
        """Look soon, when nothing more is typed."""
        self.start_button.setEnabled(False)
        self.summary.hide()
        self.stop_looking()
        self.lines.say("Looking …")
        self._timer.start()

    def check(self) -> None:
        """Look at everything that is needed, in the background."""
        self.stop_looking()
        source, board = self._path("source"), self._path("board")
        self._look_for_earlier(source)
        # an empty form need not be told that it is empty
        settings = self.settings() if source and board else None
        if source and board and settings is None:
            self.lines.say(f"Still wrong: {self.form.first_trouble}.")
            self.checked.emit()
            return
        match: Match = self.form.rows[("match",)].editor.get() or "auto"
        self._worker = create_worker(check_calibration, Asked(source, board, match, settings))
        self._worker.yielded.connect(self._show_checks)
        self._worker.finished.connect(self._on_checked)
        self._worker.errored.connect(self._on_error)
        self._worker.start()
        self.looking.setVisible(settings is not None)
        self.start_button.setEnabled(settings is not None and self._running is None)

    def _on_checked(self) -> None:
        self._worker = None
        self.looking.hide()
        self.checked.emit()

    def stop_looking(self) -> None:
        """Look no more, and take no heed of what a check under way finds."""
        self._timer.stop()
        self.looking.hide()
        if self._worker is not None:
            self._worker.yielded.disconnect(self._show_checks)
            self._worker.finished.disconnect(self._on_checked)
            self._worker.errored.disconnect(self._on_error)
            self._worker.quit()
            self._worker = None

    def _on_error(self, error: BaseException) -> None:
        self.lines.say(f"This should not have happened: {in_plain_words(error)}")

    def _show_checks(self, checks: tuple[Check, ...]) -> None:
        self.lines.show_checks(checks)
        ready = bool(self._path("source") and self._path("board"))
        short = self.lines.in_short() if ready else ""
        self.summary.setText(short)
        self.summary.setVisible(bool(short))
        self.start_button.setText(
            "Calibrate anyway" if self.lines.is_bad and ready else "Calibrate"
        )

    def _look_for_earlier(self, source: Path | None) -> None:
        """Find what was calibrated from this folder, or is being."""
        jobs = [] if source is None else [j for j in jobs_of(source) if j.note.what == WHAT]
        running = next((job for job in jobs if job.state() is State.RUNNING), None)
        if running is not None and source != self._source:
            self.found_running.emit(running)
        self._source, self._running = source, running
        results = [] if source is None else sorted(source.glob(f"*/{REPORT}"), key=_age)
        results += [path for job in jobs if (path := _report_of(job)) is not None]
        self._last = max(results, key=_age).parent if results else None
        self.last_button.setVisible(self._last is not None)
        if self._last is not None:
            self.last_button.setText(f"Show the last result: {shorten(self._last.name, 22)}")
            self.last_button.setToolTip(str(self._last))

    def _on_last(self) -> None:
        self.result_asked.emit(self._last)

    # starting

    def start(self) -> None:
        """Start the calibration as a process of its own."""
        settings = self.settings()
        if settings is None:
            self.message.emit(f"Still missing or wrong: {self.form.first_trouble}.", True)
            return
        out = settings.out or new_results(settings.source)
        try:
            job = start_calibration(settings.model_copy(update={"out": out}))
        except FILE_ERRORS as error:
            self.message.emit(f"It could not be started: {in_plain_words(error)}", True)
            return
        self._running = job
        self.start_button.setEnabled(False)
        self.started.emit(job)


def _report_of(job: BackgroundJob) -> Path | None:
    """Report that a job has written, wherever that lies."""
    output = job.note.output
    path = None if output is None else output / REPORT
    return path if path is not None and path.is_file() else None


def _age(path: Path) -> float:
    return path.stat().st_mtime
