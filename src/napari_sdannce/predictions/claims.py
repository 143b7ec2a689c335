"""Which process works on which chunk of a store.

A process holds a lock as long as it lives, and notes beside it what it works on. When it dies, even
of SIGKILL, the system frees the lock, and its note no longer counts. Notes are read and written
under one more lock, held for an instant.

Should the locks of a disk be unreliable, the worst is that a chunk is computed twice, which does no
harm: both processes write the same bytes.
"""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Self

from filelock import FileLock, Timeout

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

_POLL_S = 0.2
_LEDGER_POLL_S = 0.005
_LONGEST_STRETCH = 64


class Claims:
    """The chunks that one process has claimed; a context, which frees them at its end.

    Chunks are named by their moments, as `JobStore.missing_chunks` does.

    Parameters
    ----------
    folder
        Where the processes that work on this store keep their notes; made when it is not there.
    missing
        Chunks that are still to be written, in order.
    """

    def __init__(self, folder: Path, missing: Callable[[], Sequence[range]]) -> None:
        folder.mkdir(exist_ok=True)
        self._folder = folder
        self.missing = missing
        self._mine: set[int] = set()
        self._ledger = _lock(folder / "ledger.lock")
        self._note = folder / f"{secrets.token_hex(8)}.claim"
        self._alive = _lock(_lock_of(self._note))

    def __enter__(self) -> Self:
        # the note first: a note without a living lock is known to be a dead process's
        with self._ledger:
            self._note.touch()
            self._alive.acquire()
        return self

    def __exit__(self, *_: object) -> None:
        with self._ledger:
            self._others()
            self._alive.release()
            _forget(self._note)

    def next_stretch(self) -> list[range]:
        """Chunks to work on from now, one after the other; the first one is claimed.

        A stretch that another process works its way into is entered in its middle, so that both
        read on for long and seldom have to seek. No chunks: none is free at the moment.
        """
        with self._ledger:
            gaps = _gaps(self.missing(), self._others(), self._mine)
            if not gaps:
                return []
            longest = max(gaps, key=lambda gap: len(gap.chunks))
            first = len(longest.chunks) // 2 if longest.entered else 0
            stretch = longest.chunks[first:][:_LONGEST_STRETCH]
            self._write(self._mine | {stretch[0].start})
            return stretch

    def claim(self, chunk: range) -> bool:
        """Claim a chunk; False when it is done, or another living process has claimed it."""
        with self._ledger:
            free = chunk in self.missing() and chunk.start not in self._others()
            if free:
                self._write(self._mine | {chunk.start})
            return free

    def release(self, chunk: range) -> None:
        """Give a chunk free, usually because it is done."""
        with self._ledger:
            self._write(self._mine - {chunk.start})

    def wait(self) -> bool:
        """Wait while all that is missing is claimed by others; say whether a chunk is free then."""
        while True:
            # in this order: a chunk that is free no more because it is done must not count as free
            with self._ledger:
                taken = self._others()
            missing = self.missing()
            if not missing:
                return False
            if any(chunk.start not in taken for chunk in missing):
                return True
            time.sleep(_POLL_S)

    def _write(self, starts: set[int]) -> None:
        self._mine = starts
        self._note.write_text(" ".join(map(str, sorted(starts))), encoding="ascii")

    def _others(self) -> set[int]:
        """Starts of what other living processes have claimed; removes the notes of dead ones."""
        starts: set[int] = set()
        for note in self._folder.glob("*.claim"):
            if note == self._note:
                continue
            if _is_alive(note):
                # a full disk may have cut a note, or a crash garbled it
                starts.update(int(each) for each in note.read_bytes().split() if each.isdigit())
            else:
                _forget(note)
        return starts


def _lock(path: Path) -> FileLock:
    # a generator that holds it may be closed by another thread
    return FileLock(path, poll_interval=_LEDGER_POLL_S, thread_local=False)


def _lock_of(note: Path) -> Path:
    return note.with_suffix(".lock")


def _is_alive(note: Path) -> bool:
    """Whether the process that wrote a note still holds its lock."""
    try:
        with _lock(_lock_of(note)).acquire(timeout=0):
            return False
    except Timeout:
        return True


def _forget(note: Path) -> None:
    """Remove a note; its lock first, for a note without one is known to be a dead process's."""
    _lock_of(note).unlink(missing_ok=True)
    note.unlink(missing_ok=True)


@dataclass
class _Gap:
    """Free chunks in a row; `entered` when another process works on the one before them."""

    entered: bool
    chunks: list[range]


def _gaps(missing: Sequence[range], others: set[int], mine: set[int]) -> list[_Gap]:
    gaps: list[_Gap] = []
    for before, chunk in pairwise((range(-1), *missing)):
        follows = before.stop == chunk.start
        if chunk.start in others | mine:
            continue
        if follows and gaps and gaps[-1].chunks[-1] == before:
            gaps[-1].chunks.append(chunk)
        else:
            gaps.append(_Gap(follows and before.start in others, [chunk]))
    return gaps
