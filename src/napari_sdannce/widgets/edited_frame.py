"""One frame sent to edit: bones as shapes, keypoints as points that can be dragged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from napari.layers import Layer

from napari_sdannce.labels import HUMAN_STATES, LabelState
from napari_sdannce.overlay.colors import bone_colors, keypoint_colors
from napari_sdannce.widgets.axes import to_napari

if TYPE_CHECKING:
    from pathlib import Path

    from napari.components import ViewerModel
    from napari.layers import Points, Shapes

    from napari_sdannce.labels import Labels
    from napari_sdannce.overlay.marks import Marks
    from napari_sdannce.recording import Recording
    from napari_sdannce.widgets.drawn_marks import DrawnMarks
    from napari_sdannce.widgets.recording_layers import RecordingLayers

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]

ROW = "number"
"""Feature that tells which of the copied points a point is, also when others were deleted."""
SAME = 1e-3
"""Points closer than this to where they were have not been moved, px."""


@dataclass(eq=False, slots=True)
class EditedCamera:
    """The two layers of one camera.

    `keys` (N, 2): animal and keypoint of each point that was copied, `start` (N, 2) where it was
    (row, column); `bone_ends` (M, 2): the two points of each bone.
    """

    view: int
    points: Points
    bones: Shapes
    keys: IntArray
    start: FloatArray
    bone_ends: IntArray

    def places(self) -> FloatArray:
        """(N, 2) where each copied point is now, (row, column); NaN where it was deleted.

        Raises
        ------
        ValueError
            When points were added.
        """
        rows = self.points.features[ROW].to_numpy()
        if len(np.unique(rows)) != len(rows):
            raise ValueError(
                f"a point was added to '{self.points.name}': keypoints can be moved and deleted "
                "there, not added; delete it, or undo"
            )
        places = np.full_like(self.start, np.nan)
        places[rows.astype(np.int64)] = self.points.data
        return places


class EditedFrame:
    """A copy of one moment's keypoints that a person may move, camera by camera.

    Dragging a point moves its bones, and dragging an end of a bone moves its point. The poses or
    labels it came from stay as they are.
    """

    def __init__(self, drawn: DrawnMarks, moment: int, sample_id: int) -> None:
        self.drawn = drawn
        self.moment = moment
        self.sample_id = sample_id
        self.cameras: dict[str, EditedCamera] = {}
        self._following = False
        self._saved: dict[str, FloatArray] = {}

    @property
    def marks(self) -> Marks:
        """What it was copied from."""
        return self.drawn.marks

    @property
    def layers(self) -> list[Layer]:
        """All layers, camera by camera."""
        return [layer for name in self.cameras for layer in self.layers_of(name)]

    def layers_of(self, camera: str) -> tuple[Layer, ...]:
        """Layers over one camera, lowest first; none when it has none."""
        one = self.cameras.get(camera)
        return () if one is None else (one.bones, one.points)

    def forget_camera(self, name: str) -> None:
        """Draw over this camera no more."""
        self.cameras.pop(name, None)

    def add_camera(self, name: str, view: int, size: tuple[int, int]) -> tuple[Layer, ...]:
        """Make the layers over one camera: what is shown there now, bones below keypoints."""
        marks = self.marks
        joints = marks.draw(self.moment, view).joints
        there = np.isfinite(joints).all(axis=-1) & self.drawn.shown
        keys = np.argwhere(there)
        place = np.full(there.shape, -1)
        place[there] = np.arange(len(keys))
        ends = [
            (a, b, animal, i)
            for animal in range(len(marks.animals))
            for i, (a, b) in enumerate(marks.skeleton.bones)
            if there[animal, a] and there[animal, b]
        ]
        bone_ends = np.array(
            [(place[animal, a], place[animal, b]) for a, b, animal, _ in ends], dtype=np.int64
        ).reshape(-1, 2)
        points = self._points_layer(name, joints[there], keys)
        bones = self._bones_layer(name, points.data, bone_ends, [e[2:] for e in ends])
        self.cameras[name] = EditedCamera(view, points, bones, keys, points.data.copy(), bone_ends)
        points.events.data.connect(lambda event, camera=name: self._points_moved(camera))
        bones.events.data.connect(lambda event, camera=name: self._bones_moved(camera))
        return bones, points

    def set_diameter(self, camera: str, diameter: float) -> None:
        """Set the diameter of keypoints, px of the image; a little larger, to be caught."""
        one = self.cameras[camera]
        one.points.size = 1.3 * diameter
        if len(one.bone_ends):
            one.bones.edge_width = diameter / 4

    def refill(self, moment: int) -> None:
        """Show the edited frame at its own moment only."""
        for one in self.cameras.values():
            for layer in (one.points, one.bones):
                layer.opacity = 1.0 if moment == self.moment else 0.0

    def catch_clicks(self, viewer: ViewerModel) -> None:
        """Let a press in any cell go to the points of its camera, whatever layer is selected."""
        viewer.mouse_drag_callbacks.append(self._on_press)

    def release_clicks(self, viewer: ViewerModel) -> None:
        """Catch clicks no more."""
        if self._on_press in viewer.mouse_drag_callbacks:
            viewer.mouse_drag_callbacks.remove(self._on_press)

    def _on_press(self, viewer: ViewerModel, event: Any) -> None:
        cell = getattr(event, "viewbox", None)
        if cell is None:
            return
        there = [viewer.layers[i] for i in viewer.canvas.grid.contents_at(cell, viewer.layers)]
        for one in self.cameras.values():
            if any(layer is one.points for layer in there):
                viewer.layers.selection.active = one.points

    @property
    def is_unsaved(self) -> bool:
        """Whether a person moved, deleted or added points since the start or the last saving."""
        return any(
            not np.array_equal(one.points.data, self._saved.get(name, one.start))
            for name, one in self.cameras.items()
        )

    def mark_saved(self) -> None:
        """Note that everything is in a file."""
        self._saved = {name: one.points.data.copy() for name, one in self.cameras.items()}

    def labels(self, recording: Recording, frames: IntArray) -> Labels:
        """The edited frame as labels.

        What was moved is placed by a person, what was deleted is not in view; all other points keep
        their state, and their keypoint its 3D position. A keypoint that was touched is triangulated
        anew: from the views where a person placed it when they are two or more, else from all.

        Parameters
        ----------
        recording
            The recording, calibrated.
        frames
            (V,) frame number of each view at this moment.

        Raises
        ------
        ValueError
            When points were added.
        """
        from napari_sdannce.geometry import triangulate

        labels = self.marks.labels(self.moment, self.sample_id, frames)
        touched = np.zeros(labels.points_3d.shape[1:-1], dtype=bool)
        for one in self.cameras.values():
            places = one.places()
            deleted = np.asarray(np.isnan(places).any(axis=-1))
            moved = np.abs(places - one.start).max(axis=-1, initial=0) > SAME
            changed = np.logical_or(deleted, moved)
            animal, keypoint = one.keys[changed].T
            labels.points_2d[one.view, 0, animal, keypoint] = to_napari(places[changed])
            labels.states[one.view, 0, animal, keypoint] = np.where(
                deleted[changed], LabelState.NOT_IN_VIEW, LabelState.HUMAN
            )
            touched[animal, keypoint] = True
        by_person = np.isin(labels.states, HUMAN_STATES)
        deciding = np.logical_or(by_person, np.sum(by_person, axis=0) < 2)
        pixels = np.where(np.asarray(deciding)[..., None], labels.points_2d, np.nan)
        labels.points_3d[0, touched] = triangulate(recording.cameras, pixels[:, 0, touched]).points
        return labels

    def _points_layer(self, name: str, joints: Any, keys: IntArray) -> Any:
        marks = self.marks
        colors = keypoint_colors(marks.skeleton, marks.palette, self.drawn.color_by)
        points = Layer.create(
            to_napari(joints).copy(),
            {
                "name": f"{name} edit {marks.name} at {self.sample_id}",
                "face_color": colors[tuple(keys.T)] if len(keys) else "white",
                "border_color": "white",
                "features": {
                    "animal": [marks.animals[a] for a, _ in keys],
                    "keypoint": [marks.skeleton.keypoints[k] for _, k in keys],
                    ROW: np.arange(len(keys)),
                },
                "axis_labels": ("y", "x"),
                "units": ("pixel", "pixel"),
                "ndim": 2,
            },
            "points",
        )
        points.mode = "select"
        return points

    def _bones_layer(
        self, name: str, points: Any, bone_ends: IntArray, owners: list[tuple[int, int]]
    ) -> Any:
        marks = self.marks
        colors = bone_colors(marks.skeleton, marks.palette, self.drawn.color_by)
        return Layer.create(
            list(points[bone_ends]),
            {
                "name": f"{name} edit {marks.name} bones",
                "shape_type": "line",
                "edge_color": np.array([colors[a, b] for a, b in owners]) if owners else "white",
                "axis_labels": ("y", "x"),
                "units": ("pixel", "pixel"),
                "ndim": 2,
            },
            "shapes",
        )

    def _points_moved(self, camera: str) -> None:
        one = self.cameras.get(camera)
        if self._following or one is None:
            return
        try:
            places = one.places()
        except ValueError:
            return  # a point was added; saving says so
        self._following = True
        _move_bones(one, places)
        self._following = False

    def _bones_moved(self, camera: str) -> None:
        one = self.cameras.get(camera)
        if self._following or one is None or len(one.bones.data) != len(one.bone_ends):
            return
        rows = one.points.features[ROW].to_numpy().astype(np.int64)
        data, place = one.points.data.copy(), {int(row): i for i, row in enumerate(rows)}
        for ends, bone in zip(one.bone_ends, np.array(one.bones.data), strict=True):
            for end, after in zip(ends.tolist(), bone, strict=True):
                if end in place and np.abs(data[place[end]] - after).max() > SAME:
                    data[place[end]] = after
        if (data != one.points.data).any():
            one.points.data = data  # the bones that share the point follow


def _move_bones(one: EditedCamera, places: FloatArray) -> None:
    """Let bones follow points at `places` (N, 2); those that lost an end go."""
    whole = np.isfinite(places[one.bone_ends]).all(axis=(-1, -2))
    if not whole.all():
        colors = one.bones.edge_color[whole]
        one.bone_ends = one.bone_ends[whole]
        one.bones.selected_data = set(np.flatnonzero(~whole).tolist())
        one.bones.remove_selected()
        one.bones.edge_color = colors
    one.bones.data = list(places[one.bone_ends])


def save_edit(edited: EditedFrame, shown: RecordingLayers, path: Path) -> Path:
    """Save an edited frame as a label file; an existing file is not replaced.

    Raises
    ------
    ValueError
        When a camera has no calibration.
    FileExistsError
        When the file exists.
    """
    from napari_sdannce.files.dannce_labels import dannce_from_labels
    from napari_sdannce.files.dannce_mat import write_dannce

    recording = shown.recording
    numbers = [shown.video.frame_of(edited.moment, v) for v in range(len(recording.views))]
    frames = np.array([-1 if number is None else number for number in numbers])
    labels = edited.labels(recording, frames)
    saved = write_dannce(path, dannce_from_labels(path, labels, recording.cameras, recording.sync))
    edited.mark_saved()
    return saved
