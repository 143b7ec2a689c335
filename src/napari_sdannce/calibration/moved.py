"""Cameras that were pushed while the board was recorded."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from .adjust import Prior, adjust
from .bundle import POSE, Rig, residuals, slopes
from .rigid import Motions
from .time_offsets import moves_smoothly, rough_speeds

if TYPE_CHECKING:
    from .adjust import Problem
    from .fit import Fit

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]
IntArray = npt.NDArray[np.int64]

_LEAST = 4
"""Sightings before and after, at the least."""
_JUMP_SIGMAS = 4.0
_JUMP_SPREADS = 2.0
"""What is worth a closer look: in sigmas of a corner, and in what sightings differ anyway."""
_SHARE, _SHARE_IF_LATE = 0.15, 0.5
"""Share of all misfit that a push must explain, also where a camera is late."""
_LATE_SPREADS = 6.0
"""From so many times the error of its median on, a delay is believed."""


@dataclass(frozen=True, slots=True)
class Push:
    """A camera that did not stay where it was.

    Parameters
    ----------
    view
        Camera.
    moment
        Row of the first moment after it was pushed.
    misfit
        Share of all misfit that this explains.
    """

    view: int
    moment: int
    misfit: float

    def shorter(self, fit: Fit) -> BoolArray:
        """(G,) sightings of the camera's shorter stretch."""
        seen = fit.problem.sightings
        own = seen.view == self.view
        late = own & (seen.moment >= self.moment)
        early = own & (seen.moment < self.moment)
        return np.asarray(late if late.sum() <= early.sum() else early)


def find_push(fit: Fit, seen: BoolArray, moments: IntArray) -> Push | None:
    """The push that explains most, None where none explains much.

    Each camera's sightings are compared with where the others put the board. Where they jump, it is
    tried how much better all would fit with another place of the camera from there on.

    Parameters
    ----------
    fit
        A fit in which cameras stay where they are.
    seen
        (G, M) corners to heed.
    moments
        (F,) moments of the boards, frames.
    """
    sightings = replace(fit.problem.sightings, weights=seen.astype(np.float64))
    free = np.zeros_like(fit.problem.free)
    free[1:, -POSE:] = True
    fixed = Prior(fit.rig.numbers, np.zeros_like(fit.problem.prior.precision))
    problem = replace(fit.problem, sightings=sightings, free=free, prior=fixed)
    off, some_late = _in_step(problem, fit.rig, moments, misses_of_others(problem, fit.rig))
    places = [(view, _jump(problem, off, view, fit.sigma_px)) for view in range(len(free))]
    tries = [(view, moment) for view, moment in places if moment is not None]
    if not tries:
        return None
    cost = problem.cost(adjust(problem, fit.rig))
    shares = [1 - _cost_with(problem, fit.rig, *each) / cost for each in tries]
    best = int(np.argmax(shares))
    least = _SHARE_IF_LATE if some_late else _SHARE
    return Push(*tries[best], shares[best]) if shares[best] > least else None


def misses_of_others(problem: Problem, rig: Rig) -> FloatArray:
    """(G, 2) px, median over a sighting's corners from where the other cameras put the board.

    NaN where no other camera saw it. Leaving a sighting out moves the board by one linear step.
    """
    blocks, forces = problem.sighting_blocks(rig)
    blocks, forces = blocks[:, -POSE:, -POSE:], forces[:, -POSE:]
    moment, seen = problem.sightings.moment, problem.sightings.weights > 0
    total, pull = np.zeros((len(rig.boards), POSE, POSE)), np.zeros((len(rig.boards), POSE))
    np.add.at(total, moment, blocks)
    np.add.at(pull, moment, forces)
    left, pull_left = total[moment] - blocks, pull[moment] - forces
    count = np.bincount(moment[seen.any(axis=1)], minlength=len(rig.boards))
    alone = np.asarray(count[moment] - seen.any(axis=1) < 1)
    left[alone] = np.eye(POSE)
    floor = 1e-9 * np.einsum("gii->gi", left) + 1e-12
    left = left + floor[:, :, None] * np.eye(POSE)
    step = -np.linalg.solve(left, pull_left[..., None])
    _, by_board = slopes(rig, problem.lens, problem.sightings)
    missed = residuals(rig, problem.lens, problem.sightings) + (by_board @ step[:, None])[..., 0]
    missed[~seen | alone[:, None]] = np.nan
    found = np.full((len(moment), 2), np.nan)
    some = (~np.isnan(missed[..., 0])).any(axis=1)
    found[some] = np.nanmedian(missed[some], axis=1)
    return found


