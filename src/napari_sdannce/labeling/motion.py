"""How keypoints move from moment to moment: beside their path, or as if exchanged."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Sequence

FloatArray = npt.NDArray[np.floating]
IntArray = npt.NDArray[np.int64]
Cell = tuple[int, int]

MOST_APART = 3
"""Moments between two predictions beyond which nothing is said of the motion between."""


def off_path(positions: FloatArray, moments: IntArray) -> FloatArray:
    """How far keypoints lie beside the straight line from the moment before to the one after.

    Half of the acceleration, at equal steps: a steady motion, however fast, stays on its path.

    Parameters
    ----------
    positions
        (T, A, K, 3) mm, NaN where not known.
    moments
        (T,) rising.

    Returns
    -------
    (T, A * K) mm, single precision; NaN at both ends, beside what is not known, and where a
    neighbour is more than `MOST_APART` moments away.

    Examples
    --------
    >>> import numpy as np
    >>> path = np.array([0.0, 1, 2, 13, 4, 5])[:, None, None, None] * [1, 0, 0]
    >>> off_path(path, np.arange(6)).ravel().tolist()
    [nan, 0.0, 5.0, 10.0, 5.0, nan]
    """
    n_moments, n_animals, n_keypoints, _ = positions.shape
    away = np.full((n_moments, n_animals * n_keypoints), np.nan, np.float32)
    if n_moments < 3:
        return away
    steps = np.diff(moments)
    before, after = steps[:-1], steps[1:]
    share = (before / (before + after))[:, None]
    apart = (before > MOST_APART) | (after > MOST_APART)
    for item, (animal, keypoint) in enumerate(np.ndindex(n_animals, n_keypoints)):
        path = positions[:, animal, keypoint]
        off = path[1:-1] - (1 - share) * path[:-2] - share * path[2:]
        away[1:-1, item] = np.where(apart, np.nan, _length(off))
    return away


def exchange_costs(
    positions: FloatArray, moments: IntArray, cells: Sequence[tuple[Cell, Cell]]
) -> tuple[FloatArray, FloatArray]:
    """How far two things moved since the moment before, as they are and were they exchanged.

    Parameters
    ----------
    positions
        (T, A, K, 3) mm, NaN where not known.
    moments
        (T,) rising.
    cells
        Keypoints (animal, keypoint) of the one thing, each with its like of the other.

    Returns
    -------
    Two (T,) mm: distance of both together, mean over the cells known at both moments. NaN where
    less than half are, and more than `MOST_APART` moments after the one before.
    """
    n_moments = len(moments)
    as_is, exchanged = np.zeros(n_moments), np.zeros(n_moments)
    count = np.zeros(n_moments)
    for one, other in cells:
        a, b = positions[:, one[0], one[1]], positions[:, other[0], other[1]]
        straight = _length(a[1:] - a[:-1]) + _length(b[1:] - b[:-1])
        crossed = _length(a[1:] - b[:-1]) + _length(b[1:] - a[:-1])
        known = np.isfinite(straight)
        count[1:] += known
        as_is[1:] += np.where(known, straight, 0)
        exchanged[1:] += np.where(known, crossed, 0)
    enough = 2 * count >= max(len(cells), 1)
    enough[1:] &= np.diff(moments) <= MOST_APART
    count = np.where(enough, count, np.nan)
    return as_is / count, exchanged / count


def _length(vectors: FloatArray) -> FloatArray:
    """Lengths (n,) of (n, 3): several times as fast as the norm of numpy."""
    return np.asarray(np.sqrt(np.einsum("ij,ij->i", vectors, vectors)))
