"""Levenberg-Marquardt on a rig, with a robust loss, priors on intrinsics, and boards eliminated."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from scipy import linalg

from .bundle import (
    POSE,
    NormalEquations,
    Rig,
    Sightings,
    normal_equations,
    residuals,
    sighting_products,
)
from .lenses import FX, FY

if TYPE_CHECKING:
    from .lenses import Lens

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

_STEPS = 60
_GAIN = 1e-3
"""Gain below which a step is the last: costs are in squared sigmas, so nothing moves a sigma."""
_MOST_DAMPING = 1e8
_SHORTEST = 0.05
"""Focal lengths of so small a share of what is expected are none of cameras."""


@dataclass(frozen=True)
class SoftL1:
    """A robust cost of residuals: squares up to the knee, lengths far out.

    Parameters
    ----------
    knee
        In sigmas; one for all residuals, or one for each.
    """

    knee: float | FloatArray = 1.0

    def cost(self, squares: FloatArray) -> FloatArray:
        """Cost of squared residuals, in sigmas."""
        k = self.knee**2
        return np.asarray(2 * k * (np.sqrt(1 + squares / k) - 1))

    def weight(self, squares: FloatArray) -> FloatArray:
        """Slope of the cost: what a squared residual counts."""
        return np.asarray(1 / np.sqrt(1 + squares / self.knee**2))

    def curvature(self, squares: FloatArray) -> FloatArray:
        """What a residual of two coordinates adds to the cost's second derivative, in the mean."""
        k = self.knee**2
        return np.asarray((1 + squares / (2 * k)) / (1 + squares / k) ** 1.5)


@dataclass(frozen=True, eq=False, slots=True)
class Prior:
    """What is known of intrinsic numbers before any board is seen.

    Parameters
    ----------
    mean
        (V, P).
    precision
        (V, P, P) inverse covariance; zero where nothing is known.
    """

    mean: FloatArray
    precision: FloatArray

    def cost(self, numbers: FloatArray) -> float:
        """Squared distance, in sigmas."""
        off = numbers - self.mean
        return float(np.einsum("vi,vij,vj->", off, self.precision, off))


@dataclass(frozen=True, eq=False, slots=True)
class Problem:
    """What an adjustment is about, but for the rig.

    Parameters
    ----------
    lens
        Kind of lens of all cameras.
    sightings
        What was seen.
    free
        (V, P + 6) numbers of the cameras that may change.
    loss
        Robust loss.
    sigma
        (G,) px, expected error of a corner's coordinate in each sighting.
    prior
        On the intrinsic numbers.
    """

    lens: Lens
    sightings: Sightings
    free: BoolArray
    loss: SoftL1
    sigma: FloatArray
    prior: Prior

    def squares(self, rig: Rig) -> FloatArray:
        """(G, M) squared lengths of the residuals, in sigmas; infinite behind a camera."""
        missed = residuals(rig, self.lens, self.sightings)
        squares = (missed**2).sum(axis=-1) / self.sigma[:, None] ** 2
        return np.where(np.isfinite(squares), squares, np.inf)

    def cost(self, rig: Rig) -> float:
        """What is minimised; infinite for what no camera can be."""
        focal = [FX, FY]
        if (rig.numbers[:, focal] <= _SHORTEST * self.prior.mean[:, focal]).any():
            return np.inf
        used = self.sightings.weights > 0
        squares = self.squares(rig)[used]
        if not np.isfinite(squares).all():
            return np.inf
        own = float((self.sightings.weights[used] * self.loss.cost(squares)).sum())
        return own + self.prior.cost(rig.numbers)

    def weights(self, rig: Rig) -> FloatArray:
        """(G, M) weights of the squared residuals in px, the loss included."""
        weights = self.sightings.weights * self.loss.weight(self.squares(rig))
        weights = weights / self.sigma[:, None] ** 2
        weights[self.sightings.weights == 0] = 0
        return np.asarray(weights)

    def equations(self, rig: Rig) -> NormalEquations:
        """Normal equations with the weights of the loss, in units of sigma."""
        return normal_equations(rig, self.lens, self.sightings, self.weights(rig))

    def camera_force(self, rig: Rig, equations: NormalEquations) -> FloatArray:
        """(V, C) half the slope of the cost by the cameras' numbers, the prior's included."""
        force = equations.camera_force.copy()
        off = rig.numbers - self.prior.mean
        force[:, : off.shape[1]] += np.einsum("vij,vj->vi", self.prior.precision, off)
        return force

    def sighting_blocks(self, rig: Rig) -> tuple[FloatArray, FloatArray]:
        """(G, C + 6, C + 6) and (G, C + 6): what each sighting adds to the normal equations."""
        products = sighting_products(rig, self.lens, self.sightings, self.weights(rig))
        return products[:, :-1, :-1], products[:, :-1, -1]


