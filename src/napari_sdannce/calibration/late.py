"""Corners as they would have been seen, had all cameras taken their images at the same time."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from .bundle import slopes
from .errors import CalibrationError
from .solution import solve
from .time_offsets import board_speeds, time_offsets

if TYPE_CHECKING:
    from .boards import Board
    from .detections import Detections
    from .solution import Model, Solution

FloatArray = npt.NDArray[np.float64]

_ROUNDS = 4
_SETTLED = 0.01
"""Frames: smaller changes of the delays are none."""


def solve_in_step(
    detections: Detections, board: Board, model: Model | None = None
) -> tuple[Solution, Detections]:
    """As `solve`, with corners moved to where they were when the first camera saw them.

    Each camera is taken to be late by the same time in all frames, as webcams are. How the board
    moved is told by its places before and after; so only moments with neighbours can be used.

    Returns
    -------
    The solution, with its `delays`, and the corners that it was made from.

    Raises
    ------
    CalibrationError
        As `solve`; and when the board was not seen often enough in frames that follow each other.
    """
    solution = solve(detections, board, model)
    delays = np.zeros(len(detections.names))
    moved = solution.detections
    original = {
        (int(view), int(moment)): corners
        for view, moment, corners in zip(moved.view, moved.moment, moved.corners, strict=True)
    }
    for _ in range(_ROUNDS):
        offsets = time_offsets(solution)
        if offsets is None:
            raise CalibrationError(
                "delays can not be told: the board was seen too rarely in frames that follow each "
                "other (look at every one of them)"
            )
        change = np.array([each.frames for each in offsets])
        delays = delays + change
        own = zip(solution.detections.view, solution.detections.moment, strict=True)
        corners = np.stack([original[int(view), int(moment)] for view, moment in own])
        moved = _in_step(solution, corners, delays)
        solution = replace(solve(moved, board, model), delays=tuple(delays.tolist()))
        if np.abs(change).max() < _SETTLED:
            break
    return solution, moved


def _in_step(solution: Solution, corners: FloatArray, delays: FloatArray) -> Detections:
    """Sightings with neighbours in time, their corners less what the board moved in the delay."""
    rig, seen = solution.fit.rig, solution.fit.problem.sightings
    speeds = board_speeds(rig, solution.detections.moments)
    by_board = slopes(rig, solution.model.lens, seen)[1]
    known = np.asarray(np.isfinite(speeds).all(axis=1))[seen.moment]
    by_time = (by_board @ np.nan_to_num(speeds)[seen.moment][:, None, :, None])[..., 0]
    moved = corners - by_time * delays[seen.view][:, None, None]
    return replace(solution.detections, corners=moved).take(known)
