"""Pickles as plain data: numbers, text, lists, dicts and numpy arrays, and nothing else.

A pickle is a program. This one is not run: an own interpreter knows only the steps that build plain
values, and hands names of functions and classes to a fixed table, which holds numpy's array, dtype
and scalar in forms that check what they are given. Python's own unpickler would crash on a few
bytes, or claim GB for them, even with such a table (docs/decisions/0003-own-unpickler.md).
"""

from __future__ import annotations

import re
import struct
from typing import TYPE_CHECKING, Any

from .pickled_arrays import (
    PickledArray,
    PickledDType,
    PickledName,
    PickleError,
    encode,
    from_buffer,
    named,
    new_array,
    new_dtype,
    scalar,
)

if TYPE_CHECKING:
    from collections.abc import Callable


_GET, _MEMOIZE, _NUMBER, _STOP = ord("h"), 0x94, ord("K"), ord(".")
_KEYS = frozenset({str, int, float, bool, bytes, type(None)})
"""Types of the keys of a dict: computing the hash of deeply nested tuples crashes Python."""
_ESCAPED = re.compile(r"""(?:[^\\]|\\(?:[\\'"abfnrtv]|x[0-9a-fA-F]{2}|[0-3][0-7]{2}))*""")
_MOST_MADE = 4
"""Bytes that calls may make in all, for each byte of the pickle."""


def load_plain_pickle(content: bytes) -> Any:
    """Return the value of a pickle (protocol 0 to 5) of plain data.

    Arrays are `PickledArray`, numbers and texts of numpy plain ones.

    Raises
    ------
    PickleError
        When the bytes are no such pickle.
    """
    try:
        return _Machine(content).run()
    except PickleError:
        raise
    except (IndexError, struct.error) as error:
        raise PickleError("it ends early or contradicts itself") from error
    except (TypeError, ValueError, KeyError, AttributeError, OverflowError) as error:
        raise PickleError(f"it is damaged ({error!r})"[:200]) from error


