"""Decoded frames as arrays: colour, grey and orientation.

RGB is made by swscale with the matrix and range the file states, through one context kept for all
frames, so values are those of ``ffmpeg``. Grey comes from the Y plane alone, stretched to 0-255
where the file holds limited range (Y = 16 is black, 235 white): the same values as swscale, without
touching colour.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import av.error
import cv2
import numpy as np
import numpy.typing as npt
from av.video.reformatter import ColorRange, VideoReformatter

if TYPE_CHECKING:
    from av.video.frame import VideoFrame

Image = npt.NDArray[np.uint8]
Color = Literal["rgb", "gray", "auto"]
COLORS: tuple[Color, ...] = ("rgb", "gray", "auto")

FULL_RANGE = frozenset({"yuvj420p", "yuvj422p", "yuvj444p", "yuvj440p", "yuvj411p", "gray"})
EIGHT_BIT_LUMA = FULL_RANGE | {
    "yuv410p", "yuv411p", "yuv420p", "yuv422p", "yuv440p", "yuv444p", "yuva420p", "yuva422p",
    "yuva444p", "nv12", "nv21", "nv16", "nv24",
}  # fmt: skip
"""Pixel formats whose first plane is 8-bit luma."""

STRETCH = np.clip(np.rint((np.arange(256) - 16.0) * 255 / 219), 0, 255).astype(np.uint8)
"""Limited range to full."""


class PixelError(ValueError):
    """A decoded frame cannot be made into an image."""


class FrameConverter:
    """Makes images of decoded frames; for one thread at a time.

    Parameters
    ----------
    gray
        Whether to give (H, W) grey images, else (H, W, 3) RGB.
    rotation
        Quarter turns counter-clockwise.
    """

    def __init__(self, *, gray: bool, rotation: int = 0) -> None:
        self.gray = gray
        self.rotation = rotation
        self._reformatter = VideoReformatter()

    def convert(self, frame: VideoFrame) -> Image:
        """The image, (H, W, 3) or (H, W) uint8, in memory of its own.

        Raises
        ------
        PixelError
            When the frame's format cannot be converted.
        """
        try:
            image = self._gray(frame) if self.gray else self._rgb(frame)
        except (av.error.FFmpegError, ValueError) as error:
            raise PixelError(f"cannot convert {frame.format.name}: {error}") from error
        if self.rotation:
            image = np.ascontiguousarray(np.rot90(image, self.rotation))
        return image

    def _gray(self, frame: VideoFrame) -> Image:
        name = frame.format.name
        if name not in EIGHT_BIT_LUMA:
            gray = self._reformatter.reformat(
                frame, format="gray", dst_color_range=ColorRange.JPEG, threads=1
            )
            return _plane(gray, 1)
        luma = _plane(frame, 1)
        if name in FULL_RANGE or frame.color_range == ColorRange.JPEG:
            return luma.copy()
        return np.asarray(cv2.LUT(luma, STRETCH), dtype=np.uint8)

    def _rgb(self, frame: VideoFrame) -> Image:
        if frame.format.name == "gray":
            return np.asarray(cv2.cvtColor(_plane(frame, 1), cv2.COLOR_GRAY2RGB), dtype=np.uint8)
        rgb = self._reformatter.reformat(frame, format="rgb24", threads=1)
        if rgb is frame:
            return _plane(rgb, 3).reshape(frame.height, frame.width, 3).copy()
        return _plane(rgb, 3).reshape(frame.height, frame.width, 3)


def _plane(frame: VideoFrame, channels: int) -> Image:
    """(H, W * channels) first plane without the padding at the end of its lines."""
    plane = frame.planes[0]
    lines = np.frombuffer(memoryview(plane), dtype=np.uint8).reshape(-1, plane.line_size)
    return np.ascontiguousarray(lines[: frame.height, : frame.width * channels])
