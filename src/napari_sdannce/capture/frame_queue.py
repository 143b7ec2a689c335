"""Frames that wait for an encoder: as many as fit into so many bytes, and no more."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from napari_sdannce.capture.frame_records import FrameStatus

if TYPE_CHECKING:
    from napari_sdannce.capture.cameras import Frame


@dataclass(frozen=True, eq=False, slots=True)
class QueuedFrame:
    """A frame on its way into the file, or only into the record of frames.

    Parameters
    ----------
    index
        Its number among the frames of its camera.
    frame
        As the camera delivered it; without its image when there is none to be written.
    depth
        Frames that waited when it came.
    status
        What became of it so far.
    """

    index: int
    frame: Frame
    depth: int
    status: FrameStatus

    @property
    def n_bytes(self) -> int:
        """Size of its image."""
        return 0 if self.frame.image is None else self.frame.image.nbytes

    @property
    def dropped(self) -> QueuedFrame:
        """The same without its image, for which there was no room."""
        return replace(self, frame=replace(self.frame, image=None), status=FrameStatus.DROPPED)


class FrameQueue:
    """Hands frames from the thread that grabs to the one that encodes.

    Parameters
    ----------
    limit
        Bytes of images that may wait. A single one may always, however large.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._waiting: deque[QueuedFrame] = deque()
        self._bytes = 0
        self._most_bytes = 0
        self._closed = False
        self._changed = threading.Condition()

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def fill(self) -> float:
        """Share of the bytes that is taken."""
        return self._bytes / self.limit

    @property
    def most_fill(self) -> float:
        """The largest share so far."""
        return self._most_bytes / self.limit

    def put(self, frame: QueuedFrame) -> bool:
        """Add a frame; False when its image does not fit. Never waits: the camera does not, either.

        A frame without an image, of which there is only something to be noted, always fits.
        """
        n_bytes = frame.n_bytes
        with self._changed:
            if self._closed or (n_bytes and self._bytes and self._bytes + n_bytes > self.limit):
                return False
            self._waiting.append(frame)
            self._bytes += n_bytes
            self._most_bytes = max(self._most_bytes, self._bytes)
            self._changed.notify()
            return True

    def get(self) -> QueuedFrame | None:
        """Take the oldest frame, as soon as there is one; None when no more will come."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._closed)
            if not self._waiting:
                return None
            frame = self._waiting.popleft()
            self._bytes -= frame.n_bytes
            return frame

    def close(self) -> None:
        """Take no more; what waits can still be taken."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
