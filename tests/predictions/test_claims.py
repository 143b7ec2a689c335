from __future__ import annotations

import threading
from multiprocessing import get_all_start_methods, get_context
from typing import TYPE_CHECKING

import pytest

from napari_sdannce.predictions import Claims

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

# What another process does: claim a stretch, say so, and live until it is killed.
HOLDER = """
from napari_sdannce.predictions import Claims

chunks = [range(i, i + 10) for i in range(0, n, 10)]
with Claims(folder, lambda: chunks) as claims:
    said.send(claims.next_stretch()[0])
    said.recv()
"""


class Chunks:
    """Ten rows each; those that are not done yet."""

    def __init__(self, n: int) -> None:
        self.missing = [range(i, i + 10) for i in range(0, 10 * n, 10)]

    def __call__(self) -> list[range]:
        return list(self.missing)

    def done(self, start: int) -> None:
        self.missing = [chunk for chunk in self.missing if chunk.start != start]


@pytest.fixture
def claims(tmp_path: Path) -> Callable[[Chunks], Claims]:
    """Claims that each stand for a process of its own: locks tell files apart, not processes."""
    return lambda chunks: Claims(tmp_path / "claims", chunks)


def starts(stretch: list[range]) -> list[int]:
    return [chunk.start // 10 for chunk in stretch]


def test_one_process_goes_through_all_in_order(claims) -> None:
    chunks = Chunks(4)
    with claims(chunks) as one:
        stretch = one.next_stretch()
        assert starts(stretch) == [0, 1, 2, 3]
        assert all(one.claim(chunk) for chunk in stretch[1:])
        assert one.next_stretch() == []
        for chunk in stretch:
            chunks.done(chunk.start)
            one.release(chunk)
        assert not one.wait()


def test_stretches_leave_long_ways_to_read_on(claims) -> None:
    chunks = Chunks(16)
    with claims(chunks) as a, claims(chunks) as b, claims(chunks) as c:
        assert starts(a.next_stretch()) == list(range(16))
        assert starts(b.next_stretch())[:2] == [8, 9]
        third = starts(c.next_stretch())
        assert third[0] in (4, 12)
        # nobody works towards a part whose beginning is done
        chunks.done(0)
        a.release(range(0, 10))
        assert starts(a.next_stretch())[0] in (1, 12)


def test_nobody_gets_what_another_holds(claims) -> None:
    chunks = Chunks(3)
    with claims(chunks) as a, claims(chunks) as b:
        a.next_stretch()
        assert not b.claim(range(0, 10))
        assert b.claim(range(10, 20))
        assert not a.claim(range(10, 20))
        b.release(range(10, 20))
        assert a.claim(range(10, 20))
        chunks.done(20)
        assert not b.claim(range(20, 30))


def test_who_leaves_gives_free(claims) -> None:
    chunks = Chunks(1)
    with claims(chunks) as a:
        with claims(chunks) as b:
            b.next_stretch()
            assert a.next_stretch() == []
        assert starts(a.next_stretch()) == [0]


def test_waiting_ends_when_others_are_done(claims) -> None:
    chunks = Chunks(1)
    with claims(chunks) as a, claims(chunks) as b:
        held = b.next_stretch()
        free: list[bool] = []
        waiter = threading.Thread(target=lambda: free.append(a.wait()))
        waiter.start()
        chunks.done(0)
        b.release(held[0])
        waiter.join()
    assert free == [False]


def test_a_killed_process_holds_nothing(tmp_path: Path, claims) -> None:
    method = "forkserver" if "forkserver" in get_all_start_methods() else "spawn"
    context = get_context(method)
    ours, theirs = context.Pipe()
    (tmp_path / "claims").mkdir()
    names = {"folder": tmp_path / "claims", "said": theirs, "n": 20}
    holder = context.Process(target=exec, args=(HOLDER, names))
    holder.start()
    with ours, theirs, claims(Chunks(2)) as one:
        assert ours.recv() == range(0, 10)
        assert starts(one.next_stretch()) == [1]
        assert not one.claim(range(0, 10))
        holder.kill()
        assert one.wait()
        holder.join()
        assert one.claim(range(0, 10))
    left = sorted(path.name for path in (tmp_path / "claims").iterdir())
    assert left == ["ledger.lock"]


def test_a_note_without_a_process_is_removed(tmp_path: Path, claims) -> None:
    folder = tmp_path / "claims"
    folder.mkdir()
    (folder / "0123.claim").write_text("0 10")  # its lock was removed, and then it was killed
    (folder / "4567.claim").write_text("1")
    (folder / "4567.lock").touch()
    with claims(Chunks(2)) as one:
        assert starts(one.next_stretch()) == [0, 1]
    assert [path.name for path in folder.iterdir()] == ["ledger.lock"]


def test_damaged_notes_of_living_processes_claim_what_can_be_read(claims, tmp_path: Path) -> None:
    chunks = Chunks(4)
    with claims(chunks) as one, claims(chunks) as other:
        (note,) = [each for each in (tmp_path / "claims").glob("*.claim") if each != other._note]
        one.next_stretch()
        note.write_bytes(b"10 \xff\x00 2x 1.5 -20")
        assert not other.claim(range(10, 20))
        assert other.claim(range(20, 30))
