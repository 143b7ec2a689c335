"""How well the boards tell the cameras, and where things lie: honest error bars.

Errors of the corners of one board are alike: it moved while it was seen, cameras were not quite in
step, the print is not flat. Treated as if each corner had an error of its own, a fit claims to know
too much. So it is asked instead how much the moments of the recording disagree with each other: the
sum over moments of their pulls on the solution, each corrected for how much of the solution rests
on that moment (Bell and McCaffrey, Bias reduction in standard errors for linear regression with
multi-stage samples, Survey Methodology 28, 2002).
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
    from .bundle import Rig
    from .reduced import MomentParts

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

_MOMENTS = 30.0
"""From so many moments on, each number's own disagreement tells more than the mean of all."""


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
        By what factor a fit that takes each corner's error as its own would have underestimated the
        errors, on the average over all numbers.
    """

    matrix: FloatArray
    index: IntArray
    too_sure: float

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


def covariance(problem: Problem, rig: Rig) -> Covariance:
    """Covariance of a solved rig's cameras, in the frame of those that are fixed."""
    parts = moment_parts(problem, rig)
    curve, noise = _noise(problem, rig)
    model = _model(parts, curve, noise)
    pulled = _by_moments(parts, curve)
    ratio = np.diag(pulled) / np.diag(model)
    too_sure = float(np.sqrt(np.exp(np.mean(np.log(np.maximum(ratio, 1e-6))))))
    n = len(parts.forces)
    share = n / (n + _MOMENTS)
    matrix = share * pulled + (1 - share) * max(too_sure, 1.0) ** 2 * model
    return Covariance(matrix, _index(problem), too_sure)


def _index(problem: Problem) -> IntArray:
    """(V, C) row of each camera's number, -1 where it is not free."""
    free = problem.free.ravel()
    return np.where(free, np.cumsum(free) - 1, -1).reshape(problem.free.shape)


def _model(parts: MomentParts, curve: float, noise: float) -> FloatArray:
    """Covariance if each corner had an error of its own."""
    bread = _inverse(curve * parts.data + parts.prior)
    return np.asarray(bread @ (noise * parts.data + parts.prior) @ bread)


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


def _by_moments(parts: MomentParts, curve: float) -> FloatArray:
    """Covariance from the pulls of the moments, and of the prior."""
    lower = linalg.cholesky(curve * parts.data + parts.prior, lower=True)
    half = linalg.solve_triangular(lower, np.eye(len(lower)), lower=True)
    total = half @ parts.prior @ half.T
    for matrix, force in zip(parts.matrices, parts.forces, strict=True):
        # share of the solution that rests on this moment, and the pull that it hides
        share, turn = linalg.eigh(curve * half @ matrix @ half.T)
        shown = 1 / np.sqrt(np.maximum(1 - share, 0.05))
        pull = turn @ (shown * (turn.T @ (half @ force)))
        total += np.outer(pull, pull)
    return np.asarray(half.T @ total @ half)
