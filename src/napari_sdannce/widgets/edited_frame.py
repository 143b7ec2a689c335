"""One frame sent to edit: bones as shapes, keypoints as points that can be dragged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from napari.layers import Layer

from napari_sdannce.labels import Labels, LabelState
from napari_sdannce.widgets.axes import to_napari
from napari_sdannce.widgets.colors import bone_colors, keypoint_colors

if TYPE_CHECKING:
    from pathlib import Path

    from napari.components import ViewerModel
    from napari.layers import Points, Shapes

    from napari_sdannce.recording import Recording
    from napari_sdannce.widgets.drawn_marks import DrawnMarks
    from napari_sdannce.widgets.marks import Marks
    from napari_sdannce.widgets.recording_layers import RecordingLayers

IntArray = npt.NDArray[np.int64]


@dataclass(eq=False, slots=True)
class EditedCamera:
    """The two layers of one camera. `keys` (N, 2): animal and keypoint of each point."""

    view: int
    points: Points
    bones: Shapes
    keys: IntArray
    bone_ends: IntArray


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
        self.cameras[name] = EditedCamera(view, points, bones, keys, bone_ends)
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

    def labels(self, recording: Recording, frames: IntArray) -> Labels:
        """The edited frame as labels: every point placed by a person, 3D triangulated anew.

        Parameters
        ----------
        recording
            The recording, calibrated.
        frames
            (V,) frame number of each view at this moment.
        """
        from napari_sdannce.geometry import triangulate

        marks = self.marks
        labels = Labels.empty(
            recording.names,
            marks.skeleton,
            marks.animals,
            np.array([self.sample_id], dtype=np.int64),
            np.asarray(frames, dtype=np.int64)[:, None],
        )
        for one in self.cameras.values():
            animal, keypoint = one.keys.T
            labels.points_2d[one.view, 0, animal, keypoint] = to_napari(one.points.data)
            labels.states[one.view, 0, animal, keypoint] = LabelState.HUMAN
        labels.points_3d[:] = triangulate(recording.cameras, labels.points_2d).points
        return labels

    def _points_layer(self, name: str, joints: Any, keys: IntArray) -> Any:
        marks = self.marks
        colors = keypoint_colors(marks.skeleton, len(marks.animals), self.drawn.color_by)
        points = Layer.create(
            to_napari(joints).copy(),
            {
                "name": f"{name} edit {marks.name} at {self.sample_id}",
                "face_color": colors[tuple(keys.T)] if len(keys) else "white",
                "border_color": "white",
                "features": {
                    "animal": [marks.animals[a] for a, _ in keys],
                    "keypoint": [marks.skeleton.keypoints[k] for _, k in keys],
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
        colors = bone_colors(marks.skeleton, len(marks.animals), self.drawn.color_by)
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
        if self._following or one is None or len(one.points.data) != len(one.keys):
            return
        self._following = True
        one.bones.data = list(one.points.data[one.bone_ends])
        self._following = False

    def _bones_moved(self, camera: str) -> None:
        one = self.cameras.get(camera)
        if self._following or one is None or len(one.bones.data) != len(one.bone_ends):
            return
        before = one.points.data[one.bone_ends]
        after = np.array(one.bones.data)
        moved = np.argwhere(np.abs(after - before).max(axis=-1) > 1e-3)
        if not len(moved):
            return
        data = one.points.data.copy()
        for bone, end in moved:
            data[one.bone_ends[bone, end]] = after[bone, end]
        one.points.data = data  # the bones that share the point follow


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
    return write_dannce(path, dannce_from_labels(path, labels, recording.cameras, recording.sync))
