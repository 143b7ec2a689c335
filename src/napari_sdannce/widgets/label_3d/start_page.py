"""Which labels to work on: those that are there, or new ones."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtCore import QSettings, Qt, Signal
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFileDialog,
    QFormLayout,
    QGroupBox,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QListWidget,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from napari_sdannce.files.errors import FileFormatError
from napari_sdannce.files.skeleton_mat import open_skeleton
from napari_sdannce.labeling.session_folder import account
from napari_sdannce.skeletons import Skeleton, builtin_skeletons
from napari_sdannce.widgets.label_3d.sessions import (
    FOLDER,
    WantedSession,
    session_in_words,
    sessions_of,
)
from napari_sdannce.widgets.label_3d.skeleton_editor import SkeletonEditor
from napari_sdannce.widgets.opening import FILE_ERRORS, in_plain_words

if TYPE_CHECKING:
    from napari_sdannce.recording import Recording

_ONE_CANVAS = "one canvas"
_ONE_ANIMAL = "animal1"
_NOTHING, _AS_FILE = "nothing", "as in the file"
_ALL = "all label files, each of other animals"
_LABELS = "Labels of DANNCE or Label3D (*.mat)"
_SKELETONS = "Skeletons (*.yaml *.mat)"


class StartPage(QWidget):
    """Lists the labelling sessions of a recording, and asks what a new one is of."""

    open_asked = Signal()
    """Another recording is to be chosen."""
    session_asked = Signal(object)
    """A `WantedSession` is to be opened."""
    message = Signal(str, bool)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.recording: Recording | None = None
        self.title = QLabel()
        self.title.setWordWrap(True)
        self.title.setStyleSheet("font-size: 15px; font-weight: bold")
        self.open_button = QPushButton("Open recording …")
        self.open_button.clicked.connect(self.open_asked.emit)
        self.labeler = QLineEdit(account())
        self.labeler.setToolTip("Every point that you place carries your name")
        self.there = QListWidget()
        self.there.setMaximumHeight(140)
        self.there.setWordWrap(True)
        self.there.setSpacing(2)
        self.there.itemActivated.connect(lambda _: self.go_on())
        self.go_on_button = QPushButton("Go on with these labels")
        self.go_on_button.clicked.connect(self.go_on)
        self.name = QLineEdit()
        self.start_from = QComboBox()
        self.start_from.currentIndexChanged.connect(self._on_start_from)
        self.file_button = QPushButton("…")
        self.file_button.setFixedWidth(28)
        self.file_button.setToolTip("Choose a label file that lies elsewhere")
        self.file_button.clicked.connect(self._ask_for_labels)
        self.skeleton = QComboBox()
        self.skeleton.setPlaceholderText("choose one")
        self.skeleton_button = QPushButton("…")
        self.skeleton_button.setFixedWidth(28)
        self.skeleton_button.setToolTip("Choose a file of a skeleton")
        self.skeleton_button.clicked.connect(self._ask_for_skeleton)
        self.edit_button = QPushButton("Edit …")
        self.edit_button.setToolTip("Change the skeleton, or make one")
        self.edit_button.clicked.connect(self._edit)
        self.editor: SkeletonEditor | None = None
        self.animals = QLineEdit()
        self.animals.setToolTip("Names, with commas between them")
        self.make_button = QPushButton("Begin new labels")
        self.make_button.clicked.connect(self.make)
        self.one_canvas = QCheckBox("All cameras on one canvas")
        self.one_canvas.setToolTip(
            "For remote desktops and old graphics, which cannot draw on many.\n"
            "The cameras are zoomed together, and there is no view of the pose in space."
        )
        self._remembered = QSettings("napari-sdannce", "label in 3D")
        self.one_canvas.setChecked(self._remembered.value(_ONE_CANVAS, False, type=bool))
        self.one_canvas.toggled.connect(
            lambda wanted: self._remembered.setValue(_ONE_CANVAS, wanted)
        )
        self._paths: list[Path] = []
        self._lay_out()

    def _lay_out(self) -> None:
        head = QHBoxLayout()
        head.addWidget(self.title, stretch=1)
        head.addWidget(self.open_button)
        who = QFormLayout()
        who.addRow("You are", self.labeler)
        self._old = QGroupBox("Labels that are there")
        old = QVBoxLayout(self._old)
        old.addWidget(self.there)
        old.addWidget(self.go_on_button)
        self._new = QGroupBox("New labels")
        new = QFormLayout(self._new)
        chosen = QHBoxLayout()
        chosen.addWidget(self.skeleton, stretch=1)
        chosen.addWidget(self.skeleton_button)
        chosen.addWidget(self.edit_button)
        new.addRow("Called", self.name)
        beginning = QHBoxLayout()
        beginning.addWidget(self.start_from, stretch=1)
        beginning.addWidget(self.file_button)
        new.addRow("Begin with", beginning)
        new.addRow("Skeleton", chosen)
        new.addRow("Animals", self.animals)
        new.addRow(self.make_button)
        layout = QVBoxLayout(self)
        layout.addLayout(head)
        layout.addLayout(who)
        layout.addWidget(self._old)
        layout.addWidget(self._new)
        layout.addWidget(self.one_canvas)
        layout.addStretch()

    def show_recording(self, recording: Recording | None) -> None:
        """List the sessions of a recording; None: there is none yet."""
        self.recording = recording
        self.title.setText("Open a recording first" if recording is None else recording.name)
        for widget in (self._old, self._new):
            widget.setVisible(recording is not None)
        if recording is None:
            return
        self._list(recording)
        self._offer(recording)

    def _list(self, recording: Recording) -> None:
        self._paths = []
        self.there.clear()
        for path in sessions_of(recording):
            try:
                self.there.addItem(session_in_words(path))
            except FileFormatError as error:
                self.message.emit(in_plain_words(error), True)
                continue
            self._paths.append(path)
        self._old.setVisible(bool(self._paths))
        if self._paths:
            self.there.setCurrentRow(0)

    def _offer(self, recording: Recording) -> None:
        """Fill in what a new session would most likely be of."""
        self.start_from.clear()
        self.start_from.addItem(_NOTHING, ())
        for path in recording.label_files:
            self.start_from.addItem(path.name, (path,))
        if len(recording.label_files) > 1:
            self.start_from.addItem(_ALL, recording.label_files)
        self.skeleton.clear()
        self.skeleton.addItems([_AS_FILE, *builtin_skeletons()])
        if recording.skeleton is not None:
            self.skeleton.insertItem(1, recording.skeleton.name, recording.skeleton)
        self._on_start_from()
        number, folder = 1, recording.folder / FOLDER
        while (folder / f"labels-{number}").exists():
            number += 1
        self.name.setText(f"labels-{number}")

    def _on_start_from(self) -> None:
        """A file brings its own skeleton."""
        from_file = bool(self.start_from.currentData())
        item = self.skeleton.model().item(0) if self.skeleton.count() else None  # type: ignore[union-attr]
        if item is not None:
            item.setEnabled(from_file)
        if self.skeleton.count():
            # which of the usual ones it is, nobody but the person knows
            known = self.recording is not None and self.recording.skeleton is not None
            self.skeleton.setCurrentIndex(0 if from_file else 1 if known else -1)
        self.animals.setText("" if from_file else _ONE_ANIMAL)
        self.animals.setPlaceholderText(_AS_FILE if from_file else "")

    def _ask_for_labels(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self, "Choose a label file", filter=_LABELS)
        if path:
            self.begin_with(Path(path))

    def begin_with(self, path: Path) -> None:
        """Offer a label file, and choose it."""
        self.start_from.addItem(path.name, (path,))
        self.start_from.setCurrentIndex(self.start_from.count() - 1)

    def _ask_for_skeleton(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self, "Choose a skeleton", filter=_SKELETONS)
        if not path:
            return
        try:
            skeleton = open_skeleton(path)
        except FILE_ERRORS as error:
            self.message.emit(in_plain_words(error), True)
            return
        self._add_skeleton(f"{skeleton.name} ({Path(path).name})", skeleton)

    def _add_skeleton(self, text: str, skeleton: Skeleton) -> None:
        self.skeleton.addItem(text, skeleton)
        self.skeleton.setCurrentIndex(self.skeleton.count() - 1)

    def _edit(self) -> None:
        self.editor = SkeletonEditor(self._chosen_skeleton(), self)
        self.editor.accepted_skeleton.connect(
            lambda skeleton: self._add_skeleton(f"{skeleton.name} (edited)", skeleton)
        )
        self.editor.show()

    def _chosen_skeleton(self) -> Skeleton | None:
        """None: as in the file."""
        chosen = self.skeleton.currentData(Qt.ItemDataRole.UserRole)
        if isinstance(chosen, Skeleton):
            return chosen
        text = self.skeleton.currentText()
        return None if text in ("", _AS_FILE) else open_skeleton(text)

    def go_on(self) -> None:
        """Open the session that is chosen."""
        row = self.there.currentRow()
        if 0 <= row < len(self._paths):
            self.session_asked.emit(WantedSession(self._paths[row], self.labeler.text().strip()))

    def make(self) -> None:
        """Make a session."""
        if self.recording is None:
            return
        name = self.name.text().strip()
        if not name or Path(name).name != name or name in (".", ".."):
            self.message.emit("Give the new labels a name, without a slash.", True)
            return
        start = self.start_from.currentData()
        skeleton = self._chosen_skeleton()
        if skeleton is None and not start:
            self.message.emit("Choose a skeleton.", True)
            return
        animals = tuple(each.strip() for each in self.animals.text().split(",") if each.strip())
        if len(set(animals)) < len(animals) or not (animals or start):
            self.message.emit("Give every animal a name of its own.", True)
            return
        self.session_asked.emit(
            WantedSession(
                self.recording.folder / FOLDER / name,
                self.labeler.text().strip(),
                skeleton,
                animals,
                start,
            )
        )
