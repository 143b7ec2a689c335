"""How the sync of a recording came about, in numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from napari_sdannce.capture.clock import ClockFit


@dataclass(frozen=True, slots=True)
class CameraSync:
    """What became of a camera's frames.

    Parameters
    ----------
    name
        Of the camera.
    n_frames
        Frames in its video.
    n_used
        Moments in which it has a frame of its own.
    first, last
        Number of its first and last exposure in the video.
    numbered_by
        Its own count of exposures, or time.
    missed_first
        Pulses before the first one that it counted.
    lost
        Exposures between first and last that are not in its video.
    offset_ms
        How much later than those of the other cameras its frames are, the median.
    most_skew_ms
        How far its frames are from that, at most.
    clock
        How its clock goes.
    """

    name: str
    n_frames: int
    n_used: int = 0
    first: int | None = None
    last: int | None = None
    numbered_by: Literal["count", "time"] = "time"
    missed_first: int = 0
    lost: tuple[range, ...] = ()
    offset_ms: float = 0.0
    most_skew_ms: float = 0.0
    clock: ClockFit | None = None

    @property
    def n_lost(self) -> int:
        """Exposures lost between first and last."""
        return sum(map(len, self.lost))


@dataclass(frozen=True, slots=True)
class SyncReport:
    """How a sync came about.

    Parameters
    ----------
    cameras
        In the order of the sync.
    sample_ids
        What they are: milliseconds from 1, or numbers of exposures.
    n_moments
        Moments of the sync.
    n_incomplete
        Exposures that too few cameras have.
    n_skewed
        Moments left out because their frames lie too far apart.
    n_filled
        Frames that stand for ones that were missing.
    skew_ms, most_skew_ms
        Between first and last frame of a moment: median and maximum.
    problems
        What a person should know.
    """

    cameras: tuple[CameraSync, ...]
    sample_ids: Literal["milliseconds", "numbers"]
    n_moments: int = 0
    n_incomplete: int = 0
    n_skewed: int = 0
    n_filled: int = 0
    skew_ms: float = 0.0
    most_skew_ms: float = 0.0
    problems: tuple[str, ...] = ()
