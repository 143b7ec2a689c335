"""A calibration's numbers and findings in the words of its report."""

from __future__ import annotations

from dataclasses import dataclass
from math import floor, isfinite, log10
from typing import TYPE_CHECKING

from napari_sdannce.calibration.findings import Grade
from napari_sdannce.calibration.shown import shown

if TYPE_CHECKING:
    from napari_sdannce.calibration.findings import Finding, Verdict
    from napari_sdannce.calibration.quality.calibration_report import CalibrationReport
    from napari_sdannce.calibration.world import MeasuredPoints, WorldFrame

Pairs = tuple[tuple[str, str], ...]


@dataclass(frozen=True, eq=False, slots=True)
class ReportNotes:
    """What a report tells besides its numbers.

    Parameters
    ----------
    board
        The board, in words.
    source
        Where its images came from.
    settings, versions
        Names and values.
    world
        Frame in which the rig is drawn; None: turned so that most images are upright.
    measured
        Points that were measured in it.
    files
        All files of the calibration.
    """

    board: str = ""
    source: str = ""
    settings: Pairs = ()
    versions: Pairs = ()
    world: WorldFrame | None = None
    measured: MeasuredPoints | None = None
    files: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class KeyNumber:
    """A number that tells whether a calibration is good.

    Parameters
    ----------
    title
        What it is.
    value
        With its unit.
    meaning
        In a sentence.
    """

    title: str
    value: str
    meaning: str


HEADLINES = {
    Grade.GOOD: "Good: these cameras can be used.",
    Grade.USABLE: "Usable, but it could be better.",
    Grade.RECORD_AGAIN: "Record the board again before you use these cameras.",
}
GROUPS = {
    Grade.RECORD_AGAIN: "What to record again",
    Grade.USABLE: "What would make it better",
    Grade.GOOD: "Good to know",
}


def findings_of(verdict: Verdict, grade: Grade) -> tuple[Finding, ...]:
    """Findings of one grade."""
    return tuple(finding for finding in verdict.findings if finding.grade is grade)


def key_numbers(report: CalibrationReport) -> tuple[KeyNumber, ...]:
    """The numbers to look at first, and what they mean."""
    held, left_out = report.held_out, int(report.solution.fit.left_out.sum())
    total = report.errors.count
    share = 100 * left_out / total if total else float("nan")
    return (
        KeyNumber(
            "Held-out error",
            "not tested" if held is None else with_unit(held.errors.median, "px"),
            "Cameras fitted to every other frame, tested on the frames between: half of the "
            "corners are closer than this to where all cameras together see them.",
        ),
        KeyNumber(
            "Fitted error",
            with_unit(report.errors.median, "px"),
            "Half of the corners are closer than this, in all frames, with the board taken as flat "
            "and rigid. Larger than the held-out error where boards bend, or move while they are "
            "seen.",
        ),
        KeyNumber(
            "Shape of the board",
            with_unit(report.rigid_residual_mm, "mm"),
            "How far corners that the cameras place are from the printed board, laid onto them.",
        ),
        KeyNumber(
            "Error of a position",
            with_unit(report.positions.median_mm, "mm"),
            "How far a point may be misplaced because the cameras are not known better; errors of "
            "clicking or tracking it come on top.",
        ),
        KeyNumber(
            "Error of a corner",
            with_unit(report.solution.fit.sigma_px, "px"),
            "How exactly corners are found in the images; motion blur and a board that is not "
            "flat make it larger.",
        ),
        KeyNumber(
            "Moments",
            str(len(report.solution.detections.moments)),
            "Frames at which a camera saw the board.",
        ),
        KeyNumber(
            "Corners left out",
            f"{shown(share, 2)} %" if total else "not known",
            f"{left_out} of {total} are not where they can be, as of reflections, and were not "
            "used.",
        ),
    )


def with_unit(value: float, unit: str) -> str:
    """A number and its unit."""
    return f"{shown(value)} {unit}" if isfinite(value) else "not known"


def spread(value: float, sigma: float) -> str:
    """A number and its standard deviation, to the digits that it is known to.

    Examples
    --------
    >>> spread(1200.123, 0.456), spread(-0.31234, 0.0021), spread(0.0, 0.0), spread(5.0, 0.0)
    ('1200.12 ± 0.46', '-0.3123 ± 0.0021', '0', '5 (given)')
    """
    if not isfinite(value):
        return shown(value)
    if not isfinite(sigma):
        return f"{shown(value, 6)} ± {shown(sigma)}"
    if sigma <= 0:
        return f"{shown(value, 6)} (given)" if value else "0"
    places = min(max(1 - floor(log10(sigma)), 0), 9)
    return f"{round(value, places) + 0.0:.{places}f} ± {sigma:.{places}f}"
