"""Arrays, dtypes and numbers of numpy in a pickle: rebuilt from checked values, nothing called.

Whatever a pickle says of them that cannot be raises `PickleError`.
"""

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

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name


_NAMES = {
    **{
        (f"numpy.{core}.multiarray", name): name
        for core in ("core", "_core")
        for name in ("_reconstruct", "scalar")
    },
    **{(f"numpy.{core}.numeric", "_frombuffer"): "_frombuffer" for core in ("core", "_core")},
    ("numpy", "ndarray"): "ndarray",
    ("numpy", "dtype"): "dtype",
    ("_codecs", "encode"): "encode",
    ("collections", "OrderedDict"): "dict",
    **{
        (module, name): name for module in ("builtins", "__builtin__") for name in ("dict", "bytes")
    },
}


def named(module: Any, name: Any) -> PickledName:
    """Stand for what a pickle means by a module and a name in it."""
    if not isinstance(module, str) or not isinstance(name, str):
        raise PickleError("it names something by what is no text")
    if (module, name) not in _NAMES:
        raise PickleError(f"it names {module}.{name}, which is no plain data"[:120])
    return PickledName(_NAMES[(module, name)])


class PickledDType:
    """A dtype under construction: its letters, then its byte order."""

    __slots__ = ("dtype", "kinds", "letters")

    def __init__(self, letters: str) -> None:
        self.letters = letters
        self.dtype: np.dtype[Any] = np.dtype("<" + letters)
        self.kinds: dict[tuple[Any, ...], ArrayKind] = {}

    def set_state(self, state: Any) -> None:
        """Take the byte order; dtypes of several fields are refused."""
        order = state[1] if isinstance(state, tuple) and len(state) >= 2 else None
        if order not in ("<", ">", "|", "="):
            raise PickleError("it holds a dtype other than plain numbers")
        self.dtype = np.dtype(("<" if order in ("|", "=") else order) + self.letters)
        self.kinds.clear()


class ArrayKind:
    """Shape, type and order of arrays."""

    __slots__ = ("dtype", "length", "order", "shape")

    def __init__(self, shape: tuple[int, ...], dtype: np.dtype[Any], order: str) -> None:
        self.shape, self.dtype, self.order = shape, dtype, order
        self.length = math.prod(shape) * dtype.itemsize

    @classmethod
    def of(cls, shape: Any, dtype: Any, order: Any) -> ArrayKind:
        """Check what a pickle says of an array."""
        if not isinstance(dtype, PickledDType) or order not in ("C", "F"):
            raise PickleError("it holds an array of something else than numbers")
        key = (_shape(shape), order)
        if key not in dtype.kinds:
            dtype.kinds[key] = cls(key[0], dtype.dtype, order)
        return dtype.kinds[key]


class PickledArray:
    """An array that is still bytes: a file holds millions, and most are never looked at."""

    __slots__ = ("content", "kind")

    def __init__(self, kind: ArrayKind | None = None, content: Any = b"") -> None:
        if kind is not None and (content.__class__ is not bytes or len(content) != kind.length):
            content = _bytes_of(kind, content)
        self.kind = kind
        self.content: bytes = content

    def set_state(self, state: Any) -> None:
        """Take what protocols before 5 keep of an array."""
        if not isinstance(state, tuple) or len(state) != 5:
            raise PickleError("it holds an array without content")
        _, shape, dtype, fortran, content = state
        self.kind = ArrayKind.of(shape, dtype, "F" if fortran else "C")
        self.content = _bytes_of(self.kind, content)

    def array(self) -> np.ndarray:
        """Return the array itself, not writable."""
        kind = self.kind
        if kind is None:
            raise PickleError("it holds an array without content")
        order: Any = kind.order
        return np.frombuffer(self.content, dtype=kind.dtype).reshape(kind.shape, order=order)


def _bytes_of(kind: ArrayKind, content: Any) -> bytes:
    """Content of an array, as long as its kind says."""
    if not isinstance(content, bytes | str):
        raise PickleError("it holds an array of something else than numbers")
    if len(content) != kind.length:
        raise PickleError(
            f"an array of shape {kind.shape} and type {kind.dtype} has {len(content)} bytes"
        )
    if isinstance(content, str):  # written by Python 2
        return content.encode("latin-1", errors="replace")
    return content


def _shape(value: Any) -> tuple[int, ...]:
    if not isinstance(value, tuple) or len(value) > 32:
        raise PickleError("it holds an array whose shape is no shape")
    for n in value:
        if type(n) is not int or not 0 <= n < 2**40:
            raise PickleError("it holds an array whose shape is not of whole numbers")
    return value


def new_dtype(letters: Any, *_: Any) -> PickledDType:
    """Stand for ``numpy.dtype(letters)``."""
    if not isinstance(letters, str):  # not shown: even its text may be endless
        raise PickleError("it holds numbers of no type")
    if not _LETTERS.fullmatch(letters):
        raise PickleError(f"it holds numbers of type {letters!r}"[:80])
    return PickledDType(letters.lstrip("<>|="))


def new_array(kind: Any, *_: Any) -> PickledArray:
    """Stand for numpy's function that makes an array without content."""
    if not isinstance(kind, PickledName) or kind.name != "ndarray":
        raise PickleError("it holds an array of an unknown class")
    return PickledArray()


def scalar(dtype: Any, content: Any) -> Any:
    """Make one number or text of numpy a plain one."""
    kind = ArrayKind.of((), dtype, "C")
    one = PickledArray(kind, content)
    if kind.dtype.kind == "U":  # numpy takes any four bytes for a letter, and fails when it is used
        big = kind.dtype.newbyteorder(">") == kind.dtype
        return one.content.decode("utf-32-be" if big else "utf-32-le").rstrip("\0")
    return one.array().item()


def from_buffer(content: Any, dtype: Any, shape: Any, order: Any) -> PickledArray:
    """Make an array of its bytes, as protocol 5 has it."""
    return PickledArray(ArrayKind.of(shape, dtype, order), content)


def encode(text: Any, codec: Any = "latin1") -> bytes:
    """Turn text into the bytes it stands for in protocols 0 to 2."""
    if not isinstance(text, str) or codec not in ("latin1", "latin-1"):
        raise PickleError("it holds bytes that are none")
    return text.encode("latin-1")
