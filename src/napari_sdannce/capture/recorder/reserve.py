"""Room on the disk that is given back when it is full, so that files can still be finished."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

RESERVE_FILE = ".reserve"
_MB = 1_000_000
RESERVE_MB = 16
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
        n_bytes = min(RESERVE_MB * _MB, int(_SHARE * free_bytes))
        with suppress(OSError):  # it is a precaution; without it the rest works
            self._path.write_bytes(bytes(n_bytes))

    def release(self) -> None:
        """Give the room back."""
        with suppress(OSError):
            self._path.unlink(missing_ok=True)
