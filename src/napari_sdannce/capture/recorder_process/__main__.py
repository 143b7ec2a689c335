"""The process of a recorder: it serves until it is asked to quit, or nobody is left."""

from __future__ import annotations

import signal
import sys
from typing import TYPE_CHECKING

from napari_sdannce.capture.recorder_process.serving import Server
from napari_sdannce.capture.recorder_process.session import Session

if TYPE_CHECKING:
    from types import FrameType

ALONE_S = 30.0
_LOOK_S = 0.5


def main(alone_s: float = ALONE_S) -> None:
    """Serve.

    Parameters
    ----------
    alone_s
        A recorder to which nobody has talked for so long, and which does not record, ends.
    """
    session = Session()
    server = Server(session)

    def on_signal(number: int, _: FrameType | None) -> None:
        session.stop(f"the recorder got {signal.Signals(number).name}")
        server.ask_to_quit()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, on_signal)
    try:
        while not server.wait_for_quit(_LOOK_S):
            is_alone = server.is_left or server.seconds_alone > alone_s
            if is_alone and not session.is_recording:
                break
    finally:
        session.close()
        server.close()


if __name__ == "__main__":
    main(*map(float, sys.argv[1:]))
