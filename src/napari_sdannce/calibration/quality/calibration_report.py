"""What a calibration is worth, in numbers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from napari_sdannce.calibration.detection.coverage import corners_by_cell, shared_moments
from napari_sdannce.calibration.errors import CalibrationError
from napari_sdannce.calibration.solver.lenses import FX, names_of
from napari_sdannce.calibration.solver.time_offsets import TimeOffset, time_offsets

from .errors_px import ErrorsPx, rigid_residuals, triangulate_boards
from .flatness import Flatness, flatness_of
from .holdout import Holdout, hold_out
from .positions import PositionSigma, position_sigma
from .stances import Stances, stances_of

if TYPE_CHECKING:
    from napari_sdannce.calibration.detection.detections import Detections, Size
    from napari_sdannce.calibration.solver.solution import Solution

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False, slots=True)
class CameraReport:
    """One camera.

    Parameters
    ----------
    name
        Camera.
    image_size
        (width, height) px.
    numbers, sigmas
        Intrinsic numbers by name, and their standard deviations; zero for those not solved for.
    errors
        Of all corners that were found, from one rigid board a moment, px.
    held_out
        Of its corners at moments that the cameras were not fitted to.
    sightings, corners, left_out
        How often it saw the board; how many corners were found; how many of them were not used.
    cells
        (8, 8) corners by rows and columns of the image.
    spots, misses
        (N, 2) px where corners were found, and (N, 2) px from there to where the fit has them.
    stances
        How the board stood before it, of the sightings that were used.
    offset
        How late it is, None when that can not be told.
    contradicted
        Whether the boards contradict what was known of its lens.
    board_focal
        Focal length that the boards would have where they contradict a lens that stayed as it was
        given, px; else NaN.
    """

    name: str
    image_size: Size
    numbers: dict[str, float]
    sigmas: dict[str, float]
    errors: ErrorsPx
    held_out: ErrorsPx | None
    sightings: int
    corners: int
    left_out: int
    cells: IntArray
    spots: FloatArray
    misses: FloatArray
    stances: Stances
    offset: TimeOffset | None
    contradicted: bool
    board_focal: float = np.nan

    @property
    def focal_sigma(self) -> float:
        """Relative standard deviation of the focal length."""
        focal = self.numbers["fx"] + self.numbers["fy"]
        return (self.sigmas["fx"] + self.sigmas["fy"]) / focal

    @property
    def covered(self) -> float:
        """Share of the image's cells in which a corner was found."""
        return float((self.cells > 0).mean())

    @property
    def error_px(self) -> float:
        """Half of its corners are closer than this, at moments not fitted to if there are such."""
        return (self.errors if self.held_out is None else self.held_out).median

    @property
    def share_left_out(self) -> float:
        """Share of its corners that were not used."""
        return self.left_out / max(self.corners, 1)


@dataclass(frozen=True, eq=False, slots=True)
class CalibrationReport:
    """A calibration in numbers.

    Parameters
    ----------
    solution
        What is reported.
    errors
        Of all corners that were found, from one rigid board a moment, px.
    used_errors
        Of those that were used.
    held_out
        At moments that the cameras were not fitted to; None when that could not be tested.
    rigid_mm
        Median distance of triangulated corners from a board laid onto them, all moments fitted.
    flatness
        Whether the board is as flat as it is described.
    positions
        Error bars of positions in the volume of the boards.
    shared
        (V, V) moments that pairs of cameras share; alone on the diagonal, how often each saw it.
    cameras
        One by one.
    detect_s
        Seconds that finding the boards took.
    untested
        Why there is nothing held out.
    """

    solution: Solution
    errors: ErrorsPx
    used_errors: ErrorsPx
    held_out: Holdout | None
    rigid_mm: float
    flatness: Flatness
    positions: PositionSigma
    shared: IntArray
    cameras: tuple[CameraReport, ...]
    detect_s: float
    untested: str = ""

    @property
    def error_px(self) -> float:
        """Half of the corners are closer than this, at moments not fitted to if there are such."""
        return (self.errors if self.held_out is None else self.held_out.errors).median

    @property
    def rigid_residual_mm(self) -> float:
        """Of moments that the cameras were not fitted to, where there are such."""
        return self.rigid_mm if self.held_out is None else self.held_out.rigid_mm


def report_of(
    solution: Solution,
    detections: Detections,
    *,
    found: Detections | None = None,
    detect_s: float = 0.0,
    is_film: bool = True,
) -> CalibrationReport:
    """Gather the numbers of a solution.

    Parameters
    ----------
    solution
        Solved.
    detections
        What it was made from.
    found
        All that was found, blurred boards as well, to test with; None: no more than that.
    detect_s
        Seconds that finding it took.
    is_film
        Whether moments follow each other in time; else nothing is told of delays.
    """
    missed = solution.misses
    lengths = np.linalg.norm(missed, axis=-1)
    held, untested = _held_out(detections, solution, found)
    seen = triangulate_boards(solution.cameras, solution.detections, len(solution.board.points))
    rigid = rigid_residuals(seen.points, solution.board.points.reshape(-1, 3))
    offsets = time_offsets(solution) if is_film else None
    by_boards = _lenses_of_boards(solution)
    return CalibrationReport(
        solution,
        ErrorsPx.of(lengths.ravel()),
        ErrorsPx.of(lengths[solution.fit.problem.sightings.weights > 0]),
        held,
        float(np.nanmedian(rigid)) if np.isfinite(rigid).any() else np.nan,
        flatness_of(seen, solution.board.points.reshape(-1, 3)),
        position_sigma(solution),
        shared_moments(solution.detections.saw),
        tuple(
            replace(
                _camera(solution, detections, view, missed, held),
                offset=offsets[view] if offsets else None,
                contradicted=bool(solution.fit.contradicted[view]) or bool(focal > 0),
                board_focal=float(focal),
            )
            for view, focal in enumerate(by_boards[:, FX])
        ),
        detect_s,
        untested,
    )


