"""A calibration's report as one picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_sdannce.calibration.quality.misses import misses_of

from .axes import SMALL
from .camera_views import residual_maps
from .figure import Figure, Rectangle, Text, shortened, wrapped
from .rig_views import HEIGHT as RIG_HEIGHT
from .rig_views import WIDTH as RIG_WIDTH
from .rig_views import rig_from_above, rig_from_the_side, scene_of
from .style import GRADE_COLORS, GRADE_INKS
from .words import HEADLINES, key_numbers

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from napari_sdannce.calibration.findings import Verdict
    from napari_sdannce.calibration.quality.calibration_report import CalibrationReport

    from .figure import Shape
    from .words import ReportNotes

WIDTH = 1360
SCALE = 2.0
"""Pixels of report.png a pixel of the figure."""
_MARGIN, _GAP = 24, 16
_MOST_LINES = 9
_COLUMNS = 4


def summary(report: CalibrationReport, verdict: Verdict, notes: ReportNotes) -> Figure:
    """Verdict, key numbers, the rig and residual maps in one picture."""
    shapes: list[Shape] = []
    top = _banner(shapes, verdict)
    top = _numbers(shapes, report, top)
    scene = scene_of(report, notes.world)
    x = _MARGIN + (WIDTH - 2 * _MARGIN - 2 * RIG_WIDTH) // 4
    shapes += rig_from_above(report, scene).placed(x, top)
    shapes += rig_from_the_side(report, scene).placed(WIDTH - x - RIG_WIDTH, top)
    misses = misses_of(report.solution)
    maps = residual_maps(report.cameras, misses)
    bottom = _in_rows(shapes, maps, top + RIG_HEIGHT + _GAP)
    source = shortened(" · ".join(filter(None, (notes.source, notes.board))), SMALL, WIDTH - 48)
    shapes.append(Text(_MARGIN, bottom + 12, source, SMALL))
    return Figure(WIDTH, round(bottom + 28), tuple(shapes), "Calibration report")


def _banner(shapes: list[Shape], verdict: Verdict) -> float:
    """Draw the verdict; how far down it reaches, px."""
    lines = list(_lines_of(verdict))
    height = 62 + 20 * len(lines)
    ink = GRADE_INKS[verdict.grade]
    shapes.append(Rectangle(0, 0, WIDTH, height, GRADE_COLORS[verdict.grade]))
    shapes.append(Text(_MARGIN, 40, HEADLINES[verdict.grade], 26, ink, bold=True))
    for i, line in enumerate(lines):
        shapes.append(Text(_MARGIN, 66 + 20 * i, line, 14, ink))
    return height + _GAP


def _lines_of(verdict: Verdict) -> Iterator[str]:
    lines: list[str] = []
    for i, finding in enumerate(verdict.findings):
        more = list(wrapped(f"– {finding.text}", 14, WIDTH - 2 * _MARGIN))
        if len(lines) + len(more) > _MOST_LINES:
            lines.append(f"– and {len(verdict.findings) - i} more: see report.html")
            break
        lines += more
    yield from lines


def _numbers(shapes: list[Shape], report: CalibrationReport, top: float) -> float:
    numbers = key_numbers(report)
    wide = (WIDTH - 2 * _MARGIN) / len(numbers)
    for i, number in enumerate(numbers):
        x = _MARGIN + i * wide
        value = shortened(number.value, 20, wide - 8, bold=True)
        shapes.append(Text(x, top + 14, number.title, 13))
        shapes.append(Text(x, top + 40, value, 20, bold=True))
    return top + 40 + _GAP


def _in_rows(shapes: list[Shape], figures: Sequence[Figure], top: float) -> float:
    """Draw figures side by side, a few in a row."""
    step = (WIDTH - 2 * _MARGIN) / _COLUMNS
    for first in range(0, len(figures), _COLUMNS):
        row = figures[first : first + _COLUMNS]
        for i, figure in enumerate(row):
            shapes += figure.placed(_MARGIN + i * step, top)
        top += max(figure.height for figure in row) + _GAP
    return top
