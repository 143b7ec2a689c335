"""How well a calibration places points in the volume where the board was."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from napari_sdannce.calibration.solver.bundle import Rig, Sightings, residuals, slopes
from napari_sdannce.calibration.solver.rigid import Motions, cross_matrix

if TYPE_CHECKING:
    from napari_sdannce.calibration.solver.solution import Solution

FloatArray = npt.NDArray[np.float64]

_MOST = 150
_LEAST_SHARE = 1e-10
"""Of the largest, to the third: directions of which less is known are not known at all."""


@dataclass(frozen=True, eq=False, slots=True)
class PositionSigma:
    """Error of positions that comes from the calibration alone.

    Parameters
    ----------
    points
        (N, 3) mm, in the frame of the first camera.
    sigma_mm
        (N,) standard deviation of the distance to where a point is, NaN where fewer than two
        cameras see it. What all points share, as if the whole rig stood elsewhere, does not count.
    """

    points: FloatArray
    sigma_mm: FloatArray

    @property
    def median_mm(self) -> float:
        """Median over the volume."""
        known = self.sigma_mm[np.isfinite(self.sigma_mm)]
        return float(np.median(known)) if len(known) else np.nan


def position_sigma(solution: Solution) -> PositionSigma:
    """Standard deviation of positions in the volume through which the board was carried."""
    middle = solution.board.points[0].mean(axis=0)
    points = solution.boards.apply(middle[None])[:, 0]
    points = points[np.isfinite(points).all(axis=1)]
    points = points[:: max(1, len(points) // _MOST)]
    moves = _moves(solution, points)
    covariance = solution.fit.covariance.matrix
    known = np.isfinite(moves).all(axis=(1, 2))
    sigma = np.full(len(points), np.nan)
    if known.sum() >= 3:
        own = _without_common_motion(points[known], moves[known])
        sigma[known] = np.sqrt(np.einsum("nij,jk,nik->n", own, covariance, own))
    return PositionSigma(points, sigma)


def _moves(solution: Solution, points: FloatArray) -> FloatArray:
    """(N, 3, K) how triangulated points move with the K free numbers of the cameras."""
    rig, lens = solution.fit.rig, solution.model.lens
    n_views, n = len(rig.cameras), len(points)
    there = Motions(np.repeat(np.eye(3)[None], n, axis=0), points)
    view, which = np.divmod(np.arange(n_views * n), n)
    seen = Sightings(
        view, which, np.zeros((len(view), 1, 3)), np.zeros((len(view), 1, 2)),
        np.ones((len(view), 1)),
    )  # fmt: skip
    placed = Rig(rig.numbers, rig.cameras, there)
    pixels = residuals(placed, lens, seen)[:, 0]
    by_camera, by_board = slopes(placed, lens, seen)
    size = np.array(solution.detections.image_sizes)[view]
    inside = np.asarray(((pixels >= 0) & (pixels < size)).all(axis=1))
    by_point = np.where(inside[:, None, None], by_board[:, 0, :, 3:], 0.0)
    by_camera = np.where(inside[:, None, None], by_camera[:, 0], 0.0)
    free = solution.fit.problem.free
    total, pull = np.zeros((n, 3, 3)), np.zeros((n, 3, *free.shape))
    for v in range(n_views):
        own = slice(v * n, (v + 1) * n)
        total += np.swapaxes(by_point[own], 1, 2) @ by_point[own]
        pull[:, :, v] = np.swapaxes(by_point[own], 1, 2) @ by_camera[own]
    few = inside.reshape(n_views, n).sum(axis=0) < 2
    total[few] = np.nan
    # by its own size: pixels a millimetre differ between boards of metres and of micrometres
    each = np.trace(total, axis1=1, axis2=2)
    with np.errstate(invalid="ignore"):
        total[~(np.linalg.det(total) > _LEAST_SHARE * each**3)] = np.nan
    moves = np.full((n, 3, int(free.sum())), np.nan)
    good = np.isfinite(total).all(axis=(1, 2))
    moves[good] = -np.linalg.solve(total[good], pull[good][:, :, free])
    return moves


def _without_common_motion(points: FloatArray, moves: FloatArray) -> FloatArray:
    """Moves (N, 3, K) less the rigid motion that fits them best."""
    n = len(points)
    basis = np.concatenate(
        [np.repeat(np.eye(3)[None], n, axis=0), -cross_matrix(points - points.mean(axis=0))],
        axis=2,
    ).reshape(3 * n, 6)
    flat = moves.reshape(3 * n, -1)
    common = np.linalg.lstsq(basis, flat, rcond=None)[0]
    return np.asarray((flat - basis @ common).reshape(moves.shape))
