"""Arrays, dtypes and numbers of numpy in a pickle: rebuilt from checked values, nothing called."""

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np

_LETTERS = re.compile(r"[<>|=]?(b1|[iu][1248]|f[248]|[US]\d{1,4})")


class PickleError(ValueError):
    """The bytes are no pickle, a damaged one, or one that is more than plain data."""


class PickledName:
    """One of the functions or classes that a plain pickle may name."""

    def __init__(self, name: str) -> None:
        self.name = name


class PickledDType:
    """A dtype under construction: its letters, then its byte order."""

    def __init__(self, letters: str) -> None:
        self.letters = letters
        self.order = "<"

    def set_state(self, state: Any) -> None:
        """Take the byte order; dtypes of several fields are refused."""
        order = state[1] if isinstance(state, tuple) and len(state) >= 2 else None
        if order not in ("<", ">", "|", "="):
            raise PickleError("it holds a dtype other than plain numbers")
        self.order = "<" if order in ("|", "=") else order

    def dtype(self) -> np.dtype[Any]:
        """Return the finished dtype."""
        return np.dtype(self.order + self.letters)


class PickledArray:
    """An array under construction."""

    def __init__(self) -> None:
        self.values: np.ndarray | None = None

    def set_state(self, state: Any) -> None:
        """Take shape, dtype and bytes, which must agree."""
        if not isinstance(state, tuple) or len(state) != 5:
            raise PickleError("it holds an array without content")
        _, shape, dtype, fortran, data = state
        if isinstance(data, str):  # written by Python 2
            data = data.encode("latin-1", errors="replace")
        if not isinstance(dtype, PickledDType) or not isinstance(data, bytes):
            raise PickleError("it holds an array of something else than numbers")
        self.values = _array(data, dtype.dtype(), _shape(shape), "F" if fortran else "C")


def _array(data: bytes, dtype: np.dtype[Any], shape: tuple[int, ...], order: Any) -> np.ndarray:
    if math.prod(shape) * dtype.itemsize != len(data):
        raise PickleError(f"an array of shape {shape} and type {dtype} has {len(data)} bytes")
    return np.frombuffer(data, dtype=dtype).reshape(shape, order=order)


def _shape(value: Any) -> tuple[int, ...]:
    if not isinstance(value, tuple) or len(value) > 32:
        raise PickleError("it holds an array whose shape is no shape")
    if not all(type(n) is int and 0 <= n < 2**40 for n in value):
        raise PickleError(f"it holds an array of shape {value[:4]}")
    return value


def new_dtype(letters: Any, *_: Any) -> PickledDType:
    """Stand for ``numpy.dtype(letters)``."""
    if not isinstance(letters, str) or not _LETTERS.fullmatch(letters):
        raise PickleError(f"it holds numbers of type {letters!r}"[:80])
    return PickledDType(letters.lstrip("<>|="))


def new_array(kind: Any, *_: Any) -> PickledArray:
    """Stand for numpy's function that makes an array without content."""
    if not isinstance(kind, PickledName) or kind.name != "ndarray":
        raise PickleError("it holds an array of an unknown class")
    return PickledArray()


def scalar(dtype: Any, data: Any) -> Any:
    """Make one number or text of numpy."""
    if isinstance(data, str):
        data = data.encode("latin-1", errors="replace")
    if not isinstance(dtype, PickledDType) or not isinstance(data, bytes):
        raise PickleError("it holds a number that is none")
    return _array(data, dtype.dtype(), (), "C")[()]


def from_buffer(data: Any, dtype: Any, shape: Any, order: Any) -> np.ndarray:
    """Make an array of its bytes, as protocol 5 has it."""
    known = isinstance(dtype, PickledDType) and isinstance(data, bytes)
    if not known or order not in ("C", "F"):
        raise PickleError("it holds an array of something else than numbers")
    return _array(data, dtype.dtype(), _shape(shape), order)


def encode(text: Any, codec: Any = "latin1") -> bytes:
    """Turn text into the bytes it stands for in protocols 0 to 2."""
    if not isinstance(text, str) or codec not in ("latin1", "latin-1"):
        raise PickleError("it holds bytes that are none")
    return text.encode("latin-1")
