"""How sure a network may be of a keypoint: learned from what it got wrong in validation."""

from __future__ import annotations

from itertools import pairwise
from typing import Self

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, model_validator
from scipy.optimize import isotonic_regression

FloatArray = npt.NDArray[np.float64]

WITHIN_MM = 5.0
_FEWEST = 60
_LEAST_A_BIN = 15
_MOST_BINS = 10
_DIGITS = 4
# what all have in common counts as much as this many keypoints
_PRIOR = 4


class Curve(BaseModel):
    """Probability that one keypoint is near the truth, by its heatmap's spread.

    Between the knots it is interpolated, beyond them it is that of the last one.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    spread_mm: tuple[float, ...] = Field(description="Knots, rising", min_length=1)
    probability: tuple[float, ...] = Field(description="At the knots, falling, 0..1")

    @model_validator(mode="after")
    def _knots_fit(self) -> Self:
        if len(self.spread_mm) != len(self.probability):
            raise ValueError(
                f"{len(self.spread_mm)} knots with {len(self.probability)} probabilities"
            )
        if any(b <= a for a, b in pairwise(self.spread_mm)):
            raise ValueError("the knots must rise")
        if not all(0 <= p <= 1 for p in self.probability):
            raise ValueError("probabilities must lie between 0 and 1")
        if any(b > a for a, b in pairwise(self.probability)):
            raise ValueError("probabilities must not rise")
        return self

    def of(self, spread_mm: npt.ArrayLike) -> FloatArray:
        """Probability for heatmaps of these spreads (...)."""
        return np.asarray(np.interp(np.asarray(spread_mm), self.spread_mm, self.probability))


class Reliability(BaseModel):
    """Probability that keypoints are within some mm of the truth: a curve each.

    A snout is found more surely than the tip of a tail, whatever the spreads of their heatmaps.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    within_mm: float = Field(WITHIN_MM, gt=0)
    curves: tuple[Curve, ...] = Field(description="Of each keypoint", min_length=1)
    n_points: int = Field(ge=0, description="Keypoints they were learned from")

    def of(self, spread_mm: npt.ArrayLike) -> FloatArray:
        """Probability for heatmaps of these spreads (..., K)."""
        columns = np.moveaxis(np.asarray(spread_mm, dtype=np.float64), -1, 0)
        return np.stack(
            [curve.of(each) for curve, each in zip(self.curves, columns, strict=True)], axis=-1
        )


def learn_reliability(
    spread_mm: npt.ArrayLike, errors_mm: npt.ArrayLike, within_mm: float = WITHIN_MM
) -> Reliability | None:
    """Fit, for each keypoint, the falling curve of how often it is right.

    Predictions of like spread are binned, so that a few lucky ones make no certainty, and the bins'
    shares are made to fall (isotonic regression). A bin leans on the share of its keypoint, and
    that one on the share of all, the more the less was seen of it.

    Parameters
    ----------
    spread_mm
        (n, K) spread of each keypoint's heatmap.
    errors_mm
        (n, K) its distance from the truth.
    within_mm
        What counts as right.

    Returns
    -------
    None of fewer than 60 keypoints; those whose spread or error is no number do not count.
    """
    spreads, errors = np.asarray(spread_mm, float), np.asarray(errors_mm, float)
    known = np.isfinite(spreads) & np.isfinite(errors)
    if known.sum() < _FEWEST:
        return None
    # as if half a keypoint more had been right, and half a one wrong: nothing is ever certain
    common = float(((errors[known] < within_mm).sum() + 0.5) / (known.sum() + 1))
    curves = [
        _curve(spreads[seen, k], errors[seen, k] < within_mm, common)
        for k, seen in enumerate(known.T)
    ]
    return Reliability(within_mm=within_mm, curves=tuple(curves), n_points=int(known.sum()))


def _curve(spreads: FloatArray, right: npt.NDArray[np.bool_], common: float) -> Curve:
    """Fit one keypoint's (n,) spreads; `common` is the share of all keypoints that are right."""
    if not len(spreads):
        return Curve(spread_mm=(0.0,), probability=(round(common, _DIGITS),))
    order = np.argsort(spreads, kind="stable")
    bins = np.array_split(order, int(np.clip(len(order) // _LEAST_A_BIN, 1, _MOST_BINS)))
    # rounded as it is kept: bins whose spreads then do not differ are one
    means = [round(float(spreads[each].mean()), _DIGITS) for each in bins]
    knots, place = np.unique(means, return_inverse=True)
    counts = np.bincount(place, [len(each) for each in bins])
    hits = np.bincount(place, [right[each].sum() for each in bins])
    usual = (right.sum() + _PRIOR * common) / (len(right) + _PRIOR)
    lent = 0.5 + _PRIOR * usual, 1 + _PRIOR
    fit = isotonic_regression(
        (hits + lent[0]) / (counts + lent[1]), weights=counts, increasing=False
    )
    pooled = np.searchsorted(fit.blocks, np.arange(len(knots)), side="right") - 1
    shares = (np.bincount(pooled, hits) + lent[0]) / (np.bincount(pooled, counts) + lent[1])
    falling = np.minimum.accumulate(shares)[pooled]
    return Curve(
        spread_mm=tuple(map(float, knots)),
        probability=tuple(round(float(each), _DIGITS) for each in falling),
    )


def calibration_error(probability: npt.ArrayLike, right: npt.ArrayLike, n_bins: int = 10) -> float:
    """Mean gap between how sure one was and how often one was right, over bins of equal size.

    C. Guo et al., "On calibration of modern neural networks" (ICML 2017), with bins that hold as
    many keypoints each.

    Parameters
    ----------
    probability
        (n,) 0..1.
    right
        (n,) bool.
    """
    sure, hits = np.asarray(probability, float), np.asarray(right, float)
    bins = np.array_split(np.argsort(sure, kind="stable"), n_bins)
    gaps = [abs(sure[each].mean() - hits[each].mean()) * len(each) for each in bins if len(each)]
    return float(sum(gaps) / len(sure))
