"""Preparing the next inputs of a network while it works on this one."""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable

Item = TypeVar("Item")
Result = TypeVar("Result")


def prepare_ahead(
    make: Callable[[Item], Result], items: Iterable[Item], ahead: int = 2
) -> Generator[Result, None, None]:
    """Yield ``make(item)`` of each item in turn, up to `ahead` of them made early by one thread."""
    futures: deque[Future[Result]] = deque()
    with ThreadPoolExecutor(1, "prepare") as pool:
        try:
            for item in items:
                futures.append(pool.submit(make, item))
                if len(futures) > ahead:
                    yield futures.popleft().result()
            while futures:
                yield futures.popleft().result()
        finally:
            for future in futures:
                future.cancel()
