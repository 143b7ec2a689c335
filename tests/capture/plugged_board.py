"""The program of the trigger board, plugged in by a pseudo-terminal in place of a cable."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path


class Terminal:
    """A pseudo-terminal in place of a cable."""

    def __init__(self) -> None:
        if sys.platform == "win32":
            pytest.skip("Windows has no pseudo-terminals in place of serial ports")
        import tty

        self.board, self.computer = os.openpty()
        tty.setraw(self.computer)
        self.port = os.ttyname(self.computer)

    def cut(self) -> None:
        """Take away the board's end."""
        if self.board >= 0:
            os.close(self.board)
        self.board = -1

    def close(self) -> None:
        self.cut()
        os.close(self.computer)


class Plugged:
    """The board's program in a process of its own."""

    def __init__(self, program: Path, folder: Path, clock_us: int, boot_ms: int) -> None:
        self._command = [program, "live", str(clock_us), str(boot_ms), folder / "edges"]
        self._edges = folder / "edges"
        self._terminal = Terminal()
        self.port = self._terminal.port
        self.switch_on()

    def switch_on(self) -> None:
        end = self._terminal.board
        self.process = subprocess.Popen(self._command, stdin=end, stdout=end)

    def switch_off(self) -> None:
        self.process.kill()
        self.process.wait()

    def unplug(self) -> None:
        self.switch_off()
        self._terminal.cut()

    def throw_away(self) -> None:
        self.switch_off()
        self._terminal.close()

    def edges(self) -> list[str]:
        """What pins were used, and have done."""
        return self._edges.read_text().splitlines() if self._edges.exists() else []

    def rises(self) -> int:
        return self.edges().count("rise")
