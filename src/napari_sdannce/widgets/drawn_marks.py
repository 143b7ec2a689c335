"""Marks as layers: one points layer and one bones layer over each camera, refilled in place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from napari.layers import Layer

from napari_sdannce.overlay.colors import ColorBy, bone_colors
from napari_sdannce.widgets.axes import mask_of
from napari_sdannce.widgets.layer_data import (
    bones_layer_data,
    filled_bones,
    filled_points,
    nowhere,
    point_colors,
    points_layer_data,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt
    from napari.layers import Points, Vectors

    from napari_sdannce.overlay.marks import Marks


@dataclass(frozen=True, eq=False, slots=True)
class CameraMarks:
    """The layers of one set of marks over one camera."""

    view: int
    size: tuple[int, int]
    points: Points
    bones: Vectors | None
    """None of a skeleton that has none."""

    @property
    def layers(self) -> tuple[Layer, ...]:
        """Lowest first."""
        return (self.points,) if self.bones is None else (self.bones, self.points)


class DrawnMarks:
    """One set of marks drawn over the cameras of a recording.

    Layers keep the same rows at every moment; a step changes positions in place, which costs
    the same however long the recording is, and is several times cheaper than new data.
    """

    def __init__(self, marks: Marks) -> None:
        self.marks: Marks = marks
        self.cameras: dict[str, CameraMarks] = {}
        self.color_by = ColorBy.KEYPOINT if len(marks.animals) == 1 else ColorBy.ANIMAL
        self.paint(self.color_by)
        shape = (len(marks.animals), len(marks.skeleton.keypoints))
        self.shown: npt.NDArray[np.bool_] = np.ones(shape, dtype=bool)

    def add_camera(self, name: str, view: int, size: tuple[int, int]) -> tuple[Layer, ...]:
        """Make the layers over one camera (bones below keypoints), not yet in any viewer."""
        bones = None
        if self.marks.skeleton.bones and self.marks.animals:
            bones = Layer.create(*bones_layer_data(name, self.marks, self.color_by))
            bones.edge_color[...] = 0  # nothing is to be seen before the first refill
        points = Layer.create(*points_layer_data(name, self.marks, self.color_by))
        for colors in (points.face_color, points.border_color):
            colors[...] = 0
        one = self.cameras[name] = CameraMarks(view, size, points, bones)
        for layer in one.layers:
            layer.editable = False
        return one.layers

    def layers_of(self, camera: str) -> tuple[Layer, ...]:
        """Layers over one camera, lowest first; none when it has none."""
        one = self.cameras.get(camera)
        return () if one is None else one.layers

    def forget_camera(self, name: str) -> None:
        """Draw over this camera no more."""
        self.cameras.pop(name, None)

    @property
    def layers(self) -> list[Layer]:
        """All layers, camera by camera."""
        return [layer for name in self.cameras for layer in self.layers_of(name)]

    def choose(
        self,
        animals: Sequence[str | int] | None = None,
        keypoints: Sequence[str | int] | None = None,
    ) -> None:
        """Show only these animals and keypoints, by name or index; None: all."""
        which_animals = mask_of(animals, self.marks.animals, "animal")
        which_keypoints = mask_of(keypoints, self.marks.skeleton.keypoints, "keypoint")
        self.shown = np.outer(which_animals, which_keypoints)

    def paint(self, by: ColorBy) -> None:
        """Colour by keypoint or by animal, from the next `refill` on."""
        self.color_by = by
        self._colors = point_colors(self.marks, by)
        self._bone_colors = bone_colors(self.marks.skeleton, self.marks.palette, by).reshape(-1, 4)

    def set_diameter(self, camera: str, diameter: float) -> None:
        """Set the diameter of keypoints, px of the image; bones are a third as thick."""
        one = self.cameras[camera]
        one.points.size = diameter
        if one.bones is not None:
            one.bones.edge_width = max(0.1, diameter / 3)

    def refill(self, moment: int) -> None:
        """Move every visible layer to a moment."""
        for one in self.cameras.values():
            if any(layer.visible for layer in one.layers):
                self._refill_camera(one, moment)

    def _refill_camera(self, one: CameraMarks, moment: int) -> None:
        drawing = self.marks.draw(moment, one.view)
        positions, shown = filled_points(drawing, self.shown)
        changed = shown.any() or one.points.shown.any()
        one.points.data[...] = positions
        hide(one.points, ~shown, self._colors)
        if one.bones is not None:
            ends = self.marks.skeleton.bones
            one.bones.data[...] = filled_bones(drawing.joints, self.shown, ends, nowhere())
            hide_bones(one.bones, self._bone_colors)
        for layer in one.layers if changed else ():
            _redraw(layer)


def hide(
    points: Points,
    hidden: npt.NDArray[np.bool_],
    colors: tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]],
) -> None:
    """Let some points not be seen, in place; `colors` are the faces and borders of the others.

    napari 0.9 pays heed to `shown` only where a layer has more dimensions than are displayed, so
    the colours say it as well.
    """
    points.shown[...] = ~hidden
    for kept, own in zip((points.face_color, points.border_color), colors, strict=True):
        kept[...] = own
        kept[hidden] = 0


def hide_bones(bones: Vectors, colors: npt.NDArray[np.float64]) -> None:
    """Let bones without length not be seen, in place; napari would draw a dot."""
    bones.edge_color[...] = colors
    bones.edge_color[(bones.data[:, 1] == 0).all(axis=-1)] = 0


def _redraw(layer: Layer) -> None:
    """Show data changed in place; the extent is the same, a new thumbnail is not worth its time."""
    layer.refresh(extent=False, thumbnail=False, highlight=False)
