"""The layers of the 3D view: keypoints and bones of the moment, cameras, floor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np
import numpy.typing as npt

from napari_sdannce.overlay.colors import bone_colors, keypoint_colors
from napari_sdannce.widgets import napari_adapter
from napari_sdannce.widgets.axes import to_napari
from napari_sdannce.widgets.drawn_marks import hide, hide_bones
from napari_sdannce.widgets.layer_data import filled_bones
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
    from napari.layers import Points, Vectors

    from napari_sdannce.overlay.colors import ColorBy
    from napari_sdannce.recording import Recording
    from napari_sdannce.skeletons import Skeleton

FloatArray = npt.NDArray[np.float64]

SAMPLED_MOMENTS = 200
"""Moments looked at to place the floor."""


class MarksInSpace(Protocol):
    """Keypoints of animals, as far as the 3D view looks at them."""

    name: str
    palette: tuple[int, ...]
    skeleton: Skeleton

    def moments(self) -> npt.NDArray[np.int64]:
        """Moments at which there is something."""
        ...

    def points_3d(self, moment: int) -> FloatArray:
        """(A, K, 3) mm, NaN where missing."""
        ...


class DrawnInSpace(Protocol):
    """Marks, which of them are shown, and how they are coloured."""

    @property
    def marks(self) -> MarksInSpace:
        """What is drawn."""
        ...

    @property
    def shown(self) -> npt.NDArray[np.bool_]:
        """(A, K)."""
        ...

    @property
    def color_by(self) -> ColorBy:
        """What a colour stands for."""
        ...


class ShownInSpace(Protocol):
    """A recording with what is drawn over it."""

    @property
    def recording(self) -> Recording:
        """Its cameras."""
        ...

    @property
    def drawn(self) -> Sequence[DrawnInSpace]:
        """Marks, in the order they were added."""
        ...

    @property
    def moment(self) -> int:
        """The moment that is looked at."""
        ...


class SceneLayers:
    """Fills a 3D viewer model with what a recording shows, and keeps it at the same moment."""

    def __init__(self, model: ViewerModel, shown: ShownInSpace) -> None:
        self.model = model
        self.shown = shown
        self.points: list[Points] = []
        self.bones: list[Vectors | None] = []
        """None of marks whose skeleton has none."""
        self._cameras = [view.camera for view in shown.recording.views if view.camera is not None]
        self._up = up_of(self._cameras)
        self._middle, self._radius = self._place_floor()
        with napari_adapter.adding_layers(self.model):
            self._add_surroundings()
            self._add_all_marks()

    def rebuild(self) -> None:
        """Make the layers of all marks anew: after marks were added, removed or painted."""
        with self.model.layers.batched_update():
            for layer in [*self.points, *self.bones]:
                if layer is not None:
                    self.model.layers.remove(layer)
            self.points, self.bones = [], []
            self._add_all_marks()

    def _add_all_marks(self) -> None:
        for drawn in self.shown.drawn:
            self._add_marks(drawn)
        self.refill(self.shown.moment)

    def refill(self, moment: int) -> None:
        """Move everything to a moment."""
        hidden = self._nowhere()
        for drawn, points, bones in zip(self.shown.drawn, self.points, self.bones, strict=False):
            joints = drawn.marks.points_3d(moment)
            shown = np.isfinite(joints).all(axis=-1) & drawn.shown
            flat = np.where(shown[..., None], to_napari(joints), hidden).reshape(-1, 3)
            points.data[...] = flat
            hide(points, ~shown.ravel(), self._colors_of(drawn))
            points.refresh(extent=False, thumbnail=False, highlight=False)
            if bones is not None:
                ends = drawn.marks.skeleton.bones
                bones.data[...] = filled_bones(joints, drawn.shown, ends, hidden)
                hide_bones(bones, self._bone_colors_of(drawn))
                bones.refresh(extent=False, thumbnail=False, highlight=False)

    @property
    def radius(self) -> float:
        """How far from the middle all lies, mm."""
        return self._radius

    def look(self) -> None:
        """Turn the view: from the front and above, the floor filling it."""
        first = self._cameras[0].centre - self._middle
        level = first - (first @ self._up) * self._up
        if np.linalg.norm(level) < 1e-6:
            level = np.roll(self._up, 1)
        # a little aside, so that the first camera does not stand in front of the animals
        level = level / np.linalg.norm(level)
        away = -(level + 0.5 * np.cross(self._up, level)) - 0.7 * self._up
        camera = self.model.scene.camera
        camera.set_view_direction(
            view_direction=tuple(to_napari(away)), up_direction=tuple(to_napari(self._up))
        )
        camera.center = tuple(to_napari(self._middle + 0.1 * self._radius * self._up))
        height, width = self.model.canvas.size
        # the corners of the floor are farther to the sides than up and down
        camera.zoom = min(height / 2.1, width / 2.7) / self._radius

    def _add_marks(self, drawn: DrawnInSpace) -> None:
        n_animals, n_keypoints = drawn.shown.shape
        n_bones = len(drawn.marks.skeleton.bones)
        place = self._nowhere()
        size = self._radius / 40
        bones = None
        if n_bones and n_animals:
            bones = self.model.add_vectors(
                np.tile(np.stack([place, np.zeros(3)]), (n_animals * n_bones, 1, 1)),
                name=f"{drawn.marks.name} bones",
                vector_style="line",
                edge_width=size / 3,
                edge_color=self._bone_colors_of(drawn),
            )
        points = self.model.add_points(
            np.tile(place, (n_animals * n_keypoints, 1)),
            name=drawn.marks.name,
            size=size,
            border_width=0,
            shading="spherical",
            face_color=self._colors_of(drawn)[0],
        )
        self.bones.append(bones)
        self.points.append(points)

    def _nowhere(self) -> FloatArray:
        """Where what is hidden waits: in a camera."""
        return to_napari(self._cameras[0].centre)

    def _colors_of(self, drawn: DrawnInSpace) -> tuple[FloatArray, FloatArray]:
        marks = drawn.marks
        colors = keypoint_colors(marks.skeleton, marks.palette, drawn.color_by).reshape(-1, 4)
        return colors, colors

    def _bone_colors_of(self, drawn: DrawnInSpace) -> FloatArray:
        marks = drawn.marks
        return bone_colors(marks.skeleton, marks.palette, drawn.color_by).reshape(-1, 4)

    def _place_floor(self) -> tuple[FloatArray, float]:
        middle = looked_at(self._cameras)
        far = float(np.median([np.linalg.norm(c.centre - middle) for c in self._cameras]))
        points = self._sampled_points()
        radius = 0.35 * far
        if len(points):
            middle = np.median(points, axis=0)
            spread = np.percentile(np.linalg.norm(points - middle, axis=1), 98)
            radius = min(max(1.3 * float(spread), 0.1 * far), 0.8 * far)
        height = floor_height(points, self._up)
        if height is not None:
            middle = middle + (height - middle @ self._up) * self._up
        return middle, 5 * round_length(radius / 5)

    def _sampled_points(self) -> FloatArray:
        found = [np.zeros((0, 3))]
        for drawn in self.shown.drawn:
            moments = drawn.marks.moments()
            some = moments[:: max(1, len(moments) // SAMPLED_MOMENTS)]
            found += [drawn.marks.points_3d(int(m)).reshape(-1, 3) for m in some]
        points = np.concatenate(found)
        return points[np.isfinite(points).all(axis=-1)]

    def _add_surroundings(self) -> None:
        lines = floor_grid(self._middle, self._up, self._radius)
        self._add_lines(lines, "floor", "#6b7886", self._radius / 120)
        depth = 0.45 * self._radius
        edges = np.concatenate([frustum(camera, depth) for camera in self._cameras])
        self._add_lines(edges, "cameras", "#c9d3df", self._radius / 120)
        self.model.add_points(
            to_napari(np.array([camera.centre for camera in self._cameras])),
            name="camera names",
            size=self._radius / 30,
            face_color="#c9d3df",
            border_width=0,
            text={
                "string": [camera.name for camera in self._cameras],
                "color": "#e8edf2",
                "size": 9,
                "anchor": "upper_left",
            },
        )

    def _add_lines(self, lines: FloatArray, name: str, color: str, width: float) -> None:
        ends = to_napari(lines)
        vectors = np.stack([ends[:, 0], ends[:, 1] - ends[:, 0]], axis=1)
        self.model.add_vectors(
            vectors, name=name, vector_style="line", edge_color=color, edge_width=width
        )
