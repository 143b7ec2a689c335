"""Images as frames that an encoder takes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import av
import numpy as np
from av.video.reformatter import ColorRange, Colorspace, VideoReformatter

if TYPE_CHECKING:
    from av.video.frame import VideoFrame

    from .encoding import Encoding
    from .pixels import Image

Channels = Literal["gray", "rgb24", "bgr24"]

_NO_COLOR = 128
_LUMA_FIRST = ("yuv420p", "yuvj420p", "yuv444p", "yuvj444p", "nv12")


class UncodedFrames:
    """Makes frames of images; for one thread at a time.

    Grey values become the luma plane as they are, which costs a seventieth of a conversion.

    Parameters
    ----------
    pixel_format
        FFmpeg's name of what the encoder takes.
    encoding
        Codec, which decides colour matrix and range.
    """

    def __init__(self, pixel_format: str, encoding: Encoding) -> None:
        self._format = pixel_format
        self._encoding = encoding
        self._reformatter = VideoReformatter()
        self._keeps_luma = pixel_format in _LUMA_FIRST and encoding.is_full_range

    def make(self, image: Image, channels: Channels) -> VideoFrame:
        """A frame of its own memory.

        Parameters
        ----------
        image
            (H, W) or (H, W, 3) uint8.
        channels
            What its values are.
        """
        if channels == "gray" and self._keeps_luma:
            return self._with_luma(image)
        source = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format=channels)
        return source if channels == self._format else self._converted(source)

    def _with_luma(self, image: Image) -> VideoFrame:
        height, width = image.shape
        frame = av.VideoFrame(width, height, self._format)
        luma, *others = (np.frombuffer(memoryview(plane), dtype=np.uint8) for plane in frame.planes)
        luma.reshape(-1, frame.planes[0].line_size)[:height, :width] = image
        for plane in others:
            plane[:] = _NO_COLOR
        return frame

    def _converted(self, source: VideoFrame) -> VideoFrame:
        encoding = self._encoding
        return self._reformatter.reformat(
            source,
            format=self._format,
            dst_colorspace=Colorspace.ITU709 if encoding.is_tagged else Colorspace.ITU601,
            src_color_range=ColorRange.JPEG,
            dst_color_range=ColorRange.JPEG if encoding.is_full_range else ColorRange.MPEG,
            threads=1,
        )
