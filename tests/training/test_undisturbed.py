"""Signals during an optimiser step. Handlers are set here: Qt and others leave their own."""

from __future__ import annotations

import signal
import threading
from typing import TYPE_CHECKING

import pytest

from napari_sdannce.training.undisturbed import undisturbed

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def heard() -> Iterator[list[int]]:
    """Signals that came through: Ctrl-C as Python's own, SIGTERM noted."""
    numbers: list[int] = []
    before = (
        signal.signal(signal.SIGINT, signal.default_int_handler),
        signal.signal(signal.SIGTERM, lambda number, frame: numbers.append(number)),
    )
    yield numbers
    for number, handler in zip((signal.SIGINT, signal.SIGTERM), before, strict=True):
        signal.signal(number, handler)


def test_a_signal_waits_for_the_end_of_the_block() -> None:
    done = []

    def step() -> None:
        with undisturbed():
            signal.raise_signal(signal.SIGINT)
            done.append("the rest of the step")

    with pytest.raises(KeyboardInterrupt):
        step()
    assert done == ["the rest of the step"]
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)


def test_handlers_are_as_they_were(heard: list[int]) -> None:
    with undisturbed():
        signal.raise_signal(signal.SIGTERM)
        assert heard == []
    assert heard == [signal.SIGTERM]


def test_errors_pass_through() -> None:
    with pytest.raises(ValueError, match="of the step"), undisturbed():
        raise ValueError("of the step")
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_threads_are_left_alone() -> None:
    seen = []

    def work() -> None:
        with undisturbed():
            seen.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [signal.default_int_handler]
