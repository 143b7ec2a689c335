"""The 3D view in a dock beside the cameras."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QSize
from qtpy.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from napari_sdannce.widgets import napari_adapter
from napari_sdannce.widgets.scene_layers import SceneLayers

if TYPE_CHECKING:
    from qtpy.QtGui import QCloseEvent

    from napari_sdannce.widgets.recording_layers import RecordingLayers


_LOWEST = 240
"""px: low, so that the panels above have room in a small window."""
_SHARE = 0.33


class SceneView(QWidget):
    """An embedded 3D viewer that follows a recording."""

    def __init__(self, shown: RecordingLayers, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.model, self.canvas = napari_adapter.embedded_viewer(f"{shown.recording.name} in 3D")
        self.layers: SceneLayers | None = SceneLayers(self.model, shown)
        self._shown: RecordingLayers | None = shown
        self._reset = QPushButton("Reset 3D view")
        self._reset.setToolTip("Look from the front and above again. Drag turns, wheel zooms.")
        self._reset.clicked.connect(self._look)
        below = QHBoxLayout()
        below.addStretch()
        below.addWidget(self._reset)
        self.setMinimumHeight(_LOWEST)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        layout.addWidget(self.canvas, stretch=1)
        layout.addLayout(below)
        self._looked: tuple[float, ...] = ()
        self.model.canvas.events.size.connect(self._on_size)
        self._look()
        shown.moment_changed.connect(self._on_moment)
        shown.marks_changed.connect(self._on_marks)
        shown.closed.connect(self.shut)

    def sizeHint(self) -> QSize:
        """Large enough for a first look."""
        return QSize(420, 400)

    def _look(self) -> None:
        if self.layers is not None:
            self.layers.look()
            self._looked = self._camera_state()

    def _on_size(self, event: object = None) -> None:
        """The dock got its size: look again, unless the person has turned the view."""
        if self._looked == self._camera_state():
            self._look()

    def _camera_state(self) -> tuple[float, ...]:
        camera = self.model.scene.camera
        return (*camera.center, *camera.angles, camera.zoom)

    def _on_moment(self, moment: int) -> None:
        if self.layers is not None and self.isVisible():
            self.layers.refill(moment)

    def _on_marks(self) -> None:
        if self.layers is not None:
            self.layers.rebuild()

    def shut(self) -> None:
        """Leave the window and let go of the canvas."""
        shown, self._shown = self._shown, None
        if shown is None:
            return
        shown.moment_changed.disconnect(self._on_moment)
        shown.marks_changed.disconnect(self._on_marks)
        shown.closed.disconnect(self.shut)
        shown.scene = None
        self.layers = None
        napari_adapter.undock(shown.viewer, self)
        self.canvas.close()
        self.model.layers.clear()
        self.close()
        self.deleteLater()

    def closeEvent(self, event: QCloseEvent | None) -> None:
        """The user closed the dock."""
        self.shut()
        super().closeEvent(event)


def show_scene(shown: RecordingLayers) -> SceneView:
    """Dock a 3D view of a recording; the one that is there, when there is one."""
    if shown.scene is None:
        shown.scene = SceneView(shown)
        napari_adapter.dock(shown.viewer, shown.scene, "3D view")
        napari_adapter.give_height(shown.scene, _SHARE, _LOWEST)
    view: SceneView = shown.scene
    return view
