"""From corners to cameras, with nothing known: rigs of known truth, and real recordings."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from napari_sdannce.calibration.boards.board_kinds import Checkerboard
from napari_sdannce.calibration.errors import CalibrationError
from napari_sdannce.calibration.quality.calibration_report import report_of
from napari_sdannce.calibration.quality.errors_px import rigid_residuals, triangulate_boards
from napari_sdannce.calibration.quality.holdout import hold_out
from napari_sdannce.calibration.quality.verdict import verdict_of
from napari_sdannce.calibration.solver.known import KnownLenses
from napari_sdannce.calibration.solver.lenses import FisheyeLens
from napari_sdannce.calibration.solver.rigid import log
from napari_sdannce.calibration.solver.solution import Model, solve
from napari_sdannce.synthetic.board_rigs import BoardRigSettings, board_rig

sys.path.insert(0, str(Path(__file__).parent))
from golden_corners import BOARD, golden_corners

if TYPE_CHECKING:
    from napari_sdannce.calibration.detection.detections import Detections
    from napari_sdannce.synthetic.board_rigs import BoardRig

KINDS = {
    "plain": BoardRigSettings(),
    "two cameras": BoardRigSettings(cameras=2, moments=25),
    "twelve cameras": BoardRigSettings(cameras=12, moments=30),
    "fisheye": BoardRigSettings(lens=FisheyeLens()),
    "outliers": BoardRigSettings(outliers=0.1),
    "flips": BoardRigSettings(board=Checkerboard(7, 5, 25.0), flipped=True),
    "square board": BoardRigSettings(board=Checkerboard(6, 6, 25.0), flipped=True),
}


@pytest.mark.parametrize("kind", KINDS)
def test_the_truth_is_within_the_error_bars(kind: str) -> None:
    settings = KINDS[kind]
    made = board_rig(settings, 1)
    found = solve(made.detections, settings.board, Model(settings.lens)).fit
    n = found.rig.numbers.shape[1]
    turns = found.rig.cameras.rotation @ np.swapaxes(made.truth.cameras.rotation, -1, -2)
    off = np.concatenate(
        [
            found.rig.numbers - made.truth.numbers,
            log(turns),
            found.rig.cameras.translation - made.truth.cameras.translation,
        ],
        axis=1,
    )
    free = found.problem.free
    z = off[free] / found.covariance.sigma[free]
    # 1.3: what the mean of some dozen correlated numbers may reach by chance
    assert np.sqrt((z**2).mean()) < 1.6
    assert np.abs(z).max() < 5
    assert found.covariance.sigma[:, 0].max() < 0.02 * made.truth.numbers[:, 0].max()
    assert n == len(settings.lens.terms) + 5
    # the cameras that are given out see what the solver says
    solution = solve(made.detections, settings.board, Model(settings.lens))
    first = solution.detections.take(np.array([0]))
    board = found.rig.boards[0].apply(settings.board.points[0])
    off = solution.cameras[first.view[0]].project(board) - first.corners[0]
    assert np.nanmedian(np.abs(off)) < 1


def test_what_was_known_wrongly_is_forgotten_and_told() -> None:
    settings = BoardRigSettings()
    made = board_rig(settings, 2)
    truth = made.truth.numbers
    wrong = truth * np.array([1.2, 1.2, *[1] * (truth.shape[1] - 2)])
    sigma = np.array([4, 4, 5, 5, 1, *0.05 * settings.lens.usual(0.8)])
    precision = np.repeat(np.diag(1 / sigma**2)[None], 4, axis=0)
    numbers = np.stack([wrong[0], truth[1], wrong[2], truth[3]])
    known = KnownLenses(numbers, precision)
    fit = solve(made.detections, settings.board, Model(known=known)).fit
    assert fit.contradicted.tolist() == [True, False, True, False]
    np.testing.assert_allclose(fit.rig.numbers[:, 0], truth[:, 0], rtol=0.005)


def test_a_pushed_camera_is_told_and_used_where_it_stood_longer() -> None:
    settings = BoardRigSettings(cameras=3, moments=40, noise_px=0.25, moved=True)
    for seed in (19, 55):
        made = board_rig(settings, seed)
        fit = solve(made.detections, settings.board).fit
        assert {push.view for push in fit.pushes} == {made.pushed}
        assert all(abs(push.moment - 26) <= 3 for push in fit.pushes)
        off = fit.rig.cameras.translation - made.truth.cameras.translation
        assert np.abs(off[1:] / fit.covariance.sigma[1:, -3:]).max() < 4


def test_a_camera_that_was_pushed_and_put_back_is_told_and_used_where_it_stood_longer() -> None:
    """Moments of its other place, the last third, are put where they are from the 13th on."""
    settings = BoardRigSettings(cameras=4, moments=60, noise_px=0.25, moved=True)
    for seed in (0, 4, 5):
        made = board_rig(settings, seed)
        moment = made.detections.moment
        other = np.where(moment < 13, moment, np.where(moment < 40, moment + 20, moment - 27))
        seen = replace(made.detections, moment=other)
        solution = solve(seen, settings.board)
        fit, found = solution.fit, solution.detections
        assert {push.view for push in fit.pushes} == {made.pushed}
        first, last = (int(found.moments[push.moment]) for push in fit.pushes)
        assert abs(first - 13) <= 3
        assert abs(last - 33) <= 3
        told = [
            finding.text for finding in verdict_of(report_of(solution, seen, detect_s=1.0)).findings
        ]
        assert f"pushed at about frames {first} and {last}" in " ".join(told)
        off = fit.rig.cameras.translation - made.truth.cameras.translation
        assert np.abs(off[1:] / fit.covariance.sigma[1:, -3:]).max() < 4


def test_boards_that_are_none_do_no_harm() -> None:
    """A detector that takes something else for a board: corners of a board at another place."""
    settings = BoardRigSettings()
    made = board_rig(settings, 3)
    seen, rng = made.detections, np.random.default_rng(0)
    several = [m for m in seen.moments if len(seen.at([int(m)])) >= 3][::3]
    wrong = [int(np.flatnonzero(seen.moment == moment)[0]) for moment in several]
    corners = seen.corners.copy()
    for i in wrong:  # what the same camera saw at another moment, upside down
        others = np.flatnonzero((seen.view == seen.view[i]) & (seen.moment != seen.moment[i]))
        corners[i] = (np.array(seen.image_sizes[0]) - corners[rng.choice(others)])[::-1]
    fit = solve(replace(seen, corners=corners), settings.board).fit
    off = fit.rig.cameras.translation - made.truth.cameras.translation
    assert np.abs(off[1:] / fit.covariance.sigma[1:, -3:]).max() < 4
    assert fit.left_out[wrong].sum() > 0.9 * np.isfinite(corners[wrong, :, 0]).sum()


def test_a_board_that_looks_the_same_turned_needs_more_than_one_shared_moment() -> None:
    settings = KINDS["flips"]
    seen = board_rig(replace(settings, cameras=2), 7).detections
    both = [int(m) for m in seen.moments if len(seen.at([m])) == 2]
    others = seen.take(~np.isin(seen.moment, both[1:]))
    with pytest.raises(CalibrationError, match="together at 1 moment only"):
        solve(others, settings.board)


def test_fixed_lenses_stay() -> None:
    settings = BoardRigSettings()
    made = board_rig(settings, 2)
    truth = made.truth.numbers
    known = KnownLenses(truth, np.zeros((4, truth.shape[1], truth.shape[1])))
    fixed = Model(known=known, fixed=True)
    fit = solve(made.detections, settings.board, fixed).fit
    np.testing.assert_array_equal(fit.rig.numbers, truth)
    np.testing.assert_allclose(
        fit.rig.cameras.translation, made.truth.cameras.translation, atol=0.5
    )

    alone = Model(known=KnownLenses(truth[:1], np.zeros((1, 10, 10))), fixed=True)
    with pytest.raises(CalibrationError, match="nothing is left to solve for"):
        solve(made.detections.of_views([0]), settings.board, alone)
    one = solve(made.detections.of_views([0]), settings.board)
    np.testing.assert_allclose(one.fit.rig.numbers[0, :2], truth[0, :2], rtol=0.01)


def test_each_lack_has_its_message() -> None:
    settings = BoardRigSettings(cameras=3)
    seen = board_rig(settings, 4).detections
    with pytest.raises(CalibrationError, match="no camera saw the board"):
        solve(seen.take(seen.view < 0), settings.board)
    with pytest.raises(CalibrationError, match="Camera2 never saw the board"):
        solve(seen.take(seen.view != 1), settings.board)
    with pytest.raises(CalibrationError, match="seen at 1 moment only"):
        solve(
            seen.at([int(seen.moment[0])])
            .joined(seen.take(seen.moment == 5))
            .at([int(m) for m in seen.moments if len(seen.at([m])) == 3][:1]),
            settings.board,
        )
    apart = replace(seen, moment=np.where(seen.view == 2, seen.moment + 1000, seen.moment))
    with pytest.raises(CalibrationError, match="Camera3 never saw the board at the same moment"):
        solve(apart, settings.board)


@pytest.mark.golden
def test_charuco_session_beats_its_peers_on_frames_it_has_not_seen(golden: Any) -> None:
    """Fit on even frames, test all corners of the odd ones; best peer: 1.026, 1.296 px, 0.517 mm.

    Both ways, since nothing is tuned to one of them.
    """
    found = golden_corners(golden)
    for fitted in (0, 1):
        solution = solve(found.take(found.moment % 2 == fitted), BOARD)
        tested = found.take(found.moment % 2 != fitted)
        seen = triangulate_boards(solution.cameras, tested)
        assert seen.errors.count == (935, 954)[fitted]
        assert seen.errors.mean < 1.0
        assert seen.errors.rmse < 1.26
        assert np.nanmedian(rigid_residuals(seen.points, BOARD.points[0])) < 0.45
    held = hold_out(found, solve(found, BOARD))
    assert held is not None
    assert held.errors.count == 935
    assert held.errors.mean < 1.0


def counted_otherwise(made: BoardRig, view: int, frames: int, since: int = 0) -> Detections:
    """What was seen, one camera's frames counted so many too late from some moment on."""
    found = made.detections
    late = (found.view == view) & (found.moment >= since)
    return replace(found, moment=np.where(late, found.moment + frames, found.moment))


