"""Making a skeleton: keypoints, bones with their colours, and what is left and right."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtCore import Qt, Signal
from qtpy.QtGui import QColor, QIcon, QPixmap
from qtpy.QtWidgets import (
    QColorDialog,
    QComboBox,
    QDialog,
    QFileDialog,
    QGridLayout,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QLineEdit,
    QPushButton,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from napari_sdannce.files.skeleton_mat import open_skeleton, write_skeleton_mat
from napari_sdannce.skeletons import (
    Skeleton,
    builtin_skeletons,
    pairs_by_name,
    write_skeleton_yaml,
)
from napari_sdannce.widgets.opening import FILE_ERRORS, in_plain_words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_sdannce.skeletons import RGBA

_FILES = "Skeletons (*.yaml *.mat)"
_GREY: RGBA = (0.7, 0.7, 0.7, 1.0)
_NONE = "start from …"
_NAME = Qt.ItemDataRole.UserRole
"""Under which an item keeps the last name that others know it by."""
_COLOUR = 2
"""Column of the bones."""


class NameTable(QWidget):
    """Rows of keypoints' names, with buttons to add, take away and move rows.

    Parameters
    ----------
    title
        Above it.
    columns
        Heads of its columns.
    """

    changed = Signal()
    renamed = Signal(str, str)
    """A row has another name, which no other has: the name before, and that now."""

    def __init__(self, title: str, columns: Sequence[str], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.table = QTableWidget(0, len(columns))
        self.table.setHorizontalHeaderLabels(list(columns))
        across, down = self.table.horizontalHeader(), self.table.verticalHeader()
        assert across is not None
        assert down is not None
        across.setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        down.setDefaultSectionSize(22)
        self.table.itemChanged.connect(self._on_item)
        self.add_button, self.remove_button, self.up_button, self.down_button = (
            QPushButton(text) for text in ("+", "–", "↑", "↓")
        )
        for button, words in (
            (self.add_button, "Add a row"),
            (self.remove_button, "Take the chosen row away"),
            (self.up_button, "Move the chosen row up"),
            (self.down_button, "Move the chosen row down"),
        ):
            button.setToolTip(words)
        self.add_button.clicked.connect(lambda: self.add([""] * self.table.columnCount()))
        self.remove_button.clicked.connect(self._remove)
        self.up_button.clicked.connect(lambda: self._move(-1))
        self.down_button.clicked.connect(lambda: self._move(1))
        buttons = QHBoxLayout()
        head = QLabel(title)
        head.setStyleSheet("font-weight: bold")
        buttons.addWidget(head, stretch=1)
        for button in (self.add_button, self.remove_button, self.up_button, self.down_button):
            button.setFixedWidth(28)
            buttons.addWidget(button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(buttons)
        layout.addWidget(self.table)

    def _on_item(self, item: QTableWidgetItem) -> None:
        """Tell of a new name before anybody looks whether all names are there."""
        before, now = item.data(_NAME), item.text().strip()
        names = [row[0] for row in self.rows()]
        if item.column() == 0 and now and names.count(now) == 1 and now != before:
            self.table.blockSignals(True)
            item.setData(_NAME, now)
            self.table.blockSignals(False)
            if before:
                self.renamed.emit(before, now)
        self.changed.emit()

    def rename(self, before: str, now: str) -> None:
        """Write another name wherever one stands."""
        self.table.blockSignals(True)
        for row, texts in enumerate(self.rows()):
            for column, text in enumerate(texts):
                item = self.table.item(row, column)
                if text == before and item is not None:
                    item.setText(now)
        self.table.blockSignals(False)

    def rows(self) -> list[tuple[str, ...]]:
        """What stands in each row."""
        return [
            tuple(self._text(row, column) for column in range(self.table.columnCount()))
            for row in range(self.table.rowCount())
        ]

    def _text(self, row: int, column: int) -> str:
        item = self.table.item(row, column)
        return "" if item is None else item.text().strip()

    def fill(self, rows: Sequence[Sequence[str]]) -> None:
        """Show these rows."""
        self.table.blockSignals(True)
        self.table.setRowCount(0)
        for row in rows:
            self._append(row)
        self.table.blockSignals(False)
        self.changed.emit()

    def add(self, texts: Sequence[str]) -> None:
        """Append a row, and let the person write in it."""
        self._append(texts)
        row = self.table.rowCount() - 1
        self.table.setCurrentCell(row, 0)
        self.table.editItem(self.table.item(row, 0))
        self.changed.emit()

    def _append(self, texts: Sequence[str]) -> None:
        row = self.table.rowCount()
        self.table.insertRow(row)
        for column, text in enumerate(texts):
            item = QTableWidgetItem(text)
            item.setData(_NAME, text)
            self.table.setItem(row, column, item)

    def _remove(self) -> None:
        if self.table.currentRow() >= 0:
            self.table.removeRow(self.table.currentRow())
            self.changed.emit()

    def _move(self, way: int) -> None:
        row = self.table.currentRow()
        other = row + way
        if row < 0 or not 0 <= other < self.table.rowCount():
            return
        for column in range(self.table.columnCount()):
            mine, theirs = self.table.takeItem(row, column), self.table.takeItem(other, column)
            self.table.setItem(row, column, theirs)
            self.table.setItem(other, column, mine)
        self.table.setCurrentCell(other, 0)
        self.changed.emit()


class SkeletonEditor(QDialog):
    """A form of a skeleton; it says what does not fit while one types.

    Parameters
    ----------
    skeleton
        What to begin with.
    """

    accepted_skeleton = Signal(object)
    """The `Skeleton` is to be used."""

    def __init__(self, skeleton: Skeleton | None = None, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Skeleton")
        self.name = QLineEdit()
        self.name.textChanged.connect(lambda _: self.check())
        self.begin = QComboBox()
        self.begin.addItems([_NONE, *builtin_skeletons()])
        self.begin.activated.connect(self._on_begin)
        self.keypoints = NameTable("Keypoints", ("name",))
        self.bones = NameTable("Bones", ("from", "to", "colour"))
        self.bones.table.cellDoubleClicked.connect(self._on_colour)
        self.pairs = NameTable("Left and right", ("left", "right"))
        self.guess_button = QPushButton("Guess left and right from the names")
        self.guess_button.clicked.connect(self.guess_pairs)
        self.trouble = QLabel()
        self.trouble.setWordWrap(True)
        self.save_button = QPushButton("Save …")
        self.save_button.clicked.connect(self._ask_where)
        self.use_button = QPushButton("Use it")
        self.use_button.clicked.connect(self._use)
        # bones and pairs keep their keypoints when these get other names
        self.keypoints.renamed.connect(self.bones.rename)
        self.keypoints.renamed.connect(self.pairs.rename)
        for table in (self.keypoints, self.bones, self.pairs):
            table.changed.connect(self.check)
        self.cancel_button = QPushButton("Cancel")
        self.cancel_button.clicked.connect(self.reject)
        self._lay_out()
        self.show_skeleton(skeleton or Skeleton("mine", ("Snout",)))

    def _lay_out(self) -> None:
        head = QHBoxLayout()
        head.addWidget(QLabel("Name"))
        head.addWidget(self.name, stretch=1)
        head.addWidget(self.begin)
        grid = QGridLayout()
        grid.addWidget(self.keypoints, 0, 0, 2, 1)
        grid.addWidget(self.bones, 0, 1)
        grid.addWidget(self.pairs, 1, 1)
        grid.setColumnStretch(1, 2)
        buttons = QHBoxLayout()
        buttons.addWidget(self.guess_button)
        buttons.addStretch()
        buttons.addWidget(self.save_button)
        buttons.addWidget(self.cancel_button)
        buttons.addWidget(self.use_button)
        layout = QVBoxLayout(self)
        layout.addLayout(head)
        layout.addLayout(grid, stretch=1)
        layout.addWidget(self.trouble)
        layout.addLayout(buttons)
        self.resize(680, 620)

    def show_skeleton(self, skeleton: Skeleton) -> None:
        """Fill the form."""
        names = skeleton.keypoints
        colors = skeleton.colors or (_GREY,) * len(skeleton.edges)
        self.name.setText(skeleton.name)
        self.keypoints.fill([(name,) for name in names])
        self.bones.fill(
            [
                (names[a], names[b], _hex_of(color))
                for (a, b), color in zip(skeleton.edges, colors, strict=True)
            ]
        )
        self.pairs.fill([(names[a], names[b]) for a, b in skeleton.pairs])
        self.check()

    def skeleton(self) -> Skeleton:
        """What the form says.

        Raises
        ------
        ValueError
            When it does not fit together; the message says what.
        """
        names = tuple(row[0] for row in self.keypoints.rows())
        if "" in names:
            raise ValueError(f"keypoint {names.index('') + 1} has no name")
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise ValueError(f"two keypoints are called '{twice}'")
        place = {name: index for index, name in enumerate(names)}

        def found(name: str, where: str) -> int:
            if name not in place:
                raise ValueError(f"{where}: there is no keypoint '{name}'")
            return place[name]

        bones = self.bones.rows()
        return Skeleton(
            self.name.text().strip() or "mine",
            names,
            edges=tuple((found(a, "bones"), found(b, "bones")) for a, b, _ in bones),
            colors=tuple(_color_of(text) for *_, text in bones),
            pairs=tuple(
                (found(a, "left and right"), found(b, "left and right"))
                for a, b in self.pairs.rows()
            ),
        )

    def _paint(self) -> None:
        """Show the colours of bones as such."""
        table = self.bones.table
        table.blockSignals(True)
        for row, (*_, text) in enumerate(self.bones.rows()):
            item, color = table.item(row, _COLOUR), QColor(text)
            if item is not None:
                swatch = QPixmap(12, 12)
                swatch.fill(color if color.isValid() else QColor.fromRgbF(*_GREY))
                item.setIcon(QIcon(swatch))
        table.blockSignals(False)

    def check(self) -> bool:
        """Say what does not fit; whether all does."""
        self._paint()
        try:
            skeleton = self.skeleton()
        except ValueError as error:
            self._say(str(error), trouble=True)
            return False
        n_bones = len(skeleton.bones)
        self._say(f"{len(skeleton.keypoints)} keypoints, {n_bones} bones.", trouble=False)
        return True

    def _say(self, text: str, *, trouble: bool) -> None:
        self.trouble.setText(text)
        self.trouble.setStyleSheet("color: #ff8c69" if trouble else "")
        self.save_button.setEnabled(not trouble)
        self.use_button.setEnabled(not trouble)

    def guess_pairs(self) -> None:
        """Pair keypoints whose names differ in left and right."""
        names = tuple(row[0] for row in self.keypoints.rows())
        self.pairs.fill([(names[a], names[b]) for a, b in pairs_by_name(names)])

    def _on_begin(self, row: int) -> None:
        if row > 0:
            self.show_skeleton(open_skeleton(self.begin.itemText(row)))

    def _on_colour(self, row: int, column: int) -> None:
        if column != _COLOUR:
            return
        before = QColor(self.bones.rows()[row][_COLOUR] or _hex_of(_GREY))
        chosen = QColorDialog.getColor(before, self, "Colour of the bone")
        if chosen.isValid():
            self.bones.table.setItem(row, _COLOUR, QTableWidgetItem(chosen.name()))

    def _ask_where(self) -> None:
        path, _ = QFileDialog.getSaveFileName(
            self, "Save skeleton", f"{self.name.text().strip() or 'mine'}.yaml", _FILES
        )
        if path:
            self.save(Path(path))

    def save(self, path: Path) -> None:
        """Write the skeleton; the dialog has asked whether a file may be replaced."""
        try:
            if path.suffix == ".mat":
                write_skeleton_mat(self.skeleton(), path, overwrite=True)
            else:
                write_skeleton_yaml(self.skeleton(), path, overwrite=True)
        except FILE_ERRORS as error:
            self._say(in_plain_words(error), trouble=True)
        else:
            self._say(f"Saved as {path}.", trouble=False)

    def _use(self) -> None:
        if self.check():
            self.accepted_skeleton.emit(self.skeleton())
            self.accept()

    def keyPressEvent(self, event: object) -> None:
        """Enter ends the writing of a name, not the dialog."""
        key = getattr(event, "key", lambda: None)()
        if key not in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            super().keyPressEvent(event)  # type: ignore[arg-type]


def _hex_of(color: RGBA) -> str:
    return QColor.fromRgbF(*map(float, color)).name(
        QColor.NameFormat.HexRgb if color[3] == 1 else QColor.NameFormat.HexArgb
    )


def _color_of(text: str) -> RGBA:
    """A colour written as #rrggbb, #aarrggbb or by its name; grey where nothing is written."""
    if not text:
        return _GREY
    color = QColor(text)
    if not color.isValid():
        raise ValueError(f"'{text}' is no colour: write #rrggbb, or double click to choose")
    return color.redF(), color.greenF(), color.blueF(), color.alphaF()