def _in_step(
    problem: Problem, rig: Rig, moments: IntArray, off: FloatArray
) -> tuple[FloatArray, bool]:
    """(G, 2) px, misses without what a camera misses because it is late; whether one is.

    A board that turns round on its way makes a late camera miss it now on one side, then on the
    other, as if the camera had been pushed.
    """
    if not moves_smoothly(rig.boards, moments):
        return off, False
    seen = problem.sightings
    speeds = rough_speeds(rig.boards, moments)[seen.moment]
    _, by_board = slopes(rig, problem.lens, seen)
    moved = (by_board @ np.nan_to_num(speeds)[:, None, :, None])[..., 0]
    moved[seen.weights == 0] = np.nan
    rows = np.isfinite(speeds).all(axis=1) & np.isfinite(off).all(axis=1)
    way = np.zeros_like(off)
    way[rows] = np.nanmedian(moved[rows], axis=1)
    left, some_late = off.copy(), False
    for view in range(len(rig.cameras)):
        own = rows & (seen.view == view) & (way != 0).any(axis=1)
        if own.sum() >= 2 * _LEAST:
            weights = (way[own] ** 2).sum(axis=1)
            delays = (off[own] * way[own]).sum(axis=1) / weights
            delay = _weighted_median(delays, weights)
            spread = _weighted_median(np.abs(delays - delay), weights)
            if abs(delay) > _LATE_SPREADS * spread / np.sqrt(own.sum()):
                left[own] -= delay * way[own]
                some_late = True
    return left, some_late


def _weighted_median(values: FloatArray, weights: FloatArray) -> float:
    order = np.argsort(values)
    upto = np.cumsum(weights[order])
    return float(values[order][np.searchsorted(upto, upto[-1] / 2)])


def _jump(problem: Problem, off: FloatArray, view: int, sigma: float) -> int | None:
    """Row of the moment from which a camera's sightings are elsewhere, if any is suspicious."""
    seen = problem.sightings
    own = np.flatnonzero((seen.view == view) & np.isfinite(off).all(axis=1))
    own = own[np.argsort(seen.moment[own])]
    best: tuple[float, int | None] = (0.0, None)
    for t in range(_LEAST, len(own) - _LEAST + 1):
        parts = off[own[:t]], off[own[t:]]
        middles = [np.median(part, axis=0) for part in parts]
        apart = [
            np.linalg.norm(part - middle, axis=1)
            for part, middle in zip(parts, middles, strict=True)
        ]
        jump = float(np.linalg.norm(middles[0] - middles[1]))
        spread = max(float(np.median(np.concatenate(apart))), 0.2 * sigma)
        if jump > _JUMP_SIGMAS * sigma and jump / spread > max(best[0], _JUMP_SPREADS):
            best = jump / spread, int(seen.moment[own[t]])
    return best[1]


def _cost_with(problem: Problem, rig: Rig, view: int, moment: int) -> float:
    """Least cost when a camera stands elsewhere from a moment on; all lenses stay."""
    seen = problem.sightings
    late = (seen.view == view) & (seen.moment >= moment)
    twice = np.append(np.arange(len(rig.cameras)), view)
    other = np.where(late, len(rig.cameras), seen.view)
    free = problem.free[twice]
    free[-1, -POSE:] = True
    split = replace(
        problem,
        sightings=replace(seen, view=other),
        free=free,
        prior=Prior(problem.prior.mean[twice], problem.prior.precision[twice]),
    )
    start = Rig(
        rig.numbers[twice],
        Motions(rig.cameras.rotation[twice], rig.cameras.translation[twice]),
        rig.boards,
    )
    return split.cost(adjust(split, start))
