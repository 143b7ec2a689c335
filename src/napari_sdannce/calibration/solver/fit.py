"""Robust fit of a rig: what is far off is left out, and what was known before is weighed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from scipy.sparse.csgraph import connected_components

from napari_sdannce.calibration.errors import CalibrationError

from .adjust import Problem, SoftL1, adjust
from .bundle import Sightings, miss_lengths, slopes
from .pushes import pushes_of, seen_from_elsewhere
from .uncertainty import Covariance, UntoldError, covariance, places_of

if TYPE_CHECKING:
    from napari_sdannce.calibration.detection.detections import Detections

    from .adjust import Prior
    from .bundle import Rig
    from .known import KnownLenses
    from .lenses import Lens
    from .pushes import Push

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

KNEE = 2.0
"""Sigmas up to which residuals count by their squares."""
_OUTLIER = 10.0
"""Sigmas beyond which a corner is a wrong one, and not a blurred one."""
_EXPECTED = 4.0
"""Sigmas of where it is expected, by what is known of the lens."""
_LOST, _LOST_PX = 8.0, 20.0
"""Times the usual error of a sighting, and px, beyond which it is of something else."""
_ROUNDS = 5
_MOST_TOO_SURE = 10.0
_CONTRADICTED = 4.0
"""Sigmas by which the boards may pull a lens from what was known of it."""
_LEAST_SIGMA_PX = 0.02
_MEDIAN_LENGTH = 1.1774
"""Median length of a residual of two coordinates with sigma 1."""


@dataclass(frozen=True, eq=False, slots=True)
class Fit:
    """A rig that fits.

    Parameters
    ----------
    rig
        Cameras, and a board a moment.
    problem
        What was solved; its sightings are without the corners that were left out.
    sigma_px
        Error of a corner's coordinate.
    covariance
        Of the cameras' numbers.
    left_out
        (G, M) corners that were found and not used.
    contradicted
        (V,) cameras whose lenses were known, but not so.
    elsewhere
        (G,) sightings that were not used because their cameras were pushed, and stood longer at
        other places.
    """

    rig: Rig
    problem: Problem
    sigma_px: float
    covariance: Covariance
    left_out: BoolArray
    contradicted: BoolArray
    elsewhere: BoolArray

    @property
    def pushes(self) -> tuple[Push, ...]:
        """Cameras that were pushed on the way, and when."""
        return pushes_of(self.problem.sightings, self.elsewhere)


@dataclass(frozen=True, eq=False, slots=True)
class FitTask:
    """What a rig is fitted to, but for where it starts.

    Parameters
    ----------
    lens
        Kind of lens.
    detections
        Corners in the order of the board's.
    points
        (S, M, 3) corners of the board, mm.
    free
        (V, C) numbers of the cameras that may change.
    known
        Lenses that were measured before.
    weak
        What holds of any lens.
    """

    lens: Lens
    detections: Detections
    points: FloatArray
    free: BoolArray
    known: KnownLenses
    weak: Prior

    def fit(self, rig: Rig) -> Fit:
        """Fit a rig that is near already.

        Of a camera that was pushed on the way, only the place where it stood longest is used. What
        was known of a lens and is contradicted by the boards is forgotten.
        """
        heeded = np.ones(len(self.detections), dtype=bool)
        fit = self._fit_known(rig, heeded)
        for _ in range(2 * len(rig.cameras)):
            heed = self.detections.seen & heeded[:, None]
            elsewhere = seen_from_elsewhere(fit, heed, self.detections.moments)
            if elsewhere is None:
                break
            try:
                fit = self._fit_known(fit.rig, heeded & ~elsewhere)
            except CalibrationError:  # it fits nowhere, and was not pushed
                break
            heeded &= ~elsewhere
        return fit

    def lenses_of_boards(self, fit: Fit, free: BoolArray) -> FloatArray:
        """(V, P) lenses that were known and kept, as the boards would have them.

        Known only where the boards contradict what was given, NaN elsewhere.

        Parameters
        ----------
        fit
            A fit of this task.
        free
            (V, C) numbers of the cameras that might change.
        """
        # of lenses without error bars, nothing tells how far off they may be
        known = self.known.without(np.asarray(~self.known.precision.any(axis=(1, 2))))
        try:
            freed = replace(self, free=free, known=known)._fit_known(fit.rig, ~fit.elsewhere)
        except CalibrationError:
            return np.full(fit.rig.numbers.shape, np.nan)
        return np.where(freed.contradicted[:, None], freed.rig.numbers, np.nan)

    def _fit_known(self, rig: Rig, heeded: BoolArray) -> Fit:
        wrong = np.zeros(len(rig.cameras), dtype=bool)
        while True:
            known = self.known.without(wrong)
            fit = replace(self._fit(rig, known.prior(self.weak), heeded), contradicted=wrong)
            strain = known.strain(fit.rig.numbers, fit.covariance)
            if strain.max() < _CONTRADICTED:
                return fit
            # the worst first: wrong ones bend the others
            wrong = wrong | (strain >= max(strain.max() / 2, _CONTRADICTED))
            rig = fit.rig

    def _fit(self, rig: Rig, prior: Prior, heeded: BoolArray) -> Fit:
        try:
            return self._rounds(rig, prior, heeded)
        except UntoldError as error:
            names = self.detections.names
            together = ", where another camera sees it as well" if len(names) > 1 else ""
            raise CalibrationError(
                f"what {names[error.view]} saw of the board does not tell where it stands, or what "
                f"its lens is like: show it the board at more places, tilted{together}"
            ) from error

    def _rounds(self, rig: Rig, prior: Prior, heeded: BoolArray) -> Fit:
        lens, sightings = self.lens, Sightings.of(self.detections, self.points)
        found = sightings.weights > 0
        seen = found & heeded[:, None]
        # none that a camera would have to see behind itself: where such a one pulls, nothing tells
        first = seen & np.isfinite(miss_lengths(rig, lens, sightings))
        used = first & ~is_lost(lens, rig, sightings, first)[:, None]
        self._check_used(used)
        sigma = sigma_px_of(lens, rig, sightings, first)
        too_sure, problem = 1.0, None
        spread: Covariance | None = None
        for turn in range(_ROUNDS):
            if problem is not None:
                spread = spread or covariance(problem, rig)
                used = _within(problem, rig, sightings, seen, sigma, spread)
                self._check_used(used)
            now = replace(sightings, weights=used.astype(np.float64))
            # corners whose errors are alike count less, against the prior; far out stays far out
            sigmas = np.full(len(now.view), too_sure * sigma)
            problem = Problem(lens, now, self.free, SoftL1(KNEE / too_sure), sigmas, prior)
            rig = adjust(problem, rig)
            before, sigma = sigma, sigma_px_of(lens, rig, now, used)
            if turn == 1:
                spread = covariance(problem, rig)
                too_sure = min(max(spread.too_sure, 1.0), _MOST_TOO_SURE)
            elif turn > 1 and abs(sigma - before) < 0.01 * before:
                break
        assert problem is not None
        used = problem.sightings.weights > 0
        # only now: which corners are wrong does not hang on how often they were seen
        places = places_of(problem.sightings, len(rig.boards))
        spread = covariance(problem, rig, places)
        none = np.zeros(len(rig.cameras), dtype=bool)
        return Fit(rig, problem, sigma, spread, found & ~used, none, ~heeded)

    def _check_used(self, used: BoolArray) -> None:
        """Raise when nothing is left of what a camera saw, or nothing that joins it to others."""
        found, rows = self.detections, np.asarray(used.any(axis=1))
        left = np.bincount(found.view, rows, minlength=len(found.names))
        lost = [name for name, n in zip(found.names, left, strict=True) if n == 0]
        if not lost:
            lost = _away(found.take(rows))
        if lost and len(found.names) == 1:
            raise CalibrationError(
                f"nothing that {lost[0]} saw fits the board: is it the one that was named, and is "
                "it flat?"
            )
        if lost:
            raise CalibrationError(
                f"nothing that {', '.join(lost)} saw fits what the others saw: are frames of one "
                "moment, and is it one board?"
            )


def _away(used: Detections) -> list[str]:
    """Cameras that no moments join to the largest group of those that do, by name."""
    saw = used.saw.astype(np.int64)
    part = connected_components(saw.T @ saw, directed=False)[1]
    largest = np.argmax(np.bincount(part))
    return [name for name, own in zip(used.names, part, strict=True) if own != largest]


def sigma_px_of(lens: Lens, rig: Rig, sightings: Sightings, used: BoolArray) -> float:
    """Sigma of a coordinate, by the median of the residuals."""
    median = float(np.median(miss_lengths(rig, lens, sightings)[used]))
    return max(median / _MEDIAN_LENGTH, _LEAST_SIGMA_PX)


def is_lost(lens: Lens, rig: Rig, sightings: Sightings, seen: BoolArray) -> BoolArray:
    """(G,) sightings of something else, before anything is adjusted: far off, all of them.

    What is left of such a one in a fit would bend it so much that it could stay.
    """
    lengths = np.where(seen, miss_lengths(rig, lens, sightings), np.nan)
    some = seen.any(axis=1)
    median = np.zeros(len(seen))
    median[some] = np.nanmedian(lengths[some], axis=1)
    usual = float(np.median(median[some])) if some.any() else 0.0
    return np.asarray(median > max(_LOST * usual, _LOST_PX))


def _within(
    problem: Problem,
    rig: Rig,
    sightings: Sightings,
    seen: BoolArray,
    sigma: float,
    known: Covariance,
) -> BoolArray:
    """(G, M) corners that may be where they were found; of sightings with few such, none.

    Near the edge of an image the lens may be known badly: a corner that is far from where it is
    expected there tells much, and is not wrong.
    """
    expected = _EXPECTED**2 * _expected_variance(problem.lens, rig, sightings, known)
    limit = np.sqrt((_OUTLIER * sigma) ** 2 + expected)
    near = seen & (miss_lengths(rig, problem.lens, sightings) <= limit)
    few = near.sum(axis=1) < np.minimum(4, 0.5 * seen.sum(axis=1))
    near[few] = False
    return near


def _expected_variance(lens: Lens, rig: Rig, sightings: Sightings, known: Covariance) -> FloatArray:
    """(G, M) px^2, of where corners are expected, by what is not known of the lens."""
    n = rig.numbers.shape[1]
    lenses = np.stack([known.of_camera(view, n) for view in range(len(rig.numbers))])
    by_lens = slopes(rig, lens, sightings)[0][..., :n]
    spread = lenses[sightings.view][:, None]
    return np.asarray(((by_lens @ spread) * by_lens).sum(axis=(-2, -1)) / 2)
