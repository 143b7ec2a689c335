"""What is usual: median and spread, which gaps and a few odd values do not move."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Callable

FloatArray = npt.NDArray[np.floating]

_MAD_TO_SIGMA = 1.4826
"""Median absolute deviation of a normal distribution to its standard deviation (Rousseeuw and Croux
1993, J. Am. Stat. Assoc. 88, 1273)."""


@dataclass(frozen=True, eq=False, slots=True)
class Usual:
    """Median and spread of values over time.

    Parameters
    ----------
    median
        (...), NaN where nothing is known.
    spread
        (...) median absolute deviation, scaled to be the standard deviation of normal values.
    count
        (...) values they rest on.
    """

    median: FloatArray
    spread: FloatArray
    count: npt.NDArray[np.int64]


def usual(values: FloatArray) -> Usual:
    """Median and spread over the first axis of (T, ...), NaN left out.

    Examples
    --------
    >>> import numpy as np
    >>> found = usual(np.array([[1.0], [2.0], [3.0], [np.nan], [900.0]]))
    >>> found.median.tolist(), found.spread.round(2).tolist(), found.count.tolist()
    ([2.5], [1.48], [4])
    """
    columns = values.reshape(len(values), -1).T if values.size else np.empty((0, 0))
    shape = values.shape[1:]
    median, spread = np.full(shape, np.nan), np.full(shape, np.nan)
    count = np.zeros(shape, dtype=np.int64)
    # one column at a time: sorting all at once would copy a whole recording several times
    for index, column in enumerate(columns):
        known = column[np.isfinite(column)]
        if not len(known):
            continue
        middle = np.median(known)
        median.flat[index], count.flat[index] = middle, len(known)
        spread.flat[index] = _MAD_TO_SIGMA * np.median(np.abs(known - middle))
    return Usual(median, spread, count)


def share_below(values: FloatArray, share: float) -> FloatArray:
    """Value (...) that this share of (T, ...) stays below, NaN left out; NaN where all are."""
    below = np.full(values.shape[1:], np.nan)
    for index, column in enumerate(values.reshape(len(values), -1).T):
        known = column[np.isfinite(column)]
        if len(known):
            below.flat[index] = np.quantile(known, share)
    return below


def by_column(shape: tuple[int, int], column: Callable[[int], FloatArray]) -> FloatArray:
    """Array (T, M) of single precision, filled a column at a time."""
    filled = np.empty(shape, np.float32)
    for index in range(shape[1]):
        filled[:, index] = column(index)
    return filled
