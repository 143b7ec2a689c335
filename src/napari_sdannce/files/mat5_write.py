"""MATLAB v5 files, written.

An own writer so that the class MATLAB shows and the type a number is stored in can differ, as in
MATLAB's own files (whole doubles stored as integers): then a file read and written again is the
same to MATLAB *and* to readers that look at the stored type.
"""

from __future__ import annotations

import struct
import zlib
from itertools import chain
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from .mat5_read import (
    CELL,
    CHAR,
    COMPLEX_FLAG,
    HEADER_BYTES,
    LOGICAL_FLAG,
    MAX_VARIABLE_BYTES,
    MI_COMPRESSED,
    MI_MATRIX,
    NUMERIC,
    STORAGE,
    STRUCT,
)
from .mat_values import MatArray, MatValue, StructArray, class_of
from .moment_blocks import MomentBlocks, Zeros

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

_CLASS = {name: number for number, name in NUMERIC.items()}
_STORAGE = {np.dtype(text): number for number, text in STORAGE.items()}
_CLASS_OF_DTYPE = {
    "f8": "double", "f4": "single", "i1": "int8", "u1": "uint8", "i2": "int16", "u2": "uint16",
    "i4": "int32", "u4": "uint32", "i8": "int64", "u8": "uint64",
}  # fmt: skip
_MI_INT8, _MI_UINT16, _MI_INT32, _MI_UINT32, _MI_UTF8 = 1, 4, 5, 6, 16
_MAX_NAME = 63


def write_mat5(
    stream: BinaryIO, variables: Mapping[str, MatValue], *, compress: bool, scratch: Path
) -> None:
    """Write variables (see `mat_values`) as a little-endian v5 file.

    `MomentBlocks` and `Zeros` are never in memory as a whole.

    Parameters
    ----------
    stream
        Where to; one that can go back.
    variables
        By name.
    compress
        Whether each is compressed.
    scratch
        Folder on a disk with room for the largest of them.

    Raises
    ------
    ValueError
        When a value has no counterpart in MATLAB or is larger than 2 GiB, the format's limit.
    """
    text = b"MATLAB 5.0 MAT-file, written by napari-sdannce"
    stream.write(text.ljust(116) + b"\0" * 8 + struct.pack("<H", 0x0100) + b"IM")
    assert stream.tell() == HEADER_BYTES
    for name, value in variables.items():
        parts = _parts(name, value, scratch)
        if compress:
            _write_compressed(stream, parts)
        else:
            stream.writelines(parts)


def size_in_mat5(name: str, value: MomentBlocks | Zeros) -> int:
    """Bytes of a variable before it is compressed; they must be fewer than 2 GiB."""
    # the head's size depends on the number of axes alone
    return len(_head_of_blocks(name, Zeros((0,) * len(value.shape)))) + value.nbytes


def _parts(name: str, value: MatValue, scratch: Path) -> Iterable[bytes]:
    if isinstance(value, MomentBlocks | Zeros):
        _check_size(name, size_in_mat5(name, value))
        return chain((_head_of_blocks(name, value),), value.in_columns(scratch))
    body = _matrix(name, value)
    _check_size(name, len(body))
    return (body,)


def _check_size(name: str, n_bytes: int) -> None:
    if n_bytes >= MAX_VARIABLE_BYTES:
        raise ValueError(f"variable '{name}' takes {n_bytes} bytes, the limit is 2 GiB")


def _write_compressed(stream: BinaryIO, parts: Iterable[bytes]) -> None:
    begin = stream.tell()
    stream.write(struct.pack("<II", MI_COMPRESSED, 0))
    packer = zlib.compressobj(level=3)
    for part in parts:
        stream.write(packer.compress(part))
    stream.write(packer.flush())
    end = stream.tell()
    stream.seek(begin)
    stream.write(struct.pack("<II", MI_COMPRESSED, end - begin - 8))
    stream.seek(end)


def _element(kind: int, data: bytes) -> bytes:
    if 0 < len(data) <= 4:
        return struct.pack("<HH", kind, len(data)) + data.ljust(4, b"\0")
    return struct.pack("<II", kind, len(data)) + data + b"\0" * (-len(data) % 8)


