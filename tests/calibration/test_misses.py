"""Corners one by one are those of the fit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from napari_sdannce.calibration.corners_file import corners_of
from napari_sdannce.calibration.errors import CalibrationError
from napari_sdannce.calibration.quality.errors_px import ErrorsPx
from napari_sdannce.calibration.quality.holdout import hold_out
from napari_sdannce.calibration.quality.misses import image_speeds, misses_of, sighting_errors
from napari_sdannce.calibration.quality.positions import position_sigma
from napari_sdannce.calibration.quality.stances import stances_of
from napari_sdannce.calibration.solver.solution import Solution, solve
from napari_sdannce.calibration.world import FIRST_CAMERA, board_frame
from napari_sdannce.synthetic.board_rigs import BoardRig, BoardRigSettings, board_rig

SETTINGS = BoardRigSettings(cameras=3, moments=30, outliers=0.03, missed=0.0)


@pytest.fixture(scope="module")
def solved() -> tuple[BoardRig, Solution]:
    made = board_rig(SETTINGS, 5)
    return made, solve(made.detections, SETTINGS.board)


def test_misses_lead_from_what_was_found_to_the_camera_s_place(
    solved: tuple[BoardRig, Solution],
) -> None:
    """Board by board, projected by the cameras themselves."""
    _, solution = solved
    found, rig = solution.detections, solution.fit.rig
    misses = misses_of(solution)
    assert len(misses.view) == found.seen.sum()
    assert misses.left_out.sum() == solution.fit.left_out.sum() > 0
    for g in range(0, len(found), 7):
        own = misses.take(misses.sighting == g)
        board = rig.boards[int(np.searchsorted(found.moments, found.moment[g]))]
        there = solution.cameras[found.view[g]].project(board.apply(SETTINGS.board.points[0]))
        np.testing.assert_allclose(own.spots + own.misses, there[found.seen[g]], atol=1e-6)
        assert (own.view == found.view[g]).all()
        assert (own.moment == found.moment[g]).all()
    assert misses.lengths[misses.left_out].min() > np.median(misses.lengths) * 4


def test_boards_of_which_nothing_was_used_are_nowhere(solved: tuple[BoardRig, Solution]) -> None:
    """In the file of corners, among positions and as a frame of the world."""
    _, solution = solved
    fit = solution.fit
    seen = fit.problem.sightings
    weights = np.where((seen.moment == 3)[:, None], 0.0, seen.weights)
    problem = replace(fit.problem, sightings=replace(seen, weights=weights))
    without = replace(solution, fit=replace(fit, problem=problem))
    before, after = (corners_of(each, FIRST_CAMERA) for each in (solution, without))
    others = np.arange(len(after.moments)) != 3
    assert np.isnan(after.boards[3]).all()
    np.testing.assert_array_equal(after.boards[others], before.boards[others])
    assert np.isfinite(before.boards).all()
    assert len(position_sigma(without).points) == len(position_sigma(solution).points) - 1
    assert np.isnan(stances_of(without).tilts).sum() == (seen.moment == 3).sum()
    with pytest.raises(CalibrationError, match="all its corners were left out"):
        board_frame(without, int(solution.detections.moments[3]))


def test_sightings_have_the_median_of_their_corners(solved: tuple[BoardRig, Solution]) -> None:
    _, solution = solved
    out = solution.fit.left_out.copy()
    out[4] = True
    errors = sighting_errors(replace(solution, fit=replace(solution.fit, left_out=out)))
    misses = misses_of(solution)
    for g in (0, 4, 11):
        expected = np.median(misses.lengths[misses.sighting == g])
        assert errors.median_px[g] == pytest.approx(expected)
    assert np.flatnonzero(errors.left_out).tolist() == [4]


def test_speeds_are_those_of_boards_that_move_steadily(solved: tuple[BoardRig, Solution]) -> None:
    made, _ = solved
    first = made.detections.take(made.detections.view == 0)
    n = 6
    corners = np.repeat(first.corners[:1], n, axis=0) + np.arange(n)[:, None, None] * [3.0, 4.0]
    moment = np.array([0, 1, 2, 4, 9, 10])
    corners += (moment - np.arange(n))[:, None, None] * [3.0, 4.0]
    moving = replace(
        first, view=np.zeros(n, int), moment=moment, corners=corners, side=np.zeros(n, int)
    )
    expected = [np.nan, 5, 5, np.nan, np.nan, np.nan]  # the last ones have a gap beside them
    np.testing.assert_allclose(image_speeds(moving), expected)


def test_held_out_errors_are_those_of_all_their_lengths(solved: tuple[BoardRig, Solution]) -> None:
    made, solution = solved
    held = hold_out(made.detections, solution)
    assert held is not None
    assert ErrorsPx.of(held.lengths.ravel()) == held.errors
    assert held.lengths.shape[0] == len(held.by_camera) == SETTINGS.cameras
