"""What a calibration is worth on moments that it has not seen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from .errors import CalibrationError
from .quality import ErrorsPx, rigid_residuals, triangulate_boards
from .solution import solve

if TYPE_CHECKING:
    from .detections import Detections
    from .solution import Solution

_LEAST = 6


@dataclass(frozen=True, eq=False, slots=True)
class Holdout:
    """Errors at every other moment, of cameras that were fitted to the ones between.

    Parameters
    ----------
    errors
        Of corners that two or more cameras saw, triangulated.
    rigid_mm
        Median over moments of how far the corners are from a board laid onto them.
    fitted, tested
        How many moments.
    by_camera
        Errors of each camera.
    lengths
        (V, F, K) all of them, px, NaN where there are none.
    """

    errors: ErrorsPx
    rigid_mm: float
    fitted: int
    tested: int
    by_camera: tuple[ErrorsPx, ...]
    lengths: npt.NDArray[np.float64]


def hold_out(
    detections: Detections, solution: Solution, tested: Detections | None = None
) -> Holdout | None:
    """Solve for the even moments from the beginning, test on the odd ones.

    Every corner that was found is tested, also those that a fit would leave out.

    Parameters
    ----------
    detections
        What the solution was made from.
    tested
        What to test with, None: the same. Only its odd moments are used.
    solution
        What they were solved for, and how. None of its numbers are used.

    Returns
    -------
    None where there are too few moments for both.
    """
    moments = detections.moments
    even = moments % 2 == 0
    if min(even.sum(), (~even).sum()) < _LEAST:  # as when every other frame was looked at
        even = np.arange(len(moments)) % 2 == 0
    if min(even.sum(), (~even).sum()) < _LEAST or len(detections.names) < 2:
        return None
    try:
        cameras = solve(detections.at(moments[even]), solution.board, solution.model).cameras
    except CalibrationError:
        return None
    if tested is None or len(solution.board.symmetries) > 1:
        tested = solution.ordered(detections)
    tested = tested.at(moments[~even])
    board = solution.board.points
    seen = triangulate_boards(cameras, tested, len(board))
    rigid = rigid_residuals(seen.points, board.reshape(-1, 3))
    return Holdout(
        seen.errors,
        float(np.nanmedian(rigid)) if np.isfinite(rigid).any() else np.nan,
        int(even.sum()),
        int((~even).sum()),
        tuple(ErrorsPx.of(lengths.ravel()) for lengths in seen.lengths),
        seen.lengths,
    )
