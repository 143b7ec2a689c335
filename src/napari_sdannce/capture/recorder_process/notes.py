"""Which recorders run on this computer, for whoever wants to look on, or to stop one."""

from __future__ import annotations

import json
import os
import secrets
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import psutil
from platformdirs import user_state_path

from napari_sdannce.detached import find_process
from napari_sdannce.files.writing import atomic_path

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class RecorderNote:
    """How to reach a recorder.

    Parameters
    ----------
    pid
        Of its process.
    process_started
        When that began, seconds since 1970: another process may have its number later.
    address
        Where it listens.
    key
        Who knows it may talk to it, hexadecimal.
    """

    pid: int
    process_started: float
    address: str
    key: str

    @property
    def is_alive(self) -> bool:
        """Whether its process runs."""
        return find_process(self.pid, self.process_started) is not None


def notes_folder() -> Path:
    """Where recorders of this person leave their notes; nobody else may read there."""
    folder = user_state_path("napari-sdannce") / "recorders"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder


def new_key() -> str:
    """A key that nobody can guess."""
    return secrets.token_hex(32)


def note_path(pid: int) -> Path:
    """The note of a process."""
    return notes_folder() / f"{pid}.json"


def leave_note(address: str, key: str) -> Path:
    """Leave the note of this process; it is to be removed at the end."""
    pid = os.getpid()
    note = RecorderNote(pid, psutil.Process(pid).create_time(), address, key)
    path = note_path(pid)
    with atomic_path(path, overwrite=True) as temporary:
        temporary.touch(mode=0o600)
        temporary.write_text(json.dumps(asdict(note)), encoding="utf-8")
    return path


def read_note(path: Path) -> RecorderNote | None:
    """Read a note; None when there is none, or no whole one."""
    try:
        note = RecorderNote(**json.loads(path.read_text("utf-8")))
        bytes.fromhex(note.key)
    except (OSError, ValueError, TypeError):
        return None
    numbers = isinstance(note.pid, int) and isinstance(note.process_started, float)
    return note if numbers and note.pid > 0 and isinstance(note.address, str) else None


def running_recorders() -> list[RecorderNote]:
    """Recorders that run, the oldest first; notes of those that were killed are removed."""
    found = []
    for path in notes_folder().glob("*.json"):
        note = read_note(path)
        if note is not None and note.is_alive:
            found.append(note)
        elif path.is_file():
            path.unlink(missing_ok=True)
    return sorted(found, key=lambda note: note.process_started)
