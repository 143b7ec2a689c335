"""Pictures of what each camera saw: residual maps and coverage."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import numpy.typing as npt

from napari_sdannce.calibration.shown import shown

from .axes import BINS, SMALL, bin_color, bins_of, round_number
from .figure import (
    FAINT,
    INK,
    PANEL,
    Arrows,
    Circles,
    Figure,
    Lines,
    Rectangle,
    Text,
    short_names,
    shortened,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_sdannce.calibration.quality.calibration_report import CameraReport
    from napari_sdannce.calibration.quality.misses import Misses

    from .figure import Shape

FloatArray = npt.NDArray[np.float64]
Number = TypeVar("Number", bound=np.generic)

WIDTH, PAD = 320, 16
EMPTY, DARK = "#f7d7a8", "#1d232b"
_HEAD, _FOOT = 40, 24
_TALLEST = 340.0
_MOST = 500
"""Arrows in a picture; of more, nothing is seen."""
_LEFT_OUT_MOST = 150
_USUAL_PX, _LONGEST_PX = 9.0, PAD - 2.0
"""How long an arrow of the usual long miss is in a picture, and the longest, px."""


@dataclass(frozen=True, slots=True)
class ArrowScale:
    """How misses are drawn, the same for all cameras.

    Parameters
    ----------
    times
        How many times as long as they are.
    most_px
        Miss that has the last colour, and those beyond.
    """

    times: float
    most_px: float

    @classmethod
    def of(cls, misses: Misses, cameras: Sequence[CameraReport]) -> ArrowScale:
        """By the usual long ones of those that were used."""
        lengths = misses.lengths[~misses.left_out]
        usual = float(np.percentile(lengths, 90)) if len(lengths) else 1.0
        usual = max(usual, 1e-3)
        scale = max(image_scale(camera) for camera in cameras)
        return cls(round_number(_USUAL_PX / usual / scale), round_number(2 * usual))


def residual_maps(cameras: Sequence[CameraReport], misses: Misses) -> tuple[Figure, ...]:
    """Of each camera its image: where corners were found, and where to the fit misses them."""
    arrows = ArrowScale.of(misses, cameras)
    return tuple(
        residual_map(camera, misses.of_view(view), arrows, name)
        for view, (camera, name) in enumerate(zip(cameras, _titles(cameras), strict=True))
    )


def coverage_maps(cameras: Sequence[CameraReport]) -> tuple[Figure, ...]:
    """Of each camera its image in cells: how many corners were found in each."""
    return tuple(
        coverage_map(camera, name) for camera, name in zip(cameras, _titles(cameras), strict=True)
    )


def _titles(cameras: Sequence[CameraReport]) -> tuple[str, ...]:
    return short_names([camera.name for camera in cameras], 13 * 1.08, WIDTH - 2 * PAD)


def residual_map(camera: CameraReport, own: Misses, arrows: ArrowScale, name: str) -> Figure:
    """A camera's image: where corners were found, and where to the fit misses them.

    Parameters
    ----------
    camera
        The camera.
    own
        Its corners.
    arrows
        How they are drawn.
    name
        Of the camera, short enough.
    """
    scale = image_scale(camera)
    used, out = own.take(~own.left_out), own.take(own.left_out)
    some = spread_out(np.arange(len(used.view)), _MOST)
    shapes = [*_frame(camera, scale, name, _found_words(camera))]
    for index in range(BINS):
        ends = _arrow_ends(used, some, scale, arrows)
        mine = bins_of(used.lengths[some], arrows.most_px) == index
        if mine.any():
            shapes.append(Circles(ends[mine, 0], 1.0, bin_color(index)))
            shapes.append(Arrows(ends[mine], bin_color(index), 1.1, 3.5))
    crosses = _crosses(spread_out(out.spots, _LEFT_OUT_MOST) * scale + (PAD, _HEAD))
    shapes.append(Lines(crosses, INK, 1.0))
    bottom = _HEAD + camera.image_size[1] * scale + PAD
    shapes += _key(arrows, scale, bottom, bool(out.left_out.any()))
    title = f"Where {camera.name} is missed"
    return Figure(WIDTH, round(bottom + _FOOT), tuple(shapes), title)


def coverage_map(camera: CameraReport, name: str) -> Figure:
    """A camera's image in cells: how many corners were found in each."""
    scale = image_scale(camera)
    words = f"corners in {100 * camera.covered:.0f} % of the image"
    shapes = [*_frame(camera, scale, name, words)]
    rows, columns = camera.cells.shape
    width, height = (side * scale for side in camera.image_size)
    most = max(int(camera.cells.max()), 1)
    for row, column in np.ndindex(rows, columns):
        x, y = PAD + column * width / columns, _HEAD + row * height / rows
        count = int(camera.cells[row, column])
        fill, ink = count_colors(count, most)
        wide, high = width / columns, height / rows
        shapes.append(Rectangle(x + 0.5, y + 0.5, wide - 1, high - 1, fill))
        if count:
            words = str(count) if count < 10_000 else f"{count // 1000}k"
            shapes.append(Text(x + wide / 2, y + high / 2 + 4, words, 10, ink, "middle"))
    bottom = _HEAD + height + PAD
    box = (PAD, bottom, 12, 12)
    shapes += [
        Rectangle(*box, count_colors(0, 1)[0]),
        Text(PAD + 18, bottom + 10, "no corner was found here", SMALL),
    ]
    title = f"Where {camera.name} saw the board"
    return Figure(WIDTH, round(bottom + _FOOT), tuple(shapes), title)


