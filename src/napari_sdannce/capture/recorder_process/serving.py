"""Answering those who talk to a recorder, over a local connection that only they can open."""

from __future__ import annotations

import logging
import threading
import time
from multiprocessing import AuthenticationError
from multiprocessing.connection import Connection, Listener
from typing import TYPE_CHECKING, Any

from napari_sdannce.capture.cameras import CameraError
from napari_sdannce.capture.recorder.causes import in_words
from napari_sdannce.capture.recorder_process.notes import leave_note, new_key

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_sdannce.capture.recorder_process.session import Session

_log = logging.getLogger(__name__)

Answer = tuple[bool, Any]
"""Whether it went well, and what came of it, or why not in words."""


class Server:
    """Answers requests, each client in a thread of its own, until it is closed.

    A request is a name and its arguments; those of `Session` that are listed here, and ``quit``.

    Parameters
    ----------
    session
        What is asked and told.
    """

    def __init__(self, session: Session) -> None:
        self._requests: dict[str, Callable[..., Any]] = {
            "discover": session.discover,
            "connect": session.connect,
            "connected": session.connected,
            "disconnect": session.disconnect,
            "record": session.record,
            "self_test": session.self_test,
            "stop": session.stop,
            "status": session.status,
            "pictures": session.pictures,
            "newest_set": session.newest_set,
            "quit": self._quit,
        }
        self._session = session
        key = new_key()
        self._listener = Listener(authkey=bytes.fromhex(key))
        self._note = leave_note(str(self._listener.address), key)
        self._closed = threading.Event()
        self._clients = 0
        self._may_end = False
        self._alone_since = time.monotonic()
        self._lock = threading.Lock()
        threading.Thread(target=self._accept, name="accept", daemon=True).start()

    @property
    def seconds_alone(self) -> float:
        """How long nobody has been connected."""
        with self._lock:
            return 0.0 if self._clients else time.monotonic() - self._alone_since

    @property
    def is_left(self) -> bool:
        """Whether one who was connected asked it to quit, and no other needs it."""
        with self._lock:
            return self._may_end and not self._clients

    def wait_for_quit(self, timeout_s: float) -> bool:
        """Wait until `ask_to_quit`; False when that did not come in time."""
        return self._closed.wait(timeout_s)

    def ask_to_quit(self) -> None:
        """Ask it to quit, even while it records and others are connected."""
        self._closed.set()

    def close(self) -> None:
        """Answer nobody any more."""
        self._closed.set()
        self._note.unlink(missing_ok=True)
        self._listener.close()

    def _quit(self) -> None:
        if self._session.is_recording:
            raise CameraError("the cameras are recording; stop the recording first")
        with self._lock:
            self._may_end = True

    def _accept(self) -> None:
        """Let clients in; runs in a thread of its own."""
        while not self._closed.is_set():
            try:
                client = self._listener.accept()
            except (AuthenticationError, EOFError, ConnectionError):
                continue  # somebody who does not know the key, or changed their mind
            except OSError:
                return  # the listener was closed
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: Connection) -> None:
        """Answer one client until it goes; runs in a thread of its own."""
        self._count(1)
        try:
            with client:
                while True:
                    name, arguments = client.recv()
                    answer = self._answer(name, arguments)
                    client.send(answer)
                    if name == "quit" and answer[0]:
                        return
        except (EOFError, OSError):
            return
        finally:
            self._count(-1)

    def _answer(self, name: str, arguments: tuple[Any, ...]) -> Answer:
        if name not in self._requests:
            return False, f"a recorder knows no '{name}'; it is of another version"
        try:
            return True, self._requests[name](*arguments)
        except Exception as error:  # noqa: BLE001 - the edge of the process, and others' drivers
            _log.warning("'%s' failed", name, exc_info=error)
            return False, in_words(error)

    def _count(self, change: int) -> None:
        with self._lock:
            self._clients += change
            self._alone_since = time.monotonic()
