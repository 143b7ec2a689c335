"""Serial ports, and lines of text through them."""

from __future__ import annotations

import errno
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

_WRITE_S = 2.0
_LOOK_S = 0.05
_LONGEST = 4096
_NO_RIGHTS = (
    "this user may not use it; on Linux those in the group dialout may (some distributions: "
    "uucp): sudo usermod -aG dialout $USER, then log in again"
)


class TriggerBoardError(RuntimeError):
    """A trigger board that can not be used, or stopped being one; the message names its port."""


@dataclass(frozen=True, slots=True)
class SerialPort:
    """A serial port of this computer.

    Parameters
    ----------
    device
        As it stands in a configuration.
    description
        What is plugged in there, in the words of the operating system.
    """

    device: str
    description: str


def serial_ports() -> list[SerialPort]:
    """Serial ports that are there now.

    Raises
    ------
    TriggerBoardError
        When pyserial is not installed.
    """
    with _loading():
        from serial.tools.list_ports import comports
    found = [SerialPort(port.device, port.description) for port in comports()]
    return sorted(found, key=lambda port: port.device)


class SerialLines:
    """A serial port that is open, for lines of ASCII.

    Its methods raise OSError when what is plugged in there is gone; none waits for longer than it
    is told, or two seconds.

    Parameters
    ----------
    device
        The port.
    baud
        Its speed.

    Raises
    ------
    TriggerBoardError
        When pyserial or the port is missing, or the port may not be used; says what to do.
    """

    def __init__(self, device: str, baud: int) -> None:
        with _loading():
            import serial
        try:
            self._serial: Any = serial.Serial(
                device, baud, timeout=_LOOK_S, write_timeout=_WRITE_S, exclusive=True
            )
        except OSError as error:  # that of pyserial is one
            raise TriggerBoardError(_why_closed(device, error)) from error
        self._rest = b""

    def write(self, line: str) -> None:
        """Send a line."""
        self._serial.write(line.encode("ascii") + b"\n")

    def waiting(self) -> list[str]:
        """Lines that have come already."""
        self._receive(self._serial.in_waiting)
        *lines, self._rest = self._rest.split(b"\n")
        return [_text(line) for line in lines]

    def read(self, end: float) -> str | None:
        """Next line that comes before this monotonic time; None when there is none."""
        while time.monotonic() <= end:
            if b"\n" in self._rest:
                line, _, self._rest = self._rest.partition(b"\n")
                return _text(line)
            self._receive(max(1, self._serial.in_waiting))
        return None

    def begun(self) -> str:
        """What has come of a line that has not ended."""
        return _text(self._rest)

    def close(self) -> None:
        """Let go of the port."""
        self._serial.close()

    def _receive(self, size: int) -> None:
        self._rest = (self._rest + self._serial.read(size))[-_LONGEST:]


@contextmanager
def _loading() -> Iterator[None]:
    try:
        yield
    except ImportError as error:
        raise TriggerBoardError(
            "serial ports need the package pyserial: pip install 'napari-sdannce[serial]' "
            f"({error})"
        ) from error


def _why_closed(device: str, error: OSError) -> str:
    """Why a port could not be opened, and what helps; on Windows only the words tell."""
    if error.errno == errno.ENOENT or "FileNotFoundError" in str(error):
        there = ", ".join(f"{port.device} ({port.description})" for port in serial_ports())
        return f"there is no serial port {device}; " + (
            f"there are: {there}" if there else "there is none at all: is the board plugged in?"
        )
    if error.errno == errno.EACCES:
        return f"{device}: {_NO_RIGHTS}"
    if error.errno in (errno.EBUSY, errno.EAGAIN) or "PermissionError" in str(error):
        return (
            f"{device} is in use by another program (a serial monitor, another recorder): {error}"
        )
    return f"{device} can not be opened: {error}"


def _text(line: bytes) -> str:
    return line.decode("ascii", "replace").strip()
