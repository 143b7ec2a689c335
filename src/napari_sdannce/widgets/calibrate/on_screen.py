"""What of a calibration is on screen beside the panel: images of the board, and the rig in 3D."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from qtpy.QtCore import QObject, Signal

from napari_sdannce.widgets import napari_adapter
from napari_sdannce.widgets.calibrate.board_layers import BoardLayers, boards_in
from napari_sdannce.widgets.calibrate.click_marks import ClickMarks
from napari_sdannce.widgets.calibrate.corner_marks import CornerMarks, usual_factor
from napari_sdannce.widgets.calibrate.rig_view import RigView
from napari_sdannce.widgets.edited_frame import EditedFrame
from napari_sdannce.widgets.recording_layers import shown_in

if TYPE_CHECKING:
    from napari.components import ViewerModel

    from napari_sdannce.calibration.corners_file import CalibratedCorners
    from napari_sdannce.widgets.calibrate.board_images import BoardImages
    from napari_sdannce.widgets.calibrate.clicked_points import ClickedPoints
    from napari_sdannce.widgets.calibrate.opened_calibration import OpenedCalibration
    from napari_sdannce.widgets.overlay import OverCameras


class OnScreen(QObject):
    """Shows images and rig, both at one moment, and takes them away.

    Parameters
    ----------
    viewer
        Whose layers and window are used.
    """

    images_changed = Signal(object)
    """The `BoardLayers` that are shown now; None: none."""
    moment_changed = Signal(int)
    rig_changed = Signal(bool)
    """Whether the rig is shown."""

    def __init__(self, viewer: ViewerModel, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._viewer: Any = viewer
        self.rig: RigView | None = None

    @property
    def images(self) -> BoardLayers | None:
        """The images that are shown."""
        return boards_in(self._viewer)

    def show_images(self, images: BoardImages, corners: CalibratedCorners) -> str:
        """Show images of the board with its corners; says why not where they can not be shown."""
        factor = usual_factor(corners, images.stacks[0].shape[2])
        return self._show(images, CornerMarks(corners, factor))

    def show_images_to_click(self, images: BoardImages, clicked: ClickedPoints) -> str:
        """Show images in which points are clicked; says why not where they can not be shown."""
        marks = ClickMarks(clicked)
        trouble = self._show(images, marks)
        if self.images is not None and not trouble:
            marks.catch_clicks(self._viewer)
            self.images.closed.connect(marks.release_clicks)
        return trouble

    def _show(self, images: BoardImages, marks: OverCameras) -> str:
        """Show images in place of what is shown."""
        recording = shown_in(self._viewer)
        if recording is not None:
            if any(isinstance(overlay, EditedFrame) for overlay in recording.overlays):
                images.close()
                return (
                    "A frame of the recording on screen is being edited: save it or put it away "
                    "first."
                )
            recording.close()
        self.hide_images()
        shown = BoardLayers(self._viewer, images, marks)
        shown.moment_changed.connect(self._on_moment)
        shown.closed.connect(self._on_closed)
        self.images_changed.emit(shown)
        self._on_moment(0)
        return ""

    def hide_images(self) -> None:
        """Take them away."""
        if self.images is not None:
            self.images.close()

    def _on_moment(self, moment: int) -> None:
        self.moment_changed.emit(moment)
        if self.rig is not None:
            self.rig.show_moment(moment)

    def _on_closed(self) -> None:
        self.images_changed.emit(None)

    def show_rig(self, opened: OpenedCalibration) -> None:
        """Show cameras and boards in 3D."""
        if self.rig is not None or not napari_adapter.has_window(self._viewer):
            return
        boards = np.zeros((0, 1, 3)) if opened.corners is None else opened.corners.boards
        self.rig = RigView(self._viewer, opened.cameras, boards)
        self.rig.shut_down.connect(self._on_rig_shut)
        self.rig.dock()
        if self.images is not None:
            self.rig.show_moment(self.images.moment)
        self.rig_changed.emit(True)

    def hide_rig(self) -> None:
        """Take it away."""
        if self.rig is not None:
            self.rig.shut()

    def _on_rig_shut(self) -> None:
        self.rig = None
        self.rig_changed.emit(False)

    def put_away(self) -> None:
        """Take all away."""
        self.hide_images()
        self.hide_rig()
