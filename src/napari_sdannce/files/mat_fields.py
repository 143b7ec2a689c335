"""Fields of MATLAB structures, read whichever way round they were written.

Cells may be rows or columns, vectors may lie or stand, a cell of one element may be that element,
numbers may be of any numeric class. What is something else raises ValueError, which says what was
found; `reading` adds the file and what was expected.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from .errors import FileFormatError
from .mat_values import MatValue, StructArray

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

_INT64_LIMIT = 2.0**63
_LARGEST = 1e15
"""No length, pixel or coefficient is larger; numbers that are would overflow later."""


@contextmanager
def reading(path: Path, expected: str) -> Iterator[None]:
    """Turn a ValueError of the block, which says what was found, into the error of the file."""
    try:
        yield
    except FileFormatError:
        raise
    except ValueError as error:
        found = str(error).removeprefix(f"{path} ")
        raise FileFormatError(path, found, expected) from error
    except MemoryError as error:
        raise FileFormatError(path, "it needs more memory than there is", expected) from error


def field(struct: Mapping[str, MatValue], name: str, where: str = "") -> MatValue:
    """Field of a struct; ValueError when it is not there."""
    if name not in struct:
        there = ", ".join(map(str, list(struct)[:20])) or "nothing"
        place = f" in {where}" if where else ""
        raise ValueError(f"no '{name}'{place} (there is {there})")
    return struct[name]


def structs(value: MatValue, what: str) -> list[dict[str, MatValue]]:
    """Structs in a cell, a struct array, or the struct itself."""
    if isinstance(value, dict):
        return [value]
    if isinstance(value, StructArray):
        return list(value.elements)
    if isinstance(value, np.ndarray) and value.dtype == object:
        found = [_alone(item) for item in value.ravel(order="F")]
        if all(isinstance(item, dict) for item in found):
            return found
    raise ValueError(f"'{what}' is {describe(value)}, not a cell of structs")


def struct(value: MatValue, what: str) -> dict[str, MatValue]:
    """Return one struct, perhaps inside a cell."""
    found = structs(value, what)
    if len(found) != 1:
        raise ValueError(f"'{what}' holds {len(found)} structs, not one")
    return found[0]


def _alone(value: MatValue) -> MatValue:
    """Content of a cell of one element, else the value."""
    for _ in range(4):
        if isinstance(value, np.ndarray) and value.dtype == object and value.size == 1:
            value = value.flat[0]
        elif isinstance(value, StructArray) and len(value.elements) == 1:
            value = value.elements[0]
    return value


def texts(value: MatValue, what: str) -> list[str]:
    """Strings in a cell (row or column), a char matrix, or one string."""
    if isinstance(value, str):
        return [value.strip()]
    if isinstance(value, np.ndarray) and value.dtype.kind == "U":
        return [str(text).strip() for text in value.ravel()]
    if isinstance(value, np.ndarray) and value.dtype == object:
        found = [_alone(item) for item in value.ravel(order="F")]
        if all(isinstance(item, str) for item in found):
            return [item.strip() for item in found]
    raise ValueError(f"'{what}' is {describe(value)}, not text")


def is_empty(value: MatValue) -> bool:
    """Whether MATLAB's ``isempty`` would say so."""
    if isinstance(value, np.ndarray):
        return value.size == 0
    if isinstance(value, StructArray):
        return not value.elements
    return isinstance(value, str | dict) and not value


def numbers(value: MatValue, what: str) -> npt.NDArray[Any]:
    """Array of real numbers of any class."""
    value = _alone(value)
    if not isinstance(value, np.ndarray) or value.dtype.kind not in "biuf":
        raise ValueError(f"'{what}' is {describe(value)}, not numbers")
    return value


def matrix(value: MatValue, what: str, shape: tuple[int, ...]) -> FloatArray:
    """Return finite numbers of exactly this shape, as float64."""
    found = floats(value, what)
    if found.shape != shape or not (np.abs(found) < _LARGEST).all():
        holds = "" if found.shape != shape else " with values that are not finite"
        raise ValueError(f"'{what}' has the shape {found.shape}{holds}, not {shape}")
    return found


def floats(value: MatValue, what: str) -> FloatArray:
    """Return numbers as float64."""
    return numbers(value, what).astype(np.float64)


def float_vector(value: MatValue, what: str) -> FloatArray:
    """Return a row or column of numbers as (n,) float64."""
    return _flat(floats(value, what), what)


def int_vector(value: MatValue, what: str) -> IntArray:
    """Return a row or column of whole numbers as (n,) int64; fractions are cut off."""
    flat = _flat(numbers(value, what), what)
    if flat.dtype.kind == "f" and not np.all(np.abs(flat) < _INT64_LIMIT):
        raise ValueError(f"'{what}' holds values that are no frame or sample numbers (NaN, inf)")
    if flat.dtype == np.uint64 and flat.size and int(flat.max()) >= 2**63:
        raise ValueError(f"'{what}' holds the value {flat.max()}")
    return flat.astype(np.int64)


def _flat(values: npt.NDArray[Any], what: str) -> npt.NDArray[Any]:
    if values.size and max(values.shape, default=1) != values.size:
        raise ValueError(f"'{what}' has the shape {values.shape}, not that of a row or column")
    return values.ravel()


def rows(value: MatValue, what: str, count: int | None = None) -> FloatArray:
    """(N, M) numbers, one row a moment; a lone row may have lost its first axis.

    With `count` rows expected, a matrix that lies the other way round is turned.
    """
    found = floats(value, what)
    if found.size == 0:
        return np.zeros((0, found.shape[-1] if found.ndim == 2 else 0))
    if found.ndim == 1:
        return found[None] if count in (None, 1) else found[:, None]
    if found.ndim != 2:
        raise ValueError(f"'{what}' has the shape {found.shape}, not (moments, numbers)")
    if count is not None and found.shape[0] != count and found.shape[1] == count:
        return found.T
    return found


def describe(value: MatValue) -> str:
    """What a value is, for messages."""
    if isinstance(value, dict):
        return f"a struct with {', '.join(list(value)[:10]) or 'no fields'}"
    if isinstance(value, StructArray):
        return f"a struct array of shape {value.shape}"
    if isinstance(value, str):
        return f"the text '{value[:40]}'"
    if isinstance(value, np.ndarray):
        kind = "a cell" if value.dtype == object else f"a {value.dtype} array"
        return f"{kind} of shape {value.shape}"
    return type(value).__name__
