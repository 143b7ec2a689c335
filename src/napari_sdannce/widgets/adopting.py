"""Putting in order what napari's own "open file" added, and the panel beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import napari

from napari_sdannce.widgets import napari_adapter
from napari_sdannce.widgets.add_layers import add_marks, with_image_sizes
from napari_sdannce.widgets.layer_data import METADATA_KEY
from napari_sdannce.widgets.opening import (
    Failed,
    FoundFile,
    Opened,
    marks_of,
    open_marks,
    short_name,
)
from napari_sdannce.widgets.recording_layers import RecordingLayers, shown_in

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from napari.layers import Image


def when_inserted(opened: Opened, found: FoundFile | None) -> None:
    """Once napari has added the layers of `opened`, put them in order and draw `found` over them.

    Does nothing outside a viewer.
    """
    viewer = napari.current_viewer()
    if viewer is not None:
        _Adoption(napari_adapter.real_viewer(viewer), opened, found)


def draw_over_shown(found: FoundFile) -> bool:
    """Draw labels or predictions over their recording; False when it is not on screen."""
    viewer = napari.current_viewer()
    shown = None if viewer is None else shown_in(viewer)
    if shown is None or not found.path.is_relative_to(shown.recording.folder):
        return False
    draw(found, shown)
    return True


def draw(found: FoundFile, shown: RecordingLayers) -> None:
    """Open labels or predictions and draw them, starting at the first frame that has any.

    Raises
    ------
    ValueError
        When they cannot be opened, or belong to another recording.
    """
    result = open_marks(found, shown)
    if isinstance(result, Failed):
        raise ValueError(result.message)
    marks = marks_of(result, shown, short_name(found.path, shown.recording.folder))
    add_marks(shown, marks)
    moments = marks.moments()
    if len(moments) and shown.moment not in moments:
        shown.go_to(int(moments[0]))


class _Adoption:
    """Waits for the image layers of one recording to be in the viewer."""

    def __init__(self, viewer: ViewerModel, opened: Opened, found: FoundFile | None) -> None:
        self._viewer = viewer
        self._opened = opened
        self._found = found
        self._images: dict[str, Image] = {}
        # the emitter keeps a strong reference to a function, a weak one to a method
        self._listener = lambda event: self._on_inserted(event)
        viewer.layers.events.inserted.connect(self._listener)

    def _on_inserted(self, event: Any) -> None:
        layer = event.value
        name = layer.metadata.get(METADATA_KEY)
        expected = {options["metadata"][METADATA_KEY] for _, options, _ in self._opened.images}
        if isinstance(name, str) and name in expected:
            self._images[name] = layer
        if len(self._images) == len(expected):
            self._viewer.layers.events.inserted.disconnect(self._listener)
            napari_adapter.later(self._adopt)

    def _adopt(self) -> None:
        opened, viewer = self._opened, self._viewer
        if any(image not in viewer.layers for image in self._images.values()):
            return
        order = [options["metadata"][METADATA_KEY] for _, options, _ in opened.images]
        images = {name: self._images[name] for name in order}
        for place, image in enumerate(images.values()):
            viewer.layers.move(viewer.layers.index(image), place)
        recording = with_image_sizes(opened.recording, images)
        shown = RecordingLayers(viewer, recording, opened.video, images)
        shown.go_to(0)
        panel = napari_adapter.open_panel(viewer)
        if panel is not None:
            panel.follow(shown, opened.files)
        if self._found is None:
            return
        if panel is not None:
            panel.open_any(self._found.path)
        else:
            draw(self._found, shown)
