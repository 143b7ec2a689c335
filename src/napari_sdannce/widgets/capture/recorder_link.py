"""A recorder in another process, asked in the background so that the window never waits for it."""

from __future__ import annotations

import queue
import threading
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QObject, Signal

from napari_sdannce.capture.recorder_process.client import (
    RecorderError,
    RecorderGoneError,
    RemoteRecorder,
    start_recorder,
)
from napari_sdannce.capture.recorder_process.notes import running_recorders

if TYPE_CHECKING:
    from collections.abc import Mapping

CLOSE_S = 2.0
"""How long the window waits at its end for an answer under way: a camera may take long to open."""
STATUS_S = 0.2
"""How often it is asked how it goes."""
_PAUSED_S = 0.5
"""How often pictures are asked for while there are none."""


class RecorderLink(QObject):
    """Starts a recorder, or finds one that runs, and asks it; what it says comes as signals."""

    reached = Signal(object, object)
    """`Connected` or None, and `SessionStatus` of the recorder that was started or found."""
    answered = Signal(str, object)
    """What was asked, and what came of it."""
    refused = Signal(str, str)
    """What was asked, and why not."""
    status = Signal(object)
    """`SessionStatus`, now and then."""
    pictures = Signal(object)
    """`Picture` by camera; empty while encoders need all the time."""
    gone = Signal(str)
    """The recorder could not be started, or ended."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._requests: queue.Queue[tuple[str, tuple[object, ...]]] = queue.Queue()
        self._widths: Mapping[str, int] = {}
        self._picture_s = 0.1
        self._closing = threading.Event()
        self._may_quit = False
        self._looking: threading.Thread | None = None
        self._asking = threading.Thread(target=self._ask_on, name="ask the recorder", daemon=True)

    def start(self) -> None:
        """Find the recorder that runs on this computer, or start one."""
        self._asking.start()

    def ask(self, what: str, *arguments: object) -> None:
        """Ask something of the recorder: the name of a method of `RemoteRecorder`."""
        self._requests.put((what, arguments))

    def look_at(self, widths: Mapping[str, int], fps: float) -> None:
        """Ask for pictures of these cameras, so wide (px), so often; fps 0: never."""
        self._widths = dict(widths) if fps > 0 else {}
        self._picture_s = 1 / fps if fps > 0 else _PAUSED_S

    def close(self, *, quits: bool) -> None:
        """Ask no more; `quits`: have the recorder end, unless it records."""
        if not self._closing.is_set():
            self._may_quit = quits
        self._closing.set()
        for thread in (self._asking, self._looking):
            if thread is not None and thread.is_alive():
                thread.join(CLOSE_S)

    def _ask_on(self) -> None:
        """Ask until closed; runs in a thread of its own."""
        try:
            with _reach() as recorder:
                connected, status = recorder.connected(), recorder.status()
                self._tell(self.reached, connected, status)
                self._looking = threading.Thread(
                    target=self._look_on, args=(recorder,), name="look at cameras", daemon=True
                )
                self._looking.start()
                while not self._closing.is_set():
                    self._ask_next(recorder)
                if self._may_quit:
                    self._quit(recorder)
        except RecorderError as error:
            self._tell(self.gone, str(error))

    def _ask_next(self, recorder: RemoteRecorder) -> None:
        """Ask what is to be asked, else how it goes."""
        try:
            what, arguments = self._requests.get(timeout=STATUS_S)
        except queue.Empty:
            self._tell(self.status, recorder.status())
            return
        try:
            answer = getattr(recorder, what)(*arguments)
        except RecorderGoneError:
            raise
        except RecorderError as error:
            self._tell(self.refused, what, str(error))
        else:
            self._tell(self.answered, what, answer)
        self._tell(self.status, recorder.status())

    def _look_on(self, first: RemoteRecorder) -> None:
        """Ask for pictures until closed, by a way of its own; runs in a thread of its own."""
        try:
            with RemoteRecorder(first.note) as recorder:
                while not self._closing.is_set():
                    found = recorder.pictures(self._widths) if self._widths else None
                    if found is not None:
                        self._tell(self.pictures, found)
                    self._closing.wait(self._picture_s if found else _PAUSED_S)
        except RecorderError:
            return  # the other thread tells that it is gone

    def _tell(self, signal: Any, *values: object) -> None:
        """Say something, unless nobody listens any more."""
        if not self._closing.is_set():
            signal.emit(*values)

    @staticmethod
    def _quit(recorder: RemoteRecorder) -> None:
        try:
            recorder.quit()
        except RecorderError:
            return  # it records, and goes on


def _reach() -> RemoteRecorder:
    """The recorder that runs, or a new one."""
    for note in running_recorders():
        try:
            return RemoteRecorder(note)
        except RecorderGoneError:
            continue
    return start_recorder()
