"""A video file that is being written: its container and its encoder."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import av
import av.error
from av.video.reformatter import ColorPrimaries, ColorRange, ColorTrc
from av.video.stream import VideoStream

if TYPE_CHECKING:
    from fractions import Fraction
    from pathlib import Path

    from av.container import OutputContainer
    from av.video.codeccontext import VideoCodecContext
    from av.video.frame import VideoFrame

    from .encoding import Encoding

BT709 = 1
"""FFmpeg's number of this colour matrix."""


@dataclass(frozen=True, slots=True)
class Footage:
    """What is to be encoded.

    Parameters
    ----------
    width, height
        Size of the images (px).
    rate
        Frames a second.
    gray
        Whether they are without colour.
    tick
        Unit of the times of frames (s); None: the time between two frames.
    threads
        Threads of the encoder; 0: as many as it likes.
    """

    width: int
    height: int
    rate: Fraction
    gray: bool = False
    tick: Fraction | None = None
    threads: int = 0

    @property
    def is_odd(self) -> bool:
        """Whether a side is no multiple of two."""
        return bool(self.width % 2 or self.height % 2)

    @property
    def time_base(self) -> Fraction:
        """Unit of the times of frames (s)."""
        return self.tick or 1 / self.rate


def set_up(
    context: VideoCodecContext, footage: Footage, encoding: Encoding, options: dict[str, str]
) -> None:
    """Tell an encoder what it gets and what it shall make of it.

    Raises
    ------
    ValueError
        When the codec takes no format that we can make.
    """
    context.width, context.height = footage.width, footage.height
    context.pix_fmt = encoding.pixel_format(gray=footage.gray, odd=footage.is_odd)
    context.framerate = footage.rate
    context.time_base = footage.time_base
    if footage.threads:
        context.thread_count = footage.threads
    if "g" not in options:
        context.gop_size = max(1, int(encoding.keyframe_seconds * footage.rate))
    if encoding.is_tagged:
        context.color_range = ColorRange.JPEG
        context.colorspace = BT709
        context.color_primaries = ColorPrimaries.BT709
        context.color_trc = ColorTrc.BT709


class VideoOutput:
    """A file with one video stream. Failures are raised as FFmpeg and the system tell them.

    Parameters
    ----------
    path
        File to write; the suffix chooses the format (.mp4, .mkv, .avi).
    footage
        What is encoded.
    encoding
        Codec, quality, keyframes.

    Raises
    ------
    FFmpegError, OSError, ValueError
        When the file can not be written, or not with such an encoder.
    """

    def __init__(self, path: Path, footage: Footage, encoding: Encoding) -> None:
        options = encoding.encoder_options(path.suffix)
        self._container: OutputContainer = av.open(
            str(path), "w", container_options=encoding.container_options(path.suffix)
        )
        try:
            stream = self._container.add_stream(encoding.codec, rate=footage.rate, options=options)
            assert isinstance(stream, VideoStream)
            set_up(stream.codec_context, footage, encoding, options)
            self._container.start_encoding()
        except BaseException:
            self.abandon()
            raise
        self._stream = stream
        self.n_bytes = 0
        """Bytes of pictures so far."""

    @property
    def pixel_format(self) -> str:
        """FFmpeg's name of the format that the encoder takes."""
        return str(self._stream.pix_fmt)

    def encode(self, frame: VideoFrame | None) -> None:
        """Encode a frame; None: write out what the encoder still holds."""
        for packet in self._stream.encode(frame):
            self.n_bytes += packet.size
            self._container.mux(packet)

    def close(self) -> None:
        """Finish the file; what the encoder held was written before."""
        self._container.close()

    def abandon(self) -> None:
        """Let go of the file, which failed, as it is."""
        with suppress(av.error.FFmpegError, OSError):
            self._container.close()
