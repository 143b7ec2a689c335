"""Which peaks of the views show the same animal, by geometry alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from scipy.optimize import linear_sum_assignment

from napari_sdannce.geometry import triangulate
from napari_sdannce.geometry.triangulation import rejection_limits

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_sdannce.geometry import Camera

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]

_FEWEST_VIEWS = 2
_MOST_PLACES = 64  # places in space that are weighed against one another
_MOST_CHOICES = 12  # ways to place the animals that are followed side by side
_ROUNDS = 2


def match_peaks(
    cameras: Sequence[Camera],
    peaks: FloatArray,
    heights: FloatArray,
    n_animals: int,
    max_error_px: float | None,
) -> IntArray:
    """Find which peaks of one moment show the same animal.

    Every two peaks of two views propose a place where their lines of sight meet. Peaks near its
    projection in any view speak for it, the more the nearer and higher they are (Tukey's biweight
    of the distance). Sought are those places, one an animal, that have most in their favour
    together when each peak speaks for one of them only: a beam search, then an exact assignment in
    each view. So a spot in which two animals merge serves one of them, and does not make the other
    take what belongs to a third.

    Parameters
    ----------
    cameras
        V.
    peaks
        (V, P, 2) px, distorted; NaN = fewer peaks. More than there are animals is normal.
    heights
        (V, P) of the peaks.
    n_animals
        A, how many to find at most.
    max_error_px
        Peaks farther than this from where an animal is do not show it; None: 3 % of each camera's
        focal length.

    Returns
    -------
    (V, A) index of the peak that shows an animal, -1 where none does; best supported first. An
    animal has two peaks at least, or none.
    """
    here = _Moment(tuple(cameras), peaks, _weights(peaks, heights), max_error_px)
    points = here.proposals()
    for _ in range(_ROUNDS):
        points = here.fitted(here.supports(points))
    chosen = _choose(here.favours(points), n_animals)
    matches = np.full((len(cameras), n_animals), -1, dtype=np.int64)
    for _ in range(_ROUNDS if len(chosen) else 0):
        matches[:, : len(chosen)] = _assigned(here.favours(points[chosen]))
        points[chosen] = here.fitted(matches[:, : len(chosen)].T)
    matches[:, (matches >= 0).sum(axis=0) < _FEWEST_VIEWS] = -1
    return matches


def _weights(peaks: FloatArray, heights: FloatArray) -> FloatArray:
    """Heights (V, P) within bounds, 0 where there is no peak."""
    there = np.isfinite(peaks).all(axis=-1) & np.isfinite(heights)
    return np.where(there, np.clip(np.where(there, heights, 0), 0.01, 1), 0)


@dataclass(frozen=True, eq=False)
class _Moment:
    """Peaks (V, P, 2) and weights (V, P) of one moment."""

    cameras: tuple[Camera, ...]
    peaks: FloatArray
    weights: FloatArray
    max_error: float | None

    def proposals(self) -> FloatArray:
        """(N, 3) places where the lines of sight of two peaks of two views are nearest."""
        rays = np.stack(
            [camera.rays(seen) for camera, seen in zip(self.cameras, self.peaks, strict=True)]
        )
        centres = np.stack([camera.centre for camera in self.cameras])
        one, other = np.triu_indices(len(self.cameras), 1)
        a, b = rays[one][:, :, None], rays[other][:, None]  # (pairs, P, 1 and 1, P, 3)
        apart = (centres[other] - centres[one])[:, None, None]
        cosine, p, q = (a * b).sum(axis=-1), (apart * a).sum(axis=-1), (apart * b).sum(axis=-1)
        sine = 1 - cosine**2
        with np.errstate(divide="ignore", invalid="ignore"):
            along, back = (p - cosine * q) / sine, (cosine * p - q) / sine
        first = centres[one][:, None, None] + along[..., None] * a
        second = centres[other][:, None, None] + back[..., None] * b
        # behind a camera nothing is seen
        meet = np.where(((along > 0) & (back > 0))[..., None], (first + second) / 2, np.nan)
        return np.asarray(meet[np.isfinite(meet).all(axis=-1)])

    def favours(self, points: FloatArray) -> FloatArray:
        """(N, V, P) how much each peak speaks for each place (N, 3)."""
        seen = np.stack([camera.project(points) for camera in self.cameras], axis=1)
        limits = rejection_limits(self.cameras, self.max_error)[:, None]
        squared = (((seen[:, :, None] - self.peaks) / limits[..., None]) ** 2).sum(axis=-1)
        near = np.clip(1 - np.nan_to_num(squared, nan=1.0), 0, None)
        return np.asarray(self.weights * near**2)

    def supports(self, points: FloatArray) -> IntArray:
        """(M, V) the different sets of peaks that speak for places, most in favour first."""
        favours = self.favours(points)
        best = favours.max(axis=-1)
        sets = np.where(best > 0, favours.argmax(axis=-1), -1)
        enough = (sets >= 0).sum(axis=1) >= _FEWEST_VIEWS
        order = np.argsort(-best[enough].sum(axis=1), kind="stable")
        sets = sets[enough][order]
        _, first = np.unique(sets, axis=0, return_index=True)
        return np.asarray(sets[np.sort(first)[:_MOST_PLACES]])

    def fitted(self, sets: IntArray) -> FloatArray:
        """(M, 3) the places that sets of peaks (M, V) show; NaN where there are too few."""
        views = np.arange(len(self.cameras))
        used = (sets >= 0).T
        pixels = np.where(used[..., None], self.peaks[views, sets].swapaxes(0, 1), np.nan)
        weights = np.where(used, self.weights[views, sets].T, 0)
        if not len(sets):
            return np.zeros((0, 3))
        found = triangulate(
            self.cameras, pixels, weights=weights, max_error=self.max_error, threads=1
        )
        return found.points


def _choose(favours: FloatArray, n_animals: int) -> IntArray:
    """Places that have most in their favour together, of `favours` (N, V, P): a beam search."""
    beam = [_Choice((), np.zeros(favours.shape[1:], dtype=bool), 0.0)]
    best = beam[0]
    for _ in range(n_animals):
        longer = [choice for each in beam for choice in each.longer(favours)]
        longer.sort(key=lambda choice: -choice.total)
        # the same peaks taken in another order are the same choice
        different = {choice.taken.tobytes(): choice for choice in reversed(longer)}
        beam = sorted(different.values(), key=lambda choice: -choice.total)[:_MOST_CHOICES]
        if not beam:
            break
        best = max(best, beam[0], key=lambda choice: choice.total)
    return np.array(best.places, dtype=np.int64)


@dataclass(frozen=True, eq=False)
class _Choice:
    """Some places, the peaks (V, P) they take, and all that speaks for them."""

    places: tuple[int, ...]
    taken: BoolArray
    total: float

    def longer(self, favours: FloatArray) -> list[_Choice]:
        """Return the best choices that have one place more."""
        left = np.where(self.taken, 0, favours)
        by_view = left.max(axis=-1)
        gains = np.where((by_view > 0).sum(axis=1) >= _FEWEST_VIEWS, by_view.sum(axis=1), 0)
        views, choices = np.arange(favours.shape[1]), []
        for place in np.argsort(-gains, kind="stable")[:_MOST_CHOICES]:
            if gains[place] <= 0:
                break
            taken = self.taken.copy()
            taken[views, left[place].argmax(axis=-1)] |= by_view[place] > 0
            total = self.total + float(gains[place])
            choices.append(_Choice((*self.places, int(place)), taken, total))
        return choices


def _assigned(favours: FloatArray) -> IntArray:
    """(V, A) peak of each animal in each view: the best for all animals of `favours` (A, V, P)."""
    n_animals, n_views, _ = favours.shape
    matches = np.full((n_views, n_animals), -1, dtype=np.int64)
    for view in range(n_views):
        animals, taken = linear_sum_assignment(favours[:, view], maximize=True)
        matches[view, animals] = np.where(favours[animals, view, taken] > 0, taken, -1)
    return matches
