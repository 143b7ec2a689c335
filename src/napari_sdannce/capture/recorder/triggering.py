"""What starts exposures, besides the cameras' own clocks."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Protocol

from napari_sdannce.capture.cameras import CameraError, CameraLostError
from napari_sdannce.capture.recorder.board_trigger import BoardTrigger
from napari_sdannce.capture.recorder.events import EventKind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_sdannce.capture.recorder.events import EventLog
    from napari_sdannce.capture.recorder.rig import Rig, RigCamera
    from napari_sdannce.settings.capture import CaptureSettings


HANGS_S = 10.0
"""How long a camera may take to answer."""


class TriggerSource(Protocol):
    """Starts exposures, once all cameras wait for them."""

    @property
    def failure(self) -> str:
        """Why it can start no more; empty as long as it can."""
        ...

    @property
    def pulses(self) -> int | None:
        """Exposures started so far; None when that is not known here."""
        ...

    @property
    def is_over(self) -> bool:
        """Whether it has started all that were wanted."""
        ...

    def prepare(self) -> None:
        """Make ready for `start`.

        Raises
        ------
        TriggerBoardError
            When the board does not do what it should.
        """
        ...

    def start(self) -> None:
        """Begin."""
        ...

    def stop(self) -> None:
        """Start no more; from here on `pulses` is final."""
        ...

    def leave_out(self, camera: str) -> None:
        """Start no more exposures of a camera that failed, where it is asked one by one."""
        ...

    def poll(self) -> None:
        """Look how far it is, where that takes asking somebody."""
        ...


class Elsewhere:
    """Exposures are started by the cameras' clocks, or by pulses that somebody else sends."""

    failure = ""
    pulses = None
    is_over = False

    def prepare(self) -> None:
        """Nothing is to be done."""

    def start(self) -> None:
        """Nothing is to be done."""

    def stop(self) -> None:
        """Nothing is to be done."""

    def leave_out(self, camera: str) -> None:
        """Nothing is to be done."""

    def poll(self) -> None:
        """Nothing is to be done."""


class SoftwareTrigger:
    """Starts exposures of all cameras at a steady rate, in a thread of its own.

    An exposure that comes late is not made up for in a hurry: the ones after it are later by as
    much, and it is noted.

    Parameters
    ----------
    cameras
        Set up for this.
    fps
        Exposures a second.
    n_pulses
        How many; None: until it is stopped.
    events
        Where trouble is noted.
    """

    def __init__(
        self, cameras: Sequence[RigCamera], fps: float, n_pulses: int | None, events: EventLog
    ) -> None:
        self.failure = ""
        self.pulses = 0
        self.is_over = False
        self._asked = ""
        self._cameras = {camera.name: camera for camera in cameras}
        self._period_ns = round(1e9 / fps)
        self._n_pulses = n_pulses
        self._events = events
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="trigger", daemon=True)

    def prepare(self) -> None:
        """Nothing is to be done."""

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Start no more."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(HANGS_S)
        if self._thread.is_alive():
            told = f"its SDK did not answer to a trigger for {HANGS_S:g} s"
            self._events.trouble_with(self._asked, told)

    def leave_out(self, camera: str) -> None:
        """Start no more exposures of a camera."""
        self._cameras.pop(camera, None)

    def poll(self) -> None:
        """Nothing is to be done."""

    def _run(self) -> None:
        due_ns = time.monotonic_ns()
        while not self._is_done and not self._stopping.wait(_seconds_to(due_ns)):
            late_ns = time.monotonic_ns() - due_ns
            if late_ns > self._period_ns:
                late = f"{late_ns / self._period_ns:.1f} periods"
                self._events.add(EventKind.LATE_TRIGGER, late, frame=self.pulses)
                due_ns += late_ns
            for camera in tuple(self._cameras.values()):
                self._trigger(camera)
            self.pulses += 1
            due_ns += self._period_ns
        self.is_over = True

    @property
    def _is_done(self) -> bool:
        enough = self._n_pulses is not None and self.pulses >= self._n_pulses
        return enough or not self._cameras

    def _trigger(self, camera: RigCamera) -> None:
        """Start an exposure of one camera; one that misses a pulse gets no more of them.

        Its count of exposures would tell the wrong pulse from there on.
        """
        self._asked = camera.name
        try:
            camera.trigger()
        except CameraLostError:  # who grabs its frames tells that
            self.leave_out(camera.name)
        except CameraError as error:
            self.leave_out(camera.name)
            told = f"its exposures are started no more after the first {self.pulses}: {error}"
            self._events.trouble_with(camera.name, told)


def _seconds_to(due_ns: int) -> float:
    return max(0.0, (due_ns - time.monotonic_ns()) / 1e9)


def trigger_of(
    rig: Rig, settings: CaptureSettings, n_pulses: int | None, events: EventLog
) -> TriggerSource:
    """What starts the exposures of cameras that are set up so."""
    if settings.trigger == "software":
        return SoftwareTrigger(rig.cameras, settings.fps, n_pulses, events)
    if rig.board is not None and settings.board is not None:
        return BoardTrigger(rig.board, settings.board, settings.fps, n_pulses, events)
    return Elsewhere()
