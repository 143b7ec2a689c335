"""Who is who over time: animals linked by their motion, and where they may have been mixed up."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from scipy.optimize import linear_sum_assignment

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .com import ComTrace

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

NEAR_MM = 40.0
"""COMs of animals nearer than this belong to bodies that lie over one another."""

# how quickly an alpha-beta filter follows place and velocity; where motion is too sudden to be
# foreseen, as at a few moments a second, the place alone
_SMOOTH, _SUDDEN = (0.5, 0.12), (0.9, 0.0)
_MEMORY = 4  # moments over which a velocity is measured that is worth using
_WORTHWHILE = 1.1  # a filtered velocity is better than one of two places
_COASTING = 5.0  # moments for which an animal that is lost is thought to keep its velocity
_SMALLEST_STEP_MM = 1.0
_OUTLIER = 4.0  # of its spread: this far off, a place is not that of the animal
_SAMPLES = 20_000
_UNSURE = 4.0  # nats: the other way round would be 55 times less likely
_JOINED = 5  # moments between stretches that count as one


@dataclass(frozen=True, slots=True)
class PossibleSwap:
    """A stretch of time in which two animals may have been taken for one another.

    Parameters
    ----------
    first, last
        Sample ids: the last moment before at which both were certain, and where it ends.
    animals
        Their names.
    margin
        How much likelier the identities are as they stand than swapped: the smallest logarithm of
        the ratio (nats) in the stretch. Below 0, swapped ones would be likelier.
    """

    first: int
    last: int
    animals: tuple[str, str]
    margin: float


@dataclass(frozen=True, eq=False)
class Linked:
    """Identities over time.

    Parameters
    ----------
    order
        (T, A) which column of the trace is which animal at each moment.
    swaps
        Where they may be wrong, in order of time.
    """

    order: IntArray
    swaps: tuple[PossibleSwap, ...]


def link_identities(trace: ComTrace, *, near_mm: float = NEAR_MM) -> Linked:
    """Follow animals whose order in the trace means nothing.

    Each animal is expected where its velocity takes it; how far off it may be grows with the time
    since it was seen. Places go to animals so that all together is likeliest (Student's t of the
    distance: one place that is far off everything does not move the others).

    Parameters
    ----------
    trace
        Moments in any order; its sample ids tell how much time lies between.
    near_mm
        Animals nearer than this may always be swapped.
    """
    return _follow(trace, near_mm, relink=True)


def possible_swaps(trace: ComTrace, *, near_mm: float = NEAR_MM) -> tuple[PossibleSwap, ...]:
    """Where identities that the trace claims are doubtful: contact, or jumps that a swap explains.

    Parameters
    ----------
    trace
        One column an animal.
    near_mm
        Animals nearer than this may always be swapped.
    """
    return _follow(trace, near_mm, relink=False).swaps


def in_order(trace: ComTrace, order: IntArray) -> ComTrace:
    """Return the trace with the columns of each moment in this order (T, A)."""
    return replace(
        trace,
        positions=np.take_along_axis(trace.positions, order[..., None], axis=1),
        confidence=np.take_along_axis(trace.confidence, order, axis=1),
        interpolated=np.take_along_axis(trace.interpolated, order, axis=1),
    )


def _follow(trace: ComTrace, near_mm: float, *, relink: bool) -> Linked:
    rows = np.argsort(trace.sample_ids, kind="stable")
    ids, order = trace.sample_ids[rows], np.tile(np.arange(trace.n_animals), (len(trace), 1))
    if len(trace) < 2 or trace.n_animals < 2:
        return Linked(order, ())
    places = trace.positions[rows]
    steps = np.diff(ids)
    times = np.concatenate([[0.0], np.cumsum(steps / np.median(steps))])
    tracks = _Tracks.of(places, times)
    review = _Review(ids, trace.animals)
    for moment, (time, found) in enumerate(zip(times, places, strict=True)):
        costs = tracks.costs(time, found)
        taken = linear_sum_assignment(costs)[1] if relink else order[rows[moment]]
        order[rows[moment]] = taken
        for pair, margin in _doubts(costs[:, taken], found[taken], near_mm):
            if not tracks.known[list(pair)].any():
                continue  # nothing was claimed of them before
            review.add(pair, margin, tracks.certain_until(pair), moment)
        tracks.see(moment, time, found[taken])
    return Linked(order, review.stretches())


def _doubts(
    costs: FloatArray, places: FloatArray, near_mm: float
) -> Iterator[tuple[tuple[int, int], float]]:
    """Pairs that may be swapped, and the margin; costs (A, A) and places (A, 3) as assigned."""
    known: npt.NDArray[np.bool_] = np.asarray(np.isfinite(places).all(axis=-1))
    for a, b in combinations(range(len(places)), 2):
        if not (known[a] or known[b]):
            continue
        margin = float(costs[a, b] + costs[b, a] - costs[a, a] - costs[b, b])
        near = known[a] and known[b] and np.linalg.norm(places[a] - places[b]) < near_mm
        if near or margin < _UNSURE:
            yield (a, b), margin


@dataclass(eq=False)
class _Tracks:
    """Where animals are thought to be.

    Parameters
    ----------
    step_mm
        How far off the expected place an animal usually is, after one moment.
    roam_mm
        How far it usually goes in one moment.
    gains
        How quickly place and velocity follow what is seen.
    place, velocity
        (A, 3) mm and mm a moment; NaN before it was first seen.
    seen_at
        (A,) when it was last seen, moments.
    rows
        (A,) that moment's place among all.
    """

    step_mm: float
    roam_mm: float
    gains: tuple[float, float]
    place: FloatArray
    velocity: FloatArray
    seen_at: FloatArray
    rows: IntArray

    @classmethod
    def of(cls, places: FloatArray, times: FloatArray) -> _Tracks:
        """Animals not seen yet, that move as those at `places` (T, A, 3) do."""
        n_animals = places.shape[1]
        still, moving = _usual_steps(places, times)
        return cls(
            max(min(still, moving), _SMALLEST_STEP_MM),
            max(still, _SMALLEST_STEP_MM),
            _SMOOTH if moving < still * _WORTHWHILE else _SUDDEN,
            np.full((n_animals, 3), np.nan),
            np.zeros((n_animals, 3)),
            np.full(n_animals, times[0]),
            np.zeros(n_animals, dtype=np.int64),
        )

    def _expected(self, time: float) -> tuple[FloatArray, FloatArray]:
        """Places (A, 3), and how far off they may be (A, 1)."""
        gap = np.maximum(time - self.seen_at, 1.0)[:, None]
        coasting = np.minimum(gap, _COASTING)
        spread = self.step_mm * coasting + self.roam_mm * (gap - coasting)
        return self.place + self.velocity * coasting, spread

    def costs(self, time: float, found: FloatArray) -> FloatArray:
        """(A, A) minus logarithm of the likelihood that an animal is at each place (A, 3).

        0 for places and animals that are not known: they are what is left.
        """
        expected, spread = self._expected(time)
        squared = ((found - expected[:, None]) ** 2).sum(axis=-1) / spread**2
        costs = 2 * np.log1p(squared) + 3 * np.log(spread)
        return np.where(np.isfinite(costs), costs, 0.0)

    @property
    def known(self) -> npt.NDArray[np.bool_]:
        """(A,) which animals were ever seen."""
        return np.asarray(np.isfinite(self.place).all(axis=-1))

    def certain_until(self, pair: tuple[int, int]) -> int:
        """Moment at which both were seen, or one of them first was."""
        return int(min(self.rows[list(pair)]))

    def see(self, moment: int, time: float, found: FloatArray) -> None:
        """Take note of the places (A, 3) at which the animals are; NaN: not seen."""
        expected, spread = self._expected(time)
        gap = np.maximum(time - self.seen_at, 1.0)[:, None]
        off = found - expected
        new = ~self.known & np.isfinite(found).all(axis=-1)
        with np.errstate(invalid="ignore"):
            followed = np.linalg.norm(off, axis=-1) < _OUTLIER * spread[:, 0]
        # the longer it was lost, the less what was thought before counts
        gain = 1 - (1 - self.gains[0]) / gap
        self.place = np.where(followed[:, None], expected + gain * off, self.place)
        self.place[new] = found[new]
        self.velocity += np.where(followed[:, None], self.gains[1] * np.nan_to_num(off) / gap, 0)
        self.seen_at[followed | new] = time
        self.rows[followed | new] = moment


def _usual_steps(places: FloatArray, times: FloatArray) -> tuple[float, float]:
    """How far animals are from where they were, and from where their velocity takes them, mm.

    What nine in ten steps stay below; whoever is nearest counts as the same animal.
    """
    if len(times) < _MEMORY + 2:
        return _SMALLEST_STEP_MM, np.inf
    regular = np.lib.stride_tricks.sliding_window_view(np.diff(times) < 1.5, _MEMORY + 1)
    first = np.flatnonzero(regular.all(axis=-1))
    first = first[:: max(len(first) // _SAMPLES, 1)]
    now, last = places[first + _MEMORY + 1], places[first + _MEMORY]
    came_from = last
    for back in range(1, _MEMORY + 1):
        came_from = _nearest(came_from, places[first + _MEMORY - back])
    expected = last + (last - came_from) / _MEMORY
    still = np.linalg.norm(now - _nearest(now, last), axis=-1)
    moving = np.linalg.norm(now - _nearest(now, expected), axis=-1)
    known = np.isfinite(still) & np.isfinite(moving)
    if not known.any():
        return _SMALLEST_STEP_MM, np.inf
    return float(np.percentile(still[known], 90)), float(np.percentile(moving[known], 90))


def _nearest(places: FloatArray, others: FloatArray) -> FloatArray:
    """For each of (n, A, 3) places the nearest of the others (n, A, 3) at that moment."""
    away = np.linalg.norm(places[:, :, None] - others[:, None], axis=-1)
    nearest = np.nan_to_num(away, nan=np.inf).argmin(axis=-1)
    found = np.take_along_axis(others, nearest[..., None], axis=1)
    return np.asarray(np.where(np.isfinite(away).any(axis=-1)[..., None], found, np.nan))


@dataclass(frozen=True, eq=False)
class _Review:
    """Doubts about pairs, joined to stretches.

    Parameters
    ----------
    ids
        (T,) sample ids in order of time.
    animals
        Names.
    """

    ids: IntArray
    animals: tuple[str, ...]
    _open: dict[tuple[int, int], list[tuple[int, int, float]]] = field(default_factory=dict)

    def add(self, pair: tuple[int, int], margin: float, first: int, last: int) -> None:
        """Note a doubt from row `first` to row `last`."""
        found = self._open.setdefault(pair, [])
        if found and first - found[-1][1] <= _JOINED:
            earlier, _, least = found.pop()
            first, margin = min(earlier, first), min(least, margin)
        found.append((first, last, margin))

    def stretches(self) -> tuple[PossibleSwap, ...]:
        """All of them, in order of time."""
        found = [
            PossibleSwap(
                int(self.ids[first]),
                int(self.ids[last]),
                (self.animals[a], self.animals[b]),
                round(margin, 3),
            )
            for (a, b), stretches in self._open.items()
            for first, last, margin in stretches
        ]
        return tuple(sorted(found, key=lambda swap: (swap.first, swap.last, swap.animals)))
