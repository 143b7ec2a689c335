"""Points on which people do not agree, to be settled one after the other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QListWidget,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from napari_sdannce.labeling.settling import Settling
from napari_sdannce.widgets.label_3d.desk import OtherClick

if TYPE_CHECKING:
    from pathlib import Path

    from napari_sdannce.labeling.comparison import Comparison
    from napari_sdannce.labeling.merge import Conflict
    from napari_sdannce.widgets.label_3d.desk import Desk

_HEAD = "Where you do not agree"


class ConflictList(QWidget):
    """Shows the conflicts that are left; it is to be seen only while there are any."""

    shown = Signal(int, int, int)
    """Camera, animal and keypoint that are to be seen."""

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.desk = desk
        self.left: list[tuple[Settling, Conflict]] = []
        self._settlings: dict[Path, Settling] = {}
        self.head = QLabel()
        self.head.setStyleSheet("font-weight: bold")
        self.list = QListWidget()
        self.list.setWordWrap(True)
        self.list.setSpacing(2)
        self.list.itemClicked.connect(self._on_item)
        self.theirs_button = QPushButton("Take theirs")
        self.theirs_button.setToolTip("Their point, the pink diamond, becomes yours")
        self.theirs_button.clicked.connect(self.take_theirs)
        self.ours_button = QPushButton("Keep mine")
        self.ours_button.setToolTip("Leave the point as it is, and go to the next")
        self.ours_button.clicked.connect(self.keep_mine)
        for widget in (self.list, self.theirs_button, self.ours_button):
            widget.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        buttons = QHBoxLayout()
        buttons.addWidget(self.theirs_button)
        buttons.addWidget(self.ours_button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 4, 0, 0)
        layout.setSpacing(3)
        layout.addWidget(self.head)
        layout.addWidget(self.list, stretch=1)
        layout.addLayout(buttons)
        self.hide()

    def add(self, path: Path, comparison: Comparison) -> None:
        """Work through the conflicts with a session, and show the first of all that are left."""
        self._settlings[path] = Settling(self.desk.session, comparison)
        self.refill()
        self._show(0)

    def refill(self) -> None:
        """List what is left, where that is something else than before."""
        left = [(each, conflict) for each in self._settlings.values() for conflict in each.left]
        if left == self.left:
            return
        chosen = self.chosen
        self.left = left
        self.head.setText(f"{_HEAD}: {len(left)}")
        self.list.clear()
        self.list.addItems([_in_words(*each) for each in left])
        self.setVisible(bool(left))
        if chosen in left:
            self.list.setCurrentRow(left.index(chosen))
        else:
            self.desk.show_other_click(None)
        self._allow()

    @property
    def chosen(self) -> tuple[Settling, Conflict] | None:
        """The conflict that is looked at."""
        row = self.list.currentRow()
        return self.left[row] if 0 <= row < len(self.left) else None

    def take_theirs(self) -> None:
        """Make their point ours, as a step that can be undone, and go to the next."""
        row, chosen = self.list.currentRow(), self.chosen
        if chosen is None:
            return
        settling, conflict = chosen
        after, joined = settling.with_theirs(conflict)
        keypoint = self.desk.subject.skeleton.keypoints[conflict.keypoint]
        view = self.desk.subject.views[conflict.view]
        if self.desk.change_moments(f"their {keypoint} in {view}", after, joined):
            self.refill()
            self._go_on(row, f"Their {keypoint} in {view} is yours now")

    def keep_mine(self) -> None:
        """Say that our point is right, and go to the next."""
        row, chosen = self.list.currentRow(), self.chosen
        if chosen is None:
            return
        settling, conflict = chosen
        settling.keep_ours(conflict)
        self.refill()
        self._go_on(row, "Your point stays")

    def _go_on(self, row: int, done: str) -> None:
        """Show the next conflict, and say how many are left."""
        self._show(row)
        left = f"{len(self.left)} left to settle" if self.left else "nothing is left to settle"
        self.desk.said.emit(f"{done}: {left}.", False)

    def _on_item(self) -> None:
        self._show(self.list.currentRow())

    def _show(self, row: int) -> None:
        """Go where a conflict is, and draw what both say."""
        if not self.left:
            return
        row = min(row, len(self.left) - 1)
        self.list.setCurrentRow(row)
        self._allow()
        settling, conflict = self.left[row]
        desk, theirs = self.desk, settling.their_place(conflict)
        desk.go_to(desk.row_of(conflict.sample_id))
        desk.select(conflict.animal, conflict.keypoint)
        desk.look_at_view(conflict.view, None)
        desk.show_other_click(OtherClick(conflict.sample_id, conflict.view, theirs))
        self.shown.emit(*conflict.cell)

    def _allow(self) -> None:
        for button in (self.theirs_button, self.ours_button):
            button.setEnabled(self.chosen is not None)


def _in_words(settling: Settling, conflict: Conflict) -> str:
    return settling.comparison.conflict_in_words(conflict)
