"""Which cameras still stand to each other as they did, told by a recording of a board."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from napari_sdannce.calibration.errors import CalibrationError
from napari_sdannce.calibration.solver.bundle import POSE
from napari_sdannce.calibration.solver.rigid import Motions, align, cross_matrix, stack

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_sdannce.calibration.solver.solution import Solution
    from napari_sdannce.geometry import Camera

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

_LEAST_PX = 1.0
_SIGMAS = 5.0
"""Cameras that moved differ by more px than this, and by more than the recording may be wrong."""
_VAGUE = 0.02
"""Share of the distance to the board beyond which nobody stands where they stood."""
_MOST_POINTS = 500


@dataclass(frozen=True, eq=False, slots=True)
class Claims:
    """Where the board was, by what each camera says that has not moved.

    Parameters
    ----------
    names
        V cameras.
    points
        (N, 3) corners of the board, mm, in the frame of the recording of it.
    before
        (V, N, 3) the same in the frame that the cameras had, by each of them.
    apart_mm, allowed_mm
        (V, V) how far the claims of two cameras are apart, root mean square, and how far they may
        be when neither has moved.
    """

    names: tuple[str, ...]
    points: FloatArray
    before: FloatArray
    apart_mm: FloatArray
    allowed_mm: FloatArray

    @classmethod
    def of(cls, cameras: Sequence[Camera], solution: Solution) -> Claims:
        """Claims of V cameras as they were, about the board of a recording of now."""
        now = solution.fit.rig.cameras
        then = stack([Motions(camera.rotation, camera.translation) for camera in cameras])
        points = _corners(solution)
        before = (then.inverse @ now).apply(points)
        off = before[:, None] - before[None]
        return cls(
            tuple(camera.name for camera in cameras),
            points,
            before,
            np.sqrt((off**2).sum(axis=-1).mean(axis=-1)),
            _allowed(cameras, solution, points),
        )

    @property
    def agree(self) -> BoolArray:
        """(V, V) cameras that stand to each other as before."""
        return np.asarray(self.apart_mm <= self.allowed_mm)

    def largest_group(self) -> BoolArray:
        """(V,) cameras that have not moved: more than half, for two that moved may agree as well.

        Raises
        ------
        CalibrationError
            When no more than half stand to each other as before.
        """
        count = self.agree.sum(axis=1)
        # of several, the one whose cameras agree best
        strain = np.where(self.agree, self.apart_mm / self.allowed_mm, 0).sum(axis=1)
        group = self.agree[int(np.lexsort((strain, -count))[0])]
        if 2 * group.sum() > len(group):
            return np.asarray(group)
        of_them = f"{group.sum()} of {len(group)}" if group.sum() > 1 else "no two"
        raise CalibrationError(
            f"{of_them} cameras stand to each other as before, so that nothing tells which have "
            "moved: calibrate anew, or name those that you know to have moved"
        )

    def check(self, stayed: BoolArray) -> None:
        """Raise CalibrationError when these cameras do not stand to each other as before."""
        first, second = np.nonzero(np.triu(stayed[:, None] & stayed[None] & ~self.agree, 1))
        if len(first):
            one, other = self.names[first[0]], self.names[second[0]]
            raise CalibrationError(
                f"{one} and {other} do not stand to each other as before: one of them has moved, "
                f"too ({self.apart_mm[first[0], second[0]]:.1f} mm at the board)"
            )

    def frame(self, stayed: BoolArray) -> Motions:
        """Motion from the frame of the recording into that of the cameras that have not moved."""
        return align(np.tile(self.points, (stayed.sum(), 1)), self.before[stayed].reshape(-1, 3))


def _corners(solution: Solution) -> FloatArray:
    """(N, 3) corners of the board at all moments, mm; evenly some of them."""
    flat = solution.fit.rig.boards.apply(solution.board.points[0]).reshape(-1, 3)
    return flat[:: -(-len(flat) // _MOST_POINTS)]


def _allowed(cameras: Sequence[Camera], solution: Solution, points: FloatArray) -> FloatArray:
    """(V, V) mm by which the claims of two cameras may differ by chance."""
    distance = np.array(
        [np.linalg.norm(points - camera.centre, axis=1).mean() for camera in solution.cameras]
    )
    pixel = distance / np.array([camera.matrix[0, 0] for camera in cameras])
    chance = np.maximum(_SIGMAS * _sigma(solution, points), _LEAST_PX * _larger(pixel))
    return np.minimum(chance, _VAGUE * _larger(distance))


def _larger(each: FloatArray) -> FloatArray:
    """(V, V) the larger one of each two."""
    return np.maximum(each[:, None], each[None])


def _sigma(solution: Solution, points: FloatArray) -> FloatArray:
    """(V, V) mm, standard deviation of how far the claims of two cameras are apart."""
    rig, covariance = solution.fit.rig, solution.fit.covariance
    n_views, n = len(rig.cameras), len(covariance.matrix)
    # what turning and shifting a camera does to its claim; a number that is not free goes last
    slopes = np.zeros((n_views, 3 * len(points), n + 1))
    for view, rotation in enumerate(rig.cameras.rotation):
        turned = -rotation.T @ cross_matrix(points @ rotation.T)
        shifted = np.broadcast_to(rotation.T, turned.shape)
        columns = covariance.index[view, -POSE:]
        slopes[view][:, columns] = np.concatenate([turned, shifted], axis=2).reshape(-1, POSE)
    slopes = slopes[..., :n]
    sigma = np.zeros((n_views, n_views))
    for one in range(n_views):
        for other in range(one):
            apart = slopes[one] - slopes[other]
            variance = ((apart @ covariance.matrix) * apart).sum() / len(points)
            sigma[one, other] = sigma[other, one] = np.sqrt(variance)
    return sigma
