"""Room on the disk that is given back when it is full, so that files can still be finished."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

RESERVE_FILE = ".reserve"
_MB = 1_000_000
RESERVE_MB = 64
"""A frame needs about 50 bytes when its recording is finished: six cameras at 100 frames a second,
half an hour."""
_SHARE = 0.05


class Reserve:
    """A file of nothing, in the folder of a recording.

    Parameters
    ----------
    folder
        Of the recording.
    free_bytes
        Room on the disk now; of a small one, only a twentieth is taken.
    """

    def __init__(self, folder: Path, free_bytes: int) -> None:
        self._path = folder / RESERVE_FILE
        with suppress(OSError):  # it is a precaution; without it the rest works
            self._take(min(RESERVE_MB * _MB, int(_SHARE * free_bytes)))

    def release(self) -> None:
        """Give the room back."""
        with suppress(OSError):
            self._path.unlink(missing_ok=True)

    def _take(self, n_bytes: int) -> None:
        """Take so much room: at once where the system can, else by writing it full."""
        with self._path.open("xb") as file:
            if hasattr(os, "posix_fallocate"):
                os.posix_fallocate(file.fileno(), 0, n_bytes)
                return
            for _ in range(n_bytes // _MB):
                file.write(bytes(_MB))
