"""Processes that outlive the one that starts them, and finding them again."""

from __future__ import annotations

import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_SAME_START_S = 2.0
"""What is told of when a process began differs by less."""


def start_detached(command: Sequence[str], log: Path) -> psutil.Process:
    """Start a process in a session of its own, so that no Ctrl-C and no closed window ends it.

    Parameters
    ----------
    command
        Program and arguments.
    log
        File to which its output is appended.
    """
    with log.open("ab") as file:
        if sys.platform == "win32":
            flags = subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.DETACHED_PROCESS
            child = psutil.Popen(
                command, stdin=subprocess.DEVNULL, stdout=file, stderr=file, creationflags=flags
            )
        else:
            child = psutil.Popen(
                command, stdin=subprocess.DEVNULL, stdout=file, stderr=file, start_new_session=True
            )
    # somebody has to wait for a child, or it stays as a zombie when it ends
    threading.Thread(target=child.wait, name=f"wait for {child.pid}", daemon=True).start()
    return child


def find_process(pid: int, started: float) -> psutil.Process | None:
    """The process of a number, if it is alive and began then: another may have its number later.

    Parameters
    ----------
    pid
        Its number.
    started
        When it began, seconds since 1970.
    """
    try:
        process = psutil.Process(pid)
        same = abs(process.create_time() - started) < _SAME_START_S
        return process if same and process.status() != psutil.STATUS_ZOMBIE else None
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return None
