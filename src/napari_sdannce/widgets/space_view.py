"""A 3D viewer in a dock beside the cameras: what the views of recordings and of rigs share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from qtpy.QtCore import QSize
from qtpy.QtWidgets import QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from napari_sdannce.widgets import napari_adapter

if TYPE_CHECKING:
    from qtpy.QtGui import QCloseEvent


class LayersInSpace(Protocol):
    """What fills a 3D viewer."""

    def look(self) -> None:
        """Turn the viewer's camera so that all is seen."""
        ...


class SpaceView(QWidget):
    """An embedded 3D viewer that looks at its layers until the person turns it.

    Parameters
    ----------
    viewer
        Whose window it is docked in.
    title
        Of the viewer.
    lowest
        Height that it keeps, px: low, so that the panels above have room in a small window.
    legend
        Below it.
    """

    def __init__(
        self,
        viewer: Any,
        title: str,
        lowest: int,
        legend: str = "",
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.viewer = viewer
        self.model, self.canvas = napari_adapter.embedded_viewer(title)
        self.is_shut = False
        self._looked: tuple[float, ...] = ()
        words = QLabel(legend)
        words.setStyleSheet("color: #9a9a9a; font-size: 11px")
        words.setWordWrap(True)
        reset = QPushButton("Reset 3D view")
        reset.setToolTip("Look from the front and above again. Drag turns, wheel zooms.")
        reset.clicked.connect(self.look)
        below = QHBoxLayout()
        below.addWidget(words, stretch=1)
        below.addWidget(reset)
        self.setMinimumHeight(lowest)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        layout.addWidget(self.canvas, stretch=1)
        layout.addLayout(below)
        self.model.canvas.events.size.connect(self._on_size)

    @property
    def filling(self) -> LayersInSpace | None:
        """Its layers, None once they are gone."""
        raise NotImplementedError

    def sizeHint(self) -> QSize:
        """Large enough for a first look."""
        return QSize(420, 400)

    def look(self) -> None:
        """Look at all there is."""
        if self.filling is not None:
            self.filling.look()
            self._looked = self._camera_state()

    def _on_size(self, event: object = None) -> None:
        """The dock got its size: look again, unless the person has turned the view."""
        if self._looked == self._camera_state():
            self.look()

    def _camera_state(self) -> tuple[float, ...]:
        camera = self.model.scene.camera
        return (*camera.center, *camera.angles, camera.zoom)

    def let_go(self) -> None:
        """Let go of what it follows; called once, before it leaves the window."""
        raise NotImplementedError

    def shut(self) -> None:
        """Leave the window and let go of the canvas."""
        if self.is_shut:
            return
        self.is_shut = True
        self.let_go()
        napari_adapter.undock(self.viewer, self)
        self.canvas.close()
        self.model.layers.clear()
        self.close()
        self.deleteLater()

    def closeEvent(self, event: QCloseEvent | None) -> None:
        """The user closed the dock."""
        self.shut()
        super().closeEvent(event)
