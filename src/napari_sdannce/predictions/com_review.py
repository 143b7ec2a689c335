"""``com_review.csv``: where a person should look whether animals were mixed up."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

from napari_sdannce.files.errors import FileFormatError
from napari_sdannce.files.writing import atomic_path

from .identities import PossibleSwap

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

REVIEW = "com_review.csv"
COLUMNS = ("first_sample", "last_sample", "animal", "other_animal", "margin")
EXPECTED = f"a table of possible swaps with the columns {', '.join(COLUMNS)}"


def write_review(folder: Path, swaps: Sequence[PossibleSwap]) -> Path:
    """Write possible swaps into a folder, in place of those that are there."""
    path = folder / REVIEW
    with (
        atomic_path(path, overwrite=True) as draft,
        draft.open("w", newline="", encoding="utf-8") as file,
    ):
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(COLUMNS)
        rows.writerows((swap.first, swap.last, *swap.animals, swap.margin) for swap in swaps)
    return path


def read_review(path: Path) -> tuple[PossibleSwap, ...]:
    """Read possible swaps.

    Raises
    ------
    FileNotFoundError
        When there is no such file.
    FileFormatError
        When it is not such a table.
    """
    try:
        with path.open(newline="", encoding="utf-8") as file:
            header, *rows = csv.reader(file)
        if tuple(header) != COLUMNS:
            raise ValueError(f"its columns are {', '.join(header)[:200]}")
        return tuple(
            PossibleSwap(int(first), int(last), (one, other), float(margin))
            for first, last, one, other, margin in rows
        )
    except (ValueError, csv.Error) as error:
        raise FileFormatError(path, str(error), EXPECTED) from error
