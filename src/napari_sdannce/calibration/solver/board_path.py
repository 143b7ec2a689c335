"""How a board moved: its places at moments, and at those just before and after them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self

import numpy as np
import numpy.typing as npt

from napari_sdannce.calibration.errors import CalibrationError

from .adjust import SoftL1, adjust
from .bundle import Sightings, slopes
from .fit import KNEE, is_lost, sigma_px_of
from .place_boards import place_boards
from .pose_graph import guess_all
from .time_offsets import (
    NEAR_FRAMES,
    board_speeds,
    check_each_camera,
    delays_of,
    rough_speeds,
)

if TYPE_CHECKING:
    from napari_sdannce.calibration.detection.detections import Detections

    from .adjust import Problem
    from .bundle import Rig
    from .solution import Solution

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False, slots=True)
class BoardPath:
    """A board as cameras saw it at moments, many of which follow each other.

    Parameters
    ----------
    rig
        Cameras, and a board a moment.
    detections
        Sightings, with corners as they were found, in the order of the board's.
    points
        (S, M, 3) corners of the board, mm.
    problem
        What was solved; it is of this path once that is `fitted`.
    """

    rig: Rig
    detections: Detections
    points: FloatArray
    problem: Problem

    @classmethod
    def around(cls, solution: Solution, found: Detections) -> Self:
        """At the moments of a solution, and those next to them of all that was found."""
        lens, rig, board = solution.model.lens, solution.fit.rig, solution.board
        near = found.at(_with_nearest(found.moments, solution.detections.moments))
        guesses = guess_all(lens, rig.numbers, board, near)
        placed, ordered = place_boards(lens, rig.numbers, rig.cameras, board, near, guesses)
        return cls(placed, ordered, board.points, solution.fit.problem)

    def fitted(self, delays: FloatArray) -> Self:
        """With cameras and boards fitted to what was seen, corrected for delays (V,), frames."""
        lens, rig = self.problem.lens, self.rig
        sightings = Sightings.of(self.in_step(delays), self.points)
        seen = sightings.weights > 0
        used = seen & ~is_lost(lens, rig, sightings, seen)[:, None]
        sigma = sigma_px_of(lens, rig, sightings, used)
        problem = replace(
            self.problem,
            sightings=replace(sightings, weights=used.astype(np.float64)),
            loss=SoftL1(KNEE),
            sigma=np.full(len(used), sigma),
        )
        return replace(self, rig=adjust(problem, rig), problem=problem)

    def later(self) -> FloatArray:
        """(V,) frames by which cameras are later than the path is corrected for.

        Raises
        ------
        CalibrationError
            When that can not be told.
        """
        followed = np.asarray(np.isfinite(self.speeds).all(axis=1))
        sightings = self.problem.sightings
        used = followed[sightings.moment] & (sightings.weights > 0).any(axis=1)
        check_each_camera(self.detections.take(np.asarray(used)))
        offsets = delays_of(self.problem, self.rig, self.speeds)
        if offsets is None:
            raise CalibrationError(
                "delays can not be told: there is one camera alone, or the board could rarely be "
                "placed in frames that follow each other"
            )
        return np.array([each.frames for each in offsets])

    @property
    def speeds(self) -> FloatArray:
        """(F, 6) how the board turned and moved, rad and mm a frame; NaN where that is unknown."""
        return board_speeds(self.rig.boards, self.detections.moments)

    def in_step(self, delays: FloatArray) -> Detections:
        """Sightings, their corners less what the board moved in the delays (V,) of the cameras.

        Also of moments at which it is not known well how the board moved: only so are boards
        before and after a moment as late as the one between.
        """
        speeds = np.nan_to_num(rough_speeds(self.rig.boards, self.detections.moments))
        seen = Sightings.of(self.detections, self.points)
        by_board = slopes(self.rig, self.problem.lens, seen)[1]
        by_time = (by_board @ speeds[seen.moment][:, None, :, None])[..., 0]
        moved = self.detections.corners - by_time * delays[seen.view][:, None, None]
        return replace(self.detections, corners=moved)


def _with_nearest(moments: IntArray, wanted: IntArray) -> IntArray:
    """Of rising moments those that are wanted, and each one's nearest before and after."""
    place = np.flatnonzero(np.isin(moments, wanted))
    around = (place[:, None] + [-1, 0, 1]).clip(0, len(moments) - 1)
    near = np.abs(moments[around] - moments[place][:, None]) <= NEAR_FRAMES
    return np.unique(moments[around[near]])
