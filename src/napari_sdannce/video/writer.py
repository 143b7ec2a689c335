"""Write videos whose frames have exact times."""

from __future__ import annotations

import os
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Self

import av
import av.error
import numpy as np
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc, VideoReformatter
from av.video.stream import VideoStream

from .encoding import Encoding
from .errors import VideoError

if TYPE_CHECKING:
    from types import TracebackType

    from av.container import OutputContainer
    from av.video.frame import VideoFrame

    from .pixels import Image


class VideoWriter:
    """Writes images as a video; frame i gets time i / fps exactly.

    The file appears under its name when the writer is closed; until then, and after an error, it
    lies beside it as ``<name>.part<suffix>``. So a file that was there before is replaced whole or
    not at all.

    x264 and x265 store BT.709 with full range (0-255) and say so; other codecs store what every
    reader takes them for. Grey is the luma plane of such a video.

    Parameters
    ----------
    path
        File to write; the suffix chooses the format (.mp4, .mkv, .avi).
    width, height
        Size of the images (px). Odd sizes are stored without halving the colour (yuv444p).
    fps
        Frames a second; a fraction or a float close to one.
    gray
        Whether images are (H, W) instead of (H, W, 3).
    encoding
        Codec, quality, keyframes.

    Raises
    ------
    VideoError
        When the encoder or the format is not there.
    """

    def __init__(
        self,
        path: str | Path,
        width: int,
        height: int,
        fps: float | Fraction,
        *,
        gray: bool = False,
        encoding: Encoding | None = None,
    ) -> None:
        self.path = Path(path).absolute()
        self.width, self.height, self.gray = width, height, gray
        self.encoding = encoding or Encoding()
        self.fps = Fraction(fps).limit_denominator(1001)
        if self.fps <= 0 or width < 1 or height < 1:
            raise ValueError(
                f"{self.path}: cannot write {width}x{height} px at {fps} frames a second"
            )
        self.n_frames = 0
        self._part = self.path.with_name(f"{self.path.stem}.part{self.path.suffix}")
        self._reformatter = VideoReformatter()
        self._closed = False
        try:
            self._open()
        except (av.error.FFmpegError, ValueError, OSError) as error:
            self._abandon()
            raise VideoError(
                self.path, f"cannot be written with '{self.encoding.codec}': {error}"
            ) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if error is None:
            self.close()
        else:
            self._abandon()

    def write(self, image: Image) -> None:
        """Append an image.

        Parameters
        ----------
        image
            (H, W, 3) RGB or, with `gray`, (H, W); uint8.

        Raises
        ------
        ValueError
            When shape or type are others.
        VideoError
            When the encoder fails or the disk is full.
        """
        expected = (self.height, self.width) if self.gray else (self.height, self.width, 3)
        if image.shape != expected or image.dtype != np.uint8:
            raise ValueError(
                f"{self.path}: image is {image.shape} {image.dtype}, expected {expected} uint8"
            )
        if self._closed:
            raise VideoError(self.path, "is closed; expected an open writer")
        frame = self._frame(image)
        frame.pts = self.n_frames
        frame.time_base = 1 / self.fps
        self._encode(frame)
        self.n_frames += 1

    def close(self) -> None:
        """Finish the file and give it its name."""
        if self._closed:
            return
        self._encode(None)
        self._closed = True
        try:
            self._container.close()
        except (av.error.FFmpegError, OSError) as error:
            raise VideoError(self.path, f"could not be finished: {error}") from error
        os.replace(self._part, self.path)  # noqa: PTH105 - replaces on every system

    def _abandon(self) -> None:
        self._closed = True
        container = getattr(self, "_container", None)
        if container is not None:
            container.close()

    def _open(self) -> None:
        encoding, suffix = self.encoding, self.path.suffix
        self._container: OutputContainer = av.open(
            str(self._part), "w", container_options=encoding.container_options(suffix)
        )
        options = encoding.encoder_options(suffix)
        stream = self._container.add_stream(encoding.codec, rate=self.fps, options=options)
        assert isinstance(stream, VideoStream)
        stream.width, stream.height = self.width, self.height
        odd = bool(self.width % 2 or self.height % 2)
        stream.pix_fmt = encoding.pixel_format(gray=self.gray, odd=odd)
        context = stream.codec_context
        context.time_base = 1 / self.fps
        if "g" not in options:
            context.gop_size = max(1, int(encoding.keyframe_seconds * self.fps))
        if encoding.is_tagged:
            context.color_range = ColorRange.JPEG
            context.colorspace = 1  # BT.709
            context.color_primaries = ColorPrimaries.BT709
            context.color_trc = ColorTrc.BT709
        self._stream = stream
        self._container.start_encoding()

    def _frame(self, image: Image) -> VideoFrame:
        source = av.VideoFrame.from_ndarray(
            np.ascontiguousarray(image), format="gray" if self.gray else "rgb24"
        )
        wanted, encoding = self._stream.pix_fmt, self.encoding
        if wanted == source.format.name:
            return source
        return self._reformatter.reformat(
            source,
            format=wanted,
            dst_colorspace=Colorspace.ITU709 if encoding.is_tagged else Colorspace.ITU601,
            src_color_range=ColorRange.JPEG,
            dst_color_range=ColorRange.JPEG if encoding.is_full_range else ColorRange.MPEG,
            threads=1,
        )

    def _encode(self, frame: VideoFrame | None) -> None:
        try:
            for packet in self._stream.encode(frame):
                self._container.mux(packet)
        except (av.error.FFmpegError, OSError) as error:
            self._abandon()
            raise VideoError(
                self.path, f"frame {self.n_frames} was not written: {error}"
            ) from error
