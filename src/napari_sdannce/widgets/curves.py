"""Curves of a training: its loss, and its error on frames it does not learn from."""

from __future__ import annotations

from itertools import cycle
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyqtgraph as pg
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QLabel, QSizePolicy, QVBoxLayout, QWidget

from napari_sdannce.jobs.course import is_loss

if TYPE_CHECKING:
    from napari_sdannce.jobs.course import Course, Curve

FloatArray = npt.NDArray[np.float64]

_ERRORS = {
    "euclidean_distance_3D": "Mean error, mm",
    "peak_distance_px": "Error in the image, px",
}
_TRAIN = "#7aa6ff"
_VALIDATIONS = ("#ffb347", "#6fcf97", "#d78bff", "#ff7b9c", "#c9c94f")
_MOST_POINTS = 2000
_WIDE_SPAN = 10.0
_HEIGHT = 150


class NamedPlot(QWidget):
    """A plot over training steps; what its curves are is said above, where no curve is covered."""

    def __init__(self, title: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.title = title
        self._names: list[tuple[str, str]] = []
        self.names = QLabel()
        self.names.setWordWrap(True)
        self.names.setStyleSheet("font-size: 11px")
        self.area = pg.PlotWidget(background=None)
        self.area.showGrid(x=True, y=True, alpha=0.2)
        self.area.setMenuEnabled(False)
        self.area.hideButtons()
        self.area.setMinimumHeight(_HEIGHT)
        # it would ask for 480 px, and its page for a scroll bar
        self.area.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Ignored)
        self.area.getAxis("left").setWidth(42)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 4, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.names)
        layout.addWidget(self.area, stretch=1)

    def clear(self) -> None:
        """Take all curves away."""
        self.area.clear()
        self._names.clear()
        self._write()

    def draw(self, steps: FloatArray, values: FloatArray, name: str, color: str) -> None:
        """Draw a curve."""
        self.area.plot(steps, values, pen=pg.mkPen(color, width=1.5), name=name)
        self._add(name, color)

    def draw_dots(self, curve: Curve, name: str, color: str) -> None:
        """Draw a curve of few values, a dot each."""
        self.area.plot(
            np.array(curve.steps),
            np.array(curve.values),
            pen=pg.mkPen(color, width=1.5),
            symbol="o",
            symbolSize=5,
            symbolBrush=color,
            symbolPen=None,
            name=name,
        )
        self._add(name, color)

    def _add(self, name: str, color: str) -> None:
        self._names.append((name, color))
        self._write()

    def _write(self) -> None:
        # a name and its line stay together where the row is wrapped
        parts = [
            f'<span style="color: {color}">━</span>&nbsp;{name.replace(" ", "&nbsp;")}'
            for name, color in self._names
        ]
        self.names.setText(" &nbsp; ".join([f"<b>{self.title}</b>", *parts]))


class Curves(QWidget):
    """Two plots over training steps."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.loss = NamedPlot("Loss")
        self.error = NamedPlot("Error")
        self.error.area.setXLink(self.loss.area)
        self.error.area.setLabel("bottom", "steps")
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
        self.loss.area.setLogMode(y=_needs_log(values))
        self.loss.draw(steps, values, "training", _TRAIN)
        parts = [name for name in course.curves if name.startswith("val_") and is_loss(name)]
        for name, color in zip(parts, cycle(_VALIDATIONS)):
            what = "" if len(parts) == 1 else f" {name.removeprefix('val_')}"
            self.loss.draw_dots(course.curves[name], f"validation{what}", color)

    def _draw_errors(self, course: Course) -> None:
        if course.error is None:
            return
        what = course.error[0]
        self.error.title = _ERRORS.get(what, "Error")
        for stage, label, color in (
            ("train", "training", _TRAIN),
            ("val", "validation", _VALIDATIONS[0]),
        ):
            if f"{stage}_{what}" in course.curves:
                self.error.draw_dots(course.curves[f"{stage}_{what}"], label, color)


def _needs_log(values: np.ndarray) -> bool:
    """Whether values span so much that small ones would lie on the axis."""
    positive = values[values > 0]
    wide = len(positive) > 0 and positive.max() > _WIDE_SPAN * positive.min()
    return bool(wide and len(positive) == len(values))


def _smooth(curve: Curve) -> tuple[np.ndarray, np.ndarray]:
    """A curve with few enough points to be drawn at once: each the mean of its neighbours."""
    steps, values = np.array(curve.steps), np.array(curve.values)
    width = -(-len(values) // _MOST_POINTS)
    if width <= 1:
        return steps, values
    whole = len(values) // width * width
    return tuple(each[:whole].reshape(-1, width).mean(axis=1) for each in (steps, values))
