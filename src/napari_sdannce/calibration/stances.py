"""How the board stood before each camera: how much it was tilted, and how far away it was."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np
import numpy.typing as npt

from .plane import homography, on_a_line

if TYPE_CHECKING:
    from .solution import Solution

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

TILTED = 30.0
"""Degrees; boards that are tilted less all look alike, nearer or larger."""
DEEP = 1.3
"""Times the shortest distance; boards that are all nearer tell no depth."""
_LEAST_CORNERS = 6


@dataclass(frozen=True, eq=False, slots=True)
class Stances:
    """Boards as cameras saw them, sighting by sighting; NaN where no corner was used.

    Parameters
    ----------
    tilts
        (G,) degrees between the board and the image plane: 0 for one that faces the camera.
    distances
        (G,) mm from the camera to the middle of the board.
    """

    tilts: FloatArray
    distances: FloatArray

    def take(self, which: BoolArray) -> Self:
        """Only some sightings."""
        return type(self)(self.tilts[which], self.distances[which])

    @property
    def known(self) -> Self:
        """Those that were used."""
        return self.take(np.isfinite(self.tilts))


def stances_of(solution: Solution) -> Stances:
    """How the board stood at each sighting, by the poses of the solved rig."""
    seen = solution.fit.problem.sightings
    poses = solution.fit.rig.cameras[seen.view] @ solution.boards[seen.moment]
    middles = poses.apply(seen.points.mean(axis=1)[:, None])[:, 0]
    # which side it shows does not matter
    tilts = np.degrees(np.arccos(np.minimum(np.abs(poses.rotation[:, 2, 2]), 1.0)))
    used = (seen.weights > 0).any(axis=1)
    return Stances(
        np.where(used, tilts, np.nan), np.where(used, np.linalg.norm(middles, axis=1), np.nan)
    )


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
