"""Cameras of somebody else's package, found by its entry point; each behaves as a test needs it."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from napari_sdannce.capture.cameras import CameraInfo, CameraLostError
from napari_sdannce.synthetic.cameras import SyntheticCamera, SyntheticCameras

if TYPE_CHECKING:
    from napari_sdannce.capture.cameras import Frame, Health

METADATA = "Metadata-Version: 2.1\nName: lab-cameras\nVersion: 1.0\n"
ENTRY_POINTS = "[napari_sdannce.cameras]\nlab = lab_cameras:LabCameras\n"


class LabCamera(SyntheticCamera):
    """A test pattern, until the camera is told otherwise."""

    def __init__(self, info: CameraInfo) -> None:
        super().__init__(info)
        self.is_open = True
        self.lost: frozenset[int] = frozenset()
        """Exposures that never arrive."""
        self.raises: dict[str, Exception] = {}
        """What a method raises, by its name."""

    def unplug(self) -> None:
        """Have whoever uses it next hear that it is gone."""
        with self._changed:
            self._lost = CameraLostError(f"{self} is not there any more: unplugged")
            self._changed.notify_all()

    def arrives(self, number: int) -> bool:
        return number not in self.lost

    def arm(self) -> None:
        self._perhaps("arm")
        super().arm()

    def trigger(self) -> None:
        self._perhaps("trigger")
        super().trigger()

    def grab(self, timeout_s: float) -> Frame | None:
        self._perhaps("grab")
        frame = super().grab(timeout_s)
        return None if frame is None else self.delivered(frame)

    def delivered(self, frame: Frame) -> Frame:
        """What becomes of a frame before it is delivered."""
        return frame

    def disarm(self) -> None:
        super().disarm()
        if self.is_open:
            self._perhaps("disarm")

    def health(self) -> Health:
        self._perhaps("health")
        return super().health()

    def close(self) -> None:
        self.is_open = False
        super().close()
        self._perhaps("close")

    def _perhaps(self, method: str) -> None:
        if method in self.raises:
            raise self.raises[method]


class LabCameras(SyntheticCameras):
    """Cameras with the serial numbers 1 to 6, each of which may be of a class of its own."""

    name = "lab"
    classes: ClassVar[dict[str, type[LabCamera]]] = {}
    opened: ClassVar[list[LabCamera]] = []

    def open(self, serial: str) -> LabCamera:
        info = next(info for info in self.discover() if info.serial == serial)
        camera = self.classes.get(serial, LabCamera)(info)
        self.opened.append(camera)
        return camera
