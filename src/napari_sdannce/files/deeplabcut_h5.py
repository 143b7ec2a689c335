"""Tables that pandas wrote to HDF5, read without PyTables, which would execute their pickles."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np

from .hdf5 import dataset, numbers, reading_hdf5, text, texts, values
from .plain_pickle import load_plain_pickle

if TYPE_CHECKING:
    from pathlib import Path

    from .points_2d import FloatArray

_MAX_COLUMNS = 100_000


@dataclass(frozen=True, eq=False)
class Table:
    """A table of numbers: names of its columns, a level each; rows; (rows, columns) values."""

    columns: list[tuple[str, ...]]
    rows: list[str | int]
    values: FloatArray


def read_table(path: Path, expected: str) -> Table:
    """Read the one table in a file, of pandas' layout ``fixed`` or ``table``.

    Raises
    ------
    FileNotFoundError
        When there is no such file.
    FileFormatError
        When there is no table in it, or it is damaged.
    """
    with reading_hdf5(path, expected) as file:
        groups = [item for item in file.values() if isinstance(item, h5py.Group)]
        tables = [item for item in groups if "pandas_type" in item.attrs]
        if len(tables) != 1:
            raise ValueError(f"it holds {len(tables)} tables of pandas, not one")
        kind = text(tables[0].attrs["pandas_type"], "pandas_type")
        if kind not in ("frame", "frame_table"):
            raise ValueError(f"it holds a '{kind}' of pandas, not a table")
        table = _fixed(tables[0]) if kind == "frame" else _table(tables[0])
        if table.values.shape != (len(table.rows), len(table.columns)):
            raise ValueError(
                f"its values have the shape {table.values.shape} for {len(table.rows)} rows and "
                f"{len(table.columns)} columns"
            )
        return table


def _fixed(group: h5py.Group) -> Table:
    blocks = [name[: -len("_values")] for name in group if re.fullmatch(r"block\d+_values", name)]
    columns: list[tuple[str, ...]] = []
    parts = []
    for block in blocks:
        columns += [tuple(map(str, each)) for each in _axis(group, f"{block}_items")]
        parts.append(numbers(dataset(group, f"{block}_values")))
    rows = [each[-1] for each in _axis(group, "axis1")]
    if any(part.ndim != 2 or len(part) != len(rows) for part in parts) or not parts:
        raise ValueError(f"its values have the shapes {[part.shape for part in parts]}"[:200])
    return Table(columns, rows, np.concatenate(parts, axis=1))


def _axis(group: h5py.Group, name: str) -> list[tuple[str | int, ...]]:
    """Labels of an axis of one or several levels."""
    if name in group:
        return [(label,) for label in _labels(dataset(group, name))]
    levels: list[list[str | int]] = []
    while f"{name}_level{len(levels)}" in group:
        i = len(levels)
        labels = _labels(dataset(group, f"{name}_level{i}"))
        codes = values(dataset(group, f"{name}_label{i}"))
        if codes.dtype.kind not in "iu" or codes.ndim != 1:
            raise ValueError(f"'{name}_label{i}' holds no numbers of labels")
        if codes.size and not (codes.min() >= 0 and codes.max() < len(labels)):
            raise ValueError(f"'{name}_label{i}' points outside its {len(labels)} labels")
        levels.append([labels[code] for code in codes.tolist()])
    if not levels or len({len(level) for level in levels}) != 1:
        raise ValueError(f"axis '{name}' is missing or its levels differ in length")
    return list(zip(*levels, strict=True))


def _labels(item: h5py.Dataset) -> list[str | int]:
    if item.dtype.kind in "iu":
        return [int(value) for value in values(item).ravel()]
    return list(texts(item))


def _table(group: h5py.Group) -> Table:
    content = values(dataset(group, "table"))
    fields = content.dtype.names or ()
    blocks = [name for name in fields if re.fullmatch(r"values_block_\d+", name)]
    if "index" not in fields or not blocks:
        raise ValueError(f"its table has the columns {', '.join(fields)}"[:200])
    attributes = dataset(group, "table").attrs
    columns: list[tuple[str, ...]] = []
    parts = []
    for block in blocks:
        columns += _column_names(attributes.get(f"{block}_kind"))
        if content[block].dtype.kind not in "iuf":
            raise ValueError(f"'{block}' holds {content[block].dtype}, not numbers")
        parts.append(content[block].astype(np.float64).reshape(len(content), -1))
    index = content["index"]
    if index.dtype.kind in "iu":
        rows: list[str | int] = [int(value) for value in index.ravel()]
    else:
        rows = [text(value, "index") for value in index.ravel().tolist()]
    return Table(columns, rows, np.concatenate(parts, axis=1))


def _column_names(pickled: Any) -> list[tuple[str, ...]]:
    """Names of the columns of a block; pandas keeps them as a pickle."""
    if not isinstance(pickled, bytes):
        raise ValueError("the names of its columns are missing")
    found = load_plain_pickle(pickled)
    if not isinstance(found, list) or len(found) > _MAX_COLUMNS:
        raise ValueError("the names of its columns are no list")
    if not all(isinstance(each, tuple) and all(isinstance(x, str) for x in each) for each in found):
        raise ValueError("the names of its columns are no texts")
    return found
