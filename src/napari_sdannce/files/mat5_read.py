"""MATLAB v5 files (``-v6``, ``-v7``), read.

An own reader, for files of unknown origin: every claim of the file about sizes is checked against
the bytes that are there before anything is allocated, nesting is limited, and there is one error.
SciPy's allocates what the header claims and raises a dozen types of error on damaged bytes. Layout:
"MAT-File Format", The MathWorks, chapter 1.
"""

from __future__ import annotations

import math
import struct
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .mat_values import MatArray, MatValue, Opaque, Skipped, StructArray, with_class

if TYPE_CHECKING:
    from collections.abc import Container

HEADER_BYTES = 128
MAX_VARIABLE_BYTES = 2**31
MAX_DEPTH = 24
MAX_CELLS = 4_000_000

MI_MATRIX, MI_COMPRESSED = 14, 15
STORAGE = {
    1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8",
}  # fmt: skip
TEXT = {1: "utf-8", 2: "utf-8", 4: "utf-16", 16: "utf-8", 17: "utf-16", 18: "utf-32"}

CELL, STRUCT, OBJECT, CHAR, SPARSE, FUNCTION, OPAQUE = 1, 2, 3, 4, 5, 16, 17
NUMERIC = {
    6: "double", 7: "single", 8: "int8", 9: "uint8", 10: "int16", 11: "uint16", 12: "int32",
    13: "uint32", 14: "int64", 15: "uint64",
}  # fmt: skip
DTYPE = {
    "double": "f8", "single": "f4", "int8": "i1", "uint8": "u1", "int16": "i2", "uint16": "u2",
    "int32": "i4", "uint32": "u4", "int64": "i8", "uint64": "u8",
}  # fmt: skip
COMPLEX_FLAG, LOGICAL_FLAG = 0x0800, 0x0200


class DamagedMatError(Exception):
    """The bytes are no MATLAB file; `napari_sdannce.files.mat` makes it the public error."""


def read_mat5(content: bytes, wanted: Container[str] | None = None) -> dict[str, MatValue]:
    """Read the variables of a v5 file from its bytes; `Skipped` for those not wanted.

    Raises
    ------
    DamagedMatError
        When the bytes end early or contradict themselves.
    """
    order = {b"IM": "<", b"MI": ">"}.get(content[126:128])
    if order is None:
        raise DamagedMatError("its header is not that of a MATLAB v5 file")
    variables: dict[str, MatValue] = {}
    elements = _Elements(memoryview(content), HEADER_BYTES, order)
    budget = _Budget()
    while not elements.at_end:
        kind, data = elements.next()
        if kind == MI_COMPRESSED:
            kind, data = _decompressed(data, order)
        if kind != MI_MATRIX:
            raise DamagedMatError(f"found an element of type {kind} where a variable starts")
        name, value = _Matrix(data, order, budget, depth=0).read(wanted)
        if name:  # without a name: the workspace of function handles and objects
            variables[name] = value
    return variables


def _decompressed(data: memoryview, order: str) -> tuple[int, memoryview]:
    """Unpack one compressed element, never more bytes than its own tag announces."""
    unpacker = zlib.decompressobj()
    try:
        tag = unpacker.decompress(data, 8)
        if len(tag) < 8:
            raise DamagedMatError("a compressed variable ends early")
        kind, size = struct.unpack(order + "II", tag)
        if size > MAX_VARIABLE_BYTES:
            raise DamagedMatError(f"a variable claims {size} bytes")
        body = unpacker.decompress(unpacker.unconsumed_tail, size) if size else b""
    except zlib.error as error:
        raise DamagedMatError(f"a compressed variable is damaged ({error})") from error
    if len(body) < size:
        raise DamagedMatError(f"a variable of {size} bytes ends after {len(body)}")
    return kind, memoryview(body)


