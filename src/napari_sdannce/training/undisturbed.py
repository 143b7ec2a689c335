"""Letting a step end before a signal stops the program."""

from __future__ import annotations

import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_STOPPING = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def undisturbed() -> Iterator[None]:
    """Hold back Ctrl-C and SIGTERM until the block is done, then let them act.

    Weights that were saved in the middle of an optimiser step would be half old, half new. Only the
    main thread gets signals; in others, nothing is to be done.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []
    # a handler that is None was not set by Python, and could not be set again
    before = {number: signal.getsignal(number) for number in _STOPPING}
    held = {number: handler for number, handler in before.items() if handler is not None}
    for number in held:
        signal.signal(number, lambda number, _: came.append(number))
    try:
        yield
    finally:
        for number, handler in held.items():
            signal.signal(number, handler)
    if came:
        signal.raise_signal(came[0])