class _Machine:
    """The steps of a pickle that build plain values."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.position = 0
        self.stack: list[Any] = []
        # places in the stack where the items of a list, tuple or dict begin
        self.marks: list[int] = []
        # values that occur again, by number
        self.memo: list[Any] = []
        self.made = 0

    def run(self) -> Any:
        """Take step by step; the most frequent ones here, the others from the table."""
        content, stack, memo, steps = self.content, self.stack, self.memo, _STEPS
        position = 0
        while True:
            code = content[position]
            position += 1
            if code == _MEMOIZE:
                memo.append(stack[-1])
            elif code == _GET:
                stack.append(memo[content[position]])
                position += 1
            elif code == _NUMBER:
                stack.append(content[position])
                position += 1
            elif code == _STOP:
                return stack[-1]
            elif code in steps:
                self.position = position
                steps[code](self)
                position = self.position
            else:
                raise PickleError(f"it does more than hold data (step {bytes([code])!r})")

    def take(self, count: int) -> bytes:
        data = self.content[self.position : self.position + count]
        if count < 0 or len(data) != count:
            raise PickleError("it ends early")
        self.position += count
        return data

    def byte(self) -> int:
        self.position += 1
        return self.content[self.position - 1]

    def number(self, form: str) -> Any:
        return struct.unpack("<" + form, self.take(struct.calcsize(form)))[0]

    def line(self) -> str:
        end = self.content.index(b"\n", self.position)
        data = self.take(end - self.position)
        self.position += 1
        return data.decode("latin-1")

    def mark(self) -> None:
        self.marks.append(len(self.stack))

    def pop_to_mark(self) -> list[Any]:
        """Items above the last mark, which goes too."""
        place = self.marks.pop()
        items = self.stack[place:]
        del self.stack[place:]
        return items

    def skip(self, count: int) -> None:
        self.position += count

    def push(self, value: Any) -> None:
        self.stack.append(value)

    def pop_tuple(self, count: int) -> None:
        if len(self.stack) < count:
            raise PickleError("it is damaged (too few values)")
        items = tuple(self.stack[-count:])
        del self.stack[-count:]
        self.push(items)

    def put(self, place: int) -> None:
        if place == 1 and not self.memo:
            self.memo.append(None)  # Python 2 counts from 1
        if place != len(self.memo):
            raise PickleError(f"it is damaged (it remembers a value as number {place})")
        self.memo.append(self.stack[-1])

    def get(self, place: int) -> None:
        if not 0 <= place < len(self.memo):
            raise PickleError(f"it is damaged (it recalls a value number {place})")
        self.push(self.memo[place])

    def append(self, items: list[Any]) -> None:
        target = self.stack[-1]
        if not isinstance(target, list):
            raise PickleError("it is damaged (items without a list)")
        target.extend(items)

    def set_items(self, items: list[Any]) -> None:
        target = self.stack[-1]
        keys = items[::2]
        if not isinstance(target, dict) or len(items) % 2:
            raise PickleError("it is damaged (items without a dict)")
        if not _KEYS.issuperset(map(type, keys)):
            raise PickleError("it has a dict whose keys are neither text nor numbers")
        target.update(zip(keys, items[1::2], strict=True))

    def push_dict(self, items: list[Any]) -> None:
        self.push({})
        self.set_items(items)

    def push_name(self, module: Any, name: Any) -> None:
        self.push(named(module, name))

    def reduce(self) -> None:
        arguments = self.stack.pop()
        name = self.stack.pop()
        if not isinstance(name, PickledName) or not isinstance(arguments, tuple):
            raise PickleError("it calls something that is no plain data")
        value = _CALLS[name.name](*arguments)
        self.count(value)
        self.push(value)

    def count(self, made: Any) -> None:
        """Keep it from making large values out of one again and again."""
        if isinstance(made, bytes | str):
            self.made += len(made)
            if self.made > _MOST_MADE * len(self.content):
                raise PickleError("it makes more bytes than it holds")

    def build(self) -> None:
        state = self.stack.pop()
        target = self.stack[-1]
        if not isinstance(target, PickledArray | PickledDType):
            raise PickleError("it sets the state of something that is no plain data")
        target.set_state(state)
        self.count(state[-1])


_CALLS: dict[str, Callable[..., Any]] = {
    "_reconstruct": new_array,
    "_frombuffer": from_buffer,
    "scalar": scalar,
    "dtype": new_dtype,
    "encode": encode,
    "dict": lambda: {},
    "bytes": lambda: b"",
}


def _integer(text: str) -> Any:
    return text == "01" if text in ("00", "01") else int(text)


def _quoted(text: str) -> str:
    if len(text) < 2 or text[0] not in "'\"" or text[-1] != text[0] or not _ESCAPED.fullmatch(text):
        raise PickleError("it is damaged (text without quotes)")
    return text[1:-1].encode("latin-1").decode("unicode_escape")


_STEPS: dict[int, Callable[[_Machine], None]] = {
    # what starts and ends things
    0x80: lambda m: m.skip(1),  # PROTO
    0x95: lambda m: m.skip(8),  # FRAME
    ord("("): lambda m: m.mark(),
    # numbers, text, bytes
    ord("N"): lambda m: m.push(None),
    0x88: lambda m: m.push(True),
    0x89: lambda m: m.push(False),
    ord("I"): lambda m: m.push(_integer(m.line())),
    ord("L"): lambda m: m.push(int(m.line().rstrip("L"))),
    ord("F"): lambda m: m.push(float(m.line())),
    ord("J"): lambda m: m.push(m.number("i")),
    ord("M"): lambda m: m.push(m.number("H")),
    ord("G"): lambda m: m.push(struct.unpack(">d", m.take(8))[0]),
    0x8A: lambda m: m.push(int.from_bytes(m.take(m.byte()), "little", signed=True)),
    ord("S"): lambda m: m.push(_quoted(m.line())),
    ord("V"): lambda m: m.push(m.line().encode("latin-1").decode("raw_unicode_escape")),
    ord("T"): lambda m: m.push(m.take(m.number("i")).decode("latin-1")),
    ord("U"): lambda m: m.push(m.take(m.byte()).decode("latin-1")),
    0x8C: lambda m: m.push(m.take(m.byte()).decode("utf-8")),
    ord("X"): lambda m: m.push(m.take(m.number("I")).decode("utf-8")),
    0x8D: lambda m: m.push(m.take(m.number("Q")).decode("utf-8")),
    ord("B"): lambda m: m.push(m.take(m.number("I"))),
    ord("C"): lambda m: m.push(m.take(m.byte())),
    0x8E: lambda m: m.push(m.take(m.number("Q"))),
    0x96: lambda m: m.push(m.take(m.number("Q"))),
    # tuples, lists, dicts
    ord(")"): lambda m: m.push(()),
    0x85: lambda m: m.pop_tuple(1),
    0x86: lambda m: m.pop_tuple(2),
    0x87: lambda m: m.pop_tuple(3),
    ord("t"): lambda m: m.push(tuple(m.pop_to_mark())),
    ord("]"): lambda m: m.push([]),
    ord("l"): lambda m: m.push(m.pop_to_mark()),
    ord("a"): lambda m: m.append([m.stack.pop()]),
    ord("e"): lambda m: m.append(m.pop_to_mark()),
    ord("}"): lambda m: m.push({}),
    ord("d"): lambda m: m.push_dict(m.pop_to_mark()),
    ord("s"): lambda m: m.set_items([m.stack.pop(-2), m.stack.pop()]),
    ord("u"): lambda m: m.set_items(m.pop_to_mark()),
    # values that occur again
    ord("p"): lambda m: m.put(int(m.line())),
    ord("q"): lambda m: m.put(m.byte()),
    ord("r"): lambda m: m.put(m.number("I")),
    ord("g"): lambda m: m.get(int(m.line())),
    ord("j"): lambda m: m.get(m.number("I")),
    # numpy's arrays, dtypes, scalars
    ord("c"): lambda m: m.push_name(m.line(), m.line()),
    0x93: lambda m: m.push_name(m.stack.pop(-2), m.stack.pop()),
    ord("R"): lambda m: m.reduce(),
    ord("b"): lambda m: m.build(),
}
