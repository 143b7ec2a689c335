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
    from pathlib import Path

    from napari_sdannce.predictions import Claims

Item = TypeVar("Item")
Given = TypeVar("Given")
Ready = TypeVar("Ready")
Chunk = TypeVar("Chunk", ComChunk, PoseChunk)
ChunkIn = TypeVar("ChunkIn", contravariant=True)


class ChunkStore(Protocol[ChunkIn]):
    """What is filled: `ComStore` or `PoseStore`."""

    @property
    def path(self) -> Path:
        """Where it lies."""

    def __len__(self) -> int:
        """Rows."""

    def missing_chunks(self) -> tuple[range, ...]:
        """Rows of each chunk that is still to be written, in order."""

    def claims(self, within: range | None = None) -> Claims:
        """Claims on chunks that are still to be written, all or those with some of these rows."""

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


@dataclass(frozen=True, eq=False)
class _Batch(Generic[Item]):
    """Some rows of a chunk, and what is known of them."""

    chunk: range
    rows: range
    items: Item

    @property
    def is_last(self) -> bool:
        """Whether its chunk ends with it."""
        return self.rows.stop == self.chunk.stop


def fill_store(
    store: ChunkStore[Chunk],
    work: Work[Given, Ready, Chunk],
    batch_size: int,
    only: range | None = None,
) -> Iterator[Progress]:
    """Predict the chunks that are still missing, beside other processes that do so.

    Ends when all are done: chunks that another process has claimed are waited for, and computed
    here should it die. No batch crosses the end of a chunk, so a chunk that is predicted again
    comes out the same.

    Parameters
    ----------
    store
        To be filled.
    work
        How.
    batch_size
        Rows at once.
    only
        Rows whose chunks are wanted; all by default.

    Yields
    ------
    Progress
        Of this process: rows that others predict meanwhile leave the total.
    """
    with store.claims(only) as claims:
        clock = Clock(work.task, total=rows_in(claims.missing()))
        while claims.wait():
            for batch in _computed(work, _claimed(claims, work, batch_size)):
                clock.advance(len(batch.rows))
                if batch.is_last:
                    store.write(batch.chunk.start, joined(batch.items))
                    claims.release(batch.chunk)
                    clock.total = clock.done + rows_in(claims.missing())
                yield clock.now()


def rows_in(chunks: Iterable[range]) -> int:
    """Rows of all chunks."""
    return sum(map(len, chunks))


def _claimed(
    claims: Claims, work: Work[Given, Ready, Chunk], batch_size: int
) -> Iterator[_Batch[list[Given]]]:
    """What is known of the batches of chunks, each claimed as reading comes to it."""
    while stretch := claims.next_stretch():
        given = iter(work.read(range(stretch[0].start, stretch[-1].stop)))
        for chunk in stretch:
            # read on through the stretch, and leave it where another process has been faster
            if chunk is not stretch[0] and not claims.claim(chunk):
                break
            for rows in batches_of(chunk, batch_size):
                yield _Batch(chunk, rows, list(islice(given, len(rows))))


def _computed(
    work: Work[Given, Ready, Chunk], batches: Iterator[_Batch[list[Given]]]
) -> Iterator[_Batch[list[Chunk]]]:
    """What the network finds: with each batch, all that was found in its chunk so far."""

    def prepare(batch: _Batch[list[Given]]) -> _Batch[Ready]:
        return _Batch(batch.chunk, batch.rows, work.prepare(batch.items))

    found: list[Chunk] = []
    with closing(prepare_ahead(prepare, batches)) as prepared:
        for batch in prepared:
            found.append(work.find(batch.items))
            yield _Batch(batch.chunk, batch.rows, found)
            if batch.is_last:
                found = []


def batches_of(chunk: range, batch_size: int) -> list[range]:
    """Rows of one chunk in batches."""
    return [chunk[start : start + batch_size] for start in range(0, len(chunk), batch_size)]


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
    begin: tuple[int, float] = field(default_factory=lambda: (0, time.monotonic()))
    """What was done, and when: from here on it counts how fast the work goes."""

    def advance(self, count: int) -> None:
        """Count rows as done; the first batch takes longer than others, and does not tell."""
        is_first = self.done == 0
        self.done += count
        if is_first:
            self.begin = self.done, time.monotonic()

    def now(self) -> Progress:
        """How far it is."""
        first, ended = self.begin
        since = time.monotonic() - ended
        left = since / (self.done - first) * (self.total - self.done) if self.done > first else None
        return Progress(task=self.task, done=self.done, total=self.total, seconds_left=left)
