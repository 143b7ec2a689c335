"""Where each camera's image lies in its cell of the grid.

All cells of napari's grid share one pan and zoom. So cameras are brought to the same place by
moving and scaling their layers: whole images of different sizes fill their cells alike, and an
animal that stands elsewhere in every image is brought to the middle of every cell.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING

import numpy as np

from napari_sdannce.widgets.axes import to_napari

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt


@dataclass(frozen=True, slots=True)
class Framing:
    """Canvas units a pixel, and where pixel (0, 0) lies, in napari's (row, column)."""

    scale: float = 1.0
    row: float = 0.0
    column: float = 0.0
    diameter: float = 8.0
    """Of a keypoint, in px of the image."""


def grid_shape(
    n_cells: int, canvas: tuple[int, int], image: tuple[float, float]
) -> tuple[int, int]:
    """(rows, columns) that show `n_cells` images largest.

    Parameters
    ----------
    canvas
        (height, width) of the canvas.
    image
        (width, height) of what a cell shows.
    """

    def magnification(rows: int) -> float:
        columns = ceil(n_cells / rows)
        return min(canvas[0] / rows / image[1], canvas[1] / columns / image[0])

    rows = max(range(1, max(n_cells, 1) + 1), key=magnification)
    return rows, ceil(max(n_cells, 1) / rows)


def whole_images(sizes: Sequence[tuple[int, int]]) -> list[Framing]:
    """Framings in which images of `sizes` (width, height) lie one over the other, all as large.

    Images of one size are left as they are: one canvas unit a pixel.
    """
    box = np.array(sizes).max(axis=0)
    framings = []
    for size in sizes:
        scale = float((box / size).min())
        corner = to_napari((box - np.array(size) * scale) / 2 + (scale - 1) / 2)
        diameter = max(3.0, float(box.max()) / 75) / scale
        framings.append(Framing(scale, float(corner[0]), float(corner[1]), diameter))
    return framings


def on_animal(
    joints: npt.NDArray[np.float64], size: tuple[int, int], width: float = 100.0
) -> Framing:
    """Framing that brings the animal to (0, 0), `width` canvas units large.

    Parameters
    ----------
    joints
        (N, 2) px of its keypoints, NaN where not seen; when none is, the whole image is taken.
    size
        (width, height) of the image.
    """
    seen = joints[np.isfinite(joints).all(axis=-1)]
    if len(seen) < 2:
        seen = np.array([(0.0, 0.0), (size[0] - 1, size[1] - 1)])
    low, high = seen.min(axis=0), seen.max(axis=0)
    scale = width / max(float((high - low).max()), 8.0)
    row, column = -scale * to_napari((low + high) / 2)
    return Framing(scale, float(row), float(column), diameter=0.03 * width / scale)
