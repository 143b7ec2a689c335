"""How a ChArUco board is laid out, told from its markers in one image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from .plane import fits_plane

if TYPE_CHECKING:
    from .find_charuco import Markers

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

LEAST_MARKERS = 3
_MOST_ACROSS = 40
_TOLERANCE = 0.25
"""How far off the plane a marker may lie, in squares: as wide as counts of squares stay apart."""
_MARKER_SHARE = 0.75
"""Of a square: near enough for where the markers lie."""


@dataclass(frozen=True)
class Layout:
    """Squares of a board, as far as one image tells.

    Parameters
    ----------
    across
        Squares in a row.
    starts_black
        Whether the first square is black, as it is unless a board is of the old pattern.
    least_down
        Rows down to the last marker seen.
    n_markers
        Markers that agree with it.
    """

    across: int
    starts_black: bool
    least_down: int
    n_markers: int


def marker_squares(numbers: IntArray, across: int, *, starts_black: bool) -> IntArray:
    """(N, 2) column and row of the squares that hold markers, which are counted row by row.

    Examples
    --------
    >>> marker_squares(np.arange(4), 4, starts_black=True).tolist()
    [[1, 0], [3, 0], [0, 1], [2, 1]]
    """
    # a white square has an odd distance from a black one
    pairs, place = np.divmod(numbers, across)
    in_first = (across + (0 if starts_black else 1)) // 2
    row = 2 * pairs + (place >= in_first)
    within = np.where(place >= in_first, place - in_first, place)
    first_white = (row + (1 if starts_black else 0)) % 2
    return np.stack([2 * within + first_white, row], axis=-1)


def find_layout(markers: Markers, size: tuple[int, int], prefer: int) -> Layout | None:
    """The layout with which most markers lie in one plane.

    Parameters
    ----------
    size
        (width, height) of the image, px.
    prefer
        Squares in a row that are meant: taken where others fit as well.

    Returns
    -------
    None when fewer than three markers agree with any.
    """
    best: Layout | None = None
    widths = sorted(range(2, _MOST_ACROSS + 1), key=lambda width: abs(width - prefer))
    for across in widths if len(markers) >= LEAST_MARKERS else ():
        for starts_black in (True, False):
            found = _try(markers, size, across, starts_black=starts_black)
            if found is not None and (best is None or found.n_markers > best.n_markers):
                best = found
        if best is not None and best.n_markers == len(markers):
            break
    return best


def _try(
    markers: Markers, size: tuple[int, int], across: int, *, starts_black: bool
) -> Layout | None:
    squares = marker_squares(markers.numbers, across, starts_black=starts_black)
    if (np.ptp(squares, axis=0) == 0).any():
        return None  # in one line, any count fits
    rim = _MARKER_SHARE / 2 * np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]])
    xy = (squares[:, None] + 0.5 + rim).reshape(-1, 2)
    edges = np.linalg.norm(np.diff(markers.corners, axis=1), axis=-1)
    tolerance = np.repeat(np.median(edges, axis=1) / _MARKER_SHARE * _TOLERANCE, 4)
    good, plane = fits_plane(xy, markers.corners.reshape(-1, 2), size, tolerance)
    whole = good.reshape(-1, 4).all(axis=1)
    if plane is None or whole.sum() < LEAST_MARKERS or plane.is_mirrored(xy[good].mean(axis=0)):
        return None
    return Layout(across, starts_black, int(squares[whole, 1].max()) + 1, int(whole.sum()))
