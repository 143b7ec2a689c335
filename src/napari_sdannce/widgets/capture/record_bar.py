"""Where a recording goes, the buttons that begin and end it, and how it goes."""

from __future__ import annotations

import re
from datetime import datetime
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QFileDialog,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QProgressBar,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from napari_sdannce.capture.recorder.counts import RecorderState
from napari_sdannce.capture.recorder.words import duration, frames_of, growth
from napari_sdannce.widgets.breakable import SelectableLabel, breakable

if TYPE_CHECKING:
    from napari_sdannce.capture.recorder.counts import RecorderStatus
    from napari_sdannce.capture.recorder.self_test import SelfTest, Verdict
    from napari_sdannce.capture.recorder_process.session import SessionStatus
    from napari_sdannce.widgets.capture.board_watch import SeenBoards

_QUIET = "color: #9a9a9a; font-size: 11px"
_HEAD = "font-size: 15px; font-weight: bold"
_RECORD = "QPushButton:enabled { background-color: #8f2f2f; font-weight: bold; padding: 6px }"
_BUSY = "#f0c060"
_STATES = {
    RecorderState.LOOKING: ("Not recording", "#d0d0d0"),
    RecorderState.STARTING: ("Starting …", _BUSY),
    RecorderState.RECORDING: ("Recording", "#ff7b6b"),
    RecorderState.FINISHING: ("Finishing the files …", _BUSY),
    RecorderState.ENDED: ("Not recording", "#d0d0d0"),
}


