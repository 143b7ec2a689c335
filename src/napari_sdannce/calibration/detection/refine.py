"""Corners of squares to a fraction of a pixel.

Where four squares meet, the image is the same turned by 180 degrees in the plane of the board, and
stays so however much it is blurred, by the lens or by motion. A corner is the point about which the
two halves of a window differ least, found by Gauss-Newton steps. The window lies in the plane of
the board: it shrinks with the squares, tilts with them, and holds no part of a marker that is not
symmetric.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np
import numpy.typing as npt

from napari_sdannce.calibration.boards.board_kinds import CharucoBoard, Checkerboard
from napari_sdannce.calibration.boards.pattern import marker_bits

if TYPE_CHECKING:
    from .plane import SeenPlane

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]
Image = npt.NDArray[np.uint8]

HALF_WINDOW = 0.46
"""Half of the edge of the window, in squares."""
_MOST_PX = 24.0
"""The same, at most, px."""
_SAMPLES = (3, 12)
"""Fewest and most samples from the middle of the window to its edge."""
_STEPS = 10
_CONVERGED_PX = 0.003
_LONGEST_STEP_PX = 2.0
SMOOTHING_PX = 0.7
_MOST_PLACES = 32_000
"""Places that OpenCV looks up at once: it counts them with 16 bits."""
_SAFE_REACH = 0.7

_FARTHEST = 0.3
"""How far a corner may move, in squares."""
_LEAST_CONTRAST = 3.0
"""Standard deviation of the grey values of a window."""
_MOST_ASYMMETRY = 0.35
"""Variance of the difference of the halves, as a share of that of two unlike images."""
_LEAST_SADDLE = 0.3
"""Difference of black and white squares, in standard deviations of the window."""
_LEAST_INSIDE = 0.4
"""Share of the window that must lie in the image."""


def symmetric_reach(board: CharucoBoard | Checkerboard) -> float:
    """How far from the edges of its squares a board is symmetric about each corner, in squares.

    On a ChArUco board that is up to the inner cells of the markers, and less for blur.
    """
    if isinstance(board, Checkerboard):
        return 1.0
    share = board.marker_mm / board.square_mm
    return float(_SAFE_REACH * ((1 - share) / 2 + share / marker_bits(board).shape[-1]))


@dataclass(frozen=True, eq=False)
class Refined:
    """Corners after refinement.

    Parameters
    ----------
    corners
        (N, 2) px.
    saddle
        (N,) how much brighter the squares right of and above the corner, and left of and below, are
        than the other two, in standard deviations of the window; negative: darker.
    good
        (N,) whether there is a corner of squares: it did not move far, its image is symmetric
        about it, and squares beside one another differ.
    """

    corners: FloatArray
    saddle: FloatArray
    good: BoolArray


class GrayImage:
    """A grey image, smoothed a little, and its slopes, at any place.

    Parameters
    ----------
    image
        (h, w).
    """

    def __init__(self, image: Image) -> None:
        self.size = (image.shape[1], image.shape[0])
        smooth = cv2.GaussianBlur(image.astype(np.float32), (0, 0), SMOOTHING_PX)
        right = cv2.filter2D(smooth, -1, np.array([[-0.5, 0, 0.5]]))
        down = cv2.filter2D(smooth, -1, np.array([[-0.5], [0], [0.5]]))
        self._layers = np.stack([smooth, right, down], axis=-1)

    def at(self, places: FloatArray) -> FloatArray:
        """(..., 3) grey value, slope to the right and slope down at places (..., 2)."""
        x, y = np.moveaxis(places.reshape(-1, 1, 2).astype(np.float32), -1, 0)
        found = np.zeros((len(x), 1, 3))
        for start in range(0, len(x), _MOST_PLACES):
            part = slice(start, start + _MOST_PLACES)
            found[part] = cv2.remap(self._layers, x[part], y[part], cv2.INTER_LINEAR)
        return found.reshape(*places.shape[:-1], 3)

    def holds(self, places: FloatArray) -> BoolArray:
        """Whether places (..., 2) lie in the image, its outermost pixels left out."""
        limit = np.array(self.size) - 2
        return np.asarray(((places >= 1) & (places <= limit)).all(axis=-1))


@dataclass(frozen=True, eq=False)
class _Windows:
    """(N, n, n, 2) px relative to the corners, and (N, n, n) weights."""

    offsets: FloatArray
    weight: FloatArray


def refine_corners(
    image: GrayImage, corners: FloatArray, xy: FloatArray, plane: SeenPlane, square: Squares
) -> Refined:
    """Move corners to where their images are most symmetric.

    Parameters
    ----------
    corners
        (N, 2) px, about right.
    xy
        (N, 2) the same in the plane of the board, mm.
    plane
        How the plane is seen, about.
    square
        What the squares of the board are like.
    """
    windows, share_inside = _windows(image, corners, xy, plane, square)
    moved = np.zeros_like(corners)
    for _ in range(_STEPS):
        odd = _halves(image, corners + moved, windows)[1]
        step = _step(odd, windows.weight)
        moved += step
        if np.abs(step).max(initial=0) < _CONVERGED_PX:
            break
    seen, odd = _halves(image, corners + moved, windows)
    saddle, is_corner = _appearance(seen[..., 0], odd[..., 0], windows.weight)
    near = np.linalg.norm(moved, axis=-1) < _FARTHEST * square.size_px(plane, xy)
    return Refined(corners + moved, saddle, is_corner & near & (share_inside >= _LEAST_INSIDE))


@dataclass(frozen=True)
class Squares:
    """Squares of a board.

    Parameters
    ----------
    edge_mm
        Their edge.
    reach
        See `symmetric_reach`.
    """

    edge_mm: float
    reach: float

    @classmethod
    def of(cls, board: CharucoBoard | Checkerboard) -> Squares:
        """Those of a board."""
        return cls(board.square_mm, symmetric_reach(board))

    def size_px(self, plane: SeenPlane, xy: FloatArray) -> FloatArray:
        """(N,) shorter edge of a square at each point (N, 2) of the board, px."""
        here = plane.project(xy)
        steps = np.array([[self.edge_mm, 0], [0, self.edge_mm], [-self.edge_mm, 0],
                          [0, -self.edge_mm]])  # fmt: skip
        edges = [np.linalg.norm(plane.project(xy + step) - here, axis=-1) for step in steps]
        return np.asarray(np.nan_to_num(np.min(edges, axis=0), nan=0.0))


def _windows(
    image: GrayImage, corners: FloatArray, xy: FloatArray, plane: SeenPlane, square: Squares
) -> tuple[_Windows, FloatArray]:
    """Windows round the corners, and which share of each lies in the image."""
    size_px = max(float(np.median(square.size_px(plane, xy))), 1.0) if len(xy) else 1.0
    half = min(HALF_WINDOW, _MOST_PX / size_px)
    n = 2 * int(np.clip(np.ceil(half * size_px), *_SAMPLES)) + 1
    line = np.linspace(-half, half, n)
    window = np.stack(np.meshgrid(line, line), axis=-1)
    weight = np.prod(1 - (window / (1.1 * half)) ** 2, axis=-1)
    weight *= np.abs(window).min(axis=-1) < square.reach
    around = plane.project(xy[:, None, None] + square.edge_mm * window)
    offsets = around - plane.project(xy)[:, None, None]
    inside = image.holds(corners[:, None, None] + offsets)
    # both halves, or neither
    weights = weight * (inside & inside[:, ::-1, ::-1])
    return _Windows(np.nan_to_num(offsets), weights), weights.sum(axis=(1, 2)) / weight.sum()


def _halves(
    image: GrayImage, corners: FloatArray, windows: _Windows
) -> tuple[FloatArray, FloatArray]:
    """(N, n, n, 3) what is in the windows, and how it differs from the same turned round."""
    seen = image.at(corners[:, None, None] + windows.offsets)
    return seen, seen - seen[:, ::-1, ::-1]


def _step(odd: FloatArray, weight: FloatArray) -> FloatArray:
    """(N, 2) px to where the halves differ less."""
    difference, slope = odd[..., 0], odd[..., 1:]
    normal = np.einsum("nij,nija,nijb->nab", weight, slope, slope)
    goal = np.einsum("nij,nija,nij->na", weight, slope, difference)
    # no step where nothing is seen
    normal += (1e-6 + 1e-6 * np.trace(normal, axis1=1, axis2=2))[:, None, None] * np.eye(2)
    step = -np.linalg.solve(normal, goal[..., None])[..., 0]
    length = np.linalg.norm(step, axis=-1, keepdims=True)
    return np.asarray(step * np.minimum(1, _LONGEST_STEP_PX / np.maximum(length, 1e-9)))


def _appearance(
    gray: FloatArray, odd: FloatArray, weight: FloatArray
) -> tuple[FloatArray, BoolArray]:
    """(N,) saddle, and whether windows look like corners of squares."""
    total = np.maximum(weight.sum(axis=(1, 2)), 1e-12)

    def mean(values: FloatArray) -> FloatArray:
        return np.asarray((weight * values).sum(axis=(1, 2)) / total)

    spread = np.sqrt(np.maximum(mean(gray**2) - mean(gray) ** 2, 1e-12))
    asymmetry = mean(odd**2) / (2 * spread**2)
    n = gray.shape[-1]
    side = np.sign(np.arange(n) - n // 2)
    saddle = -mean(gray * np.multiply.outer(side, side)) / spread
    is_corner = (
        (spread >= _LEAST_CONTRAST)
        & (asymmetry <= _MOST_ASYMMETRY)
        & (np.abs(saddle) >= _LEAST_SADDLE)
    )
    return saddle, is_corner
