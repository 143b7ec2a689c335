"""How large the markers of a ChArUco board are, told from an image."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from napari_sdannce.calibration.boards.pattern import first_is_black, n_markers

from .marker_layout import marker_squares
from .plane import fits_plane
from .refine import GrayImage

if TYPE_CHECKING:
    from napari_sdannce.calibration.boards.board_kinds import CharucoBoard

    from .detect import Sighting
    from .plane import SeenPlane

FloatArray = npt.NDArray[np.float64]
Image = npt.NDArray[np.uint8]

_ALONG = np.linspace(0.35, 0.65, 7)
"""Where the sides of a square are looked at, from corner to corner."""
_DEEPEST = 0.35
"""How far into a square its marker is looked for, in squares: beyond its rim, for most."""
_STEPS = 60
_TOLERANCE_PX = 2.0
_LEAST_SIDES = 8
_LEAST_SQUARE_PX = 16.0
"""Squares must be that large: the gap round a marker is an eighth of it."""


def marker_share(image: Image, sighting: Sighting, board: CharucoBoard) -> float:
    """Edge of a marker, in squares, as an image shows it; NaN where it is too small to tell.

    Parameters
    ----------
    image
        (h, w) grey, in which the front of the board was found.
    """
    if sighting.side or board.mirrored:
        return np.nan
    gray = GrayImage(np.asarray(255 - image if board.inverted else image, dtype=np.uint8))
    grid = board.points[0, :, :2]
    seen = np.isfinite(sighting.corners[:, 0])
    tolerance = np.full(len(grid), _TOLERANCE_PX)
    plane = fits_plane(grid, sighting.corners, gray.size, tolerance)[1]
    if plane is None or _square_px(plane, grid[seen], board.square_mm) < _LEAST_SQUARE_PX:
        return np.nan
    gaps = _gaps(gray, plane, board)
    return float(1 - 2 * np.median(gaps)) if len(gaps) >= _LEAST_SIDES else np.nan


def _square_px(plane: SeenPlane, xy: FloatArray, square_mm: float) -> float:
    step = plane.project(xy + np.array([square_mm, 0.0])) - plane.project(xy)
    return float(np.median(np.linalg.norm(step, axis=-1)))


def _gaps(gray: GrayImage, plane: SeenPlane, board: CharucoBoard) -> FloatArray:
    """White between the sides of squares and their markers, in squares."""
    squares = marker_squares(
        np.arange(n_markers(board)), board.squares_across, starts_black=first_is_black(board)
    )
    last = np.array([board.squares_across, board.squares_down]) - 1
    # sides that black squares follow on: at the rim of the board, white does
    depth = np.linspace(-_DEEPEST, _DEEPEST, _STEPS)
    found = []
    for axis in (0, 1):
        for end, inwards in ((0.0, 1.0), (1.0, -1.0)):
            inner = squares[squares[:, axis] != (0 if end == 0 else last[axis])]
            places = np.zeros((len(inner), len(_ALONG), _STEPS, 2))
            places[..., axis] = inner[:, axis, None, None] + end + inwards * depth
            places[..., 1 - axis] = (inner[:, 1 - axis, None] + _ALONG)[..., None]
            at = plane.project(places * board.square_mm)
            inside = gray.holds(at).all(axis=(1, 2))
            profiles = gray.at(at[inside])[..., 0].mean(axis=1)
            found += [_gap(profile, depth) for profile in profiles]
    return np.array([gap for gap in found if np.isfinite(gap)])


def _gap(profile: FloatArray, depth: FloatArray) -> float:
    """Width of the white stripe between black at the left and black at the right."""
    peak = int(np.argmax(profile * (depth > 0)))
    dark = max(profile[:peak].min(initial=255), profile[peak:].min(initial=255))
    middle = (profile[peak] + dark) / 2
    left = np.flatnonzero(profile[:peak] < middle)
    right = np.flatnonzero(profile[peak:] < middle)
    if profile[peak] - dark < 20 or not len(left) or not len(right):
        return np.nan
    begin, end = int(left[-1]), peak + int(right[0]) - 1
    # white that spreads moves both, one out of the square and the other into the marker
    return _crossing(profile, depth, end, middle) + _crossing(profile, depth, begin, middle)


def _crossing(profile: FloatArray, depth: FloatArray, index: int, level: float) -> float:
    """Where the profile passes a level between a sample and the next."""
    low, high = profile[index], profile[index + 1]
    share = 0.5 if low == high else (level - low) / (high - low)
    return float(depth[index] + share * (depth[index + 1] - depth[index]))
