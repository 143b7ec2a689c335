"""How fast frames come."""

from __future__ import annotations

from collections import deque

_WINDOW_NS = 2_000_000_000
_MOST = 256


class FrameRate:
    """Frames a second over the last two seconds, or the last 256 frames.

    Times are monotonic (ns). One thread adds, any may ask.
    """

    def __init__(self) -> None:
        self._times: deque[int] = deque(maxlen=_MOST)

    def add(self, time_ns: int) -> None:
        """Note a frame."""
        self._times.append(time_ns)

    def now(self, time_ns: int) -> float:
        """Frames a second; 0 when none came in the last two seconds."""
        times = [each for each in self._times.copy() if time_ns - each <= _WINDOW_NS]
        if len(times) < 2 or times[-1] <= times[0]:
            return 0.0
        return 1e9 * (len(times) - 1) / (times[-1] - times[0])
