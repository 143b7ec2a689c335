"""A small memory of things used lately, bounded by bytes."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

Value = TypeVar("Value")


class FrameCache(Generic[Value]):
    """Keeps the values used last, up to a number of bytes; safe between threads.

    Parameters
    ----------
    limit
        Most bytes to keep. The newest value is kept even when it alone is larger.
    size_of
        Bytes of a value.
    """

    def __init__(self, limit: int, size_of: Callable[[Value], int]) -> None:
        self.limit = limit
        self._size_of = size_of
        self._values: OrderedDict[Hashable, Value] = OrderedDict()
        self._lock = threading.Lock()
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._values)

    def __contains__(self, key: Hashable) -> bool:
        return key in self._values

    @property
    def bytes(self) -> int:
        """Bytes kept now."""
        return self._bytes

    def get(self, key: Hashable) -> Value | None:
        """The value of a key, which is then the newest; None when it is not kept."""
        with self._lock:
            value = self._values.get(key)
            if value is not None:
                self._values.move_to_end(key)
            return value

    def put(self, key: Hashable, value: Value) -> None:
        """Keep a value, and drop the oldest while there is too much."""
        with self._lock:
            old = self._values.pop(key, None)
            if old is not None:
                self._bytes -= self._size_of(old)
            self._values[key] = value
            self._bytes += self._size_of(value)
            while self._bytes > self.limit and len(self._values) > 1:
                self._bytes -= self._size_of(self._values.popitem(last=False)[1])

    def clear(self) -> None:
        """Drop everything."""
        with self._lock:
            self._values.clear()
            self._bytes = 0
