"""Figures as SVG, to stand in a page or on their own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import escape, quoteattr

import numpy as np
import numpy.typing as npt

from .figure import PARTS, Arrows, Circles, Lines, Polyline, Rectangle, Text

if TYPE_CHECKING:
    from collections.abc import Callable

    from .figure import Figure

FloatArray = npt.NDArray[np.float64]

FONTS = "Helvetica, Arial, 'Liberation Sans', 'DejaVu Sans', sans-serif"


def to_svg(figure: Figure) -> str:
    """SVG of a figure.

    Colours that have a name also have classes ``fill-`` and ``stroke-`` of that name, by which a
    page can show them otherwise.

    Examples
    --------
    >>> from napari_sdannce.calibration.report.figure import Figure, Text
    >>> print(to_svg(Figure(60, 20, (Text(5, 15, "a < b"),), "words")))
    <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 60 20" width="60" height="20" role="img" \
aria-label="words" font-family="Helvetica, Arial, 'Liberation Sans', 'DejaVu Sans', sans-serif">
    <text x="5" y="15" font-size="12" fill="#1d232b" class="fill-ink">a &lt; b</text>
    </svg>
    """
    parts = [_DRAWN[type(shape)](shape) for shape in figure.shapes]
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {figure.width} {figure.height}" '
            f'width="{figure.width}" height="{figure.height}" role="img" '
            f'aria-label={_attribute(figure.title)} font-family="{FONTS}">',
            *(part for part in parts if part),
            "</svg>",
        ]
    )


def allowed(words: str) -> str:
    """Words without the control characters that XML can not hold."""
    return "".join(
        letter if letter in "\t\n\r" or (ord(letter) >= 32 and not _is_odd(letter)) else "\ufffd"
        for letter in words
    )


def _is_odd(letter: str) -> bool:
    return 0xD800 <= ord(letter) <= 0xDFFF or ord(letter) in (0xFFFE, 0xFFFF)


def _attribute(words: str) -> str:
    return quoteattr(allowed(words))


def _number(value: float) -> str:
    """Hundredths of a pixel are enough."""
    short = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if short == "-0" else short


def _point(point: FloatArray) -> str:
    return f"{_number(point[0])} {_number(point[1])}"


def _painted(fill: str | None, stroke: str | None, width: float = 1.0) -> str:
    """Attributes of the colours."""
    classes = []
    text = f' fill="{"none" if fill is None else PARTS.get(fill, fill)}"'
    if fill in PARTS:
        classes.append(f"fill-{fill}")
    if stroke is not None:
        text += f' stroke="{PARTS.get(stroke, stroke)}" stroke-width="{_number(width)}"'
        if stroke in PARTS:
            classes.append(f"stroke-{stroke}")
    return text + (f' class="{" ".join(classes)}"' if classes else "")


def _lines(lines: Lines) -> str:
    known = lines.ends[np.isfinite(lines.ends).all(axis=(1, 2))]
    path = "".join(f"M{_point(start)}L{_point(end)}" for start, end in known)
    dashes = ' stroke-dasharray="4 3"' if lines.dashed else ""
    return path and f'<path d="{path}"{_painted(None, lines.color, lines.width)}{dashes}/>'


def _arrows(arrows: Arrows) -> str:
    known = np.isfinite(arrows.ends).all(axis=(1, 2))
    shafts = "".join(f"M{_point(start)}L{_point(end)}" for start, end in arrows.ends[known])
    heads = "".join(
        f"M{_point(left)}L{_point(end)}L{_point(right)}"
        for (left, right), (_, end) in zip(arrows.barbs[known], arrows.ends[known], strict=True)
    )
    paint = _painted(None, arrows.color, arrows.width)
    return shafts and (
        f'<g stroke-linecap="round"><path d="{shafts}"{paint}/><path d="{heads}"{paint}/></g>'
    )


def _polyline(line: Polyline) -> str:
    known = line.points[np.isfinite(line.points).all(axis=1)]
    path = "M" + "L".join(_point(point) for point in known) + ("Z" if line.closed else "")
    paint = _painted(line.fill, line.color, line.width)
    return f'<path d="{path}"{paint} stroke-linejoin="round"/>' if len(known) > 1 else ""


def _circles(circles: Circles) -> str:
    known = circles.centres[np.isfinite(circles.centres).all(axis=1)]
    if circles.hollow:
        paint, radius = _painted(None, circles.color), _number(circles.radius)
        return "\n".join(
            f'<circle cx="{_number(x)}" cy="{_number(y)}" r="{radius}"{paint}/>' for x, y in known
        )
    # lines of no length with round ends are dots, in a tenth of the letters
    path = "".join(f"M{_point(centre)}h0" for centre in known)
    paint = _painted(None, circles.color, 2 * circles.radius)
    return path and f'<path d="{path}"{paint} stroke-linecap="round"/>'


def _rectangle(box: Rectangle) -> str:
    return (
        f'<rect x="{_number(box.x)}" y="{_number(box.y)}" width="{_number(box.width)}" '
        f'height="{_number(box.height)}"{_painted(box.fill, box.edge)}/>'
    )


def _text(text: Text) -> str:
    anchor = "" if text.anchor == "start" else f' text-anchor="{text.anchor}"'
    weight = ' font-weight="bold"' if text.bold else ""
    return (
        f'<text x="{_number(text.x)}" y="{_number(text.y)}" font-size="{_number(text.size)}"'
        f"{anchor}{weight}{_painted(text.color, None)}>{escape(allowed(text.words))}</text>"
    )


_DRAWN: dict[type, Callable[[Any], str]] = {
    Lines: _lines,
    Arrows: _arrows,
    Polyline: _polyline,
    Circles: _circles,
    Rectangle: _rectangle,
    Text: _text,
}
