"""The rig in 3D: cameras with their names, boards where they were, the floor and the axes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from napari_sdannce.widgets import napari_adapter
from napari_sdannce.widgets.axes import to_napari
from napari_sdannce.widgets.scene_geometry import (
    floor_grid,
    floor_height,
    frustum,
    looked_at,
    round_length,
    up_of,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari.components import ViewerModel
    from napari.layers import Vectors

    from napari_sdannce.geometry import Camera

FloatArray = npt.NDArray[np.float64]

_CAMERA, _FLOOR, _BOARD, _NOW = "#c9d3df", "#6b7886", "#4f7fb0", "#ffb347"
_AXES = {"x": "#ff6b6b", "y": "#6fcf6f", "z": "#7aa6ff"}
_SIDES = 24
_STEEP = 0.75
_FILLED = 0.72
_LEVEL = 0.9
"""Cosine from which the z axis of the world is taken for upright."""


class RigLayers:
    """Fills a 3D viewer model with a rig.

    Parameters
    ----------
    model
        An empty one.
    cameras
        The cameras.
    boards
        (F, M, 3) mm, corners of the board at each moment, NaN where that is not known.
    """

    def __init__(self, model: ViewerModel, cameras: Sequence[Camera], boards: FloatArray) -> None:
        self.model = model
        self.cameras = tuple(cameras)
        self.outlines = outlines_of(boards)
        self._drawn = self.outlines[np.isfinite(self.outlines).all(axis=(1, 2))]
        self.now: Vectors | None = None
        self._up = up_of(self.cameras)
        z = np.array([0.0, 0.0, 1.0])
        if abs(self._up @ z) > _LEVEL:
            self._up = z * np.sign(self._up @ z)
        self._middle, self.radius = self._place()
        with napari_adapter.adding_layers(model):
            self._add_all()

    def _place(self) -> tuple[FloatArray, float]:
        """Middle of the floor, and how far all lies from it, mm."""
        centres = np.array([camera.centre for camera in self.cameras])
        points = self._drawn.reshape(-1, 3)
        if not len(points):
            middle = looked_at(self.cameras)
            far = float(np.median(np.linalg.norm(centres - middle, axis=1)))
            return middle, 5 * round_length(0.35 * far / 5)
        middle = np.median(points, axis=0)
        spread = float(np.percentile(np.linalg.norm(points - middle, axis=1), 95))
        height = floor_height(points, self._up)
        if height is not None:
            middle = middle + (height - middle @ self._up) * self._up
        return middle, 5 * round_length(1.2 * spread / 5)

    def _add_all(self) -> None:
        depth = 0.4 * self._nearest()
        edges = np.concatenate([frustum(camera, depth) for camera in self.cameras])
        self._far_ends = edges.reshape(-1, 3)
        around = np.concatenate([self._far_ends, self._drawn.reshape(-1, 3)])
        width = float(np.linalg.norm(np.ptp(around, axis=0))) / 350
        self._add_lines(floor_grid(self._middle, self._up, self.radius), "floor", _FLOOR, width)
        if len(self._drawn):
            lines = _edges(self._drawn)
            self._add_lines(lines, "boards", _BOARD, width).opacity = 0.5
            self.now = self._add_lines(_edges(self._drawn[:1]), "board now", _NOW, 2 * width)
            self.show_moment(0)
        self._add_lines(edges, "cameras", _CAMERA, width)
        self._add_names()
        self._add_axes(2 * width)

    def _nearest(self) -> float:
        """Distance of the nearest camera from the middle, or its like for a single one, mm."""
        away = [float(np.linalg.norm(camera.centre - self._middle)) for camera in self.cameras]
        return max(min(away), self.radius) * 0.5

    def _add_names(self) -> None:
        self.model.add_points(
            to_napari(np.array([camera.centre for camera in self.cameras])),
            name="camera names",
            size=self.radius / 30,
            face_color=_CAMERA,
            border_width=0,
            text={
                "string": [camera.name for camera in self.cameras],
                "color": "#e8edf2",
                "size": 10,
                "anchor": "upper_left",
            },
        )

    def _add_axes(self, width: float) -> None:
        """The axes of the world at its origin, named."""
        length = round_length(self.radius / 3)
        ends = np.eye(3) * length
        lines = np.stack([np.zeros((3, 3)), ends], axis=1)
        layer = self._add_lines(lines, "axes", _CAMERA, width)
        layer.edge_color = list(_AXES.values())
        self.model.add_points(
            to_napari(ends),
            name="axis names",
            size=width,
            face_color=list(_AXES.values()),
            border_width=0,
            text={"string": list(_AXES), "color": "#e8edf2", "size": 10, "anchor": "upper_left"},
        )

    def _add_lines(self, lines: FloatArray, name: str, color: str, width: float) -> Vectors:
        return self.model.add_vectors(
            _vectors(lines), name=name, vector_style="line", edge_color=color, edge_width=width
        )

    def show_moment(self, moment: int) -> None:
        """Let the board of this moment stand out."""
        if self.now is None or moment >= len(self.outlines):
            return
        here = self.outlines[moment]
        self.now.visible = bool(np.isfinite(here).all())
        if self.now.visible:
            self.now.data = _vectors(_edges(here[None]))

    def look(self) -> None:
        """Turn the view: from above, from where cameras hide each other least."""
        everything = np.concatenate([self._far_ends, self._drawn.reshape(-1, 3)])
        centres = np.array([camera.centre for camera in self.cameras])
        side = np.eye(3)[int(np.abs(self._up).argmin())]
        first = np.cross(self._up, side)
        first /= np.linalg.norm(first)
        second = np.cross(self._up, first)
        views = [
            _View.from_side(np.cos(turn) * first + np.sin(turn) * second, self._up)
            for turn in np.linspace(0, 2 * np.pi, _SIDES, endpoint=False)
        ]
        best = max(views, key=lambda view: view.apart(centres, everything))
        camera = self.model.scene.camera
        camera.set_view_direction(
            view_direction=tuple(to_napari(best.ahead)), up_direction=tuple(to_napari(self._up))
        )
        flat = best.flat(everything)
        low, high = flat.min(axis=0), flat.max(axis=0)
        depth = float(np.mean(everything @ best.ahead))
        middle = (low + high) / 2
        camera.center = tuple(
            to_napari(middle[0] * best.right + middle[1] * best.above + depth * best.ahead)
        )
        height, width = self.model.canvas.size
        wide, tall = np.maximum(high - low, self.radius)
        camera.zoom = _FILLED * min(height / tall, width / wide)


@dataclass(frozen=True, eq=False)
class _View:
    """A direction to look in: unit vectors ahead, to the right and up on the screen."""

    ahead: FloatArray
    right: FloatArray
    above: FloatArray

    @classmethod
    def from_side(cls, side: FloatArray, up: FloatArray) -> _View:
        """From a level direction, and from above."""
        ahead = -(side + _STEEP * up)
        ahead = ahead / np.linalg.norm(ahead)
        right = np.cross(ahead, up)
        right = right / np.linalg.norm(right)
        return cls(ahead, right, np.cross(right, ahead))

    def flat(self, points: FloatArray) -> FloatArray:
        """(N, 2) where points lie on the screen, to the right and up."""
        return points @ np.stack([self.right, self.above], axis=1)

    def apart(self, centres: FloatArray, everything: FloatArray) -> float:
        """How far apart the two nearest cameras are seen, relative to all there is."""
        places = self.flat(centres)
        distances = np.linalg.norm(places[:, None] - places[None], axis=-1)
        nearest = float(distances[~np.eye(len(places), dtype=bool)].min(initial=np.inf))
        return nearest / float(np.ptp(self.flat(everything), axis=0).max())


def outlines_of(boards: FloatArray) -> FloatArray:
    """(F, 4, 3) mm, the outermost corners of boards (F, M, 3), one after the other round them.

    Corners are counted row by row: the first step that leads elsewhere begins a new row. NaN where
    a board is NaN.
    """
    known = np.isfinite(boards).all(axis=(1, 2))
    if not known.any():
        return np.full((len(boards), 4, 3), np.nan)
    points = boards[known][0]
    steps = np.diff(points, axis=0)
    turns = np.linalg.norm(steps - steps[:1], axis=1) > 0.5 * np.linalg.norm(steps[0])
    across = int(np.argmax(turns)) + 1 if turns.any() else len(points)
    last = len(points) - 1
    return np.asarray(boards[:, [0, across - 1, last, last - across + 1]])


def _edges(outlines: FloatArray) -> FloatArray:
    """(4 F, 2, 3) lines round each outline."""
    return np.stack([outlines, np.roll(outlines, -1, axis=1)], axis=2).reshape(-1, 2, 3)


def _vectors(lines: FloatArray) -> FloatArray:
    ends = to_napari(lines)
    return np.stack([ends[:, 0], ends[:, 1] - ends[:, 0]], axis=1)
