"""What the variables of a MATLAB file become in Python, the same for every version of the format.

* numeric and logical: an array with the shape in MATLAB and the dtype *as stored*. MATLAB stores
  small whole doubles as integers; the class that MATLAB shows is kept in the dtype's metadata
  (`class_of`), and written again.
* char: `str` for one row, an array of strings for several
* cell: an object array with the shape in MATLAB
* struct: `dict` for 1 x 1, else `StructArray`
* table, string and other objects: `Opaque`
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

MatArray = npt.NDArray[Any]
MatValue = Any
"""One of the Python types above."""


class Skipped:
    """Stands for a variable that was not asked for."""


@dataclass(frozen=True, slots=True)
class Opaque:
    """A MATLAB object whose content only MATLAB knows."""

    class_name: str


@dataclass(frozen=True, slots=True, eq=False)
class StructArray:
    """A struct array that is not 1 x 1: its shape, field names and elements in MATLAB's order."""

    shape: tuple[int, ...]
    names: tuple[str, ...]
    elements: tuple[dict[str, MatValue], ...]


def with_class(values: MatArray, matlab_class: str) -> MatArray:
    """Return the same values that MATLAB will see as another class, such as ``double``."""
    return values.view(np.dtype(values.dtype.str, metadata={"matlab_class": matlab_class}))


def class_of(values: MatArray) -> str | None:
    """Class that MATLAB shows, None when the dtype says it all."""
    metadata = values.dtype.metadata
    return None if metadata is None else metadata.get("matlab_class")


def cell_column(values: list[MatValue]) -> MatArray:
    """Return an (N, 1) cell."""
    cell = np.empty((len(values), 1), dtype=object)
    for i, value in enumerate(values):
        cell[i, 0] = value
    return cell


def cell_row(values: list[MatValue]) -> MatArray:
    """Return a (1, N) cell."""
    return cell_column(values).T


def equal_values(a: MatValue, b: MatValue) -> bool:
    """Whether two values agree in value (NaN equals NaN), dtype, class, shape and fields."""
    if isinstance(a, np.ndarray) and isinstance(b, np.ndarray):
        if a.shape != b.shape or a.dtype != b.dtype or class_of(a) != class_of(b):
            return False
        if a.dtype == object:
            return all(equal_values(x, y) for x, y in zip(a.flat, b.flat, strict=True))
        return np.array_equal(a, b, equal_nan=a.dtype.kind in "fc")
    if isinstance(a, dict) and isinstance(b, dict):
        return list(a) == list(b) and all(equal_values(a[key], b[key]) for key in a)
    if isinstance(a, StructArray) and isinstance(b, StructArray):
        same = (a.shape, a.names) == (b.shape, b.names)
        return same and all(equal_values(x, y) for x, y in zip(a.elements, b.elements, strict=True))
    return type(a) is type(b) and bool(a == b)


def without_opaque(value: MatValue, path: str, dropped: list[str]) -> MatValue:
    """Return the value without its opaque objects; their places are added to `dropped`.

    In a cell an opaque object leaves an empty array, so that the others keep their places.
    """
    if isinstance(value, dict):
        kept = {}
        for key, item in value.items():
            if isinstance(item, Opaque):
                dropped.append(f"{path}.{key} ({item.class_name})")
            else:
                kept[key] = without_opaque(item, f"{path}.{key}", dropped)
        return kept
    if isinstance(value, StructArray):
        elements = tuple(
            without_opaque(element, f"{path}({i + 1})", dropped)
            for i, element in enumerate(value.elements)
        )
        return StructArray(value.shape, value.names, elements)
    if isinstance(value, np.ndarray) and value.dtype == object:
        kept_cell = np.empty(value.shape, dtype=object)
        for i, item in enumerate(value.flat):
            place = f"{path}{{{i + 1}}}"
            if isinstance(item, Opaque):
                dropped.append(f"{place} ({item.class_name})")
                kept_cell.flat[i] = np.zeros((0, 0))
            else:
                kept_cell.flat[i] = without_opaque(item, place, dropped)
        return kept_cell
    return value
