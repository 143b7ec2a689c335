"""How well the boards tell the cameras, and where things lie: honest error bars.

Errors of the corners of one board are alike: it moved while it was seen, cameras were not quite in
step, the print is not flat. Treated as if each corner had an error of its own, a fit claims to know
too much. So it is asked instead how much the moments of the recording disagree with each other: the
sum over moments of their pulls on the solution, each corrected for how much of the solution rests
on that moment (Bell and McCaffrey, Bias reduction in standard errors for linear regression with
multi-stage samples, Survey Methodology 28, 2002).

A board that rests, or is filmed twice at one place, says the same at all these moments, its errors
included: they count as one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from scipy import linalg

from .reduced import moment_parts

if TYPE_CHECKING:
    from .adjust import Problem
    from .bundle import Rig, Sightings
    from .reduced import MomentParts

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

_MOMENTS = 30.0
"""From so many moments on, each number's own disagreement tells more than the mean of all."""
_SAME_PX = 1.0
"""Corners that moved less between two moments: the board was at one place."""
_NOTHING = 1e-12
"""Share of what a number of a camera tells by itself, below which it is told by nothing."""


class UntoldError(ValueError):
    """Nothing tells some of the numbers of a camera.

    Parameters
    ----------
    view
        The camera.
    """

    def __init__(self, view: int) -> None:
        super().__init__(f"nothing tells where camera {view} is, or what its lens is like")
        self.view = view


@dataclass(frozen=True, eq=False, slots=True)
class Covariance:
    """Of the free numbers of all cameras.

    Parameters
    ----------
    matrix
        (N, N).
    index
        (V, C) row of each camera's number, -1 where it was not free.
    too_sure
        By what factor a fit that takes each corner's error as its own, at each place of the board,
        would have underestimated the errors, on the average over all numbers.
    places
        At how many places the board was seen; 0: not counted.
    """

    matrix: FloatArray
    index: IntArray
    too_sure: float
    places: int = 0

    @property
    def sigma(self) -> FloatArray:
        """(V, C) standard deviations, zero where a number was not free."""
        spread = np.append(np.sqrt(np.diag(self.matrix)), 0.0)
        return np.asarray(spread[self.index])

    def of_camera(self, view: int, n: int) -> FloatArray:
        """(n, n) covariance of a camera's first n numbers, zero where not free."""
        rows = self.index[view, :n]
        full = np.zeros((n, n))
        free = np.flatnonzero(rows >= 0)
        full[np.ix_(free, free)] = self.matrix[np.ix_(rows[free], rows[free])]
        return full


def covariance(problem: Problem, rig: Rig, places: IntArray | None = None) -> Covariance:
    """Covariance of a solved rig's cameras, in the frame of those that are fixed.

    Parameters
    ----------
    problem, rig
        What was solved, and its solution.
    places
        (F,) place of the board at each moment, see `places_of`; None: each has its own.

    Raises
    ------
    UntoldError
        When the boards leave something of a camera open.
    """
    parts = moment_parts(problem, rig)
    curve, noise = _noise(problem, rig)
    _check_told(problem, curve * parts.data + parts.prior)
    places = np.arange(len(parts.forces)) if places is None else places
    pulled = _by_places(parts, curve, places)
    copies = np.bincount(places)[places]
    model = _model(parts, curve, noise, copies)
    too_sure = _times(pulled, model)
    n = int(places.max()) + 1
    share = n / (n + _MOMENTS)
    matrix = share * pulled + (1 - share) * max(too_sure, 1.0) ** 2 * model
    return Covariance(matrix, _index(problem), too_sure, n)


def _times(one: FloatArray, other: FloatArray) -> float:
    """By what factor standard deviations of one covariance are larger, on the average."""
    ratio = np.diag(one) / np.diag(other)
    return float(np.sqrt(np.exp(np.mean(np.log(np.maximum(ratio, 1e-6))))))


def _check_told(problem: Problem, matrix: FloatArray) -> None:
    """Raise UntoldError where an inverse covariance (N, N) leaves something open."""
    views = np.nonzero(problem.free)[0]
    own = np.diag(matrix)
    dead = ~(own > 0)  # also what is not finite
    if dead.any():
        raise UntoldError(int(views[np.argmax(dead)]))
    scale = np.sqrt(own)
    told, turn = linalg.eigh(matrix / np.outer(scale, scale), subset_by_index=[0, 0])
    if told[0] < _NOTHING:
        parts = np.bincount(views, turn[:, 0] ** 2, minlength=len(problem.free))
        raise UntoldError(int(np.argmax(parts)))


