"""The rig in a dock of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QSize, Signal
from qtpy.QtWidgets import QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from napari_sdannce.widgets import napari_adapter
from napari_sdannce.widgets.calibrate.rig_layers import RigLayers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qtpy.QtGui import QCloseEvent

    from napari_sdannce.geometry import Camera
    from napari_sdannce.widgets.calibrate.rig_layers import FloatArray

_LOWEST = 260
_SHARE = 0.45


class RigView(QWidget):
    """An embedded 3D viewer of a rig.

    Parameters
    ----------
    viewer
        Whose window it is docked in.
    cameras, boards
        As for `RigLayers`.
    """

    shut_down = Signal()

    def __init__(
        self,
        viewer: Any,
        cameras: Sequence[Camera],
        boards: FloatArray,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self.model, self.canvas = napari_adapter.embedded_viewer("Rig")
        self.layers: RigLayers | None = RigLayers(self.model, cameras, boards)
        reset = QPushButton("Reset 3D view")
        reset.setToolTip("Look from the front and above again. Drag turns, wheel zooms.")
        reset.clicked.connect(self._look)
        legend = QLabel("Axes: x red, y green, z blue. Orange: the board now")
        legend.setStyleSheet("color: #9a9a9a; font-size: 11px")
        legend.setWordWrap(True)
        below = QHBoxLayout()
        below.addWidget(legend, stretch=1)
        below.addWidget(reset)
        self.setMinimumHeight(_LOWEST)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        layout.addWidget(self.canvas, stretch=1)
        layout.addLayout(below)
        self._looked: tuple[float, ...] = ()
        self.model.canvas.events.size.connect(self._on_size)
        self._look()

    def sizeHint(self) -> QSize:
        """Large enough for a first look."""
        return QSize(420, 420)

    def dock(self) -> None:
        """Show it in the window."""
        napari_adapter.dock(self._viewer, self, "The rig")
        # docks have no heights before they are laid out
        napari_adapter.later(lambda: napari_adapter.give_height(self, _SHARE, _LOWEST))

    def show_moment(self, moment: int) -> None:
        """Let the board of this moment stand out."""
        if self.layers is not None:
            self.layers.show_moment(moment)

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

    def shut(self) -> None:
        """Leave the window and let go of the canvas."""
        if self.layers is None:
            return
        self.layers = None
        self.shut_down.emit()
        napari_adapter.undock(self._viewer, self)
        self.canvas.close()
        self.model.layers.clear()
        self.close()
        self.deleteLater()

    def closeEvent(self, event: QCloseEvent | None) -> None:
        """The user closed the dock."""
        self.shut()
        super().closeEvent(event)
