"""Slopes against finite differences, and the normal equations against dense ones."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from napari_sdannce.calibration.solver.adjust import Prior, Problem, SoftL1, adjust, reduce
from napari_sdannce.calibration.solver.bundle import Rig, Sightings, residuals, slopes
from napari_sdannce.calibration.solver.lenses import N_PINHOLE, BrownLens, FisheyeLens, names_of
from napari_sdannce.calibration.solver.reduced import moment_parts
from napari_sdannce.synthetic.board_rigs import BoardRigSettings, board_rig

if TYPE_CHECKING:
    from napari_sdannce.calibration.solver.lenses import Lens

LENSES = (BrownLens(), FisheyeLens())


def skewed(lens: Lens) -> tuple[Rig, Sightings]:
    """A small rig, with all its numbers away from zero."""
    settings = BoardRigSettings(cameras=3, moments=5, lens=lens, noise_px=2.0)
    made = board_rig(settings, 3)
    numbers = made.truth.numbers.copy()
    numbers[:, 4] = (1.5, -2, 0.5)
    numbers[:, N_PINHOLE:] += 0.01
    seen = Sightings.of(made.detections, settings.board.points)
    return replace(made.truth, numbers=numbers), seen


@pytest.mark.parametrize("lens", LENSES)
def test_slopes_are_those_of_the_residuals(lens: Lens) -> None:
    rig, seen = skewed(lens)
    by_camera, by_board = slopes(rig, lens, seen)
    used = seen.weights > 0
    n, f = rig.numbers.shape[1], len(rig.boards)
    for k in range(n + 6):
        size = 1e-6 * (np.abs(rig.numbers[:, k]).max() if k < 4 else 1)
        step = np.zeros((3, n + 6))
        step[:, k] = size
        here = [residuals(rig.stepped(s * step, np.zeros((f, 6))), lens, seen) for s in (1, -1)]
        slope = (here[0] - here[1]) / (2 * size)
        scale = np.abs(slope[used]).max()
        np.testing.assert_allclose(by_camera[used][..., k], slope[used], atol=1e-5 * scale)
    for k in range(6):
        step = np.zeros((f, 6))
        step[:, k] = 1e-5
        here = [residuals(rig.stepped(np.zeros((3, n + 6)), s * step), lens, seen) for s in (1, -1)]
        slope = (here[0] - here[1]) / 2e-5
        scale = np.abs(slope[used]).max()
        np.testing.assert_allclose(by_board[used][..., k], slope[used], atol=1e-5 * scale)


def problem_of(lens: Lens, rig: Rig, seen: Sightings, loss: SoftL1) -> Problem:
    v, p = rig.numbers.shape
    free = np.ones((v, p + 6), dtype=bool)
    free[0, p:] = False
    prior = Prior(rig.numbers + 0.1, np.repeat(np.diag(np.arange(1.0, p + 1))[None], v, axis=0))
    return Problem(lens, seen, free, loss, np.full(len(seen.view), 0.7), prior)


def test_reduced_equations_are_the_dense_ones_without_the_boards() -> None:
    lens = BrownLens()
    rig, seen = skewed(lens)
    problem = problem_of(lens, rig, seen, SoftL1())
    by_camera, by_board = slopes(rig, lens, seen)
    (v, c), f = problem.free.shape, len(rig.boards)
    rows = np.zeros((*seen.weights.shape, 2, v * c + 6 * f))
    for g, (view, moment) in enumerate(zip(seen.view, seen.moment, strict=True)):
        rows[g, ..., view * c : (view + 1) * c] = by_camera[g]
        rows[g, ..., v * c + 6 * moment : v * c + 6 * moment + 6] = by_board[g]
    weights = np.repeat(problem.weights(rig)[..., None], 2, axis=-1)
    used = weights > 0
    dense, w, r = rows[used], weights[used], residuals(rig, lens, seen)[used]
    matrix, force = dense.T @ (w[:, None] * dense), dense.T @ (w * r)
    p = rig.numbers.shape[1]
    for view in range(v):
        own = slice(view * c, view * c + p)
        matrix[own, own] += problem.prior.precision[view]
        force[own] += problem.prior.precision[view] @ np.full(p, -0.1)
    keep = np.concatenate([problem.free.ravel(), np.zeros(6 * f, dtype=bool)])
    boards = np.arange(len(keep)) >= v * c
    pull = matrix[np.ix_(keep, boards)] @ np.linalg.inv(matrix[np.ix_(boards, boards)])
    expected = matrix[np.ix_(keep, keep)] - pull @ matrix[np.ix_(boards, keep)]
    found = reduce(problem, rig, problem.equations(rig))
    scale = np.sqrt(np.outer(np.diag(expected), np.diag(expected)))
    np.testing.assert_allclose(found.matrix / scale, expected / scale, atol=1e-8)
    wanted = force[keep] - pull @ force[boards]
    np.testing.assert_allclose(found.force, wanted, atol=1e-8 * np.abs(wanted).max())
    parts = moment_parts(problem, rig)
    np.testing.assert_allclose((parts.data + parts.prior) / scale, expected / scale, atol=1e-8)


@pytest.mark.parametrize("lens", LENSES)
def test_without_noise_the_truth_is_found(lens: Lens) -> None:
    settings = BoardRigSettings(cameras=3, moments=12, lens=lens, noise_px=0.0)
    made = board_rig(settings, 5)
    rng = np.random.default_rng(0)
    n = len(names_of(lens))
    step = rng.normal(size=(3, n + 6)) * 1e-3
    step[:, :4] *= 5000
    step[0, n:] = 0
    start = made.truth.stepped(step, rng.normal(size=(len(made.truth.boards), 6)) * 1e-2)
    seen = Sightings.of(made.detections, settings.board.points)
    free = np.ones((3, n + 6), dtype=bool)
    free[0, n:] = free[:, 4] = False
    start.numbers[:, 4] = 0
    nothing = Prior(start.numbers, np.zeros((3, n, n)))
    problem = Problem(lens, seen, free, SoftL1(1e4), np.full(len(seen.view), 1e-4), nothing)
    found = adjust(problem, start)
    np.testing.assert_allclose(found.numbers[:, :4], made.truth.numbers[:, :4], atol=1e-3)
    np.testing.assert_allclose(found.cameras.translation, made.truth.cameras.translation, atol=1e-3)


def test_a_start_behind_a_camera_is_left_for_a_better_one() -> None:
    """The cost is infinite there; afterwards every step lowers it as ever."""
    settings = BoardRigSettings(cameras=3, moments=12, noise_px=0.1)
    made = board_rig(settings, 5)
    seen = Sightings.of(made.detections, settings.board.points)
    problem = problem_of(BrownLens(), made.truth, seen, SoftL1(3.0))
    behind = made.truth.boards.translation.copy()
    moment = seen.moment[np.flatnonzero(seen.view == 0)[0]]
    camera = made.truth.cameras
    behind[moment] = camera.inverse.translation[0] - 300 * camera.rotation[0, 2]
    boards = replace(made.truth.boards, translation=behind)
    start = replace(made.truth, boards=boards)
    assert problem.cost(start) == np.inf
    assert problem.cost(adjust(problem, start)) < 10 * problem.cost(made.truth)


def test_no_camera_has_a_negative_focal_length() -> None:
    rig, seen = skewed(BrownLens())
    problem = problem_of(BrownLens(), rig, seen, SoftL1(3.0))
    mirrored = rig.numbers.copy()
    mirrored[1, :2] *= -1
    assert problem.cost(replace(rig, numbers=mirrored)) == np.inf
