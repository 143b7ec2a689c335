"""Memory does not grow with the length of a recording.

Run as a program, it tells the most bytes that stores of so many moments take: in the process of
the tests, threads that others left and the interpreter's table of names would count, too.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tracemalloc
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import scipy.io

from napari_sdannce.inference.filling import Work, fill_store
from napari_sdannce.predictions import ComStore, Job, PoseChunk, PoseStore
from napari_sdannce.predictions.com_store import ComChunk

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

POSES = Job(animals=("one",), keypoints=("nose", "tail"))
CENTRES = Job(animals=("one", "two"), cameras=("A",))
CHUNK = 5000


def fake_poses(rows: Sequence[int]) -> PoseChunk:
    """What a network would say: the number of the row."""
    at = np.asarray(rows, dtype=np.float64)
    positions = np.broadcast_to(at[:, None, None, None], (len(at), 1, 2, 3))
    return PoseChunk(positions, np.ones((len(at), 1, 2)), np.zeros((len(at), 1, 3)))


def fake_centres(rows: Sequence[int]) -> ComChunk:
    n = len(rows)
    at = np.asarray(rows)[:, None, None] + np.array([0, 0.5])[:, None]
    positions, seen = np.broadcast_to(at, (n, 2, 3)), np.ones((n, 1, 2))
    return ComChunk(positions, seen[:, 0], np.zeros((n, 1, 2, 2)), seen)


def read(rows: Sequence[int]) -> Iterator[int]:
    yield from rows


def poses(path: Path, n: int) -> None:
    """Make, fill and open a store of n moments, and write its twins."""
    ids = np.arange(n)
    store = PoseStore.open_or_create(path, ids, POSES, chunk=CHUNK)
    for _ in fill_store(store, Work("fake", read, list, fake_poses), 1000):
        pass
    again = PoseStore.open_or_create(path, ids, POSES)
    assert again.missing_chunks() == ()
    for start in (0, n // 2, n - 100):
        rows = range(start, start + 100)
        np.testing.assert_array_equal(again.read(rows).positions[:, 0, 1, 2], rows)
    again.write_mat(path.parent)


def centres(path: Path, n: int) -> None:
    """The same with centres of mass."""
    ids = np.arange(n)
    store = ComStore.create(path, ids, CENTRES, chunk=CHUNK)
    for moments in store.missing_chunks():
        store.write(moments.start, fake_centres(moments))
    store.write_mat(path.parent)


FILL: dict[str, Callable[[Path, int], None]] = {"poses": poses, "centres": centres}
FEW = 50_000
MANY = {"poses": 350_000, "centres": 100_000}
BYTES = 9
"""Of a moment in memory: the number that names it, and nothing else."""


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, list[int]]]:
    """The folder of all stores, and the most bytes that few and many moments took."""
    folder = tmp_path_factory.mktemp("stores")
    command = [sys.executable, __file__, str(folder)]
    told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return folder, json.loads(told)


def test_many_poses_take_no_more_memory(measured: tuple[Path, dict[str, list[int]]]) -> None:
    folder, n = measured[0], MANY["poses"]
    short, long = measured[1]["poses"]
    assert long - short < (n - FEW) * BYTES
    assert long < 20_000_000
    twin = scipy.io.loadmat(folder / f"poses{n}" / "save_data_AVG0.mat")
    assert twin["pred"].shape == (n, 1, 3, 2)
    np.testing.assert_array_equal(twin["pred"][:, 0, 1, 1], np.arange(n))


def test_centres_take_no_more_memory(measured: tuple[Path, dict[str, list[int]]]) -> None:
    folder, n = measured[0] / f"centres{MANY['centres']}", MANY["centres"]
    short, long = measured[1]["centres"]
    assert long - short < (n - FEW) * BYTES
    both = scipy.io.loadmat(folder / "com3d.mat")["com"]
    assert both.shape == (n, 3, 2)
    np.testing.assert_array_equal(both[:, 1, 0], np.arange(n))
    second = scipy.io.loadmat(folder / "instance1com3d.mat")["com"]
    np.testing.assert_array_equal(second, both[:, :, 1])


def peak_of(kind: str, folder: Path, n: int) -> int:
    tracemalloc.start()
    FILL[kind](folder / f"{kind}{n}" / "store", n)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


if __name__ == "__main__":
    # the interpreter's table of names doubles now, and not in one of the measurements
    names = [sys.intern(f"name {i}") for i in range(200_000)]
    # the first store takes what is kept for all of them
    FILL["poses"](Path(sys.argv[1]) / "first" / "store", CHUNK)
    peaks = {
        kind: [peak_of(kind, Path(sys.argv[1]), n) for n in (FEW, MANY[kind])] for kind in FILL
    }
    sys.stdout.write(json.dumps(peaks))
