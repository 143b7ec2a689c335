"""Tables and lists of a calibration's report, as HTML in which every word is escaped."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

import numpy as np

from napari_sdannce.calibration.findings import Grade
from napari_sdannce.calibration.shown import shown

from .figure_svg import allowed
from .words import GROUPS, findings_of, key_numbers, spread, with_unit

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from napari_sdannce.calibration.findings import Verdict
    from napari_sdannce.calibration.quality.calibration_report import (
        CalibrationReport,
        CameraReport,
    )

    from .words import Pairs, ReportNotes

FOCAL = ("fx", "fy", "cx", "cy", "skew")


def words(text: str) -> str:
    """Text as HTML."""
    return escape(allowed(text))


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Table whose rows begin with a name."""
    head = "".join(f'<th scope="col">{words(each)}</th>' for each in heads)
    body = "\n".join(
        f'<tr><th scope="row">{words(row[0])}</th>'
        + "".join(f"<td>{words(cell)}</td>" for cell in row[1:])
        + "</tr>"
        for row in rows
    )
    return (
        f'<div class="wide"><table><thead><tr>{head}</tr></thead>\n'
        f"<tbody>\n{body}\n</tbody></table></div>"
    )


def findings_list(verdict: Verdict) -> str:
    """What to record again, and what else there is to know."""
    parts = []
    for grade in (Grade.RECORD_AGAIN, Grade.USABLE, Grade.GOOD):
        found = findings_of(verdict, grade)
        if found:
            items = "\n".join(f"<li>{words(finding.text)}</li>" for finding in found)
            parts.append(f"<h2>{GROUPS[grade]}</h2>\n<ul>\n{items}\n</ul>")
    return "\n".join(parts) or "<p>Nothing was found that would have to be recorded again.</p>"


def numbers_list(report: CalibrationReport) -> str:
    """Key numbers with what they mean."""
    items = "\n".join(
        f"<div><dt>{words(number.title)}</dt><dd><strong>{words(number.value)}</strong>"
        f"<span>{words(number.meaning)}</span></dd></div>"
        for number in key_numbers(report)
    )
    return f'<dl class="numbers">\n{items}\n</dl>'


def cameras_table(report: CalibrationReport) -> str:
    """How good each camera is."""
    heads: tuple[str, ...] = (
        "Camera", "Image, px", "Saw the board", "Corners", "Left out", "Fitted error",
        "Held-out error", "Focal length known to", "Image covered", "Late by",
    )  # fmt: skip
    rows = [_camera_row(camera) for camera in report.cameras]
    if all(camera.offset is None for camera in report.cameras):
        heads, rows = heads[:-1], [row[:-1] for row in rows]
    return table(heads, rows)


def _camera_row(camera: CameraReport) -> tuple[str, ...]:
    held, offset = camera.held_out, camera.offset
    width, height = camera.image_size
    return (
        camera.name,
        f"{width} × {height}",
        f"{camera.sightings} times",
        str(camera.corners),
        str(camera.left_out),
        with_unit(camera.errors.median, "px"),
        "not tested" if held is None else with_unit(held.median, "px"),
        f"{shown(100 * camera.focal_sigma, 2)} %",
        f"{100 * camera.covered:.0f} %",
        "not known" if offset is None else _late(offset.frames, offset.sigma),
    )


def _late(frames: float, sigma: float) -> str:
    """Hundredths of a frame are enough; + 0.0 makes -0.0 a plain zero."""
    if frames == 0 and sigma == 0:
        return "reference"
    return f"{round(frames, 2) + 0.0:.2f} ± {sigma:.2f} frames"


def lenses_table(report: CalibrationReport) -> str:
    """Intrinsic numbers, with standard deviations."""
    terms = [name for name in report.cameras[0].numbers if name not in FOCAL]
    skewed = any(camera.numbers["skew"] for camera in report.cameras)
    names = [*(name for name in FOCAL if skewed or name != "skew"), *terms]
    units = [f"{name}, px" if name in FOCAL else name for name in names]
    rows = (
        [camera.name, *(spread(camera.numbers[name], camera.sigmas[name]) for name in names)]
        for camera in report.cameras
    )
    return table(["Camera", *units], rows)


def places_table(report: CalibrationReport, notes: ReportNotes) -> str:
    """Where cameras stand, mm."""
    centres = report.solution.fit.rig.cameras.inverse.translation
    if notes.world is not None:
        centres = notes.world.points(centres)
    first = centres - centres[0]
    rows = (
        [
            camera.name,
            *(f"{value:.1f}" for value in centre.round(1) + 0.0),
            f"{np.linalg.norm(off):.1f}",
        ]
        for camera, centre, off in zip(report.cameras, centres, first, strict=True)
    )
    return table(["Camera", "x, mm", "y, mm", "z, mm", "From the first camera, mm"], rows)


def pairs_table(pairs: Pairs) -> str:
    """Names and values."""
    return table(["", ""], pairs) if pairs else ""
