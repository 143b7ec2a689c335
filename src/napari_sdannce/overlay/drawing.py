"""Bones, keypoints, centres of mass and captions, drawn into an image in place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_sdannce.video.pixels import Image

    Color = tuple[float, ...]

FloatArray = npt.NDArray[np.float64]

SHIFT = 4
"""OpenCV draws at fractions of a pixel in fixed point with this many bits."""
DARK = (15, 15, 15)
"""Outlines, so that every colour shows on white fur."""
WHITE = (255, 255, 255)
ROUND = np.stack([f(np.arange(16) * np.pi / 8) for f in (np.cos, np.sin)], axis=1)
"""(16, 2) corners of a disc; OpenCV's own small circles are diamonds."""
FONT = cv2.FONT_HERSHEY_DUPLEX


def draw_lines(image: Image, ends: FloatArray, colors: FloatArray, width: float) -> None:
    """Draw lines with a dark outline; those with a NaN end are left out.

    Parameters
    ----------
    image
        (H, W, 3) RGB.
    ends
        (N, 2, 2) px (x, y).
    colors
        (N, 4) RGBA, 0..1; opaque.
    width
        px.
    """
    seen = np.isfinite(ends).all(axis=(1, 2))
    inner = max(1, round(width))
    for thickness, dark in ((inner + 2, True), (inner, False)):
        for (start, end), color in zip(_fixed(ends[seen]), _rgb(colors[seen]), strict=True):
            shown = DARK if dark else color
            cv2.line(_any(image), start, end, shown, thickness, cv2.LINE_AA, SHIFT)


def draw_dots(
    image: Image, points: FloatArray, colors: FloatArray, radii: FloatArray, *, hollow: bool
) -> None:
    """Draw discs with a dark outline, or rings; those at NaN are left out.

    Parameters
    ----------
    image
        (H, W, 3) RGB.
    points
        (N, 2) px (x, y).
    colors
        (N, 4) RGBA, 0..1; opaque.
    radii
        (N,) px.
    hollow
        Rings instead of discs.
    """
    seen = np.isfinite(points).all(axis=1)
    rims = points[seen][:, None] + radii[seen][:, None, None] * ROUND
    outlines = rims + ROUND
    each = zip(_fixed(outlines), _fixed(rims), _rgb(colors[seen]), strict=True)
    for outline, rim, color in each:
        if hollow:
            cv2.polylines(_any(image), [np.array(rim)], True, color, 1, cv2.LINE_AA, SHIFT)
        else:
            cv2.fillConvexPoly(_any(image), np.array(outline), DARK, cv2.LINE_AA, SHIFT)
            cv2.fillConvexPoly(_any(image), np.array(rim), color, cv2.LINE_AA, SHIFT)


def draw_centres(image: Image, points: FloatArray, colors: FloatArray, radius: float) -> None:
    """Draw centres of mass: discs in a white ring. Parameters as for `draw_dots`."""
    white, sizes = np.ones_like(colors), np.full(len(points), radius)
    draw_dots(image, points, white, sizes * 1.45, hollow=False)
    draw_dots(image, points, colors, sizes, hollow=False)


def write_line(
    image: Image, words: Sequence[tuple[str, Color]], corner: tuple[int, int], height: int
) -> None:
    """Write words, each in its colour (RGB), on a darkened strip.

    Parameters
    ----------
    corner
        (x, y) of the strip's top left, px.
    height
        Of the strip, px.
    """
    x, y = corner
    size, pad = height / 34, max(2, round(height * 0.3))
    widths = [int(cv2.getTextSize(word, FONT, size, 1)[0][0]) + pad for word, _ in words]
    strip = image[y : y + height, x : x + sum(widths) + pad]
    strip[...] = strip // 3
    base = y + round(height * 0.72)
    for (word, color), width in zip(words, widths, strict=True):
        cv2.putText(_any(image), word, (x + pad, base), FONT, size, color, 1, cv2.LINE_AA)
        x += width


def _fixed(points: FloatArray) -> Any:
    """Points in OpenCV's fixed point; what lies far outside stays within its integers."""
    return np.rint(np.clip(points, -1e6, 1e6) * 2**SHIFT).astype(int).tolist()


def _rgb(colors: FloatArray) -> list[Color]:
    return [tuple(color) for color in np.rint(colors[:, :3] * 255).tolist()]


def _any(image: Image) -> Any:
    """OpenCV's types know no image that is only uint8."""
    return image