class RecordBar(QWidget):
    """Begins and ends recordings."""

    record_asked = Signal()
    stop_asked = Signal()
    test_asked = Signal()
    board_asked = Signal(bool)
    """Whether a board is to be looked for in what cameras see."""
    open_asked = Signal(object)
    """`Path` of a recording that is to be opened."""
    calibrate_asked = Signal(object)
    """`Path` of a recording that cameras are to be calibrated from."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._last: Path | None = None
        self.parent_folder = QLineEdit(str(Path.home() / "recordings"))
        self.parent_folder.setToolTip("Recordings are folders in this one")
        self.parent_folder.editingFinished.connect(self.propose_name)
        self.choose_button = QPushButton("…")
        self.choose_button.setFixedWidth(32)
        self.choose_button.clicked.connect(lambda: self.ask_for_folder())
        self.name = QLineEdit()
        self.name.setToolTip("Folder of the next recording; nothing is ever overwritten")
        self.name.editingFinished.connect(self._name_given)
        self.record_button = QPushButton("● Record")
        self.record_button.setStyleSheet(_RECORD)
        self.record_button.clicked.connect(lambda: self.record_asked.emit())
        self.stop_button = QPushButton("■ Stop")
        self.stop_button.clicked.connect(lambda: self.stop_asked.emit())
        self.test_button = QPushButton("Self-test")
        self.test_button.setToolTip("Record for 10 s, judge each camera, and keep nothing of it")
        self.test_button.clicked.connect(lambda: self.test_asked.emit())
        self.board_button = QPushButton("Look for a board …")
        self.board_button.setCheckable(True)
        self.board_button.setToolTip(
            "While a calibration is recorded: show where in its image each camera has seen the "
            "board, and where it is still to be brought"
        )
        self.board_button.clicked.connect(self.board_asked.emit)
        self.board = QLabel()
        self.board.setWordWrap(True)
        self.board.hide()
        self.verdicts = SelectableLabel()
        self.verdicts.setTextFormat(Qt.TextFormat.RichText)
        self.verdicts.hide()
        self.headline = QLabel()
        self.headline.setStyleSheet(_HEAD)
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setFixedHeight(6)
        self.numbers = QLabel()
        self.numbers.setWordWrap(True)
        self.last = SelectableLabel()
        self.open_button = QPushButton("Open the recording")
        self.open_button.clicked.connect(lambda: self.open_asked.emit(self._last))
        self.calibrate_button = QPushButton("Calibrate the cameras from it")
        self.calibrate_button.setToolTip("In the panel Calibrate, by the board that was looked for")
        self.calibrate_button.clicked.connect(lambda: self.calibrate_asked.emit(self._last))
        self.with_board = False
        """Whether a board was looked for, so that the last recording is likely of one."""
        self._lay_out()
        self.propose_name()
        self.show_status(None)

    def _lay_out(self) -> None:
        where = QGridLayout()
        where.addWidget(QLabel("Save to"), 0, 0)
        where.addWidget(self.parent_folder, 0, 1)
        where.addWidget(self.choose_button, 0, 2)
        where.addWidget(QLabel("Name"), 1, 0)
        where.addWidget(self.name, 1, 1, 1, 2)
        buttons = QHBoxLayout()
        buttons.addWidget(self.record_button, stretch=2)
        buttons.addWidget(self.stop_button, stretch=1)
        buttons.addWidget(self.test_button, stretch=1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(where)
        layout.addLayout(buttons)
        layout.addWidget(self.board_button)
        layout.addWidget(self.board)
        for widget in (self.headline, self.bar, self.numbers, self.verdicts):
            layout.addWidget(widget)
        layout.addWidget(self.last)
        layout.addWidget(self.open_button)
        layout.addWidget(self.calibrate_button)

    @property
    def folder(self) -> Path:
        """Of the next recording."""
        return Path(self.parent_folder.text()).expanduser().absolute() / self.name.text().strip()

    def ask_for_folder(self) -> None:
        """Let the person choose where recordings go."""
        chosen = QFileDialog.getExistingDirectory(
            self, "Where recordings go", self.parent_folder.text()
        )
        if chosen:
            self.parent_folder.setText(chosen)
            self.propose_name()

    def propose_name(self) -> None:
        """Propose the next free name: the day and a number; a free name of the person's stays."""
        text = self.name.text().strip()
        if text and not _is_there(self.folder):
            return
        parent = Path(self.parent_folder.text()).expanduser()
        stem = _stem(text) or f"{datetime.now():%Y-%m-%d}"
        number = next(n for n in range(1, 10_000) if not _is_there(parent / f"{stem}_{n}"))
        self.name.setText(f"{stem}_{number}")

    def _name_given(self) -> None:
        """A name is one folder in that of all recordings, and never empty."""
        name = re.sub(r"[/\\]", "-", self.name.text().strip()).lstrip(".")
        self.name.setText(name)
        if not name:
            self.propose_name()

    def show_boards(self, name: str, seen: SeenBoards | None) -> None:
        """Show what a board, of this file, should still be shown to; None: it is not looked for."""
        self.board_button.setChecked(seen is not None)
        self.board_button.setText("Look for a board …" if seen is None else f"Looking for {name}")
        self.board.setVisible(seen is not None)
        self.with_board |= seen is not None
        if seen is not None:
            told = f"seen by two or more at {seen.moments:,} moments"
            wanted = seen.hints[0] if seen.hints else "all covered: stop when you like"
            self.board.setText(f"{told}; {wanted}")

    def show_test(self, found: SelfTest | None) -> None:
        """Show what a self-test found; None: nothing any more."""
        lines = [] if found is None else [*map(_verdict, found.verdicts), escape(growth(found))]
        self.verdicts.setText("<br>".join(lines))
        self.verdicts.setVisible(bool(lines))

    def show_status(self, status: SessionStatus | None, doing: str = "") -> None:
        """Show how it goes; `doing`: what takes the recorder some time now."""
        now = None if status is None else status.now
        state = RecorderState.ENDED if now is None else now.state
        is_idle = state in (RecorderState.LOOKING, RecorderState.ENDED)
        for button in (self.record_button, self.test_button):
            button.setEnabled(state is RecorderState.LOOKING and not doing)
        self.stop_button.setEnabled(state is RecorderState.RECORDING)
        for box in (self.parent_folder, self.name, self.choose_button):
            box.setEnabled(is_idle and not doing)
        words, color = (doing, _BUSY) if doing and is_idle else _STATES[state]
        self.headline.setText(words if is_idle or now is None else f"{words}  {_time(now)}")
        self.headline.setStyleSheet(f"{_HEAD}; color: {color}")
        self._show_bar(now, is_idle=is_idle)
        self.numbers.setText("" if is_idle or now is None else _numbers(now))
        self.numbers.setVisible(bool(self.numbers.text()))
        self._show_last(None if status is None else status.last, status.failure if status else "")

    def _show_bar(self, now: RecorderStatus | None, *, is_idle: bool) -> None:
        length = None if now is None else now.of_seconds
        self.bar.setVisible(not is_idle and length is not None)
        if now is not None and length is not None:
            self.bar.setMaximum(1000)
            self.bar.setValue(min(1000, round(1000 * now.seconds / length)))

    def _show_last(self, last: RecorderStatus | None, failure: str) -> None:
        self._last = None if last is None else last.folder
        self.last.setVisible(last is not None)
        self.open_button.setVisible(last is not None)
        self.calibrate_button.setVisible(last is not None and self.with_board)
        if last is None or last.folder is None:
            return
        missing = sum(each.missing for each in last.cameras)
        well = "none missing" if not missing else f"{missing:,} missing (events tell why)"
        told = f"Last: {last.folder.name}: {frames_of(last)}, {well}; {last.ended_by}."
        if failure:
            told += f" Its files could not be finished: {failure}"
        is_bad = bool(missing or failure or last.ended_badly)
        self.last.setText(breakable(told))
        self.last.setStyleSheet("color: #f0c060" if is_bad else "color: #6fcf6f")


def _is_there(folder: Path) -> bool:
    """Whether there is such a folder; where that can not be told, a recording will be refused."""
    try:
        return folder.exists()
    except OSError:
        return False


def _stem(name: str) -> str:
    """A name without the number at its end."""
    stem, mark, number = name.rpartition("_")
    return stem if mark and number.isdigit() else name


def _verdict(verdict: Verdict) -> str:
    mark, color = ("✓", "#6fcf6f") if verdict.passed else ("✗", "#ff8c69")
    name = f"<b>{escape(verdict.name)}</b>: " if verdict.name else ""
    return f'<span style="color: {color}">{mark}</span> {name}{escape(verdict.words)}'


def _time(now: RecorderStatus) -> str:
    of = "" if now.of_seconds is None else f" of {duration(now.of_seconds)}"
    return f"{duration(now.seconds)}{of}"


def _numbers(now: RecorderStatus) -> str:
    missing = sum(each.missing for each in now.cameras)
    disk = now.seconds_of_disk
    parts = [
        frames_of(now),
        f"{missing:,} missing" if missing else "none missing",
        f"{now.bytes_per_second / 1e6:.1f} MB/s",
        "" if disk is None else f"the disk lasts {duration(disk)}",
        "" if now.pulses is None else f"{now.pulses:,} pulses",
    ]
    return ", ".join(part for part in parts if part)
