"""Chart of how the board was held before each camera."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_sdannce.calibration.detection.stance import TILTED

from .axes import BLUE, SMALL, Axes, ticks
from .camera_views import spread_out
from .figure import INK, Circles, Figure, Lines, Text, short_names

if TYPE_CHECKING:
    from napari_sdannce.calibration.quality.calibration_report import (
        CalibrationReport,
        CameraReport,
    )

    from .figure import Shape

WIDTH = 660
_COLUMNS = 3
_LEFT, _GAP, _RIGHT = 36.0, 36.0, 14.0
_WIDE = (WIDTH - _LEFT - (_COLUMNS - 1) * _GAP - _RIGHT) / _COLUMNS
_TOP, _HEAD, _TALL, _FOOT = 26.0, 22.0, 110.0, 28.0
_ROW = _HEAD + _TALL + _FOOT
_NAME = 12.0
_STEEPEST = 90.0
_TILTS = np.array([0.0, 30, 60, 90])
_MOST_DOTS = 500
"""Of a camera; of more, nothing is seen."""


def stances_chart(report: CalibrationReport) -> Figure:
    """How far away each board was, and how much it was tilted, camera beside camera."""
    cameras = report.cameras
    names = short_names([camera.name for camera in cameras], _NAME, _WIDE / 1.08)
    ends = _ends(report)
    shapes: list[Shape] = [
        Text(4, 16, "tilt, degrees; boards above the dashed line are tilted well", SMALL)
    ]
    for place, (camera, name) in enumerate(zip(cameras, names, strict=True)):
        row, column = divmod(place, _COLUMNS)
        x, y = _LEFT + column * (_WIDE + _GAP), _TOP + row * _ROW + _HEAD
        axes = Axes(x, y, _WIDE, _TALL, ends, (0, _STEEPEST))
        shapes.append(Text(x, y - 6, name, _NAME, bold=True))
        shapes += axes.shapes(ticks(*ends, 4), _TILTS)
        shapes += _stances(camera, axes)
    bottom = _TOP + -(-len(cameras) // _COLUMNS) * _ROW
    words = "distance from the camera to the middle of the board, mm"
    shapes.append(Text(WIDTH - _RIGHT, bottom + 8, words, SMALL, anchor="end"))
    return Figure(WIDTH, round(bottom + 16), tuple(shapes), "How the board was held")


def _ends(report: CalibrationReport) -> tuple[float, float]:
    """Distances between which all boards were, mm, the same for all cameras."""
    far = np.concatenate([camera.stances.distances for camera in report.cameras])
    if not len(far):
        return 0.0, 1000.0
    margin = 0.05 * float(np.ptp(far)) + 0.01 * float(far.max())
    return float(far.min()) - margin, float(far.max()) + margin


def _stances(camera: CameraReport, axes: Axes) -> tuple[Shape, ...]:
    """A camera's boards, and the tilt from which they tell much."""
    own = camera.stances
    dots = spread_out(np.stack([own.distances, own.tilts], axis=1), _MOST_DOTS)
    limit = np.array([[axes.x_range[0], TILTED], [axes.x_range[1], TILTED]])
    return (
        Lines(axes.at(limit)[None], INK, 1.0, dashed=True),
        Circles(axes.at(dots), 2.2, BLUE),
    )
