"""A recording while it runs: its threads, what starts exposures, and what is watched."""

from __future__ import annotations

import errno
import threading
import time
from typing import TYPE_CHECKING

from napari_sdannce.capture.cameras import CameraError
from napari_sdannce.capture.recorder.causes import in_words
from napari_sdannce.capture.recorder.events import EVENTS_FILE, EventLog
from napari_sdannce.capture.recorder.grabbing import HANGS_S, GrabThread
from napari_sdannce.capture.recorder.guards import DiskGuard, HealthGuard
from napari_sdannce.capture.recorder.moments import Moments
from napari_sdannce.capture.recorder.new_files import begin_files
from napari_sdannce.capture.recorder.prepare import n_frames_of
from napari_sdannce.capture.recorder.reserve import Reserve
from napari_sdannce.capture.recorder.track import Track
from napari_sdannce.capture.recorder.triggering import trigger_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from napari_sdannce.capture.newest import NewestFrames
    from napari_sdannce.capture.numbering import NumberedFrame
    from napari_sdannce.capture.recorder.counts import CameraCounts
    from napari_sdannce.capture.recorder.rig import Rig
    from napari_sdannce.settings.capture import CaptureSettings
    from napari_sdannce.video import Encoding

STILL_S = 30.0
"""An encoder that has done nothing for so long, though frames wait, has failed."""
LAST_PULSE_S = 1.0
"""How long, after its exposure, the last frame may take to arrive."""
LONGEST_EXPOSURE_S = 10.0
OTHERS_S = 5.0
"""How long cameras are waited for when another one has all its frames: those that run freely begin
one after the other."""
ALL_CAME = "its length was reached"
_FLUSH_S = 1.0


