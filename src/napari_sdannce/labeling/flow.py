"""Points of one image found again in another, and whether what is there looks the same."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from napari_sdannce.video.pixels import Image

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

_REFERENCE_SIDE = 1000.0
# in small images noise, not size, decides how well a point is found again
_LEAST_LIMIT_PX = 0.5
_LEAST_WINDOW = 11
_STEPS = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 20, 0.01)
# a window without any edge can lie anywhere
_LEAST_STRUCTURE = 1e-3
# grey values: a patch flatter than this is nothing but noise
_LEAST_CONTRAST = 1.5


@dataclass(frozen=True, slots=True)
class FlowSettings:
    """How points are followed. Pixels are those of an image whose longer side has 1000.

    Parameters
    ----------
    window
        Side of the square round a point that is found again, px.
    levels
        How often the image is halved for large motion: `window` times 2 to this power is about how
        far a point may move between two images.
    round_trip
        A point that is followed there and back and ends farther than this from where it began, px,
        was not found.
    likeness
        Least correlation of the square round a point with that of the image before; else something
        came in front.
    """

    window: float = 21.0
    levels: int = 3
    round_trip: float = 1.5
    likeness: float = 0.7

    def __post_init__(self) -> None:
        if not (self.window > 0 and self.round_trip > 0 and self.levels >= 0):
            raise ValueError(
                f"following points needs a positive window and round trip and 0 levels or more, "
                f"got {self.window}, {self.round_trip} and {self.levels}"
            )

    def window_px(self, image: Image) -> int:
        """Side of the square in an image, odd."""
        side = max(_LEAST_WINDOW, round(self.window * unit_px(image.shape)))
        return side + 1 - side % 2

    def limit_px(self, image: Image) -> float:
        """Longest round trip in an image."""
        return max(_LEAST_LIMIT_PX, self.round_trip * unit_px(image.shape))


def unit_px(shape: tuple[int, ...]) -> float:
    """Pixels of an image (H, W) that settings call one: 1 where the longer side has 1000."""
    return max(shape[:2]) / _REFERENCE_SIDE


@dataclass(frozen=True, eq=False, slots=True)
class Flow:
    """Where points are now.

    Parameters
    ----------
    points
        (P, 2) px; NaN where the point was not found, or left the image.
    round_trip
        (P,) px between a point and where following it back from there leads; NaN likewise.
    """

    points: FloatArray
    round_trip: FloatArray


def follow(before: Image, after: Image, points: FloatArray, settings: FlowSettings) -> Flow:
    """Follow points from one image to another, and back.

    Pyramidal Lucas-Kanade (Bouguet 2001, as in OpenCV), judged by the forward-backward error
    (Kalal, Mikolajczyk and Matas 2010).

    Parameters
    ----------
    before, after
        (H, W) uint8.
    points
        (P, 2) px in the first image, NaN where there is none.
    settings
        Window, levels; `round_trip` judges nothing here.
    """
    moved, round_trip = np.full(points.shape, np.nan), np.full(len(points), np.nan)
    there = np.flatnonzero(inside(points, before.shape))
    if not len(there):
        return Flow(moved, round_trip)
    start = points[there].astype(np.float32)
    found, forth = _lucas_kanade(before, after, start, settings)
    back, home = _lucas_kanade(after, before, found, settings)
    good = forth & home & inside(found, after.shape)
    moved[there[good]] = found[good]
    round_trip[there[good]] = np.linalg.norm(back[good] - start[good], axis=-1)
    return Flow(moved, round_trip)


def _lucas_kanade(
    before: Image, after: Image, points: npt.NDArray[np.float32], settings: FlowSettings
) -> tuple[npt.NDArray[np.float32], BoolArray]:
    side = settings.window_px(before)
    found, status, _ = cv2.calcOpticalFlowPyrLK(
        before,
        after,
        points.reshape(-1, 1, 2),
        np.empty((len(points), 1, 2), np.float32),  # filled by OpenCV
        winSize=(side, side),
        maxLevel=settings.levels,
        criteria=_STEPS,
        minEigThreshold=_LEAST_STRUCTURE,
    )
    places = np.asarray(found, dtype=np.float32).reshape(-1, 2)
    return places, np.asarray(status).reshape(-1) > 0


def inside(points: npt.ArrayLike, shape: tuple[int, ...]) -> BoolArray:
    """(P,) which points (P, 2) lie in an image (H, W); NaN does not."""
    pixels = np.asarray(points)
    limit = np.array([shape[1], shape[0]]) - 0.5
    return np.asarray(((pixels >= -0.5) & (pixels < limit)).all(axis=-1))


def looks(image: Image, points: FloatArray, side: int) -> npt.NDArray[np.float32]:
    """(P, side * side) what is seen round each point, mean 0 and length 1; 0 where nothing is."""
    found = np.zeros((len(points), side * side), np.float32)
    for index in np.flatnonzero(inside(points, image.shape)):
        x, y = points[index]
        patch = cv2.getRectSubPix(image, (side, side), (x, y), patchType=cv2.CV_32F).ravel()
        patch = patch - patch.mean()
        length = np.linalg.norm(patch)
        if length > _LEAST_CONTRAST * side:
            found[index] = patch / length
    return found


def likeness(first: npt.NDArray[np.float32], second: npt.NDArray[np.float32]) -> FloatArray:
    """(P,) correlation of what is seen round points, 1 the same, 0 also where nothing is seen."""
    return np.asarray((first * second).sum(axis=-1), dtype=np.float64)
