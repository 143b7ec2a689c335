"""Read the frames of one video file by their number."""

from __future__ import annotations

import threading
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from .decoder import FrameDecoder
from .errors import VideoError
from .frame_cache import FrameCache
from .frame_index import FrameIndex
from .frame_ranges import describe_ranges
from .header import read_header
from .pixels import COLORS, Color, FrameConverter, Image, PixelError

if TYPE_CHECKING:
    import numpy.typing as npt
    from av.video.frame import VideoFrame

CACHE_BYTES = 32 << 20
"""Decoded frames a reader keeps by default: about 18 of 1152x1024."""


class VideoReader:
    """The frames of a video file, each by its number, exactly.

    Frame i is the i-th that a player shows, also on files with B-frames and variable rate. Opening
    reads the header only. Safe to use from several threads; they take turns.

    Parameters
    ----------
    path
        Video file; anything FFmpeg decodes.
    color
        "rgb" gives (H, W, 3), "gray" gives (H, W), "auto" gives (H, W) for files coded without
        colour and (H, W, 3) otherwise.
    threads
        Threads of the decoder; 0 lets FFmpeg choose. More threads help where many frames are
        decoded to reach one (few keyframes).
    cache_bytes
        Decoded frames kept, in the video's own format (1.5 bytes a pixel for most). At least the
        last one is.
    index
        Index of the same file from another reader, so that it is made only once.

    Raises
    ------
    VideoError
        When the file is missing, empty, no video, or cannot be used at all. Files that are damaged
        in part open; see `problems`.

    Examples
    --------
    >>> with VideoReader("0.mp4") as video:  # doctest: +SKIP
    ...     image = video.read(100)
    """

    def __init__(
        self,
        path: str | Path,
        *,
        color: Color = "rgb",
        threads: int = 0,
        cache_bytes: int = CACHE_BYTES,
        index: FrameIndex | None = None,
    ) -> None:
        if color not in COLORS:
            raise ValueError(f"color is {color!r}; possible: {', '.join(COLORS)}")
        self.path = Path(path).absolute()
        self.color: Color = color
        self._threads = threads
        self._cache_bytes = cache_bytes
        self._owns_index = index is None
        self.index = index if index is not None else FrameIndex(read_header(self.path))
        self.header = self.index.header
        gray = color == "gray" or (color == "auto" and self.header.is_gray)
        self._converter = FrameConverter(gray=gray, rotation=self.header.rotation)
        self._cache: FrameCache[VideoFrame] = FrameCache(cache_bytes, _frame_bytes)
        self._decoder: FrameDecoder | None = None
        self._lock = threading.RLock()
        self._closed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __reduce__(self) -> tuple[Any, ...]:
        again = partial(
            VideoReader, color=self.color, threads=self._threads, cache_bytes=self._cache_bytes
        )
        return again, (self.path,)

    def __len__(self) -> int:
        return self.n_frames

    def __repr__(self) -> str:
        return f"VideoReader({str(self.path)!r}, {self.width}x{self.height})"

    def close(self) -> None:
        """Close the file; reading afterwards raises VideoError."""
        if self._owns_index:
            self.index.stop()
        with self._lock:
            self._closed = True
            self._cache.clear()
            if self._decoder is not None:
                self._decoder.close()
                self._decoder = None

    @property
    def width(self) -> int:
        """Width of the images (px)."""
        return self.header.width

    @property
    def height(self) -> int:
        """Height of the images (px)."""
        return self.header.height

    @property
    def fps(self) -> float | None:
        """Mean frames a second, None when the file does not say."""
        return float(self.header.rate) if self.header.rate else None

    @property
    def is_gray(self) -> bool:
        """Whether the images are (H, W), not (H, W, 3)."""
        return self._converter.gray

    @property
    def frame_shape(self) -> tuple[int, ...]:
        """Shape of an image."""
        size = (self.height, self.width)
        return size if self.is_gray else (*size, 3)

    @property
    def n_frames(self) -> int:
        """Number of frames up to the last one that can be read.

        mp4 and mov files tell it at once; of other formats the file is read through (not decoded)
        the first time.
        """
        return self.index.n_frames

    @property
    def n_frames_now(self) -> int:
        """Number of frames as far as known without reading the file through; never waits."""
        return self.index.n_frames_now

    @property
    def n_packets_decoded(self) -> int:
        """Packets decoded since opening: what reading has cost."""
        return self._decoder.n_decoded if self._decoder is not None else 0

    @property
    def times(self) -> npt.NDArray[np.float64]:
        """(n_frames,) time of each frame in seconds, as the file states it."""
        table = self.index.table()
        return np.asarray(table.pts[: self.n_frames] * float(self.header.time_base))

    @property
    def missing(self) -> tuple[range, ...]:
        """Frames that cannot be read, as far as known.

        What the header promised and the file does not hold is known once it is indexed; damage
        inside a frame shows only when the frame is decoded.
        """
        return self.index.missing_now

    @property
    def problems(self) -> tuple[str, ...]:
        """What is known to be wrong with the file, one sentence each; never waits."""
        return self.index.problems_now

    def read(self, frame: int) -> Image:
        """One frame.

        Parameters
        ----------
        frame
            Number of the frame, from 0.

        Returns
        -------
        numpy.ndarray
            (H, W, 3) or (H, W) uint8, the caller's own.

        Raises
        ------
        VideoError
            When the frame is lost or damaged.
        IndexError
            When the file never had such a frame.
        """
        if frame < 0:
            raise IndexError(f"{self.path}: frame {frame} is negative")
        with self._lock:
            decoded = self._cache.get(frame)
            if decoded is None:
                decoded = self._decode(frame)
            return self._convert(frame, decoded)

    def twin(self, *, threads: int | None = None) -> VideoReader:
        """Another reader of the same file with a position of its own, sharing the index.

        It must be closed before this one.
        """
        return VideoReader(
            self.path,
            color=self.color,
            threads=self._threads if threads is None else threads,
            cache_bytes=self._cache_bytes,
            index=self.index,
        )

    def _decode(self, frame: int) -> VideoFrame:
        if self._closed:
            raise VideoError(self.path, "is closed; expected an open video")
        table = self.index.table(frame)
        if frame >= table.n_frames:
            raise self._past_end(frame)
        if self._decoder is None:
            keep = max(1, self._cache_bytes // max(1, 3 * self.width * self.height // 2) // 2)
            self._decoder = FrameDecoder(
                self.index, threads=self._threads, keep=keep, on_frame=self._cache.put
            )
        decoded = None if self.index.is_missing(frame) else self._decoder.fetch(frame)
        if decoded is None:
            raise self._damaged(frame)
        return decoded

    def _convert(self, frame: int, decoded: VideoFrame) -> Image:
        try:
            image = self._converter.convert(decoded)
        except PixelError as error:
            self.index.report_damage([frame])
            raise VideoError(self.path, f"frame {frame}: {error}") from error
        if image.shape != self.frame_shape:
            self.index.report_damage([frame])
            found, expected = image.shape[1::-1], (self.width, self.height)
            raise VideoError(
                self.path,
                f"frame {frame} is {found[0]}x{found[1]}; expected {expected[0]}x{expected[1]}",
            )
        return image

    def _past_end(self, frame: int) -> VideoError | IndexError:
        held = self.n_frames
        promised = self.header.promised or 0
        if frame < promised:
            return VideoError(
                self.path,
                f"holds {held} frames, the header promises {promised}; frame {frame} is missing",
            )
        return IndexError(f"{self.path}: frame {frame} asked for; the file holds {held} frames")

    def _damaged(self, frame: int) -> VideoError:
        missing = next((r for r in self.missing if frame in r), range(frame, frame + 1))
        return VideoError(
            self.path,
            f"frame {frame} is missing or damaged; {describe_ranges([missing])} cannot be read "
            f"of {self.n_frames_now} frames",
        )


def _frame_bytes(frame: VideoFrame) -> int:
    return sum(plane.buffer_size for plane in frame.planes)
