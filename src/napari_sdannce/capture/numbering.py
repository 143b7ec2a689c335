"""Which exposure a frame is of: numbers without gaps where nothing was lost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from napari_sdannce.capture.cameras import Frame

_LATE_PERIODS = 1.5
"""A frame this many periods after the one before came late, or others were lost between them."""


@dataclass(frozen=True, eq=False, slots=True)
class NumberedFrame:
    """A frame and its exposure.

    Parameters
    ----------
    frame
        As the camera delivered it.
    exposure
        Number of the exposure since the camera was armed, from 0.
    lost_before
        Exposures between the frame before and this one that never arrived.
    is_late
        Whether it came later than its number says.
    """

    frame: Frame
    exposure: int
    lost_before: int = 0
    is_late: bool = False

    @property
    def n_bytes(self) -> int:
        """Size of its image."""
        return 0 if self.frame.image is None else self.frame.image.nbytes


class Numbering:
    """Numbers the frames of one camera, by its own count, else by time.

    Parameters
    ----------
    fps
        Frames a second.
    by_time
        Whether lost frames are known by time, where the camera does not count. Not of cameras
        whose exposures wait for a trigger: these may pause.
    """

    def __init__(self, fps: float, *, by_time: bool) -> None:
        self._period_ns = 1e9 / fps
        self._by_time = by_time
        self._last: Frame | None = None
        self._exposure = -1

    def number(self, frame: Frame) -> NumberedFrame:
        """Number the next frame.

        Raises
        ------
        ValueError
            When the camera counts backwards: then nothing tells which exposure it is.
        """
        last, self._last = self._last, frame
        periods = self._periods_since(last, frame)
        if frame.block_id is not None:
            exposure = frame.block_id
        elif self._by_time:
            exposure = self._exposure + max(1, round(periods))
        else:
            exposure = self._exposure + 1
        if exposure <= self._exposure:
            raise ValueError(f"the camera counts {self._exposure}, then {exposure}")
        lost = exposure - self._exposure - 1
        self._exposure = exposure
        late = last is not None and periods - lost > _LATE_PERIODS
        return NumberedFrame(frame, exposure, lost, late)

    def _periods_since(self, last: Frame | None, frame: Frame) -> float:
        """Time since the frame before, in periods: by the camera's clock, else by ours."""
        if last is None:
            return 1.0
        if frame.camera_ns is not None and last.camera_ns is not None:
            return (frame.camera_ns - last.camera_ns) / self._period_ns
        return (frame.host_ns - last.host_ns) / self._period_ns
