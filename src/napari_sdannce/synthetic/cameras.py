"""Cameras that show a pattern with their number and that of the exposure in it.

They come through the entry point ``napari_sdannce.cameras``, as those of anybody else would.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_sdannce.capture.back_ends.pictures import PictureCamera
from napari_sdannce.capture.back_ends.refusing import no_such_camera, refuse_others
from napari_sdannce.capture.cameras import (
    CameraInfo,
    Capabilities,
    Format,
    Level,
    PixelLayout,
    SettingRefusedError,
    Trigger,
)
from napari_sdannce.synthetic.stamp import MIN_HEIGHT, MIN_WIDTH, Stamp, draw_stamp

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_sdannce.capture.back_ends.pictures import Clock
    from napari_sdannce.capture.cameras import Image
    from napari_sdannce.settings.capture import CameraSettings

N_CAMERAS = 6
LARGEST = 8192
"""Longest side of an image, px."""
_TAKES = ("width", "height", "pixel_format", "features")
_BAR_PX = 4
_LAYOUTS = {
    "Mono8": PixelLayout.MONO,
    "RGB8": PixelLayout.RGB,
    "BGR8": PixelLayout.BGR,
    "BayerRG8": PixelLayout.BAYER_RG,
    "BayerBG8": PixelLayout.BAYER_BG,
    "BayerGR8": PixelLayout.BAYER_GR,
    "BayerGB8": PixelLayout.BAYER_GB,
}
_FILTERS = {
    PixelLayout.BAYER_RG: ((0, 1), (1, 2)),
    PixelLayout.BAYER_BG: ((2, 1), (1, 0)),
    PixelLayout.BAYER_GR: ((1, 0), (2, 1)),
    PixelLayout.BAYER_GB: ((1, 2), (0, 1)),
}
"""Which colour the four pixels of a Bayer filter see: 0 red, 1 green, 2 blue."""
_LUMA = np.array([0.299, 0.587, 0.114])


class SyntheticCameras:
    """Six cameras, with the serial numbers 1 to 6."""

    name = "synthetic"
    serials = f"1 to {N_CAMERAS}"
    capabilities = Capabilities(*[Level.FULL] * 5)

    def discover(self) -> Sequence[CameraInfo]:
        """All of them."""
        return [
            CameraInfo(self.name, str(number + 1), "test pattern") for number in range(N_CAMERAS)
        ]

    def open(self, serial: str) -> SyntheticCamera:
        """Take hold of one."""
        found = self.discover()
        info = next((each for each in found if each.serial == serial), None)
        if info is None:
            raise no_such_camera(self.name, serial, found)
        return SyntheticCamera(info)


class SyntheticCamera(PictureCamera):
    """A camera that shows red, green and blue ramps, a bar that moves, and a stamp."""

    triggers = frozenset(Trigger)

    def __init__(self, info: CameraInfo, clock: Clock | None = None) -> None:
        super().__init__(info, clock)
        self.number = int(info.serial)
        self._layout = PixelLayout.MONO
        self._size = (640, 512)
        self._still = pattern(*self._size, self._layout)

    def __str__(self) -> str:
        return f"synthetic camera {self.info.serial}"

    def prepare(self, wanted: CameraSettings, fps: float) -> Format:
        """Draw what does not move."""
        refuse_others(str(self), wanted, _TAKES)
        width, height = wanted.width or self._size[0], wanted.height or self._size[1]
        layout = self._layout
        if wanted.pixel_format is not None:
            if wanted.pixel_format not in _LAYOUTS:
                raise SettingRefusedError(
                    f"{self}: pixel_format {wanted.pixel_format}: it takes {', '.join(_LAYOUTS)}"
                )
            layout = _LAYOUTS[wanted.pixel_format]
        self._check_side("width", width, MIN_WIDTH, layout)
        self._check_side("height", height, MIN_HEIGHT, layout)
        self._size, self._layout = (width, height), layout
        self._still = pattern(width, height, layout)
        return Format(width, height, layout, fps)

    def picture(self, number: int) -> Image:
        """The pattern with a bar and the stamp of the exposure."""
        image = self._still.copy()
        left = number * _BAR_PX % self._size[0]
        image[:, left : left + _BAR_PX] = 255
        draw_stamp(image, Stamp(self.number, number))
        return image

    def _check_side(self, name: str, value: int, least: int, layout: PixelLayout) -> None:
        step = 2 if layout in _FILTERS else 1
        if not least <= value <= LARGEST or value % step:
            steps = " in steps of 2" if step == 2 else ""
            raise SettingRefusedError(
                f"{self}: {name} {value}: it takes {least} to {LARGEST}{steps}"
            )


def pattern(width: int, height: int, layout: PixelLayout) -> Image:
    """Ramps from black at the top to red, green and blue below, side by side."""
    rgb = np.zeros((height, width, 3), dtype=np.uint8)
    ramp = np.linspace(0, 255, height).astype(np.uint8)[:, None]
    for channel in range(3):
        rgb[:, channel * width // 3 : (channel + 1) * width // 3, channel] = ramp
    if layout is PixelLayout.RGB:
        return rgb
    if layout is PixelLayout.BGR:
        return np.ascontiguousarray(rgb[..., ::-1])
    if layout is PixelLayout.MONO:
        return np.asarray(np.rint(rgb @ _LUMA), dtype=np.uint8)
    image = np.empty((height, width), dtype=np.uint8)
    for row, colours in enumerate(_FILTERS[layout]):
        for column, colour in enumerate(colours):
            image[row::2, column::2] = rgb[row::2, column::2, colour]
    return image
