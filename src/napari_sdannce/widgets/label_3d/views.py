"""The cameras side by side, and the pose in space beside them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QSizePolicy, QSplitter, QVBoxLayout, QWidget

from napari_sdannce.widgets import napari_adapter
from napari_sdannce.widgets.label_3d.camera_view import CameraView, image_size
from napari_sdannce.widgets.label_3d.fitting import Fitting
from napari_sdannce.widgets.label_3d.places import own_places, rows_and_columns, shared_places
from napari_sdannce.widgets.label_3d.pose_view import PoseView

if TYPE_CHECKING:
    from napari_sdannce.widgets.label_3d.desk import Desk
    from napari_sdannce.widgets.label_3d.places import Place


_ROOM = 1000
"""Splitters share what room there is in proportion to the sizes they are given."""


class Views(QWidget):
    """A grid of cameras that can be resized, and the pose in space at its right.

    Parameters
    ----------
    desk
        Where labelling happens.
    one_canvas
        Draw all cameras on one canvas, and no pose: where no more can be opened.
    """

    def __init__(
        self, desk: Desk, *, one_canvas: bool = False, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.desk = desk
        self.one_canvas = one_canvas
        names = desk.subject.views
        sizes = [image_size(desk, view) for view in range(len(names))]
        places = shared_places(sizes) if one_canvas else own_places(names, sizes)
        self.cameras = [CameraView(desk, view, place) for view, place in enumerate(places)]
        calibrated = sum(camera is not None for camera in desk.subject.cameras)
        self.pose = PoseView(desk) if calibrated >= 2 and not one_canvas else None
        self._shared = Fitting(places[0].model, self._fit_all) if one_canvas else None
        self.maximised: int | None = None
        self.follows = False
        self._rows = self._grid()
        outer = QSplitter(Qt.Orientation.Horizontal)
        outer.addWidget(self._over_canvas(places[0]) if one_canvas else self._rows)
        if self.pose is not None:
            outer.addWidget(self.pose)
            outer.setSizes([3 * _ROOM, _ROOM])
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(outer)

    def _grid(self) -> QSplitter:
        """Rows of cameras."""
        n_views = len(self.cameras)
        _, n_columns = rows_and_columns(n_views)
        rows = QSplitter(Qt.Orientation.Vertical)
        for start in range(0, n_views, n_columns):
            row = QSplitter(Qt.Orientation.Horizontal)
            for camera in self.cameras[start : start + n_columns]:
                row.addWidget(camera)
            row.setSizes([_ROOM] * row.count())
            rows.addWidget(row)
        rows.setSizes([_ROOM] * rows.count())
        return rows

    def _over_canvas(self, place: Place) -> QWidget:
        """Titles of the cameras, in their grid, over the canvas that they share."""
        both = QWidget()
        layout = QVBoxLayout(both)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        self._rows.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
        layout.addWidget(self._rows)
        layout.addWidget(place.canvas, stretch=1)
        return both

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
            for one in self._moved_alone():
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
        """Fit every image into its view, and the floor into that of the pose."""
        for each in self._fittings():
            each.fit()
        if self.pose is not None:
            self.pose.show_all()

    def _fit_all(self) -> None:
        """Fit the images that share a canvas."""
        images = [one.image for one in self.cameras]
        self.cameras[0].model.fit_to_view(layers=images, margin=0.02)

    def _fittings(self) -> list[Fitting]:
        own = [one.fitting for one in self.cameras if one.fitting is not None]
        return own if self._shared is None else [self._shared]

    def zoom_to_animal(self) -> bool:
        """Bring the selected animal into the middle of every view; False when none sees it."""
        seen = [one.zoom_to(self.desk.animal) for one in self._moved_alone()]
        if self.pose is not None:
            self.pose.zoom_to(self.desk.animal)
        return any(seen)

    def _moved_alone(self) -> list[CameraView]:
        """Cameras of which each can look elsewhere."""
        return [self.cameras[self.desk.focus]] if self.one_canvas else self.cameras

    def show_point(self, view: int, animal: int, keypoint: int) -> None:
        """Bring a keypoint into the middle of every view, of one above all."""
        if self.cameras[view].isHidden():
            self.maximise()
        for one in [self.cameras[view]] if self.one_canvas else self.cameras:
            one.zoom_to_point(animal, keypoint)

    def maximise(self) -> None:
        """Show only the view in focus, or all of them again."""
        self.maximised = self.desk.focus if self.maximised is None else None
        if self.one_canvas:
            if self.maximised is None:
                self.show_whole_images()
            else:
                self.cameras[self.maximised].show_whole_image()
            return
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
                one.let_go()
            if self._shared is not None:
                self._shared.stop()
            for place in {id(one.model): one.place for one in self.cameras}.values():
                place.canvas.close()
                place.model.layers.clear()
            if self.pose is not None:
                self.pose.close_canvas()
