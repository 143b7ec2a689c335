"""Cameras that were late: told by boards that moved while they were seen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from .bundle import POSE, residuals, slopes
from .rigid import log

if TYPE_CHECKING:
    from .bundle import Rig
    from .solution import Solution

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

_LEAST_MOMENTS = 10
_FLOOR = 1e-9


@dataclass(frozen=True, slots=True)
class TimeOffset:
    """How much later than the first camera a camera took its images.

    Parameters
    ----------
    frames
        In frames.
    sigma
        Standard deviation, frames.
    shift_px
        How far the board moved meanwhile in this camera's image, root mean square, px.
    """

    frames: float
    sigma: float
    shift_px: float


def time_offsets(solution: Solution) -> tuple[TimeOffset, ...] | None:
    """Delay of each camera, of one linear step with all cameras and boards free.

    A diagnostic only: the calibration takes images of one moment as taken at one time.

    Returns
    -------
    One a camera, the first zero; None where too few boards have neighbours in time.
    """
    rig, problem, lens = solution.fit.rig, solution.fit.problem, solution.model.lens
    speeds = board_speeds(rig, solution.detections.moments)
    moving = np.asarray(np.isfinite(speeds).all(axis=1))
    if moving.sum() < _LEAST_MOMENTS or len(rig.cameras) < 2:
        return None
    seen = problem.sightings
    weights = np.sqrt(problem.weights(rig))[..., None, None]
    weights[~moving[seen.moment]] = 0
    by_camera, by_board = slopes(rig, lens, seen)
    by_time = (by_board @ np.nan_to_num(speeds)[seen.moment][:, None, :, None])[..., 0]
    missed = residuals(rig, lens, seen)
    free = np.flatnonzero(problem.free.ravel())
    views, numbers = problem.free.shape
    size = views * numbers + views
    total, force = np.zeros((size, size)), np.zeros(size)
    pulls = []
    for moment in np.flatnonzero(moving):
        matrix, pull = np.zeros((size + POSE, size + POSE)), np.zeros(size + POSE)
        for g in np.flatnonzero(seen.moment == moment):
            view = int(seen.view[g])
            columns = [*range(view * numbers, (view + 1) * numbers), views * numbers + view,
                       *range(size, size + POSE)]  # fmt: skip
            rows = np.concatenate([by_camera[g], by_time[g][..., None], by_board[g]], axis=-1)
            rows = np.nan_to_num(rows * weights[g]).reshape(-1, rows.shape[-1])
            off = np.nan_to_num(missed[g] * weights[g][..., 0]).ravel()
            matrix[np.ix_(columns, columns)] += rows.T @ rows
            pull[columns] += rows.T @ off
        board = matrix[size:, size:]
        across = np.linalg.solve(board + np.diag(np.diag(board) * _FLOOR + _FLOOR), matrix[size:])
        total += matrix[:size, :size] - matrix[:size, size:] @ across[:, :size]
        force += pull[:size] - across[:, :size].T @ pull[size:]
        pulls.append(pull[:size] - across[:, :size].T @ pull[size:])
    p = rig.numbers.shape[1]
    for view in range(views):
        own = slice(view * numbers, view * numbers + p)
        total[own, own] += problem.prior.precision[view]
    keep = np.concatenate([free, views * numbers + np.arange(1, views)])
    inverse = np.linalg.pinv(total[np.ix_(keep, keep)], hermitian=True)
    step = -inverse @ force[keep]
    sigma = np.sqrt(((np.stack(pulls)[:, keep] @ inverse) ** 2).sum(axis=0))
    delays = np.concatenate([[0.0], step[len(free) :]])
    sigmas = np.concatenate([[0.0], sigma[len(free) :]])
    return tuple(
        TimeOffset(float(delays[v]), float(sigmas[v]), _shift(by_time, seen.view == v, delays[v]))
        for v in range(views)
    )


def board_speeds(rig: Rig, moments: IntArray) -> FloatArray:
    """(F, 6) how the board turns and moves at each moment, rad and mm a frame.

    NaN where it was not seen both before and after, within two frames.
    """
    found = np.full((len(moments), POSE), np.nan)
    for i in range(1, len(moments) - 1):
        span = moments[i + 1] - moments[i - 1]
        if span > 4:
            continue
        turn = rig.boards.rotation[i + 1] @ rig.boards.rotation[i - 1].T
        shift = rig.boards.translation[i + 1] - rig.boards.translation[i - 1]
        found[i] = np.concatenate([log(turn[None])[0], shift]) / span
    return found


def _shift(by_time: FloatArray, own: npt.NDArray[np.bool_], delay: float) -> float:
    lengths = np.linalg.norm(by_time[own], axis=-1)
    return float(abs(delay) * np.sqrt(np.nanmean(lengths**2))) if own.any() else 0.0
