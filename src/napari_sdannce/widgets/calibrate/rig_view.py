"""The rig in a dock of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtCore import Signal

from napari_sdannce.widgets import napari_adapter
from napari_sdannce.widgets.calibrate.rig_layers import RigLayers
from napari_sdannce.widgets.space_view import SpaceView

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qtpy.QtWidgets import QWidget

    from napari_sdannce.geometry import Camera
    from napari_sdannce.widgets.calibrate.rig_layers import FloatArray

_LOWEST = 260
_SHARE = 0.38
_LEGEND = "Axes: x red, y green, z blue. Orange: the board now"


class RigView(SpaceView):
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
        super().__init__(viewer, "Rig", _LOWEST, _LEGEND, parent)
        self.layers: RigLayers | None = RigLayers(self.model, cameras, boards)
        self.look()

    @property
    def filling(self) -> RigLayers | None:
        """Its layers, None once they are gone."""
        return self.layers

    def dock(self) -> None:
        """Show it in the window."""
        napari_adapter.dock(self.viewer, self, "The rig")
        # docks have no heights before they are laid out
        napari_adapter.later(lambda: napari_adapter.give_height(self, _SHARE, _LOWEST))

    def show_moment(self, moment: int) -> None:
        """Let the board of this moment stand out."""
        if self.layers is not None:
            self.layers.show_moment(moment)

    def let_go(self) -> None:
        """Tell that it goes."""
        self.layers = None
        self.shut_down.emit()
