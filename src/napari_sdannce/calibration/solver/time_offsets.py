"""Cameras that were late: told by boards that moved while they were seen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from napari_sdannce.calibration.errors import CalibrationError

from .bundle import POSE, residuals, slopes
from .rigid import log

if TYPE_CHECKING:
    from napari_sdannce.calibration.detection.detections import Detections

    from .adjust import Problem
    from .bundle import Rig
    from .rigid import Motions
    from .solution import Solution

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

LEAST_MOMENTS = 10
"""Moments at which it is known how the board moved; fewer tell no delays."""
_LEAST_SIGHTINGS = 5
"""Of one camera, at such moments."""
NEAR_FRAMES = 2
"""Farther away, a board may have moved otherwise."""
_SMOOTH = 0.5
"""Change of a speed, by the sum of both; of boards that are anywhere at each moment it is 0.8."""
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
    """Delay of each camera of a solution, as `delays_of`.

    A diagnostic only: the calibration takes images of one moment as taken at one time.
    """
    rig, speeds = solution.fit.rig, solution.speeds
    if speeds is None:
        speeds = board_speeds(rig.boards, solution.detections.moments)
    return delays_of(solution.fit.problem, rig, speeds)


def delays_of(problem: Problem, rig: Rig, speeds: FloatArray) -> tuple[TimeOffset, ...] | None:
    """Delay of each camera, of one linear step with all cameras and boards free.

    Parameters
    ----------
    problem
        What was solved.
    rig
        Its solution.
    speeds
        (F, 6) how the board turned and moved at each moment, rad and mm a frame, NaN where that is
        not known.

    Returns
    -------
    One a camera, the first zero; None where too few boards have neighbours in time.
    """
    moving = np.asarray(np.isfinite(speeds).all(axis=1))
    views, numbers = problem.free.shape
    if moving.sum() < LEAST_MOMENTS or views < 2:
        return None
    seen = problem.sightings
    by_camera, by_board = slopes(rig, problem.lens, seen)
    by_time = (by_board @ np.nan_to_num(speeds)[seen.moment][:, None, :, None])[..., 0]
    rows = np.concatenate([by_camera, by_time[..., None], by_board], axis=-1)
    total, pulls = _without_boards(problem, rig, rows, moving)
    p = rig.numbers.shape[1]
    for view in range(views):
        own = slice(view * numbers, view * numbers + p)
        total[own, own] += problem.prior.precision[view]
    free = np.flatnonzero(problem.free.ravel())
    keep = np.concatenate([free, views * numbers + np.arange(1, views)])
    inverse = np.linalg.pinv(total[np.ix_(keep, keep)], hermitian=True)
    step = -inverse @ pulls.sum(axis=0)[keep]
    sigma = np.sqrt(((pulls[:, keep] @ inverse) ** 2).sum(axis=0))
    delays = np.concatenate([[0.0], step[len(free) :]])
    sigmas = np.concatenate([[0.0], sigma[len(free) :]])
    return tuple(
        TimeOffset(float(delays[v]), float(sigmas[v]), _shift(by_time, seen.view == v, delays[v]))
        for v in range(views)
    )


def _without_boards(
    problem: Problem, rig: Rig, rows: FloatArray, moving: npt.NDArray[np.bool_]
) -> tuple[FloatArray, FloatArray]:
    """Normal equations of the cameras' V * C numbers and V delays, boards eliminated.

    Parameters
    ----------
    rows
        (G, M, 2, C + 1 + 6) slopes by a camera's numbers, its delay and a board's pose.
    moving
        (F,) moments to heed.

    Returns
    -------
    (N, N) of all moments together, and (n, N) what each of these pulls.
    """
    seen, (views, numbers) = problem.sightings, problem.free.shape
    weights = np.sqrt(problem.weights(rig))[..., None]
    slope = np.nan_to_num(rows * weights[..., None])
    missed = np.nan_to_num(residuals(rig, problem.lens, seen) * weights)
    size = views * (numbers + 1)
    total, pulls = np.zeros((size, size)), []
    for moment in np.flatnonzero(moving):
        matrix, pull = np.zeros((size + POSE, size + POSE)), np.zeros(size + POSE)
        for g in np.flatnonzero(seen.moment == moment):
            view = int(seen.view[g])
            columns = [*range(view * numbers, (view + 1) * numbers), views * numbers + view,
                       *range(size, size + POSE)]  # fmt: skip
            own = slope[g].reshape(-1, len(columns))
            matrix[np.ix_(columns, columns)] += own.T @ own
            pull[columns] += own.T @ missed[g].ravel()
        board = matrix[size:, size:]
        across = np.linalg.solve(board + np.diag(np.diag(board) * _FLOOR + _FLOOR), matrix[size:])
        total += matrix[:size, :size] - matrix[:size, size:] @ across[:, :size]
        pulls.append(pull[:size] - across[:, :size].T @ pull[size:])
    return total, np.stack(pulls)


def board_speeds(boards: Motions, moments: IntArray) -> FloatArray:
    """(F, 6) how the board turns and moves at each moment, rad and mm a frame.

    NaN where it was not seen both before and after, within two frames each.
    """
    before, after = _steps(boards, moments)
    since, until = _gaps(moments)
    # each counts the more the nearer it is: exact for boards that speed up evenly
    with np.errstate(invalid="ignore"):  # one that rests at the end: nothing by infinity
        return np.asarray((before * until + after * since) / (since + until))


def rough_speeds(boards: Motions, moments: IntArray) -> FloatArray:
    """(F, 6) as `board_speeds`, where it was seen either before or after only by that alone."""
    before, after = _steps(boards, moments)
    speeds = board_speeds(boards, moments)
    for known in (before, after):
        speeds = np.where(np.isfinite(speeds), speeds, known)
    return speeds


def moves_smoothly(boards: Motions, moments: IntArray) -> bool:
    """Whether the board mostly goes on as it went; else its speed tells nothing between moments."""
    before, after = (steps[:, 3:] for steps in _steps(boards, moments))
    known = np.isfinite(before).all(axis=1) & np.isfinite(after).all(axis=1)
    if known.sum() < LEAST_MOMENTS:
        return False
    length = np.linalg.norm(before[known], axis=1) + np.linalg.norm(after[known], axis=1)
    change = np.linalg.norm(after[known] - before[known], axis=1)
    return bool(np.median(change / np.maximum(length, _FLOOR)) < _SMOOTH)


def has_neighbours(moments: IntArray) -> npt.NDArray[np.bool_]:
    """(F,) which of rising moments have others before and after, within two frames each."""
    since, until = _gaps(moments)
    return np.asarray(((since <= NEAR_FRAMES) & (until <= NEAR_FRAMES)).ravel())


def check_each_camera(followed: Detections) -> None:
    """Raise when one of the cameras saw too little of a board of which it is known how it moved.

    Raises
    ------
    CalibrationError
        When one has too few sightings.
    """
    names = followed.names
    counts = np.bincount(followed.view, minlength=len(names))
    if counts.min() < _LEAST_SIGHTINGS:
        raise CalibrationError(
            f"delays can not be told: {names[int(np.argmin(counts))]} saw the board "
            f"{counts.min()} times only where it was seen just before and after as well"
        )


def _steps(boards: Motions, moments: IntArray) -> tuple[FloatArray, FloatArray]:
    """(F, 6) speeds since the moment before and until the one after, NaN where that is far."""
    first, second = boards[:-1], boards[1:]
    turn = log(second.rotation @ np.swapaxes(first.rotation, -1, -2))
    shift = second.translation - first.translation
    gap = np.diff(moments)[:, None]
    speeds = np.where(gap <= NEAR_FRAMES, np.concatenate([turn, shift], axis=1) / gap, np.nan)
    none = np.full((1, POSE), np.nan)
    return np.concatenate([none, speeds]), np.concatenate([speeds, none])


def _gaps(moments: IntArray) -> tuple[FloatArray, FloatArray]:
    """(F, 1) frames since the moment before, and until the one after; infinite at the ends."""
    if not len(moments):
        return np.empty((0, 1)), np.empty((0, 1))
    gap = np.diff(moments).astype(np.float64)
    never = np.array([np.inf])
    return np.concatenate([never, gap])[:, None], np.concatenate([gap, never])[:, None]


def _shift(by_time: FloatArray, own: npt.NDArray[np.bool_], delay: float) -> float:
    lengths = np.linalg.norm(by_time[own], axis=-1)
    return float(abs(delay) * np.sqrt(np.nanmean(lengths**2))) if own.any() else 0.0
