"""Scenes that nothing can be made of: what is lacking is told, and nothing else is raised."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from napari_sdannce.calibration.boards.board_kinds import Checkerboard
from napari_sdannce.calibration.detection.detections import Detections
from napari_sdannce.calibration.errors import CalibrationError
from napari_sdannce.calibration.findings import Grade
from napari_sdannce.calibration.quality import calibration_report as report_module
from napari_sdannce.calibration.quality.calibration_report import report_of
from napari_sdannce.calibration.quality.holdout import hold_out
from napari_sdannce.calibration.quality.verdict import verdict_of
from napari_sdannce.calibration.solver.bundle import Rig, Sightings
from napari_sdannce.calibration.solver.fit import FitTask
from napari_sdannce.calibration.solver.known import KnownLenses, weak_prior
from napari_sdannce.calibration.solver.late import moments_to_correct
from napari_sdannce.calibration.solver.lenses import FX, N_PINHOLE, BrownLens, to_pixels
from napari_sdannce.calibration.solver.place_boards import place_boards
from napari_sdannce.calibration.solver.pose_graph import find_pairs, guess_all
from napari_sdannce.calibration.solver.rigid import Motions, exp
from napari_sdannce.calibration.solver.solution import Model, solve
from napari_sdannce.calibration.solver.uncertainty import places_of
from napari_sdannce.geometry import Camera
from napari_sdannce.synthetic.board_rigs import BoardRig, BoardRigSettings, board_rig

sys.path.insert(0, str(Path(__file__).parent))
from report_cases import CASES

THREE = BoardRigSettings(cameras=3, moments=40)
SQUARE = BoardRigSettings(cameras=2, moments=12, board=Checkerboard(4, 4, 30.0))


ONE_SPOT = np.array([400.0, 300.0])


def told(detections: Detections, settings: BoardRigSettings, model: Model | None = None) -> str:
    """All findings, with their grades."""
    report = report_of(solve(detections, settings.board, model), detections)
    return "\n".join(f"{each.grade}: {each.text}" for each in verdict_of(report).findings)


def with_corners(detections: Detections, which: np.ndarray, corners: np.ndarray) -> Detections:
    changed = detections.corners.copy()
    changed[which] = corners
    return replace(detections, corners=changed)


def task_of(made: BoardRig, detections: Detections, settings: BoardRigSettings) -> FitTask:
    numbers, n_views = made.truth.numbers, len(detections.names)
    free, known = Model().free(n_views), KnownLenses.nothing(BrownLens(), n_views)
    weak = weak_prior(BrownLens(), detections.image_sizes, numbers[:, FX].tolist())
    return FitTask(BrownLens(), detections, settings.board.points, free, known, weak)


def errors_of(
    made: BoardRig, seen: Detections, sighting: int, pose: Motions, order: np.ndarray
) -> np.ndarray:
    """(2,) how far corners of a sighting, taken in an order, are off on the average, px."""
    there = pose.apply(SQUARE.board.points[0])
    numbers = made.truth.numbers[seen.view[sighting]]
    bent = BrownLens().bend(there[:, :2] / there[:, 2:], numbers[N_PINHOLE:])
    return np.nanmean(np.abs(to_pixels(bent, numbers) - seen.corners[sighting][order]), axis=0)


def test_boards_that_look_the_same_turned_are_guessed_alike_for_each_turn() -> None:
    """Also where corners are so wrong that one turn alone would fit a little."""
    made = board_rig(SQUARE, 1)
    rng = np.random.default_rng(0)
    for scale in (0.0, 30.0, 300.0):
        off = rng.normal(scale=scale, size=made.detections.corners.shape)
        seen = replace(made.detections, corners=made.detections.corners + off)
        guesses = guess_all(BrownLens(), made.truth.numbers, SQUARE.board, seen)
        assert guesses.counts.any()
        for sighting in np.flatnonzero(guesses.counts).tolist():
            by_order = np.array(guesses.rows_of(sighting)).reshape(4, -1)
            assert by_order[0].tolist() == list(guesses.rows_of(sighting, first_order=True))
            errors = [
                [errors_of(made, seen, sighting, guesses.poses[row], order) for row in rows]
                for order, rows in zip(SQUARE.board.symmetries, by_order.tolist(), strict=True)
            ]
            np.testing.assert_allclose(errors, [errors[0]] * 4, rtol=1e-6)
        find_pairs(seen, guesses)
        cameras = Motions(np.repeat(np.eye(3)[None], 2, axis=0), np.zeros((2, 3)))
        place_boards(BrownLens(), made.truth.numbers, cameras, SQUARE.board, seen, guesses)


def test_corners_that_no_board_has_are_told() -> None:
    made = board_rig(THREE, 1)
    numbers = made.truth.numbers
    known = Model(known=KnownLenses(numbers, np.repeat(np.eye(10)[None], 3, axis=0)))
    seen = made.detections
    with pytest.raises(CalibrationError, match="looks like what Camera2 saw"):
        solve(with_corners(seen, seen.view == 1, ONE_SPOT), THREE.board, known)
    own, lens = seen.of_views([0]), KnownLenses(numbers[:1], np.eye(10)[None])
    with pytest.raises(CalibrationError, match="could be placed at 2 moments only"):
        solve(with_corners(own, np.arange(len(own)) >= 2, ONE_SPOT), THREE.board, Model(known=lens))


def test_nothing_to_correct_is_told() -> None:
    made = board_rig(THREE, 1)
    none = made.detections.take(made.detections.view < 0)
    with pytest.raises(CalibrationError, match="of 0 moments with a board"):
        moments_to_correct(none)


def test_corners_behind_a_camera_are_not_used_at_first() -> None:
    """Most boards start behind the second camera: it once was fitted to by nothing at all."""
    made = board_rig(THREE, 2)
    task = task_of(made, made.detections, THREE)
    turned = made.truth.cameras.rotation.copy()
    turned[1:] = np.diag([-1.0, 1, -1]) @ turned[1:]
    shift = made.truth.cameras.translation.copy()
    shift[1:] = shift[1:] @ np.diag([-1.0, 1, -1])
    with pytest.raises(CalibrationError, match=r"nothing that .*Camera2.* saw fits"):
        task.fit(replace(made.truth, cameras=Motions(turned, shift)))


def test_cameras_that_wrong_corners_part_are_named() -> None:
    """Each camera has boards of its own left, but none that joins it to the others."""
    made = board_rig(replace(THREE, outliers=0.0, missed=0.0), 3)
    seen = made.detections
    # the third camera sees every other board alone, and all that it shares is far off
    alone = seen.moment % 2 == 0
    seen = seen.take((seen.view == 2) | ~alone)
    shared = (seen.view == 2) & (seen.moment % 2 == 1)
    seen = with_corners(seen, shared, seen.corners[shared][:, ::-1] + 200.0)
    rows = np.isin(made.detections.moments, seen.moments)
    rig = Rig(made.truth.numbers, made.truth.cameras, made.truth.boards[rows])
    with pytest.raises(CalibrationError, match="nothing that Camera3 saw fits"):
        task_of(made, seen, THREE).fit(rig)


def test_a_camera_that_nothing_holds_is_named() -> None:
    """Four corners are less than the numbers of its lens and of where it stands."""
    made = board_rig(THREE, 2)
    seen = made.detections
    shared = next(m for m in seen.moments if len(seen.at([m])) == 3)
    seen = seen.take((seen.view != 2) | (seen.moment == shared))
    (one,) = np.flatnonzero(seen.view == 2)
    corners = seen.corners[one].copy()
    corners[np.flatnonzero(np.isfinite(corners[:, 0]))[4:]] = np.nan
    seen = with_corners(seen, np.array([one]), corners)
    task = task_of(made, seen, THREE)
    nothing = replace(task.weak, precision=np.zeros_like(task.weak.precision))
    rows = np.isin(made.detections.moments, seen.moments)
    rig = replace(made.truth, boards=made.truth.boards[rows])
    with pytest.raises(CalibrationError, match="what Camera3 saw of the board does not tell"):
        replace(task, weak=nothing).fit(rig)


def test_what_can_not_be_tested_is_no_less_calibrated(monkeypatch: pytest.MonkeyPatch) -> None:
    made = board_rig(THREE, 1)
    few = made.detections.at(made.detections.moments[:11])
    assert "could not be tested" in (text := told(few, THREE))
    assert "11 moments are too few, 12 are the least" in text

    def lacks(*_: object) -> None:
        raise CalibrationError("half of the moments tell too little: Camera2 never saw the board")

    monkeypatch.setattr(report_module, "hold_out", lacks)
    assert "tell too little: Camera2 never saw the board" in told(made.detections, THREE)


def twice(made: BoardRig) -> Detections:
    """The video of the first camera under two names."""
    own = made.detections.of_views([0])
    sizes = (own.image_sizes[0],) * 2
    both = replace(own, names=("one", "other"), image_sizes=sizes)
    return both.joined(replace(both, view=np.ones_like(both.view)))


def test_one_video_under_two_names_is_told() -> None:
    seen = twice(board_rig(THREE, 1))
    solution = solve(seen, THREE.board)
    with pytest.raises(CalibrationError, match="no two cameras saw the same corner from places"):
        hold_out(seen, solution)
    text = told(seen, THREE)
    assert "record again: one and other saw the very same" in text
    assert "could not be tested" in text


def test_cameras_at_one_place_are_told() -> None:
    seen = twice(board_rig(THREE, 1))
    noise = np.random.default_rng(0).normal(scale=0.2, size=seen.corners.shape)
    text = told(replace(seen, corners=seen.corners + noise), THREE)
    assert "one and other stand at one place" in text
    assert "saw the very same" not in text
    report = CASES["two"]()
    assert not any("one place" in each.text for each in verdict_of(report).findings)


def facing(seed: int) -> Detections:
    """Boards at any depth, none of them tilted, before three cameras that look the same way."""
    rng = np.random.default_rng(seed)
    matrix = np.array([[1100.0, 0, 639.5], [0, 1100, 511.5], [0, 0, 1]])
    points = THREE.board.points[0] - THREE.board.points[0].mean(axis=0)
    cameras = [
        Camera(name, matrix, np.eye(3), np.array([x, 0.0, 900]), np.array([-0.1, 0.02]))
        for name, x in (("a", 100), ("b", 0), ("c", -100))
    ]
    views, moments = np.divmod(np.arange(3 * 30), 30)
    turns = exp(np.outer(rng.uniform(-0.3, 0.3, 30), [0, 0, 1]))
    places = rng.uniform(-1, 1, (30, 3)) * (150, 150, 200)
    boards = points @ np.swapaxes(turns, -1, -2) + places[:, None]
    corners = np.concatenate([camera.project(boards) for camera in cameras])
    noisy = corners + rng.normal(scale=0.2, size=corners.shape)
    return Detections(("a", "b", "c"), ((1280, 1024),) * 3, views, moments, noisy)


@pytest.mark.parametrize("seed", [0, 3])
def test_boards_that_all_face_a_camera_leave_its_focal_length_open(seed: int) -> None:
    """It once fell to a hundredth: nothing but the noise of the corners held it."""
    found = facing(seed)
    report = report_of(solve(found, THREE.board), found)
    assert min(camera.numbers["fx"] for camera in report.cameras) > 300
    again = [each.text for each in verdict_of(report).findings if each.grade == Grade.RECORD_AGAIN]
    for name in found.names:
        assert any(f"focal length of {name} is known to" in text for text in again)


def test_a_board_that_rests_counts_once() -> None:
    """Twenty copies of six moments: error bars are those of six, not of 120."""
    made = board_rig(replace(THREE, moments=8, missed=0.0), 4)
    seen = made.detections
    copies = replace(
        seen,
        view=np.tile(seen.view, 20),
        moment=np.concatenate([seen.moment + 100 * i for i in range(20)]),
        corners=np.tile(seen.corners, (20, 1, 1)),
        side=np.tile(seen.side, 20),
    )
    once = solve(seen, THREE.board).fit
    often = solve(copies, THREE.board).fit
    assert often.covariance.places == once.covariance.places == len(seen.moments)
    ratio = often.covariance.sigma[:, FX] / once.covariance.sigma[:, FX]
    assert ratio.min() > 0.5
    assert f"and at {len(seen.moments)} places only, where it rested" in told(copies, THREE)


def test_a_board_that_creeps_does_not_rest() -> None:
    made = board_rig(replace(THREE, missed=0.0), 4)
    first = made.detections.at(made.detections.moments[:1])
    steps = [replace(first, moment=first.moment + i, corners=first.corners + 0.6 * i)
             for i in range(20)]  # fmt: skip
    creeping = steps[0]
    for step in steps[1:]:
        creeping = creeping.joined(step)
    sightings = Sightings.of(creeping, THREE.board.points)

    places = places_of(sightings, 20)
    assert places.max() + 1 == 10
    assert (np.bincount(places) == 2).all()


@pytest.mark.parametrize(("times", "grade"), [(1.1, "record again"), (1.03, "usable")])
def test_fixed_lenses_that_the_boards_contradict_are_named(times: float, grade: str) -> None:
    made = board_rig(THREE, 2)
    wrong = made.truth.numbers.copy()
    wrong[1, :2] *= times
    known = KnownLenses.nothing(BrownLens(), 3)
    known.numbers[:] = wrong
    usual = BrownLens().usual(0.8)
    for view, own in enumerate(wrong):
        sigma = np.array([0.005 * own[0], 0.005 * own[1], 6, 6, 1, *0.1 * usual])
        known.precision[view] = np.diag(1 / sigma**2)
    model = Model(known=known, fixed=True)
    solution = solve(made.detections, THREE.board, model)
    np.testing.assert_array_equal(solution.fit.rig.numbers, wrong)
    report = report_of(solution, made.detections)
    assert [camera.contradicted for camera in report.cameras] == [False, True, False]
    focal = report.cameras[1].board_focal
    assert focal == pytest.approx(made.truth.numbers[1, FX], rel=0.01)
    (finding,) = [each for each in verdict_of(report).findings if "stays as it was" in each.text]
    assert (finding.camera, finding.grade) == ("Camera2", grade)


def test_wrong_corners_do_not_hide_where_a_board_is() -> None:
    """Before anything is adjusted together: pairs of cameras would agree at no moment."""
    settings = BoardRigSettings(cameras=3, outliers=0.1)
    made = board_rig(settings, 2)
    seen, truth = made.detections, made.truth
    guesses = guess_all(settings.lens, truth.numbers, settings.board, seen)
    row = np.searchsorted(seen.moments, seen.moment)
    there = truth.cameras[seen.view] @ truth.boards[row]
    off = [
        min(np.linalg.norm(guesses.poses.translation[list(rows)] - there.translation[i], axis=1))
        for i in range(len(seen))
        if (rows := guesses.rows_of(i))
    ]
    away = np.median(np.linalg.norm(there.translation, axis=1))
    assert np.percentile(off, 90) < 0.01 * away
    pairs = find_pairs(seen, guesses)
    assert sum(pair.agreeing for pair in pairs) > 0.9 * sum(pair.shared for pair in pairs)
