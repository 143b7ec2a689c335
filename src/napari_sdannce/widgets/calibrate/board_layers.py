"""The layers of a calibration's images in one viewer: a cell a camera, marks over each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Layer
from psygnal import Signal

from napari_sdannce.widgets import napari_adapter
from napari_sdannce.widgets.calibrate.board_images import AHEAD
from napari_sdannce.widgets.cells import Cells
from napari_sdannce.widgets.layer_data import METADATA_KEY
from napari_sdannce.widgets.recording_layers import shown_in

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from napari.layers import Image

    from napari_sdannce.widgets.calibrate.board_images import BoardImages
    from napari_sdannce.widgets.overlay import OverCameras

BOARD_KEY = "napari-sdannce-board"
"""Where a layer's metadata says that it shows the images of a calibration."""


class BoardLayers:
    """Shows images of cameras with marks, follows the slider, and keeps the grid in order.

    Lets go of everything when its image layers are removed, or a recording is opened.

    Parameters
    ----------
    viewer
        The viewer.
    images
        What is shown; closed at the end.
    marks
        What is drawn over them.
    """

    moment_changed = Signal(int)
    closed = Signal()

    def __init__(self, viewer: ViewerModel, images: BoardImages, marks: OverCameras) -> None:
        self.viewer = viewer
        self.board_images = images
        self.marks = marks
        self.images: dict[str, Image] = {}
        self.moment = 0
        with napari_adapter.adding_layers(viewer):
            for place, (name, stack) in enumerate(zip(images.names, images.stacks, strict=True)):
                # napari would go to the middle of the stack, and read an image there
                image = Layer.create(stack, _look(name, stack.ndim), "image")
                image.name_overlay.visible = True
                image.metadata[BOARD_KEY] = self
                viewer.layers.insert(place, image)
                self.images[name] = image
            viewer.dims.set_point(viewer.dims.ndim - 3, 0)
            for image in self.images.values():
                image.visible = True
            self.cells: Cells[OverCameras] = Cells(viewer, self.images, [])
            self.cells.insert(self.marks, {name: i for i, name in enumerate(images.names)})
            for layer in self.marks.layers:
                layer.metadata[BOARD_KEY] = self
            self.marks.refill(0)
            self.cells.arrange()
        self.cells.show_whole_images()
        viewer.dims.events.point.connect(self._on_slider, position="first")
        viewer.layers.events.removed.connect(self._on_removed)
        viewer.layers.events.inserted.connect(self._on_inserted)
        viewer.canvas.events.size.connect(self._on_canvas_size)

    @property
    def n_moments(self) -> int:
        """How many moments there are."""
        return len(self.board_images.moments)

    @property
    def frame(self) -> int:
        """The moment that is shown, as the recording counts it."""
        return int(self.board_images.moments[self.moment])

    def go_to(self, moment: int) -> None:
        """Move the slider."""
        self.viewer.dims.set_point(self.viewer.dims.ndim - 3, moment)

    def _on_slider(self, event: object = None) -> None:
        dims = self.viewer.dims
        point = dims.point[-3] if dims.ndim >= 3 else 0
        moment = int(np.clip(round(float(point)), 0, self.n_moments - 1))
        if moment == self.moment:
            return
        step = moment - self.moment
        stride = step if abs(step) <= 10 else 1
        self.board_images.prefetch([moment + k * stride for k in range(AHEAD + 1)])
        self.moment = moment
        self.marks.refill(moment)
        self.moment_changed(moment)

    def _on_canvas_size(self, event: object = None) -> None:
        self.cells.keep_fitted()

    def _on_inserted(self, event: Any) -> None:
        if METADATA_KEY in event.value.metadata:
            napari_adapter.later(self.close)  # a recording takes the place

    def _on_removed(self, event: Any) -> None:
        if event.value.metadata.get(BOARD_KEY) is self:
            # napari may be removing several layers in a row
            napari_adapter.later(self.close)

    def close(self) -> None:
        """Let go of the viewer and the files; layers still there are removed."""
        if not self.images:
            return
        self.viewer.dims.events.point.disconnect(self._on_slider)
        self.viewer.layers.events.removed.disconnect(self._on_removed)
        self.viewer.layers.events.inserted.disconnect(self._on_inserted)
        self.viewer.canvas.events.size.disconnect(self._on_canvas_size)
        layers = [*self.images.values(), *self.marks.layers]
        self.images.clear()
        with self.viewer.layers.batched_update():
            for layer in layers:
                layer.metadata.pop(BOARD_KEY, None)
                if layer in self.viewer.layers:
                    self.viewer.layers.remove(layer)
            if shown_in(self.viewer) is None:
                self.viewer.canvas.grid.enabled = False
        self.closed()
        self.board_images.close()


def _look(name: str, ndim: int) -> dict[str, Any]:
    return {
        "name": name,
        "rgb": ndim == 4,
        "contrast_limits": (0, 255),
        "axis_labels": ("moment", "y", "x"),
        "units": ("pixel", "pixel", "pixel"),
        "multiscale": False,
        "visible": False,
        "metadata": {},
    }


def boards_in(viewer: Any) -> BoardLayers | None:
    """The images of a calibration that a viewer shows, None where it shows none."""
    for layer in napari_adapter.real_viewer(viewer).layers:
        shown = layer.metadata.get(BOARD_KEY)
        if isinstance(shown, BoardLayers) and shown.images:
            return shown
    return None
