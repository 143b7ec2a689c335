"""How a recording goes, in numbers: what a person, or a program that looks on, is told."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from napari_sdannce.capture.recorder.events import Event


class CameraState(StrEnum):
    """How a camera stands."""

    WAITING = "waiting"
    """No frame has come yet."""
    RUNNING = "running"
    ENDED = "ended"
    """It has delivered all that it should."""
    LOST = "lost"
    """It is not there any more."""


class RecorderState(StrEnum):
    """How the recorder stands."""

    LOOKING = "looking"
    """Frames are shown and not kept."""
    STARTING = "starting"
    RECORDING = "recording"
    FINISHING = "finishing"
    """Frames that wait are encoded, and files are finished."""
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class CameraCounts:
    """The frames of a camera.

    Every frame that was grabbed becomes one of `encoded`, `dropped`, `failed` or `unwritten`, or
    still waits.

    Parameters
    ----------
    name
        Of the camera.
    state
        How it stands.
    grabbed
        Frames that it delivered, whole or not.
    encoded
        Those in the video.
    dropped
        Those for which the queue had no room.
    failed
        Those that did not arrive whole.
    unwritten
        Those that encoder or disk did not take.
    waiting
        Those in the queue.
    lost
        Exposures by the camera's own count that never arrived.
    late
        Frames that came late.
    fps
        Frames a second, over the last ones.
    fill, most_fill
        Share of its queue that is taken, now and at most.
    n_bytes
        Size of its video so far.
    temperature_c
        Degrees Celsius; None when it does not say.
    """

    name: str
    state: CameraState = CameraState.WAITING
    grabbed: int = 0
    encoded: int = 0
    dropped: int = 0
    failed: int = 0
    unwritten: int = 0
    waiting: int = 0
    lost: int = 0
    late: int = 0
    fps: float = 0.0
    fill: float = 0.0
    most_fill: float = 0.0
    n_bytes: int = 0
    temperature_c: float | None = None

    @property
    def unaccounted(self) -> int:
        """Frames of which nobody knows what became of them.

        0 once a recording has ended; before, the one that is being encoded.
        """
        known = self.encoded + self.dropped + self.failed + self.unwritten + self.waiting
        return self.grabbed - known

    @property
    def missing(self) -> int:
        """Frames and exposures that are not in the video, and will not be."""
        return self.dropped + self.failed + self.unwritten + self.lost


@dataclass(frozen=True, slots=True)
class RecorderStatus:
    """How a recording goes.

    Parameters
    ----------
    state
        How the recorder stands.
    cameras
        In the order of the settings.
    folder
        Of the recording.
    seconds
        Since it began.
    of_seconds
        How long it shall be; None: until it is stopped.
    free_bytes
        Room on the disk.
    bytes_per_second
        How fast the videos grow.
    pulses
        Exposures that were started, where this program or its board start them.
    events
        The last ones.
    ended_by
        Why it ended; empty as long as it has not.
    ended_badly
        Whether it ended though nobody wanted it to.
    """

    state: RecorderState
    cameras: tuple[CameraCounts, ...]
    folder: Path | None = None
    seconds: float = 0.0
    of_seconds: float | None = None
    free_bytes: int = 0
    bytes_per_second: float = 0.0
    pulses: int | None = None
    events: tuple[Event, ...] = ()
    ended_by: str = ""
    ended_badly: bool = False

    @property
    def seconds_of_disk(self) -> float | None:
        """How long the disk lasts at this rate; None when nothing is known yet."""
        return self.free_bytes / self.bytes_per_second if self.bytes_per_second else None
