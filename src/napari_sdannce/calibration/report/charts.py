"""Charts of a calibration's errors: how large, when, how fast the board was, between whom."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from napari_sdannce.calibration.detection.hints import ENOUGH_SHARED
from napari_sdannce.calibration.quality.camera_findings import FOCAL_SIGMA
from napari_sdannce.calibration.shown import shown

from .axes import BLUE, GREEN, ORANGE, RED, SMALL, Axes, ticks
from .camera_views import EMPTY, count_colors, spread_out
from .figure import INK, PANEL, Circles, Figure, Lines, Polyline, Rectangle, Text, shortened

if TYPE_CHECKING:
    from napari_sdannce.calibration.quality.calibration_report import CalibrationReport
    from napari_sdannce.calibration.quality.misses import Misses, SightingErrors

    from .figure import Shape

FloatArray = npt.NDArray[np.float64]

WIDTH = 660
_LEFT, _RIGHT = 56, 20
_NAMES = 190.0
_CURVE_POINTS = 160
_LEAST_SPEEDS = 20
_MOST_DOTS = 1000
"""In a strip; of more, nothing is seen."""
_STRIP, _STRIP_HEAD = 74.0, 22.0
_GOOD_FOCAL = 100 * FOCAL_SIGMA
"""Percent; of focal lengths less well known, the verdict speaks."""


def error_curve(report: CalibrationReport, misses: Misses) -> Figure:
    """Which share of the corners is missed by how much at most, fitted and held out."""
    held = report.held_out
    curves = [("fitted", misses.lengths, BLUE)]
    if held is not None:
        curves.append(("held out", held.lengths[np.isfinite(held.lengths)], GREEN))
    curves = [curve for curve in curves if len(curve[1])]
    everything = np.concatenate([np.ones(0), *(curve[1] for curve in curves)])
    axes = Axes(_LEFT, 34, WIDTH - _LEFT - _RIGHT, 220, _decades(everything), (0, 100), log_x=True)
    decades = 10.0 ** np.arange(np.log10(axes.x_range[0]), np.log10(axes.x_range[1]) + 0.5)
    shapes: list[Shape] = [
        *axes.shapes(decades, np.array([0.0, 25, 50, 75, 100])),
        Text(4, 20, "% of the corners are missed by less than so many px", SMALL),
    ]
    x = float(_LEFT)
    for name, lengths, color in curves:
        shares = np.linspace(0, 100, _CURVE_POINTS)
        points = np.stack([np.percentile(lengths, shares), shares], axis=1)
        points = points[points[:, 0] >= axes.x_range[0]]
        median = float(np.median(lengths))
        shapes += [
            Polyline(axes.at(points), color, 2),
            Circles(axes.at(np.array([[median, 50.0]])), 4, color),
            Lines(np.array([[[x, 283], [x + 18, 283]]]), color, 2),
            Text(x + 24, 287, f"{name}: half of them by less than {shown(median)} px", SMALL),
        ]
        x += 300
    return Figure(WIDTH, 296, tuple(shapes), "Errors of all corners, from small to large")


def _decades(lengths: FloatArray) -> tuple[float, float]:
    """Powers of ten between which nearly all lengths are."""
    if not len(lengths):
        return 0.1, 1.0
    low, high = np.log10(np.maximum(np.percentile(lengths, [2, 100]), 1e-4))
    least = float(np.floor(low))
    return 10**least, 10 ** max(float(np.ceil(high)), least + 1)


def errors_in_time(report: CalibrationReport, sightings: SightingErrors) -> Figure:
    """Error of each sighting by its moment, camera under camera.

    A camera that was pushed stays off from then on; a blurred board is off at a moment.
    """
    names, moments = [camera.name for camera in report.cameras], report.solution.detections.moments
    high = _highest(sightings.median_px[~sightings.left_out])
    ends = _around(float(moments.min()), float(moments.max()))
    shapes: list[Shape] = []
    for view, name in enumerate(names):
        top = view * (_STRIP + _STRIP_HEAD) + _STRIP_HEAD
        axes = Axes(_LEFT, top, WIDTH - _LEFT - _RIGHT, _STRIP - 8, ends, (0, high))
        last = view == len(names) - 1
        x_ticks = ticks(*ends, 9) if last else np.zeros(0)
        shapes += axes.shapes(x_ticks, ticks(0, high, 4))
        label = shortened(name, 12, WIDTH - _LEFT - _RIGHT, bold=True)
        shapes.append(Text(_LEFT, top - 6, label, 12, bold=True))
        own = sightings.view == view
        for out, color in ((False, BLUE), (True, ORANGE)):
            mine = spread_out(np.flatnonzero(own & (sightings.left_out == out)), _MOST_DOTS)
            points = np.stack([sightings.moment[mine], np.minimum(sightings.median_px[mine], high)])
            shapes.append(Circles(axes.at(points.T.astype(float)), 2.2, color))
        for push in report.solution.fit.pushes:
            if push.view == view:
                shapes += _pushed(axes, float(moments[push.moment]))
    bottom = len(names) * (_STRIP + _STRIP_HEAD)
    shapes += _time_key(bottom + 36, bool(sightings.left_out.any()))
    return Figure(WIDTH, round(bottom + 46), tuple(shapes), "Error at each moment")


def _highest(values: FloatArray) -> float:
    """Upper end of an axis: nearly all are below, and those above are drawn at the edge."""
    known = values[np.isfinite(values)]
    return max(2.0 * float(np.percentile(known, 90)), 1e-3) if len(known) else 1.0


def _around(low: float, high: float) -> tuple[float, float]:
    margin = max(0.02 * (high - low), 0.5)
    return low - margin, high + margin


def _pushed(axes: Axes, moment: float) -> tuple[Shape, ...]:
    x = float(axes.at(np.array([moment, 0.0]))[0])
    line = np.array([[[x, axes.y], [x, axes.y + axes.height]]])
    right = x > axes.x + axes.width - 80
    return (
        Lines(line, RED, 1.6, dashed=True),
        Text(
            x + (-5 if right else 5), axes.y + 12, "pushed", SMALL, INK, "end" if right else "start"
        ),
    )


def _time_key(y: float, left_out: bool) -> tuple[Shape, ...]:
    words = "px, median of a camera's corners at a moment; those at the upper edge are larger"
    found: list[Shape] = [
        Circles(np.array([[_LEFT + 4.0, y - 4]]), 2.2, BLUE),
        Text(_LEFT + 12, y, words, SMALL),
        Text(WIDTH - _RIGHT, y - 14, "frame", SMALL, anchor="end"),
    ]
    if left_out:
        x = WIDTH - _RIGHT - 58.0
        found += [Circles(np.array([[x, y - 4]]), 2.2, ORANGE), Text(x + 8, y, "left out", SMALL)]
    return tuple(found)


def errors_by_speed(sightings: SightingErrors) -> Figure | None:
    """Error of each sighting by how fast the board moved in the image.

    Returns
    -------
    None where speeds are not known, as of boards that were looked at now and then.
    """
    known = np.isfinite(sightings.speed) & np.isfinite(sightings.median_px) & ~sightings.left_out
    if known.sum() < _LEAST_SPEEDS:
        return None
    speed, error = sightings.speed[known], sightings.median_px[known]
    right, high = max(float(np.percentile(speed, 99)), 1e-3), _highest(error)
    axes = Axes(_LEFT, 34, WIDTH - _LEFT - _RIGHT, 180, (0, right), (0, high))
    points = np.stack([np.minimum(speed, right), np.minimum(error, high)], axis=1)
    edges = np.percentile(speed, np.linspace(0, 100, 8))
    groups = [(speed >= a) & (speed <= b) for a, b in pairwise(edges)]
    middles = np.array([[np.median(speed[own]), np.median(error[own])] for own in groups])
    shapes = (
        *axes.shapes(ticks(0, right, 9), ticks(0, high)),
        Text(4, 20, "error, px", SMALL),
        Circles(axes.at(spread_out(points, 3 * _MOST_DOTS)), 2, BLUE),
        Polyline(axes.at(np.minimum(middles, (right, high))), INK, 2),
        Text(WIDTH - _RIGHT, 246, "how fast the board moved in the image, px a frame", SMALL,
             anchor="end"),
    )  # fmt: skip
    return Figure(WIDTH, 256, shapes, "Errors by how fast the board moved")


def shared_moments(report: CalibrationReport) -> Figure:
    """How many moments each pair of cameras shares; on the diagonal, how many each saw."""
    names = [camera.name for camera in report.cameras]
    cell = min(44.0, (WIDTH - _NAMES - 60) / len(names))
    left, top = _NAMES + 40, 26.0
    shared = report.shared
    between = shared[~np.eye(len(names), dtype=bool)]
    most = int(between.max()) if len(between) else 1
    shapes: list[Shape] = []
    for row, name in enumerate(names):
        y = top + row * cell
        shapes.append(Text(left - 10, y + cell / 2 + 4, str(row + 1), SMALL, anchor="end"))
        label = shortened(name, 12, _NAMES)
        shapes.append(Text(left - 34, y + cell / 2 + 4, label, 12, anchor="end"))
        shapes.append(
            Text(left + (row + 0.5) * cell, top - 8, str(row + 1), SMALL, anchor="middle")
        )
        for column in range(len(names)):
            own, count = row == column, int(shared[row, column])
            few = not own and count < ENOUGH_SHARED
            fill, ink = (PANEL, INK) if own else count_colors(0 if few else count, max(most, 1))
            x = left + column * cell
            shapes.append(Rectangle(x + 0.5, y + 0.5, cell - 1, cell - 1, fill))
            size = min(12.0, cell / 2.6)
            shapes.append(Text(x + cell / 2, y + cell / 2 + 4, str(count), size, ink, "middle"))
    bottom = top + len(names) * cell + 10
    shapes += [
        Rectangle(left, bottom, 12, 12, EMPTY),
        Text(left + 18, bottom + 10, f"fewer than {ENOUGH_SHARED}: show the board to both", SMALL),
    ]
    return Figure(WIDTH, round(bottom + 20), tuple(shapes), "Moments that pairs of cameras share")


def focal_bars(report: CalibrationReport) -> Figure:
    """How well each camera's focal length is known, percent."""
    percent = [100 * camera.focal_sigma for camera in report.cameras]
    known = [value for value in percent if np.isfinite(value)]
    most = max([*known, 1.25 * _GOOD_FOCAL])
    left, row = _NAMES + 16, 22.0
    wide = WIDTH - left - 70
    shapes: list[Shape] = []
    for i, (camera, value) in enumerate(zip(report.cameras, percent, strict=True)):
        y = 8 + i * row
        label = shortened(camera.name, 12, _NAMES)
        length = wide * value / most if np.isfinite(value) else 0.0
        color = BLUE if value <= _GOOD_FOCAL else ORANGE
        shapes += [
            Text(left - 8, y + 13, label, 12, anchor="end"),
            Rectangle(left, y + 2, max(length, 1.0), row - 6, color),
            Text(left + length + 6, y + 13, f"{shown(value, 2)} %", SMALL),
        ]
    x, bottom = left + wide * _GOOD_FOCAL / most, 8 + len(percent) * row
    shapes.append(Lines(np.array([[[x, 4], [x, bottom]]]), INK, 1.0, dashed=True))
    shapes.append(
        Text(x, bottom + 14, f"good enough: {shown(_GOOD_FOCAL)} %", SMALL, anchor="middle")
    )
    return Figure(WIDTH, round(bottom + 22), tuple(shapes), "How well focal lengths are known")
