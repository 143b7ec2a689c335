"""Memory does not grow with the length of a recording."""

from __future__ import annotations

import tracemalloc
from typing import TYPE_CHECKING

import numpy as np

from napari_sdannce.inference.filling import Work, fill_store
from napari_sdannce.predictions import Job, PoseChunk, PoseStore

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

JOB = Job(animals=("one",), keypoints=("nose", "tail"))
CHUNK = 5000


def fake_poses(rows: Sequence[int]) -> PoseChunk:
    """What a network would say: the number of the row."""
    at = np.asarray(rows, dtype=np.float64)
    positions = np.broadcast_to(at[:, None, None, None], (len(at), 1, 2, 3))
    return PoseChunk(positions, np.ones((len(at), 1, 2)), np.zeros((len(at), 1, 3)))


def read(rows: Sequence[int]) -> Iterator[int]:
    yield from rows


def peak_of(path: Path, n: int) -> int:
    """Most bytes taken to make, fill and open a store of n moments."""
    ids = np.arange(n)
    tracemalloc.start()
    store = PoseStore.open_or_create(path, ids, JOB, chunk=CHUNK)
    for _ in fill_store(store, Work("fake", read, list, fake_poses), 1000):
        pass
    again = PoseStore.open_or_create(path, ids, JOB)
    assert again.missing_chunks() == ()
    for start in (0, n // 2, n - 100):
        rows = range(start, start + 100)
        np.testing.assert_array_equal(again.read(rows).positions[:, 0, 1, 2], rows)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak


def test_a_million_moments_take_no_more_memory(tmp_path: Path) -> None:
    peak_of(tmp_path / "warm", 10 * CHUNK)
    short, long = (peak_of(tmp_path / str(n), n) for n in (100_000, 1_000_000))
    assert long - short < 3_000_000
    assert long < 20_000_000
