"""One job: how far it is, its curves, its newest picture, its log."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from qtpy.QtCore import Qt, Signal
from qtpy.QtGui import QTextCursor
from qtpy.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QPlainTextEdit,
    QProgressBar,
    QPushButton,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from napari_sdannce.jobs.advice import advice_for
from napari_sdannce.jobs.background import State
from napari_sdannce.jobs.course import Course
from napari_sdannce.jobs.following import Following
from napari_sdannce.jobs.results import kept_frames
from napari_sdannce.jobs.words import duration, remaining
from napari_sdannce.settings.events import JobDone
from napari_sdannce.widgets.breakable import SelectableLabel, breakable
from napari_sdannce.widgets.curves import Curves
from napari_sdannce.widgets.job_results import Result, result_of
from napari_sdannce.widgets.newest_picture import NewestPicture

if TYPE_CHECKING:
    from napari_sdannce.jobs.background import BackgroundJob

TASKS = {
    "find animals": "Finding the animals",
    "find the board": "Looking for the board",
    "find keypoints": "Finding keypoints",
    "read labelled frames": "Reading labelled frames",
    "train": "Training",
}
"""What the events of a job call its work, in words for people."""
_THEN = {"find the board": "Solving for the cameras"}
"""What follows when such work is done, of which no events tell how far it is."""
_MOST_LINES = 300
_COLORS = {
    State.RUNNING: "#7aa6ff",
    State.FINISHED: "#6fcf6f",
    State.FAILED: "#ff7b6b",
    State.LOST: "#ff7b6b",
}


class JobView(QWidget):
    """Follows one job."""

    load_asked = Signal(object)
    """The `Result` of the job is to be shown, or used."""
    go_on_asked = Signal(object)
    """The `BackgroundJob` is to go on where it ended."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.job: BackgroundJob | None = None
        self.course = Course()
        self.state: State | None = None
        self._following: Following | None = None
        self._n_lines = -1
        self._asked = False
        self.headline = QLabel()
        self.headline.setStyleSheet("font-weight: bold")
        self.detail = SelectableLabel()
        self.bar = QProgressBar()
        self.stop_button = QPushButton("Stop")
        self.stop_button.clicked.connect(self._on_stop)
        self.go_on_button = QPushButton("Go on")
        self.go_on_button.setToolTip("Start it again where it ended; what is done stays")
        self.go_on_button.clicked.connect(lambda: self.go_on_asked.emit(self.job))
        self.load_button = QPushButton()
        self.load_button.clicked.connect(self._on_load)
        self.advice = QLabel()
        self.advice.setWordWrap(True)
        self.advice.setTextFormat(Qt.TextFormat.RichText)
        self.curves = Curves()
        self.picture = NewestPicture()
        self.log = QPlainTextEdit()
        self.log.setReadOnly(True)
        self.log.setPlaceholderText("Nothing was said yet.")
        self.log.setStyleSheet("font-size: 11px")
        self.tabs = QTabWidget()
        self._lay_out()

    def _lay_out(self) -> None:
        buttons = QHBoxLayout()
        buttons.addWidget(self.load_button, stretch=1)
        buttons.addWidget(self.go_on_button)
        buttons.addWidget(self.stop_button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        for widget in (self.headline, self.bar, self.detail):
            layout.addWidget(widget)
        layout.addLayout(buttons)
        layout.addWidget(self.advice)
        layout.addWidget(self.tabs, stretch=1)

    def follow(self, job: BackgroundJob | None) -> None:
        """Show another job; None: none."""
        self.job, self.course, self.state = job, Course(), None
        self._n_lines, self._asked = -1, False
        self._following = None if job is None else Following(job.events_file)
        self.tabs.clear()
        if job is not None:
            self._add_tabs(job)
            self.look()

    def _add_tabs(self, job: BackgroundJob) -> None:
        """Pages for what a job of this kind has to show."""
        if job.note.what[0] == "train":
            self.tabs.addTab(self.curves, "Curves")
            self.tabs.addTab(self.picture, "Pictures")
            self.curves.show_course(self.course)
            self.picture.look_in(job.note.output, job.wrote)
        self.tabs.addTab(self.log, "Log")

    def look(self) -> None:
        """Take in what the job has said since the last look."""
        if self.job is None or self._following is None:
            return
        events = self._following.new()
        state = self.job.state() if self.state in (None, State.RUNNING) else self.state
        if not events and state == self.state:
            return
        ended = state is not State.RUNNING and self.state is not state
        if ended:  # it may have said something between the two looks
            events += self._following.new()
        self.course.add(events)
        self.state = state
        self._show()

    def _show(self) -> None:
        assert self.job is not None
        course, state = self.course, self.state
        self.headline.setText(_headline(course, state))
        self.headline.setStyleSheet(
            f"font-weight: bold; color: {_COLORS.get(state or State.RUNNING, '#d0d0d0')}"
        )
        self._show_detail()
        self._show_bar()
        running = state is State.RUNNING
        self.stop_button.setVisible(running)
        self._show_stop_button()
        broken_off = state in (State.STOPPED, State.FAILED, State.LOST)
        self.go_on_button.setVisible(broken_off and self.job.can_go_on)
        result = result_of(self.job, course)
        self.load_button.setVisible(result is not None)
        if result is not None:
            self.load_button.setText(result.invitation)
        self._show_advice(made_something=result is not None)
        if self.job.note.what[0] == "train":
            self.curves.show_course(course)
            self.picture.look_in(self.job.note.output, self.job.wrote)
        self._show_log()
        if state in (State.FAILED, State.LOST):
            self.tabs.setCurrentWidget(self.log)

    def _show_detail(self) -> None:
        assert self.job is not None
        if self.state is State.RUNNING and self._asked:
            trains = self.job.note.what[0] == "train"
            self.detail.setText("It saves what it has and ends …" if trains else "It ends …")
        else:
            self.detail.setText(breakable(_detail(self.job, self.course, self.state)))

    def _show_advice(self, *, made_something: bool) -> None:
        assert self.job is not None
        told = self.state is State.RUNNING or made_something
        lines = advice_for(self.job.note.what, self.state) if told else ()
        self.advice.setText("<br>".join(f"<b>{head}</b>: {escape(text)}" for head, text in lines))
        self.advice.setVisible(bool(lines))

    def _show_bar(self) -> None:
        course, finished = self.course, self.state is State.FINISHED
        begun = finished or course.total > 0
        # a bar without an end moves to and fro
        waits = self.state is State.RUNNING and (not begun or bool(_what_follows(course)))
        self.bar.setMaximum(0 if waits else (course.total or 1))
        self.bar.setValue(self.bar.maximum() if finished else course.done)
        self.bar.setVisible(begun or waits)

    def _show_stop_button(self) -> None:
        self.stop_button.setText("End at once" if self._asked else "Stop")
        self.stop_button.setToolTip(
            "It was asked to stop. End it without waiting: what it did last is lost"
            if self._asked
            else "Let it keep what it has, and end"
        )

    def _show_log(self) -> None:
        lines = self.course.lines[-_MOST_LINES:]
        # what libraries say on a terminal tells why a job failed; of a good one it is noise
        if self.state in (State.FAILED, State.LOST) and self.job is not None:
            lines += ["", *self.job.log_tail().splitlines()[-_MOST_LINES:]]
        if len(lines) != self._n_lines or self.state is not State.RUNNING:
            self._n_lines = len(lines)
            self.log.setPlainText("\n".join(lines))
            self.log.moveCursor(QTextCursor.MoveOperation.End)

    def _on_stop(self) -> None:
        if self.job is None:
            return
        if self._asked:
            self.job.kill()
        else:
            self.job.stop()
        self._asked = True
        self._show_detail()
        self._show_stop_button()

    def _on_load(self) -> None:
        result: Result | None = None if self.job is None else result_of(self.job, self.course)
        if result is not None:
            self.load_asked.emit(result)


def _headline(course: Course, state: State | None) -> str:
    if state is State.RUNNING:
        if not course.task:
            return "Starting …"
        if _what_follows(course):
            return f"{_what_follows(course)} …"
        task = TASKS.get(course.task, course.task.capitalize())
        left = remaining(course.seconds_left)
        return f"{task}, {left}" if left else task
    if isinstance(course.end, JobDone):
        return f"Finished in {duration(course.end.seconds)}"
    return {
        State.STOPPED: "Stopped",
        State.FAILED: "It failed",
        State.LOST: "It ended without a word",
        State.ELSEWHERE: "Started on another computer",
    }.get(state or State.LOST, "")


def _what_follows(course: Course) -> str:
    """What it does now that it has done what it told of; empty while it does that."""
    return _THEN.get(course.task, "") if 0 < course.total <= course.done else ""


def _detail(job: BackgroundJob, course: Course, state: State | None) -> str:
    """A line below the headline."""
    if state is State.LOST:
        return "It was killed, or the computer was turned off. The log may tell more."
    if state is State.ELSEWHERE:
        return f"It was started on {job.note.computer} and has not said how it ended."
    if state is State.STOPPED and job.can_go_on:
        return _kept(job)
    if course.end is not None and not isinstance(course.end, JobDone):
        return course.end.text[:1].upper() + course.end.text[1:]
    parts = [f"{course.done:,} of {course.total:,} {course.unit}"] if course.total else []
    if course.epochs:
        parts.append(f"epoch {course.epoch} of {course.epochs}")
    if course.error is not None:
        unit = "px" if course.error[0].endswith("px") else "mm"
        parts.append(f"error {course.error[1]:.3g} {unit}")
    said = ", ".join(parts)
    warnings = "\n".join(line.removeprefix("warning: ") for line in course.warnings[-2:])
    return "\n".join(part for part in (said, warnings) if part)


def _kept(job: BackgroundJob) -> str:
    """What is left of a job that was stopped, and can go on."""
    if job.note.what[0] == "train":
        return "What it has learned is saved. 'Go on' starts it again from there."
    kept = None if job.note.output is None else kept_frames(job.note.output)
    if kept is None or not kept[0]:
        return "Nothing of it is kept yet. 'Go on' starts it again."
    return f"{kept[0]:,} of {kept[1]:,} frames are kept. 'Go on' computes the others."