@pytest.mark.parametrize(("view", "frames"), [(1, 1), (0, 3), (3, -2)])
def test_a_camera_that_is_off_by_frames_is_named(view: int, frames: int) -> None:
    settings = BoardRigSettings(cameras=4, moments=60)
    made = board_rig(settings, 4)
    told = out_of_step(counted_otherwise(made, view, frames), settings)
    mine, theirs = 100 + max(frames, 0), 100 + max(-frames, 0)
    assert f"Camera{view + 1} is not in step" in told
    assert f"its frame {mine} shows what theirs show at {theirs}" in told


def out_of_step(found: Detections, settings: BoardRigSettings) -> str:
    """What is told; also where nothing fits."""
    try:
        shifts = solve(found, settings.board, Model()).shifts
    except CalibrationError as error:
        return str(error)
    return " ".join(shift.told(found.names) for shift in shifts)


def test_cameras_in_step_are_not_said_to_be_off() -> None:
    settings = BoardRigSettings(cameras=4, moments=60)
    assert solve(board_rig(settings, 4).detections, settings.board, Model()).shifts == ()


def test_frames_that_were_lost_on_the_way_are_told() -> None:
    settings = BoardRigSettings(cameras=4, moments=60)
    made = board_rig(settings, 4)
    found = counted_otherwise(made, 2, -1, since=30)
    (shift,) = solve(found, settings.board, Model()).shifts
    assert (shift.view, shift.frames, shift.until) == (2, -1, False)
    assert shift.since == pytest.approx(30, abs=3)


@pytest.mark.parametrize("delay", [0.1, 0.5])
def test_a_late_camera_is_not_taken_for_a_pushed_one(delay: float) -> None:
    """A board that turns round on its way is missed now on one side, then on the other."""
    for seed in range(3):
        settings = BoardRigSettings(cameras=3, moments=60, delays=(0.0, delay, 0.0), missed=0.0)
        solution = solve(board_rig(settings, seed).detections, settings.board, Model())
        assert solution.fit.pushes == ()
