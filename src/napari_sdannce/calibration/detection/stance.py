"""How a board stands in an image: how much it is tilted, and how far away it is."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from .plane import homography, on_a_line

FloatArray = npt.NDArray[np.float64]

TILTED = 30.0
"""Degrees; boards that are tilted less all look alike, nearer or larger."""
DEEP = 1.3
"""Times the shortest distance; boards that are all nearer tell no depth."""
_LEAST_CORNERS = 6


def stance_seen(points: FloatArray, corners: FloatArray) -> tuple[float, float]:
    """How a board stands in an image of a camera whose lens is not known yet.

    By how much shorter it is seen along one direction than along the other, at the middle of what
    is seen of it: right in the middle of an image, and too tilted near the edges of a wide one (by
    16 degrees in images 95 degrees wide).

    Parameters
    ----------
    points
        (M, 3) corners of the board, mm.
    corners
        (M, 2) px where they were seen, NaN where not.

    Returns
    -------
    Tilt in degrees, and distance in focal lengths of mm a px; NaN where too little is seen.
    """
    seen = np.isfinite(corners).all(axis=1)
    sheet, pixels = points[seen, :2], corners[seen]
    if seen.sum() < _LEAST_CORNERS or on_a_line(sheet):
        return np.nan, np.nan
    plane = homography(sheet, pixels)
    if plane is None:
        return np.nan, np.nan
    there = plane @ [*sheet.mean(axis=0), 1.0]
    spot = there[:2] / there[2]
    slope = (plane[:2, :2] - np.outer(spot, plane[2, :2])) / there[2]  # px a mm
    long, short = np.linalg.svd(slope, compute_uv=False)
    return float(np.degrees(np.arccos(short / long))), float(1 / long)
