"""Axes of charts, and numbers and colours as they are shown in reports."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from napari_sdannce.calibration.shown import shown

from .figure import FAINT, INK, PANEL, Lines, Rectangle, Text, rgb_of

if TYPE_CHECKING:
    from .figure import Shape

FloatArray = npt.NDArray[np.float64]

BLUE, ORANGE, RED, GREEN = "#2f7fc1", "#e08a1e", "#cf3a30", "#2e9d5b"
SMALL = 11.0
_RAMP = (BLUE, ORANGE, RED)
BINS = 7
"""Colours of a ramp."""


def round_number(value: float) -> float:
    """1, 2 or 5 times a power of ten, next below.

    Examples
    --------
    >>> round_number(37.0), round_number(0.6), round_number(5.0)
    (20.0, 0.5, 5.0)
    """
    power = float(np.floor(np.log10(value)))
    return next(
        each * 10**power
        for each in (5.0, 2.0, 1.0)
        if each <= value / 10**power * (1 + 1e-9) or each == 1
    )


def ticks(low: float, high: float, most: int = 6) -> FloatArray:
    """Round numbers within a range.

    Examples
    --------
    >>> ticks(0, 1.1, 6).tolist()
    [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]
    """
    span = max(high - low, 1e-12)
    step = round_number(span)
    for factor in (0.1, 0.2, 0.5, 1.0):
        step = round_number(span) * factor
        if span / step < most:
            break
    first = np.ceil(low / step - 1e-9)
    return np.asarray(step * np.arange(first, np.floor(high / step + 1e-9) + 1) + 0.0).round(12)


def ramp(share: float) -> str:
    """Colour from blue, for 0, by orange to red, for 1; these differ in lightness, too."""
    place = float(np.clip(np.nan_to_num(share), 0, 1)) * (len(_RAMP) - 1)
    low = min(int(place), len(_RAMP) - 2)
    ends = np.array([rgb_of(_RAMP[low]), rgb_of(_RAMP[low + 1])], dtype=float)
    mixed = np.rint(ends[0] + (place - low) * (ends[1] - ends[0])).astype(np.uint8)
    return f"#{bytes(mixed).hex()}"


def bins_of(values: FloatArray, most: float) -> npt.NDArray[np.int64]:
    """(N,) which of the `BINS` colours from 0 to `most` values have."""
    share = np.clip(np.nan_to_num(values / max(most, 1e-12)), 0, 1)
    return np.minimum((share * BINS).astype(np.int64), BINS - 1)


def bin_color(index: int) -> str:
    """Colour of a bin."""
    return ramp(index / (BINS - 1))


@dataclass(frozen=True, slots=True)
class Axes:
    """Area of a chart, px, and what range it shows.

    Parameters
    ----------
    x_range, y_range
        From the left to the right, and from the bottom to the top.
    log_x
        Whether steps to the right multiply.
    """

    x: float
    y: float
    width: float
    height: float
    x_range: tuple[float, float]
    y_range: tuple[float, float]
    log_x: bool = False

    def at(self, points: FloatArray) -> FloatArray:
        """(..., 2) px of values (..., 2)."""
        x, y = points[..., 0], points[..., 1]
        low, high = self.x_range
        if self.log_x:
            with np.errstate(divide="ignore"):
                x = np.log10(np.maximum(x, low / 10))
            low, high = float(np.log10(low)), float(np.log10(high))
        across = (x - low) / (high - low)
        up = (y - self.y_range[0]) / (self.y_range[1] - self.y_range[0])
        return np.stack([self.x + across * self.width, self.y + (1 - up) * self.height], axis=-1)

    def shapes(self, x_ticks: FloatArray, y_ticks: FloatArray) -> tuple[Shape, ...]:
        """Ground, grid, and numbers at the axes."""
        found: list[Shape] = [Rectangle(self.x, self.y, self.width, self.height, PANEL)]
        bottom, right = self.y + self.height, self.x + self.width
        for value in y_ticks:
            y = float(self.at(np.array([self.x_range[0], value]))[1])
            found.append(Lines(np.array([[[self.x, y], [right, y]]]), FAINT, 0.8))
            found.append(Text(self.x - 6, y + 4, shown(float(value)), SMALL, INK, "end"))
        for value in x_ticks:
            x = float(self.at(np.array([value, self.y_range[0]]))[0])
            found.append(Lines(np.array([[[x, self.y], [x, bottom]]]), FAINT, 0.8))
            found.append(Text(x, bottom + 15, shown(float(value), 6), SMALL, INK, "middle"))
        return tuple(found)
