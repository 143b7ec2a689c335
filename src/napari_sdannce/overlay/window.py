"""Which part of an image a pane shows, and where its pixels come to lie there."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING

import cv2
import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_sdannce.geometry.cameras import Camera
    from napari_sdannce.video.pixels import Image

FloatArray = npt.NDArray[np.float64]
Size = tuple[int, int]

LARGEST_MAGNIFICATION = 8.0
"""An animal beside a lens does not become a screen full of blocks."""


@dataclass(frozen=True, slots=True)
class Window:
    """A place in a pane for every pixel of an image.

    Parameters
    ----------
    scale
        Pane px an image px.
    shift
        (x, y) where the outer corner of the first pixel lies in the pane, px.
    """

    scale: float
    shift: tuple[float, float]

    def place(self, pixels: FloatArray) -> FloatArray:
        """Pane px (..., 2) of image px (..., 2); in both, (0, 0) is the first pixel's centre."""
        return np.asarray((pixels + 0.5) * self.scale + self.shift - 0.5)

    def fill(self, pane: Image, image: Image) -> None:
        """Fill a pane (height, width, 3) with this part of an image, black beside it."""
        if self == AS_IT_IS and image.shape == pane.shape:
            pane[...] = image
        elif self.scale < 0.7:  # px that become one are averaged, or the video flickers
            sides = [max(1, round(side * self.scale)) for side in image.shape[1::-1]]
            smaller = cv2.resize(image, sides, interpolation=cv2.INTER_AREA)
            Window(1.0, self.shift).fill(pane, np.asarray(smaller, dtype=np.uint8))
        else:
            flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
            size = (pane.shape[1], pane.shape[0])
            pane[...] = cv2.warpAffine(image, self._to_image(), size, flags=flags)

    def _to_image(self) -> FloatArray:
        """(2, 3) from pane px to image px."""
        x, y = (0.5 - np.array(self.shift)) / self.scale - 0.5
        return np.array([[1 / self.scale, 0, x], [0, 1 / self.scale, y]])


AS_IT_IS = Window(1.0, (0.0, 0.0))


def whole(image: Size, pane: Size) -> Window:
    """Window that shows a whole image (width, height) as large as the pane allows, in its middle.

    It is never enlarged.
    """
    scale = min(pane[0] / image[0], pane[1] / image[1], 1.0)
    return Window(scale, ((pane[0] - scale * image[0]) / 2, (pane[1] - scale * image[1]) / 2))


def round_point(camera: Camera, xyz: FloatArray, size_mm: float, pane: Size) -> Window | None:
    """Window with a point (3,) mm in its middle, `size_mm` at its distance across the pane.

    None when the camera does not have the point before it.
    """
    middle = camera.project(xyz)
    place = camera.to_camera_frame(xyz)
    # a fisheye shows angles: things shrink with their distance, others' with their depth
    depth = float(np.linalg.norm(place) if camera.fisheye else place[2])
    if not np.isfinite(middle).all() or depth <= 0:
        return None
    focal = float(np.sqrt(camera.matrix[0, 0] * camera.matrix[1, 1]))
    scale = min(min(pane) / (size_mm * focal / depth), LARGEST_MAGNIFICATION)
    x, y = (np.array(pane) / 2 - scale * (middle + 0.5)).tolist()
    return Window(scale, (x, y))


@dataclass(frozen=True, slots=True)
class Panes:
    """A grid of panes, all (width, height) px large."""

    count: int
    columns: int
    size: Size

    @classmethod
    def for_images(cls, images: Sequence[Size], columns: int, width: int) -> Panes:
        """Grid for images (width, height), at most `columns` side by side and `width` px wide."""
        rows = ceil(len(images) / columns)
        used = ceil(len(images) / rows)  # four in two rows of two, not three and one
        largest = np.array(images).max(axis=0)
        scale = min(1.0, width / used / largest[0])
        # encoders halve colours: sides must be even
        across, down = (max(2, int(side * scale) // 2 * 2) for side in largest.tolist())
        return cls(len(images), used, (across, down))

    @property
    def whole(self) -> Size:
        """(width, height) of the picture, px."""
        return self.columns * self.size[0], ceil(self.count / self.columns) * self.size[1]

    def empty(self) -> Image:
        """A black picture (height, width, 3)."""
        width, height = self.whole
        return np.zeros((height, width, 3), dtype=np.uint8)

    def of(self, picture: Image) -> list[Image]:
        """The panes (height, width, 3) of a picture, row by row, to draw into."""
        across, down = self.size
        places = [divmod(i, self.columns) for i in range(self.count)]
        return [
            picture[row * down : (row + 1) * down, column * across : (column + 1) * across]
            for row, column in places
        ]
