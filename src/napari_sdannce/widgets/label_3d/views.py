"""The cameras side by side, and the pose in space beside them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QSplitter, QVBoxLayout, QWidget

from napari_sdannce.widgets import napari_adapter
from napari_sdannce.widgets.label_3d.camera_view import CameraView
from napari_sdannce.widgets.label_3d.pose_view import PoseView

if TYPE_CHECKING:
    from napari_sdannce.widgets.label_3d.desk import Desk


_ROOM = 1000
"""Splitters share what room there is in proportion to the sizes they are given."""


class Views(QWidget):
    """A grid of cameras that can be resized, and the pose in space at its right."""

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.desk = desk
        n_views = len(desk.subject.views)
        self.cameras = [CameraView(desk, view) for view in range(n_views)]
        calibrated = sum(camera is not None for camera in desk.subject.cameras)
        self.pose = PoseView(desk) if calibrated >= 2 else None
        self.maximised: int | None = None
        self.follows = False
        self._rows = self._grid()
        outer = QSplitter(Qt.Orientation.Horizontal)
        outer.addWidget(self._rows)
        if self.pose is not None:
            outer.addWidget(self.pose)
            outer.setSizes([3 * _ROOM, _ROOM])
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(outer)

    def _grid(self) -> QSplitter:
        """Rows of cameras: as many rows as the root of their number."""
        n_views = len(self.cameras)
        n_rows = max(1, math.isqrt(n_views))
        n_columns = math.ceil(n_views / n_rows)
        rows = QSplitter(Qt.Orientation.Vertical)
        for start in range(0, n_views, n_columns):
            row = QSplitter(Qt.Orientation.Horizontal)
            for camera in self.cameras[start : start + n_columns]:
                row.addWidget(camera)
            row.setSizes([_ROOM] * row.count())
            rows.addWidget(row)
        rows.setSizes([_ROOM] * rows.count())
        return rows

    # what is shown

    def show_frames(self) -> None:
        """Show the frames of the moment, in the cameras that are not hidden."""
        desk = self.desk
        shown = [one for one in self.cameras if not one.isHidden()]
        frames = desk.copy.read(desk.moment, [one.view for one in shown])
        for one, frame in zip(shown, frames, strict=True):
            one.show_frame(frame)

    def refill(self) -> None:
        """Draw the labels of the moment."""
        for one in self.cameras:
            if not one.isHidden():
                one.refill()
        if self.pose is not None:
            self.pose.refill()

    def show_moment(self) -> None:
        """Show another moment: its frames, and its labels."""
        self.show_frames()
        self.refill()
        if self.follows:
            for one in self.cameras:
                one.follow(self.desk.animal)

    def show_selected(self) -> None:
        """Ring the selected keypoint in every view."""
        for one in self.cameras:
            if not one.isHidden():
                one.show_selected()

    def set_hidden(self, hidden: bool) -> None:
        """Hide everything that is drawn over the images, or show it again."""
        for one in self.cameras:
            one.set_hidden(hidden)

    def set_gain(self, gain: float) -> None:
        """Make all images brighter or darker."""
        for one in self.cameras:
            one.set_gain(gain)

    # zoom

    def show_whole_images(self) -> None:
        """Fit every image into its view."""
        for one in self.cameras:
            one.show_whole_image()

    def zoom_to_animal(self) -> bool:
        """Bring the selected animal into the middle of every view; False when none sees it."""
        seen = [one.zoom_to(self.desk.animal) for one in self.cameras]
        return any(seen)

    def show_point(self, view: int, animal: int, keypoint: int) -> None:
        """Bring a keypoint into the middle of every view, of one above all."""
        if self.cameras[view].isHidden():
            self.maximise()
        for one in self.cameras:
            one.zoom_to_point(animal, keypoint)

    def maximise(self) -> None:
        """Show only the view in focus, or all of them again."""
        self.maximised = self.desk.focus if self.maximised is None else None
        for one in self.cameras:
            one.setVisible(self.maximised in (None, one.view))
        for index in range(self._rows.count()):
            row = self._rows.widget(index)
            assert isinstance(row, QSplitter)
            there = [row.widget(i) for i in range(row.count())]
            row.setVisible(any(not one.isHidden() for one in there if one is not None))
        self.show_moment()

    def toggle_pose(self) -> None:
        """Show or hide the pose in space."""
        if self.pose is not None:
            self.pose.setVisible(self.pose.isHidden())
            self.pose.refill()

    def close_canvases(self) -> None:
        """Let go of all canvases; they must not outlive their window."""
        with napari_adapter.closing_viewers():
            for one in self.cameras:
                one.close_canvas()
            if self.pose is not None:
                self.pose.close_canvas()
