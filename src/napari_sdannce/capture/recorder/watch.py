"""Cameras that are looked at, and do not record."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from napari_sdannce.capture.cameras import CameraError
from napari_sdannce.capture.numbering import Numbering
from napari_sdannce.capture.recorder.counts import (
    CameraCounts,
    CameraState,
    RecorderState,
    RecorderStatus,
)
from napari_sdannce.capture.recorder.events import EventLog
from napari_sdannce.capture.recorder.frame_rate import FrameRate
from napari_sdannce.capture.recorder.grabbing import HANGS_S, GrabThread
from napari_sdannce.capture.recorder.guards import HealthGuard
from napari_sdannce.capture.recorder.moments import Moments
from napari_sdannce.capture.recorder.triggering import trigger_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_sdannce.capture.cameras import Frame
    from napari_sdannce.capture.newest import NewestFrames
    from napari_sdannce.capture.numbering import NumberedFrame
    from napari_sdannce.capture.recorder.rig import Rig, RigCamera

_LOOK_S = 1.0


class Watch:
    """Shows what the cameras of a rig see, until it is stopped. A camera that fails stays away.

    Parameters
    ----------
    rig
        Cameras that are open and set up.
    newest
        Gets each frame.

    Raises
    ------
    TriggerBoardError
        When the board does not do what it should.
    """

    def __init__(self, rig: Rig, newest: NewestFrames) -> None:
        settings = rig.settings
        self._settings = settings
        self._newest = newest
        self.events = EventLog()
        self._trigger = trigger_of(rig, settings, None, self.events)
        self._trigger.prepare()
        newest.begin_anew()
        is_triggered = settings.trigger != "free"
        self._moments = Moments(settings.fps, time.monotonic_ns(), is_triggered=is_triggered)
        self._watched = [
            _Watched(each, settings.fps, self._look, self.events) for each in rig.cameras
        ]
        self._trigger.start()
        waits = settings.trigger == "hardware" and settings.board is None
        self._health = HealthGuard(rig.cameras, self.events, settings.fps, waits_for_pulses=waits)
        self._stopping = threading.Event()
        self._guard = threading.Thread(target=self._guarding, name="guard", daemon=True)
        self._guard.start()

    def stop(self) -> None:
        """Show nothing any more; the cameras are left ready for a recording."""
        self._stopping.set()
        self._guard.join()
        self._trigger.stop()
        for each in self._watched:
            each.stop()
        for each in self._watched:
            each.join()

    def status(self) -> RecorderStatus:
        """How the cameras stand."""
        warm = self._health.temperatures
        counts = tuple(each.counts(warm.get(each.name)) for each in self._watched)
        return RecorderStatus(RecorderState.LOOKING, counts, events=self.events.last)

    def _look(self, name: str, numbered: NumberedFrame) -> None:
        self._newest.put(name, numbered.frame, self._moments.of(name, numbered))

    def _guarding(self) -> None:
        while not self._stopping.wait(_LOOK_S):
            self.events.tell_due()
            self._poll_trigger()
            running = [each.name for each in self._watched if not each.is_over]
            self._health.look([each.counts() for each in self._watched], running)

    def _poll_trigger(self) -> None:
        had_failed = bool(self._trigger.failure)
        self._trigger.poll()
        if self._trigger.failure and not had_failed:
            self.events.trouble_with("", self._trigger.failure)


class _Watched:
    """One camera that is looked at."""

    def __init__(
        self,
        camera: RigCamera,
        fps: float,
        look: Callable[[str, NumberedFrame], None],
        events: EventLog,
    ) -> None:
        self.name = camera.name
        self._look = look
        self._events = events
        self._numbering = Numbering(fps)
        self._rate = FrameRate()
        self._state = CameraState.WAITING
        self._grabbed = self._lost = self._failed = 0
        self._grab: GrabThread | None = None
        try:
            camera.arm()
        except CameraError as error:
            self._end(error)
        else:
            self._grab = GrabThread(self.name, camera.camera, self._take, self._end)
            self._grab.start()

    @property
    def is_over(self) -> bool:
        """Whether no more frames come."""
        return self._state in (CameraState.ENDED, CameraState.LOST)

    def stop(self) -> None:
        """Take no more frames."""
        if self._grab is not None:
            self._grab.stop()

    def join(self) -> None:
        """Wait until it has stopped."""
        if self._grab is not None:
            self._grab.join(HANGS_S)

    def counts(self, temperature_c: float | None = None) -> CameraCounts:
        """Its frames, in numbers."""
        return CameraCounts(
            self.name,
            self._state,
            grabbed=self._grabbed,
            failed=self._failed,
            lost=self._lost,
            fps=self._rate.now(time.monotonic_ns()),
            temperature_c=temperature_c,
        )

    def _take(self, frame: Frame) -> bool:
        numbered = self._numbering.number(frame)
        self._state = CameraState.RUNNING
        self._grabbed += 1
        self._lost += numbered.lost_before
        self._failed += frame.image is None
        self._rate.add(frame.host_ns)
        self._look(self.name, numbered)
        return True

    def _end(self, failure: CameraError | None) -> None:
        self._state = CameraState.ENDED if failure is None else CameraState.LOST
        if failure is not None:
            self._events.trouble_with(self.name, str(failure))
