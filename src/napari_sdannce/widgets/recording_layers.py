"""One recording in one viewer: its camera layers and what is drawn over them."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING, Any

import numpy as np
from psygnal import Signal

from napari_sdannce.widgets import napari_adapter
from napari_sdannce.widgets.cells import Cells
from napari_sdannce.widgets.drawn_marks import DrawnMarks
from napari_sdannce.widgets.edited_frame import EditedFrame
from napari_sdannce.widgets.framing import on_animal
from napari_sdannce.widgets.layer_data import METADATA_KEY

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from napari.components import ViewerModel
    from napari.layers import Image, Layer

    from napari_sdannce.overlay.colors import ColorBy
    from napari_sdannce.overlay.marks import Marks
    from napari_sdannce.recording import Recording
    from napari_sdannce.video import RecordingVideo
    from napari_sdannce.widgets.overlay import Overlay

AHEAD = 3
"""Moments decoded ahead, in threads, in the direction of the last step."""

ANIMAL_WIDTH = 100.0
"""Canvas units that an animal takes when it is zoomed to."""


@dataclass(frozen=True, eq=False, slots=True)
class LayerOrigin:
    """What the metadata of an overlay's layer says: whose it is, and over which camera."""

    camera: str
    overlay: Overlay
    shown: RecordingLayers