@dataclass
class _Elements:
    """Walks over tagged elements."""

    content: memoryview
    position: int
    order: str

    @property
    def at_end(self) -> bool:
        return self.position >= len(self.content)

    @property
    def left(self) -> int:
        return len(self.content) - self.position

    def next(self) -> tuple[int, memoryview]:
        """Type and data of the next element."""
        if self.left < 8:
            raise DamagedMatError("it ends in the middle of an element")
        first, second = struct.unpack_from(self.order + "II", self.content, self.position)
        if first >> 16:  # up to four bytes of data within the tag
            kind, size, start = first & 0xFFFF, first >> 16, self.position + 4
            if size > 4:
                raise DamagedMatError(f"a small element claims {size} bytes")
            self.position += 8
        else:
            kind, size, start = first, second, self.position + 8
            padded = size if kind == MI_COMPRESSED else size + -size % 8
            if size > len(self.content) - start:
                missing = size - (len(self.content) - start)
                raise DamagedMatError(f"it ends early, {missing} bytes of an element are missing")
            self.position = start + padded
        return kind, self.content[start : start + size]

    def numbers(self) -> MatArray:
        """Next element as a 1-D array in the stored dtype."""
        kind, data = self.next()
        if kind not in STORAGE:
            raise DamagedMatError(f"found an element of type {kind} in place of numbers")
        dtype = np.dtype(self.order + STORAGE[kind])
        if len(data) % dtype.itemsize:
            raise DamagedMatError(f"{len(data)} bytes are no whole count of {dtype} numbers")
        return np.frombuffer(data, dtype=dtype).astype(dtype.newbyteorder("="), copy=False)

    def text(self) -> str:
        """Next element as a name."""
        return bytes(self.next()[1]).rstrip(b"\0").decode("utf-8", errors="replace")


class _Budget:
    """Cells and fields a file may still have: each costs far more in memory than in the file."""

    def __init__(self) -> None:
        self.left = MAX_CELLS

    def take(self, count: int) -> None:
        self.left -= count
        if self.left < 0:
            raise DamagedMatError(f"it claims more than {MAX_CELLS} cells and fields")


