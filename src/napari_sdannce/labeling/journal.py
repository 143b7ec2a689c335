"""The journal of a labeling session: a line a step, on the disk before it counts."""

import errno
import os
import re
from pathlib import Path
from typing import IO, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from napari_sdannce.labeling.cell_changes import CellChanges

_NUMBER = re.compile(rb'{"number":(\d+),')


class Author(BaseModel):
    """A person in one session: the same person another day is another author."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(min_length=1)
    session: str = Field(description="Unique to the opening of the session")


class Entry(BaseModel):
    """One step.

    `undo` and `redo` say which step they follow from by their place: they are of the last step that
    counts, or that was undone.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    number: int = Field(ge=1)
    time: float = Field(description="Seconds since 1970")
    kind: Literal["do", "undo", "redo", "opened"] = "do"
    what: str = ""
    frames: dict[int, CellChanges] = Field({}, description="Changes by sample id")
    author: Author | None = Field(None, description="Who opened the session")
    joined: tuple[Author, ...] = Field((), description="Others whose labels the step brings in")


class JournalError(ValueError):
    """A journal that can not be followed."""


class Journal:
    """Appends entries to a file, each flushed to the disk before `write` returns.

    Parameters
    ----------
    path
        The file; made when there is none. A torn last line (the power went) is cut off.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        is_new = not path.exists()
        if not is_new:
            _cut_torn_line(path)
        self._file: IO[bytes] = path.open("ab", buffering=0)
        if is_new:
            _sync_folder(path.parent)

    def write(self, entry: Entry) -> None:
        """Write an entry; once this returns, it survives a crash.

        Raises
        ------
        OSError
            When it can not be written, as on a full disk; then nothing of it is left. Nor is it
            written into a file that was moved or removed: nobody would find it there.
        """
        line = (entry.model_dump_json(exclude_defaults=True) + "\n").encode("utf-8")
        ours = os.fstat(self._file.fileno())
        if not os.path.samestat(ours, self.path.stat()):
            raise FileNotFoundError(errno.ENOENT, "another file is in its place", str(self.path))
        whole = ours.st_size
        try:
            _write_all(self._file.fileno(), line)
            os.fsync(self._file.fileno())
        except OSError as error:
            os.ftruncate(self._file.fileno(), whole)
            raise OSError(error.errno, os.strerror(error.errno or 0), str(self.path)) from error

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()


def read_journal(path: Path, after: int = 0) -> list[Entry]:
    """Entries of a journal, without a torn last line; none when there is no file.

    Parameters
    ----------
    path
        The file.
    after
        Entries up to this number are passed over: reading years of them takes longer than the rest.

    Raises
    ------
    JournalError
        When a line inside is damaged, or entries are missing.
    """
    if not path.exists():
        return []
    lines = path.read_bytes().split(b"\n")
    entries: list[Entry] = []
    # after the last line's end there is nothing, or a line that was not written to its end
    for number, line in enumerate(lines[:-1], start=1):
        begins = _NUMBER.match(line)
        if begins is not None and int(begins[1]) <= after:
            continue
        try:
            entry = Entry.model_validate_json(line)
        except ValidationError as error:
            reason = error.errors()[0]["msg"]
            raise JournalError(f"{path}: line {number} is damaged: {reason}") from error
        if entries and entry.number != entries[-1].number + 1:
            raise JournalError(
                f"{path}: line {number} is entry {entry.number}, after {entries[-1].number}"
            )
        entries.append(entry)
    return entries


def _write_all(handle: int, content: bytes) -> None:
    """Write to the end, also where the system takes it in pieces."""
    while content:
        content = content[os.write(handle, content) :]


def _cut_torn_line(path: Path) -> None:
    content = path.read_bytes()
    whole = content.rfind(b"\n") + 1
    if whole < len(content):
        os.truncate(path, whole)


def _sync_folder(folder: Path) -> None:
    """Make a new name in a folder survive a crash; Windows has no such thing."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
