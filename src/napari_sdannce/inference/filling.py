"""Filling a prediction store: batches through a network, the next one prepared meanwhile."""

from __future__ import annotations

import time
from contextlib import closing
from dataclasses import dataclass, field, fields
from itertools import islice
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

import numpy as np

from napari_sdannce.models.prepare_ahead import prepare_ahead
from napari_sdannce.predictions import ComChunk, PoseChunk
from napari_sdannce.settings.events import Progress

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

Item = TypeVar("Item")
Given = TypeVar("Given")
Ready = TypeVar("Ready")
Chunk = TypeVar("Chunk", ComChunk, PoseChunk)
ChunkIn = TypeVar("ChunkIn", contravariant=True)


class ChunkStore(Protocol[ChunkIn]):
    """What is filled: `ComStore` or `PoseStore`."""

    def missing_chunks(self) -> tuple[range, ...]:
        """Rows of each chunk that is still to be written, in order."""

    def write(self, start: int, chunk: ChunkIn, /) -> None:
        """Write the whole chunk that begins at row `start`."""


@dataclass(frozen=True, eq=False)
class Work(Generic[Given, Ready, Chunk]):
    """How rows of a store are predicted.

    Parameters
    ----------
    task
        What it is, for the person who waits.
    read
        What is known of these rows, one after the other: their frames.
    prepare
        The network's inputs of some rows; works in a thread of its own.
    find
        What the network finds in them.
    """

    task: str
    read: Callable[[Sequence[int]], Iterator[Given]]
    prepare: Callable[[Sequence[Given]], Ready]
    find: Callable[[Ready], Chunk]


def fill_store(
    store: ChunkStore[Chunk], work: Work[Given, Ready, Chunk], batch_size: int
) -> Iterator[Progress]:
    """Predict the chunks that are still missing.

    No batch crosses the end of a chunk, so a chunk that is predicted again comes out the same.
    """
    chunks = store.missing_chunks()
    clock = Clock(work.task, total=sum(map(len, chunks)))
    plan = [batches_of(chunk, batch_size) for chunk in chunks]
    given = work.read([row for chunk in chunks for row in chunk])
    sizes = (len(batch) for batches in plan for batch in batches)
    with closing(prepare_ahead(work.prepare, groups(given, sizes))) as prepared:
        for chunk, batches in zip(chunks, plan, strict=True):
            found = []
            for batch in batches:
                found.append(work.find(next(prepared)))
                yield clock.advance(len(batch))
            store.write(chunk.start, joined(found))


def batches_of(chunk: range, batch_size: int) -> list[range]:
    """Rows of one chunk in batches."""
    return [chunk[start : start + batch_size] for start in range(0, len(chunk), batch_size)]


def groups(items: Iterable[Item], sizes: Iterable[int]) -> Iterator[list[Item]]:
    """Cut a stream into lists of the given lengths."""
    stream = iter(items)
    for size in sizes:
        yield list(islice(stream, size))


def joined(parts: Sequence[Chunk]) -> Chunk:
    """Chunks one after the other as one."""
    first = parts[0]
    names = [each.name for each in fields(first) if getattr(first, each.name) is not None]
    return type(first)(
        **{name: np.concatenate([getattr(part, name) for part in parts]) for name in names}
    )


@dataclass
class Clock:
    """Tells how far a job is and how long it still takes."""

    task: str
    total: int
    done: int = 0
    started: float = field(default_factory=time.monotonic)

    def advance(self, count: int) -> Progress:
        """Count moments as done."""
        self.done += count
        elapsed = time.monotonic() - self.started
        left = elapsed / self.done * (self.total - self.done) if self.done else None
        return Progress(task=self.task, done=self.done, total=self.total, seconds_left=left)
