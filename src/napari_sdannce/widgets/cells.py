"""The grid of cameras: one cell a camera, what each cell shows, and fitting it to the window."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

import numpy as np

from napari_sdannce.widgets.framing import Framing, grid_shape, whole_images
from napari_sdannce.widgets.overlay import OverCameras

if TYPE_CHECKING:
    from collections.abc import Mapping

    from napari.components import ViewerModel
    from napari.layers import Image, Layer

_Over = TypeVar("_Over", bound=OverCameras)


class Cells(Generic[_Over]):
    """Arranges images and overlays of a recording in napari's grid.

    Parameters
    ----------
    viewer
        Whose grid it is.
    images
        One layer a camera; shared with the owner, who takes cameras out.
    overlays
        What lies over every camera; shared with the owner.
    """

    def __init__(
        self, viewer: ViewerModel, images: dict[str, Image], overlays: list[_Over]
    ) -> None:
        self.viewer = viewer
        self.images = images
        self.overlays = overlays
        self._framings = dict.fromkeys(images, Framing())
        self._fitted: tuple[float, ...] = ()

    def size(self, camera: str) -> tuple[int, int]:
        """(width, height) of a camera's images."""
        shape = self.images[camera].data.shape
        return int(shape[2]), int(shape[1])

    def insert(self, overlay: _Over, views: Mapping[str, int]) -> None:
        """Put an overlay's layers over every camera; `views`: index of each camera."""
        active = self.viewer.layers.selection.active
        for name, image in self.images.items():
            layers = overlay.add_camera(name, views[name], self.size(name))
            _frame_overlay(overlay, name, self._framings[name])
            first = self.viewer.layers.index(image) + 1 + self._layers_over(name)
            for i, layer in enumerate(layers):
                if layer.visible != image.visible:  # napari changes the mode even when it is not
                    layer.visible = image.visible
                self.viewer.layers.insert(first + i, layer)
        self.overlays.append(overlay)
        self.viewer.layers.selection.active = active

    def arrange(self) -> None:
        """Give every camera, with all that lies over it, one cell."""
        grid = self.viewer.canvas.grid
        # every overlay puts as many layers over each camera, so that cells can be counted off
        grid.stride = 1 + self._layers_over(next(iter(self.images)))
        if grid.spacing == 0:
            grid.spacing = 4
        self._shape_grid()
        grid.enabled = len(self.images) > 1

    def _layers_over(self, camera: str) -> int:
        return sum(len(overlay.layers_of(camera)) for overlay in self.overlays)

    def show_whole_images(self) -> None:
        """Show every camera's whole image in its cell."""
        sizes = [self.size(name) for name in self.images]
        self.bring(dict(zip(self.images, whole_images(sizes), strict=True)))
        self._fit()

    def show_middle(self, framings: dict[str, Framing], width: float) -> None:
        """Show `width` canvas units round (0, 0) in every cell."""
        self.bring(framings)
        rows, columns = self.viewer.canvas.grid.actual_shape(self.viewer.layers)
        height, across = self.viewer.canvas.size
        self.viewer.scene.camera.center = (0.0, 0.0, 0.0)
        self.viewer.scene.camera.zoom = min(height / rows, across / columns) / width

    def bring(self, framings: dict[str, Framing]) -> None:
        """Move and scale the layers of cameras."""
        for name, framing in framings.items():
            if framing == self._framings[name]:
                continue
            self._framings[name] = framing
            _frame(self.images[name], framing)
            for overlay in self.overlays:
                _frame_overlay(overlay, name, framing)

    def keep_fitted(self) -> None:
        """Fit again when the window changed; leave alone what the person zoomed to."""
        if not self.images or not self.viewer.canvas.grid.enabled:
            return
        untouched = self._fitted == self._camera_state()
        self._shape_grid()
        if untouched:
            self._fit()

    def _fit(self) -> None:
        self.viewer.fit_to_view(layers=list(self.images.values()), margin=0.02)
        self._fitted = self._camera_state()

    def _camera_state(self) -> tuple[float, ...]:
        camera = self.viewer.scene.camera
        return (*camera.center, camera.zoom)

    def _shape_grid(self) -> None:
        layers = self.viewer.layers
        stride = self.viewer.canvas.grid.stride
        # other layers follow ours and take cells of their own
        cells = {i // stride for i, layer in enumerate(layers) if layer.visible}
        box = np.array([self.size(name) for name in self.images]).max(axis=0)
        shape = grid_shape(len(cells), self.viewer.canvas.size, (float(box[0]), float(box[1])))
        if tuple(self.viewer.canvas.grid.shape) != shape:
            self.viewer.canvas.grid.shape = shape


def _frame(layer: Layer, framing: Framing) -> None:
    """Move and scale a layer; every change costs a redraw, so none is made for nothing."""
    more = layer.ndim - 2
    scale = (*[1.0] * more, framing.scale, framing.scale)
    translate = (*[0.0] * more, framing.row, framing.column)
    if not np.allclose(layer.scale, scale):
        layer.scale = scale
    if not np.allclose(layer.translate, translate):
        layer.translate = translate


def _frame_overlay(overlay: OverCameras, camera: str, framing: Framing) -> None:
    for layer in overlay.layers_of(camera):
        _frame(layer, framing)
    overlay.set_diameter(camera, framing.diameter)
