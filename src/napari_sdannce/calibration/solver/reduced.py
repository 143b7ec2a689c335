"""What each moment says of the cameras once its board is eliminated, and what all say together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from .bundle import POSE

if TYPE_CHECKING:
    from .adjust import Problem
    from .bundle import Rig

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False, slots=True)
class MomentParts:
    """Reduced normal equations of the N free numbers of all cameras, moment by moment.

    Parameters
    ----------
    matrices
        (F, N, N).
    forces
        (F, N); their sum and the prior's vanish where the cost is least.
    prior
        (N, N) precision that the prior adds.
    """

    matrices: FloatArray
    forces: FloatArray
    prior: FloatArray

    @property
    def data(self) -> FloatArray:
        """(N, N) of all moments together."""
        return np.asarray(self.matrices.sum(axis=0))


def moment_parts(problem: Problem, rig: Rig) -> MomentParts:
    """Take the reduced normal equations of a solved problem apart."""
    sightings, (v, c) = problem.sightings, problem.free.shape
    own, own_force = problem.sighting_blocks(rig)
    n_boards = len(rig.boards)
    free = np.flatnonzero(problem.free.ravel())
    matrices, forces = [], []
    for f in range(n_boards):
        here = np.flatnonzero(sightings.moment == f)
        views = sightings.view[here]
        matrix, force, between = np.zeros((v, c, v, c)), np.zeros((v, c)), np.zeros((v, c, POSE))
        matrix[views, :, views] = own[here, :c, :c]
        force[views] = own_force[here, :c]
        between[views] = own[here, :c, c:]
        board = own[here, c:, c:].sum(axis=0)
        pull = np.linalg.solve(_whole(board), between.reshape(-1, POSE).T)
        matrix = matrix.reshape(v * c, -1) - between.reshape(-1, POSE) @ pull
        force = force.ravel() - own_force[here, c:].sum(axis=0) @ pull
        matrices.append(matrix[np.ix_(free, free)])
        forces.append(force[free])
    n = rig.numbers.shape[1]
    prior = np.zeros((v, c, v, c))
    prior[np.arange(v), :n, np.arange(v), :n] = problem.prior.precision
    return MomentParts(
        np.stack(matrices), np.stack(forces), prior.reshape(v * c, -1)[np.ix_(free, free)]
    )


def _whole(board: FloatArray) -> FloatArray:
    """A matrix that can be inverted, for a board that few corners hold."""
    return np.asarray(board + np.diag(1e-12 * np.diag(board) + 1e-12))
