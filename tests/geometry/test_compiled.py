"""Compiled functions: kept on disk where possible, callable from several threads."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numba
import numpy as np
import pytest

from napari_sdannce.geometry import triangulate
from napari_sdannce.geometry.compiled import compiled
from napari_sdannce.geometry.threads import over_blocks


def test_runs_where_nothing_can_be_kept(monkeypatch) -> None:
    njit = numba.njit

    def read_only(function, **options):
        if options.pop("cache", False):
            raise RuntimeError("cannot cache function: no locator available")
        return njit(function, **options)

    monkeypatch.setattr(numba, "njit", read_only)

    @compiled
    def ratio(a, b):
        return a / b

    assert ratio(1.0, 4.0) == 0.25
    assert ratio(1.0, 0.0) == np.inf


def test_blocks_cover_everything_once() -> None:
    for size, block, threads in [(10, 3, 2), (1, 4, 8), (0, 4, 2), (8, 4, 1)]:
        counts = np.zeros(size, int)

        def work(start, stop, counts=counts):
            counts[start:stop] += 1

        over_blocks(work, size, block, threads)
        assert (counts == 1).all()


def test_an_error_in_a_thread_is_not_lost() -> None:
    def work(start, stop):
        if start == 4:
            raise KeyError("block 4")

    with pytest.raises(KeyError, match="block 4"):
        over_blocks(work, 10, 2, 2)


def test_several_callers_at_once(ring, points) -> None:
    pixels = np.stack([camera.project(np.tile(points, (20, 1))) for camera in ring])
    alone = triangulate(ring, pixels).points
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda _: triangulate(ring, pixels).points, range(8)))
    for found in together:
        np.testing.assert_array_equal(found, alone)
