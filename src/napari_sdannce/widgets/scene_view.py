"""The 3D view of a recording, in a dock beside its cameras."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_sdannce.widgets import napari_adapter
from napari_sdannce.widgets.scene_layers import SceneLayers
from napari_sdannce.widgets.space_view import SpaceView

if TYPE_CHECKING:
    from qtpy.QtWidgets import QWidget

    from napari_sdannce.widgets.recording_layers import RecordingLayers

_LOWEST = 240
_SHARE = 0.33


class SceneView(SpaceView):
    """An embedded 3D viewer that follows a recording."""

    def __init__(self, shown: RecordingLayers, parent: QWidget | None = None) -> None:
        title = f"{shown.recording.name} in 3D"
        super().__init__(shown.viewer, title, _LOWEST, parent=parent)
        self.layers: SceneLayers | None = SceneLayers(self.model, shown)
        self._shown = shown
        self.look()
        shown.moment_changed.connect(self._on_moment)
        shown.marks_changed.connect(self._on_marks)
        shown.closed.connect(self.shut)

    @property
    def filling(self) -> SceneLayers | None:
        """Its layers, None once they are gone."""
        return self.layers

    def _on_moment(self, moment: int) -> None:
        if self.layers is not None and self.isVisible():
            self.layers.refill(moment)

    def _on_marks(self) -> None:
        if self.layers is not None:
            self.layers.rebuild()

    def let_go(self) -> None:
        """Follow the recording no more."""
        self._shown.moment_changed.disconnect(self._on_moment)
        self._shown.marks_changed.disconnect(self._on_marks)
        self._shown.closed.disconnect(self.shut)
        self._shown.scene = None
        self.layers = None


def show_scene(shown: RecordingLayers) -> SceneView:
    """Dock a 3D view of a recording; the one that is there, when there is one."""
    if shown.scene is None:
        shown.scene = SceneView(shown)
        napari_adapter.dock(shown.viewer, shown.scene, "3D view")
        napari_adapter.give_height(shown.scene, _SHARE, _LOWEST)
    view: SceneView = shown.scene
    return view
