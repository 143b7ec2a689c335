"""Sets of frame numbers as ranges: short to keep and to print."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


def merge_ranges(ranges: Iterable[range]) -> tuple[range, ...]:
    """Sorted, disjoint, non-touching ranges that cover the same numbers."""
    merged: list[range] = []
    for item in sorted((r for r in ranges if len(r)), key=lambda r: r.start):
        if merged and item.start <= merged[-1].stop:
            merged[-1] = range(merged[-1].start, max(merged[-1].stop, item.stop))
        else:
            merged.append(item)
    return tuple(merged)


def ranges_of(numbers: Iterable[int]) -> tuple[range, ...]:
    """The ranges that hold exactly these numbers."""
    return merge_ranges(range(n, n + 1) for n in numbers)


def shift_ranges(ranges: Iterable[range], offset: int) -> tuple[range, ...]:
    """The same ranges, moved by `offset`."""
    return tuple(range(r.start + offset, r.stop + offset) for r in ranges)


def clip_ranges(ranges: Iterable[range], start: int, stop: int | None) -> tuple[range, ...]:
    """What of the ranges lies in [start, stop); no upper end when `stop` is None."""
    clipped = (
        range(max(r.start, start), r.stop if stop is None else min(r.stop, stop)) for r in ranges
    )
    return merge_ranges(clipped)


def describe_ranges(ranges: Iterable[range], limit: int = 8) -> str:
    """Ranges as a person writes them: ``3, 97-119``; the rest counted after `limit` of them."""
    ranges = list(ranges)
    words = [str(r.start) if len(r) == 1 else f"{r.start}-{r.stop - 1}" for r in ranges[:limit]]
    if len(ranges) > limit:
        words.append(f"and {sum(map(len, ranges[limit:]))} more")
    return ", ".join(words)
