"""Recording: cameras armed first, then triggered; every frame accounted for; files finished."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from napari_sdannce.capture.newest import NewestFrames
from napari_sdannce.capture.recorder.counts import RecorderState, RecorderStatus
from napari_sdannce.capture.recorder.finishing import End, finish_recording
from napari_sdannce.capture.recorder.prepare import prepare, remove_files
from napari_sdannce.capture.recorder.running import ALL_CAME, Running

if TYPE_CHECKING:
    from napari_sdannce.capture.recorder.rig import Rig
    from napari_sdannce.capture.recording_file import RecordingFile
    from napari_sdannce.settings.capture import CaptureSettings

TICK_S = 0.2
"""How often guards look."""


class Recorder:
    """One recording, from the first check to the last file.

    Parameters
    ----------
    rig
        Cameras that are open and set up.
    settings
        What is recorded; the same as the rig's, but for folder and length.
    newest
        Gets each frame, for whoever looks on.

    Raises
    ------
    PrepareError, FileExistsError
        When it can not begin: folder, disk, memory, codec. Nothing is written then.
    """

    def __init__(
        self, rig: Rig, settings: CaptureSettings, newest: NewestFrames | None = None
    ) -> None:
        self.settings = settings.model_copy(update={"folder": settings.folder.absolute()})
        self.newest = newest or NewestFrames(rig.names)
        self._rig = rig
        self._encodings = prepare(self.settings, rig)
        self._state = RecorderState.STARTING
        self._stopping = threading.Event()
        self._ended_by = ""
        self._ended_badly = False
        self._running: Running | None = None

    def begin(self) -> None:
        """Make the files, arm the cameras, let exposures begin; `run` goes on from there.

        Raises
        ------
        CameraError, VideoError, TriggerBoardError, OSError
            When it could not begin; nothing stays then.
        """
        began = datetime.now(UTC)
        try:
            self._running = Running(
                self._rig, self.settings, self._encodings, began, self.newest, self._end_for
            )
            self._running.begin()
        except BaseException:
            if self._running is not None:
                self._running.end("it could not begin")
            remove_files(self.settings)
            raise
        self._state = RecorderState.RECORDING

    def run(self) -> RecordingFile:
        """Record until all frames have come or `stop` is called; what was recorded.

        Raises
        ------
        CameraError, VideoError, TriggerBoardError, OSError
            As `begin`, if that was not called before.
        """
        if self._running is None:
            self.begin()
        assert self._running is not None
        try:
            while not self._stopping.wait(TICK_S):
                self._running.look()
        except BaseException:
            self._end_for("the recorder failed")
            raise
        finally:
            self._state = RecorderState.FINISHING
            self._running.end(self._ended_by)
        recording = finish_recording(self.settings.folder, self._end())
        self._state = RecorderState.ENDED
        return recording

    def stop(self, reason: str) -> None:
        """Have it end; frames that were exposed are still recorded. For any thread."""
        self._end_for(reason, was_asked=True)

    @property
    def fill(self) -> float:
        """Share of the fullest queue that is taken."""
        return 0.0 if self._running is None else self._running.fill

    def status(self) -> RecorderStatus:
        """How it goes. For any thread."""
        running, of_seconds = self._running, self.settings.seconds
        if running is None:
            return RecorderStatus(
                self._state, (), folder=self.settings.folder, of_seconds=of_seconds
            )
        return RecorderStatus(
            self._state,
            running.counts(),
            self.settings.folder,
            running.seconds,
            of_seconds,
            int(running.disk.usable_bytes),
            running.disk.bytes_per_second,
            running.trigger.pulses,
            running.events.last,
            self._ended_by if self._stopping.is_set() else "",
            self._ended_badly,
        )

    def _end_for(self, reason: str, *, was_asked: bool = False) -> None:
        if not self._stopping.is_set():
            self._ended_by, self._ended_badly = reason, not was_asked and reason != ALL_CAME
            self._stopping.set()

    def _end(self) -> End:
        status = self.status()
        return End(datetime.now(UTC), self._ended_by, status.pulses, status.cameras, status.events)
