"""Decoding in threads: ahead of a loop over moments, and for moments likely to be asked for."""

from __future__ import annotations

import queue
import threading
from typing import TYPE_CHECKING

from .errors import VideoError
from .frame_cache import FrameCache

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from .camera_video import CameraVideo
    from .pixels import Color, Image


def decode_ahead(
    sources: Sequence[tuple[CameraVideo | None, Sequence[int | None]]],
    n: int,
    ahead: int,
    color: Color | None = None,
) -> Iterator[list[Image | None]]:
    """Images of several cameras in turn, each camera decoded by a thread and reader of its own.

    Parameters
    ----------
    sources
        For each camera its video and (n,) frame numbers, None where it has no frame.
    n
        Number of moments.
    ahead
        Images held ready for each camera.
    color
        As for `VideoReader`; None: that of the camera's video.

    Yields
    ------
    list
        One image a camera, None where there is none.
    """
    stop = threading.Event()
    workers = [_Worker(camera, frames, max(1, ahead), stop, color) for camera, frames in sources]
    try:
        for worker in workers:
            worker.start()
        for _ in range(n):
            yield [worker.take() for worker in workers]
    finally:
        stop.set()
        for worker in workers:
            worker.join()


class _Worker:
    """Decodes the frames of one camera into a short queue."""

    def __init__(
        self,
        camera: CameraVideo | None,
        frames: Sequence[int | None],
        ahead: int,
        stop: threading.Event,
        color: Color | None,
    ) -> None:
        self._frames = frames
        self._color = color
        self._stop = stop
        self._camera = camera
        self._ready: queue.Queue[Image | BaseException | None] = queue.Queue()
        self._room = threading.Semaphore(ahead)
        self._thread = threading.Thread(target=self._work, name="decode ahead", daemon=True)

    def start(self) -> None:
        if self._camera is not None:
            self._thread.start()

    def take(self) -> Image | None:
        if self._camera is None:
            return None
        item = self._ready.get()
        self._room.release()
        if isinstance(item, BaseException):
            raise item
        return item

    def join(self) -> None:
        if self._camera is not None:
            self._room.release()
            self._thread.join()

    def _work(self) -> None:
        assert self._camera is not None
        try:
            with self._camera.twin(color=self._color) as twin:
                for frame in self._frames:
                    self._room.acquire()
                    if self._stop.is_set():
                        return
                    self._ready.put(None if frame is None else read_or_none(twin, frame))
        except BaseException as error:  # noqa: BLE001 - handed to the thread that takes
            self._ready.put(error)


class Prefetch:
    """Images decoded in the background, one thread a camera.

    Parameters
    ----------
    limit
        Most bytes of images kept.
    """

    def __init__(self, limit: int) -> None:
        self._images: FrameCache[Image] = FrameCache(limit, lambda image: image.nbytes)
        self._changed = threading.Condition()
        self._wanted: dict[int, list[int]] = {}
        self._threads: dict[int, threading.Thread] = {}
        self._closed = False

    def get(self, view: int, frame: int) -> Image | None:
        """An image that is ready."""
        return self._images.get((view, frame))

    def ask(self, view: int, camera: CameraVideo, frames: Sequence[int]) -> None:
        """Decode these frames next, instead of what is still waiting."""
        with self._changed:
            if self._closed:
                return
            self._wanted[view] = [f for f in frames if (view, f) not in self._images]
            if view not in self._threads:
                self._threads[view] = threading.Thread(
                    target=self._work, args=(view, camera), name="prefetch", daemon=True
                )
                self._threads[view].start()
            self._changed.notify_all()

    def wait(self) -> None:
        """Return when everything asked for is decoded."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or not any(self._wanted.values()))

    def close(self) -> None:
        """End the threads."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        for thread in self._threads.values():
            thread.join()
        self._images.clear()

    def _work(self, view: int, camera: CameraVideo) -> None:
        with camera.twin() as twin:
            while True:
                with self._changed:
                    self._changed.wait_for(lambda: self._closed or self._wanted[view])
                    if self._closed:
                        return
                    frame = self._wanted[view][0]
                image = read_or_none(twin, frame)
                if image is not None:
                    self._images.put((view, frame), image)
                with self._changed:
                    if self._wanted[view][:1] == [frame]:
                        self._wanted[view].pop(0)
                    self._changed.notify_all()


def read_or_none(camera: CameraVideo, frame: int) -> Image | None:
    """A camera's image, None when it has none; what is wrong is then in the camera's problems."""
    try:
        return camera.read(frame)
    except (VideoError, IndexError):
        return None
