"""All cameras of a recording, moment by moment."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Self

import numpy as np
import numpy.typing as npt

from napari_sdannce.geometry.threads import available_cores
from napari_sdannce.recording import MISSING_FRAME, Problem, missing_videos

from .agreement import size_problems, sync_problems
from .camera_video import CameraVideo
from .decode_ahead import Prefetch, decode_ahead, read_or_none
from .errors import VideoError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from napari_sdannce.recording import Recording, View

    from .lazy import LazyVideo
    from .pixels import Color, Image

CACHE_BYTES = 96 << 20
"""Decoded frames kept for all cameras together."""
PREFETCH_BYTES = 256 << 20
"""Images kept that were asked for ahead."""
AHEAD = 3
"""Moments decoded ahead of the one in use."""


class RecordingVideo:
    """The images of all cameras of a recording.

    A moment is a row of the recording's sync; without one, moment t is frame t of every camera and
    there are as many moments as the longest camera has frames. Opening reads headers only.

    Cameras without videos, and those whose files cannot be used, give None; so does a frame that is
    missing or damaged. `problems` says what and why.

    Parameters
    ----------
    recording
        Cameras, files and sync.
    color
        As for `VideoReader`.
    threads
        Decoder threads of a camera; None shares the processors among the cameras.
    cache_bytes
        Decoded frames kept, all cameras together.
    prefetch_bytes
        Images kept that were asked for by `prefetch`.

    Examples
    --------
    >>> with RecordingVideo(recording) as video:  # doctest: +SKIP
    ...     for images in video.frames(range(100)):
    ...         process(images)
    """

    def __init__(
        self,
        recording: Recording,
        *,
        color: Color = "rgb",
        threads: int | None = None,
        cache_bytes: int = CACHE_BYTES,
        prefetch_bytes: int = PREFETCH_BYTES,
    ) -> None:
        self.recording = recording
        n = len(recording.views)
        processors = available_cores()
        self._threads = max(1, processors // n) if threads is None else threads
        self._open_problems: list[Problem] = []
        self._pool = ThreadPoolExecutor(min(n, 2 * processors), "read")

        def open_camera(view: View) -> CameraVideo | Problem | None:
            if not view.videos:
                return None
            try:
                return CameraVideo(
                    view, color=color, threads=self._threads, cache_bytes=cache_bytes // n
                )
            except VideoError as error:
                return Problem(error.path, error.message)

        opened = list(self._pool.map(open_camera, recording.views))
        self._open_problems = [item for item in opened if isinstance(item, Problem)]
        self.cameras = tuple(item if isinstance(item, CameraVideo) else None for item in opened)
        self._prefetch = Prefetch(prefetch_bytes)
        self._closed = False
        self._inspector: threading.Thread | None = None
        self._n_moments = self._count()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __len__(self) -> int:
        return self.n_moments

    def close(self) -> None:
        """Close all files and end all threads; reading afterwards raises VideoError."""
        self._closed = True
        self._prefetch.close()
        self._pool.shutdown()
        for camera in self._open_cameras():
            camera.close()
        if self._inspector is not None:
            self._inspector.join()

    @property
    def n_moments(self) -> int:
        """Number of moments: rows of the sync, else frames of the longest camera.

        From the headers, fixed at opening; a file that holds less than its header says shows up in
        `problems`.
        """
        return self._n_moments

    @property
    def sample_ids(self) -> npt.NDArray[np.int64]:
        """(n_moments,) keys of the moments."""
        if self.recording.sync is not None:
            return self.recording.sync.sample_ids
        return np.arange(self.n_moments, dtype=np.int64)

    @property
    def sizes(self) -> tuple[tuple[int, int] | None, ...]:
        """(width, height) of each camera's images (px), None without video."""
        return tuple((c.width, c.height) if c is not None else None for c in self.cameras)

    @property
    def fps(self) -> float | None:
        """Frames a second, from the recording or else the first camera with a video."""
        if self.recording.fps is not None:
            return self.recording.fps
        return next((camera.fps for camera in self._open_cameras()), None)

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What is known to be wrong with the videos, or does not fit them; never waits.

        Complete after `inspect`, but for damage inside frames, which shows when they are decoded.
        """
        found = [problem for camera in self._open_cameras() for problem in camera.problems]
        return (
            *self._open_problems,
            *size_problems(self.recording, self.cameras),
            *sync_problems(self.recording, self.cameras),
            *found,
        )

    @property
    def all_problems(self) -> tuple[Problem, ...]:
        """Those, and what was found wrong with the recording's other files; never waits."""
        recording = self.recording
        missing = missing_videos(recording.folder, recording.views)
        return tuple(dict.fromkeys((*recording.problems, *missing, *self.problems)))

    def missing(self, view: str) -> tuple[range, ...]:
        """Frames of a camera that are known to be unreadable."""
        camera = self.cameras[self._number(view)]
        return camera.missing if camera is not None else ()

    def inspect(self) -> None:
        """Read the headers of all files and count their frames."""
        for camera in self._open_cameras():
            camera.inspect()

    def inspect_in_background(self, done: Callable[[], None] | None = None) -> None:
        """Do so in a thread; `done` is called from there when `problems` is complete."""

        def work() -> None:
            try:
                self.inspect()
            except VideoError:
                return  # closed meanwhile
            if done is not None:
                done()

        self._inspector = threading.Thread(target=work, name="inspect videos", daemon=True)
        self._inspector.start()

    def frame_of(self, moment: int, view: int) -> int | None:
        """Frame number of a camera at a moment; None when it has none."""
        if not 0 <= moment < self.n_moments:
            raise IndexError(
                f"{self.recording.folder}: moment {moment} asked for; there are {self.n_moments}"
            )
        if self.recording.sync is None:
            return moment
        frame = int(self.recording.sync.frames[moment, view])
        return None if frame == MISSING_FRAME else frame

    def read(self, moment: int, views: Sequence[int] | None = None) -> list[Image | None]:
        """Images of a moment, the cameras decoding at the same time.

        Parameters
        ----------
        moment
            Number of the moment.
        views
            Numbers of the cameras; all by default.

        Returns
        -------
        list
            An image for each of `views`, None where the camera has none.

        Raises
        ------
        IndexError
            When there is no such moment.
        VideoError
            When the recording was closed.
        """
        self._check_open()
        chosen = range(len(self.cameras)) if views is None else views
        if len(chosen) == 1:
            return [self.read_view(moment, chosen[0])]
        return list(self._pool.map(lambda view: self.read_view(moment, view), chosen))

    def read_view(self, moment: int, view: int) -> Image | None:
        """Image of one camera at a moment, None when it has none or is closed; the caller's own."""
        frame = self.frame_of(moment, view)
        camera = self.cameras[view]
        if frame is None or camera is None:
            return None
        ready = self._prefetch.get(view, frame)
        return ready.copy() if ready is not None else read_or_none(camera, frame)

    def prefetch(self, moments: Iterable[int], views: Sequence[int] | None = None) -> None:
        """Decode moments in the background, so that `read` finds them; returns at once.

        A new call takes the place of what an earlier one has not begun. Readers of their own are
        used: the frame in view stays quick to step from.
        """
        chosen = range(len(self.cameras)) if views is None else views
        moments = list(moments)
        for view in chosen:
            camera = self.cameras[view]
            if camera is not None:
                frames = [self.frame_of(moment, view) for moment in moments]
                self._prefetch.ask(view, camera, [f for f in frames if f is not None])

    def wait_for_prefetch(self) -> None:
        """Return when all that was asked for ahead is decoded."""
        self._prefetch.wait()

    def frames(
        self,
        moments: Iterable[int],
        views: Sequence[int] | None = None,
        *,
        ahead: int = AHEAD,
        color: Color | None = None,
    ) -> Iterator[list[Image | None]]:
        """Images of moments in turn, decoded ahead with one thread a camera.

        Parameters
        ----------
        moments
            Numbers of the moments, in any order; rising is quickest.
        views
            Numbers of the cameras; all by default.
        ahead
            Moments held ready; memory is bounded by this many images a camera, and one more.
        color
            As for `VideoReader`; None: as the recording was opened. Grey is quicker.

        Yields
        ------
        list
            As for `read`.

        Raises
        ------
        IndexError, VideoError
            As `read`, before the first image.
        """
        self._check_open()
        chosen = list(range(len(self.cameras)) if views is None else views)
        moments = list(moments)
        sources = [
            (self.cameras[view], [self.frame_of(moment, view) for moment in moments])
            for view in chosen
        ]
        return decode_ahead(sources, len(moments), ahead, color)

    def lazy(self, view: str) -> LazyVideo:
        """A camera as a lazy dask array (n_moments, H, W[, 3]) uint8; reads nothing.

        Missing frames are black; see `problems`.

        Raises
        ------
        VideoError
            When the camera has no usable video.
        """
        from .lazy import lazy_video  # dask takes half a second to import: only who looks waits

        number = self._number(view)
        camera = self.cameras[number]
        if camera is None:
            raise VideoError(
                self.recording.folder, f"camera '{view}' has no video that can be read"
            )
        return lazy_video(MomentSource(self, number), self.n_moments, camera.frame_shape)

    def _check_open(self) -> None:
        if self._closed:
            raise VideoError(self.recording.folder, "is closed; expected an open recording")

    def _number(self, view: str) -> int:
        self.recording.view(view)
        return self.recording.names.index(view)

    def _open_cameras(self) -> list[CameraVideo]:
        return [camera for camera in self.cameras if camera is not None]

    def _count(self) -> int:
        if self.recording.sync is not None:
            return len(self.recording.sync)
        return max(self._pool.map(lambda c: c.n_frames_now, self._open_cameras()), default=0)


class MomentSource:
    """Images of one camera by moment."""

    def __init__(self, video: RecordingVideo, view: int) -> None:
        self._video = video
        self._view = view

    def read_or_none(self, frame: int) -> Image | None:
        """The image of a moment."""
        return self._video.read_view(frame, self._view)
