"""Taking the frames of a camera, in a thread of its own."""

from __future__ import annotations

import logging
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from napari_sdannce.capture.cameras import CameraError
from napari_sdannce.capture.recorder.causes import in_words

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_sdannce.capture.cameras import Camera, Frame

_log = logging.getLogger(__name__)
GRAB_S = 0.1
"""How long to wait for a frame before looking whether to stop."""
NO_MORE_S = 0.25
"""When none comes for so long from a camera that exposes no more, all have come."""

MORE_S = 5.0
"""For so long at most."""
HANGS_S = 10.0
"""How long a camera may take to stop."""


class GrabThread:
    """Takes frames until it is told to stop, or has enough; then those that are on their way.

    Parameters
    ----------
    name
        Of the camera.
    camera
        Open, set up and armed when `start` is called; from then on only this thread calls it.
    take
        Gets each frame; says whether more are wanted.
    ended
        Called when no more frames come, in this thread, with the error of a camera that failed.
    """

    def __init__(
        self,
        name: str,
        camera: Camera,
        take: Callable[[Frame], bool],
        ended: Callable[[CameraError | None], None],
    ) -> None:
        self._camera = camera
        self._take = take
        self._ended = ended
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"grab {name}", daemon=True)

    def start(self) -> None:
        """Begin to take frames."""
        self._thread.start()

    def stop(self) -> None:
        """Have it stop; frames that were exposed are still taken."""
        self._stopping.set()

    def join(self, timeout_s: float | None = None) -> bool:
        """Wait until it has stopped; False when it did not in time."""
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        failure: CameraError | None = None
        try:
            self._grab()
        except CameraError as error:
            failure = error
        except Exception as error:  # noqa: BLE001 - the edge of a thread, and of others' drivers
            failure = CameraError(in_words(error))
            _log.warning("%s failed", self._thread.name, exc_info=error)
        self._ended(failure)
        if failure is not None:
            self._rest()

    def _grab(self) -> None:
        wants_more = True
        while wants_more and not self._stopping.is_set():
            frame = self._camera.grab(GRAB_S)
            wants_more = frame is None or self._take(frame)
        self._camera.disarm()
        deadline = time.monotonic() + MORE_S
        while wants_more and (frame := self._camera.grab(NO_MORE_S)) is not None:
            wants_more = self._take(frame)
            if time.monotonic() > deadline:
                raise CameraError("it goes on to deliver frames though it was told to stop")

    def _rest(self) -> None:
        """Have it expose no more; one that failed may fail at this, too."""
        with suppress(Exception):
            self._camera.disarm()