def _index(problem: Problem) -> IntArray:
    """(V, C) row of each camera's number, -1 where it is not free."""
    free = problem.free.ravel()
    return np.where(free, np.cumsum(free) - 1, -1).reshape(problem.free.shape)


def _model(parts: MomentParts, curve: float, noise: float, copies: IntArray) -> FloatArray:
    """Covariance if each corner had an error of its own, but for (F,) moments that are alike."""
    bread = _inverse(curve * parts.data + parts.prior)
    spread = noise * (copies[:, None, None] * parts.matrices).sum(axis=0)
    return np.asarray(bread @ (spread + parts.prior) @ bread)


def _inverse(matrix: FloatArray) -> FloatArray:
    """Inverse of a covariance's inverse, whose numbers have different units."""
    scale = np.sqrt(np.diag(matrix))
    scale = np.outer(scale, scale)
    return np.asarray(linalg.inv(matrix / scale) / scale)


def _noise(problem: Problem, rig: Rig) -> tuple[float, float]:
    """Curvature of the cost, and variance of its slope, both as shares of the weights.

    Of weighted squares both would be 1. Huber and Ronchetti, Robust statistics (2009), section 7.6.
    """
    used = problem.sightings.weights > 0
    squares = problem.squares(rig)[used]
    weights = problem.loss.weight(squares)
    left = max(2 * used.sum() - problem.free.sum() - 6 * len(rig.boards), 1)
    curve = problem.loss.curvature(squares).mean() / weights.mean()
    return float(curve), float((weights**2 * squares).sum() / left / weights.mean())


def _by_places(parts: MomentParts, curve: float, places: IntArray) -> FloatArray:
    """Covariance from the pulls of the places (F,) of the board, and of the prior."""
    lower = linalg.cholesky(curve * parts.data + parts.prior, lower=True)
    half = linalg.solve_triangular(lower, np.eye(len(lower)), lower=True)
    total = half @ parts.prior @ half.T
    for place in range(int(places.max()) + 1):
        here = places == place
        matrix, force = parts.matrices[here].sum(axis=0), parts.forces[here].sum(axis=0)
        # share of the solution that rests on this place, and the pull that it hides
        share, turn = linalg.eigh(curve * half @ matrix @ half.T)
        shown = 1 / np.sqrt(np.maximum(1 - share, 0.05))
        pull = turn @ (shown * (turn.T @ (half @ force)))
        total += np.outer(pull, pull)
    return np.asarray(half.T @ total @ half)


def places_of(sightings: Sightings, n: int) -> IntArray:
    """(F,) place of the board at each of n moments, counted from 0.

    At a moment it is where it was at an earlier one when its corners hardly moved, in all cameras
    that saw it at both. What is compared is the first moment of each place, so that a board that
    creeps does not stay.
    """
    apart = np.full((n, n), -np.inf)
    for view in np.unique(sightings.view).tolist():
        own = np.flatnonzero((sightings.view == view) & (sightings.weights > 0).any(axis=1))
        rows = sightings.moment[own]
        here = np.ix_(rows, rows)
        apart[here] = np.maximum(apart[here], _moved_px(sightings, own))
    same = (apart < _SAME_PX) & (apart >= 0)
    places = np.full(n, -1)
    count = 0
    for moment in range(n):
        if places[moment] < 0:
            places[(places < 0) & same[moment]] = count
            places[moment] = count
            count += 1
    return places


def _moved_px(sightings: Sightings, which: IntArray) -> FloatArray:
    """(N, N) px by which corners moved between sightings of one camera, root mean square.

    Infinite where no corner was seen in both.
    """
    used = (sightings.weights[which] > 0).astype(np.float64)
    x, y = np.moveaxis(sightings.corners[which], -1, 0) * used
    count = used @ used.T
    squares = (x * x + y * y) @ used.T
    # of all pairs at once: (a - b)^2 = a^2 + b^2 - 2 a b
    apart = np.maximum(squares + squares.T - 2 * (x @ x.T + y @ y.T), 0)
    side = np.unique(sightings.points[which], axis=0, return_inverse=True)[1].ravel()
    both = (count > 0) & (side[:, None] == side)
    return np.where(both, np.sqrt(apart / np.maximum(count, 1)), np.inf)
