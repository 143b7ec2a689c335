"""Tables that grow: rows that are there whole or not at all, whatever happens to the program."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from pathlib import Path


class RowFile:
    """Appends to a new file; for one thread at a time.

    Parameters
    ----------
    path
        Of the file.
    header
        Its first line.

    Raises
    ------
    FileExistsError
        When there is one already.
    OSError
        When the disk is full.
    """

    def __init__(self, path: Path, header: str) -> None:
        self.path = path
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND
        self._file = os.open(path, flags | getattr(os, "O_BINARY", 0), 0o644)
        self._length = 0
        try:
            self.add(f"{header}\n")
        except OSError:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def add(self, rows: str) -> None:
        """Append rows, each with its end of line; they are with the system then.

        Raises
        ------
        OSError
            When the disk is full; a part is taken back, and others can be added later.
        """
        data = rows.encode()
        try:
            if os.write(self._file, data) < len(data):
                os.ftruncate(self._file, self._length)
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError as error:
            raise OSError(error.errno, error.strerror, str(self.path)) from error
        self._length += len(data)

    def flush(self) -> None:
        """Have the disk keep what was added, whatever happens to the machine.

        Raises
        ------
        OSError
            When it does not.
        """
        os.fsync(self._file)

    def close(self) -> None:
        """Close the file."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1