def _held_out(
    detections: Detections, solution: Solution, found: Detections | None
) -> tuple[Holdout | None, str]:
    """What is held out, or why it is not: that the cameras can not be tested spoils nothing."""
    try:
        return hold_out(detections, solution, found), ""
    except CalibrationError as error:
        return None, str(error)


def _lenses_of_boards(solution: Solution) -> FloatArray:
    """(V, P) lenses as the boards would have them, where they contradict fixed ones; else NaN."""
    model, n_views = solution.model, len(solution.detections.names)
    if not model.fixed:
        return np.full(solution.fit.rig.numbers.shape, np.nan)
    free = replace(model, fixed=False).free(n_views)
    with threadpool_limits(1, user_api="blas"):
        return solution.task.lenses_of_boards(solution.fit, free)


def _camera(
    solution: Solution,
    detections: Detections,
    view: int,
    missed: FloatArray,
    held: Holdout | None,
) -> CameraReport:
    names = names_of(solution.model.lens)
    fit, own = solution.fit, solution.detections.view == view
    found = detections.take(detections.view == view)
    spots = found.corners[found.seen]
    used = solution.detections.corners[own]
    known = np.isfinite(missed[own]).all(axis=-1)
    numbers, sigmas = fit.rig.numbers[view], fit.covariance.sigma[view]
    width, height = detections.image_sizes[view]
    return CameraReport(
        detections.names[view],
        (width, height),
        dict(zip(names, numbers.tolist(), strict=True)),
        dict(zip(names, sigmas[: len(names)].tolist(), strict=True)),
        ErrorsPx.of(np.linalg.norm(missed[own], axis=-1).ravel()),
        None if held is None else held.by_camera[view],
        len(found),
        len(spots),
        int(fit.left_out[own].sum()),
        corners_by_cell(spots, (width, height)),
        used[known],
        missed[own][known],
        stances_of(solution).take(own).known,
        None,
        contradicted=False,
    )


def as_json(report: CalibrationReport) -> dict[str, Any]:
    """The numbers, for ``report.json``; lengths of residuals in px, lengths in mm."""
    solution, held = report.solution, report.held_out
    return {
        "reprojection_px": _errors(report.errors),
        "reprojection_used_px": _errors(report.used_errors),
        "holdout_px": None if held is None else _errors(held.errors),
        "rigid_residual_mm": _number(report.rigid_residual_mm),
        "rigid_residual_fitted_mm": _number(report.rigid_mm),
        "board_bent_mm": _number(report.flatness.bent_mm),
        "position_sigma_mm": _number(report.positions.median_mm),
        "corner_sigma_px": _number(solution.fit.sigma_px),
        "errors_alike": _number(solution.fit.covariance.too_sure),
        "frames": len(solution.detections.moments),
        "frames_held_out": None if held is None else held.tested,
        "corners": report.errors.count,
        "corners_left_out": int(solution.fit.left_out.sum()),
        "corrected_late_frames": dict(
            zip(solution.detections.names, map(_number, solution.delays), strict=False)
        ),
        "shared_frames": report.shared.tolist(),
        "seconds": {"detect": _number(report.detect_s), "solve": _number(solution.seconds)},
        "cameras": {camera.name: _camera_json(camera) for camera in report.cameras},
    }


def _camera_json(camera: CameraReport) -> dict[str, Any]:
    offset = camera.offset
    return {
        "image_size": list(camera.image_size),
        "intrinsics": {name: _number(value) for name, value in camera.numbers.items()},
        "sigma": {name: _number(value) for name, value in camera.sigmas.items()},
        "focal_sigma_percent": _number(100 * camera.focal_sigma),
        "reprojection_px": _errors(camera.errors),
        "holdout_px": None if camera.held_out is None else _errors(camera.held_out),
        "sightings": camera.sightings,
        "corners": camera.corners,
        "corners_left_out": camera.left_out,
        "covered": _number(camera.covered),
        "tilt_degrees": _range(camera.stances.tilts),
        "distance_mm": _range(camera.stances.distances),
        "late_frames": None if offset is None else _number(offset.frames),
        "late_sigma_frames": None if offset is None else _number(offset.sigma),
        "known_lens_contradicted": camera.contradicted,
    }


def _errors(errors: ErrorsPx) -> dict[str, float | int | None]:
    return {
        "mean": _number(errors.mean),
        "median": _number(errors.median),
        "rmse": _number(errors.rmse),
        "count": errors.count,
    }


def _range(values: FloatArray) -> dict[str, float | None]:
    """From where to where values (N,) reach."""
    least, median, most = np.percentile(values, [0, 50, 100]) if len(values) else [np.nan] * 3
    return {"least": _number(least), "median": _number(median), "most": _number(most)}


def _number(value: float) -> float | None:
    """Six digits are more than anything here is known to; JSON has no NaN."""
    return float(f"{value:.6g}") if np.isfinite(value) else None
