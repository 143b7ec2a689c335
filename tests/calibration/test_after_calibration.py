"""Frames, error bars of positions, drift and repair: against rigs whose truth is known."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from napari_sdannce.calibration.boards.board_kinds import CharucoBoard, Checkerboard
from napari_sdannce.calibration.drift.check_drift import check_drift
from napari_sdannce.calibration.drift.repair import repair_by_board, repair_by_points
from napari_sdannce.calibration.errors import CalibrationError
from napari_sdannce.calibration.findings import Grade
from napari_sdannce.calibration.quality.calibration_report import report_of
from napari_sdannce.calibration.quality.positions import position_sigma
from napari_sdannce.calibration.quality.verdict import verdict_of
from napari_sdannce.calibration.solver.known import camera_of
from napari_sdannce.calibration.solver.late import moments_to_correct, solve_in_step
from napari_sdannce.calibration.solver.rigid import align, exp
from napari_sdannce.calibration.solver.solution import Solution, solve
from napari_sdannce.calibration.solver.time_offsets import time_offsets
from napari_sdannce.calibration.world import (
    MeasuredPoints,
    board_frame,
    floor_frame,
)
from napari_sdannce.geometry import Camera, triangulate
from napari_sdannce.synthetic.board_rigs import BoardRig, BoardRigSettings, board_rig

if TYPE_CHECKING:
    from napari_sdannce.calibration.boards.board_kinds import Board

SETTINGS = BoardRigSettings(noise_px=0.25)


@dataclass(frozen=True)
class BentBoard:
    """A board whose first corner is curled up by 2 mm."""

    flat: Board

    @property
    def points(self) -> np.ndarray:
        points = self.flat.points.copy()
        points[0, 0, 2] -= 2.0
        return points

    @property
    def symmetries(self) -> np.ndarray:
        return self.flat.symmetries


def true_cameras(made: BoardRig, settings: BoardRigSettings = SETTINGS) -> tuple[Camera, ...]:
    return tuple(
        camera_of(
            settings.lens,
            name,
            made.truth.numbers[i],
            made.truth.cameras[i],
            made.detections.image_sizes[i],
        )
        for i, name in enumerate(made.detections.names)
    )


@pytest.fixture(scope="module")
def solved() -> tuple[BoardRig, Solution]:
    made = board_rig(SETTINGS, 1)
    return made, solve(made.detections, SETTINGS.board)


def test_positions_are_as_far_off_as_is_said() -> None:
    """In many rigs: triangulated true pixels, the rigid motion of the whole taken out."""
    ratios = []
    for seed in range(12):
        made = board_rig(SETTINGS, seed)
        solution = solve(made.detections, SETTINGS.board)
        said = position_sigma(solution)
        truth = true_cameras(made)
        pixels = np.stack([camera.project(said.points) for camera in truth])
        inside = np.stack([c.sees(p) for c, p in zip(truth, pixels, strict=True)])
        pixels[~inside] = np.nan
        found = triangulate(solution.cameras, pixels).points
        known = np.isfinite(found).all(axis=1) & np.isfinite(said.sigma_mm)
        a, b = said.points[known], found[known]
        off = align(b, a).apply(b) - a
        ratios.append(np.linalg.norm(off, axis=1) / said.sigma_mm[known])
        assert said.median_mm < 2
    squares = np.concatenate(ratios) ** 2
    assert 0.6 < squares.mean() < 1.5


def test_positions_are_known_in_any_unit(solved: tuple[BoardRig, Solution]) -> None:
    """Of the same board, its lengths in micrometres."""
    made, solution = solved
    board = replace(
        SETTINGS.board, square_mm=1e3 * SETTINGS.board.square_mm,
        marker_mm=1e3 * SETTINGS.board.marker_mm,
    )  # fmt: skip
    small = position_sigma(solve(made.detections, board))
    np.testing.assert_allclose(small.sigma_mm, 1e3 * position_sigma(solution).sigma_mm, rtol=0.02)
    assert np.isfinite(small.median_mm)


def test_a_board_gives_the_world(solved: tuple[BoardRig, Solution]) -> None:
    _, solution = solved
    moment = int(solution.detections.moments[5])
    cameras = board_frame(solution, moment).move(solution.cameras)
    now = solution.detections.at([moment])
    for view, corners in zip(now.view, now.corners, strict=True):
        # x along a row, y against the columns, z up: the board's own axes, turned about x
        there = SETTINGS.board.points[0] * [1, -1, -1]
        off = cameras[view].project(there) - corners
        assert np.nanmedian(np.linalg.norm(off, axis=1)) < 1
    assert all(camera.centre[2] > 0 for camera in (cameras[view] for view in now.view))
    with pytest.raises(CalibrationError, match="no camera saw the board at frame 12345"):
        board_frame(solution, 12345)


def test_a_floor_is_where_boards_lay(solved: tuple[BoardRig, Solution]) -> None:
    made, solution = solved
    rng = np.random.default_rng(0)
    rig = solution.fit.rig
    boards = rig.boards
    floor = exp(np.array([0.3, -0.2, 0.1]))
    rotation, translation = boards.rotation.copy(), boards.translation.copy()
    lying = [0, 3, 7]
    for i in lying:
        turn = exp(np.array([0, 0, rng.uniform(0, 6)]))
        rotation[i] = floor @ turn
        translation[i] = floor @ np.array([*rng.uniform(-200, 200, 2), 50.0])
    moved = replace(rig, boards=replace(boards, rotation=rotation, translation=translation))
    laid = replace(solution, fit=replace(solution.fit, rig=moved))
    moments = solution.detections.moments[lying]
    frame = floor_frame(laid, [int(m) for m in moments])
    # the board's z points down, the world's up
    np.testing.assert_allclose(frame.turn[2], -floor[:, 2], atol=1e-9)
    assert frame.points(translation[lying])[:, 2] == pytest.approx(0, abs=1e-9)
    assert np.linalg.det(frame.turn) == pytest.approx(1)
    assert len(made.detections) > 0


def test_measured_points_give_the_world_and_the_scale() -> None:
    made = board_rig(SETTINGS, 3)
    cameras = true_cameras(made)
    posts = np.array([[0, 0, 0], [200, 0, 0], [0, 150, 0], [0, 0, 40.0], [90, 90, 0]])
    turn, place = exp(np.array([0.4, 1.0, -0.3])), made.truth.boards.translation.mean(axis=0)
    pixels = np.stack([camera.project(posts @ turn.T + place) for camera in cameras])
    labels = tuple("abcde")
    found = MeasuredPoints.clicked(cameras, labels, pixels, posts)
    np.testing.assert_allclose(found.errors_mm, 0, atol=1e-6)
    assert found.scale == pytest.approx(1)
    there = found.frame().move(cameras)
    np.testing.assert_allclose(
        np.stack([camera.project(posts) for camera in there]), pixels, atol=1e-6
    )
    small = MeasuredPoints.clicked(cameras, labels, pixels, posts / 1.1)
    assert small.scale == pytest.approx(1.1)
    half = pixels.copy()
    half[1:, 4] = np.nan  # in one view only
    assert np.isnan(MeasuredPoints.clicked(cameras, labels, half, posts).errors_mm).tolist() == [
        False, False, False, False, True,
    ]  # fmt: skip


def test_two_measured_points_tell_the_scale_alone() -> None:
    cameras = true_cameras(board_rig(SETTINGS, 3))
    ends = np.array([[0, 0, 0], [200.0, 0, 0]]) + cameras[0].centre + 400 * cameras[0].rotation[2]
    pixels = np.stack([camera.project(ends) for camera in cameras])
    found = MeasuredPoints.clicked(cameras, "ab", pixels, np.array([[0, 0, 0], [0, 250.0, 0]]))
    assert found.scale == pytest.approx(0.8)
    with pytest.raises(CalibrationError, match="2 measured points were"):
        found.frame()
    line = np.concatenate([pixels, pixels], axis=1)
    on_line = MeasuredPoints.clicked(cameras, "abcd", line, ends[[0, 1, 0, 1]])
    with pytest.raises(CalibrationError, match="on one line"):
        on_line.frame()
    pixels[1:, 1] = np.nan
    with pytest.raises(CalibrationError, match="1 measured point was"):
        MeasuredPoints.clicked(cameras, "ab", pixels, ends)


def animal_points(cameras: tuple[Camera, ...], centre: np.ndarray, noise: float) -> np.ndarray:
    rng = np.random.default_rng(5)
    points = centre + rng.uniform(-80, 80, (400, 3))
    pixels = np.stack([camera.project(points) for camera in cameras])
    pixels += rng.normal(scale=noise, size=pixels.shape)
    pixels[rng.random(pixels.shape[:2]) < 0.2] = np.nan
    wrong = rng.random(pixels.shape[:2]) < 0.05
    pixels[wrong] += rng.uniform(-80, 80, (int(wrong.sum()), 2))
    return pixels


@pytest.mark.parametrize("pushed", [(), (2,), (1, 4)])
def test_drift_is_told_by_points_and_mended(pushed: tuple[int, ...]) -> None:
    settings = replace(SETTINGS, cameras=5)
    made = board_rig(settings, 2)
    old = true_cameras(made, settings)
    now = list(old)
    for i in pushed:
        turn = exp(np.radians([1.0, -0.7, 0.6]))
        now[i] = replace(old[i], rotation=turn @ old[i].rotation,
                         translation=old[i].translation + np.array([6.0, -4, 3]))  # fmt: skip
    place = made.truth.boards.translation.mean(axis=0)
    pixels = animal_points(tuple(now), place, 1.5)
    drifts = check_drift(old, pixels)
    assert tuple(i for i, drift in enumerate(drifts) if drift.moved) == pushed
    if not pushed:
        return
    names = [old[i].name for i in pushed]
    mended = repair_by_points(old, pixels, names)
    for i, (camera, truth) in enumerate(zip(mended.cameras, now, strict=True)):
        if i not in pushed:
            assert camera is old[i]
        there = np.random.default_rng(1).uniform(-80, 80, (50, 3)) + place
        assert np.linalg.norm(camera.project(there) - truth.project(there), axis=1).max() < 1
    assert (mended.after_px[list(pushed)] < mended.before_px[list(pushed)] / 2).all()
    assert not any(drift.moved for drift in check_drift(mended.cameras, pixels))
    with pytest.raises(CalibrationError, match="record the board again"):
        repair_by_points(old, pixels, [camera.name for camera in old[1:]])


def test_a_bent_board_is_told() -> None:
    settings = replace(SETTINGS, noise_px=0.15)
    flat = board_rig(settings, 4)
    straight = report_of(solve(flat.detections, settings.board), flat.detections).flatness
    assert straight.bent_mm < 0.15
    bent = replace(settings, board=BentBoard(settings.board))
    made = board_rig(bent, 4)
    report = report_of(solve(made.detections, settings.board), made.detections)
    assert report.flatness.worst == 0
    assert report.flatness.bent_mm == pytest.approx(2.0, abs=0.8)
    assert any("not flat" in finding.text for finding in verdict_of(report).findings)


def test_a_bent_chessboard_is_told_however_its_corners_were_counted() -> None:
    """A board that looks the same turned is followed from moment to moment."""
    flat = Checkerboard(7, 5, 25.0)
    carried = BoardRigSettings(
        board=BentBoard(flat), moments=60, noise_px=0.15, flipped=True, delays=(0.0,) * 4
    )
    made = board_rig(carried, 4)
    report = report_of(solve(made.detections, flat), made.detections)
    assert report.flatness.worst in (0, 34)
    assert report.flatness.bent_mm == pytest.approx(2.0, abs=0.8)


@pytest.mark.parametrize(
    "board",
    [CharucoBoard(8, 6, 25.0, 18.0), Checkerboard(7, 5, 25.0), Checkerboard(6, 6, 25.0)],
    ids=["charuco", "half turn", "quarter turns"],
)
def test_late_cameras_are_told(board: Board) -> None:
    delays = (0.0, 0.3, -0.2, 0.0)
    settings = BoardRigSettings(
        board=board, moments=90, noise_px=0.2, missed=0.0, flipped=True, delays=delays
    )
    made = board_rig(settings, 3)
    found = time_offsets(solve(made.detections, settings.board))
    assert found is not None
    for each, delay in zip(found, delays, strict=True):
        assert each.frames == pytest.approx(delay, abs=0.05)
        assert abs(each.frames - delay) <= 4 * each.sigma + 0.02
    still = solve(board_rig(SETTINGS, 1).detections.at(range(0, 40, 6)), SETTINGS.board)
    assert time_offsets(still) is None


LATE = (0.0, 0.5, -0.4, 0.2)


def test_late_cameras_are_corrected_for() -> None:
    """Lenses are as if the cameras had been in step."""
    settings = BoardRigSettings(moments=60, noise_px=0.2, missed=0.0, delays=LATE)
    made = board_rig(settings, 8)
    late = solve(made.detections, settings.board)
    step = solve_in_step(made.detections, settings.board)
    found = step.solution
    assert found.delays == pytest.approx(LATE, abs=0.05)
    truth = made.truth.numbers[:, :4]
    worse = np.abs(late.fit.rig.numbers[:, :4] - truth).max()
    better = np.abs(found.fit.rig.numbers[:, :4] - truth)
    assert better.max() < worse / 3
    assert (better / found.fit.covariance.sigma[:, :4]).max() < 5
    assert found.fit.sigma_px < 0.5 * late.fit.sigma_px
    # but for the first and the last moment
    assert len(step.detections) == len(made.detections.at(made.detections.moments[1:-1]))
    assert step.findings == ()
    still = board_rig(SETTINGS, 1).detections.at(range(0, 40, 6))
    with pytest.raises(CalibrationError, match="of 7 moments with a board, 0 have others"):
        solve_in_step(still, SETTINGS.board)
    seen = made.detections.at(range(30))
    rarely = seen.take((seen.view != 3) | (seen.moment % 20 == 5))
    with pytest.raises(CalibrationError, match="Camera4 saw the board 2 times only"):
        solve_in_step(rarely, settings.board)


def test_moments_between_tell_how_the_board_moved() -> None:
    """Moments that were chosen need no chosen neighbours, also of a board that looks the same."""
    board = Checkerboard(7, 5, 25.0)
    settings = BoardRigSettings(board=board, moments=60, flipped=True, delays=LATE)
    found = board_rig(settings, 8).detections
    chosen = moments_to_correct(found)[::2]
    step = solve_in_step(found.at(chosen), board, found=found)
    assert step.detections.moments.tolist() == chosen.tolist()
    assert step.solution.delays == pytest.approx(LATE, abs=0.05)


def test_a_board_that_lay_still_need_not_be_followed() -> None:
    settings = BoardRigSettings(moments=40, missed=0.0, delays=(0.0,) * 4)
    seen = board_rig(settings, 8).detections
    apart = seen.take(~np.isin(seen.moment, [5, 6, 7, 9, 10, 11]))
    step = solve_in_step(apart, settings.board)
    assert 8 not in step.detections.moments
    assert "-0.00" not in [f"{delay:+.2f}" for delay in step.solution.delays]
    assert 8 in solve_in_step(apart, settings.board, still=[8]).detections.moments


def test_delays_that_do_not_settle_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("napari_sdannce.calibration.solver.late._ROUNDS", 1)
    settings = BoardRigSettings(moments=40, missed=0.0, delays=LATE)
    step = solve_in_step(board_rig(settings, 8).detections, settings.board)
    assert step.unsettled == pytest.approx(0.5, abs=0.1)
    assert [finding.grade for finding in step.findings] == [Grade.USABLE]
    assert "did not settle: they still change by 0." in step.findings[0].text


def test_drift_needs_three_cameras() -> None:
    cameras = true_cameras(board_rig(SETTINGS, 2))[:2]
    with pytest.raises(ValueError, match="three cameras"):
        check_drift(cameras, np.zeros((2, 30, 2)))


def test_a_short_clip_of_the_board_mends_poses_in_the_old_frame() -> None:
    settings = replace(SETTINGS, moments=12)
    made = board_rig(settings, 6)
    now = true_cameras(made, settings)
    frame_turn, frame_origin = exp(np.array([0.2, 1.2, -0.5])), np.array([50.0, 20, -300])
    now = tuple(camera.seen_from(frame_turn, frame_origin) for camera in now)
    old = list(now)
    old[1] = replace(now[1], rotation=exp(np.radians([1.0, 2, 0])) @ now[1].rotation)
    mended = repair_by_board(old, made.detections, settings.board)
    for camera, truth in zip(mended.cameras, now, strict=True):
        assert np.linalg.norm(camera.centre - truth.centre) < 3
        np.testing.assert_array_equal(camera.matrix, truth.matrix)
    assert mended.before_px[1] > 5 > 1 > mended.after_px[1]
