"""Traces of centres of mass: where each animal was over time."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from napari_sdannce.files.guess_skeleton import animal_names

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]

_ROWS_AT_ONCE = 20_000


@dataclass(frozen=True, eq=False)
class ComTrace:
    """Centre of mass of each animal over time. Missing is NaN.

    Parameters
    ----------
    positions
        (T, A, 3) mm.
    confidence
        (T, A), NaN = not known.
    sample_ids
        (T,) unique keys of the moments, as in the recording's `Sync`.
    animals
        A names; ``animal1``, ``animal2``, ... when left out.
    interpolated
        (T, A) which positions were filled in; none when left out.

    Raises
    ------
    ValueError
        When the arrays do not fit one another or the names, or sample ids repeat.
    """

    positions: FloatArray
    confidence: FloatArray
    sample_ids: IntArray
    animals: tuple[str, ...] = ()
    interpolated: BoolArray = field(default_factory=lambda: np.zeros(0, dtype=bool))

    def __post_init__(self) -> None:
        n_moments = len(self.sample_ids)
        if self.positions.ndim != 3 or self.positions.shape[::2] != (n_moments, 3):
            raise ValueError(
                f"COM trace: positions have shape {self.positions.shape}, expected ({n_moments}, "
                "animals, 3)"
            )
        if self.confidence.shape != self.positions.shape[:2]:
            raise ValueError(
                f"COM trace: confidence has shape {self.confidence.shape}, expected "
                f"{self.positions.shape[:2]}"
            )
        if not self.interpolated.size:
            object.__setattr__(self, "interpolated", np.zeros(self.confidence.shape, dtype=bool))
        if self.interpolated.shape != self.confidence.shape:
            raise ValueError(
                f"COM trace: interpolated has shape {self.interpolated.shape}, expected "
                f"{self.confidence.shape}"
            )
        if len(np.unique(self.sample_ids)) != n_moments:
            raise ValueError("COM trace: sample ids repeat")
        if not self.animals:
            object.__setattr__(self, "animals", animal_names(self.n_animals))
        if len(self.animals) != self.n_animals:
            raise ValueError(
                f"COM trace: positions are of {self.n_animals} animals, the names "
                f"{', '.join(self.animals)}"
            )

    def __len__(self) -> int:
        return len(self.sample_ids)

    @property
    def n_animals(self) -> int:
        """A."""
        return int(self.positions.shape[1])

    def at(self, sample_ids: npt.ArrayLike) -> ComTrace:
        """Return the trace at these moments; NaN where it does not reach.

        Parameters
        ----------
        sample_ids
            (n,) unique keys, in any order.
        """
        wanted = np.asarray(sample_ids, dtype=np.int64)
        positions = np.full((len(wanted), self.n_animals, 3), np.nan)
        confidence = np.full((len(wanted), self.n_animals), np.nan)
        interpolated = np.zeros((len(wanted), self.n_animals), dtype=bool)
        if len(self):
            order = np.argsort(self.sample_ids)
            place = np.searchsorted(self.sample_ids, wanted, sorter=order)
            rows = order[np.minimum(place, len(order) - 1)]
            found = self.sample_ids[rows] == wanted
            positions[found] = self.positions[rows[found]]
            confidence[found] = self.confidence[rows[found]]
            interpolated[found] = self.interpolated[rows[found]]
        return ComTrace(positions, confidence, wanted, self.animals, interpolated)

    def filled(self, max_gap: int) -> ComTrace:
        """Interpolate short gaps, straight in time, and mark what was filled in.

        Time is the sample id in units of its usual step: moments that are absent from the trace
        widen a gap. Nothing is added before an animal was first seen or after it was last.

        Parameters
        ----------
        max_gap
            Moments; longer gaps stay as they are. 0: all do.
        """
        if max_gap < 0:
            raise ValueError(f"a gap has at least 0 moments, got {max_gap}")
        positions, interpolated = self.positions.copy(), self.interpolated.copy()
        if len(self) > 1:
            step = float(np.median(np.diff(np.sort(self.sample_ids))))
            times = self.sample_ids / step
            for animal in range(self.n_animals):
                rows = _fill(times, positions[:, animal], max_gap)
                interpolated[rows, animal] = True
        return replace(self, positions=positions, interpolated=interpolated)

    def beyond(self, limit_mm: float) -> BoolArray:
        """(T, A) which positions have a coordinate farther than this from 0."""
        return np.asarray((np.abs(self.positions) > limit_mm).any(axis=-1))

    def without(self, unwanted: BoolArray) -> ComTrace:
        """Return the trace with some positions (T, A) made NaN."""
        positions = np.where(unwanted[..., None], np.nan, self.positions)
        confidence = np.where(unwanted, np.nan, self.confidence)
        return replace(
            self,
            positions=positions,
            confidence=confidence,
            interpolated=self.interpolated & ~unwanted,
        )

    def median_filtered(self, window: int) -> ComTrace:
        """Smooth each coordinate by the median of what lies within a window of time.

        Time is the sample id in units of its usual step, so moments that are absent from the trace
        keep their width. NaN does not count and stays NaN; at both ends the window is cut.

        Parameters
        ----------
        window
            Moments, odd; an even one becomes one larger.
        """
        half = _odd(window) // 2
        if len(self) < 2:
            return self
        order = np.argsort(self.sample_ids)
        rows = _rows_in_time(self.sample_ids[order], half)
        grid = np.full((rows[-1] + 1 + 2 * half, self.n_animals, 3), np.nan)
        grid[rows + half] = self.positions[order]
        windows = np.lib.stride_tricks.sliding_window_view(grid, 2 * half + 1, axis=0)
        smooth = np.empty_like(self.positions)
        for start in range(0, len(rows), _ROWS_AT_ONCE):
            stop = start + _ROWS_AT_ONCE
            smooth[order[start:stop]] = _nan_median(windows[rows[start:stop]])
        smooth[np.isnan(self.positions)] = np.nan
        return replace(self, positions=smooth)

    def median_filtered_reference(self, window: int) -> ComTrace:
        """Smooth as the reference program does: row by row, with zeros beyond both ends.

        The first and last half window are pulled towards 0 mm, gaps in the sample ids count for
        nothing, and NaN spreads as it happens to. `median_filtered` does none of that.
        """
        from scipy.signal import medfilt

        smooth = np.empty_like(self.positions)
        for animal, axis in np.ndindex(smooth.shape[1:]):
            smooth[:, animal, axis] = medfilt(self.positions[:, animal, axis], _odd(window))
        return replace(self, positions=smooth)


def _fill(times: FloatArray, positions: FloatArray, max_gap: int) -> IntArray:
    """Interpolate positions (T, 3) in place; returns the rows that were filled."""
    known = np.flatnonzero(np.isfinite(positions).all(axis=-1))
    if len(known) < 2:
        return np.zeros(0, dtype=np.int64)
    known = known[np.argsort(times[known])]
    missing = np.flatnonzero(~np.isfinite(positions).all(axis=-1))
    after = np.searchsorted(times[known], times[missing])
    inside = (after > 0) & (after < len(known))
    missing, after = missing[inside], after[inside]
    before, behind = known[after - 1], known[after]
    # rounded: sample ids may be time stamps that jitter
    short = np.rint(times[behind] - times[before]) - 1 <= max_gap
    missing, before, behind = missing[short], before[short], behind[short]
    share = ((times[missing] - times[before]) / (times[behind] - times[before]))[:, None]
    positions[missing] = (1 - share) * positions[before] + share * positions[behind]
    return missing


def _odd(window: int) -> int:
    if window < 1:
        raise ValueError(f"the window of a median filter needs at least one moment, got {window}")
    return window + 1 - window % 2


def _rows_in_time(sorted_ids: IntArray, half: int) -> IntArray:
    """Place of each moment on a regular grid; pauses no window can span are cut short."""
    steps = np.diff(sorted_ids)
    gaps = np.rint(steps / np.median(steps)).astype(np.int64)
    shortened = np.clip(gaps, 1, half + 1)
    return np.concatenate([[0], np.cumsum(shortened)])


def _nan_median(values: FloatArray) -> FloatArray:
    """Median over the last axis of what is not NaN; NaN where nothing is."""
    count = np.isfinite(values).sum(axis=-1)
    ordered = np.sort(values, axis=-1)  # NaN last
    middle = np.stack([(count - 1) // 2, count // 2], axis=-1)
    both = np.take_along_axis(ordered, np.maximum(middle, 0), axis=-1)
    return np.asarray(both.mean(axis=-1))
