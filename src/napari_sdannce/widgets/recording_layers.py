"""One recording in one viewer: its camera layers and what is drawn over them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from psygnal import Signal

from napari_sdannce.widgets import napari_adapter
from napari_sdannce.widgets.drawn_marks import DrawnMarks
from napari_sdannce.widgets.framing import Framing, grid_shape, on_animal, whole_images
from napari_sdannce.widgets.layer_data import METADATA_KEY

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari.components import ViewerModel
    from napari.layers import Image, Layer

    from napari_sdannce.recording import Recording
    from napari_sdannce.video import RecordingVideo
    from napari_sdannce.widgets.colors import ColorBy
    from napari_sdannce.widgets.marks import Marks

AHEAD = 3
"""Moments decoded ahead, in threads, in the direction of the last step."""


class RecordingLayers:
    """The layers of one recording in one viewer.

    Follows the slider, keeps the grid in order, and lets go of everything when its camera layers are
    removed from the viewer. The layers hold it, so it lives exactly as long as they do.
    """

    moment_changed = Signal(int)
    marks_changed = Signal()
    cameras_changed = Signal()
    closed = Signal()

    def __init__(
        self,
        viewer: ViewerModel,
        recording: Recording,
        video: RecordingVideo,
        images: dict[str, Image],
    ) -> None:
        self.viewer = viewer
        self.recording = recording
        self.video = video
        self.images = dict(images)
        self.drawn: list[DrawnMarks] = []
        self.scene: Any = None
        self.moment = self._slider_moment()
        self._framings = dict.fromkeys(self.images, Framing())
        self._fitted: tuple[float, ...] = ()
        for image in self.images.values():
            image.metadata[METADATA_KEY] = self
            image.name_overlay.visible = True
            image.events.visible.connect(self._on_image_visible)
        viewer.dims.events.point.connect(self._on_slider, position="first")
        viewer.layers.events.removed.connect(self._on_removed)
        viewer.canvas.events.size.connect(self._on_canvas_size)
        self._arrange()
        self.show_whole_images()

    # -- what is shown ---------------------------------------------------------------------------

    @property
    def n_moments(self) -> int:
        """Number of moments, from the first to the last of any camera."""
        return int(self.video.n_moments)

    @property
    def sample_id(self) -> int:
        """Key of the current moment."""
        return int(self.video.sample_ids[self.moment])

    def size(self, camera: str) -> tuple[int, int]:
        """(width, height) of a camera's images."""
        shape = self.images[camera].data.shape
        return int(shape[2]), int(shape[1])

    def frame_of(self, camera: str) -> int | None:
        """Frame number of a camera at the current moment, None where it has none."""
        view = self.recording.names.index(camera)
        sync = self.recording.sync
        if sync is None:
            return self.moment
        frame = int(sync.frames[self.moment, view])
        return frame if frame >= 0 else None

    def go_to(self, moment: int) -> None:
        """Move the slider."""
        self.viewer.dims.set_point(self.viewer.dims.ndim - 3, moment)

    def show_camera(self, camera: str, visible: bool) -> None:
        """Show or hide a camera with everything drawn over it."""
        self.images[camera].visible = visible

    # -- marks -----------------------------------------------------------------------------------

    def add(
        self,
        marks: Marks,
        animals: Sequence[str | int] | None = None,
        keypoints: Sequence[str | int] | None = None,
    ) -> list[Layer]:
        """Draw marks over every camera; returns the new layers, bones and keypoints of each camera."""
        drawn = DrawnMarks(marks)
        drawn.choose(animals, keypoints)
        self.viewer.canvas.grid.enabled = False
        active = self.viewer.layers.selection.active
        for name, image in self.images.items():
            view = self.recording.names.index(name)
            above = self.viewer.layers.index(image) + 1 + 2 * len(self.drawn)
            layers = drawn.add_camera(name, view, self.size(name))
            _frame_marks(drawn, name, self._framings[name])
            for i, layer in enumerate(layers):
                layer.visible = image.visible
                self.viewer.layers.insert(above + i, layer)
        self.drawn.append(drawn)
        drawn.refill(self.moment)
        self.viewer.layers.selection.active = active
        self._arrange()
        self.marks_changed()
        return drawn.layers

    def remove(self, drawn: DrawnMarks) -> None:
        """Take marks off all cameras."""
        if drawn not in self.drawn:
            return
        self.drawn.remove(drawn)
        self.viewer.canvas.grid.enabled = False
        for layer in drawn.layers:
            if layer in self.viewer.layers:
                self.viewer.layers.remove(layer)
        self._arrange()
        self.marks_changed()

    def choose(
        self, drawn: DrawnMarks, animals: Sequence[str | int], keypoints: Sequence[str | int]
    ) -> None:
        """Show only these animals and keypoints."""
        drawn.choose(animals, keypoints)
        self.refill()

    def paint(self, by: ColorBy) -> None:
        """Colour all marks by keypoint or by animal."""
        for drawn in self.drawn:
            drawn.paint(by)
        self.marks_changed()

    def refill(self) -> None:
        """Draw the current moment anew."""
        for drawn in self.drawn:
            drawn.refill(self.moment)
        self.moment_changed(self.moment)

    # -- framing ---------------------------------------------------------------------------------

    def show_whole_images(self) -> None:
        """Undo any zoom: every camera's whole image in its cell."""
        self._apply(dict(zip(self.images, whole_images(self._sizes()), strict=True)))
        self._fit()

    def _fit(self) -> None:
        """Let the grid's cells, all alike, just hold an image."""
        self.viewer.fit_to_view(layers=list(self.images.values()), margin=0.02)
        self._fitted = self._camera_state()

    def _camera_state(self) -> tuple[float, ...]:
        camera = self.viewer.scene.camera
        return (*camera.center, camera.zoom)

    def zoom_to(self, drawn: DrawnMarks, animal: int) -> bool:
        """Bring an animal to the middle of every cell; False when no camera sees it now."""
        framings, seen = {}, False
        for name, one in drawn.cameras.items():
            joints = drawn.marks.draw(self.moment, one.view).joints[animal]
            seen |= bool(np.isfinite(joints).all(axis=-1).sum() >= 2)
            framings[name] = on_animal(joints, one.size)
        if not seen:
            return False
        self._apply(framings)
        rows, columns = self.viewer.canvas.grid.actual_shape(self.viewer.layers)
        height, width = self.viewer.canvas.size
        self.viewer.scene.camera.center = (0.0, 0.0, 0.0)
        self.viewer.scene.camera.zoom = 0.7 * min(height / rows, width / columns) / 100
        return True

    def _apply(self, framings: dict[str, Framing]) -> None:
        for name, framing in framings.items():
            if framing == self._framings[name]:
                continue
            self._framings[name] = framing
            _frame(self.images[name], framing)
            for drawn in self.drawn:
                _frame_marks(drawn, name, framing)

    def _camera_layers(self, name: str) -> list[Layer]:
        layers: list[Layer] = [self.images[name]]
        for drawn in self.drawn:
            if name in drawn.cameras:
                layers += [drawn.cameras[name].bones, drawn.cameras[name].points]
        return layers

    def _sizes(self) -> list[tuple[int, int]]:
        return [self.size(name) for name in self.images]

    def _arrange(self) -> None:
        """One cell a camera: the image and all that is drawn over it."""
        grid = self.viewer.canvas.grid
        grid.enabled = False
        grid.stride = 1 + 2 * len(self.drawn)
        if grid.spacing == 0:
            grid.spacing = 4
        self._shape_grid()
        grid.enabled = len(self.images) > 1

    def _shape_grid(self) -> None:
        n_visible = sum(image.visible for image in self.images.values())
        box = np.array(self._sizes()).max(axis=0)
        shape = grid_shape(n_visible, self.viewer.canvas.size, (float(box[0]), float(box[1])))
        if tuple(self.viewer.canvas.grid.shape) != shape:
            self.viewer.canvas.grid.shape = shape

    # -- events ----------------------------------------------------------------------------------

    def _slider_moment(self) -> int:
        dims = self.viewer.dims
        point = dims.point[-3] if dims.ndim >= 3 else 0
        return int(np.clip(round(float(point)), 0, self.n_moments - 1))

    def _on_slider(self, event: object = None) -> None:
        moment = self._slider_moment()
        if moment == self.moment:
            return
        self._decode_ahead(moment)
        self.moment = moment
        self.refill()

    def _decode_ahead(self, moment: int) -> None:
        step = moment - self.moment
        stride = step if abs(step) <= 10 else 1
        wanted = [moment + k * stride for k in range(AHEAD + 1)]
        self.video.prefetch([m for m in wanted if 0 <= m < self.n_moments])

    def _on_image_visible(self, event: Any) -> None:
        for name, image in self.images.items():
            for layer in self._camera_layers(name)[1:]:
                layer.visible = image.visible
        for drawn in self.drawn:
            drawn.refill(self.moment)
        self._on_canvas_size()
        self.cameras_changed()

    def _on_canvas_size(self, event: object = None) -> None:
        """The window or a dock was resized: keep what was fitted fitted, leave the user's own zoom."""
        untouched = self._fitted == self._camera_state()
        self._shape_grid()
        if untouched:
            self._fit()

    def _on_removed(self, event: Any) -> None:
        gone = event.value
        mine = [*self.images.values(), *(layer for one in self.drawn for layer in one.layers)]
        if any(gone is layer for layer in mine):
            # napari may be removing several layers in a row: tidy up when it is done
            napari_adapter.later(self._tidy)
            if not any(image in self.viewer.layers for image in self.images.values()):
                self.close()

    def _tidy(self) -> None:
        """Take away what belongs to removed layers, so that the grid stays in order."""
        if not self.images:
            return
        for drawn in list(self.drawn):
            if any(layer not in self.viewer.layers for layer in self._of_shown_cameras(drawn)):
                self.remove(drawn)
        for name in [n for n, image in self.images.items() if image not in self.viewer.layers]:
            for layer in self._camera_layers(name)[1:]:
                self.viewer.layers.remove(layer)
            for drawn in self.drawn:
                drawn.cameras.pop(name, None)
            self._release(self.images.pop(name))
        self._arrange()
        self.cameras_changed()

    def _of_shown_cameras(self, drawn: DrawnMarks) -> list[Layer]:
        return [
            layer
            for name, one in drawn.cameras.items()
            if self.images[name] in self.viewer.layers
            for layer in (one.points, one.bones)
        ]

    def _release(self, image: Image) -> None:
        image.metadata.pop(METADATA_KEY, None)
        image.events.visible.disconnect(self._on_image_visible)

    def close(self) -> None:
        """Let go of the viewer and the videos; layers still there are removed."""
        if not self.images:
            return
        self.viewer.dims.events.point.disconnect(self._on_slider)
        self.viewer.layers.events.removed.disconnect(self._on_removed)
        self.viewer.canvas.events.size.disconnect(self._on_canvas_size)
        layers = [layer for name in self.images for layer in self._camera_layers(name)]
        for image in self.images.values():
            self._release(image)
        self.images, self.drawn = {}, []
        for layer in layers:
            if layer in self.viewer.layers:
                self.viewer.layers.remove(layer)
        self.viewer.canvas.grid.enabled = False
        self.closed()
        self.video.close()


def _frame(layer: Layer, framing: Framing) -> None:
    more = layer.ndim - 2
    layer.scale = (*[1.0] * more, framing.scale, framing.scale)
    layer.translate = (*[0.0] * more, framing.row, framing.column)


def _frame_marks(drawn: DrawnMarks, camera: str, framing: Framing) -> None:
    for layer in (drawn.cameras[camera].bones, drawn.cameras[camera].points):
        _frame(layer, framing)
    drawn.set_diameter(camera, framing.diameter)


def shown_in(viewer: Any, recording: Recording | None = None) -> RecordingLayers | None:
    """The layers of a recording in this viewer (of any recording, when None), None when it is not shown."""
    for layer in napari_adapter.real_viewer(viewer).layers:
        shown = layer.metadata.get(METADATA_KEY)
        if (
            isinstance(shown, RecordingLayers)
            and any(image is layer for image in shown.images.values())
            and (recording is None or shown.recording.folder == recording.folder)
        ):
            return shown
    return None
