"""How the board stood before each camera: how much it was tilted, and how far away it was."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from napari_sdannce.calibration.solver.solution import Solution

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False, slots=True)
class Stances:
    """Boards as cameras saw them, sighting by sighting; NaN where no corner was used.

    Parameters
    ----------
    tilts
        (G,) degrees between the board and the image plane: 0 for one that faces the camera.
    distances
        (G,) mm from the camera to the middle of the board.
    """

    tilts: FloatArray
    distances: FloatArray

    def take(self, which: BoolArray) -> Self:
        """Only some sightings."""
        return type(self)(self.tilts[which], self.distances[which])

    @property
    def known(self) -> Self:
        """Those that were used."""
        return self.take(np.isfinite(self.tilts))


def stances_of(solution: Solution) -> Stances:
    """How the board stood at each sighting, by the poses of the solved rig."""
    seen = solution.fit.problem.sightings
    poses = solution.fit.rig.cameras[seen.view] @ solution.boards[seen.moment]
    middles = poses.apply(seen.points.mean(axis=1)[:, None])[:, 0]
    # which side it shows does not matter
    tilts = np.degrees(np.arccos(np.minimum(np.abs(poses.rotation[:, 2, 2]), 1.0)))
    used = (seen.weights > 0).any(axis=1)
    return Stances(
        np.where(used, tilts, np.nan), np.where(used, np.linalg.norm(middles, axis=1), np.nan)
    )
