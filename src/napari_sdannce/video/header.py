"""What the header of a video file says (it may be wrong), and why a file cannot be used."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

import av
import av.error
from av.stream import Disposition

from .errors import VideoError
from .mp4_tables import end_of_boxes, read_rotation

if TYPE_CHECKING:
    from pathlib import Path

    from av.container import InputContainer
    from av.index import IndexEntries
    from av.video.stream import VideoStream

PART = "subfile"
MAX_SIDE = 32768
"""Pictures wider or higher than this are taken for a damaged header (px)."""


@dataclass(frozen=True, slots=True)
class IndexSample:
    """One entry of FFmpeg's index of a file."""

    number: int
    dts: int
    pos: int
    size: int
    is_discard: bool


@dataclass(frozen=True, slots=True)
class VideoHeader:
    """The header of one file.

    Attributes
    ----------
    stream
        Number of the video stream in the file.
    track_id
        The stream's number inside the format.
    container
        FFmpeg's names of the format, such as ``mov,mp4,m4a,3gp,3g2,mj2``.
    codec, pixel_format
        FFmpeg's names.
    width, height
        Size of the picture as shown, after `rotation` (px).
    rotation
        Quarter turns counter-clockwise that bring the stored picture upright (0-3).
    rate
        Frames a second; None when the file does not say.
    time_base
        Seconds a tick.
    promised
        Number of frames the header promises; None when it does not.
    counts_frames
        Whether `promised` is a count, not duration times rate.
    duration
        Seconds; None when the file does not say.
    reorder
        Frames that may be stored ahead of one that is shown before them.
    bytes
        Size of the file.
    cut
        Whether its end is left out, so that FFmpeg can open it.
    entries, samples
        Length of FFmpeg's index, and some of its entries, to check our own reading against.
    """

    path: Path
    stream: int
    track_id: int
    container: str
    codec: str
    pixel_format: str
    width: int
    height: int
    rotation: int
    rate: Fraction | None
    time_base: Fraction
    promised: int | None
    counts_frames: bool
    duration: float | None
    reorder: int
    bytes: int
    cut: bool
    entries: int = 0
    samples: tuple[IndexSample, ...] = ()

    @property
    def is_mp4(self) -> bool:
        """Whether the format is of the mp4 family."""
        return "mp4" in self.container.split(",")

    @property
    def is_gray(self) -> bool:
        """Whether the video is coded without colour."""
        return self.pixel_format.startswith(("gray", "ya8", "ya16", "mono"))


def open_container(path: Path) -> InputContainer:
    """Open a file with FFmpeg.

    Raises
    ------
    VideoError
        When it is missing, empty, a folder, or nothing FFmpeg can read.
    """
    if path.is_dir():
        raise VideoError(path, "is a folder; expected a video file")
    try:
        if path.stat().st_size == 0:
            raise VideoError(path, "is empty (0 bytes); expected a video file")
        return _open(path)
    except FileNotFoundError:
        raise VideoError(path, "is missing; expected a video file") from None
    except PermissionError:
        raise VideoError(path, "must not be read by this user; expected a video file") from None
    except (av.error.FFmpegError, OSError, ValueError) as error:
        if isinstance(error, VideoError):
            raise
        raise VideoError(path, _unreadable(path, error)) from error


def _open(path: Path) -> InputContainer:
    try:
        return av.open(str(path), mode="r", metadata_errors="ignore")
    except (av.error.InvalidDataError, av.error.EOFError):
        end = end_of_boxes(path)
        if end is None:
            raise
        # a fragmented mp4 that was cut in the middle of a fragment's header: leave that out
        part = f"{PART},,start,0,end,{end},,:{path}"
        return av.open(part, mode="r", metadata_errors="ignore")


def _unreadable(path: Path, error: Exception) -> str:
    reason = getattr(error, "strerror", None) or str(error)
    with path.open("rb") as file:
        start = file.read(12)
    if start[4:8] == b"ftyp":
        return (
            f"is an mp4 file without a usable table of frames ({reason}): the recording was "
            "probably cut off before it was finished; expected a finished video"
        )
    return f"cannot be read as a video ({reason}); expected a file FFmpeg can decode"


def video_stream(container: InputContainer, path: Path) -> VideoStream:
    """The first stream of moving pictures.

    Raises
    ------
    VideoError
        When there is none, or FFmpeg has no decoder for it.
    """
    streams = [s for s in container.streams.video if not s.disposition & Disposition.attached_pic]
    if not streams:
        kinds = sorted({str(s.type) for s in container.streams}) or ["nothing"]
        raise VideoError(path, f"holds {', '.join(kinds)} but no video stream; expected one")
    stream = streams[0]
    context = stream.codec_context
    if context is None or context.pix_fmt is None or not (context.width and context.height):
        raise VideoError(path, "holds no picture that can be decoded; expected a video with frames")
    if max(context.width, context.height) > MAX_SIDE:
        raise VideoError(
            path, f"says its pictures are {context.width}x{context.height}; at most {MAX_SIDE} px"
        )
    return stream


def read_header(path: Path) -> VideoHeader:
    """Read the header; decodes at most the few frames FFmpeg needs to know the format.

    Raises
    ------
    VideoError
        When the file holds no usable video.
    """
    with open_container(path) as container:
        stream = video_stream(container, path)
        context = stream.codec_context
        names = container.format.name
        rotation = read_rotation(path, stream.id) if "mp4" in names.split(",") else 0
        width, height = context.width, context.height
        if rotation % 2:
            width, height = height, width
        return VideoHeader(
            path=path,
            stream=stream.index,
            track_id=stream.id,
            container=names,
            codec=context.name,
            pixel_format=str(context.pix_fmt),
            width=width,
            height=height,
            rotation=rotation,
            rate=stream.average_rate or stream.guessed_rate,
            time_base=stream.time_base or Fraction(1, 1000),
            promised=_promised(container, stream),
            counts_frames=bool(stream.frames),
            duration=_duration(container, stream),
            reorder=context.reorder_depth,
            bytes=path.stat().st_size,
            cut=container.name.startswith(PART),
            entries=len(stream.index_entries),
            samples=_samples(stream.index_entries),
        )


def _promised(container: InputContainer, stream: VideoStream) -> int | None:
    """Frames the header counts, or else has time for."""
    if stream.frames:
        return int(stream.frames)
    duration, rate = _duration(container, stream), stream.average_rate or stream.guessed_rate
    if not duration or not rate or _is_guess(container.format.name):
        return None
    return round(duration * rate)


def _samples(entries: IndexEntries) -> tuple[IndexSample, ...]:
    n = len(entries)
    numbers = sorted({0, 1 % n, n // 2, n - 1}) if n else []
    chosen = [(i, entries[i]) for i in numbers]
    return tuple(IndexSample(i, e.timestamp, e.pos, e.size, e.is_discard) for i, e in chosen)


def _is_guess(names: str) -> bool:
    """Formats without a header: FFmpeg guesses their duration from bit rate or last time."""
    return names in ("mpegts", "h264", "hevc", "mpeg", "m4v", "mjpeg", "mpegvideo")


def _duration(container: InputContainer, stream: VideoStream) -> float | None:
    if stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base)
    return container.duration / 1e6 if container.duration else None
