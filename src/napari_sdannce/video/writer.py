"""Write videos whose frames have exact times."""

from __future__ import annotations

import os
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Self

import av.error
import numpy as np

from .encoding import Encoding
from .errors import VideoError
from .output import Footage, VideoOutput
from .uncoded_frames import UncodedFrames

if TYPE_CHECKING:
    from types import TracebackType

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
        self._closed = False
        footage = Footage(width, height, self.fps, gray=gray)
        try:
            self._output = VideoOutput(self._part, footage, self.encoding)
        except (av.error.FFmpegError, ValueError, OSError) as error:
            raise VideoError(
                self.path, f"cannot be written with '{self.encoding.codec}': {error}"
            ) from error
        self._frames = UncodedFrames(self._output.pixel_format, self.encoding)

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
        frame = self._frames.make(image, "gray" if self.gray else "rgb24")
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
            self._output.close()
        except (av.error.FFmpegError, OSError) as error:
            raise VideoError(self.path, f"could not be finished: {error}") from error
        os.replace(self._part, self.path)  # noqa: PTH105 - replaces on every system

    def _abandon(self) -> None:
        self._closed = True
        self._output.abandon()

    def _encode(self, frame: VideoFrame | None) -> None:
        try:
            self._output.encode(frame)
        except (av.error.FFmpegError, OSError) as error:
            self._abandon()
            raise VideoError(
                self.path, f"frame {self.n_frames} was not written: {error}"
            ) from error
