"""Where cameras are drawn: each on a canvas of its own, or all on one."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from napari_sdannce.widgets import napari_adapter
from napari_sdannce.widgets.axes import to_napari

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari.components import ViewerModel

FloatArray = npt.NDArray[np.float64]

_GAP = 0.02
"""Between images that share a canvas, of their width."""


@dataclass(frozen=True, eq=False)
class Place:
    """Canvas of a camera, and where on it the image lies.

    Parameters
    ----------
    model, canvas
        Viewer and Qt widget.
    size
        (width, height) px of the image.
    corner
        (row, column) of its first pixel.
    is_shared
        Whether other cameras are on the same canvas.
    """

    model: ViewerModel
    canvas: Any
    size: tuple[int, int]
    corner: tuple[float, float] = (0.0, 0.0)
    is_shared: bool = False

    @property
    def native(self) -> Any:
        """The widget that gets mouse and keys."""
        return napari_adapter.widget_of(self.canvas)

    def pixel(self, position: Sequence[float]) -> FloatArray:
        """(x, y) px of the image at a position (..., row, column) of the canvas."""
        return to_napari(np.asarray(position[-2:], dtype=np.float64) - self.corner)

    def pixel_at(self, spot: FloatArray) -> FloatArray:
        """(x, y) px of the image under a spot (x, y) of the canvas, as it is looked at now."""
        camera = self.model.scene.camera
        middle = np.array(self.model.canvas.size[::-1]) / 2
        shown = (spot - middle) / camera.zoom + to_napari(np.array(camera.center[-2:]))
        return np.asarray(shown - to_napari(np.array(self.corner)))

    def holds(self, pixel: FloatArray) -> bool:
        """Whether a pixel is this image's and not another's."""
        last = np.array(self.size) - 0.5
        return not self.is_shared or bool(((pixel >= -0.5) & (pixel < last)).all())

    def look_at(self, pixel: FloatArray, span: float | None = None) -> None:
        """Bring a pixel into the middle; the shorter side of the canvas shows so many px."""
        camera = self.model.scene.camera
        camera.center = (0.0, *(to_napari(pixel) + self.corner).tolist())
        if span is not None:
            camera.zoom = min(self.model.canvas.size) / span


def rows_and_columns(count: int) -> tuple[int, int]:
    """Grid of so many cameras: as many rows as the root of their number."""
    n_rows = max(1, math.isqrt(count))
    return n_rows, math.ceil(count / n_rows)


def own_places(names: Sequence[str], sizes: Sequence[tuple[int, int]]) -> list[Place]:
    """A canvas for each camera."""
    return [Place(*_viewer(name), size) for name, size in zip(names, sizes, strict=True)]


def shared_places(sizes: Sequence[tuple[int, int]]) -> list[Place]:
    """One canvas, the cameras side by side: where a computer can draw no more than one."""
    model, canvas = _viewer("cameras")
    _, n_columns = rows_and_columns(len(sizes))
    width, height = (max(size[axis] for size in sizes) * (1 + _GAP) for axis in range(2))
    return [
        Place(model, canvas, size, (number // n_columns * height, number % n_columns * width), True)
        for number, size in enumerate(sizes)
    ]


def _viewer(title: str) -> tuple[ViewerModel, Any]:
    model, canvas = napari_adapter.embedded_viewer(title, ndisplay=2)
    # quick clicks place two keypoints; napari would zoom
    model.mouse_double_click_callbacks.clear()
    return model, canvas
