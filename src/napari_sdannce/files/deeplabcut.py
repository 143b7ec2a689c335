"""DeepLabCut ``.csv`` and ``.h5``: predictions of a video, or ``CollectedData`` of people.

The header has three rows (scorer, bodyparts, coords) or, with several animals, four (individuals
after scorer); coords are x, y and, in predictions, likelihood. Rows are frame numbers, or images
whose name ends in the frame number (``labeled-data/<video>/img0012.png``).
"""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from .deeplabcut_h5 import Table, read_table
from .errors import FileFormatError
from .mat_fields import reading
from .points_2d import IntArray, Points2D, whole_points

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

EXPECTED = (
    "keypoints of DeepLabCut: rows scorer, [individuals,] bodyparts, coords, then one row a frame"
)
_HEADS = (("scorer", "bodyparts", "coords"), ("scorer", "individuals", "bodyparts", "coords"))
_COORDS = ("x", "y", "likelihood")


def read_deeplabcut(path: str | os.PathLike[str]) -> Points2D:
    """Read the keypoints of one camera; which camera, its name or the caller must say.

    The scores are NaN where the file has no likelihood, as in ``CollectedData``.

    Raises
    ------
    FileNotFoundError
        When there is no such file.
    FileFormatError
        When it is no such file, or damaged.
    """
    file = Path(path)
    if file.suffix.lower() in (".h5", ".hdf5"):
        table = read_table(file, EXPECTED)
    else:
        table = _read_csv(file)
    with reading(file, EXPECTED):
        return _points(file, table)


def _read_csv(path: Path) -> Table:
    import pandas as pd

    try:
        with path.open(newline="", encoding="utf-8") as stream:
            head = list(islice(csv.reader(stream), 4))
        with reading(path, EXPECTED):
            n_head, first = _header(head)
            columns = list(zip(*(row[first:] for row in head[:n_head]), strict=True))
            body = pd.read_csv(
                path,
                header=None,
                skiprows=n_head,
                names=range(first + len(columns)),
                index_col=False,
                dtype={i: str if i < first else np.float64 for i in range(first + len(columns))},
                encoding="utf-8",
                keep_default_na=True,
            )
            values = body.iloc[:, first:].to_numpy(dtype=np.float64)
            return Table(columns, [str(text) for text in body[first - 1]], values)
    except (FileNotFoundError, FileFormatError):
        raise
    except (
        OSError, csv.Error, pd.errors.ParserWarning, ValueError, TypeError, OverflowError,
        RecursionError,
    ) as error:  # fmt: skip
        raise FileFormatError(path, f"not readable: {error}", EXPECTED) from error


def _header(head: Sequence[Sequence[str]]) -> tuple[int, int]:
    """Rows of the header and the first column with data."""
    firsts = tuple(row[0].strip().lower() if row else "" for row in head)
    for names in _HEADS:
        if firsts[: len(names)] == names:
            last = head[len(names) - 1]
            index = next((i for i, text in enumerate(last) if text in _COORDS), 0)
            if not index or any(len(row) != len(last) for row in head[: len(names)]):
                raise ValueError("the rows of its header do not fit together")
            return len(names), index
    raise ValueError(f"its first column begins with {', '.join(firsts)[:100] or 'nothing'}")


@dataclass(frozen=True)
class _Columns:
    """Which column holds what: (animal, keypoint) -> coordinate -> column."""

    places: dict[tuple[str, str], dict[str, int]]

    @classmethod
    def of(cls, columns: Sequence[tuple[str, ...]]) -> _Columns:
        places: dict[tuple[str, str], dict[str, int]] = {}
        for i, names in enumerate(columns):
            if len(names) not in (3, 4) or names[-1] not in _COORDS:
                raise ValueError(f"it has a column {names}"[:200])
            animal = names[1] if len(names) == 4 else "animal1"
            place = places.setdefault((animal, names[-2]), {})
            if names[-1] in place:
                raise ValueError(f"it has several columns for {', '.join(names[1:])}"[:200])
            place[names[-1]] = i
        for key, place in places.items():
            if not {"x", "y"} <= set(place):
                raise ValueError(f"{' '.join(key)} has only {', '.join(place)}"[:200])
        return cls(places)

    @property
    def animals(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(animal for animal, _ in self.places))

    @property
    def keypoints(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(keypoint for _, keypoint in self.places))


def _points(path: Path, table: Table) -> Points2D:
    columns, values = _Columns.of(table.columns), table.values
    animals, keypoints = columns.animals, columns.keypoints
    if len(animals) * len(keypoints) > 100 * max(len(columns.places), 1):
        raise ValueError(f"it has {len(animals)} animals with {len(keypoints)} keypoints")
    points = np.full((len(values), len(animals), len(keypoints), 2), np.nan)
    scores = np.full(points.shape[:-1], np.nan)
    for (animal, keypoint), place in columns.places.items():
        a, k = animals.index(animal), keypoints.index(keypoint)
        points[:, a, k] = values[:, [place["x"], place["y"]]]
        if "likelihood" in place:
            scores[:, a, k] = values[:, place["likelihood"]]
    frames = _frames(table.rows)
    return Points2D(path, None, frames, animals, keypoints, whole_points(points), scores)


def _frames(rows: Sequence[str | int]) -> IntArray:
    return np.array([_frame(row) for row in rows], dtype=np.int64).reshape(len(rows))


def _frame(row: str | int) -> int:
    """Frame number of a row: a number, or the number that an image's name ends in."""
    if isinstance(row, int):
        found = str(row)
    else:
        name = re.split(r"[/\\]", row.strip())[-1]
        match = re.search(r"(\d+)(\.[A-Za-z]\w*)?$", name)
        if match is None:
            raise ValueError(f"row '{row[:80]}' is neither a frame number nor a numbered image")
        found = match[1]
    if len(found) > 15:
        raise ValueError(f"'{found[:80]}' is no frame number")
    return int(found)
