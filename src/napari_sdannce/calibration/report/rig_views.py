"""Pictures of the rig from above and from the side: cameras, boards, and errors of positions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from napari_sdannce.calibration.shown import shown
from napari_sdannce.calibration.solver.lenses import CX, CY, FX, FY

from .axes import BINS, GREEN, SMALL, bin_color, bins_of, round_number
from .camera_views import spread_out
from .figure import (
    FAINT,
    INK,
    PANEL,
    Circles,
    Figure,
    Lines,
    Polyline,
    Rectangle,
    Text,
    short_names,
    text_width,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from napari_sdannce.calibration.quality.calibration_report import CalibrationReport
    from napari_sdannce.calibration.world import WorldFrame

    from .figure import Shape

FloatArray = npt.NDArray[np.float64]

WIDTH, HEIGHT = 480, 440
_HEAD, _FOOT, _MARGIN = 26.0, 48.0, 64.0
_MOST_BOARDS = 60
_DEPTH = 0.13
"""Length of a drawn camera, by the size of the scene."""
_WIDEST = 1.2
"""Tangent of the widest angle that is drawn: a fisheye sees more."""
_NAME, _LONGEST_NAME = 12.0, 150.0
_FEW_NAMES = 6
_STEPS = (14.0, 26.0, 40.0, 56.0, 74.0)


@dataclass(frozen=True, eq=False, slots=True)
class Scene:
    """What is drawn, z up, mm.

    Parameters
    ----------
    centres
        (V, 3) of the cameras.
    rims
        (V, 4, 3) corners of what they see, upper left, upper right, lower right, lower left.
    boards
        (F, 4, 3) corners of boards.
    points, sigma_mm
        (N, 3) and (N,) positions with the error that the calibration gives them.
    """

    centres: FloatArray
    rims: FloatArray
    boards: FloatArray
    points: FloatArray
    sigma_mm: FloatArray

    @property
    def worst_mm(self) -> float:
        """Error that has the last colour."""
        known = self.sigma_mm[np.isfinite(self.sigma_mm)]
        return round_number(2 * max(float(np.percentile(known, 90)), 1e-6)) if len(known) else 1.0


def scene_of(report: CalibrationReport, world: WorldFrame | None = None) -> Scene:
    """The rig in the frame of the world; None: turned so that its images are upright."""
    solution = report.solution
    rig = solution.fit.rig
    back = rig.cameras.inverse
    boards = solution.boards.apply(_outline(solution.board.points[0]))
    boards = spread_out(boards[np.isfinite(boards).all(axis=(1, 2))], _MOST_BOARDS)
    if world is None:
        origin = boards.reshape(-1, 3).mean(axis=0)
        turn = _guessed(back.rotation, np.concatenate([back.translation, origin[None]]))
    else:
        turn, origin = world.turn, world.origin
    everything = np.concatenate([back.translation, boards.reshape(-1, 3)])
    small = min(1.0, 2 / np.sqrt(len(rig.cameras)))
    depth = _DEPTH * small * float(np.linalg.norm(np.ptp(everything, axis=0)))
    rims = back.apply(_rays(rig.numbers, report) * depth)
    centres, rims, boards, points = (
        (part - origin) @ turn.T
        for part in (back.translation, rims, boards, report.positions.points)
    )
    return Scene(centres, rims, boards, points, report.positions.sigma_mm)


def _outline(points: FloatArray) -> FloatArray:
    (left, top), (right, bottom) = points[:, :2].min(axis=0), points[:, :2].max(axis=0)
    depth = points[:, 2].mean()
    corners = [(left, top), (right, top), (right, bottom), (left, bottom)]
    return np.array([[*corner, depth] for corner in corners])


def _guessed(axes: FloatArray, places: FloatArray) -> FloatArray:
    """(3, 3) turn into a frame whose z is up in most images, and whose x is where the rig is long.

    Parameters
    ----------
    axes
        (V, 3, 3) rotations from the cameras.
    places
        (N, 3) what is to be seen from the side, mm.
    """
    up = -axes[:, :, 1].sum(axis=0)  # y of an image runs down
    # cameras that look straight down from above have no up; all together do
    z = up / np.linalg.norm(up) if np.linalg.norm(up) > 1e-6 else -axes[0, :, 1]
    flat = places - places.mean(axis=0)
    long = np.linalg.svd(flat - np.outer(flat @ z, z))[2][0]
    x = long - (long @ z) * z
    if np.linalg.norm(x) < 1e-6:  # all above each other
        x = axes[0, :, 0] - (axes[0, :, 0] @ z) * z
    x = x / np.linalg.norm(x)
    return np.stack([x, np.cross(z, x), z])


def _rays(numbers: FloatArray, report: CalibrationReport) -> FloatArray:
    """(V, 4, 3) from the cameras to the corners of their images, bending left aside."""
    rays = np.ones((len(numbers), 4, 3))
    for own, row, camera in zip(rays, numbers, report.cameras, strict=True):
        width, height = camera.image_size
        pixels = np.array([[0, 0], [width, 0], [width, height], [0, height]], dtype=float)
        own[:, :2] = (pixels - row[[CX, CY]]) / row[[FX, FY]]
        own[:, :2] *= min(1.0, _WIDEST / float(np.abs(own[:, :2]).max()))
    return rays


def rig_from_above(report: CalibrationReport, scene: Scene) -> Figure:
    """The rig as seen from above: x to the right, y up."""
    return _view(report, scene, np.array([[1.0, 0, 0], [0, 1, 0]]), "From above")


def rig_from_the_side(report: CalibrationReport, scene: Scene) -> Figure:
    """The rig as seen from the side: x to the right, z up."""
    return _view(report, scene, np.array([[1.0, 0, 0], [0, 0, 1]]), "From the side")


def _view(report: CalibrationReport, scene: Scene, axes: FloatArray, title: str) -> Figure:
    """Orthographic view along the axis that is missing."""
    known = scene.points[np.isfinite(scene.sigma_mm)]
    parts = (scene.centres, scene.rims, scene.boards, known)
    everything = np.concatenate([part.reshape(-1, 3) for part in parts])
    flat = everything @ axes.T
    low, high = flat.min(axis=0), flat.max(axis=0)
    area = np.array([WIDTH - 2 * _MARGIN, HEIGHT - _HEAD - _FOOT - 56])
    scale = float((area / np.maximum(high - low, 1e-6)).min())
    middle = np.array([WIDTH / 2, _HEAD + (HEIGHT - _HEAD - _FOOT) / 2])

    def at(points: FloatArray) -> FloatArray:
        return np.asarray(middle + (points @ axes.T - (low + high) / 2) * (scale, -scale))

    shapes: list[Shape] = [
        Text(4, 16, title, 13, bold=True),
        Rectangle(0, _HEAD, WIDTH, HEIGHT - _HEAD - _FOOT, PANEL),
        *(Polyline(board, FAINT, 0.8, closed=True) for board in at(scene.boards)),
        *_positions(at(scene.points), scene),
        *_cameras(at(scene.centres), at(scene.rims)),
        *_names(report, at(scene.centres), at(scene.rims)),
        *_scale_bar(scale),
        *_sigma_key(scene),
    ]
    return Figure(WIDTH, HEIGHT, tuple(shapes), f"The rig: {title.lower()}")


def _positions(places: FloatArray, scene: Scene) -> Iterator[Shape]:
    known = np.isfinite(scene.sigma_mm)
    index = bins_of(scene.sigma_mm, scene.worst_mm)
    for each in range(BINS):
        own = known & (index == each)
        if own.any():
            yield Circles(places[own], 3.0, bin_color(each))


def _cameras(centres: FloatArray, rims: FloatArray) -> Iterator[Shape]:
    for centre, rim in zip(centres, rims, strict=True):
        edges = np.stack([np.repeat(centre[None], 4, axis=0), rim], axis=1)
        yield Lines(edges, GREEN, 1.0)
        yield Polyline(rim, GREEN, 1.0, closed=True)
        yield Lines(rim[None, :2], GREEN, 2.6)  # the upper edge of the image
    yield Circles(centres, 3.5, INK)


def _names(report: CalibrationReport, centres: FloatArray, rims: FloatArray) -> Iterator[Shape]:
    """Names beside their cameras, where nothing else is."""
    taken = [(_box(centre, 12, 12), 9) for centre in centres]
    taken += [(_box(rim, 4, 4), 1) for rim in rims.reshape(-1, 2)]
    inside = _Box(2, _HEAD + 2, WIDTH - 2, HEIGHT - _FOOT - 2)
    longest = _LONGEST_NAME if len(centres) <= _FEW_NAMES else _LONGEST_NAME / 2
    names = short_names([camera.name for camera in report.cameras], _NAME, longest)
    for name, centre, rim in zip(names, centres, rims, strict=True):
        width = text_width(name, _NAME)
        away = centre - rim.mean(axis=0)
        spots = [_box(spot, width + 4, _NAME + 3) for spot in _beside(centre, away, width)]
        free = [spot for spot in spots if inside.holds(spot)]
        best = min(
            free or spots,
            key=lambda spot: sum(cost for other, cost in taken if spot.meets(other)),
        )
        taken.append((best, 20))
        x, y = (best.left + best.right) / 2, (best.top + best.bottom) / 2
        yield from _leader(centre, best)
        yield Rectangle(best.left, best.top, width + 4, _NAME + 3, PANEL)
        yield Text(x, y + 4, name, _NAME, anchor="middle")


def _leader(centre: FloatArray, box: _Box) -> Iterator[Shape]:
    near = np.clip(centre, (box.left, box.top), (box.right, box.bottom))
    if np.linalg.norm(near - centre) > 14:
        yield Lines(np.array([[centre, near]]), INK, 0.6)


def _beside(centre: FloatArray, away: FloatArray, width: float) -> Iterator[FloatArray]:
    """Middles of where a name may stand, the best first: behind the camera, near to it."""
    first = float(np.arctan2(away[1], away[0]))
    for step in _STEPS:
        for turn in (0, 1, -1, 2, -2, 3, -3, 4):
            angle = first + turn * np.pi / 4
            reach = np.array([step + width / 2, step]) * (np.cos(angle), np.sin(angle))
            yield centre + reach


@dataclass(frozen=True, slots=True)
class _Box:
    left: float
    top: float
    right: float
    bottom: float

    def meets(self, other: _Box) -> bool:
        return (
            self.left < other.right
            and other.left < self.right
            and self.top < other.bottom
            and other.top < self.bottom
        )

    def holds(self, other: _Box) -> bool:
        return (
            self.left <= other.left
            and other.right <= self.right
            and self.top <= other.top
            and other.bottom <= self.bottom
        )


def _box(middle: FloatArray, width: float, height: float) -> _Box:
    x, y = float(middle[0]), float(middle[1])
    return _Box(x - width / 2, y - height / 2, x + width / 2, y + height / 2)


def _scale_bar(scale: float) -> Iterator[Shape]:
    """A length in mm."""
    length = round_number(0.25 * WIDTH / scale)
    y, end = HEIGHT - _FOOT + 18, 8 + length * scale
    yield Lines(np.array([[[8, y], [end, y]]]), INK, 2.5)
    yield Text(end + 8, y + 4, f"{shown(length)} mm", SMALL)


def _sigma_key(scene: Scene) -> Iterator[Shape]:
    """What the colours of positions mean."""
    y = HEIGHT - 10.0
    if not np.isfinite(scene.sigma_mm).any():
        yield Text(8, y, "errors of positions are not known", SMALL)
        return
    steps = np.stack([8 + 11.0 * np.arange(BINS), np.full(BINS, y - 4)], axis=1)
    for each in range(BINS):
        yield Circles(steps[each : each + 1], 4, bin_color(each))
    words = f"error of a position here: 0 to {shown(scene.worst_mm)} mm and more"
    yield Text(16 + 11.0 * BINS, y, words, SMALL)
