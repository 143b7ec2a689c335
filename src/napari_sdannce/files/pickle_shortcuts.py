"""Steps that make one array or number of numpy, as Python 3 always writes them, taken at once.

Most of a ``com3d.pickle`` is some thirty small arrays and numbers a moment, each made by the same
twenty steps. A shortcut either does all that its steps do, or nothing: then they are taken one by
one. Its steps are compared with those of the last such array, byte by byte.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import partial
from struct import Struct
from typing import TYPE_CHECKING, Any

import numpy as np

from .pickled_arrays import (
    ArrayKind,
    PickledArray,
    PickledDType,
    PickledName,
    PickleError,
    scalar,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_GET, _PUT = rb"(h.|j.{4})", rb"(\x94|q.|r.{4})"
_SHAPE = rb"((?:K.){1,3})([\x85-\x87])"
# after its name: ndarray, (0,), b'b', call; then (1, shape, dtype, is Fortran, content), set state
_ARRAY = re.compile(
    _GET + rb"K\x00\x85" + _PUT + _GET + rb"\x87" + _PUT + b"R" + _PUT
    + rb"\(K\x01" + _SHAPE + _PUT + _GET + rb"([\x88\x89])C(.)",
    re.DOTALL,
)  # fmt: skip
_ARRAY_END = re.compile(_PUT + b"t" + _PUT + b"b", re.DOTALL)
# protocol 5: (content, dtype, shape, order), call
_BUFFER = re.compile(rb"\(\x96(.)\x00{7}", re.DOTALL)
_BUFFER_END = re.compile(_PUT + _GET + _SHAPE + _PUT + _GET + b"t" + _PUT + b"R" + _PUT, re.DOTALL)
# for a number: its dtype and content, call
_SCALAR = re.compile(_GET + rb"C(.)", re.DOTALL)
_SCALAR_END = re.compile(_PUT + rb"\x86" + _PUT + b"R" + _PUT, re.DOTALL)
_MOST_KNOWN = 8
_FLOAT, _SINGLE = Struct("<f"), np.dtype("<f4")


class _Inside:
    """Remembered in place of the tuples inside, which nothing else can refer to."""


_INSIDE = (_Inside(),)


class _Steps:
    """Steps that remember so many values, under the next numbers."""

    def __init__(self, found: re.Match[bytes], *puts: int) -> None:
        self.count = len(puts)
        self.known = {found[put] for put in puts} <= {b"\x94"}  # these count by themselves
        self.steps = found[0]
        places = [found.start(put) + 1 - found.start() for put in puts]
        starts, stops = [0, *(place + 4 for place in places)], [*places, len(found[0])]
        pieces = [found[0][start:stop] for start, stop in zip(starts, stops, strict=True)]
        self.parts: list[Any] = [part for piece in pieces for part in (piece, 0)][:-1]
        self.form = Struct("<" + "I".join(f"{len(piece)}s" for piece in pieces))

    def at(self, count: int) -> bytes:
        """Return the steps as they are when `count` values are remembered already."""
        if self.known:
            return self.steps
        self.parts[1::2] = range(count, count + self.count)
        return self.form.pack(*self.parts)


@dataclass(frozen=True, slots=True)
class _Making:
    """Steps that make a value: those before its content, so many bytes of it, those after it.

    `inside` is what is remembered before and after the value itself.
    """

    head: _Steps
    length: int
    tail: _Steps
    make: Callable[[bytes], Any]
    inside: tuple[Sequence[_Inside], Sequence[_Inside]]


class Shortcuts:
    """Takes the steps of arrays and numbers in one pickle.

    Parameters
    ----------
    content
        The pickle.
    stack
        Its values so far; the name of what makes arrays or numbers lies on top.
    memo
        Values it remembers, by number; none is ever replaced.
    """

    def __init__(self, content: bytes, stack: list[Any], memo: list[Any]) -> None:
        self.content, self.stack, self.memo = content, stack, memo
        self.known: dict[str, list[_Making]] = {name: [] for name in _SEEKERS}

    def take(self, name: str, position: int) -> int:
        """Take the steps after a name as far as they make one value; return where they end."""
        if name not in self.known:
            return position
        for making in self.known[name]:
            end = self._make(making, position)
            if end is not None:
                return end
        found = _SEEKERS[name](self.content, position, self.memo)
        # no and one byte are the same object each time, so that they may be meant again
        end = self._make(found, position) if found is not None and found.length > 1 else None
        if found is None or end is None:
            return position
        self.known[name] = [found, *self.known[name][: _MOST_KNOWN - 1]]
        return end

    def _make(self, making: _Making, position: int) -> int | None:
        content, memo = self.content, self.memo
        count = len(memo)
        head = making.head.at(count)
        if not content.startswith(head, position):
            return None
        start = position + len(head)
        end = start + making.length
        tail = making.tail.at(count + making.head.count)
        if not content.startswith(tail, end):
            return None
        value = making.make(content[start:end])
        before, after = making.inside
        self.stack[-1] = value
        memo += before
        memo.append(value)
        memo += after
        return end + len(tail)


def _recall(step: bytes, memo: list[Any]) -> Any:
    return memo[int.from_bytes(step[1:], "little")]


def _array_kind(numbers: bytes, closing: bytes, dtype: Any, order: Any) -> ArrayKind | None:
    shape = tuple(numbers[1::2])
    return ArrayKind.of(shape, dtype, order) if len(shape) == closing[0] - 0x84 else None


def _seek_array(content: bytes, position: int, memo: list[Any]) -> _Making | None:
    head = _ARRAY.match(content, position)
    tail = head and _ARRAY_END.match(content, head.end() + head[11][0])
    if head is None or tail is None:
        return None
    name = _recall(head[1], memo)
    order = "F" if head[10] == b"\x88" else "C"
    kind = _array_kind(head[6], head[7], _recall(head[9], memo), order)
    if kind is None or not isinstance(name, PickledName) or name.name != "ndarray":
        return None
    steps = _Steps(head, 2, 4, 5, 8), _Steps(tail, 1, 2)
    make = partial(PickledArray, kind)
    return _Making(steps[0], head[11][0], steps[1], make, (_INSIDE * 2, _INSIDE * 3))


def _seek_buffer(content: bytes, position: int, memo: list[Any]) -> _Making | None:
    head = _BUFFER.match(content, position)
    tail = head and _BUFFER_END.match(content, head.end() + head[1][0])
    if head is None or tail is None:
        return None
    kind = _array_kind(tail[3], tail[4], _recall(tail[2], memo), _recall(tail[6], memo))
    if kind is None:
        return None
    steps = _Steps(head), _Steps(tail, 1, 5, 7, 8)
    return _Making(steps[0], head[1][0], steps[1], partial(PickledArray, kind), (_INSIDE * 3, ()))


def _seek_scalar(content: bytes, position: int, memo: list[Any]) -> _Making | None:
    head = _SCALAR.match(content, position)
    tail = head and _SCALAR_END.match(content, head.end() + head[2][0])
    if head is None or tail is None:
        return None
    dtype = _recall(head[1], memo)
    is_single = isinstance(dtype, PickledDType) and dtype.dtype == _SINGLE
    make: Callable[[bytes], Any] = _single if is_single else partial(scalar, dtype)
    return _Making(_Steps(head), head[2][0], _Steps(tail, 1, 2, 3), make, (_INSIDE * 2, ()))


def _single(content: bytes) -> float:
    if len(content) != 4:
        raise PickleError(f"a number of four bytes has {len(content)}")
    number: float = _FLOAT.unpack(content)[0]
    return number


_SEEKERS: dict[str, Callable[[bytes, int, list[Any]], _Making | None]] = {
    "_reconstruct": _seek_array,
    "_frombuffer": _seek_buffer,
    "scalar": _seek_scalar,
}
