"""What is found out about each camera of a calibration."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from napari_sdannce.calibration.detection.hints import ENOUGH_CELLS, emptiest_part
from napari_sdannce.calibration.detection.stance import DEEP, TILTED
from napari_sdannce.calibration.findings import Finding, Grade

if TYPE_CHECKING:
    from collections.abc import Iterator

    from napari_sdannce.geometry import Camera

    from .calibration_report import CalibrationReport, CameraReport

BoolArray = npt.NDArray[np.bool_]

HUGE_PX = 3.0
"""Cameras that miss half of the corners by more do not fit together."""
FOCAL_SIGMA = 0.01
"""Relative standard deviation of a focal length that is known well enough."""
_FOCAL_UNKNOWN = 0.05
"""Of one that is not known: lengths along the line of sight are as wrong."""
_LEFT_OUT, _MOSTLY_LEFT_OUT = 0.1, 0.5
_HARDLY_COVERED = 0.15
_LATE_SIGMAS, _LATE_SHARE = 4.0, 0.7
_BLIND, _VERY_BLIND = 0.01, 0.05
"""Shares of an image in which nothing is seen because the lens is not known there."""
_GRID = 40
"""Columns and rows of an image at which a lens is looked at."""


def findings_of_cameras(report: CalibrationReport) -> Iterator[Finding]:
    """Camera by camera."""
    lost = misfits(report)
    for view, camera in enumerate(report.cameras):
        if lost[view]:  # what else is found of it tells nothing
            yield _of_misfit(camera, alone=len(lost) == 1)
        else:
            yield from _of_camera(report, view, camera)


def misfits(report: CalibrationReport) -> BoolArray:
    """(V,) cameras that do not fit the others, or what they saw of the board.

    Where nobody sees a board where another camera has it, also those that see it well are off:
    they are named only when no camera stands out by what it was fitted to.
    """
    fitted = np.array([camera.errors.median for camera in report.cameras])
    error = np.array([camera.error_px for camera in report.cameras])
    left_out = np.array([camera.share_left_out for camera in report.cameras])
    stand_out = ~(fitted <= HUGE_PX) | (left_out > _MOSTLY_LEFT_OUT) | np.isnan(error)
    return np.asarray(stand_out if stand_out.any() else error > HUGE_PX)


def _of_misfit(camera: CameraReport, *, alone: bool) -> Finding:
    if alone:
        whom = "the board"
        advice = "Is it the board that was named, and is it flat? Record it again."
    else:
        whom = "the other cameras"
        advice = (
            "Its images may not be of the same moments as those of the others (frames were lost, "
            "or are in another order), it may have been moved, or may have seen another board. Put "
            "that right, and record the board again."
        )
        if np.isnan(camera.error_px):
            advice += " Show it where this camera and another one both see it, more often."
    told = f"{camera.name} does not fit {whom}: {', '.join(_symptoms(camera))}. {advice}"
    return Finding(Grade.RECORD_AGAIN, told, camera.name)


def _symptoms(camera: CameraReport) -> Iterator[str]:
    errors = np.array([camera.errors.median, camera.error_px])
    if (errors > HUGE_PX).any():
        yield f"half of its corners are off by {np.nanmax(errors):.0f} px and more"
    if np.isnan(camera.error_px):
        yield "none of its corners could be tested against those of other cameras"
    if camera.share_left_out > _MOSTLY_LEFT_OUT:
        yield f"{100 * camera.share_left_out:.0f} % of its corners had to be left out"
    if camera.focal_sigma > _FOCAL_UNKNOWN:
        yield f"its focal length is known to {100 * camera.focal_sigma:.0f} % only"


def _of_camera(report: CalibrationReport, view: int, camera: CameraReport) -> Iterator[Finding]:
    yield from _of_lens(report, view, camera)
    if camera.covered < ENOUGH_CELLS:
        yield Finding(
            Grade.USABLE if camera.covered < _HARDLY_COVERED else Grade.GOOD,
            f"The board was in {100 * camera.covered:.0f} % of the image of {camera.name}: bring "
            f"it to the {emptiest_part(camera.cells)[0]} as well.",
            camera.name,
        )
    yield from _of_time(report, camera)
    if camera.share_left_out > _LEFT_OUT:
        yield Finding(
            Grade.USABLE,
            f"{camera.left_out} of {camera.corners} corners of {camera.name} are not where they "
            "can be, and were left out: blurred boards, or reflections?",
            camera.name,
        )


def _of_lens(report: CalibrationReport, view: int, camera: CameraReport) -> Iterator[Finding]:
    sigma = camera.focal_sigma
    if not sigma <= FOCAL_SIGMA:
        known = f"known to {100 * sigma:.1f} % only" if np.isfinite(sigma) else "not known"
        yield Finding(
            Grade.USABLE if sigma <= _FOCAL_UNKNOWN else Grade.RECORD_AGAIN,
            f"The focal length of {camera.name} is {known}: {_how_it_was_held(camera)}",
            camera.name,
        )
    blind = blind_share(report.solution.cameras[view])
    if blind > _BLIND:
        yield Finding(
            Grade.USABLE if blind > _VERY_BLIND else Grade.GOOD,
            f"The lens of {camera.name} is not known in {100 * blind:.0f} % of its image, at the "
            "corners, where the board hardly was: nothing is seen there. Bring it there as well.",
            camera.name,
        )
    if camera.board_focal > 0:
        yield _of_given_lens(report, camera)
    elif camera.contradicted:
        yield Finding(
            Grade.USABLE,
            f"The boards contradict the lens that was given for {camera.name}: it was solved for "
            f"anew (focal length {camera.numbers['fx']:.0f} px). If neither its zoom nor its focus "
            "was turned, keep the given one (--intrinsics-use fixed), above all where cameras are "
            "late.",
            camera.name,
        )


def _of_given_lens(report: CalibrationReport, camera: CameraReport) -> Finding:
    given = camera.numbers["fx"]
    off = abs(given / camera.board_focal - 1)
    # late cameras bend what the boards say of lenses
    doubtful = any(_is_late(report, each) for each in report.cameras)
    return Finding(
        Grade.USABLE if off <= _FOCAL_UNKNOWN or doubtful else Grade.RECORD_AGAIN,
        f"The boards contradict the lens of {camera.name}, which stays as it was given: a focal "
        f"length of {camera.board_focal:.0f} px would fit them, and it has {given:.0f} px. Let it "
        "be solved for (--intrinsics-use prior; in the panel: Take them as nearly right); where "
        "cameras are late, have that corrected first.",
        camera.name,
    )


def _how_it_was_held(camera: CameraReport) -> str:
    """What of the board's tilts and distances was missing, and what to do."""
    lacks, stances = [], camera.stances
    if len(stances.tilts):
        tilt, near, far = stances.tilts.max(), stances.distances.min(), stances.distances.max()
        if tilt < TILTED:
            lacks.append(f"never tilted by more than {np.ceil(tilt):.0f} degrees")
        if far < DEEP * near:
            lacks.append(f"always {near:.0f} to {far:.0f} mm away")
    if not lacks:
        return "tilt the board by up to 45 degrees, and bring it nearer and farther."
    return (
        f"the board was {' and '.join(lacks)}. Tilt it by up to 45 degrees, and bring it nearer "
        "and farther."
    )


