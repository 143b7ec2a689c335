"""``sync.csv``: which frame of each camera belongs to which moment, one row a moment."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

import numpy as np

from napari_sdannce.recording import MISSING_FRAME, Sync

from .errors import FileFormatError
from .writing import atomic_path

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

EXPECTED = "a sync table: a header 'sample_id,<camera>,...', then whole numbers, -1 for no frame"
_KEY = "sample_id"


def read_sync_csv(path: Path) -> tuple[tuple[str, ...], Sync]:
    """Read the names of the cameras and their sync.

    Raises
    ------
    FileNotFoundError
        When there is no such file.
    FileFormatError
        When it is no such table.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            head = next(csv.reader(stream), [])
            if head[:1] != [_KEY] or len(head) < 2:
                found = f"its header is '{','.join(head)[:100]}'"
                raise FileFormatError(path, found, EXPECTED)
            lines = enumerate(csv.reader(stream), start=2)
            rows = [_numbers(path, row, len(head), line) for line, row in lines]
    except FileNotFoundError:
        raise FileNotFoundError(f"{path} does not exist; expected {EXPECTED}") from None
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise FileFormatError(path, f"not readable: {error}", EXPECTED) from error
    table = np.array(rows, dtype=np.int64).reshape(len(rows), len(head))
    if len(np.unique(table[:, 0])) != len(table):
        raise FileFormatError(path, "its sample ids repeat", EXPECTED)
    return tuple(head[1:]), Sync(table[:, 0], np.maximum(table[:, 1:], MISSING_FRAME))


def _numbers(path: Path, row: list[str], count: int, line: int) -> list[int]:
    if len(row) != count:
        raise FileFormatError(path, f"line {line} has {len(row)} fields, not {count}", EXPECTED)
    try:
        found = [int(text) for text in row]
    except ValueError as error:
        raise FileFormatError(path, f"line {line}: {error}"[:200], EXPECTED) from error
    if any(abs(number) >= 2**62 for number in found):
        raise FileFormatError(path, f"line {line} has a number too large", EXPECTED)
    return found


def write_sync_csv(
    path: Path, cameras: Sequence[str], sync: Sync, *, overwrite: bool = False
) -> Path:
    """Write the sync of these cameras.

    Raises
    ------
    FileExistsError
        When the file exists and may not be overwritten.
    """
    with (
        atomic_path(path, overwrite=overwrite) as temporary,
        temporary.open("w", encoding="utf-8", newline="") as stream,
    ):
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow([_KEY, *cameras])
        writer.writerows(np.column_stack([sync.sample_ids, sync.frames]).tolist())
    return path
