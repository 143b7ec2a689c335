"""Reports of synthetic rigs, one for each thing that may go wrong with drawing them."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np

from napari_sdannce.calibration.quality.calibration_report import CalibrationReport, report_of
from napari_sdannce.calibration.quality.errors_px import ErrorsPx
from napari_sdannce.calibration.solver.lenses import FisheyeLens
from napari_sdannce.calibration.solver.solution import Model, solve
from napari_sdannce.synthetic.board_rigs import BoardRig, BoardRigSettings, board_rig

HOSTILE = "<script>alert('&amp;')</script>"
LONG = tuple(f"the camera on the tall post, no. {i + 1}, of the northern box" for i in range(12))
SMALL = BoardRigSettings(cameras=3, moments=30, outliers=0.02)
PUSHED = BoardRigSettings(cameras=4, moments=45, moved=True)
TWELVE = BoardRigSettings(cameras=12, moments=16)


def _made(settings: BoardRigSettings, seed: int, names: tuple[str, ...] | None = None) -> BoardRig:
    made = board_rig(settings, seed)
    if names is None:
        return made
    return replace(made, detections=replace(made.detections, names=names))


def _report(made: BoardRig, settings: BoardRigSettings) -> CalibrationReport:
    solution = solve(made.detections, settings.board, Model(settings.lens))
    return report_of(solution, made.detections, detect_s=1.25)


@cache
def small() -> CalibrationReport:
    return _report(_made(SMALL, 5, ("left", HOSTILE, "right")), SMALL)


@cache
def pushed() -> CalibrationReport:
    report = _report(_made(PUSHED, 5), PUSHED)
    assert len(report.solution.fit.pushes) == 1
    return report


@cache
def twelve() -> CalibrationReport:
    return _report(_made(TWELVE, 4, LONG), TWELVE)


@cache
def two() -> CalibrationReport:
    settings = replace(SMALL, cameras=2)
    return _report(_made(settings, 2), settings)


@cache
def single() -> CalibrationReport:
    """One camera: nothing is shared, held out, or triangulated."""
    settings = replace(SMALL, cameras=1)
    report = _report(_made(settings, 2), settings)
    assert report.held_out is None
    assert np.isnan(report.rigid_mm)
    return report


@cache
def fisheye() -> CalibrationReport:
    settings = replace(SMALL, lens=FisheyeLens(), outliers=0.0)
    return _report(_made(settings, 5), settings)


@cache
def unknown() -> CalibrationReport:
    """Nothing is known, and nothing of the first camera was used."""
    report, nothing = small(), ErrorsPx(np.nan, np.nan, np.nan, 0)
    fit = report.solution.fit
    out = fit.left_out | (report.solution.detections.view == 0)[:, None]
    cameras = tuple(
        replace(
            camera,
            sigmas=dict.fromkeys(camera.sigmas, np.nan),
            errors=nothing,
            held_out=None,
            offset=None,
            cells=np.zeros_like(camera.cells),
        )
        for camera in report.cameras
    )
    return replace(
        report,
        solution=replace(report.solution, fit=replace(fit, left_out=out, sigma_px=np.nan)),
        errors=nothing,
        used_errors=nothing,
        held_out=None,
        rigid_mm=np.nan,
        positions=replace(
            report.positions, sigma_mm=np.full_like(report.positions.sigma_mm, np.nan)
        ),
        cameras=cameras,
    )


CASES = {
    "small": small,
    "pushed": pushed,
    "twelve": twelve,
    "two": two,
    "single": single,
    "fisheye": fisheye,
    "unknown": unknown,
}
