"""Some points of many, from all of the time and the volume, and enough for every camera."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]
IntArray = npt.NDArray[np.int64]

_CELLS = 8
_RIM = (0.2, 99.8)
"""Percent of the points beyond which they are wrong ones, or too few to see to."""
_GOLDEN = (np.sqrt(5) - 1) / 2


def choose_points(seen: BoolArray, most: int, points: FloatArray | None = None) -> IntArray:
    """Rows of at most so many points; each camera has its share, if it sees as many.

    Parameters
    ----------
    seen
        (V, N) which points each camera sees; those that none sees are not chosen.
    most
        How many to choose.
    points
        (N, 3) mm, where they are: as many are then taken where few are as where an animal rests.
        None: evenly in time.

    Returns
    -------
    Rows, rising.
    """
    n = seen.shape[1]
    # multiples of the golden ratio: the first few of any stretch lie far apart in it
    order = np.argsort(np.arange(n) * _GOLDEN % 1)
    cell = np.zeros(n, dtype=np.int64) if points is None else _cells(points)
    chosen = np.zeros(n, dtype=bool)
    for own in seen:
        rows = order[own[order]]
        chosen[rows[_first(cell[rows], most // len(seen))]] = True
    left = order[(seen.any(axis=0) & ~chosen)[order]]
    chosen[left[_first(cell[left], most - int(chosen.sum()))]] = True
    return np.flatnonzero(chosen)


def _first(cell: IntArray, most: int) -> IntArray:
    """Rows of so many of points that lie in cells (N,), the same number of each if it has them."""
    if len(cell) <= most:
        return np.arange(len(cell))
    order = np.argsort(cell, kind="stable")
    sorted_cell = cell[order]
    rank = np.empty(len(cell), dtype=np.int64)
    rank[order] = np.arange(len(cell)) - np.searchsorted(sorted_cell, sorted_cell)
    return np.argsort(rank, kind="stable")[:most]


def _cells(points: FloatArray) -> IntArray:
    """(N,) which part of the volume each of points (N, 3) lies in; far ones count to its rim."""
    if not len(points):
        return np.zeros(0, dtype=np.int64)
    low, high = np.percentile(points, _RIM, axis=0)
    edge = max(float((high - low).max()) / _CELLS, 1e-9)
    place = ((points - low) / edge).clip(0, _CELLS - 1).astype(np.int64)
    return np.asarray(np.ravel_multi_index(tuple(place.T), (_CELLS,) * 3))
