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

from .errors import VideoError

if TYPE_CHECKING:
    from types import TracebackType

    from av.container import OutputContainer
    from av.video.frame import VideoFrame

    from .pixels import Image

LOSSLESS = ("ffv1", "libx264rgb", "rawvideo", "huffyuv")
"""Codecs that keep every value."""
FRAGMENTS = "frag_keyframe+empty_moov+default_base_moof"
CRASH_SAFE = {
    ".mp4": {"movflags": FRAGMENTS, "flush_packets": "1"},
    ".mov": {"movflags": FRAGMENTS, "flush_packets": "1"},
    ".mkv": {"cluster_time_limit": "500", "flush_packets": "1"},
}
"""Options of the formats that stay readable when they are never finished."""
TAGGED = ("libx264", "libx265")
"""Codecs whose stream says which colour matrix and range it holds; others are taken for BT.601."""
FULL_RANGE = (*TAGGED, "mjpeg")
"""Codecs that are read as full range; others are taken for limited range."""


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
    codec
        FFmpeg's name of the encoder. "ffv1" and "libx264rgb" lose nothing.
    quality
        Constant rate factor of x264/x265: 0 the best, 23 usual, 51 the worst.
    keyframe_seconds
        Most seconds between keyframes: how far a jump has to decode.
    crash_safe
        Keep what was written readable if the program is killed: mp4 in fragments, mkv in short
        clusters. Costs mp4 the table that lets such a file open at once. x264 itself holds some
        frames back; ``options={"tune": "zerolatency"}`` makes it hold none.
    options
        More options of the encoder.

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
        codec: str = "libx264",
        quality: int = 18,
        keyframe_seconds: float = 1.0,
        crash_safe: bool = False,
        options: dict[str, str] | None = None,
    ) -> None:
        self.path = Path(path).absolute()
        self.width, self.height, self.gray = width, height, gray
        self.fps = Fraction(fps).limit_denominator(1001)
        if self.fps <= 0 or width < 1 or height < 1:
            raise ValueError(
                f"{self.path}: cannot write {width}x{height} px at {fps} frames a second"
            )
        self.n_frames = 0
        self._codec = codec
        self._part = self.path.with_name(f"{self.path.stem}.part{self.path.suffix}")
        self._reformatter = VideoReformatter()
        self._closed = False
        flags = CRASH_SAFE.get(self.path.suffix.lower(), {}) if crash_safe else {}
        fragmented = "movflags" in flags
        try:
            self._container: OutputContainer = av.open(
                str(self._part), "w", container_options=flags
            )
            # frames stored out of order would be lost with the last ones, and shift the times
            order = {"bf": "0"} if fragmented else {}
            self._stream = self._add_stream(
                codec, quality, keyframe_seconds, order | (options or {})
            )
            self._container.start_encoding()
        except (av.error.FFmpegError, ValueError, OSError) as error:
            self._abandon()
            raise VideoError(self.path, f"cannot be written with '{codec}': {error}") from error

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

    def _add_stream(
        self, codec: str, quality: int, keyframe_seconds: float, options: dict[str, str]
    ) -> VideoStream:
        encoder = dict(options)
        if codec in ("libx264", "libx265"):
            encoder = {"crf": str(quality), "preset": "fast", **options}
        elif codec == "libx264rgb":
            encoder = {"qp": "0", "preset": "fast", **options}
        elif codec in ("mjpeg", "mpeg4"):
            scale = str(round(118 * max(1, quality / 6)))  # FFmpeg's q:v 3 for the default
            encoder = {"flags": "+qscale", "global_quality": scale, **options}
        stream = self._container.add_stream(codec, rate=self.fps, options=encoder)
        assert isinstance(stream, VideoStream)
        stream.width, stream.height = self.width, self.height
        context = stream.codec_context
        context.time_base = 1 / self.fps
        stream.pix_fmt = self._pixel_format(codec)
        if "g" not in options:
            context.gop_size = max(1, int(keyframe_seconds * self.fps))
        if codec in TAGGED:
            context.color_range = ColorRange.JPEG
            context.colorspace = 1  # BT.709
            context.color_primaries = ColorPrimaries.BT709
            context.color_trc = ColorTrc.BT709
        return stream

    def _pixel_format(self, codec: str) -> str:
        known = {f.name for f in av.Codec(codec, "w").video_formats or ()}
        odd = bool(self.width % 2 or self.height % 2)
        if self.gray:
            wanted = ["gray"] if codec in LOSSLESS or codec == "mjpeg" else []
        else:
            wanted = ["rgb24", "gbrp", "bgr0"] if codec in LOSSLESS else []
        if codec == "mjpeg":
            wanted += ["yuvj444p"] if odd else ["yuvj420p"]
        wanted += ["yuv444p"] if odd else ["yuv420p", "yuv444p"]
        for name in wanted:
            if name in known:
                return name
        raise ValueError(f"'{codec}' takes none of {', '.join(wanted)}")

    def _frame(self, image: Image) -> VideoFrame:
        source = av.VideoFrame.from_ndarray(
            np.ascontiguousarray(image), format="gray" if self.gray else "rgb24"
        )
        wanted = self._stream.pix_fmt
        if wanted == source.format.name:
            return source
        return self._reformatter.reformat(
            source,
            format=wanted,
            dst_colorspace=Colorspace.ITU709 if self._codec in TAGGED else Colorspace.ITU601,
            src_color_range=ColorRange.JPEG,
            dst_color_range=ColorRange.JPEG if self._codec in FULL_RANGE else ColorRange.MPEG,
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
