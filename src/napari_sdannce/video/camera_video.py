"""The video files of one camera as one video."""

from __future__ import annotations

import threading
from collections import OrderedDict
from functools import partial
from typing import TYPE_CHECKING, Any, Self

from .camera_files import CameraFiles
from .errors import VideoError
from .reader import CACHE_BYTES, VideoReader

if TYPE_CHECKING:
    from napari_sdannce.recording import Problem, View

    from .pixels import Color, Image

MAX_OPEN = 4
"""Files of a camera held open at once."""


class CameraVideo:
    """The files of one camera read as one video, by the camera's frame numbers.

    A frame is looked for in the last file that begins at or before it, whatever the files' lengths.

    Parameters
    ----------
    view
        The camera and its files.
    color, threads, cache_bytes
        As for `VideoReader`; the cache is for all files together.
    files
        What another reader of the same camera knows of its files.

    Raises
    ------
    VideoError
        When none of the files can be used.
    ValueError
        When the camera has no files.
    """

    def __init__(
        self,
        view: View,
        *,
        color: Color = "rgb",
        threads: int = 0,
        cache_bytes: int = CACHE_BYTES,
        files: CameraFiles | None = None,
    ) -> None:
        self.view = view
        self._owns_files = files is None
        self._files = files if files is not None else CameraFiles(view)
        self._color: Color = color
        self._threads = threads
        self._cache_bytes = cache_bytes
        self._readers: OrderedDict[int, VideoReader] = OrderedDict()
        self._lock = threading.RLock()
        self._closed = False
        header = self._files.header
        self.is_gray = color == "gray" or (color == "auto" and header.is_gray)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __reduce__(self) -> tuple[Any, ...]:
        again = partial(
            CameraVideo, color=self._color, threads=self._threads, cache_bytes=self._cache_bytes
        )
        return again, (self.view,)

    def __len__(self) -> int:
        return self.n_frames

    def close(self) -> None:
        """Close all files; reading afterwards raises VideoError."""
        if self._owns_files:
            self._files.stop()
        with self._lock:
            self._closed = True
            for reader in self._readers.values():
                reader.close()
            self._readers.clear()

    @property
    def name(self) -> str:
        """Name of the camera."""
        return self.view.name

    @property
    def width(self) -> int:
        """Width of the images (px)."""
        return self._files.header.width

    @property
    def height(self) -> int:
        """Height of the images (px)."""
        return self._files.header.height

    @property
    def fps(self) -> float | None:
        """Mean frames a second of the first file, None when it does not say."""
        rate = self._files.header.rate
        return float(rate) if rate else None

    @property
    def frame_shape(self) -> tuple[int, ...]:
        """Shape of an image: (H, W) or (H, W, 3)."""
        size = (self.height, self.width)
        return size if self.is_gray else (*size, 3)

    @property
    def n_open_files(self) -> int:
        """Number of files open for reading."""
        return len(self._readers)

    @property
    def n_packets_decoded(self) -> int:
        """Packets decoded by the files open now: what reading has cost."""
        return sum(reader.n_packets_decoded for reader in self._readers.values())

    @property
    def n_frames(self) -> int:
        """First frame of the last file plus its length; may wait until that file is indexed."""
        return self._files.end(wait=True)

    @property
    def n_frames_now(self) -> int:
        """The same from headers alone; never waits."""
        return self._files.end(wait=False)

    @property
    def n_frames_known(self) -> int | None:
        """The same when the last file is indexed, lost frames at its end included; else None."""
        return self._files.known_end()

    @property
    def missing(self) -> tuple[range, ...]:
        """Frames that cannot be read, as far as known.

        After `inspect` that is all but damage inside frames, which shows when they are decoded.
        """
        return self._files.missing()

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What is wrong with the files, as far as known; never waits."""
        return self._files.problems()

    def inspect(self) -> None:
        """Read the headers of all files and count their frames, so that gaps and ends are known."""
        self._files.inspect()

    def twin(self, *, threads: int | None = None, color: Color | None = None) -> CameraVideo:
        """Another reader of the same files with a position of its own, sharing their index.

        It must be closed before this one. Its images are of another colour where one is named.
        """
        return CameraVideo(
            self.view,
            color=self._color if color is None else color,
            threads=self._threads if threads is None else threads,
            cache_bytes=self._cache_bytes,
            files=self._files,
        )

    def read(self, frame: int) -> Image:
        """One frame by its number in the camera.

        Returns
        -------
        numpy.ndarray
            (H, W, 3) or (H, W) uint8.

        Raises
        ------
        VideoError
            When the frame is missing or damaged.
        IndexError
            When it is negative, or past the end of the last file.
        """
        if frame < 0:
            raise IndexError(f"camera '{self.name}': frame {frame} is negative")
        file, number = self._files.locate(frame)
        if file < 0:
            first = self.view.videos[0]
            raise VideoError(
                first.path,
                f"camera '{self.name}': begins at frame {first.first_frame}; "
                f"frame {frame} is missing",
            )
        try:
            with self._lock:
                image = self._reader(file).read(number)
        except VideoError as error:
            raise self._named(error, frame) from error
        except IndexError as error:
            if file == len(self._files.starts) - 1:
                raise IndexError(f"camera '{self.name}', frame {frame}: {error}") from error
            after = self.view.videos[file + 1]
            raise VideoError(
                self.view.videos[file].path,
                f"camera '{self.name}': ends before frame {frame}, the next file begins at "
                f"{after.first_frame}; frame {frame} is missing",
            ) from error
        if image.shape != self.frame_shape:
            raise VideoError(
                self.view.videos[file].path,
                f"camera '{self.name}': images are {image.shape[1]}x{image.shape[0]}; expected "
                f"{self.width}x{self.height} as in the first file",
            )
        return image

    def _named(self, error: VideoError, frame: int) -> VideoError:
        return VideoError(error.path, f"camera '{self.name}', frame {frame}: {error.message}")

    def _reader(self, file: int) -> VideoReader:
        if self._closed:
            raise VideoError(self.view.videos[file].path, "is closed; expected an open video")
        reader = self._readers.get(file)
        if reader is None:
            reader = VideoReader(
                self.view.videos[file].path,
                color="gray" if self.is_gray else "rgb",
                threads=self._threads,
                cache_bytes=self._cache_bytes // min(MAX_OPEN, len(self.view.videos)),
                index=self._files.index(file),
            )
            self._readers[file] = reader
        self._readers.move_to_end(file)
        while len(self._readers) > MAX_OPEN:
            self._readers.popitem(last=False)[1].close()
        return reader