def image_scale(camera: CameraReport) -> float:
    """Px of the picture a pixel of the image."""
    width, height = camera.image_size
    return min((WIDTH - 2 * PAD) / width, _TALLEST / height)


def spread_out(values: npt.NDArray[Number], most: int) -> npt.NDArray[Number]:
    """At most so many rows, evenly."""
    n = len(values)
    return values[np.linspace(0, n - 1, min(n, most)).astype(np.int64)]


def _frame(camera: CameraReport, scale: float, name: str, words: str) -> tuple[Shape, ...]:
    width, height = (side * scale for side in camera.image_size)
    return (
        Text(PAD, 15, name, 13, bold=True),
        Text(PAD, 31, shortened(words, SMALL, WIDTH - 2 * PAD), SMALL),
        Rectangle(PAD, _HEAD, width, height, PANEL, FAINT),
    )


def _found_words(camera: CameraReport) -> str:
    median = camera.errors.median
    words = f"half of {camera.corners} corners within {shown(median)} px"
    if not np.isfinite(median):
        words = f"{camera.corners} corners, errors not known"
    return words + (f", {camera.left_out} left out" if camera.left_out else "")


def _arrow_ends(
    used: Misses, some: npt.NDArray[np.int64], scale: float, arrows: ArrowScale
) -> FloatArray:
    """(N, 2, 2) px in the picture."""
    starts = used.spots[some] * scale + (PAD, _HEAD)
    drawn = used.misses[some] * (arrows.times * scale)
    length = np.linalg.norm(drawn, axis=1, keepdims=True)
    drawn = drawn * np.minimum(1, _LONGEST_PX / np.maximum(length, 1e-9))
    return np.stack([starts, starts + drawn], axis=1)


def _crosses(centres: FloatArray, size: float = 2.5) -> FloatArray:
    strokes = np.array([[[-1.0, -1], [1, 1]], [[-1, 1], [1, -1]]]) * size
    return np.asarray((centres[:, None, None] + strokes).reshape(-1, 2, 2))


def _key(arrows: ArrowScale, scale: float, top: float, left_out: bool) -> list[Shape]:
    """What arrows mean."""
    miss = round_number(_LONGEST_PX / (arrows.times * scale))
    y, end = top + 6, PAD + miss * arrows.times * scale
    ends = np.array([[[PAD, y], [end, y]]])
    color = bin_color(int(bins_of(np.array([miss]), arrows.most_px)[0]))
    words = f"{shown(miss)} px, {shown(arrows.times)} times enlarged"
    x = PAD + _LONGEST_PX + 8
    found: list[Shape] = [Arrows(ends, color, 1.1, 3.5), Text(x, y + 4, words, SMALL)]
    if left_out:
        cross = np.array([[WIDTH - PAD - 52.0, y]])
        found += [
            Lines(_crosses(cross), INK, 1.0),
            Text(WIDTH - PAD, y + 4, "left out", SMALL, INK, "end"),
        ]
    return found


def count_colors(count: int, most: int) -> tuple[str, str]:
    """Of a cell, and of the number in it."""
    if count == 0:
        return EMPTY, DARK
    share = (count / most) ** 0.5
    light, dark = np.array([222, 235, 247]), np.array([33, 102, 172])
    mixed = np.rint(light + share * (dark - light)).astype(np.uint8)
    return f"#{bytes(mixed).hex()}", DARK if share < 0.6 else "#ffffff"
