"""Corners as they would have been seen, had all cameras taken their images at the same time."""

from __future__ import annotations

from dataclasses import dataclass, replace
from time import perf_counter
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from napari_sdannce.calibration.errors import CalibrationError
from napari_sdannce.calibration.findings import Finding, Grade

from .board_path import BoardPath
from .solution import LEAST_CORNERS, solve
from .time_offsets import LEAST_MOMENTS, check_each_camera, has_neighbours

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_sdannce.calibration.boards.board_kinds import Board
    from napari_sdannce.calibration.detection.detections import Detections

    from .solution import Model, Solution

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

_ROUNDS = 8
_LEAST_DELAY = 0.005
"""Frames: less is told of as none, and never as -0.00."""
_SETTLED = 0.01
"""Frames: smaller changes of the delays are none."""


@dataclass(frozen=True, eq=False, slots=True)
class InStep:
    """A calibration from corners that were corrected for late cameras.

    Corners of all moments were corrected by what all of them tell. So errors at moments that are
    held out afterwards come out a little small: where delays and motion were found without these
    moments, they were larger by 5 to 30 % in made-up rigs with fast boards.

    Parameters
    ----------
    solution
        The rig, with its `delays`, and how the board moved.
    unsettled
        Frames by which a delay still was to change after the last round; zero when none was.
    """

    solution: Solution
    unsettled: float

    @property
    def detections(self) -> Detections:
        """The corrected corners, of moments at which it is known how the board moved."""
        return self.solution.detections

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Whether the delays can be trusted."""
        if not self.unsettled:
            return ()
        return (
            Finding(
                Grade.USABLE,
                f"Delays of cameras did not settle: they still change by {self.unsettled:.2f} "
                "frames. Cameras are late by more than a frame, or not always by the same time, or "
                "the board was moved too fast.",
            ),
        )


def moments_to_correct(found: Detections) -> IntArray:
    """Moments at which it can be known how the board moved: it was found before and after.

    Raises
    ------
    CalibrationError
        When there are too few, of all cameras or of one.
    """
    whole = found.take(found.seen.sum(axis=1) >= LEAST_CORNERS)
    moments = whole.moments
    followed = moments[has_neighbours(moments)]
    if len(followed) < LEAST_MOMENTS:
        raise CalibrationError(
            f"delays can not be told: of {len(moments)} moments with a board, {len(followed)} have "
            f"others just before and after, and {LEAST_MOMENTS} are the least. Film the board "
            "longer; boards that were found with 'late' at 'tell' may have to be looked for again"
        )
    check_each_camera(whole.at(followed))
    return followed


def solve_in_step(
    detections: Detections,
    board: Board,
    model: Model | None = None,
    *,
    found: Detections | None = None,
    still: Sequence[int] = (),
) -> InStep:
    """As `solve`, with corners moved to where they were when the first camera saw them.

    Each camera is taken to be late by the same time in all frames, as webcams are. How the board
    moved is told by its places before and after; so only moments with neighbours are used.

    Parameters
    ----------
    detections
        What to calibrate from.
    board
        The board.
    model
        What to solve for.
    found
        All that was found, to tell how the board moved; None: no more than `detections`.
    still
        Moments at which the board lay still, used in any case.

    Raises
    ------
    CalibrationError
        As `solve`; and when the board was not seen often enough in frames that follow each other.
    """
    began = perf_counter()
    found = detections if found is None else found
    found = found.take(found.seen.sum(axis=1) >= LEAST_CORNERS)
    solution = solve(detections.at([*moments_to_correct(found), *still]), board, model)
    with threadpool_limits(1, user_api="blas"):
        path, delays = BoardPath.around(solution, found), np.zeros(len(found.names))
        for _ in range(_ROUNDS):
            path = path.fitted(delays)
            change = path.later()
            delays = delays + change
            left = float(np.abs(change).max())
            if left < _SETTLED:
                break
        solution = _fitted_to(solution, path, delays, still)
    seconds = perf_counter() - began
    return InStep(replace(solution, seconds=seconds), left if left >= _SETTLED else 0.0)


def _fitted_to(
    solution: Solution, path: BoardPath, delays: FloatArray, still: Sequence[int]
) -> Solution:
    """The same sightings, corrected for delays (V,), frames, fitted from where the path is."""
    moved, speeds = path.in_step(delays), path.speeds
    lying = np.isin(moved.moments, still)
    speeds[lying] = np.nan_to_num(speeds[lying])
    known = moved.moments[np.isfinite(speeds).all(axis=1)]
    used = moved.take(np.isin(_keys(moved), _keys(solution.detections))).at(known)
    rows = np.isin(moved.moments, used.moments)
    task = replace(solution.task, detections=used)
    delays = np.where(np.abs(delays) < _LEAST_DELAY, 0.0, delays)
    fit = task.fit(replace(path.rig, boards=path.rig.boards[rows]))
    return replace(solution, task=task, fit=fit, delays=tuple(delays.tolist()), speeds=speeds[rows])


def _keys(detections: Detections) -> IntArray:
    """(G,) a number of its own for each camera and moment."""
    return np.asarray(detections.moment * len(detections.names) + detections.view)
