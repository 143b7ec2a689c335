"""The table of keys, to look at and to change."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QEvent, Qt, Signal
from qtpy.QtGui import QKeyEvent
from qtpy.QtWidgets import (
    QAbstractItemView,
    QDialog,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QPushButton,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from napari_sdannce.widgets.label_3d.drawn_cells import LOOKS
from napari_sdannce.widgets.label_3d.key_catcher import name_of
from napari_sdannce.widgets.label_3d.key_table import LABEL3D, KeyTable, write_keys

if TYPE_CHECKING:
    from napari_sdannce.widgets.label_3d.key_catcher import KeyCatcher

_MOUSE = (
    ("Click", "Place the selected keypoint, and go to the next"),
    ("Drag a point", "Move it; the other views follow"),
    ("Drag beside points", "Move the image"),
    ("Wheel", "Zoom this view"),
    ("Right click", "Hidden in this view, or not"),
)


class KeyHelp(QDialog):
    """What the mouse and every key do; a double click on a line lets another key do it."""

    message = Signal(str, bool)
    _waits: str | None = None
    """Action whose key is waited for. Qt asks for it before there is an instance of ours."""

    def __init__(self, catcher: KeyCatcher, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Keys")
        self.setWindowFlag(Qt.WindowType.Tool, True)
        self.catcher = catcher
        self.table = QTableWidget(0, 2)
        self.table.setHorizontalHeaderLabels(["Key", "What it does"])
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        self.table.cellDoubleClicked.connect(lambda row, _: self.ask_for(row))
        across, down = self.table.horizontalHeader(), self.table.verticalHeader()
        assert across is not None
        assert down is not None
        across.setSectionResizeMode(0, QHeaderView.ResizeMode.ResizeToContents)
        across.setSectionResizeMode(1, QHeaderView.ResizeMode.Stretch)
        down.setVisible(False)
        down.setDefaultSectionSize(20)
        self.hint = QLabel()
        self.hint.setWordWrap(True)
        usual, label3d, done = (
            QPushButton(text) for text in ("Usual keys", "Keys of Label3D", "Close")
        )
        usual.clicked.connect(lambda: self.take(KeyTable()))
        label3d.clicked.connect(lambda: self.take(KeyTable(LABEL3D)))
        done.clicked.connect(self.hide)
        buttons = QHBoxLayout()
        for button in (usual, label3d, done):
            buttons.addWidget(button)
        layout = QVBoxLayout(self)
        layout.addWidget(self.table, stretch=1)
        layout.addWidget(self.hint)
        layout.addLayout(buttons)
        self.resize(520, 640)
        self.fill()

    def fill(self) -> None:
        """List what the mouse and the keys do."""
        actions = self.catcher.table.actions
        rows = [*_MOUSE, *((", ".join(each.keys), each.title) for each in actions)]
        self.table.setRowCount(len(rows))
        for row, texts in enumerate(rows):
            for column, text in enumerate(texts):
                self.table.setItem(row, column, QTableWidgetItem(text))
        looks = "; ".join(f"{look.shape}: {look.words}" for look in LOOKS.values())
        self.hint.setText(f"Double click on a key to change it. Points: {looks}.")

    def ask_for(self, row: int) -> None:
        """Wait for the key that shall do what this line says."""
        number = row - len(_MOUSE)
        if number < 0:
            self.hint.setText("What the mouse does can not be changed.")
            return
        action = self.catcher.table.actions[number]
        self._waits = action.name
        self.hint.setText(f"Press the key for '{action.title}', or Esc.")
        self.setFocus()

    def event(self, event: QEvent | None) -> bool:
        """Take the key that is waited for, Tab too."""
        if self._waits is not None and isinstance(event, QKeyEvent):
            if event.type() == QEvent.Type.KeyPress:
                self._take_key(event)
            return True
        return super().event(event)

    def _take_key(self, event: QKeyEvent) -> None:
        name = name_of(event)
        if not name:
            return
        waits, self._waits = self._waits, None
        assert waits is not None
        if event.key() == Qt.Key.Key_Escape:
            self.fill()
            return
        keys = {action.name: action.keys for action in self.catcher.table.actions}
        # a key does one thing: it leaves what it did before
        freed = {each: tuple(k for k in old if k != name) for each, old in keys.items()}
        self.take(KeyTable({**freed, waits: (name,)}))

    def take(self, table: KeyTable) -> None:
        """Use these keys from now on, also the next time."""
        self.catcher.table = table
        self.fill()
        try:
            write_keys(table)
        except OSError as error:
            self.message.emit(f"The keys could not be kept: {error}", True)