def adjust(problem: Problem, rig: Rig, *, max_steps: int = _STEPS) -> Rig:
    """Move a rig to the least cost near it.

    Damping as in Nielsen, Damping parameter in Marquardt's method, IMM-REP-1999-05 (1999).
    """
    cost, damping, harder = problem.cost(rig), 1e-4, 2.0
    equations = problem.equations(rig)
    for _ in range(max_steps):
        step = _step(problem, rig, equations, damping)
        trial = rig.stepped(*step.change) if step else rig
        after = problem.cost(trial) if step else np.inf
        gain = cost - after if after < np.inf else -np.inf
        if step and gain >= 0:
            rig, cost = trial, after
            if gain <= _GAIN:
                break
            damping *= max(1 / 5, 1 - (2 * gain / step.promised - 1) ** 3)
            harder = 2.0
            equations = problem.equations(rig)
        elif damping > _MOST_DAMPING or (step and step.promised <= _GAIN):
            break
        else:
            damping, harder = damping * harder, 2 * harder
    return rig


@dataclass(frozen=True, eq=False, slots=True)
class Step:
    """A step of all cameras (V, C) and boards (F, 6), and the gain that it promises."""

    change: tuple[FloatArray, FloatArray]
    promised: float


def _step(problem: Problem, rig: Rig, equations: NormalEquations, damping: float) -> Step | None:
    """Step against the force; None where the equations are singular."""
    reduced = reduce(problem, rig, equations, damping)
    try:
        factor = linalg.cho_factor(reduced.matrix)
    except linalg.LinAlgError:
        return None
    cameras = np.zeros(problem.free.shape)
    cameras[problem.free] = -linalg.cho_solve(factor, reduced.force)
    spread = np.einsum("gci,gc->gi", equations.between, cameras[problem.sightings.view])
    force = equations.board_force.copy()
    np.add.at(force, problem.sightings.moment, spread)
    boards = -np.einsum("fij,fj->fi", reduced.board_inverses, force)
    # what a quadratic cost would lose, damping left out: half of it at the least
    promised = -float((boards * equations.board_force).sum())
    promised -= float((cameras * problem.camera_force(rig, equations)).sum())
    return Step((cameras, boards), max(promised, 1e-300))


@dataclass(frozen=True, eq=False, slots=True)
class Reduced:
    """Normal equations of the free numbers of the cameras, boards eliminated.

    Parameters
    ----------
    matrix, force
        (N, N), (N,).
    board_inverses
        (F, 6, 6).
    """

    matrix: FloatArray
    force: FloatArray
    board_inverses: FloatArray


def reduce(problem: Problem, rig: Rig, equations: NormalEquations, damping: float = 0) -> Reduced:
    """Eliminate the boards from the normal equations."""
    n_views, n_numbers = problem.free.shape
    n_boards = len(equations.boards)
    prior, p = problem.prior, rig.numbers.shape[1]
    own = equations.cameras.copy()
    own[:, :p, :p] += prior.precision
    force = problem.camera_force(rig, equations)
    _damp(own, damping)
    boards = equations.boards.copy()
    _damp(boards, damping)
    inverses = np.asarray(np.linalg.inv(boards), dtype=np.float64)
    between = np.zeros((n_views, n_boards, n_numbers, POSE))
    between[problem.sightings.view, problem.sightings.moment] = equations.between
    # (N, F 6) matrices, whose products are what the boards carry from camera to camera
    free = problem.free.ravel()
    half = _wide(between @ inverses)[free]
    matrix: FloatArray = -half @ _wide(between)[free].T
    blocks = np.zeros((n_views, n_numbers, n_views, n_numbers))
    views = np.arange(n_views)
    blocks[views, :, views] = own
    matrix += blocks.reshape(len(free), -1)[np.ix_(free, free)]
    return Reduced(matrix, force.ravel()[free] - half @ equations.board_force.ravel(), inverses)


def _wide(between: FloatArray) -> FloatArray:
    """(V * C, F * 6) of (V, F, C, 6)."""
    v, f, c, six = between.shape
    return np.ascontiguousarray(between.transpose(0, 2, 1, 3)).reshape(v * c, f * six)


def _damp(blocks: FloatArray, damping: float) -> None:
    diagonal = np.einsum("nii->ni", blocks)
    # the rest: what no corner holds stays where it is
    diagonal *= 1 + damping + 1e-12
    diagonal += 1e-12
