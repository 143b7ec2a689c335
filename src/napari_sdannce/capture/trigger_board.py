"""A microcontroller whose pulses start the exposures of all cameras (firmware/)."""

from __future__ import annotations

import re
import threading
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Self

from napari_sdannce.capture.serial_lines import (
    SerialLines,
    SerialPort,
    TriggerBoardError,
    serial_ports,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

__all__ = ["PulseCount", "SerialPort", "TriggerBoard", "TriggerBoardError", "serial_ports"]

PROTOCOL_VERSION = 1
QUIET_S = 2.5
"""How long a board is left alone when its port was opened: that resets many boards, and the boot
loader of an Arduino Mega, once it has received anything, waits several seconds for more."""
GREETING_S = 12.0
REPLY_S = 3.0
"""How long an answer may take; before that to 'stop', a pulse of up to a second ends."""
_ASK_AGAIN_S = 1.0
_GREETING = re.compile(r"(booted|hello) sdannce-trigger ")
_FINEST = 100_000
"""Largest denominator of a frame rate."""
_UPLOAD = "upload firmware/trigger_board to the board (see firmware/README.md)"


@dataclass(frozen=True, slots=True)
class PulseCount:
    """What a board has done since its last start.

    Parameters
    ----------
    is_running
        Whether pulses go on.
    sent
        Pulses.
    late_us
        How late the latest of them was, microseconds.
    left_out
        Pulses that were not sent as the board was more than half a period late for them.
    """

    is_running: bool
    sent: int
    late_us: int
    left_out: int


class TriggerBoard:
    """A board that is open; closing it stops its pulses.

    Methods may be called from any thread, and wait a few seconds at most (`REPLY_S`).

    Parameters
    ----------
    port
        Its serial port.
    baud
        Speed of the port, which is that of the sketch.
    quiet_s, greeting_s
        How long it is left alone after opening, and within which time it has to answer, seconds.

    Attributes
    ----------
    notes : tuple[str, ...]
        What is worth telling of how the board was found.

    Raises
    ------
    TriggerBoardError
        When pyserial or the port is missing, or the port may not be used, or what answers there is
        no trigger board of this version.
    """

    def __init__(
        self,
        port: str,
        baud: int = 115_200,
        *,
        quiet_s: float = QUIET_S,
        greeting_s: float = GREETING_S,
    ) -> None:
        self.port = port
        self.notes: tuple[str, ...] = ()
        self._lock = threading.Lock()
        self._failure = ""
        self._lines = SerialLines(port, baud)
        try:
            self._greet(quiet_s, greeting_s)
            self._stop_earlier()
        except BaseException:
            self._lines.close()
            raise

    def __str__(self) -> str:
        return f"trigger board at {self.port}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def prepare(
        self,
        pins: Sequence[int],
        fps: float,
        n_pulses: int | None = None,
        pulse_us: int | None = None,
    ) -> None:
        """Make outputs of pins and set up their pulses; nothing pulses yet.

        Parameters
        ----------
        pins
            Pins that pulse together, by the numbers printed on the board.
        fps
            Pulses a second.
        n_pulses
            How many; None: until they are stopped.
        pulse_us
            How long a pulse is high, microseconds; None: 5000, at most half the time to the next.

        Raises
        ------
        TriggerBoardError
            When the board does not take this, in its words; or when it is running.
        """
        if n_pulses is not None and n_pulses < 1:
            raise TriggerBoardError(f"{self}: {n_pulses} pulses can not be sent")
        rate = Fraction(fps).limit_denominator(_FINEST)
        wanted = {
            "fps": f"{rate.numerator}/{rate.denominator}",
            "pulses": str(n_pulses or 0),
            "pins": ",".join(map(str, pins)),
        }
        if pulse_us is not None:
            wanted["width_us"] = str(pulse_us)
        # the board repeats what it has understood; a checksum would add nothing to that
        taken = self._ask(f"prepare {_written(wanted)}", "ready")
        if not wanted.items() <= taken.items():
            raise TriggerBoardError(
                f"{self} was asked for {_written(wanted)}, and understood {_written(taken)}"
            )

    def start(self) -> None:
        """Begin to pulse, and to count from 0; the first pulse comes after 2 ms.

        Raises
        ------
        TriggerBoardError
            When nothing is prepared, or when it is running.
        """
        self._ask("start", "started")

    def status(self) -> PulseCount:
        """What it has done since the last start.

        Raises
        ------
        TriggerBoardError
            When the board is not there any more, or has started anew.
        """
        return self._count(self._ask("status", "status"))

    def count(self) -> int:
        """Pulses since the last start, while they go on and afterwards; else as `status`."""
        return self.status().sent

    def stop(self) -> int:
        """End the pulses, the last one whole; how many there were since the last start.

        Raises
        ------
        TriggerBoardError
            When the board is not there any more, or has started anew.
        """
        return self._count(self._ask("stop", "stopped")).sent

    def close(self) -> None:
        """Stop the pulses, if the board is still there, and let go of the port."""
        with suppress(TriggerBoardError):
            self.stop()
        with self._lock:
            self._failure = self._failure or f"{self} is closed"
            self._lines.close()

    @contextmanager
    def _talking(self) -> Iterator[SerialLines]:
        """Lines to and from the board, for one thread at a time."""
        with self._lock:
            if self._failure:
                raise TriggerBoardError(self._failure)
            try:
                yield self._lines
            except OSError as error:
                raise self._lost(f"{self} is gone; was it unplugged? ({error})") from error

    def _greet(self, quiet_s: float, greeting_s: float) -> None:
        """Let the board say who it is, when it has started or when it is asked."""
        heard = ""
        ask_at = time.monotonic() + quiet_s
        end = time.monotonic() + greeting_s
        with self._talking() as lines:
            while time.monotonic() < end:
                if time.monotonic() >= ask_at:
                    lines.write("\nhello")  # what an earlier program had begun to say ends here
                    ask_at = time.monotonic() + _ASK_AGAIN_S
                line = lines.read(min(ask_at, end))
                if line is not None and _GREETING.match(line):
                    return self._check_version(line)
                heard = line or lines.begun() or heard
        raise TriggerBoardError(self._no_greeting(heard, greeting_s))

    def _check_version(self, greeting: str) -> None:
        version = _fields(greeting).get("version", "?")
        if version != str(PROTOCOL_VERSION):
            raise TriggerBoardError(
                f"{self} speaks version {version} of the protocol, this program version "
                f"{PROTOCOL_VERSION}: {_UPLOAD}, of this release of napari-sdannce"
            )

    def _no_greeting(self, heard: str, greeting_s: float) -> str:
        if heard:
            return f"{self.port}: what answers is no trigger board of ours: {heard!r}; {_UPLOAD}"
        return (
            f"{self.port}: nothing answers within {greeting_s:g} s, as other sketches (Campy's) do "
            f"not; {_UPLOAD}"
        )

    def _stop_earlier(self) -> None:
        if self.status().is_running:
            sent = self.stop()
            self.notes = (
                f"{self} was still running when it was opened, as a recorder that crashed leaves "
                f"it, and was stopped after {sent} pulses",
            )

    def _ask(self, command: str, answer: str) -> dict[str, str]:
        """Send a command; the values in its answer, which begins with a certain word."""
        with self._talking() as lines:
            for earlier in lines.waiting():
                self._notice_restart(earlier)
            lines.write(command)
            end = time.monotonic() + REPLY_S
            while (line := lines.read(end)) is not None:
                self._notice_restart(line)
                word, _, rest = line.partition(" ")
                if word == answer:
                    return _fields(rest)
                if word == "error":
                    raise TriggerBoardError(f"{self} refuses '{command}': {rest}")
        raise TriggerBoardError(f"{self} does not answer '{command}' within {REPLY_S:g} s")

    def _notice_restart(self, line: str) -> None:
        if line.startswith("booted"):
            raise self._lost(
                f"{self} has started anew by itself, and its pulses have ended; was there a reset, "
                "or too little power?"
            )

    def _lost(self, failure: str) -> TriggerBoardError:
        """The error that is told from now on, whatever is asked."""
        self._failure = failure
        return TriggerBoardError(failure)

    def _count(self, values: Mapping[str, str]) -> PulseCount:
        try:
            return PulseCount(
                is_running=values.get("state") == "running",
                sent=int(values["sent"]),
                late_us=int(values["late_us"]),
                left_out=int(values["left_out"]),
            )
        except (KeyError, ValueError) as error:
            raise TriggerBoardError(f"{self} answers '{_written(values)}'") from error


def _fields(text: str) -> dict[str, str]:
    """Read "fps=30/1 pins=2,3"; words without a value are left out."""
    pairs = (word.partition("=") for word in text.split())
    return {name: value for name, equals, value in pairs if equals}


def _written(values: Mapping[str, str]) -> str:
    return " ".join(f"{name}={value}" for name, value in values.items())
