"""Calibration boards: where their corners lie, and in what ways they look the same turned."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]


_LEAST_CORNERS = 3
"""Of a chessboard, a way: OpenCV finds none with fewer."""


class Board(Protocol):
    """What the solver needs of a board."""

    @property
    def points(self) -> FloatArray:
        """(S, M, 3) corners in the frame of the board, mm, for each of its S sides."""

    @property
    def symmetries(self) -> IntArray:
        """(K, M) orders of the corners between which a single image can not tell.

        The first is the order itself.
        """


def _grid(across: int, down: int, square_mm: float) -> FloatArray:
    """(down * across, 3) corners row by row, x along a row, mm."""
    y, x = np.mgrid[:down, :across]
    return np.stack([x.ravel(), y.ravel(), np.zeros(x.size)], axis=-1) * square_mm


def _positive(**sizes: float) -> None:
    for name, size in sizes.items():
        if not 0 < size < np.inf:
            raise ValueError(f"{name.replace('_', ' ')} of a board must be positive, got {size}")


@dataclass(frozen=True)
class CharucoBoard:
    """A chessboard whose white squares hold markers: each corner has a number of its own.

    Corners are counted row by row from the one next to the first square, whose outer corner is the
    origin of the board; x runs along a row, y down, z into the board.

    Parameters
    ----------
    squares_across, squares_down
        Squares in a row, and rows of squares.
    square_mm, marker_mm
        Edge lengths of a square and of a marker, mm.
    dictionary
        OpenCV's name of the markers, as ``DICT_4X4_1000``.
    legacy
        Pattern of OpenCV before 4.6 and of calib.io: boards of an even number of rows begin with a
        white square there, which holds the first marker.
    inverted
        Printed white on black.
    mirrored
        Seen mirrored, as through the back of glass.
    two_sided
        The back carries the mirrored pattern, corner behind corner.
    thickness_mm
        How far the corners of the back lie behind those of the front, mm.

    Raises
    ------
    ValueError
        When a number is out of range.

    Examples
    --------
    >>> board = CharucoBoard(4, 5, 54.0, 40.5)
    >>> board.points.shape, board.points[0, 0].tolist()
    ((1, 12, 3), [54.0, 54.0, 0.0])
    """

    squares_across: int
    squares_down: int
    square_mm: float
    marker_mm: float
    dictionary: str = "DICT_4X4_1000"
    legacy: bool = False
    inverted: bool = False
    mirrored: bool = False
    two_sided: bool = False
    thickness_mm: float = 0.0

    def __post_init__(self) -> None:
        _positive(square_edge=self.square_mm, marker_edge=self.marker_mm)
        if min(self.squares_across, self.squares_down) < 2:
            raise ValueError(
                "a ChArUco board needs at least 2 x 2 squares, got "
                f"{self.squares_across} x {self.squares_down}"
            )
        if self.marker_mm >= self.square_mm:
            raise ValueError(
                f"markers of a board must be smaller than its squares, got {self.marker_mm} mm in "
                f"{self.square_mm} mm"
            )
        if not 0 <= self.thickness_mm < np.inf:
            raise ValueError(
                f"thickness of a board must not be negative, got {self.thickness_mm} mm"
            )

    @cached_property
    def points(self) -> FloatArray:
        """(S, M, 3) corners, mm: front, and back if it has two sides."""
        front = _grid(self.squares_across - 1, self.squares_down - 1, self.square_mm)
        front[:, :2] += self.square_mm
        back = front + np.array([0, 0, self.thickness_mm])
        sides = [front, back] if self.two_sided else [front]
        return np.stack(sides)

    @property
    def symmetries(self) -> IntArray:
        """(1, M): no corner can be taken for another."""
        return np.arange(self.points.shape[1])[None]


@dataclass(frozen=True)
class Checkerboard:
    """A plain chessboard, counted by its inner corners.

    Corners are counted row by row; the first one is the origin of the board, x runs along a row, y
    down, z into the board. The square before the first corner is black. Where both counts are odd,
    or both even, the board looks the same turned by 180 degrees; one with equal even counts also
    turned by 90.

    Parameters
    ----------
    corners_across, corners_down
        Inner corners in a row, and rows of them.
    square_mm
        Edge length of a square, mm.

    Raises
    ------
    ValueError
        When a number is out of range.

    Examples
    --------
    >>> len(Checkerboard(4, 3, 10.0).symmetries)
    1
    >>> Checkerboard(3, 3, 10.0).symmetries.tolist()
    [[0, 1, 2, 3, 4, 5, 6, 7, 8], [8, 7, 6, 5, 4, 3, 2, 1, 0]]
    """

    corners_across: int
    corners_down: int
    square_mm: float

    def __post_init__(self) -> None:
        _positive(square_edge=self.square_mm)
        if min(self.corners_across, self.corners_down) < _LEAST_CORNERS:
            raise ValueError(
                f"a checkerboard needs at least {_LEAST_CORNERS} x {_LEAST_CORNERS} inner corners, "
                "got "
                f"{self.corners_across} x {self.corners_down}"
            )

    @cached_property
    def points(self) -> FloatArray:
        """(1, M, 3) corners, mm."""
        return _grid(self.corners_across, self.corners_down, self.square_mm)[None]

    @cached_property
    def symmetries(self) -> IntArray:
        """(K, M) orders of the corners that leave places and colours of all squares the same."""
        rows, columns = self.corners_down, self.corners_across
        order = np.arange(rows * columns).reshape(rows, columns)
        # a half turn maps square (r, c) to (rows - r, columns - c), a quarter turn to (c, rows - r)
        if (rows + columns) % 2:
            quarters: tuple[int, ...] = (0,)
        elif rows == columns and rows % 2 == 0:
            quarters = (0, 1, 2, 3)
        else:
            quarters = (0, 2)
        return np.stack([np.rot90(order, quarter).ravel() for quarter in quarters])
