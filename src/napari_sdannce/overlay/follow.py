"""The point that a zoomed view keeps in its middle."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter1d

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_sdannce.overlay.marks import Marks
    from napari_sdannce.predictions.com import ComTrace

FloatArray = npt.NDArray[np.float64]


def middle_of_animals(
    marks: Marks, moments: Sequence[int], sample_ids: npt.NDArray[np.int64], com: ComTrace | None
) -> FloatArray:
    """(n, 3) mm: the mean of all animals' centres at each moment; NaN where none is known."""
    keypoints = _mean(np.array([_mean(marks.points_3d(moment)) for moment in moments]))
    if com is None:
        return keypoints
    centres = com.at(sample_ids[list(moments)]).positions
    known = np.asarray(np.isfinite(centres).all(axis=(1, 2)))
    return np.where(known[:, None], _mean(centres), keypoints)


def steady(track: FloatArray, sigma: float) -> FloatArray:
    """Track (n, 3) with its gaps filled in and smoothed, so that a view on it does not shake.

    Parameters
    ----------
    sigma
        Standard deviation of the smoothing, moments.

    Raises
    ------
    ValueError
        When no moment has a position.
    """
    known = np.isfinite(track).all(axis=1)
    if not known.any():
        raise ValueError("there is no animal to follow: no moment has a position in 3D")
    places = np.arange(len(track))
    filled = [np.interp(places, places[known], track[known, axis]) for axis in range(3)]
    return np.asarray(gaussian_filter1d(np.stack(filled, axis=1), sigma, axis=0, mode="nearest"))


def _mean(points: FloatArray) -> FloatArray:
    """Mean over the last axis but one of what is not NaN; NaN where nothing is."""
    known = np.isfinite(points).all(axis=-1, keepdims=True)
    count = known.sum(axis=-2)
    total = np.where(known, points, 0).sum(axis=-2)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)
