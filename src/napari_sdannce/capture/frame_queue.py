"""Frames that wait for an encoder: as many as fit into so many bytes, and no more."""

from __future__ import annotations

import threading
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from napari_sdannce.capture.numbering import NumberedFrame


class FrameQueue:
    """Hands frames from the thread that grabs to the one that encodes.

    Parameters
    ----------
    limit
        Bytes of images that may wait. A single one may always, however large.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._waiting: deque[NumberedFrame] = deque()
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

    def put(self, frame: NumberedFrame) -> bool:
        """Add a frame; False when it does not fit. Never waits: the camera does not, either."""
        with self._changed:
            if self._closed or (self._waiting and self._bytes + frame.n_bytes > self.limit):
                return False
            self._waiting.append(frame)
            self._bytes += frame.n_bytes
            self._most_bytes = max(self._most_bytes, self._bytes)
            self._changed.notify()
            return True

    def get(self, timeout_s: float) -> NumberedFrame | None:
        """Take the oldest frame; None when there is none in time, or it is closed and empty."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._closed, timeout_s)
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

    @property
    def is_finished(self) -> bool:
        """Whether nothing waits and nothing more comes."""
        with self._changed:
            return self._closed and not self._waiting