class RecordingLayers:
    """The layers of one recording in one viewer.

    Follows the slider, keeps the grid in order, and lets go of everything when its camera layers
    are removed from the viewer. The layers hold it, so it lives exactly as long as they do.
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
        self.overlays: list[Overlay] = []
        self.scene: Any = None
        self.cells = Cells(viewer, self.images, self.overlays)
        self.moment = self._slider_moment()
        self._changing = False
        for image in self.images.values():
            image.metadata[METADATA_KEY] = self
            if not image.name_overlay.visible:
                image.name_overlay.visible = True
            image.events.visible.connect(self._on_image_visible)
        viewer.dims.events.point.connect(self._on_slider, position="first")
        viewer.layers.events.removed.connect(self._on_removed)
        viewer.layers.events.inserted.connect(self._on_canvas_size)
        viewer.canvas.events.size.connect(self._on_canvas_size)
        self.cells.arrange()
        self.cells.show_whole_images()

    # what is shown

    @property
    def drawn(self) -> list[DrawnMarks]:
        """Marks over the cameras, in the order they were added."""
        return [overlay for overlay in self.overlays if isinstance(overlay, DrawnMarks)]

    @property
    def n_moments(self) -> int:
        """Number of moments, from the first to the last of any camera."""
        return int(self.video.n_moments)

    @property
    def sample_id(self) -> int:
        """Key of the current moment."""
        return int(self.video.sample_ids[self.moment])

    def frame_of(self, camera: str) -> int | None:
        """Frame number of a camera at the current moment, None where it has none."""
        sync = self.recording.sync
        if sync is None:
            return self.moment
        frame = int(sync.frames[self.moment, self.recording.names.index(camera)])
        return frame if frame >= 0 else None

    def go_to(self, moment: int) -> None:
        """Move the slider."""
        self.viewer.dims.set_point(self.viewer.dims.ndim - 3, moment)

    def show_camera(self, camera: str, visible: bool) -> None:
        """Show or hide a camera with everything drawn over it."""
        self.images[camera].visible = visible

    # overlays

    def add(
        self,
        marks: Marks,
        animals: Sequence[str | int] | None = None,
        keypoints: Sequence[str | int] | None = None,
    ) -> DrawnMarks:
        """Draw marks over every camera; an animal has the same colour in all sets of marks."""
        marks.palette = self._palette(marks.animals)
        drawn = DrawnMarks(marks)
        drawn.choose(animals, keypoints)
        self.add_overlay(drawn)
        return drawn

    def _palette(self, animals: Sequence[str]) -> tuple[int, ...]:
        """Colours that animals of these names have already, and the next free ones."""
        taken: dict[str, int] = {}
        for drawn in self.drawn:
            taken.update(zip(drawn.marks.animals, drawn.marks.palette, strict=True))
        for name in animals:
            if name not in taken:
                taken[name] = next(i for i in count() if i not in taken.values())
        return tuple(taken[name] for name in animals)

    def add_overlay(self, overlay: Overlay) -> None:
        """Put an overlay's layers over every camera."""
        if isinstance(overlay, EditedFrame):
            overlay.catch_clicks(self.viewer)
        with self._layers_changing(), napari_adapter.adding_layers(self.viewer):
            self.cells.insert(overlay, {name: i for i, name in enumerate(self.recording.names)})
            for name in self.images:
                for layer in overlay.layers_of(name):
                    layer.metadata[METADATA_KEY] = LayerOrigin(name, overlay, self)
            overlay.refill(self.moment)
            self.cells.arrange()
        self.marks_changed()

    def remove(self, overlay: Overlay) -> None:
        """Take an overlay off all cameras."""
        if overlay not in self.overlays:
            return
        self.overlays.remove(overlay)
        if isinstance(overlay, EditedFrame):
            overlay.release_clicks(self.viewer)
        with self._layers_changing(), self.viewer.layers.batched_update():
            self._remove_layers(overlay.layers)
            self.cells.arrange()
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
            drawn.refill(self.moment)
        self.marks_changed()

    def refill(self) -> None:
        """Draw the current moment anew."""
        for overlay in self.overlays:
            overlay.refill(self.moment)
        self.moment_changed(self.moment)

    def zoom_to(self, drawn: DrawnMarks, animal: int) -> bool:
        """Bring an animal to the middle of every cell; False when no camera sees it now."""
        framings, seen = {}, False
        for name, one in drawn.cameras.items():
            joints = drawn.marks.draw(self.moment, one.view).joints[animal]
            seen |= bool(np.isfinite(joints).all(axis=-1).sum() >= 2)
            framings[name] = on_animal(joints, one.size, ANIMAL_WIDTH)
        if seen:
            self.cells.show_middle(framings, 1.4 * ANIMAL_WIDTH)
        return seen

    # events

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

    def _on_image_visible(self, event: object = None) -> None:
        with self._layers_changing(), napari_adapter.adding_layers(self.viewer):
            for name, image in self.images.items():
                for layer in self._camera_layers(name)[1:]:
                    if layer.visible != image.visible:
                        layer.visible = image.visible
        for overlay in self.overlays:
            overlay.refill(self.moment)
        self.cells.keep_fitted()
        self.cameras_changed()

    def _on_canvas_size(self, event: object = None) -> None:
        if not self._changing:
            self.cells.keep_fitted()

    @contextmanager
    def _layers_changing(self) -> Iterator[None]:
        """Fit nothing while layers come and go."""
        self._changing = True
        try:
            yield
        finally:
            self._changing = False

    def _on_removed(self, event: Any) -> None:
        mine = [layer for name in self.images for layer in self._camera_layers(name)]
        if not any(event.value is layer for layer in mine):
            self._on_canvas_size()
            return
        if not any(image in self.viewer.layers for image in self.images.values()):
            self.close()
        else:
            # napari may be removing several layers in a row: tidy up when it is done
            napari_adapter.later(self._tidy)

    def _tidy(self) -> None:
        """Take away what belongs to removed layers, so that the grid stays in order."""
        if not self.images:
            return
        there = [n for n, image in self.images.items() if image in self.viewer.layers]
        for overlay in list(self.overlays):
            layers = [layer for name in there for layer in overlay.layers_of(name)]
            if any(layer not in self.viewer.layers for layer in layers):
                self.remove(overlay)
        with self._layers_changing(), self.viewer.layers.batched_update():
            for name in [n for n in self.images if n not in there]:
                over = self._camera_layers(name)[1:]
                for overlay in self.overlays:
                    overlay.forget_camera(name)
                self._release(self.images.pop(name))
                self._remove_layers(over)
            self.cells.arrange()
        self.cameras_changed()

    def _camera_layers(self, name: str) -> list[Layer]:
        over = [layer for overlay in self.overlays for layer in overlay.layers_of(name)]
        return [self.images[name], *over]

    def _remove_layers(self, layers: Sequence[Layer]) -> None:
        for layer in layers:
            layer.metadata.pop(METADATA_KEY, None)
            if layer in self.viewer.layers:
                self.viewer.layers.remove(layer)

    def _release(self, image: Image) -> None:
        image.metadata.pop(METADATA_KEY, None)
        image.events.visible.disconnect(self._on_image_visible)

    def close(self) -> None:
        """Let go of the viewer and the videos; layers still there are removed."""
        if not self.images:
            return
        self.viewer.dims.events.point.disconnect(self._on_slider)
        self.viewer.layers.events.removed.disconnect(self._on_removed)
        self.viewer.layers.events.inserted.disconnect(self._on_canvas_size)
        self.viewer.canvas.events.size.disconnect(self._on_canvas_size)
        layers = [layer for name in self.images for layer in self._camera_layers(name)]
        for overlay in self.overlays:
            if isinstance(overlay, EditedFrame):
                overlay.release_clicks(self.viewer)
        for image in self.images.values():
            self._release(image)
        self.images.clear()
        self.overlays.clear()
        with self.viewer.layers.batched_update():
            self._remove_layers(layers)
            self.viewer.canvas.grid.enabled = False
        self.closed()
        self.video.close()


def shown_in(viewer: Any, recording: Recording | None = None) -> RecordingLayers | None:
    """The layers of a recording (of any, when None) in this viewer; None when it is not shown."""
    for layer in napari_adapter.real_viewer(viewer).layers:
        shown = layer.metadata.get(METADATA_KEY)
        if (
            isinstance(shown, RecordingLayers)
            and any(image is layer for image in shown.images.values())
            and (recording is None or shown.recording.folder == recording.folder)
        ):
            return shown
    return None
