"""Which exposure a frame is of, told as it arrives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from napari_sdannce.capture.beat import Beat

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
        Exposures between the frame before and this one that never arrived, by the camera's count.
    late_periods
        How much later it came than its number says, in periods; 0 when it is not late.
    began_anew
        Whether the camera's count fell back.
    """

    frame: Frame
    exposure: int
    lost_before: int = 0
    late_periods: float = 0.0
    began_anew: bool = False


class Numbering:
    """Numbers the frames of one camera, by its own count, else by time.

    Of cameras that do not count, two frames that came close together may have the same number: only
    afterwards can be told which was late (`number_by_time`).

    Parameters
    ----------
    fps
        Frames a second.
    """

    def __init__(self, fps: float) -> None:
        self._period_ns = 1e9 / fps
        self._beat = Beat(self._period_ns)
        self._last: NumberedFrame | None = None
        self._offset = 0
        self._counts = False

    def number(self, frame: Frame) -> NumberedFrame:
        """Number the next frame."""
        last = self._last
        if frame.block_id is not None:
            self._counts = True
            self._last = self._counted(frame, last)
        elif self._counts and last is not None:
            self._last = self._uncounted(frame, last)
        else:
            self._last = self._timed(frame)
        return self._last

    def _counted(self, frame: Frame, last: NumberedFrame | None) -> NumberedFrame:
        assert frame.block_id is not None
        before = -1 if last is None else last.exposure
        exposure = frame.block_id + self._offset
        began_anew = exposure <= before
        if began_anew:
            self._offset += before + 1 - exposure
            exposure = before + 1
        lost = exposure - before - 1
        late = self._periods_since_last(frame) - lost
        return NumberedFrame(frame, exposure, lost, late if late > _LATE_PERIODS else 0, began_anew)

    def _uncounted(self, frame: Frame, last: NumberedFrame) -> NumberedFrame:
        """A frame that arrived torn, without its count, of a camera that counts: the next one."""
        late = self._periods_since_last(frame)
        exposure = last.exposure + 1
        return NumberedFrame(frame, exposure, late_periods=late if late > _LATE_PERIODS else 0)

    def _timed(self, frame: Frame) -> NumberedFrame:
        late = self._periods_since_last(frame)
        exposure = self._beat.number(frame.host_ns)
        return NumberedFrame(frame, exposure, late_periods=late if late > _LATE_PERIODS else 0)

    def _periods_since_last(self, frame: Frame) -> float:
        """Time since the frame before, in periods: by the camera's clock, else by ours."""
        if self._last is None:
            return 1.0
        last = self._last.frame
        if frame.camera_ns is not None and last.camera_ns is not None:
            return (frame.camera_ns - last.camera_ns) / self._period_ns
        return (frame.host_ns - last.host_ns) / self._period_ns
