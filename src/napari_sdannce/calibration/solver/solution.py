"""From sightings of a board to a rig of cameras: all steps of the solver in their order."""

from __future__ import annotations

from dataclasses import dataclass, field
from time import perf_counter
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from napari_sdannce.calibration.errors import CalibrationError

from .bundle import POSE, residuals
from .fit import FitTask
from .intrinsics import find_intrinsics
from .known import KnownLenses, camera_of, weak_prior
from .lenses import FX, BrownLens, free_of
from .place_boards import place_boards
from .pose_graph import check_turns, find_pairs, guess_all, place_cameras
from .rigid import Motions
from .shifts import find_shifts

if TYPE_CHECKING:
    from napari_sdannce.calibration.boards.board_kinds import Board
    from napari_sdannce.calibration.detection.detections import Detections
    from napari_sdannce.geometry.cameras import Camera

    from .fit import Fit
    from .lenses import Lens
    from .pose_graph import Pair
    from .shifts import Shift

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]
IntArray = npt.NDArray[np.int64]

LEAST_CORNERS = 4
"""A board of which a camera saw fewer can not be placed."""
_LEAST_MOMENTS = 3


@dataclass(frozen=True, eq=False)
class Model:
    """What is solved for.

    Parameters
    ----------
    lens
        Kind of lens of all cameras.
    terms
        Distortion terms to solve for; None: all.
    known
        Lenses that were measured before; None: of none.
    fixed
        Whether known lenses stay as they are.
    """

    lens: Lens = field(default_factory=BrownLens)
    terms: tuple[str, ...] | None = None
    known: KnownLenses | None = None
    fixed: bool = False

    def known_of(self, n_views: int) -> KnownLenses:
        """What is known of each camera."""
        return self.known or KnownLenses.nothing(self.lens, n_views)

    def free(self, n_views: int) -> BoolArray:
        """(V, C) numbers of the cameras that are solved for; the first one stays where it is."""
        lens = free_of(self.lens, self.lens.terms if self.terms is None else self.terms)
        free = np.ones((n_views, len(lens) + POSE), dtype=bool)
        free[:, : len(lens)] = lens
        if self.fixed:
            free[self.known_of(n_views).has, : len(lens)] = False
        free[0, len(lens) :] = False
        return free


@dataclass(frozen=True, eq=False)
class Solution:
    """A solved rig.

    Parameters
    ----------
    model
        What was solved for.
    board
        The board.
    task
        What was fitted: sightings with their corners in the order of the board's.
    unplaced
        Sightings of so few corners that the board could not be placed; nothing was fitted to them.
    fit
        Rig, sigma, covariance, and the corners that were left out.
    pairs
        How pairs of cameras agreed before the adjustment.
    seconds
        What it took.
    shifts
        Cameras whose frames are not of the moments that they are taken for.
    delays
        (V,) frames by which cameras are late, where corners were moved to make up for that.
    speeds
        (F, 6) how the board turned and moved at each moment, rad and mm a frame, where moments
        between those that were fitted tell it; None: only they do.
    """

    model: Model
    board: Board
    task: FitTask
    unplaced: Detections
    fit: Fit
    pairs: tuple[Pair, ...]
    seconds: float
    shifts: tuple[Shift, ...] = ()
    delays: tuple[float, ...] = ()
    speeds: FloatArray | None = None

    @property
    def detections(self) -> Detections:
        """Sightings that were fitted."""
        return self.task.detections

    def ordered(self, detections: Detections) -> Detections:
        """All that was found, corners in the order of the board's wherever that is known."""
        if len(self.board.symmetries) > 1:  # a few corners do not say which they are
            return self.detections
        return detections

    @property
    def misses(self) -> FloatArray:
        """(G, M, 2) px from each corner to where the fit has it; NaN where none was found."""
        missed = residuals(self.fit.rig, self.model.lens, self.fit.problem.sightings)
        return np.where(self.detections.seen[..., None], missed, np.nan)

    @property
    def boards(self) -> Motions:
        """(F,) motions from the board into the frame of the first camera, one a moment.

        NaN where no corner was used: where that board was, nothing tells.
        """
        seen, boards = self.fit.problem.sightings, self.fit.rig.boards
        known = np.zeros(len(boards), dtype=bool)
        known[seen.moment[(seen.weights > 0).any(axis=1)]] = True
        return Motions(
            np.where(known[:, None, None], boards.rotation, np.nan),
            np.where(known[:, None], boards.translation, np.nan),
        )

    @property
    def cameras(self) -> tuple[Camera, ...]:
        """The cameras, in the frame of the first."""
        rig, found = self.fit.rig, self.detections
        return tuple(
            camera_of(self.model.lens, name, rig.numbers[i], rig.cameras[i], found.image_sizes[i])
            for i, name in enumerate(found.names)
        )


