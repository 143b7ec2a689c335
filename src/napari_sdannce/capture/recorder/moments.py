"""Which frames of the cameras are of one moment, told as they arrive."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from napari_sdannce.capture.numbering import NumberedFrame


class Moments:
    """Numbers moments, from 0, for those who look on; the sync is made afterwards, and is exact.

    Cameras that are triggered count the same exposures. Those that run freely began at different
    times, so each counts on from where the first frame was.

    Parameters
    ----------
    fps
        Frames a second.
    is_triggered
        Whether exposures begin together.
    begin_ns
        Monotonic time at which cameras were armed.
    """

    def __init__(self, fps: float, begin_ns: int, *, is_triggered: bool) -> None:
        self._period_ns = 1e9 / fps
        self._begin_ns = begin_ns
        self._is_triggered = is_triggered
        self._offsets: dict[str, int] = {}

    def of(self, name: str, numbered: NumberedFrame) -> int:
        """Moment of a frame of a camera."""
        if self._is_triggered:
            return numbered.exposure
        if name not in self._offsets:
            since = (numbered.frame.host_ns - self._begin_ns) / self._period_ns
            self._offsets[name] = max(0, round(since)) - numbered.exposure
        return numbered.exposure + self._offsets[name]
