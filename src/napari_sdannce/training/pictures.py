"""Sample pictures of a training: what the network finds, beside what is labelled."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_sdannce.geometry import Camera

Image = npt.NDArray[np.uint8]
FloatArray = npt.NDArray[np.float64]

_SIDE = 320
_FOUND = (255, 70, 70)
_LABELLED = (90, 255, 90)
_GAP = 4


def examples_to_show(count: int, most: int) -> list[int]:
    """Indices of at most so many examples, evenly spaced."""
    wanted = min(count, most)
    return [int((i + 0.5) * count / wanted) for i in range(wanted)]


def pose_picture(
    images: Sequence[Image], cameras: Sequence[Camera], labelled: FloatArray, found: FloatArray
) -> list[Image]:
    """Draw labelled keypoints as rings and found ones as dots, joined by a line.

    Parameters
    ----------
    images
        One a camera.
    cameras
        Calibrations of the images.
    labelled, found
        (K, 3) mm in the world; NaN is not drawn.

    Returns
    -------
    One square picture a camera.
    """
    return [
        marked(image, camera.project(labelled), camera.project(found))
        for image, camera in zip(images, cameras, strict=True)
    ]


def marked(image: npt.NDArray[Any], labelled: FloatArray, found: FloatArray) -> Image:
    """Draw points (n, 2), px, on a square picture of an image (H, W) or (H, W, C)."""
    canvas, scale = _square(image)
    for truth, place in zip(labelled, found, strict=True):
        ring, dot = (_pixel(point, scale) for point in (truth, place))
        if ring and dot:
            cv2.line(canvas, ring, dot, _FOUND, 1, cv2.LINE_AA)
        if ring:
            cv2.circle(canvas, ring, 5, _LABELLED, 1, cv2.LINE_AA)
        if dot:
            cv2.circle(canvas, dot, 2, _FOUND, -1, cv2.LINE_AA)
    return canvas


def tiled(rows: Sequence[Sequence[Image]]) -> Image:
    """Pictures of one size in rows, with a caption of what the marks mean."""
    across = max(map(len, rows))
    step = _SIDE + _GAP
    canvas = np.full((len(rows) * step + 24, across * step - _GAP, 3), 30, dtype=np.uint8)
    for r, row in enumerate(rows):
        for c, picture in enumerate(row):
            canvas[r * step : r * step + _SIDE, c * step : c * step + _SIDE] = picture
    caption = "rings: labelled   dots: found by the network"
    place = (6, canvas.shape[0] - 8)
    cv2.putText(
        canvas, caption, place, cv2.FONT_HERSHEY_SIMPLEX, 0.45, (220, 220, 220), 1, cv2.LINE_AA
    )
    return canvas


def _square(image: npt.NDArray[Any]) -> tuple[Image, float]:
    """The image on a black square, and its scale there."""
    colour = np.atleast_3d(image).astype(np.uint8)
    if colour.shape[2] == 1:
        colour = np.repeat(colour, 3, axis=2)
    height, width = colour.shape[:2]
    scale = _SIDE / max(height, width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    canvas = np.zeros((_SIDE, _SIDE, 3), dtype=np.uint8)
    canvas[: size[1], : size[0]] = cv2.resize(colour, size, interpolation=cv2.INTER_AREA)
    return canvas, scale


def _pixel(point: FloatArray, scale: float) -> tuple[int, int] | None:
    if not np.isfinite(point).all() or np.abs(point).max() > 1e4:
        return None
    x, y = np.rint((point + 0.5) * scale - 0.5).astype(int)
    return int(x), int(y)
