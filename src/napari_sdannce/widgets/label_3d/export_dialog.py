"""Writing label files, for training and for Label3D."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Signal
from qtpy.QtWidgets import (
    QButtonGroup,
    QCheckBox,
    QDialog,
    QDialogButtonBox,
    QLabel,
    QListWidget,
    QRadioButton,
    QVBoxLayout,
    QWidget,
)

from napari_sdannce.files.reference_config import DEFAULT_IO
from napari_sdannce.labeling.export import (
    Incomplete,
    export_dannce,
    export_label3d,
    gaps_of,
    labelled_animals,
    note_for_reference,
)
from napari_sdannce.widgets.opening import FILE_ERRORS, in_plain_words

if TYPE_CHECKING:
    from pathlib import Path

    from napari_sdannce.labeling.export import Gap
    from napari_sdannce.widgets.label_3d.desk import Desk

_WORDS = {
    Incomplete.LEAVE_OUT: "Leave these animals out at these frames",
    Incomplete.IN_PART: "Write the keypoints that are there; training passes over the others",
}
_HIGHEST = 130


class ExportDialog(QDialog):
    """Says what is incomplete, asks what becomes of it, and writes the files."""

    message = Signal(str, bool)
    gap_asked = Signal(int)
    """A moment that is incomplete is to be shown."""

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.desk = desk
        self.setWindowTitle("Export labels")
        self.written: list[Path] = []
        self.gaps: list[Gap] = []
        self._count, self._proposed, self._head = QLabel(), QLabel(), QLabel()
        self.for_training = QCheckBox("For training (*_dannce.mat, noted in the project)")
        self.for_training.setChecked(True)
        self.for_reference = QCheckBox("Note them in io.yaml, too: s-DANNCE trains by it")
        self.for_reference.setChecked((desk.recording.folder / DEFAULT_IO).is_file())
        self.for_label3d = QCheckBox("For Label3D (*_Label3D.mat)")
        layout = QVBoxLayout(self)
        layout.addWidget(self._count)
        layout.addWidget(self._proposed)
        layout.addWidget(self.for_training)
        layout.addWidget(self.for_reference)
        layout.addWidget(self.for_label3d)
        self.choice = QButtonGroup(self)
        self.listed = QListWidget()
        self.listed.setMaximumHeight(_HIGHEST)
        self.listed.setToolTip("Double click: show this frame")
        self.listed.itemDoubleClicked.connect(
            lambda item: self.gap_asked.emit(self.gaps[self.listed.row(item)].sample_id)
        )
        layout.addWidget(self._head)
        layout.addWidget(self.listed)
        for number, text in enumerate(_WORDS.values()):
            button = QRadioButton(text)
            self.choice.addButton(button, number)
            layout.addWidget(button)
        self.choice.idClicked.connect(lambda _: self._allow())
        ok, cancel = QDialogButtonBox.StandardButton.Ok, QDialogButtonBox.StandardButton.Cancel
        self.buttons = QDialogButtonBox(ok | cancel)
        write = self.buttons.button(ok)
        assert write is not None
        self.write_button = write
        self.write_button.setText("Write")
        self.buttons.accepted.connect(self.write)
        self.buttons.rejected.connect(self.reject)
        layout.addWidget(self.buttons)
        for box in (self.for_training, self.for_label3d):
            box.toggled.connect(lambda _: self._allow())
        self.refill()

    def refill(self) -> None:
        """Say what there is to write now."""
        labels = self.desk.session.labels()
        whole = int(labels.complete.any(axis=1).sum()) if len(labels) else 0
        n_labelled = int(labelled_animals(labels).any(axis=1).sum()) if len(labels) else 0
        left = len(labels) - n_labelled
        self._count.setText(f"{n_labelled} frames have labels, {whole} a whole animal.")
        self._proposed.setText(f"{left} more have proposals only, which are not written.")
        self._proposed.setVisible(left > 0)
        self.gaps = gaps_of(labels)
        self._head.setText(f"Animals that lack keypoints ({len(self.gaps)}):")
        self.listed.clear()
        self.listed.addItems([self._in_words(gap) for gap in self.gaps])
        for widget in (self._head, self.listed, *self.choice.buttons()):
            widget.setVisible(bool(self.gaps))
        self._allow()

    def _in_words(self, gap: Gap) -> str:
        """What is missing, and in which frame as the panel counts them."""
        n_keypoints = self.desk.subject.shape[2]
        missing = "all" if len(gap.missing) == n_keypoints else ", ".join(gap.missing)
        return f"frame {self.desk.row_of(gap.sample_id)}, {gap.animal}: {missing}"

    @property
    def incomplete(self) -> Incomplete:
        """What shall become of animals that are not whole."""
        number = self.choice.checkedId()
        return list(_WORDS)[number] if number >= 0 else Incomplete.REFUSE

    def _allow(self) -> None:
        """Files for training can be written when it is said what becomes of gaps."""
        decided = not self.gaps or self.incomplete is not Incomplete.REFUSE
        training, label3d = self.for_training.isChecked(), self.for_label3d.isChecked()
        self.for_reference.setEnabled(training)
        self.write_button.setEnabled((training or label3d) and (decided or not training))

    def write(self) -> None:
        """Write the files beside the recording's others."""
        desk = self.desk
        folder = desk.recording.folder
        try:
            if self.for_training.isChecked():
                paths = export_dannce(
                    desk.session, desk.recording, folder, incomplete=self.incomplete
                )
                self.written += paths
                if self.for_reference.isChecked():
                    note_for_reference(desk.recording, paths)
            if self.for_label3d.isChecked():
                self.written.append(export_label3d(desk.session, desk.recording, folder))
        except FILE_ERRORS as error:
            self.message.emit(f"{self._so_far()}{in_plain_words(error)}", True)
            return
        self.message.emit(self._so_far(), False)
        self.accept()

    def _so_far(self) -> str:
        """Which files were written."""
        if not self.written:
            return "Not exported: "
        names = ", ".join(path.name for path in self.written)
        return f"Written to {self.desk.recording.folder}: {names}. "
