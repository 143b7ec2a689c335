"""Bringing the labels of others into the session that is worked on."""

from __future__ import annotations

from contextlib import suppress
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari.qt.threading import create_worker
from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from napari_sdannce.files.errors import FileFormatError
from napari_sdannce.labeling.comparison import compare
from napari_sdannce.labeling.others import read_others
from napari_sdannce.widgets.breakable import breakable
from napari_sdannce.widgets.label_3d.sessions import session_in_words, sessions_of
from napari_sdannce.widgets.opening import FILE_ERRORS, Failed, in_plain_words

if TYPE_CHECKING:
    from napari_sdannce.labeling.comparison import Comparison
    from napari_sdannce.labeling.others import OthersLabels
    from napari_sdannce.labeling.session import LabelingSession
    from napari_sdannce.widgets.label_3d.desk import Desk

_WHAT = (
    "Points that you do not have are added, each under the name of who put it. Where both of you "
    "said something, yours stays; where you do not agree, you look at it afterwards."
)
_SETTLE = "You look at these one after the other, at the right of the cameras."
_TROUBLE = "color: #ff8c69; font-weight: bold"


class MergeDialog(QDialog):
    """Asks whose labels to bring in, says what they would add, and brings them in."""

    message = Signal(str, bool)
    compared = Signal()
    """The labels that are chosen were read, or could not be."""
    merged = Signal(object, object)
    """Labels are in: the `Path` of their session, and the `Comparison` with ours."""

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.desk = desk
        self.comparison: Comparison | None = None
        self._worker: Any = None
        self.setWindowTitle("Bring in labels of others")
        self.sessions = QListWidget()
        self.sessions.setMaximumHeight(110)
        self.sessions.currentRowChanged.connect(self._read)
        self.folder_button = QPushButton("Choose a folder …")
        self.folder_button.setToolTip("Labels that lie elsewhere, as from another computer")
        self.folder_button.clicked.connect(self._ask_for_folder)
        self.summary = QLabel()
        self.summary.setWordWrap(True)
        self.disagree = QLabel()
        self.conflicts = QListWidget()
        self.conflicts.setSelectionMode(QListWidget.SelectionMode.NoSelection)
        self.settle = QLabel(_SETTLE)
        ok, close = QDialogButtonBox.StandardButton.Ok, QDialogButtonBox.StandardButton.Close
        self.buttons = QDialogButtonBox(ok | close)
        merge = self.buttons.button(ok)
        assert merge is not None
        self.merge_button = merge
        self.buttons.accepted.connect(self.merge)
        self.buttons.rejected.connect(self.reject)
        self._lay_out()
        self._tell(None)
        self._list_others()

    def _lay_out(self) -> None:
        what = QLabel(_WHAT)
        what.setWordWrap(True)
        choosing = QHBoxLayout()
        choosing.addWidget(QLabel("Other labels of this recording"), stretch=1)
        choosing.addWidget(self.folder_button)
        layout = QVBoxLayout(self)
        layout.addWidget(what)
        layout.addLayout(choosing)
        layout.addWidget(self.sessions)
        layout.addWidget(self.summary)
        layout.addWidget(self.disagree)
        layout.addWidget(self.conflicts, stretch=1)
        layout.addWidget(self.settle)
        layout.addStretch()  # takes the room of the conflicts, where there are none
        layout.addWidget(self.buttons)
        self.resize(540, 520)

    # whose labels

    def _list_others(self) -> None:
        for path in sessions_of(self.desk.recording):
            if not self._is_ours(path):
                with suppress(FileFormatError):  # something else that lies there
                    self._list(path)
        self.sessions.setCurrentRow(0)
        if not self.sessions.count():
            self.summary.setText("This recording has no other labels: choose a folder.")

    def _list(self, path: Path) -> None:
        item = QListWidgetItem(session_in_words(path))
        item.setData(Qt.ItemDataRole.UserRole, path)
        item.setToolTip(str(path))
        self.sessions.addItem(item)

    def _is_ours(self, path: Path) -> bool:
        return path.resolve() == self.desk.folder.path.resolve()

    def _ask_for_folder(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, "Choose a folder of labels")
        if folder:
            self.choose(Path(folder))

    def choose(self, path: Path) -> None:
        """Look at the labels of a folder."""
        self.sessions.setCurrentRow(-1)
        if self._is_ours(path):
            self._tell(Failed("These are the labels that you work on."))
            return
        try:
            self._list(path)
        except FileFormatError as error:
            self._tell(Failed(in_plain_words(error)))
        else:
            self.sessions.setCurrentRow(self.sessions.count() - 1)

    @property
    def path(self) -> Path | None:
        """Folder of the labels that are chosen."""
        item = self.sessions.currentItem()
        return None if item is None else item.data(Qt.ItemDataRole.UserRole)

    # what they would add

    def _read(self) -> None:
        """Read the labels that are chosen, in the background."""
        self._tell(None)
        path = self.path
        if self._worker is not None or path is None:
            return  # the one that is being read calls again
        self.summary.setText("Reading …")
        ours = self.desk.session.snapshot()  # one may label on meanwhile
        self._worker = create_worker(self._compared, path, ours)
        self._worker.returned.connect(self._on_compared)
        self._worker.errored.connect(self._on_error)
        self._worker.start()

    def _compared(self, path: Path, ours: LabelingSession) -> tuple[Path, Comparison | Failed]:
        try:
            others = read_others(path, self.desk.recording, ours.subject)
        except FILE_ERRORS as error:
            return path, Failed(in_plain_words(error))
        return path, compare(ours, others)

    def _on_compared(self, found: tuple[Path, Comparison | Failed]) -> None:
        self._worker = None
        path, comparison = found
        if path != self.path:  # another one was chosen meanwhile
            if self.path is not None:
                self._read()
            return
        self._tell(comparison)
        self.compared.emit()

    def _on_error(self, error: BaseException) -> None:
        self._worker = None
        self._tell(Failed(f"This should not have happened: {in_plain_words(error)}"))

    def _tell(self, found: Comparison | Failed | None) -> None:
        """Say what was found; None: nothing yet."""
        self.comparison = None if isinstance(found, Failed) else found
        self.summary.setStyleSheet(_TROUBLE if isinstance(found, Failed) else "")
        if isinstance(found, Failed):
            self.summary.setText(breakable(found.message))
        else:
            self.summary.setText("" if found is None else self._in_words(found))
        self._list_conflicts()

    def _list_conflicts(self) -> None:
        found = self.comparison
        conflicts = [] if found is None else found.merged.conflicts
        self.conflicts.clear()
        if found is not None:
            self.conflicts.addItems([found.conflict_in_words(each) for each in conflicts])
        self.disagree.setText(f"{_points(len(conflicts))} on which you do not agree:")
        for widget in (self.disagree, self.conflicts, self.settle):
            widget.setVisible(bool(conflicts))
        gains = found is not None and bool(found.changed)
        self.merge_button.setText("Merge" if gains or not conflicts else "Go through these")
        self.merge_button.setEnabled(gains or bool(conflicts))

    def _in_words(self, found: Comparison) -> str:
        others, recording = found.others, self.desk.recording
        lines = []
        if others.recording != recording.name:
            lines.append(
                f"<b style='color: #ffc14d'>They are of a recording '{escape(others.recording)}', "
                f"this one is '{escape(recording.name)}'. Merge them only if that is another name "
                "of it.</b>"
            )
        who = ", ".join(dict.fromkeys(author.name for author in others.authors))
        frames = "1 frame" if len(others.frames) == 1 else f"{len(others.frames)} frames"
        lines.append(f"{frames}, labelled by {escape(who)}.")
        if found.changed:
            new = "1 new frame" if found.n_frames == 1 else f"{found.n_frames} new frames"
            lines.append(f"They add {_points(found.n_points)}, and {new}.")
        else:
            lines.append("They add nothing: you have all of it.")
        lines += [escape(f"{each}.") for each in found.agreements]
        return "<br>".join(lines)

    # bringing them in

    def merge(self) -> None:
        """Make their labels ours, as one step."""
        path, desk = self.path, self.desk
        if self.comparison is None or path is None:
            return
        others: OthersLabels = self.comparison.others
        found = compare(desk.session, others)  # with what was labelled meanwhile
        if found.changed and not desk.change_moments(
            f"labels of {others.name}", found.changed, found.joined
        ):
            return  # the desk said why
        self.merged.emit(path, found)
        left = len(found.merged.conflicts)
        said = f"The labels of {others.name} are in. " if found.changed else ""
        said += f"{_points(left)} to settle, at the right." if left else "You agree everywhere."
        self.message.emit(said, False)
        self.accept()


def _points(number: int) -> str:
    return "1 point" if number == 1 else f"{number} points"
