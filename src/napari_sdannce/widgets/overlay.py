"""What may lie over the cameras."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from napari.layers import Layer

    from napari_sdannce.overlay.marks import Marks


class OverCameras(Protocol):
    """Layers over every camera, the same number over each."""

    def add_camera(self, name: str, view: int, size: tuple[int, int]) -> tuple[Layer, ...]:
        """Make the layers over one camera, lowest first; `size` is (width, height) px."""
        ...

    def layers_of(self, camera: str) -> tuple[Layer, ...]:
        """Layers over one camera, lowest first; none when it has none."""
        ...

    def forget_camera(self, name: str) -> None:
        """Draw over this camera no more."""
        ...

    def set_diameter(self, camera: str, diameter: float) -> None:
        """Set the diameter of keypoints, px of the image."""
        ...

    def refill(self, moment: int) -> None:
        """Show a moment."""
        ...

    @property
    def layers(self) -> list[Layer]:
        """All layers, camera by camera."""
        ...


class Overlay(OverCameras, Protocol):
    """Marks that follow the slider, or a frame in edit."""

    @property
    def marks(self) -> Marks:
        """What is drawn."""
        ...
