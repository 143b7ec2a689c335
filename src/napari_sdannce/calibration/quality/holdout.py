"""What a calibration is worth on moments that it has not seen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from napari_sdannce.calibration.errors import CalibrationError
from napari_sdannce.calibration.solver.solution import solve

from .errors_px import ErrorsPx, rigid_residuals, triangulate_boards

if TYPE_CHECKING:
    from napari_sdannce.calibration.detection.detections import Detections
    from napari_sdannce.calibration.solver.solution import Solution

_LEAST = 6
"""Moments to fit to, and to test at, at the least."""


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
) -> Holdout:
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

    Raises
    ------
    CalibrationError
        When that can not be done: there are too few moments for both, or half of them tell too
        little; says why.
    """
    if len(detections.names) < 2:
        raise CalibrationError("there is one camera only")
    moments = detections.moments
    even = moments % 2 == 0
    if min(even.sum(), (~even).sum()) < _LEAST:  # as when every other frame was looked at
        even = np.arange(len(moments)) % 2 == 0
    if min(even.sum(), (~even).sum()) < _LEAST:
        raise CalibrationError(f"{len(moments)} moments are too few, {2 * _LEAST} are the least")
    try:
        cameras = solve(detections.at(moments[even]), solution.board, solution.model).cameras
    except CalibrationError as error:
        raise CalibrationError(f"half of the moments tell too little: {error}") from error
    if tested is None or len(solution.board.symmetries) > 1:
        tested = solution.ordered(detections)
    tested = tested.at(moments[~even])
    board = solution.board.points
    seen = triangulate_boards(cameras, tested, len(board))
    if not seen.errors.count:
        raise CalibrationError(
            "at the moments between, no two cameras saw the same corner from places that are apart"
        )
    rigid = rigid_residuals(seen.points, board.reshape(-1, 3))
    return Holdout(
        seen.errors,
        float(np.nanmedian(rigid)) if np.isfinite(rigid).any() else np.nan,
        int(even.sum()),
        int((~even).sum()),
        tuple(ErrorsPx.of(lengths.ravel()) for lengths in seen.lengths),
        seen.lengths,
    )
