"""What rigs of known truth are told to be worth: each fault is named, and what is good is not."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from napari_sdannce.calibration.findings import Finding, Grade
from napari_sdannce.calibration.quality.calibration_report import (
    CalibrationReport,
    CameraReport,
    report_of,
)
from napari_sdannce.calibration.quality.camera_findings import blind_share
from napari_sdannce.calibration.quality.stances import Stances, stances_of
from napari_sdannce.calibration.quality.verdict import verdict_of
from napari_sdannce.calibration.solver.solution import solve
from napari_sdannce.geometry import Camera
from napari_sdannce.synthetic.board_rigs import BoardRig, BoardRigSettings, board_rig

sys.path.insert(0, str(Path(__file__).parent))
from report_cases import CASES, fisheye, small

FIVE = BoardRigSettings(cameras=5)
FOUR = BoardRigSettings(moments=60, missed=0.0)


def found(report: CalibrationReport, grade: Grade) -> list[Finding]:
    return [finding for finding in verdict_of(report).findings if finding.grade is grade]


def with_camera(report: CalibrationReport, view: int, **changes: object) -> CalibrationReport:
    cameras = list(report.cameras)
    cameras[view] = replace(cameras[view], **changes)  # type: ignore[arg-type]
    return replace(report, cameras=tuple(cameras))


def with_focal_sigma(camera: CameraReport, share: float) -> dict[str, float]:
    return camera.sigmas | {name: share * camera.numbers[name] for name in ("fx", "fy")}


def out_of_order(seed: int) -> tuple[BoardRig, CalibrationReport]:
    """Five cameras, the frames of the third of which are in any order."""
    made = board_rig(FIVE, seed)
    moment, own = made.detections.moment.copy(), made.detections.view == 2
    moment[own] = np.random.default_rng(seed).permutation(moment[own])
    mixed = replace(made.detections, moment=moment)
    mixed = mixed.take(np.lexsort((mixed.view, mixed.moment)))
    return made, report_of(solve(mixed, FIVE.board), mixed)


@pytest.mark.parametrize("seed", [1, 2, 4])
def test_a_camera_whose_frames_are_in_another_order_is_named(seed: int) -> None:
    """Seed 2: half of the moments fit no camera at all."""
    made, report = out_of_order(seed)
    there = report.solution.fit.rig.cameras.inverse.translation
    off = np.linalg.norm(there - made.truth.cameras.inverse.translation, axis=1)
    assert off[2] > 500 > 300 > off[[0, 1, 3, 4]].max()
    named = [finding for finding in found(report, Grade.RECORD_AGAIN) if finding.camera]
    assert [finding.camera for finding in named] == ["Camera3"]
    assert "does not fit the other cameras" in named[0].text
    assert "not be of the same moments" in named[0].text
    # what else is found of such a camera means nothing
    told = [each.camera for each in verdict_of(report).findings]
    assert told.count("Camera3") == 1


def test_each_sign_that_a_camera_does_not_fit_is_enough() -> None:
    report = CASES["two"]()
    camera = report.cameras[1]
    assert camera.held_out is not None
    assert not found(report, Grade.RECORD_AGAIN)
    far = replace(camera.held_out, median=3.2)
    unknown = replace(camera.held_out, mean=np.nan, median=np.nan, rmse=np.nan, count=0)
    signs: list[tuple[dict[str, object], str]] = [
        ({"held_out": far}, "off by 3 px and more"),
        ({"errors": replace(camera.errors, median=7.6)}, "off by 8 px and more"),
        ({"held_out": unknown}, "none of its corners could be tested"),
        ({"left_out": int(0.6 * camera.corners)}, "60 % of its corners"),
        ({"sigmas": with_focal_sigma(camera, 0.07)}, "known to 7.0 % only"),
    ]
    for changes, told in signs:
        (finding,) = found(with_camera(report, 1, **changes), Grade.RECORD_AGAIN)
        assert finding.camera == camera.name
        assert told in finding.text
    fine = {"held_out": replace(far, median=2.8), "left_out": int(0.4 * camera.corners)}
    assert not found(with_camera(report, 1, **fine), Grade.RECORD_AGAIN)


def test_groups_that_one_moment_joins_are_named() -> None:
    """Each group is fine for itself, and the error bars look so, too."""
    made = board_rig(FOUR, 2).detections
    joins = made.moments[made.saw.all(axis=1)][0]
    kept = made.take((made.moment == joins) | (made.moment % 2 == (made.view >= 2)))
    report = report_of(solve(kept, FOUR.board), kept)
    assert report.shared[:2, 2:].max() == 1
    assert report.positions.median_mm < 0.1
    (finding,) = found(report, Grade.RECORD_AGAIN)
    assert "Camera3 and Camera4 share at most 1 moment with Camera1 and Camera2" in finding.text
    assert "Show the board where" in finding.text
    joined = report_of(solve(made, FOUR.board), made)
    assert not found(joined, Grade.RECORD_AGAIN)


def test_a_camera_that_shares_little_is_named() -> None:
    report = small()
    few = report.shared.copy()
    few[2, :2] = few[:2, 2] = (1, 4)
    (finding,) = found(replace(report, shared=few), Grade.RECORD_AGAIN)
    assert finding.camera == "right"
    assert "shares at most 4 moments" in finding.text
    assert f"where right and {report.cameras[1].name} both see it" in finding.text


@pytest.mark.parametrize(
    ("sigma_mm", "grade"),
    [(0.3, None), (0.6, Grade.USABLE), (2.4, Grade.USABLE), (2.6, Grade.RECORD_AGAIN)],
)
def test_positions_are_judged_by_squares_of_the_board(sigma_mm: float, grade: Grade | None) -> None:
    """They are 25 mm wide: a fiftieth is half a millimetre, a tenth is 2.5."""
    report = CASES["two"]()
    spread = np.full_like(report.positions.sigma_mm, sigma_mm)
    report = replace(report, positions=replace(report.positions, sigma_mm=spread))
    told = [each for each in verdict_of(report).findings if "places where the board" in each.text]
    assert [finding.grade for finding in told] == ([] if grade is None else [grade])
    if told:
        assert f"known to {sigma_mm} mm or worse, {4 * sigma_mm:.0f} % of one" in told[0].text


def test_tilts_and_distances_are_those_of_the_truth() -> None:
    """By two edges of the board, as the true cameras see them."""
    settings = BoardRigSettings(cameras=3, moments=30)
    made = board_rig(settings, 5)
    solution = solve(made.detections, settings.board)
    stances = stances_of(solution)
    points = settings.board.points[0]
    seen = solution.detections
    rows = np.searchsorted(seen.moments, seen.moment)
    for g, (view, row) in enumerate(zip(seen.view, rows, strict=True)):
        there = (made.truth.cameras[int(view)] @ made.truth.boards[int(row)]).apply(points)
        normal = np.cross(there[1] - there[0], there[-1] - there[0])
        tilt = np.degrees(np.arccos(abs(normal[2]) / np.linalg.norm(normal)))
        assert stances.tilts[g] == pytest.approx(tilt, abs=3)
        away = np.linalg.norm(there.mean(axis=0))
        assert stances.distances[g] == pytest.approx(away, rel=0.01)
    assert np.ptp(stances.tilts) > 20
    report = report_of(solution, made.detections)
    for view, camera in enumerate(report.cameras):
        np.testing.assert_array_equal(camera.stances.tilts, stances.tilts[seen.view == view])


@pytest.mark.parametrize(
    ("tilts", "distances", "told"),
    [
        ((2.0, 11.3), (600.0, 700.0), "never tilted by more than 12 degrees and always 600 to 700"),
        ((2.0, 11.3), (400.0, 700.0), "never tilted by more than 12 degrees. Tilt it"),
        ((2.0, 45.0), (600.0, 700.0), "the board was always 600 to 700 mm away. Tilt it"),
        ((2.0, 45.0), (400.0, 700.0), "known to 2.0 % only: tilt the board by up to 45 degrees"),
        ((), (), "known to 2.0 % only: tilt the board by up to 45 degrees"),
    ],
)
def test_focal_lengths_that_are_not_known_tell_how_the_board_was_held(
    tilts: tuple[float, ...], distances: tuple[float, ...], told: str
) -> None:
    report = CASES["two"]()
    report = with_camera(
        report,
        0,
        sigmas=with_focal_sigma(report.cameras[0], 0.02),
        stances=Stances(np.array(tilts), np.array(distances)),
    )
    (finding,) = (each for each in verdict_of(report).findings if "focal length" in each.text)
    assert finding.grade is Grade.USABLE
    assert told in finding.text


def test_lenses_that_bend_back_within_the_image_are_told() -> None:
    """Of k1 = -0.3, at a distance of 1.054 from the axis, which is seen at 0.703."""
    matrix = np.array([[600.0, 0, 499.5], [0, 600, 399.5], [0, 0, 1]])
    camera = Camera(
        "a", matrix, np.eye(3), np.zeros(3), np.array([-0.3, 0]), image_size=(1000, 800)
    )
    y, x = np.mgrid[:800, :1000]
    beyond = np.hypot(x - 499.5, y - 399.5) > 0.703 * 600
    assert camera.reach > np.hypot(500, 400) / 600 * 0.98  # the model itself goes farther
    assert beyond.mean() > 0.2
    assert blind_share(camera) == pytest.approx(beyond.mean(), abs=0.02)
    assert blind_share(replace(camera, radial=np.array([-0.1, 0]))) == 0


def test_a_fisheye_is_judged_as_other_lenses_are() -> None:
    """Its model bends back, or goes on to the side of the camera and beyond."""
    report = fisheye()
    assert [camera.name for camera in report.cameras] == ["Camera1", "Camera2", "Camera3"]
    assert not any("The lens of" in each.text for each in verdict_of(report).findings)
    fit = report.solution.fit
    numbers = fit.rig.numbers.copy()
    numbers[1, 5:] = -0.25, 0, 0, 0  # up to 66 degrees, which are seen at 0.77 focal lengths
    folded = replace(fit, rig=replace(fit.rig, numbers=numbers))
    solution = replace(report.solution, fit=folded)
    (camera,) = (each for each in solution.cameras if each.name == "Camera2")
    y, x = np.mgrid[:1024, : report.cameras[1].image_size[0]]
    (f_x, f_y, c_x, c_y) = numbers[1, :4]
    beyond = np.hypot((x - c_x) / f_x, (y - c_y) / f_y) > 0.77
    assert beyond.mean() > 0.1
    assert blind_share(camera) == pytest.approx(beyond.mean(), abs=0.03)
    told = [e for e in verdict_of(replace(report, solution=solution)).findings if "lens" in e.text]
    assert [(each.camera, each.grade) for each in told] == [("Camera2", Grade.USABLE)]


def test_good_rigs_are_good() -> None:
    settings = BoardRigSettings()
    made = board_rig(settings, 1)
    report = report_of(solve(made.detections, settings.board), made.detections)
    assert verdict_of(report).grade is Grade.GOOD
