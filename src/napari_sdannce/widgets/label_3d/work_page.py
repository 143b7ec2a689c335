"""Where one labels: cameras and pose, keypoints, the strip over time, and what keys do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Qt, QTimer, Signal
from qtpy.QtWidgets import (
    QHBoxLayout,
    QInputDialog,
    QLabel,
    QPushButton,
    QSlider,
    QSpinBox,
    QSplitter,
    QVBoxLayout,
    QWidget,
)

from napari_sdannce.widgets import napari_adapter
from napari_sdannce.widgets.label_3d.carrying import Carrying
from napari_sdannce.widgets.label_3d.conflict_list import ConflictList
from napari_sdannce.widgets.label_3d.doubts import Doubts
from napari_sdannce.widgets.label_3d.export_dialog import ExportDialog
from napari_sdannce.widgets.label_3d.key_catcher import KeyCatcher
from napari_sdannce.widgets.label_3d.key_help import KeyHelp
from napari_sdannce.widgets.label_3d.key_table import KeyTable, read_keys
from napari_sdannce.widgets.label_3d.keypoint_table import KeypointTable
from napari_sdannce.widgets.label_3d.merge_dialog import MergeDialog
from napari_sdannce.widgets.label_3d.pose_sources import PoseSources
from napari_sdannce.widgets.label_3d.suggestion_list import SuggestionList
from napari_sdannce.widgets.label_3d.time_strip import TimeStrip, stretches
from napari_sdannce.widgets.label_3d.views import Views
from napari_sdannce.widgets.opening import FILE_ERRORS, in_plain_words

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_sdannce.widgets.label_3d.desk import Desk
    from napari_sdannce.widgets.label_3d.key_table import KeyAction

_DRAW_MS = 15
"""Moves of the mouse within this time are drawn once."""
_FAR = 10
_STEPS_TOLD = 12
_SIDE = (250, 450)
"""Least and greatest width of what is at the right of the views, to begin with."""


class WorkPage(QWidget):
    """Everything round one session.

    Parameters
    ----------
    desk
        The session.
    one_canvas
        Draw all cameras on one canvas.
    """

    message = Signal(str, bool)
    close_asked = Signal()

    def __init__(
        self, desk: Desk, *, one_canvas: bool = False, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.desk = desk
        self.views = Views(desk, one_canvas=one_canvas)
        self.keypoints = KeypointTable(desk)
        self.strip = TimeStrip(desk)
        self.doubts = Doubts(desk)
        self.conflicts = ConflictList(desk)
        self.conflicts.shown.connect(self.views.show_point)
        self.suggestions = SuggestionList(desk)
        self.suggestions.message.connect(self.message.emit)
        self.suggestions.suggested.connect(self._on_suggested)
        self.frame = QSpinBox()
        self.frame.setRange(0, desk.n_moments - 1)
        self.frame.setKeyboardTracking(False)
        self.frame.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self.frame.valueChanged.connect(desk.go_to)
        self.stride = QSpinBox()
        self.stride.setRange(1, max(desk.n_moments - 1, 1))
        self.stride.setValue(_FAR)
        self.stride.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self.gain = QSlider(Qt.Orientation.Horizontal)
        self.gain.setRange(5, 40)
        self.gain.setValue(10)
        self.gain.setToolTip("Brightness of the images")
        self.gain.setMaximumWidth(110)
        self.gain.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.gain.valueChanged.connect(lambda value: self.views.set_gain(value / 10))
        self.poses = PoseSources(desk)
        self.carrying = Carrying(desk, self)
        self.carrying.message.connect(self.message.emit)
        self.help: KeyHelp | None = None
        self.exporting: ExportDialog | None = None
        self.merging: MergeDialog | None = None
        self._actions = self._all_actions()
        self.keys_problem = ""
        """Why the keys are not those of this person."""
        self.keys = KeyCatcher(self._read_keys(), self.run, self)
        self._labels_differ = False
        self._draw = QTimer(self)
        self._draw.setSingleShot(True)
        self._draw.setInterval(_DRAW_MS)
        self._draw.timeout.connect(self._refill)
        self.undo_button = self._button("Undo", "undo")
        self.redo_button = self._button("Redo", "redo")
        self._lay_out()
        self._watch()
        desk.moment_changed.connect(self._on_moment)
        desk.labels_changed.connect(self._on_labels)
        desk.selection_changed.connect(self._on_selection)
        desk.focus_changed.connect(self._on_focus)
        desk.frames_changed.connect(self._on_frames)
        desk.said.connect(self._on_said)

    def _lay_out(self) -> None:
        side = QWidget()
        column = QVBoxLayout(side)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.keypoints, stretch=3)
        column.addWidget(self.doubts)
        column.addWidget(self.conflicts, stretch=2)
        column.addWidget(self.suggestions, stretch=2)
        middle = QSplitter(Qt.Orientation.Horizontal)
        middle.addWidget(self.views)
        middle.addWidget(side)
        middle.setStretchFactor(0, 1)
        width = min(max(self.keypoints.wanted_width(), _SIDE[0]), _SIDE[1])
        middle.setSizes([1200, width])
        below = QHBoxLayout()
        below.addWidget(QLabel("Frame"))
        below.addWidget(self.frame)
        below.addWidget(QLabel(f"of {self.desk.n_moments}"))
        below.addWidget(QLabel("step"))
        below.addWidget(self.stride)
        below.addWidget(self.undo_button)
        below.addWidget(self.redo_button)
        below.addWidget(self._button("Accept frame", "accept_frame"))
        below.addWidget(self._button("Zoom to animal", "zoom_to_animal"))
        below.addWidget(self._button("Whole images", "whole_images"))
        below.addStretch()
        below.addWidget(QLabel("☀"))
        below.addWidget(self.gain)
        below.addWidget(self._button("Merge …", "merge"))
        below.addWidget(self._button("Export …", "export"))
        below.addWidget(self._button("Keys", "keys"))
        close = QPushButton("Close")
        close.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        close.setToolTip("Put these labels away; everything is kept")
        close.clicked.connect(self.close_asked.emit)
        below.addWidget(close)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(3)
        layout.addWidget(middle, stretch=1)
        layout.addWidget(self.strip)
        layout.addLayout(below)

    def _button(self, text: str, name: str) -> QPushButton:
        button = QPushButton(text)
        button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        action = next(each for each in self.keys.table.actions if each.name == name)
        button.setToolTip(f"{action.title} ({', '.join(action.keys)})")
        button.clicked.connect(lambda: self.run(action, True))
        return button

    def _tell_steps(self) -> None:
        """List the last steps where they are taken back or done again."""
        session = self.desk.session
        for button, name, steps in (
            (self.undo_button, "undo", session.done),
            (self.redo_button, "redo", session.undone),
        ):
            action = next(each for each in self.keys.table.actions if each.name == name)
            head = f"{action.title} ({', '.join(action.keys)})"
            button.setToolTip("\n".join([head, *reversed(steps[-_STEPS_TOLD:])]))
            button.setEnabled(bool(steps))

    def _read_keys(self) -> KeyTable:
        try:
            return read_keys()
        except (ValueError, OSError) as error:
            self.keys_problem = f"{in_plain_words(error)}; the keys are those by default"
            return KeyTable()

    def _watch(self) -> None:
        self.keys.watch(self)
        for one in self.views.cameras:
            self.keys.guard(one.place.native)
        if self.views.pose is not None:
            self.keys.guard(napari_adapter.widget_of(self.views.pose.canvas))

    def begin(self) -> None:
        """Show the moment that was worked on last, whole images."""
        self.desk.moment = self.desk.last_worked_on
        self._on_moment()
        self._tell_steps()
        self.views.show_whole_images()
        self.views.cameras[0].place.native.setFocus()

    def put_away(self) -> None:
        """Close the session, the videos and the canvases.

        Raises
        ------
        OSError
            When no snapshot can be written; all is put away nevertheless.
        """
        for dialog in (self.exporting, self.merging, self.help):
            if dialog is not None:
                dialog.close()
        self.carrying.drop()
        self.suggestions.drop()
        self._draw.stop()
        self.doubts.stop()
        self.desk.moment_changed.disconnect()
        self.desk.labels_changed.disconnect()
        self.desk.selection_changed.disconnect()
        self.desk.focus_changed.disconnect()
        self.desk.frames_changed.disconnect()
        self.desk.said.disconnect()
        self.views.close_canvases()
        self.desk.close()

    # following the desk

    def _on_moment(self) -> None:
        self.frame.blockSignals(True)
        self.frame.setValue(self.desk.moment)
        self.frame.blockSignals(False)
        self.views.show_moment()
        self.keypoints.refill()
        self.strip.update()
        self.doubts.look_soon()

    def _on_frames(self) -> None:
        self.strip.update()

    def _on_suggested(self) -> None:
        self.strip.suggested = tuple(self.suggestions.moments)
        self.strip.predicted = stretches(self.suggestions.predicted)
        self.strip.update()

    def _on_said(self, text: str, trouble: bool) -> None:
        self.message.emit(text, trouble)

    def _on_labels(self) -> None:
        self._labels_differ = True
        self._draw_soon()

    def _on_selection(self) -> None:
        self._draw_soon()

    def _draw_soon(self) -> None:
        """A click changes labels and selection, a drag labels many times: draw them once."""
        if not self._draw.isActive():
            self._draw.start()

    def _refill(self) -> None:
        differ, self._labels_differ = self._labels_differ, False
        if differ:
            self.views.refill()
            self.keypoints.refill()
            self.strip.update()
            self.conflicts.refill()
            self.doubts.look_soon()
            self._tell_steps()
            if self.exporting is not None and self.exporting.isVisible():
                self.exporting.refill()
        else:
            self.views.show_selected()
        self.keypoints.show_selected()

    def _on_focus(self) -> None:
        for one in self.views.cameras:
            one.write_title()
        self.views.cameras[self.desk.focus].place.native.setFocus()

    # what keys do

    def run(self, action: KeyAction, down: bool) -> None:
        """Do what a key stands for."""
        if action.name == "hide":
            self.views.set_hidden(down)
        elif down:
            self._actions[action.name]()

    def _all_actions(self) -> dict[str, Callable[[], object]]:
        desk, views = self.desk, self.views
        return {
            "place": desk.place_here,
            "next_keypoint": lambda: desk.select_next(1),
            "previous_keypoint": lambda: desk.select_next(-1),
            "missing_keypoint": desk.select_missing,
            "accept_frame": desk.accept_frame,
            "accept_keypoint": desk.accept_keypoint,
            "accept_animal": desk.accept_animal,
            "lock": desk.toggle_locked,
            "clear_here": desk.clear_here,
            "clear_everywhere": desk.clear_everywhere,
            "occluded": desk.toggle_occluded,
            "not_in_view": desk.toggle_not_in_view,
            "uncertain": desk.toggle_uncertain,
            "clear_frame": desk.clear_frame,
            "swap_left_right": desk.swap_left_right,
            "swap_animals": desk.swap_animals,
            "pose_before": self.poses.take_from_before,
            "depth": self.poses.guess_depth,
            "copy": self.poses.copy_pose,
            "paste": self.poses.paste_pose,
            "undo": desk.undo,
            "redo": desk.redo,
            "save": self._save,
            "forward": lambda: desk.step(1),
            "back": lambda: desk.step(-1),
            "forward_far": lambda: desk.step(self.stride.value()),
            "back_far": lambda: desk.step(-self.stride.value()),
            "next_to_label": lambda: self._to_label(1),
            "previous_to_label": lambda: self._to_label(-1),
            "next_labelled": lambda: self._to_labelled(1),
            "previous_labelled": lambda: self._to_labelled(-1),
            "suggest": self.suggestions.ask,
            "propose": self.suggestions.propose,
            "next_suggestion": lambda: self._to_suggested(1),
            "previous_suggestion": lambda: self._to_suggested(-1),
            "go_to": self._ask_for_frame,
            "propagate": lambda: self.carrying.start(1),
            "propagate_back": lambda: self.carrying.start(-1),
            "whole_images": views.show_whole_images,
            "zoom_to_animal": self._zoom_to_animal,
            "follow": self._toggle_follow,
            "maximise": views.maximise,
            "pose_view": views.toggle_pose,
            "keys": self._show_keys,
            "export": self._export,
            "merge": self._merge,
            **{f"animal_{n}": self._selects(n - 1) for n in range(1, 6)},
        }

    def _selects(self, animal: int) -> Callable[[], None]:
        return lambda: self.desk.select_animal(animal)

    def _save(self) -> None:
        try:
            self.desk.folder.save()
        except FILE_ERRORS as error:
            self.message.emit(f"It could not be saved: {in_plain_words(error)}", True)
        else:
            self.message.emit("Saved.", False)

    def _to_labelled(self, way: int) -> None:
        self._to(self.desk.moments_with_labels(), way, "frame with labels")

    def _to_label(self, way: int) -> None:
        self._to(self.desk.moments_to_label(), way, "frame that is suggested or labelled in part")

    def _to_suggested(self, way: int) -> None:
        if not self.suggestions.suggestions:
            self.message.emit("Ask for suggestions first: 'Suggest frames', at the right.", False)
            return
        self._to(self.suggestions.moments, way, "suggested frame")

    def _to(self, moments: list[int], way: int, what: str) -> None:
        now = self.desk.moment
        beyond = [each for each in moments if (each - now) * way > 0]
        if beyond:
            self.desk.go_to(min(beyond, key=lambda each: abs(each - now)))
        else:
            self.message.emit(f"There is no further {what}.", False)

    def _ask_for_frame(self) -> None:
        last = self.desk.n_moments - 1
        frame, chosen = QInputDialog.getInt(
            self, "Go to frame", f"Frame (0 to {last})", self.desk.moment, 0, last
        )
        if chosen:
            self.desk.go_to(frame)

    def _export(self) -> None:
        if self.exporting is not None:
            self.exporting.close()
            self.exporting.deleteLater()
        self.exporting = ExportDialog(self.desk, self)
        self.exporting.message.connect(self.message.emit)
        self.exporting.gap_asked.connect(lambda key: self.desk.go_to(self.desk.row_of(key)))
        self.exporting.show()

    def _merge(self) -> None:
        if self.merging is not None:
            self.merging.close()
            self.merging.deleteLater()
        self.merging = MergeDialog(self.desk, self)
        self.merging.message.connect(self.message.emit)
        self.merging.merged.connect(self.conflicts.add)
        self.merging.show()

    def _zoom_to_animal(self) -> None:
        if not self.views.zoom_to_animal():
            self.message.emit("The animal has no points in this frame yet.", False)

    def _toggle_follow(self) -> None:
        self.views.follows = not self.views.follows
        what = "Following the animal." if self.views.follows else "Not following any more."
        self.message.emit(what, False)
        if self.views.follows:
            self._zoom_to_animal()

    def _show_keys(self) -> None:
        if self.help is None:
            self.help = KeyHelp(self.keys, self)
            self.help.message.connect(self.message.emit)
        self.help.setVisible(self.help.isHidden())
