"""What a calibration is worth, in words, and what to record again."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np

from .hints import ENOUGH_CELLS, ENOUGH_SHARED, emptiest_part
from .lenses import BrownLens

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .board_keys import Board
    from .report import CalibrationReport, CameraReport
    from .world import MeasuredPoints

FOCAL_SIGMA = 0.01
"""Relative standard deviation of a focal length that is known well enough."""
_FEW_MOMENTS = 15
_HARDLY_COVERED = 0.15
_LEFT_OUT = 0.1
_LATE_SIGMAS, _LATE_SHARE = 4.0, 0.7
_LARGE_PX, _HUGE_PX = 1.0, 3.0
_BENT_MM, _BENT_BADLY_MM = 0.3, 1.5
_SCALE_PERCENT, _SCALE_BADLY_PERCENT = 0.5, 3.0


class Grade(StrEnum):
    """How good it is."""

    GOOD = "good"
    USABLE = "usable"
    RECORD_AGAIN = "record again"


@dataclass(frozen=True, slots=True)
class Finding:
    """Something to know, and what to do about it.

    Parameters
    ----------
    grade
        How bad it is.
    text
        A sentence or two.
    camera
        Whom it is about; None: all.
    """

    grade: Grade
    text: str
    camera: str | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """All findings, the worst first."""

    findings: tuple[Finding, ...]

    @property
    def grade(self) -> Grade:
        """That of the worst finding."""
        grades = {finding.grade for finding in self.findings}
        order = (Grade.RECORD_AGAIN, Grade.USABLE, Grade.GOOD)
        return next((grade for grade in order if grade in grades), Grade.GOOD)


def verdict_of(report: CalibrationReport, *more: Finding) -> Verdict:
    """Judge a calibration; with what was found out besides."""
    findings = [*more, *_of_all(report)]
    for view, camera in enumerate(report.cameras):
        findings += _of_camera(report, view, camera)
    order = list(Grade)[::-1]
    return Verdict(tuple(sorted(findings, key=lambda finding: order.index(finding.grade))))


def lengths_of(measured: MeasuredPoints, board: Board) -> Finding:
    """Whether lengths are right, by points that were measured."""
    off, percent = float(np.nanmax(measured.errors_mm)), 100 * (measured.scale - 1)
    told = f"{int(measured.known.sum())} measured points lie within {max(off, 0.1):.1f} mm"
    if abs(percent) < _SCALE_PERCENT:
        return Finding(Grade.GOOD, f"{told}; lengths between them are right to {_SCALE_PERCENT} %.")
    return Finding(
        Grade.USABLE if abs(percent) < _SCALE_BADLY_PERCENT else Grade.RECORD_AGAIN,
        f"{told}, and lengths between them come out {abs(percent):.1f} % too "
        f"{'long' if percent > 0 else 'short'}: squares of {board.square_mm / measured.scale:.2f} "
        f"mm would fit, and the file of the board says {board.square_mm:.2f} mm. Measure both.",
    )


def unlike_of(unlike: str) -> Iterator[Finding]:
    """What of the board is not as its file says, if something is."""
    if unlike:
        told = f"The board is not quite as its file says, and lengths hang on it: {unlike}."
        yield Finding(Grade.USABLE, told)


def _of_all(report: CalibrationReport) -> Iterator[Finding]:
    solution = report.solution
    names, moments = solution.detections.names, solution.detections.moments
    for push in solution.fit.pushes:
        yield Finding(
            Grade.RECORD_AGAIN,
            f"{names[push.view]} was pushed at about frame {moments[push.moment]}. It is "
            "calibrated where it stood longer; record the board again.",
            names[push.view],
        )
    error = report.used_errors.median if report.held_out is None else report.held_out.errors.median
    if error > _HUGE_PX:
        yield Finding(
            Grade.RECORD_AGAIN,
            f"Cameras disagree by {error:.1f} px in the median: are their frames of one moment, is "
            "the board flat, and is it the one that was named?",
        )
    elif error > _LARGE_PX:
        yield Finding(
            Grade.USABLE,
            f"Cameras disagree by {error:.2f} px in the median; still boards and triggered cameras "
            "come to 0.1 to 0.3 px.",
        )
    bent, worst = report.flatness.bent_mm, report.flatness.worst
    if worst is not None and bent > _BENT_MM:
        yield Finding(
            Grade.USABLE if bent > _BENT_BADLY_MM else Grade.GOOD,
            f"The board is not flat, or not printed evenly: at corner {worst} (from 0, row by row) "
            f"it is {bent:.1f} mm from where it should be. Glue it to something flat.",
        )
    if solution.delays:
        told = ", ".join(
            f"{name} {delay:+.2f}" for name, delay in zip(names, solution.delays, strict=True)
        )
        yield Finding(
            Grade.GOOD,
            f"Corrected for cameras that are late, by frames: {told}. Errors are those of the "
            "corrected corners; animals that move fast are seen as late as the board was.",
        )
    if len(moments) < _FEW_MOMENTS:
        yield Finding(
            Grade.USABLE,
            f"The board was seen at {len(moments)} moments only; some dozens, all over the volume, "
            "make it surer.",
        )
    if report.held_out is None and len(names) > 1:
        yield Finding(
            Grade.USABLE, "Too few moments to test the cameras on ones they were not fitted to."
        )


def _of_camera(report: CalibrationReport, view: int, camera: CameraReport) -> Iterator[Finding]:
    yield from _of_numbers(report, camera)
    yield from _of_coverage(report, view, camera)
    offset = camera.offset
    sigma = report.solution.fit.sigma_px
    if (
        offset is not None
        and abs(offset.frames) > _LATE_SIGMAS * offset.sigma
        and offset.shift_px > _LATE_SHARE * sigma
    ):
        first = report.cameras[0].name
        late = "later" if offset.frames > 0 else "earlier"
        yield Finding(
            Grade.USABLE,
            f"{camera.name} sees things {abs(offset.frames):.2f} frames {late} than {first}, which "
            f"makes {offset.shift_px:.1f} px here and bends the lenses more than their error bars "
            "say: trigger the cameras together, hold the board still now and then, or let it be "
            "corrected (--late correct; in the panel: Late cameras).",
            camera.name,
        )
    if camera.left_out > _LEFT_OUT * camera.corners:
        yield Finding(
            Grade.USABLE,
            f"{camera.left_out} of {camera.corners} corners of {camera.name} are not where they "
            "can be, and were left out: blurred boards, or reflections?",
            camera.name,
        )
    if camera.contradicted:
        yield Finding(
            Grade.USABLE,
            f"The boards contradict the lens that was given for {camera.name}: it was solved for "
            f"anew (focal length {camera.numbers['fx']:.0f} px). Was its zoom or focus turned, or "
            "are cameras late?",
            camera.name,
        )


def _of_numbers(report: CalibrationReport, camera: CameraReport) -> Iterator[Finding]:
    if camera.focal_sigma > FOCAL_SIGMA:
        yield Finding(
            Grade.USABLE,
            f"The focal length of {camera.name} is known to {100 * camera.focal_sigma:.1f} % only: "
            "tilt the board by up to 45 degrees, and bring it nearer and farther.",
            camera.name,
        )
    if report.solution.model.lens == BrownLens():
        index = list(report.cameras).index(camera)
        reach = report.solution.cameras[index].reach
        focal = (camera.numbers["fx"] + camera.numbers["fy"]) / 2
        edge = float(np.hypot(*camera.image_size)) / 2 / focal
        if reach < edge * 0.98:
            yield Finding(
                Grade.USABLE,
                f"The lens of {camera.name} is not known in the corners of its image, where the "
                "board never was: nothing is seen there.",
                camera.name,
            )


def _of_coverage(report: CalibrationReport, view: int, camera: CameraReport) -> Iterator[Finding]:
    shared = np.delete(report.shared[view], view)
    if len(shared) and shared.max() < ENOUGH_SHARED:
        yield Finding(
            Grade.RECORD_AGAIN,
            f"{camera.name} shares at most {shared.max()} moments with another camera: show the "
            "board where both see it.",
            camera.name,
        )
    if camera.covered < ENOUGH_CELLS:
        yield Finding(
            Grade.USABLE if camera.covered < _HARDLY_COVERED else Grade.GOOD,
            f"The board was in {100 * camera.covered:.0f} % of the image of {camera.name}: bring "
            f"it to the {emptiest_part(camera.cells)[0]} as well.",
            camera.name,
        )
