"""What a calibration is worth, in words, and what to record again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from napari_sdannce.calibration.detection.hints import gaps_between
from napari_sdannce.calibration.findings import Finding, Grade, Verdict
from napari_sdannce.calibration.shown import shown

from .camera_findings import HUGE_PX, findings_of_cameras
from .twins import findings_of_twins

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from napari_sdannce.calibration.boards.board_keys import Board
    from napari_sdannce.calibration.detection.hints import Gap
    from napari_sdannce.calibration.world import MeasuredPoints

    from .calibration_report import CalibrationReport

_FEW_MOMENTS = 15
_LARGE_PX = 1.0
_BENT, _BENT_MUCH, _BENT_BADLY = 0.012, 0.025, 0.1
"""Shares of a square by which a corner is not where it is in a flat board."""
_SCALE_PERCENT, _SCALE_BADLY_PERCENT = 0.5, 3.0
_UNSURE, _UNSURE_BADLY = 0.02, 0.1
"""Squares of the board, standard deviation of a position. Rigs of some dozen moments come to 0.01
and less; a board is as large as what cameras look at allows, so that a tenth of a square is about
a hundredth of the volume."""


def verdict_of(report: CalibrationReport, *more: Finding) -> Verdict:
    """Judge a calibration; with what was found out besides."""
    findings = [*more, *_of_all(report), *findings_of_cameras(report)]
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
    yield from _of_shifts(report)
    yield from _of_pushes(report)
    yield from _of_errors(report)
    yield from findings_of_twins(report)
    yield from _of_gaps(report)
    yield from _of_positions(report)
    yield from _of_board(report)
    yield from _of_moments(report)


def _of_shifts(report: CalibrationReport) -> Iterator[Finding]:
    names = report.solution.detections.names
    for shift in report.solution.shifts:
        yield Finding(
            Grade.RECORD_AGAIN,
            f"{shift.told(names)}. Match them (timestamps.csv, or names of images), or record the "
            "board again.",
            names[shift.view],
        )


def _of_pushes(report: CalibrationReport) -> Iterator[Finding]:
    found = report.solution.detections
    pushes = report.solution.fit.pushes
    for view in sorted({push.view for push in pushes}):
        frames = [str(found.moments[push.moment]) for push in pushes if push.view == view]
        when = f"frame {frames[0]}" if len(frames) == 1 else f"frames {_joined(frames)}"
        where = "where it stood longer" if len(frames) == 1 else "at one of the places it stood at"
        yield Finding(
            Grade.RECORD_AGAIN,
            f"{found.names[view]} was pushed at about {when}. It is calibrated {where}; record the "
            "board again.",
            found.names[view],
        )


def _of_errors(report: CalibrationReport) -> Iterator[Finding]:
    error = report.error_px
    if error > HUGE_PX:
        yield Finding(
            Grade.RECORD_AGAIN,
            f"Cameras disagree: half of all corners are off by {error:.1f} px and more. Are their "
            "frames of one moment, is the board flat, and is it the one that was named?",
        )
    elif error > _LARGE_PX:
        yield Finding(
            Grade.USABLE,
            f"Cameras disagree: half of all corners are off by {error:.2f} px and more; of still "
            "boards and triggered cameras, half are closer than 0.1 to 0.3 px.",
        )


def _of_gaps(report: CalibrationReport) -> Iterator[Finding]:
    """Groups of cameras that too few moments join: how they stand to each other is not known."""
    names = [camera.name for camera in report.cameras]
    for gap in gaps_between(report.shared, list(range(len(names)))):
        alone = len(gap.group) == 1
        yield Finding(
            Grade.RECORD_AGAIN,
            _told(gap, names, int(report.shared[gap.one, gap.other])),
            names[gap.one] if alone else None,
        )


def _told(gap: Gap, names: Sequence[str], shared: int) -> str:
    one, other = names[gap.one], names[gap.other]
    moments = f"{shared} moment{'' if shared == 1 else 's'}"
    if len(gap.group) == 1:
        told = f"{one} shares at most {moments} with another camera: where it stands"
    else:
        group, others = _listed(gap.group, names), _listed(gap.others, names)
        told = f"{group} share at most {moments} with {others}: how both groups stand to each other"
    return f"{told} is hardly known. Show the board where {one} and {other} both see it."


def _listed(views: Sequence[int], names: Sequence[str]) -> str:
    return _joined([names[view] for view in views])


def _joined(words: Sequence[str]) -> str:
    *first, last = words
    return f"{', '.join(first)} and {last}" if first else last


def _of_positions(report: CalibrationReport) -> Iterator[Finding]:
    sigma = report.positions.median_mm
    squares = sigma / _square_mm(report.solution.board.points[0])
    if squares > _UNSURE:
        yield Finding(
            Grade.USABLE if squares <= _UNSURE_BADLY else Grade.RECORD_AGAIN,
            f"Half of the places where the board was are known to {shown(sigma, 2)} mm or worse, "
            f"{100 * squares:.0f} % of one of its squares: show it at more moments, to several "
            "cameras at once, everywhere in the volume.",
        )


def _square_mm(corners: npt.NDArray[np.float64]) -> float:
    """Shortest distance of two of a board's corners (M, 3), mm."""
    apart = np.linalg.norm(corners[:, None] - corners[None], axis=-1)
    return float(apart[~np.eye(len(corners), dtype=bool)].min())


def _of_board(report: CalibrationReport) -> Iterator[Finding]:
    bent, worst = report.flatness.bent_mm, report.flatness.worst
    squares = bent / _square_mm(report.solution.board.points[0])
    if worst is not None and squares > _BENT:
        grade = Grade.USABLE if squares > _BENT_MUCH else Grade.GOOD
        yield Finding(
            Grade.RECORD_AGAIN if squares > _BENT_BADLY else grade,
            f"The board is not flat, or not printed evenly: at corner {worst} (from 0, row by row) "
            f"it is {bent:.1f} mm from where it should be. Glue it to something flat.",
        )


def _of_moments(report: CalibrationReport) -> Iterator[Finding]:
    solution = report.solution
    names, moments = solution.detections.names, solution.detections.moments
    if len(names) == 1:
        told = "A single camera: its lens is calibrated, but not where it stands."
        yield Finding(Grade.USABLE, told)
    if solution.delays:
        told = ", ".join(
            f"{name} {delay:+.2f}" for name, delay in zip(names, solution.delays, strict=True)
        )
        yield Finding(
            Grade.GOOD,
            f"Corrected for cameras that are late, by frames: {told}. Errors are those of the "
            "corrected corners; animals that move fast are seen as late as the board was.",
        )
    places = min(solution.fit.covariance.places or len(moments), len(moments))
    if places < _FEW_MOMENTS:
        rested = f", and at {places} places only, where it rested" if places < len(moments) else ""
        yield Finding(
            Grade.USABLE,
            f"The board was seen at {len(moments)} moments{rested or ' only'}; some dozens of "
            "places, all over the volume, make it surer.",
        )
    if report.held_out is None and len(names) > 1:
        yield Finding(
            Grade.USABLE,
            "The cameras could not be tested at moments that they were not fitted to: "
            f"{report.untested or 'half of the moments are too few to calibrate from'}.",
        )