class Running:
    """Cameras that record.

    Parameters
    ----------
    rig, settings, encodings, began
        Cameras, what is recorded, how each is encoded, and when it began.
    newest
        Gets each frame, for whoever looks on.
    stop
        Called with a reason when the recording has to end.

    Raises
    ------
    VideoError, OSError
        When files can not be made; nothing stays then.
    """

    def __init__(
        self,
        rig: Rig,
        settings: CaptureSettings,
        encodings: Sequence[Encoding],
        began: datetime,
        newest: NewestFrames,
        stop: Callable[[str], None],
    ) -> None:
        self._files = begin_files(settings, rig, encodings, began)
        folder, cameras = settings.folder, rig.cameras
        n_frames = n_frames_of(settings)
        waits = settings.trigger == "hardware" and settings.board is None
        self.events = EventLog(folder / EVENTS_FILE)
        self.disk = DiskGuard(folder, settings.keep_free_gb, self.events)
        self.trigger = trigger_of(rig, settings, n_frames, self.events)
        self._settings = settings
        self._exposure_s = min(1 / settings.fps, LONGEST_EXPOSURE_S)
        self._cameras = cameras
        self._stop = stop
        self._newest = newest
        self._reserve = Reserve(folder, self.disk.free_bytes)
        self._health = HealthGuard(cameras, self.events, settings.fps, waits_for_pulses=waits)
        self._began_ns = time.monotonic_ns()
        self._ended_ns: int | None = None
        self._flushed_s = 0.0
        self._first_had_all_s: float | None = None
        self._last_pulse_by_s: float | None = None
        self._grabs: dict[str, GrabThread] = {}
        self._tracks = tuple(
            Track(
                camera,
                output,
                settings.fps,
                self.events,
                n_frames=n_frames,
                look=self._look_on,
                troubled=self._troubled,
            )
            for camera, output in zip(cameras, self._files.outputs, strict=True)
        )
        self._moments = self._moments_from_now()

    @property
    def seconds(self) -> float:
        """How long it has run."""
        return ((self._ended_ns or time.monotonic_ns()) - self._began_ns) / 1e9

    @property
    def fill(self) -> float:
        """Share of the fullest queue that is taken."""
        return max((track.fill for track in self._tracks), default=0.0)

    def counts(self) -> tuple[CameraCounts, ...]:
        """Frames of the cameras."""
        warm = self._health.temperatures
        return tuple(track.counts(warm.get(track.name)) for track in self._tracks)

    def begin(self) -> None:
        """Arm all cameras, then let exposures begin.

        Raises
        ------
        CameraError, TriggerBoardError
            When a camera can not be armed, or the board does not do what it should.
        """
        self.trigger.prepare()
        self._newest.begin_anew()
        self._moments = self._moments_from_now()
        for camera, track in zip(self._cameras, self._tracks, strict=True):
            grab = GrabThread(camera.name, camera.camera, track.take, self._ending(track))
            camera.arm()
            track.armed()
            self._grabs[camera.name] = grab
            grab.start()
        self._began_ns = time.monotonic_ns()
        self.trigger.start()
        self.events.note(f"recording began: {self._what}")

    @property
    def _what(self) -> str:
        n, fps = len(self._cameras), self._settings.fps
        rate = sum(camera.format.bytes_per_frame for camera in self._cameras) * fps / 1e6
        return f"{n} camera{'s' if n > 1 else ''}, {fps:g} frames a second, {rate:.0f} MB/s"

    def look(self) -> None:
        """Look at disk, cameras and encoders; end the recording when it has to."""
        self.events.tell_due()
        self._flush()
        counts = self.counts()
        self._health.look(counts, [track.name for track in self._tracks if not track.is_over])
        full = self.disk.look(sum(each.n_bytes for each in counts))
        if full:
            self._stop(full)
        for track in self._tracks:
            if track.seconds_still > STILL_S:
                self._stop(f"the encoder of {track.name} stands still")
        self.trigger.poll()
        over = self.trigger.failure or self._why_over()
        if over:
            self._stop(over)

    def end(self, reason: str) -> None:
        """Let exposures end, take the frames that are on their way, and have them encoded."""
        self._stop_trigger()
        self._wait_for_last_pulse()
        self._end_tracks()
        self._ended_ns = time.monotonic_ns()
        for track in self._tracks:
            if not track.join(STILL_S):
                self.events.trouble_with(track.name, "its encoder stands still; frames are lost")
        self._reserve.release()
        self.events.tell_due(all_of_them=True)
        self.events.note(f"recording ended: {reason}")
        self.events.close()

    def remove_files(self) -> None:
        """Remove what was made for a recording that could not begin, once it has ended."""
        self._files.remove()

    def _stop_trigger(self) -> None:
        """Let exposures end; when that fails, cameras end all the same."""
        try:
            self.trigger.stop()
        except (RuntimeError, OSError) as error:
            self.events.trouble_with("", in_words(error))

    def _end_tracks(self) -> None:
        """Have cameras stop, and take the frames that are on their way."""
        for grab in self._grabs.values():
            grab.stop()
        deadline = time.monotonic() + HANGS_S
        for track in self._tracks:
            grabbing = self._grabs.get(track.name)
            if grabbing is None:
                track.end(None)
            elif not grabbing.join(max(0.0, deadline - time.monotonic())):
                track.end(CameraError(f"its SDK did not answer for {HANGS_S:g} s"))
            if self.trigger.pulses is not None:
                track.miss_after_last(self.trigger.pulses)

    def _ending(self, track: Track) -> Callable[[CameraError | None], None]:
        """What is done when a camera ends."""

        def ended(failure: CameraError | None) -> None:
            track.end(failure)
            if failure is not None:
                self.trigger.leave_out(track.name)

        return ended

    def _why_over(self) -> str:
        """Why the recording is over; empty when more frames are to come."""
        if all(track.is_lost for track in self._tracks):
            return "no camera is left"
        if self.trigger.is_over:
            self._wait_for_last_pulse()
        elif not all(track.is_over for track in self._tracks) and not self._others_had_time():
            return ""
        without = [track.name for track in self._tracks if not track.has_all]
        return f"{ALL_CAME}, but not by {', '.join(without)}" if without else ALL_CAME

    def _others_had_time(self) -> bool:
        """Whether cameras that still run had time to deliver what another one has delivered."""
        if self._first_had_all_s is None and any(track.has_all for track in self._tracks):
            self._first_had_all_s = time.monotonic()
        since = self._first_had_all_s
        return since is not None and time.monotonic() - since > OTHERS_S + self._exposure_s

    def _moments_from_now(self) -> Moments:
        is_triggered = self._settings.trigger != "free"
        return Moments(self._settings.fps, time.monotonic_ns(), is_triggered=is_triggered)

    def _look_on(self, name: str, numbered: NumberedFrame) -> None:
        self._newest.put(name, numbered.frame, self._moments.of(name, numbered))

    def _flush(self) -> None:
        now = time.monotonic()
        if now - self._flushed_s >= _FLUSH_S:
            self._flushed_s = now
            for track in self._tracks:
                track.flush()

    def _troubled(self, track: Track, error: Exception | None) -> None:
        """Frames of a camera were left out, or could not be written or noted."""
        if error is None:
            if self._settings.when_behind == "stop":
                self._stop(f"the encoder of {track.name} can not follow")
        elif is_full_disk(error):
            self._give_up(f"the disk is full: {error}")
        elif isinstance(error, OSError):
            self._stop(f"{track.name}: {error}")
        elif not any(each.can_write for each in self._tracks):
            self._stop("no video can be written any more")

    def _give_up(self, why: str) -> None:
        """The disk is full: keep its last room for what tells which frames there are."""
        for track in self._tracks:
            track.write_no_more("the disk is full")
        self._reserve.release()
        self._stop(why)

    def _wait_for_last_pulse(self) -> None:
        """Give the last exposure time to arrive: a camera that is stopped before loses it."""
        pulses, pause = self.trigger.pulses, threading.Event()
        if self._last_pulse_by_s is None:
            self._last_pulse_by_s = time.monotonic() + self._exposure_s + LAST_PULSE_S
        while pulses is not None and time.monotonic() < self._last_pulse_by_s:
            if all(track.is_over or track.n_exposures >= pulses for track in self._tracks):
                return
            pause.wait(LAST_PULSE_S / 50)


def is_full_disk(error: BaseException | None) -> bool:
    """Whether an error, or one that it came from, is of a full disk."""
    while error is not None:
        if getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT):
            return True
        error = error.__cause__
    return False
