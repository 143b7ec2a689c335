"""Figures as images."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import numpy.typing as npt

from .figure import PAPER, Arrows, Circles, Lines, Polyline, Rectangle, Text, rgb_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from .figure import Figure

FloatArray = npt.NDArray[np.float64]
Image = npt.NDArray[np.uint8]

_SHIFT = 4
"""OpenCV draws at fractions of a pixel in fixed point with this many bits."""
_LEAST_CORNERS = 12
_DASH, _GAP = 4.0, 3.0


def to_image(figure: Figure, scale: float = 1.0) -> Image:
    """(H, W, 3) RGB image of a figure on white paper, `scale` times as large.

    Examples
    --------
    >>> from napari_sdannce.calibration.report.figure import Figure, Rectangle
    >>> image = to_image(Figure(30, 20, (Rectangle(0, 0, 10, 20, "#ff0000"),)), 2)
    >>> image.shape, image[10, 10].tolist(), image[10, 50].tolist()
    ((40, 60, 3), [255, 0, 0], [255, 255, 255])
    """
    size = (round(figure.height * scale), round(figure.width * scale), 3)
    image = np.full(size, rgb_of(PAPER), dtype=np.uint8)
    for shape in figure.shapes:
        _DRAWN[type(shape)](image, shape.placed(0, 0, scale))
    return image


def to_png(figure: Figure, scale: float = 1.0) -> bytes:
    """A PNG file of a figure."""
    done, data = cv2.imencode(".png", to_image(figure, scale)[..., ::-1])
    if not done:
        raise ValueError(f"could not make a PNG of the figure '{figure.title}'")
    return bytes(data)


def _fixed(points: FloatArray) -> npt.NDArray[np.int32]:
    # the corner of the area is 0, 0 for a figure; for OpenCV that is the middle of the first pixel
    return np.rint((points - 0.5) * (1 << _SHIFT)).astype(np.int32)


def _thick(width: float) -> int:
    return max(1, round(width))


def _strokes(image: Image, lines: FloatArray, color: str, width: float) -> None:
    """Lines (N, K, 2) through K points each."""
    known = lines[np.isfinite(lines).all(axis=(1, 2))]
    if len(known):
        each = list(_fixed(known))
        cv2.polylines(
            _any(image), each, False, rgb_of(color), _thick(width), cv2.LINE_AA, _SHIFT
        )  # fmt: skip


def _lines(image: Image, lines: Lines) -> None:
    ends = lines.ends
    if lines.dashed:
        ends = _dashes(ends, lines.width)
    _strokes(image, ends, lines.color, lines.width)


def _dashes(ends: FloatArray, width: float) -> FloatArray:
    pieces = [np.zeros((0, 2, 2))]
    for start, end in ends[np.isfinite(ends).all(axis=(1, 2))]:
        length = max(float(np.linalg.norm(end - start)), 1e-9)
        begins = np.arange(0, length, (_DASH + _GAP) * width)
        stops = np.minimum(begins + _DASH * width, length)
        share = np.stack([begins, stops], axis=1)[..., None] / length
        pieces.append(start + share * (end - start))
    return np.concatenate(pieces)


def _arrows(image: Image, arrows: Arrows) -> None:
    _strokes(image, arrows.ends, arrows.color, arrows.width)
    tips = arrows.ends[:, 1]
    heads = np.stack([arrows.barbs[:, 0], tips, arrows.barbs[:, 1]], axis=1)
    _strokes(image, heads, arrows.color, arrows.width)


def _polyline(image: Image, line: Polyline) -> None:
    known = line.points[np.isfinite(line.points).all(axis=1)]
    if len(known) < 2:
        return
    if line.fill is not None:
        cv2.fillPoly(_any(image), [_fixed(known)], rgb_of(line.fill), cv2.LINE_AA, _SHIFT)
    whole = np.concatenate([known, known[:1]]) if line.closed else known
    _strokes(image, whole[None], line.color, line.width)


def _circles(image: Image, circles: Circles) -> None:
    # OpenCV's own small circles are diamonds
    n = max(_LEAST_CORNERS, int(4 * circles.radius))
    turn = np.arange(n + 1) * 2 * np.pi / n
    rim = circles.radius * np.stack([np.cos(turn), np.sin(turn)], axis=1)
    known = circles.centres[np.isfinite(circles.centres).all(axis=1)]
    if circles.hollow:
        _strokes(image, known[:, None] + rim, circles.color, 1)
        return
    for outline in _fixed(known[:, None] + rim):
        cv2.fillConvexPoly(_any(image), outline, rgb_of(circles.color), cv2.LINE_AA, _SHIFT)


def _rectangle(image: Image, box: Rectangle) -> None:
    left, top = max(round(box.x), 0), max(round(box.y), 0)
    right, bottom = round(box.x + box.width), round(box.y + box.height)
    if box.fill is not None:
        image[top:bottom, left:right] = rgb_of(box.fill)
    if box.edge is not None and right > left and bottom > top:
        ends = (left, top), (right - 1, bottom - 1)
        cv2.rectangle(_any(image), *ends, rgb_of(box.edge), 1)


def _text(image: Image, text: Text) -> None:
    if not text.words.strip():
        return
    write = _write if hasattr(cv2, "FontFace") else _write_strokes
    write(image, text)


def _write(image: Image, text: Text) -> None:
    """With the font of OpenCV 5."""
    font, weight, size = cv2.FontFace("sans"), 700 if text.bold else 400, round(text.size)
    area = image.shape[1::-1]
    _, _, width, _ = cv2.getTextSize(area, text.words, (0, 0), font, size, weight=weight)
    place = round(text.x - _SHARE[text.anchor] * width), round(text.y)
    color = rgb_of(text.color)
    cv2.putText(_any(image), text.words, place, color, font, size, weight=weight)


def _write_strokes(image: Image, text: Text) -> None:
    """With the only font of older versions, which has no letters but those of English."""
    words = text.words
    for letter, plain in _PLAIN.items():
        words = words.replace(letter, plain)
    words = words.encode("ascii", "replace").decode()
    thick = max(1, round(text.size / (9 if text.bold else 16)))
    size = cv2.getFontScaleFromHeight(cv2.FONT_HERSHEY_SIMPLEX, max(round(0.72 * text.size), 4))
    (width, _), _ = cv2.getTextSize(words, cv2.FONT_HERSHEY_SIMPLEX, size, thick)
    place = round(text.x - _SHARE[text.anchor] * width), round(text.y)
    cv2.putText(
        _any(image), words, place, cv2.FONT_HERSHEY_SIMPLEX, size, rgb_of(text.color), thick,
        cv2.LINE_AA,
    )  # fmt: skip


def _any(image: Image) -> Any:
    """The image, for OpenCV, whose type stubs know no sizes."""
    return image


_PLAIN = {"±": "+-", "×": "x", "…": "..", "–": "-", "µ": "u", "·": "-", "°": " deg", "≥": ">="}
_SHARE = {"start": 0.0, "middle": 0.5, "end": 1.0}
_DRAWN: dict[type, Callable[[Image, Any], None]] = {
    Lines: _lines,
    Arrows: _arrows,
    Polyline: _polyline,
    Circles: _circles,
    Rectangle: _rectangle,
    Text: _text,
}