def blind_share(camera: Camera) -> float:
    """Share of an image in which nothing is seen, because the lens model bends back before.

    Of lenses that see half a circle and more, none: beyond, no camera here sees, however well its
    lens is known.
    """
    assert camera.image_size is not None
    if camera.fisheye and camera.widest_angle >= np.pi / 2:
        return 0.0
    sides = [(np.arange(_GRID) + 0.5) / _GRID * side - 0.5 for side in camera.image_size]
    pixels = np.stack(np.meshgrid(*sides), axis=-1)
    return float(1 - np.isfinite(camera.undistort(pixels)).all(axis=-1).mean())


def _is_late(report: CalibrationReport, camera: CameraReport) -> bool:
    offset, sigma = camera.offset, report.solution.fit.sigma_px
    return (
        offset is not None
        and abs(offset.frames) > _LATE_SIGMAS * offset.sigma
        and offset.shift_px > _LATE_SHARE * sigma
    )


def _of_time(report: CalibrationReport, camera: CameraReport) -> Iterator[Finding]:
    offset = camera.offset
    if offset is not None and _is_late(report, camera):
        first = report.cameras[0].name
        late = "later" if offset.frames > 0 else "earlier"
        yield Finding(
            Grade.USABLE if offset.shift_px <= HUGE_PX else Grade.RECORD_AGAIN,
            f"{camera.name} sees things {abs(offset.frames):.2f} frames {late} than {first}, which "
            f"makes {offset.shift_px:.1f} px here. Lenses are bent by that, and positions wrong, "
            "by much more than their error bars say: calibrate again with correction for it "
            "(--late correct; in the panel: Late cameras), or trigger the cameras together, or "
            "hold the board still now and then.",
            camera.name,
        )
