"""A tiny vector drawing: shapes of a figure, to be drawn as SVG or as an image.

Colours are ``#rrggbb``, or the name of a part that a page may show light or dark.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, Protocol, Self

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

FloatArray = npt.NDArray[np.float64]
Anchor = Literal["start", "middle", "end"]

INK, FAINT, PAPER, PANEL = "ink", "faint", "paper", "panel"
PARTS = {INK: "#1d232b", FAINT: "#b9c1cb", PAPER: "#ffffff", PANEL: "#f2f4f7"}
"""Colours of the parts that a page may show light or dark, when it is light."""


def rgb_of(color: str) -> tuple[int, int, int]:
    """Red, green and blue, 0 to 255.

    Examples
    --------
    >>> rgb_of("#ff8000"), rgb_of("paper")
    ((255, 128, 0), (255, 255, 255))
    """
    digits = PARTS.get(color, color).removeprefix("#")
    red, green, blue = (int(digits[i : i + 2], 16) for i in (0, 2, 4))
    return red, green, blue


class Shape(Protocol):
    """Part of a figure."""

    def placed(self, x: float, y: float, scale: float) -> Self:
        """The same, larger by `scale` about the figure's corner, then moved, px."""


@dataclass(frozen=True, eq=False, slots=True)
class Lines:
    """Straight lines, each on its own.

    Parameters
    ----------
    ends
        (N, 2, 2) px (x, y); those with a NaN are left out.
    """

    ends: FloatArray
    color: str = INK
    width: float = 1.0
    dashed: bool = False

    def placed(self, x: float, y: float, scale: float) -> Self:
        """Larger, then moved."""
        return replace(self, ends=self.ends * scale + (x, y), width=self.width * scale)


@dataclass(frozen=True, eq=False, slots=True)
class Arrows:
    """Arrows.

    Parameters
    ----------
    ends
        (N, 2, 2) px (x, y), from the first to the second; those with a NaN are left out.
    head
        Length of the heads, px; those of short arrows are shorter.
    """

    ends: FloatArray
    color: str = INK
    width: float = 1.0
    head: float = 4.0

    def placed(self, x: float, y: float, scale: float) -> Self:
        """Larger, then moved."""
        return replace(
            self,
            ends=self.ends * scale + (x, y),
            width=self.width * scale,
            head=self.head * scale,
        )

    @property
    def barbs(self) -> FloatArray:
        """(N, 2, 2) where the two strokes of each head begin; both end at the tip."""
        back = self.ends[:, 0] - self.ends[:, 1]
        length = np.linalg.norm(back, axis=-1)
        size = np.minimum(self.head, 0.6 * length) / np.maximum(length, 1e-9)
        along, across = back * size[:, None], back[:, ::-1] * (-1, 1) * size[:, None]
        strokes = np.stack([along + 0.5 * across, along - 0.5 * across], axis=1)
        return np.asarray(self.ends[:, 1:] + strokes)


@dataclass(frozen=True, eq=False, slots=True)
class Polyline:
    """Line through points, open or closed, and filled.

    Parameters
    ----------
    points
        (N, 2) px (x, y).
    fill
        Colour within; None: nothing.
    """

    points: FloatArray
    color: str = INK
    width: float = 1.0
    closed: bool = False
    fill: str | None = None

    def placed(self, x: float, y: float, scale: float) -> Self:
        """Larger, then moved."""
        return replace(self, points=self.points * scale + (x, y), width=self.width * scale)


@dataclass(frozen=True, eq=False, slots=True)
class Circles:
    """Dots, or rings.

    Parameters
    ----------
    centres
        (N, 2) px (x, y); those with a NaN are left out.
    hollow
        Rings instead of dots.
    """

    centres: FloatArray
    radius: float
    color: str = INK
    hollow: bool = False

    def placed(self, x: float, y: float, scale: float) -> Self:
        """Larger, then moved."""
        return replace(self, centres=self.centres * scale + (x, y), radius=self.radius * scale)


