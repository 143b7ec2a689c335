"""Counting exposures by time, of cameras that do not count them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from napari_sdannce.capture.frame_records import IntArray

_EARLY, _LATE = 0.3, 0.02
"""How far the beat follows a frame that comes earlier or later than it. Frames come late by chance,
but never early."""


class Beat:
    """A beat that runs along with frames.

    Parameters
    ----------
    period_ns
        Time between two exposures, to a few parts in a thousand.
    """

    def __init__(self, period_ns: float) -> None:
        self._period_ns = period_ns
        self._begin_ns: int | None = None
        self._number = 0
        self._beat = 0.0

    def number(self, time_ns: int) -> int:
        """Number of the beat that is nearest to the next frame, from 0; never falls."""
        if self._begin_ns is None:
            self._begin_ns = time_ns
        time = (time_ns - self._begin_ns) / self._period_ns
        steps = max(0, round(time - self._beat))
        self._number += steps
        self._beat += steps
        self._beat += (time - self._beat) * (_EARLY if time < self._beat else _LATE)
        return self._number


def number_by_time(times_ns: IntArray, period_ns: float) -> IntArray:
    """Number frames, the first as 0, by a beat of this period that runs along.

    A frame may come late, by more than a period even, with the next ones close behind; it then has
    the number that leaves room for those.

    Parameters
    ----------
    times_ns
        (N,) times of frames in their order.
    period_ns
        Time between two exposures, to a few parts in a thousand.

    Examples
    --------
    >>> number_by_time(np.array([0, 10, 20, 50, 78, 79, 80]) * 1_000_000, 10e6).tolist()
    [0, 1, 2, 5, 6, 7, 8]
    """
    beat = Beat(period_ns)
    numbers = np.array([beat.number(time) for time in times_ns.tolist()], dtype=np.int64)
    order = np.arange(len(numbers))
    latest = np.minimum.accumulate((numbers - order)[::-1])[::-1] + order
    return np.asarray(latest - latest[0], dtype=np.int64)