def _matrix(name: str, value: MatValue) -> bytes:
    if isinstance(value, str):
        return _text(name, np.array([list(value)]) if value else np.empty((0, 0), dtype="U1"))
    if isinstance(value, dict):
        return _structs(name, StructArray((1, 1), tuple(value), (value,)))
    if isinstance(value, StructArray):
        return _structs(name, value)
    array = np.asarray(value)
    if array.ndim < 2:
        array = array.reshape(1, -1)
    if array.dtype == object:
        parts = b"".join(_matrix("", item) for item in array.ravel(order="F"))
        return _whole(name, CELL, array.shape, parts)
    if array.dtype.kind == "U":
        return _text(name, _letters(array))
    return _numbers(name, array)


def _numbers(name: str, array: MatArray) -> bytes:
    kept = class_of(array)
    flags = 0
    if array.dtype.kind == "b":
        array, kept = array.astype(np.uint8), "logical"
    if array.dtype.kind == "c":
        parts = [array.real.astype("f8"), array.imag.astype("f8")]
        flags = COMPLEX_FLAG
    else:
        parts = [array]
    code = parts[0].dtype.str.lstrip("<>|=")
    if code not in _CLASS_OF_DTYPE:
        raise ValueError(f"variable '{name}': MATLAB has no class for {array.dtype}")
    if kept == "logical":
        flags, kept = LOGICAL_FLAG, "uint8"
    kind = _CLASS[kept or _CLASS_OF_DTYPE[code]]
    storage = _STORAGE[np.dtype(code)]
    data = b"".join(
        _element(storage, part.astype("<" + code, copy=False).tobytes(order="F")) for part in parts
    )
    return _whole(name, kind | flags, array.shape, data)


def _letters(rows: MatArray) -> MatArray:
    """(N, width) characters of N strings, padded with blanks."""
    strings = [str(row) for row in rows.ravel()]
    width = max(map(len, strings), default=0)
    return np.array([list(text.ljust(width)) for text in strings]).reshape(len(strings), width)


def _text(name: str, letters: MatArray) -> bytes:
    flat = "".join(letters.ravel(order="F").tolist())
    # as MATLAB does it; but SciPy takes 16-bit letters beyond ASCII for something else
    kind, codec = (_MI_UINT16, "utf-16-le") if flat.isascii() else (_MI_UTF8, "utf-8")
    data = flat.encode(codec, errors="replace")
    return _whole(name, CHAR, letters.shape, _element(kind, data))


def _structs(name: str, structs: StructArray) -> bytes:
    packed = [field.encode() for field in structs.names]
    width = max([31, *map(len, packed)]) + 1
    if width > _MAX_NAME + 1:
        longest = max(structs.names, key=len)
        raise ValueError(f"field '{longest}' of '{name}' is longer than {_MAX_NAME} letters")
    parts = [
        _element(_MI_INT32, struct.pack("<i", width)),
        _element(_MI_INT8, b"".join(field.ljust(width, b"\0") for field in packed)),
    ]
    parts += [
        _matrix("", element[field]) for element in structs.elements for field in structs.names
    ]
    return _whole(name, STRUCT, structs.shape, b"".join(parts))


def _whole(name: str, word: int, shape: tuple[int, ...], data: bytes) -> bytes:
    return _head(name, word, shape, len(data)) + data


def _head(name: str, word: int, shape: tuple[int, ...], n_bytes: int) -> bytes:
    """What comes before the data of a variable, which are so many bytes."""
    head = (
        _element(_MI_UINT32, struct.pack("<II", word, 0))
        + _element(_MI_INT32, struct.pack(f"<{len(shape)}i", *shape))
        + _element(_MI_INT8, name.encode())
    )
    return struct.pack("<II", MI_MATRIX, len(head) + n_bytes) + head


def _head_of_blocks(name: str, value: MomentBlocks | Zeros) -> bytes:
    storage = _STORAGE[np.dtype(value.dtype)]
    kind = _CLASS[_CLASS_OF_DTYPE[value.dtype]]
    # data of 8 bytes a value need no padding
    tag = struct.pack("<II", storage, value.nbytes)
    return _head(name, kind, value.shape, len(tag) + value.nbytes) + tag
