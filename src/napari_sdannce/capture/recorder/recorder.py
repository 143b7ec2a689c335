"""Recording: cameras armed first, then triggered; every frame accounted for; files finished."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING

from napari_sdannce.capture.newest import NewestFrames
from napari_sdannce.capture.recorder.causes import in_words
from napari_sdannce.capture.recorder.counts import RecorderState, RecorderStatus
from napari_sdannce.capture.recorder.finishing import End, finish_recording
from napari_sdannce.capture.recorder.prepare import prepare
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
        # why to end, and whether nobody wanted that; a signal handler may add to it, too
        self._reasons: SimpleQueue[tuple[str, bool]] = SimpleQueue()
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
        running = Running(
            self._rig, self.settings, self._encodings, began, self.newest, self._end_for
        )
        self._running = running
        try:
            running.begin()
        except BaseException:
            self._ended_by, self._ended_badly = "it could not begin", True
            running.end(self._ended_by)
            running.remove_files()
            self._state = RecorderState.ENDED
            raise
        self._state = RecorderState.RECORDING

    def run(self) -> RecordingFile:
        """Record until all frames have come or `stop` is called; what was recorded.

        Raises
        ------
        CameraError, VideoError, TriggerBoardError, OSError
            As `begin`, if that was not called before.
        """
        if self._state is not RecorderState.RECORDING:
            self.begin()
        running = self._running
        assert running is not None
        try:
            while not self._is_to_end():
                running.look()
        except BaseException as error:
            self._ended_by = f"the recorder failed: {in_words(error)}"
            self._ended_badly = True
            raise
        finally:
            recording = self._finish(running)
        return recording

    def stop(self, reason: str) -> None:
        """Have it end; frames that were exposed are still recorded. For any thread, at any time."""
        self._reasons.put((reason or "it was stopped", False))

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
            self._ended_by,
            self._ended_badly,
        )

    def _end_for(self, reason: str) -> None:
        self._reasons.put((reason, reason != ALL_CAME))

    def _is_to_end(self) -> bool:
        """Whether somebody wants it to end; waits a little for that."""
        with suppress(Empty):
            self._ended_by, self._ended_badly = self._reasons.get(timeout=TICK_S)
        return bool(self._ended_by)

    def _finish(self, running: Running) -> RecordingFile:
        self._state = RecorderState.FINISHING
        running.end(self._ended_by)
        status = self.status()
        end = End(datetime.now(UTC), self._ended_by, status.pulses, status.cameras, status.events)
        try:
            return finish_recording(self.settings.folder, end)
        finally:
            self._state = RecorderState.ENDED
