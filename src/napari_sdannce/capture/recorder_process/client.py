"""Talking to a recorder in another process."""

from __future__ import annotations

import sys
import threading
import time
from multiprocessing import AuthenticationError
from multiprocessing.connection import Client
from typing import TYPE_CHECKING, Any, Self, cast

from napari_sdannce.capture.recorder_process.notes import note_path, notes_folder, read_note
from napari_sdannce.detached import start_detached

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from napari_sdannce.capture.newest import FrameSet
    from napari_sdannce.capture.recorder.pictures import Picture
    from napari_sdannce.capture.recorder.self_test import SelfTest
    from napari_sdannce.capture.recorder_process.notes import RecorderNote
    from napari_sdannce.capture.recorder_process.session import Connected, Discovered, SessionStatus
    from napari_sdannce.settings.capture import CaptureSettings

START_S = 60.0
"""How long a recorder may take to start: reading in SDKs from a network disk takes its time."""
_LOOK_S = 0.05
_LOG_KEPT_S = 7 * 24 * 3600.0


class RecorderError(RuntimeError):
    """What a recorder refused, in its words."""


class RecorderGoneError(RecorderError):
    """A recorder that does not answer any more."""


class RemoteRecorder:
    """A recorder in another process; for one thread at a time.

    Parameters
    ----------
    note
        How to reach it.

    Raises
    ------
    RecorderGoneError
        When it is not there any more.
    """

    def __init__(self, note: RecorderNote) -> None:
        self.note = note
        self._lock = threading.Lock()
        try:
            self._connection = Client(note.address, authkey=bytes.fromhex(note.key))
        except (OSError, EOFError, AuthenticationError) as error:
            raise RecorderGoneError(f"recorder {note.pid} does not answer: {error}") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def discover(self) -> Discovered:
        """Look for cameras."""
        return cast("Discovered", self._ask("discover"))

    def connect(self, settings: CaptureSettings) -> Connected:
        """Open cameras and show what they see."""
        return cast("Connected", self._ask("connect", settings))

    def connected(self) -> Connected | None:
        """Cameras that are connected."""
        return cast("Connected | None", self._ask("connected"))

    def disconnect(self) -> None:
        """Let go of the cameras."""
        self._ask("disconnect")

    def record(self, settings: CaptureSettings) -> None:
        """Begin a recording."""
        self._ask("record", settings)

    def self_test(self, settings: CaptureSettings, seconds: float) -> SelfTest:
        """Record for some seconds, judge, and keep nothing."""
        return cast("SelfTest", self._ask("self_test", settings, seconds))

    def stop(self, reason: str = "it was stopped") -> None:
        """Have the recording end; `status` tells when it has."""
        self._ask("stop", reason)

    def status(self) -> SessionStatus:
        """How it stands."""
        return cast("SessionStatus", self._ask("status"))

    def pictures(self, widths: Mapping[str, int]) -> dict[str, Picture]:
        """What cameras see now; `widths`: of the pictures (px), by the name of the camera.

        While encoders are behind there are none: theirs is the time that pictures would take.
        """
        return cast("dict[str, Picture]", self._ask("pictures", dict(widths)))

    def newest_set(self, after: int = -1, timeout_s: float = 1.0) -> FrameSet | None:
        """Newest frames of one moment of all cameras, of full size.

        Parameters
        ----------
        after
            Moment of the set that was seen last; -1 at the beginning, and of a new recording.
        timeout_s
            How long to wait for a newer one, 1 s at most.
        """
        return cast("FrameSet | None", self._ask("newest_set", after, timeout_s))

    def quit(self) -> None:
        """Have the process end when nobody else needs it; refused while it records."""
        self._ask("quit")

    def close(self) -> None:
        """Look on no longer; a recording goes on."""
        self._connection.close()

    def _ask(self, name: str, *arguments: object) -> Any:
        """Ask something.

        Raises
        ------
        RecorderError
            What it refused, or that it is gone.
        """
        with self._lock:
            try:
                self._connection.send((name, arguments))
                went_well, answer = self._connection.recv()
            except (OSError, EOFError) as error:
                raise RecorderGoneError(
                    f"recorder {self.note.pid} does not answer any more; it ended, or was killed"
                ) from error
        if not went_well:
            raise RecorderError(answer)
        return answer


def start_recorder() -> RemoteRecorder:
    """Start a recorder in a process that outlives this one, and connect to it.

    Raises
    ------
    RecorderGoneError
        When it does not start; what it wrote is told.
    """
    command = [sys.executable, "-P", "-m", "napari_sdannce.capture.recorder_process"]
    _remove_old_logs()
    log = notes_folder() / f"{time.time_ns()}.log"
    process = start_detached(command, log)
    deadline = time.monotonic() + START_S
    pause = threading.Event()
    while time.monotonic() < deadline and process.is_running():
        note = read_note(note_path(process.pid))
        if note is not None and note.pid == process.pid:
            return RemoteRecorder(note)
        pause.wait(_LOOK_S)
    raise RecorderGoneError(f"the recorder did not start: {_last_words(log)}")


def _remove_old_logs() -> None:
    for log in notes_folder().glob("*.log"):
        if time.time() - log.stat().st_mtime > _LOG_KEPT_S:
            log.unlink(missing_ok=True)


def _last_words(log: Path) -> str:
    text = log.read_text("utf-8", errors="replace").strip()
    return text.splitlines()[-1] if text else "it said nothing"
