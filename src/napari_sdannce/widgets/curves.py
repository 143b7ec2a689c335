"""Curves of a training: its loss, and its error on frames it does not learn from."""

from __future__ import annotations

from itertools import cycle
from typing import TYPE_CHECKING

import numpy as np
import pyqtgraph as pg
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QLabel, QSizePolicy, QVBoxLayout, QWidget

from napari_sdannce.jobs.course import is_loss

if TYPE_CHECKING:
    from napari_sdannce.jobs.course import Course, Curve

_ERRORS = {
    "euclidean_distance_3D": "Mean error, mm",
    "peak_distance_px": "Error in the image, px",
}
_TRAIN = "#7aa6ff"
_VALIDATIONS = ("#ffb347", "#6fcf97", "#d78bff", "#ff7b9c", "#c9c94f")
_MOST_POINTS = 2000
_WIDE_SPAN = 10.0
_HEIGHT = 150


class Curves(QWidget):
    """Two plots over training steps."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.loss = _plot("Loss")
        self.error = _plot("Error")
        self.error.setXLink(self.loss)
        self.error.setLabel("bottom", "steps")
        self.nothing = QLabel("The curves begin with the first steps.")
        self.nothing.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.nothing.setWordWrap(True)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.nothing, stretch=1)
        layout.addWidget(self.loss, stretch=1)
        layout.addWidget(self.error, stretch=1)

    def show_course(self, course: Course) -> None:
        """Draw what a training told so far."""
        self.nothing.setVisible(not course.losses.steps)
        self.loss.setVisible(bool(course.losses.steps))
        self.error.setVisible(course.error is not None)
        for plot in (self.loss, self.error):
            plot.clear()
        self._draw_losses(course)
        self._draw_errors(course)

    def _draw_losses(self, course: Course) -> None:
        """Loss of the steps, and of the validation: when it is a sum, of each of its parts."""
        steps, values = _smooth(course.losses)
        self.loss.setLogMode(y=_needs_log(values))
        self.loss.plot(steps, values, pen=pg.mkPen(_TRAIN, width=1.5), name="training")
        parts = [name for name in course.curves if name.startswith("val_") and is_loss(name)]
        for name, color in zip(parts, cycle(_VALIDATIONS)):
            what = "" if len(parts) == 1 else f" {name.removeprefix('val_')}"
            _line(self.loss, course.curves[name], f"validation{what}", color)

    def _draw_errors(self, course: Course) -> None:
        if course.error is None:
            return
        what = course.error[0]
        for stage, label, color in (
            ("train", "training", _TRAIN),
            ("val", "validation", _VALIDATIONS[0]),
        ):
            if f"{stage}_{what}" in course.curves:
                _line(self.error, course.curves[f"{stage}_{what}"], label, color)
        self.error.setTitle(_ERRORS.get(what, "Error"), size="9pt")


def _needs_log(values: np.ndarray) -> bool:
    """Whether values span so much that small ones would lie on the axis."""
    positive = values[values > 0]
    wide = len(positive) > 0 and positive.max() > _WIDE_SPAN * positive.min()
    return bool(wide and len(positive) == len(values))


def _plot(title: str) -> pg.PlotWidget:
    plot = pg.PlotWidget(background=None)
    plot.setTitle(title, size="9pt")
    plot.showGrid(x=True, y=True, alpha=0.2)
    plot.addLegend(offset=(-5, 5), labelTextSize="8pt")
    plot.setMenuEnabled(False)
    plot.hideButtons()
    plot.setMinimumHeight(_HEIGHT)
    # it would ask for 480 px, and its page for a scroll bar
    plot.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Ignored)
    plot.getAxis("left").setWidth(42)
    return plot


def _line(plot: pg.PlotWidget, curve: Curve, name: str, color: str) -> None:
    plot.plot(
        np.array(curve.steps),
        np.array(curve.values),
        pen=pg.mkPen(color, width=1.5),
        symbol="o",
        symbolSize=5,
        symbolBrush=color,
        symbolPen=None,
        name=name,
    )


def _smooth(curve: Curve) -> tuple[np.ndarray, np.ndarray]:
    """A curve with few enough points to be drawn at once: each the mean of its neighbours."""
    steps, values = np.array(curve.steps), np.array(curve.values)
    width = -(-len(values) // _MOST_POINTS)
    if width <= 1:
        return steps, values
    whole = len(values) // width * width
    return tuple(each[:whole].reshape(-1, width).mean(axis=1) for each in (steps, values))
