"""How far off a calibration is: reprojection errors, and how rigid it sees the board."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from napari_sdannce.calibration.solver.rigid import align
from napari_sdannce.geometry import triangulate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_sdannce.calibration.detection.detections import Detections
    from napari_sdannce.geometry import Camera

FloatArray = npt.NDArray[np.float64]

_NEVER_PX = 1e6
"""No view is left out, and no residual counts less than its square."""


@dataclass(frozen=True, slots=True)
class ErrorsPx:
    """Lengths of residuals in words, px.

    Parameters
    ----------
    mean, median, rmse
        Of the lengths.
    count
        How many there are.
    """

    mean: float
    median: float
    rmse: float
    count: int

    @classmethod
    def of(cls, lengths: FloatArray) -> ErrorsPx:
        """Of lengths (N,), NaN left out."""
        known = lengths[np.isfinite(lengths)]
        if not len(known):
            return cls(np.nan, np.nan, np.nan, 0)
        return cls(
            float(known.mean()),
            float(np.median(known)),
            float(np.sqrt((known**2).mean())),
            len(known),
        )


@dataclass(frozen=True, eq=False, slots=True)
class Triangulated:
    """The board's corners as the cameras see them together, each on its own.

    Parameters
    ----------
    moments
        (F,) moments.
    points
        (F, S * M, 3) mm, side after side, NaN where fewer than two cameras saw the corner.
    lengths
        (V, F, S * M) residuals, px, NaN where a camera did not see the corner, or alone.
    """

    moments: npt.NDArray[np.int64]
    points: FloatArray
    lengths: FloatArray

    @property
    def errors(self) -> ErrorsPx:
        """Of all residuals."""
        return ErrorsPx.of(self.lengths.ravel())


def triangulate_boards(
    cameras: Sequence[Camera], detections: Detections, n_sides: int = 1
) -> Triangulated:
    """Triangulate every corner that two cameras saw, by least squares, nothing left out.

    A measure that knows nothing of the board's shape: for cameras that were fitted to other
    moments, and to compare calibrations however they were made.
    """
    moments, rows = np.unique(detections.moment, return_inverse=True)
    n_corners = detections.corners.shape[1]
    pixels = np.full((len(cameras), len(moments), n_sides, n_corners, 2), np.nan)
    pixels[detections.view, rows, detections.side] = detections.corners
    pixels = pixels.reshape(len(cameras), len(moments), -1, 2)
    found = triangulate(cameras, pixels, max_error=_NEVER_PX, pixel_sigma=_NEVER_PX)
    shared = np.isfinite(pixels).all(axis=-1).sum(axis=0) >= 2
    return Triangulated(moments, found.points, np.where(shared, found.residuals, np.nan))


def rigid_residuals(points: FloatArray, board: FloatArray) -> FloatArray:
    """(F,) mm: root mean square distance of corners (F, M, 3) from a board (M, 3) laid onto them.

    NaN where fewer than four corners are known.
    """
    found = np.full(len(points), np.nan)
    for i, there in enumerate(points):
        known = np.isfinite(there).all(axis=-1)
        if known.sum() < 4:
            continue
        laid = align(board[known], there[known]).apply(board[known])
        found[i] = np.sqrt(((there[known] - laid) ** 2).sum(axis=1).mean())
    return found
