"""Cameras that show prepared images with the noise of a sensor, for benchmarks of the recorder."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from napari_sdannce.capture.back_ends.pictures import PictureCamera
from napari_sdannce.capture.cameras import CameraInfo, Format, PixelLayout
from napari_sdannce.capture.recorder import rig
from napari_sdannce.settings.capture import CaptureSettings

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    import numpy as np

    from napari_sdannce.settings.capture import CameraSettings

KIND = "noise"


class NoiseCamera(PictureCamera):
    """A camera that shows images again and again, at any rate."""

    def __init__(self, info: CameraInfo, images: Sequence[np.ndarray]) -> None:
        super().__init__(info)
        self._images = images
        self._first = 7 * int(info.serial)

    def __str__(self) -> str:
        return f"noise camera {self.info.serial}"

    def prepare(self, wanted: CameraSettings, fps: float) -> Format:
        height, width = self._images[0].shape
        return Format(width, height, PixelLayout.MONO, fps)

    def picture(self, number: int) -> np.ndarray:
        return self._images[(self._first + number) % len(self._images)].copy()


class NoiseCameras:
    """As many as are asked for."""

    def __init__(self, images: Sequence[np.ndarray]) -> None:
        self._images = images

    def open(self, serial: str) -> NoiseCamera:
        return NoiseCamera(CameraInfo(KIND, serial, "noise"), self._images)


@contextmanager
def noise_cameras(images: Sequence[np.ndarray]) -> Iterator[None]:
    """Let the recorder find them."""
    usual = rig.open_back_end
    rig.open_back_end = lambda name: NoiseCameras(images) if name == KIND else usual(name)
    try:
        yield
    finally:
        rig.open_back_end = usual


def settings_of(folder: Path, count: int, fps: float, **more: Any) -> CaptureSettings:
    """Settings of so many of them."""
    cameras = [
        {"name": f"Camera{n}", "back_end": KIND, "serial": str(n)} for n in range(1, count + 1)
    ]
    values = {"folder": folder, "fps": fps, "keep_free_gb": 0, "cameras": cameras}
    return CaptureSettings.model_validate({**values, **more})