class _Matrix:
    """One miMATRIX element: a variable, or one inside a cell or struct."""

    def __init__(self, data: memoryview, order: str, budget: _Budget, depth: int) -> None:
        if depth > MAX_DEPTH:
            raise DamagedMatError(f"its variables nest deeper than {MAX_DEPTH} levels")
        self.elements = _Elements(data, 0, order)
        self.order = order
        self.budget = budget
        self.depth = depth

    def read(self, wanted: Container[str] | None = None) -> tuple[str, MatValue]:
        """Name and value; `Skipped` for a name that is not wanted."""
        if self.elements.at_end:
            return "", np.zeros((0, 0))
        flags = self.elements.numbers()
        if len(flags) < 1:
            raise DamagedMatError("a variable has no class")
        word = int(flags[0])
        kind = word & 0xFF
        if kind == OPAQUE:
            name = self.elements.text()
            self.elements.text()  # the object system: MCOS
            return name, Opaque(self.elements.text())
        shape = self._shape()
        name = self.elements.text()
        if wanted is not None and name not in wanted:
            return name, Skipped()
        return name, self._value(kind, word, shape)

    def _value(self, kind: int, word: int, shape: tuple[int, ...]) -> MatValue:
        if kind in NUMERIC:
            return self._numeric(NUMERIC[kind], word, shape)
        if kind == CHAR:
            return self._char(shape)
        if kind == CELL:
            return self._cell(shape)
        if kind in (STRUCT, OBJECT):
            return self._struct(kind, shape)
        if kind == SPARSE:
            return self._sparse(word, shape)
        if kind == FUNCTION:
            return Opaque("function_handle")
        raise DamagedMatError(f"found a variable of unknown class {kind}")

    def _shape(self) -> tuple[int, ...]:
        numbers = self.elements.numbers()
        if not 1 <= len(numbers) <= 32 or numbers.dtype.kind not in "iu" or (numbers < 0).any():
            raise DamagedMatError(f"a variable has the dimensions {numbers[:4].tolist()}")
        return tuple(int(n) for n in numbers)

    def _numeric(self, name: str, word: int, shape: tuple[int, ...]) -> MatArray:
        values = self._reshaped(self.elements.numbers(), shape)
        if word & COMPLEX_FLAG:
            return values + 1j * self._reshaped(self.elements.numbers(), shape)
        if word & LOGICAL_FLAG:
            return with_class(values, "logical")
        return values if values.dtype == np.dtype(DTYPE[name]) else with_class(values, name)

    def _reshaped(self, values: MatArray, shape: tuple[int, ...]) -> MatArray:
        if len(values) != math.prod(shape):
            raise DamagedMatError(f"a variable of shape {shape} holds {len(values)} numbers")
        return values.reshape(shape, order="F")

    def _char(self, shape: tuple[int, ...]) -> MatValue:
        kind, data = self.elements.next()
        if kind not in TEXT:
            raise DamagedMatError(f"found an element of type {kind} in place of text")
        codec = TEXT[kind]
        if codec != "utf-8":
            codec += "-le" if self.order == "<" else "-be"
        text = bytes(data).decode(codec, errors="replace")
        count = math.prod(shape)
        if len(shape) != 2 or count != len(text):
            if shape[0] > 1 and count:
                raise DamagedMatError(f"text of shape {shape} holds {len(text)} characters")
            return text  # characters outside the basic plane count twice in MATLAB
        rows = shape[0]
        if rows <= 1:
            return text
        return np.array([text[row::rows] for row in range(rows)])

    def _cell(self, shape: tuple[int, ...]) -> MatArray:
        cell = np.empty(self._count(shape, 1), dtype=object)
        for i in range(len(cell)):
            cell[i] = self._inner()
        return cell.reshape(shape, order="F")

    def _struct(self, kind: int, shape: tuple[int, ...]) -> MatValue:
        if kind == OBJECT:
            self.elements.text()  # the class; its fields are read as those of a struct
        length = self.elements.numbers()
        if len(length) != 1 or not 1 <= int(length[0]) <= 4096:
            raise DamagedMatError(f"field names have the length {length[:4].tolist()}")
        width = int(length[0])
        packed = bytes(self.elements.next()[1])
        names = [
            packed[i : i + width].split(b"\0", 1)[0].decode("utf-8", errors="replace")
            for i in range(0, len(packed), width)
        ]
        count = self._count(shape, len(names))
        elements = tuple({name: self._inner() for name in names} for _ in range(count))
        if count == 1:
            return elements[0]
        return StructArray(shape, tuple(names), elements)

    def _sparse(self, word: int, shape: tuple[int, ...]) -> MatValue:
        from scipy.sparse import csc_array

        rows, columns, values = (self.elements.numbers() for _ in range(3))
        if word & COMPLEX_FLAG:
            values = values + 1j * self.elements.numbers()
        try:
            matrix = csc_array((values, rows[: len(values)], columns), shape=shape)
            matrix.check_format(full_check=True)
        except (ValueError, IndexError, TypeError, OverflowError) as error:
            raise DamagedMatError(f"a sparse variable is damaged ({error})") from error
        if math.prod(shape) * values.itemsize > MAX_VARIABLE_BYTES // 16:
            raise DamagedMatError(f"a sparse variable of shape {shape} is too large")
        return np.asarray(matrix.toarray())

    def _count(self, shape: tuple[int, ...], fields: int) -> int:
        """Elements of a cell or struct array; each takes at least the bytes of a tag."""
        count = math.prod(shape)
        if count * max(fields, 1) > max(self.elements.left // 8, 1):
            raise DamagedMatError(f"a cell or struct of shape {shape} ends early")
        self.budget.take(count * max(fields, 1))
        return count

    def _inner(self) -> MatValue:
        kind, data = self.elements.next()
        if kind != MI_MATRIX:
            raise DamagedMatError(f"found an element of type {kind} inside a cell or struct")
        return _Matrix(data, self.order, self.budget, self.depth + 1).read()[1]
