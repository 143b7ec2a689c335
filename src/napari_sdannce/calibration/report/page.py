"""Report of a calibration: numbers for programs, a page for people, and one picture."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_sdannce.calibration.quality.calibration_report import as_json
from napari_sdannce.calibration.quality.misses import misses_of, sighting_errors
from napari_sdannce.files.writing import check_free

from .camera_views import coverage_maps, residual_maps
from .charts import error_curve, errors_by_speed, errors_in_time, focal_bars, shared_moments
from .figure_image import to_png
from .figure_svg import to_svg
from .rig_views import rig_from_above, rig_from_the_side, scene_of
from .stances_chart import stances_chart
from .style import style_of
from .summary import SCALE, summary
from .tables import (
    cameras_table,
    findings_list,
    lenses_table,
    numbers_list,
    pairs_table,
    places_table,
    words,
)
from .words import HEADLINES, ReportNotes

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator, Sequence

    from napari_sdannce.calibration.findings import Verdict
    from napari_sdannce.calibration.quality.calibration_report import CalibrationReport
    from napari_sdannce.calibration.world import MeasuredPoints

    from .figure import Figure

NAMES = ("report.json", "report.html", "report.png")


def write_report(
    folder: str | os.PathLike[str],
    report: CalibrationReport,
    verdict: Verdict,
    *,
    extra: ReportNotes | None = None,
) -> tuple[Path, ...]:
    """Write report.json, report.html and report.png into a folder that has none.

    Parameters
    ----------
    folder
        Where to; there must be such a folder.
    report, verdict
        What to tell.
    extra
        What else to tell.

    Returns
    -------
    The three files.

    Raises
    ------
    FileExistsError
        When there is a report.
    OSError
        When it cannot be written, as on a full disk.
    """
    notes = extra or ReportNotes()
    goals = tuple(Path(folder) / name for name in NAMES)
    for goal in goals:
        check_free(goal)
    numbers = json.dumps(numbers_of(report, verdict, notes), indent=2, allow_nan=False)
    picture = to_png(summary(report, verdict, notes), SCALE)
    contents = (f"{numbers}\n".encode(), page(report, verdict, notes).encode(), picture)
    for goal, content in zip(goals, contents, strict=True):
        goal.write_bytes(content)
    return goals


def numbers_of(report: CalibrationReport, verdict: Verdict, notes: ReportNotes) -> dict[str, Any]:
    """What report.json holds."""
    findings = [
        {"grade": str(finding.grade), "text": finding.text, "camera": finding.camera}
        for finding in verdict.findings
    ]
    return {
        "verdict": {"grade": str(verdict.grade), "findings": findings},
        "board": notes.board,
        "source": notes.source,
        "settings": dict(notes.settings),
        "versions": dict(notes.versions),
        "files": notes.files,
        "measured_points": None if notes.measured is None else _lengths(notes.measured),
        **as_json(report),
    }


def _lengths(measured: MeasuredPoints) -> dict[str, Any]:
    """How measured points fit; None where cameras do not have one."""
    errors = [None if np.isnan(each) else float(each) for each in measured.errors_mm]
    return {
        "scale": measured.scale,
        "errors_mm": dict(zip(measured.labels, errors, strict=True)),
    }


def page(report: CalibrationReport, verdict: Verdict, notes: ReportNotes) -> str:
    """The report as one HTML page that needs nothing else."""
    names = ", ".join(camera.name for camera in report.cameras)
    parts = [
        f'<header class="banner"><h1>{words(HEADLINES[verdict.grade])}</h1>',
        f"<p>{words(_about(report, notes))}</p></header>",
        "<main>",
        f'<section class="findings">{findings_list(verdict)}</section>',
        f"<section><h2>The numbers</h2>{numbers_list(report)}</section>",
        f"<section><h2>Camera by camera</h2>{cameras_table(report)}</section>",
        *_figures(report, notes),
        "<section><h2>Lenses</h2><p>Each number and its standard deviation: what other recordings "
        "of the board would make it differ by. fx and fy are focal lengths, cx and cy where the "
        "lens looks straight ahead, the others how it bends.</p>",
        f"{lenses_table(report)}</section>",
        f"<section><h2>Where the cameras stand</h2><p>{_frame_words(notes)}</p>",
        f"{places_table(report, notes)}</section>",
        f"<section><h2>How it was made</h2>{pairs_table(_made(report, notes))}</section>",
        "</main>",
    ]
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>Calibration of {words(names)}</title>\n<style>{style_of(verdict.grade)}</style>\n"
        "</head>\n<body>\n" + "\n".join(parts) + "\n</body>\n</html>\n"
    )


def _about(report: CalibrationReport, notes: ReportNotes) -> str:
    n = len(report.cameras)
    cameras = f"{n} camera{'s' if n > 1 else ''}: {', '.join(c.name for c in report.cameras)}"
    return ". ".join(filter(None, (cameras, notes.board and f"Board: {notes.board}")))


def _frame_words(notes: ReportNotes) -> str:
    return "In the frame of the first camera." if notes.world is None else "In the world's frame."


def _made(report: CalibrationReport, notes: ReportNotes) -> tuple[tuple[str, str], ...]:
    pairs = [("Board", notes.board), ("Images", notes.source), *notes.settings, *notes.versions]
    seconds = f"{report.detect_s:.1f} s to find the board, {report.solution.seconds:.1f} s to solve"
    return (*(pair for pair in pairs if pair[1]), ("Time", seconds))


def _figures(report: CalibrationReport, notes: ReportNotes) -> Iterator[str]:
    yield from _of_the_rig(report, notes)
    yield from _of_errors(report)
    yield from _of_the_board(report)


def _of_the_rig(report: CalibrationReport, notes: ReportNotes) -> Iterator[str]:
    """The rig, and what each of its cameras saw and misses."""
    scene = scene_of(report, notes.world)
    up = "" if notes.world else " No floor was given: up is where most images have it."
    yield _shown(
        "The rig",
        "Cameras in green, a thick line at the upper edge of their images; boards in grey; dots "
        f"are positions, coloured by their error.{up}",
        [rig_from_above(report, scene), rig_from_the_side(report, scene)],
    )
    yield _shown(
        "Where the cameras miss",
        "Arrows lead from where a corner was found to where the calibration expects it. Arrows in "
        "all directions are noise; neighbours that all point the same way mean that the lens is "
        "not described well there, or that the board was blurred or not flat.",
        residual_maps(report.cameras, misses_of(report.solution)),
    )
    yield _shown(
        "Where the board was seen",
        "A lens is only known where the board was. Bring it to the orange parts, above all to "
        "those where animals will be.",
        coverage_maps(report.cameras),
    )


def _of_errors(report: CalibrationReport) -> Iterator[str]:
    """How large errors are, when, and of what boards."""
    sightings = sighting_errors(report.solution)
    yield _shown(
        "Large and small errors",
        "The further left, the better. Held-out errors that are much larger than fitted ones tell "
        "of too few frames.",
        [error_curve(report, misses_of(report.solution))],
    )
    yield _shown(
        "Errors in time",
        "A camera that was pushed is off from then on; a blurred board is off for a moment.",
        [errors_in_time(report, sightings)],
    )
    speed = errors_by_speed(sightings)
    if speed is not None:
        yield _shown(
            "Errors and motion",
            "Errors that grow with speed come of motion blur, or of cameras that do not take their "
            "images at the same time. The line is the median.",
            [speed],
        )


def _of_the_board(report: CalibrationReport) -> Iterator[str]:
    """Who saw it together, how it was held, and what that tells of lenses."""
    if len(report.cameras) > 1:
        yield _shown(
            "Which cameras saw the board together",
            "Frames that each pair shares; these tie cameras to each other. In grey: how often a "
            "camera saw enough of the board.",
            [shared_moments(report)],
        )
    yield _shown(
        "How the board was held",
        "Each dot is a board that a camera saw: how far away it was, and how much it was tilted "
        "against the image. Boards near and far, many of them above the dashed line, tell the "
        "focal length; of boards that all face a camera from one distance, larger and nearer look "
        "the same.",
        [stances_chart(report)],
    )
    yield _shown(
        "How well focal lengths are known",
        "One standard deviation. Boards that are tilted, near and far make it smaller.",
        [focal_bars(report)],
    )


def _shown(title: str, caption: str, figures: Sequence[Figure]) -> str:
    drawn = "\n".join(to_svg(figure) for figure in figures)
    one = ' class="one"' if len(figures) == 1 else ""  # printed on one sheet
    return (
        f"<section{one}><h2>{words(title)}</h2>\n<figure><figcaption>{words(caption)}</figcaption>\n"
        f'<div class="figures">{drawn}</div></figure></section>'
    )
