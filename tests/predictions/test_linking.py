"""Animals of a store linked over time, and the table of where that is doubtful."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import numpy as np
import pytest

from napari_sdannce.files.com_mat import read_com
from napari_sdannce.files.errors import FileFormatError
from napari_sdannce.predictions import ComChunk, ComStore, Job, read_com_trace
from napari_sdannce.predictions.com_review import read_review, write_review
from napari_sdannce.predictions.identities import PossibleSwap

if TYPE_CHECKING:
    from pathlib import Path

JOB = Job(animals=("one", "two"), cameras=("A", "B"), settings={"channels": "shared"})
N = 50


def paths() -> np.ndarray:
    """Two animals that walk side by side, 200 mm apart: (T, 2, 3) mm."""
    t = np.arange(N)[:, None, None]
    return t * np.array([3.0, 1, 0]) + np.array([[0.0, 0, 30], [0, 200, 30]])


def store_of(folder: Path, *, skip: int | None = None) -> tuple[ComStore, np.ndarray]:
    """A store whose columns mean nothing, and the order in which they are `paths`."""
    rng = np.random.default_rng(0)
    shuffle = rng.permuted(np.tile([0, 1], (N, 1)), axis=1)
    shuffle[0] = [0, 1]
    mixed = np.take_along_axis(paths(), shuffle[..., None], axis=1)
    store = ComStore.create(folder, np.arange(N) * 10 + 1, JOB, chunk=8)
    for moments in store.missing_chunks():
        if moments.start == skip:
            continue
        rows, size = slice(moments.start, moments.stop), len(moments)
        store.write(
            moments.start,
            ComChunk(
                positions=mixed[rows],
                confidence=0.1 + 0.8 * shuffle[rows],
                peaks=np.zeros((size, 2, 2, 2)),
                peak_confidence=np.ones((size, 2, 2)),
            ),
        )
    return store, shuffle


def files_of(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_the_trace_is_linked_when_all_is_done(tmp_path: Path) -> None:
    store, shuffle = store_of(tmp_path / "com")
    raw = store.trace()
    np.testing.assert_array_equal(store.order(), np.tile([0, 1], (N, 1)))
    linked = store.link()
    assert linked.swaps == ()
    np.testing.assert_array_equal(store.order(), shuffle)  # two animals: their order is its inverse
    for place in (store, ComStore.open(tmp_path / "com")):
        trace = place.trace()
        np.testing.assert_allclose(trace.positions, paths())
        np.testing.assert_allclose(trace.confidence, np.tile([0.1, 0.9], (N, 1)), atol=1e-6)
        part = place.trace(range(5, 20))
        np.testing.assert_array_equal(part.positions, trace.positions[5:20])
    np.testing.assert_array_equal(store.read().positions, raw.positions)
    store.write_mat(tmp_path)
    np.testing.assert_allclose(read_com(tmp_path / "com3d.mat").positions, paths())
    second = read_com(tmp_path / "instance1com3d.mat").positions[:, 0]
    np.testing.assert_allclose(second, paths()[:, 1])
    np.testing.assert_allclose(read_com_trace(tmp_path / "com").positions, paths())


def test_linking_again_changes_nothing(tmp_path: Path) -> None:
    store, _ = store_of(tmp_path / "com")
    first = store.link()
    before = files_of(tmp_path / "com")
    again = store.link()
    np.testing.assert_array_equal(first.order, again.order)
    assert files_of(tmp_path / "com") == before
    # as if the process had died before the order was there
    shutil.rmtree(tmp_path / "com" / "order")
    store.link()
    assert files_of(tmp_path / "com") == before


def test_nothing_is_linked_before_all_is_done(tmp_path: Path) -> None:
    store, _ = store_of(tmp_path / "com", skip=16)
    with pytest.raises(ValueError, match="linked when all chunks are done; that from moment 16"):
        store.link()
    assert not (tmp_path / "com" / "order").exists()


def test_a_damaged_order_is_told(tmp_path: Path) -> None:
    store, _ = store_of(tmp_path / "com")
    store.link()
    head = tmp_path / "com/order/zarr.json"
    whole = head.read_bytes()
    head.write_bytes(b"{}")
    with pytest.raises(FileFormatError, match="array 'order' is damaged"):
        store.trace()
    head.write_bytes(whole)
    for chunk in (tmp_path / "com/order/c").rglob("*"):
        if chunk.is_file():
            chunk.unlink()  # zeros: the first animal twice
    with pytest.raises(FileFormatError, match="does not name each animal once"):
        store.trace()


def test_the_table_of_possible_swaps(tmp_path: Path) -> None:
    swaps = (
        PossibleSwap(1, 41, ("one", "two, or so"), -0.25),
        PossibleSwap(91, 101, ("a", "b"), 3),
    )
    path = write_review(tmp_path, swaps)
    assert path.name == "com_review.csv"
    assert path.read_text(encoding="utf-8").splitlines()[1] == '1,41,one,"two, or so",-0.25'
    assert read_review(path) == swaps
    assert read_review(write_review(tmp_path, ())) == ()
    for text in ("", "a,b\n", "first_sample,last_sample,animal,other_animal,margin\n1,x,a,b,0\n"):
        path.write_text(text)
        with pytest.raises(FileFormatError, match="expected a table of possible swaps"):
            read_review(path)
    with pytest.raises(FileNotFoundError):
        read_review(tmp_path / "none.csv")
