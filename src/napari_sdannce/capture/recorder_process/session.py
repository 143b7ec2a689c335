"""Cameras between being connected and let go of: looked at, recording, looked at again."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from napari_sdannce.capture.cameras import CameraError
from napari_sdannce.capture.find_cameras import find_cameras
from napari_sdannce.capture.newest import NewestFrames
from napari_sdannce.capture.recorder.counts import RecorderState, RecorderStatus
from napari_sdannce.capture.recorder.pictures import picture_of
from napari_sdannce.capture.recorder.recorder import Recorder
from napari_sdannce.capture.recorder.rig import Rig
from napari_sdannce.capture.recorder.self_test import self_test
from napari_sdannce.capture.recorder.watch import Watch

if TYPE_CHECKING:
    from collections.abc import Mapping

    from napari_sdannce.capture.cameras import CameraInfo, Format
    from napari_sdannce.capture.find_cameras import Missing
    from napari_sdannce.capture.newest import FrameSet
    from napari_sdannce.capture.recorder.pictures import Picture
    from napari_sdannce.capture.recorder.self_test import SelfTest
    from napari_sdannce.settings.capture import CaptureSettings

LONGEST_WAIT_S = 1.0
"""One who waits for frames is answered by then."""
BEHIND = 0.5
"""Encoders whose queue is fuller than this get the time that pictures would take."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of camera that can be used.

    Parameters
    ----------
    name
        Of the back-end.
    serials
        What its serial numbers are, in words.
    """

    name: str
    serials: str


@dataclass(frozen=True, slots=True)
class Discovered:
    """What there is on this computer.

    Parameters
    ----------
    cameras
        That are there now.
    kinds
        Kinds of cameras that can be used.
    missing
        Those that can not, with how to get them.
    """

    cameras: tuple[CameraInfo, ...]
    kinds: tuple[Kind, ...]
    missing: tuple[Missing, ...]


@dataclass(frozen=True, slots=True)
class Connected:
    """Cameras that are connected.

    Parameters
    ----------
    settings
        How they are set up.
    formats
        What each delivers.
    """

    settings: CaptureSettings
    formats: tuple[Format, ...]


@dataclass(frozen=True, slots=True)
class SessionStatus:
    """How a session stands.

    Parameters
    ----------
    now
        How recording, or looking, goes.
    last
        How the last recording ended; None: there was none.
    failure
        Why the last recording could not be finished; empty when it was.
    """

    now: RecorderStatus
    last: RecorderStatus | None = None
    failure: str = ""


class Session:
    """What one recorder process does; called from any thread.

    Without cameras it waits; with some, it shows what they see unless it records.
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._rig: Rig | None = None
        self._newest = NewestFrames(())
        self._watch: Watch | None = None
        self._recorder: Recorder | None = None
        self._is_finished = threading.Event()
        self._is_finished.set()
        self._failure = ""

    @property
    def is_recording(self) -> bool:
        """Whether a recording runs or is being finished, or a self-test runs."""
        return not self._is_finished.is_set()

    def discover(self) -> Discovered:
        """Look for cameras; those that are connected are among them."""
        found = find_cameras()
        kinds = tuple(Kind(each.name, each.serials) for each in found.back_ends)
        return Discovered(tuple(found.cameras), kinds, tuple(found.missing))

    def connect(self, settings: CaptureSettings) -> Connected:
        """Open cameras, or set the same ones up anew, and show what they see.

        Raises
        ------
        CameraError, TriggerBoardError
            When some can not be opened or refuse a setting. Cameras that were connected before
            stay as they were, if they still can.
        """
        with self._lock:
            self._refuse_while_recording()
            before = None if self._rig is None else self._rig.settings
            try:
                self._open(settings)
            except RuntimeError:
                self._reopen(before)
                raise
            connected = self.connected()
            assert connected is not None
            return connected

    def connected(self) -> Connected | None:
        """Cameras that are connected; None: none are."""
        with self._lock:
            if self._rig is None:
                return None
            return Connected(self._rig.settings, tuple(each.format for each in self._rig.cameras))

    def record(self, settings: CaptureSettings) -> None:
        """Begin a recording; cameras that are not connected so are connected first.

        Raises
        ------
        CameraError, PrepareError, FileExistsError, TriggerBoardError, VideoError, OSError
            When it can not begin; the cameras are shown as before.
        """
        with self._lock:
            self._refuse_while_recording()
            rig = self._ready(settings)
            try:
                recorder = Recorder(rig, settings, self._newest)
                recorder.begin()
            except BaseException:
                self._watch = Watch(rig, self._newest)
                raise
            self._failure, self._recorder = "", recorder
            self._is_finished.clear()
            threading.Thread(target=self._record, name="recorder").start()

    def self_test(self, settings: CaptureSettings, seconds: float) -> SelfTest:
        """Record for some seconds, judge, and keep nothing; see `self_test`.

        Raises
        ------
        CameraError, PrepareError, FileExistsError, TriggerBoardError, VideoError, OSError
            When a recording can not begin; the cameras are shown as before.
        """
        with self._lock:
            self._refuse_while_recording()
            rig = self._ready(settings)
            self._is_finished.clear()
        try:
            return self_test(rig, settings, seconds, self._newest)
        finally:
            self._look_again()

    def stop(self, reason: str) -> None:
        """Have the recording end."""
        if self._recorder is not None:
            self._recorder.stop(reason)

    def join(self, timeout_s: float | None = None) -> bool:
        """Wait until the recording is finished; False when it is not in time."""
        # not by joining its thread: Python 3.11 takes one for dead when Ctrl-C ends the waiting
        return self._is_finished.wait(timeout_s)

    def status(self) -> SessionStatus:
        """How it stands."""
        recorder, watch = self._recorder, self._watch
        last = None if recorder is None else recorder.status()
        if last is not None and self.is_recording and last.state is not RecorderState.ENDED:
            return SessionStatus(last)
        now = RecorderStatus(RecorderState.ENDED, ()) if watch is None else watch.status()
        return SessionStatus(now, last, self._failure)

    def pictures(self, widths: Mapping[str, int]) -> dict[str, Picture]:
        """What cameras see now; nothing while encoders are behind.

        Parameters
        ----------
        widths
            How wide a picture is to be at most (px), by the name of the camera.
        """
        with self._lock:
            rig, newest_frames, recorder = self._rig, self._newest, self._recorder
        if rig is None:
            return {}
        if recorder is not None and self.is_recording and recorder.fill > BEHIND:
            return {}
        newest = {
            camera: newest_frames.of(camera.name) for camera in rig.cameras if camera.name in widths
        }
        return {
            camera.name: picture_of(frame, camera.format.layout, widths[camera.name])
            for camera, frame in newest.items()
            if frame is not None
        }

    def newest_set(self, after: int, timeout_s: float) -> FrameSet | None:
        """Newest frames of one moment of all cameras, see `NewestFrames.wait_for_set`."""
        return self._newest.wait_for_set(after, min(timeout_s, LONGEST_WAIT_S))

    def disconnect(self) -> None:
        """Let go of the cameras."""
        with self._lock:
            self._refuse_while_recording()
            self._let_go()

    def close(self) -> None:
        """End the recording, if one runs, and let go of the cameras."""
        self.stop("the recorder was closed")
        self.join()
        with self._lock:
            self._let_go()

    def _record(self) -> None:
        """Run the recording that has begun; runs in a thread of its own."""
        assert self._recorder is not None
        try:
            self._recorder.run()
        except (RuntimeError, ValueError, OSError) as error:
            self._failure = str(error)
        finally:
            self._look_again()

    def _look_again(self) -> None:
        """Show what the cameras see: a recording has ended."""
        with self._lock:
            try:
                if self._rig is not None:
                    self._watch = Watch(self._rig, self._newest)
            finally:
                self._is_finished.set()

    def _ready(self, settings: CaptureSettings) -> Rig:
        """Cameras that are set up so, and not looked at."""
        if self._rig is None or not _same_set_up(self._rig.settings, settings):
            self.connect(settings)
        assert self._rig is not None
        self._stop_watching()
        return self._rig

    def _open(self, settings: CaptureSettings) -> None:
        """Open cameras, or set the same ones up anew, and show what they see."""
        self._stop_watching()
        if self._rig is not None and _same_cameras(self._rig.settings, settings):
            self._rig.set_up(settings)
        else:
            self._let_go()
            self._rig = Rig(settings)
            self._newest = NewestFrames(self._rig.names)
        self._watch = Watch(self._rig, self._newest)

    def _reopen(self, before: CaptureSettings | None) -> None:
        """Have it as it was, or, when that is not possible any more, without cameras."""
        try:
            if before is not None:
                self._open(before)
        except RuntimeError:
            before = None
        if before is None:
            self._let_go()

    def _refuse_while_recording(self) -> None:
        if self.is_recording:
            raise CameraError("the cameras are recording; stop the recording first")

    def _stop_watching(self) -> None:
        if self._watch is not None:
            self._watch.stop()
            self._watch = None

    def _let_go(self) -> None:
        self._stop_watching()
        if self._rig is not None:
            self._rig.close()
            self._rig = None
        self._newest = NewestFrames(())


def _same_cameras(one: CaptureSettings, other: CaptureSettings) -> bool:
    """Whether two settings are of the same cameras under the same names."""
    return [(each.name, each.back_end, each.serial) for each in one.cameras] == [
        (each.name, each.back_end, each.serial) for each in other.cameras
    ]


def _same_set_up(one: CaptureSettings, other: CaptureSettings) -> bool:
    """Whether cameras are set up alike."""
    parts = ("cameras", "fps", "trigger", "board")
    return all(getattr(one, part) == getattr(other, part) for part in parts)