@dataclass(frozen=True, slots=True)
class Rectangle:
    """Upright rectangle, px.

    Parameters
    ----------
    fill, edge
        Colours within and round it; None: nothing.
    """

    x: float
    y: float
    width: float
    height: float
    fill: str | None = PANEL
    edge: str | None = None

    def placed(self, x: float, y: float, scale: float) -> Self:
        """Larger, then moved."""
        return replace(
            self,
            x=self.x * scale + x,
            y=self.y * scale + y,
            width=self.width * scale,
            height=self.height * scale,
        )


@dataclass(frozen=True, slots=True)
class Text:
    """One line of words.

    Parameters
    ----------
    x, y
        Where its baseline begins, has its middle, or ends, px.
    size
        Of the font, px.
    """

    x: float
    y: float
    words: str
    size: float = 12.0
    color: str = INK
    anchor: Anchor = "start"
    bold: bool = False

    def placed(self, x: float, y: float, scale: float) -> Self:
        """Larger, then moved."""
        return replace(self, x=self.x * scale + x, y=self.y * scale + y, size=self.size * scale)


@dataclass(frozen=True, slots=True)
class Figure:
    """Shapes on an area of (width, height) px, the later over the earlier.

    Parameters
    ----------
    title
        What it shows, for those who can't see it.
    """

    width: int
    height: int
    shapes: tuple[Shape, ...]
    title: str = ""

    def placed(self, x: float, y: float, scale: float = 1.0) -> tuple[Shape, ...]:
        """Its shapes, to be part of another figure."""
        return tuple(shape.placed(x, y, scale) for shape in self.shapes)


_WIDTHS = {
    **dict.fromkeys("ijl.,:;'|!()[]ftrI ·", 0.37),
    **dict.fromkeys("ABCDEGHKNOQRUVXYZw_", 0.72),
    **dict.fromkeys("mMW@%", 0.95),
}
_LETTER, _SIGN = 0.6, 1.05
"""Widths of letters by the size of the font: of all others, and of Chinese and the like."""
_BOLD = 1.08


def text_width(words: str, size: float, *, bold: bool = False) -> float:
    """About how wide words are, px; rather too wide, as the font of the reader is not known."""
    widths = (_WIDTHS.get(each, _LETTER if ord(each) < 0x2E80 else _SIGN) for each in words)
    return sum(widths) * size * (_BOLD if bold else 1.0)


def shortened(words: str, size: float, width: float, *, bold: bool = False) -> str:
    """Words that fit into a width: of long ones, the middle is left out.

    Beginnings and ends tell cameras of long names apart.

    Examples
    --------
    >>> shortened("Camera1", 12, 100), shortened("a camera of a long name 7", 12, 80)
    ('Camera1', 'a cam…me 7')
    """
    if text_width(words, size, bold=bold) <= width:
        return words
    for kept in range(len(words) - 1, 1, -1):
        head = (kept + 1) // 2
        short = f"{words[:head]}…{words[len(words) - (kept - head) :]}"
        if text_width(short, size, bold=bold) <= width:
            return short
    return "…"


def short_names(names: Sequence[str], size: float, width: float) -> tuple[str, ...]:
    """Names that fit into a width, and that can be told apart: if need be, by a number before.

    Examples
    --------
    >>> short_names(["camera 1 of the box", "camera 2 of the box"], 12, 80)
    ('1 came… box', '2 came… box')
    """
    short = tuple(shortened(name, size, width) for name in names)
    if len(set(short)) == len(set(names)):
        return short
    room = width - text_width(f"{len(names)} ", size)
    return tuple(f"{i + 1} {shortened(name, size, room)}" for i, name in enumerate(names))


def wrapped(words: str, size: float, width: float, *, bold: bool = False) -> Iterator[str]:
    """Lines of words that fit into a width."""
    line = ""
    for word in words.split():
        longer = f"{line} {word}".strip()
        if line and text_width(longer, size, bold=bold) > width:
            yield line
            longer = word
        line = shortened(longer, size, width, bold=bold)
    if line:
        yield line