def solve(detections: Detections, board: Board, model: Model | None = None) -> Solution:
    """Calibrate cameras from what they saw of a board.

    Parameters
    ----------
    detections
        What was found.
    board
        The board.
    model
        What to solve for; None: pinhole cameras of which nothing is known.

    Raises
    ------
    CalibrationError
        When a camera saw no board, or none that others saw, or there is too little altogether.
    """
    began = perf_counter()
    model = model or Model()
    enough = detections.seen.sum(axis=1) >= LEAST_CORNERS
    usable, unplaced = detections.take(enough), detections.take(~enough)
    check_seen(usable)
    free = model.free(len(detections.names))
    if not free.any():
        raise CalibrationError("nothing is left to solve for: one camera, and its lens is fixed")
    # products of small matrices: threads would only get in each other's way
    with threadpool_limits(1, user_api="blas"):
        numbers = _lenses(usable, board, model)
        guesses = guess_all(model.lens, numbers, board, usable)
        placed = guesses.counts > 0
        _check_placed(usable, placed)
        pairs = find_pairs(usable, guesses)
        shifts = find_shifts(usable, guesses, pairs)
        cameras = place_cameras(usable.names, pairs)
        check_turns(board, usable.names, pairs)
        unplaced = unplaced.joined(usable.take(~placed))
        rig, ordered = place_boards(model.lens, numbers, cameras, board, usable, guesses)
        task = FitTask(
            model.lens,
            ordered,
            board.points,
            free,
            model.known_of(len(numbers)),
            weak_prior(model.lens, usable.image_sizes, numbers[:, FX].tolist()),
        )
        try:
            fit = task.fit(rig)
        except CalibrationError as error:
            why = "".join(f"; {shift.told(usable.names)}" for shift in shifts)
            raise CalibrationError(f"{error}{why}") from error
    seconds = perf_counter() - began
    return Solution(model, board, task, unplaced, fit, tuple(pairs), seconds, shifts)


def check_seen(detections: Detections) -> None:
    """Raise when there is not enough to begin with."""
    names = detections.names
    seen = np.bincount(detections.view, minlength=len(names))
    blind = [name for name, n in zip(names, seen, strict=True) if n == 0]
    if len(blind) == len(names):
        raise CalibrationError("no camera saw the board")
    if blind:
        raise CalibrationError(
            f"{', '.join(blind)} never saw the board; the others did "
            f"({', '.join(f'{n}: {k}' for n, k in zip(names, seen, strict=True) if k)} times)"
        )
    _check_moments(detections, "the board was seen")


def _check_moments(detections: Detections, what: str) -> None:
    moments = len(detections.moments)
    if moments < _LEAST_MOMENTS:
        raise CalibrationError(
            f"{what} at {moments} moment{'s' if moments > 1 else ''} only: move it through the "
            f"volume and tilt it; {_LEAST_MOMENTS} moments are the least, some dozens are good"
        )


def _check_placed(detections: Detections, placed: BoolArray) -> None:
    """Raise when corners that were found are not those of the board."""
    names = detections.names
    seen = np.bincount(detections.view, minlength=len(names))
    count = np.bincount(detections.view, placed, minlength=len(names))
    for name, n, k in zip(names, seen.tolist(), count.tolist(), strict=True):
        if not k:
            raise CalibrationError(
                f"no pose of the board looks like what {name} saw of it ({n} "
                f"time{'s' if n > 1 else ''}): its corners lie on a line, or are none of this "
                "board. Is it the board that was named? Show it nearer, and less from the side"
            )
    _check_moments(detections.take(placed), "the board could be placed")


def _lenses(detections: Detections, board: Board, model: Model) -> FloatArray:
    """(V, P) intrinsic numbers to start from."""
    known = model.known_of(len(detections.names))
    free = free_of(model.lens, model.lens.terms if model.terms is None else model.terms)
    return np.stack(
        [
            known.numbers[view]
            if known.has[view]
            else find_intrinsics(model.lens, detections, board.points, view, free)
            for view in range(len(detections.names))
        ]
    )
