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
    from collections.abc import Callable, Iterator

    from .adjust import Problem
    from .bundle import Sightings
    from .fit import Fit

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]
IntArray = npt.NDArray[np.int64]

_LEAST = 4
"""Sightings of a stretch, and of the rest, at the least."""
_FAR_OFF = 5.0
"""Times the usual distance from the middle, to which values that are farther off are pulled in."""
_JUMP_SIGMAS = 4.0
_JUMP_SPREADS = 2.0
"""What is worth a closer look: in sigmas of a corner, and in what sightings differ anyway."""
_SHARE, _SHARE_IF_LATE = 0.15, 0.5
"""Share of all misfit that a push must explain, also where a camera is late."""
_CLEARLY = 0.85
"""Share of the misfit with a push that is left when the camera was put back."""
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
    """

    view: int
    moment: int


def pushes_of(sightings: Sightings, elsewhere: BoolArray) -> tuple[Push, ...]:
    """When cameras were pushed, by the sightings (G,) from where they stood shorter."""
    found = []
    for view in np.unique(sightings.view[elsewhere]).tolist():
        own = np.flatnonzero(sightings.view == view)
        own = own[np.argsort(sightings.moment[own])]
        after = own[1:][np.diff(elsewhere[own])]
        found += [Push(view, moment) for moment in sightings.moment[after].tolist()]
    return tuple(found)


def seen_from_elsewhere(fit: Fit, seen: BoolArray, moments: IntArray) -> BoolArray | None:
    """Sightings (G,) of a camera from where it stood shorter, None where none was pushed.

    Each camera's sightings are compared with where the others put the board. Where those after a
    moment are off by something else than those before, or a stretch by something else than those
    before and after, it is tried how much better all would fit with another place of the camera
    there. The camera for which that explains most was pushed, and was put back only where that
    explains clearly more: a stretch has two ends that are chosen to fit.

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
    ends = list(_odd_sightings(sightings, off, fit.sigma_px, odd_end))
    stretches = list(_odd_sightings(sightings, off, fit.sigma_px, odd_stretch))
    if not ends + stretches:  # as in most rigs, and adjusting takes its time
        return None
    least = problem.cost(adjust(problem, fit.rig))
    least *= 1 - (_SHARE_IF_LATE if some_late else _SHARE)
    found = None
    for tries, clearly in ((ends, 1.0), (stretches, _CLEARLY)):
        least *= clearly
        for view, part in tries:
            left = _cost_with(problem, fit.rig, view, part)
            if left < least:
                found, least = (view, part), left
    if found is None:
        return None
    view, inside = found
    outside, heeded = (sightings.view == view) & ~inside, seen.any(axis=1)
    return inside if (inside & heeded).sum() <= (outside & heeded).sum() else outside


def _odd_sightings(
    sightings: Sightings,
    off: FloatArray,
    sigma: float,
    find: Callable[[FloatArray, float], slice | None],
) -> Iterator[tuple[int, BoolArray]]:
    """Cameras, and sightings (G,) of theirs that are off by something else than the rest."""
    for view in np.unique(sightings.view).tolist():
        own = np.flatnonzero((sightings.view == view) & np.isfinite(off).all(axis=1))
        own = own[np.argsort(sightings.moment[own])]
        part = find(off[own], sigma)
        if part is not None:
            yield view, _at_moments_of(sightings, view, own, part)


def _at_moments_of(sightings: Sightings, view: int, rows: IntArray, part: slice) -> BoolArray:
    """(G,) all sightings of a camera at the moments of a part of some rows, which are in order."""
    within = (sightings.view == view) & (sightings.moment >= sightings.moment[rows[part.start]])
    if part.stop < len(rows):
        within &= sightings.moment < sightings.moment[rows[part.stop]]
    return np.asarray(within)


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


def odd_end(off: FloatArray, sigma: float) -> slice | None:
    """The values (N, 2) after a jump, None where none stands out.

    Examples
    --------
    >>> before, after = [[0.0, 0], [0.1, 0.2]] * 4, [[3.0, 1], [2.8, 1.1]] * 3
    >>> odd_end(np.array(before + after), sigma=0.2)
    slice(8, 14, None)
    """
    cuts = range(_LEAST, len(off) - _LEAST + 1)
    ends = [slice(cut, len(off)) for cut in cuts]
    jumps = [_jump(off, end, sigma) for end in ends]
    best = int(np.argmax(jumps)) if jumps else 0
    return ends[best] if jumps and jumps[best] > _JUMP_SPREADS else None


def odd_stretch(off: FloatArray, sigma: float) -> slice | None:
    """A stretch of values (N, 2) that differ from those before and after, None where none does.

    That of which the mean differs most from that of the others, in what chance would make of it
    (Olshen and others 2004, Biostatistics 5:557, section 2), with values that are far off pulled
    in.

    Examples
    --------
    >>> rest, odd = [[0.0, 0], [0.1, 0.2]] * 4, [[3.0, 1], [2.8, 1.1]] * 3
    >>> odd_stretch(np.array(rest + odd + rest), sigma=0.2)
    slice(8, 14, None)
    """
    n = len(off)
    if n < 3 * _LEAST:
        return None
    first, end = np.triu_indices(n + 1, _LEAST)
    enough = (first >= _LEAST) & (end <= n - _LEAST)
    first, end = first[enough], end[enough]
    from_middle = off - np.median(off, axis=0)
    length = np.linalg.norm(from_middle, axis=1)
    most = _FAR_OFF * max(float(np.median(length)), sigma)
    pulled = from_middle * np.minimum(1, most / np.maximum(length, 1e-12))[:, None]
    upto = np.concatenate([np.zeros((1, 2)), np.cumsum(pulled, axis=0)])
    sums, inside = upto[end] - upto[first], end - first
    apart = sums / inside[:, None] - (upto[-1] - sums) / (n - inside)[:, None]
    best = int(np.argmax(np.linalg.norm(apart, axis=1) * np.sqrt(inside * (n - inside) / n)))
    stretch = slice(int(first[best]), int(end[best]))
    return stretch if _jump(off, stretch, sigma) > _JUMP_SPREADS else None


def _jump(off: FloatArray, part: slice, sigma: float) -> float:
    """How far a part of the values (N, 2) is from the rest, in how far they are spread."""
    inside = np.zeros(len(off), dtype=bool)
    inside[part] = True
    middles = [np.median(off[own], axis=0) for own in (inside, ~inside)]
    jump = float(np.linalg.norm(middles[0] - middles[1]))
    apart = np.linalg.norm(off - np.where(inside[:, None], *middles), axis=1)
    return jump / max(float(np.median(apart)), 0.2 * sigma) if jump > _JUMP_SIGMAS * sigma else 0.0


def _cost_with(problem: Problem, rig: Rig, view: int, elsewhere: BoolArray) -> float:
    """Least cost when a camera stands elsewhere at some sightings (G,); all lenses stay."""
    seen = problem.sightings
    twice = np.append(np.arange(len(rig.cameras)), view)
    other = np.where(elsewhere, len(rig.cameras), seen.view)
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
