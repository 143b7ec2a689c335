"""Take turns, keep time, print a table: what the benchmarks share.

Ways to do the same thing are timed round after round, so that what else the machine does hits all
alike. Beside the time on the wall stands the processor time of all threads, which a busy machine
hardly changes. Tables are Markdown, to be pasted into docs/benchmarks.md.
"""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Spent:
    """Milliseconds on the wall, and of all threads of this process together."""

    wall: float
    cpu: float

    def __truediv__(self, count: float) -> Spent:
        return Spent(self.wall / count, self.cpu / count)


class Clock:
    """Runs from when it is made."""

    def __init__(self) -> None:
        self._wall, self._cpu = time.perf_counter(), time.process_time()

    def read(self) -> Spent:
        """Time since then."""
        wall, cpu = time.perf_counter(), time.process_time()
        return Spent(1e3 * (wall - self._wall), 1e3 * (cpu - self._cpu))


def timed(work: Callable[[], Result]) -> tuple[Spent, Result]:
    """Time that `work` takes, and what it returns."""
    clock = Clock()
    result = work()
    return clock.read(), result


def take_turns(ways: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, list[Spent]]:
    """Time each way once a round, after a first turn that is not counted (compiling, loading)."""
    for way in ways.values():
        way()
    spent: dict[str, list[Spent]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            spent[name].append(timed(way)[0])
    return spent


def median(spent: Iterable[Spent]) -> Spent:
    """Median of both times."""
    walls, cpus = zip(*((each.wall, each.cpu) for each in spent), strict=True)
    return Spent(statistics.median(walls), statistics.median(cpus))


def print_table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a Markdown table; numbers get three digits and stand to the right."""
    cells = [[_cell(value) for value in row] for row in rows]
    widths = [max(len(row[i]) for row in [list(head), *cells]) for i in range(len(head))]
    print(_line([text.ljust(width) for text, width in zip(head, widths, strict=True)]))
    print(_line(["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]))
    for name, *values in cells:
        right = [text.rjust(width) for text, width in zip(values, widths[1:], strict=True)]
        print(_line([name.ljust(widths[0]), *right]), flush=True)
    print()


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cell(value: object) -> str:
    if not isinstance(value, float):
        return str(value)
    digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2 if abs(value) >= 1 else 3
    return f"{value:.{digits}f}"
