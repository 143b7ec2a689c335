"""Plain chessboards in an image, counted the same way however they are turned."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import numpy.typing as npt

from .plane import fit_plane, fits_plane, on_a_line
from .refine import Squares, refine_corners

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_sdannce.calibration.boards.board_kinds import Checkerboard

    from .refine import GrayImage

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
Image = npt.NDArray[np.uint8]
Pattern = tuple[int, int]

_TOLERANCE = 0.1
"""How far off a plane corners may lie, in squares: what one lens number leaves."""
_LEAST_TOLERANCE_PX = 1.0
_LEAST_SHARE = 0.75
"""Share of the corners that must turn out to be some."""


def _classic(flags: int) -> Callable[[Image, Pattern], FloatArray | None]:
    return lambda image, pattern: _flat(cv2.findChessboardCorners(image, pattern, flags=flags))


def _by_sectors(flags: int) -> Callable[[Image, Pattern], FloatArray | None]:
    return lambda image, pattern: _flat(cv2.findChessboardCornersSB(image, pattern, flags=flags))


def _flat(found: tuple[bool, npt.NDArray[Any]]) -> FloatArray | None:
    is_there, corners = found
    return np.asarray(corners, dtype=np.float64).reshape(-1, 2) if is_there else None


_STOCK = cv2.CALIB_CB_ADAPTIVE_THRESH | cv2.CALIB_CB_NORMALIZE_IMAGE
# quickest first: where a board is easy to find, the first takes a millisecond
_DETECTORS = (_classic(_STOCK | cv2.CALIB_CB_FAST_CHECK), _by_sectors(0))
_THOROUGH = (
    *_DETECTORS,
    _by_sectors(cv2.CALIB_CB_NORMALIZE_IMAGE | cv2.CALIB_CB_EXHAUSTIVE),
    _classic(_STOCK),
)


def find_checkerboard(
    image: Image, gray: GrayImage, board: Checkerboard, *, thorough: bool
) -> FloatArray | None:
    """(M, 2) corners of a chessboard, px, NaN where one is hidden; None without a board.

    Parameters
    ----------
    image, gray
        (h, w) grey, and the same smoothed.
    thorough
        Try detectors that take several times as long when the quick ones find nothing.
    """
    pattern = (board.corners_across, board.corners_down)
    for detect in _THOROUGH if thorough else _DETECTORS:
        corners = detect(image, pattern)
        if corners is not None:
            refined = _refined(gray, board, _right_handed(corners, pattern))
            if refined is not None:
                return refined
    return None


def _right_handed(corners: FloatArray, pattern: Pattern) -> FloatArray:
    """The same, counted so that rows follow one another clockwise: as no mirror shows them."""
    grid = corners.reshape(pattern[1], pattern[0], 2)
    right, down = grid[-1, -1] - grid[-1, 0], grid[-1, -1] - grid[0, -1]
    if np.linalg.det(np.stack([right, down])) < 0:
        grid = grid[:, ::-1]
    return np.ascontiguousarray(grid.reshape(-1, 2))


def _refined(gray: GrayImage, board: Checkerboard, corners: FloatArray) -> FloatArray | None:
    """Corners where the image has them, counted from a black square where there is a choice."""
    xy = board.points[0, :, :2]
    plane = fit_plane(xy, corners, gray.size)
    squares = Squares.of(board)
    color = 0.0
    good = np.ones(len(xy), dtype=bool)
    for _ in range(2):  # the second time with windows as they are, not as they were found
        if plane is None:
            return None
        refined = refine_corners(gray, corners, xy, plane, squares)
        before_first = refined.saddle * _parity(board)
        color = float(np.sign(np.median(before_first)))
        good = refined.good & (before_first * color > 0)
        tolerance = np.maximum(_LEAST_TOLERANCE_PX, _TOLERANCE * squares.size_px(plane, xy))
        good, plane = fits_plane(xy, np.where(good[:, None], refined.corners, np.nan),
                                 gray.size, tolerance)  # fmt: skip
        if plane is not None:
            corners = np.where(good[:, None], refined.corners, plane.project(xy))
    if good.mean() < _LEAST_SHARE or on_a_line(xy[good]):
        return None
    order = _order(board, corners, is_black=color > 0)
    return np.where(good[:, None], corners, np.nan)[order]


def _parity(board: Checkerboard) -> FloatArray:
    """(M,) 1 where the square left of and above a corner is like that of the first, else -1."""
    y, x = np.mgrid[: board.corners_down, : board.corners_across]
    return np.where((x + y).ravel() % 2 == 0, 1.0, -1.0)


def _order(board: Checkerboard, corners: FloatArray, *, is_black: bool) -> IntArray:
    """(M,) order of the corners that begins beside a black square, in the upper left if it can.

    Parameters
    ----------
    is_black
        Whether the square before the first corner is black as they are counted now.
    """
    rows, columns = board.corners_down, board.corners_across
    grid = np.arange(rows * columns).reshape(rows, columns)
    orders = {quarter: np.rot90(grid, quarter).ravel()
              for quarter in (range(4) if rows == columns else (0, 2))}  # fmt: skip
    # turned by 90 degrees, the square outside of a corner is beside the one left of and above it
    black = {
        quarter: (_parity(board)[order[0]] * (-1) ** quarter > 0) == is_black
        for quarter, order in orders.items()
    }
    allowed = [orders[quarter] for quarter in orders if black[quarter]] or list(orders.values())
    return min(allowed, key=lambda order: float(corners[order[0]].sum()))
