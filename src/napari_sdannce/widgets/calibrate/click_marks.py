"""Points of the world over the images: a click places the current one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Layer

from napari_sdannce.widgets.axes import to_napari

if TYPE_CHECKING:
    from collections.abc import Iterator

    from napari.components import ViewerModel
    from napari.layers import Points

    from napari_sdannce.widgets.calibrate.clicked_points import ClickedPoints

_CLICK_PX = 5.0
"""A press that is let go within so many screen pixels is a click, else it moved the image."""
_CURRENT, _OTHER = "#ffb347", "#59d9ff"
_UNIT = ("pixel", "pixel")


class ClickMarks:
    """Draws points over every camera, the same at all moments, and takes clicks.

    Parameters
    ----------
    clicked
        The points.
    """

    def __init__(self, clicked: ClickedPoints) -> None:
        self.clicked = clicked
        self._cameras: dict[str, tuple[int, tuple[int, int], Points]] = {}
        self._viewer: ViewerModel | None = None

    def add_camera(self, name: str, view: int, size: tuple[int, int]) -> tuple[Layer, ...]:
        """Make the layer over one camera, not yet in any viewer."""
        points = Layer.create(
            np.zeros((0, 2)),
            {"name": f"{name} measured points", "symbol": "cross", "border_width": 0,
             "text": {"string": "{label}", "color": "white", "anchor": "upper_left", "size": 9},
             "features": {"label": np.zeros(0, dtype=str)},
             "axis_labels": ("y", "x"), "units": _UNIT, "ndim": 2},
            "points",
        )  # fmt: skip
        points.editable = False
        self._cameras[name] = (view, size, points)
        return (points,)

    def layers_of(self, camera: str) -> tuple[Layer, ...]:
        """The layer over one camera; none when it has none."""
        return (self._cameras[camera][2],) if camera in self._cameras else ()

    def forget_camera(self, name: str) -> None:
        """Draw over this camera no more."""
        self._cameras.pop(name, None)

    @property
    def layers(self) -> list[Layer]:
        """All layers, camera by camera."""
        return [points for _, _, points in self._cameras.values()]

    def set_diameter(self, camera: str, diameter: float) -> None:
        """Set the size of marks, px of the image."""
        points = self._cameras[camera][2]
        points.size = points.current_size = 1.6 * diameter

    def refill(self, moment: int) -> None:
        """Draw what is known now, the same at every moment."""
        for view, _, points in self._cameras.values():
            pixels = self.clicked.pixels[view]
            there = np.flatnonzero(np.isfinite(pixels).all(axis=-1))
            size = points.current_size
            points.data = to_napari(pixels[there])
            points.features = {"label": [self.clicked.labels[i] for i in there]}
            points.size = size
            points.face_color = [
                _CURRENT if i == self.clicked.current else _OTHER for i in there
            ] or _OTHER

    def _on_change(self) -> None:
        self.refill(0)

    def catch_clicks(self, viewer: ViewerModel) -> None:
        """Let clicks in any cell place the current point in its camera."""
        self._viewer = viewer
        viewer.mouse_drag_callbacks.append(self._on_press)
        viewer.mouse_double_click_callbacks.append(self._on_double)
        self.clicked.changed.connect(self._on_change)

    def release_clicks(self) -> None:
        """Catch clicks no more."""
        viewer, self._viewer = self._viewer, None
        if viewer is not None:
            viewer.mouse_drag_callbacks.remove(self._on_press)
            viewer.mouse_double_click_callbacks.remove(self._on_double)
            self.clicked.changed.disconnect(self._on_change)

    def _on_press(self, viewer: ViewerModel, event: Any) -> Iterator[None]:
        if event.button != 1 or event.modifiers:
            return
        start, place, cell = np.asarray(event.pos), event.position, event.viewbox
        moved = False
        yield
        while event.type == "mouse_move":
            moved |= bool(np.abs(np.asarray(event.pos) - start).max() > _CLICK_PX)
            yield
        if not moved:
            self._click(viewer, place, cell)

    def _on_double(self, viewer: ViewerModel, event: Any) -> None:
        """The second of two quick clicks: it does not come as a press."""
        if event.button == 1:
            self._click(viewer, event.position, event.viewbox)

    def _click(self, viewer: ViewerModel, place: Any, cell: Any) -> None:
        there = viewer.layers
        if viewer.canvas.grid.enabled:
            numbers = viewer.canvas.grid.contents_at(cell, viewer.layers) if cell else ()
            there = [viewer.layers[i] for i in numbers]
        for view, (width, height), points in self._cameras.values():
            if any(layer is points for layer in there):
                row, column = points.world_to_data(place)[-2:]
                if -0.5 <= column <= width - 0.5 and -0.5 <= row <= height - 0.5:
                    self.clicked.click(view, np.array([column, row]))
