"""Describing a board: a small form, a picture of it, and a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from qtpy.QtCore import Qt, Signal
from qtpy.QtGui import QImage, QPixmap
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QFileDialog,
    QFormLayout,
    QLabel,
    QPushButton,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from napari_sdannce.calibration.boards.board_file import describe, write_board
from napari_sdannce.calibration.boards.board_kinds import CharucoBoard, Checkerboard
from napari_sdannce.calibration.boards.pattern import (
    board_origin,
    board_squares,
    dictionary_names,
    is_black,
    opencv_board,
)
from napari_sdannce.calibration.boards.print_board import print_board
from napari_sdannce.widgets.breakable import breakable
from napari_sdannce.widgets.opening import FILE_ERRORS, in_plain_words
from napari_sdannce.widgets.setting_editors import not_by_the_wheel
from napari_sdannce.widgets.setting_words import BOARD_FILES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_sdannce.calibration.boards.board_keys import Board

CHARUCO, CHESS = "With markers (ChArUco)", "Plain chessboard"
_NAME = "board.toml"
_PAGES = "Pages (*.pdf *.svg)"
_PICTURE = (320, 170)
"""Most px that the picture is wide and high."""
_PX_A_SQUARE = 24
_MARGIN = 0.5


class BoardForm(QWidget):
    """What a board is like, in a few numbers."""

    written = Signal(object)
    """The board is in the file of this path."""
    message = Signal(str, bool)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.folder = Path.home()
        """Where the file is proposed to lie."""
        self.kind = _choice((CHARUCO, CHESS))
        self.across, self.down = _count(8), _count(11)
        self.square, self.marker = _length(20.0), _length(15.0)  # as `sdannce board new`
        self.dictionary = _choice(dictionary_names())
        self.dictionary.setCurrentText("DICT_4X4_100")
        self.inverted = QCheckBox("white on black")
        self.about = QLabel()
        self.about.setWordWrap(True)
        self.picture = QLabel()
        self.picture.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.save_button = QPushButton("Save the board file …")
        self.save_button.clicked.connect(self._ask)
        self.print_button = QPushButton("Save it for printing …")
        self.print_button.setToolTip("As PDF or SVG, at its true size, with a ruler to check that")
        self.print_button.clicked.connect(self._ask_to_print)
        self._lay_out()
        for box in (self.across, self.down, self.square, self.marker):
            box.valueChanged.connect(self._show)
        for choice in (self.kind, self.dictionary):
            choice.currentTextChanged.connect(self._show)
        self.inverted.toggled.connect(self._show)
        self._show()

    def _lay_out(self) -> None:
        self.rows = QFormLayout()
        self.rows.setContentsMargins(0, 0, 0, 0)
        self.rows.setVerticalSpacing(3)
        self._across_label, self._down_label = QLabel(), QLabel()
        self.rows.addRow("Kind", self.kind)
        self.rows.addRow(self._across_label, self.across)
        self.rows.addRow(self._down_label, self.down)
        self.rows.addRow("Edge of a square", self.square)
        self.rows.addRow("Edge of a marker", self.marker)
        self.rows.addRow("Markers from", self.dictionary)
        self.rows.addRow("Printed", self.inverted)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 4, 0, 4)
        layout.setSpacing(5)
        layout.addLayout(self.rows)
        for widget in (self.picture, self.about, self.save_button, self.print_button):
            layout.addWidget(widget)

    @property
    def is_charuco(self) -> bool:
        """Whether it has markers."""
        return self.kind.currentText() == CHARUCO

    def board(self) -> Board:
        """The board that is described.

        Raises
        ------
        ValueError
            When there can be none like that.
        """
        across, down, square = self.across.value(), self.down.value(), self.square.value()
        if not self.is_charuco:
            return Checkerboard(across, down, square)
        board = CharucoBoard(
            across, down, square, self.marker.value(), self.dictionary.currentText(),
            inverted=self.inverted.isChecked(),
        )  # fmt: skip
        opencv_board(board)  # has markers enough
        return board

    def _show(self, _: object = None) -> None:
        what = "Squares" if self.is_charuco else "Inner corners"
        for box in (self.across, self.down):
            box.setMinimum(2 if self.is_charuco else 3)
        self._across_label.setText(f"{what} across")
        self._down_label.setText(f"{what} down")
        for widget in (self.marker, self.dictionary, self.inverted):
            self.rows.setRowVisible(widget, self.is_charuco)
        try:
            board = self.board()
        except ValueError as error:
            self._say(in_plain_words(error), is_trouble=True)
            self.picture.clear()
            self.save_button.setEnabled(False)
            self.print_button.setEnabled(False)
            return
        size = np.array(board_squares(board)) * board.square_mm
        self._say(f"{size[0]:g} × {size[1]:g} mm in all. Measure a printed square: "
                  "printers and copiers change sizes.")  # fmt: skip
        self.picture.setPixmap(_picture(board))
        self.picture.setToolTip(describe(board))
        self.save_button.setEnabled(True)
        self.print_button.setEnabled(True)

    def _say(self, text: str, *, is_trouble: bool = False) -> None:
        self.about.setText(breakable(f"{text[:1].upper()}{text[1:]}"))
        color = "#ff8c69" if is_trouble else "#9a9a9a"
        self.about.setStyleSheet(f"color: {color}; font-size: 11px")

    def _ask(self) -> None:
        start = str(self.folder / _NAME)
        path, _ = QFileDialog.getSaveFileName(self, "Save the board file", start, BOARD_FILES)
        if path:
            self.save(Path(path))

    def _ask_to_print(self) -> None:
        start = str((self.folder / _NAME).with_suffix(".pdf"))
        path, _ = QFileDialog.getSaveFileName(self, "Save the board for printing", start, _PAGES)
        if path:
            self.save_page(Path(path))

    def save_page(self, path: Path) -> None:
        """Write the board for a printer; the person has agreed to replace a file that is there."""
        goal = path if path.suffix else path.with_suffix(".pdf")
        board = self.board()
        size = np.array(board_squares(board)) * board.square_mm
        try:
            written = _print(goal, board)
        except FILE_ERRORS as error:
            self.message.emit(f"It could not be saved: {in_plain_words(error)}", True)
            return
        names = ", ".join(each.name for each in written)
        self.message.emit(
            f"{names}: print it at 100 %, without fitting it to the page; then the board is "
            f"{size[0]:g} × {size[1]:g} mm.", False
        )  # fmt: skip

    def save(self, path: Path) -> None:
        """Write the board; the person has agreed to replace a file that is there."""
        goal = path if path.suffix else path.with_suffix(".toml")
        try:
            write_board(goal, self.board(), overwrite=True)
        except FILE_ERRORS as error:
            self.message.emit(f"It could not be saved: {in_plain_words(error)}", True)
            return
        self.written.emit(goal)


def _print(goal: Path, board: Board) -> Sequence[Path]:
    """Write it on a page of A4, or on one of its own size where that is too small."""
    try:
        return print_board(goal, board, page="a4", overwrite=True)
    except ValueError:
        return print_board(goal, board, page="board", overwrite=True)


def _picture(board: Board) -> QPixmap:
    """The board as it is printed."""
    squares = np.array(board_squares(board))
    scale = max(1, min(_PX_A_SQUARE, *(np.array(_PICTURE) / (squares + 2 * _MARGIN)).astype(int)))
    wide, high = ((squares + 2 * _MARGIN) * scale).astype(int)
    x, y = (np.mgrid[:wide, :high] + 0.5) / scale - _MARGIN
    place = np.stack([x.T, y.T], axis=-1) * board.square_mm + board_origin(board)
    dark = is_black(board, place) != getattr(board, "inverted", False)
    gray = np.where(dark, 30, 235).astype(np.uint8)
    image = QImage(gray.tobytes(), wide, high, wide, QImage.Format.Format_Grayscale8)
    return QPixmap.fromImage(image)


def _choice(names: tuple[str, ...]) -> QComboBox:
    box = QComboBox()
    box.addItems(names)
    box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    box.setMinimumContentsLength(8)
    not_by_the_wheel(box)
    return box


def _count(value: int) -> QSpinBox:
    box = QSpinBox()
    box.setRange(2, 100)
    box.setValue(value)
    not_by_the_wheel(box)
    return box


def _length(value: float) -> QDoubleSpinBox:
    box = QDoubleSpinBox()
    box.setRange(0.1, 10_000)
    box.setDecimals(2)
    box.setSuffix(" mm")
    box.setValue(value)
    not_by_the_wheel(box)
    return box
