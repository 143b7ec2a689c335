"""Cameras that have moved since they were calibrated, told by points that all of them see."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from napari_sdannce.geometry import triangulate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_sdannce.geometry import Camera

FloatArray = npt.NDArray[np.float64]

_LEAST_POINTS = 12
_MOST_POINTS = 600
_LEAST_PX, _TIMES = 1.5, 2.5
"""What a camera must be off by: px, and times what the best three are."""
_WITHIN = 4.0
"""Times that: what agrees with a point."""
_OFTEN = 0.5
_NEVER_PX = 1e6


@dataclass(frozen=True, slots=True)
class CameraDrift:
    """How a camera agrees with the others.

    Parameters
    ----------
    name
        Camera.
    points
        How many points it could be compared at.
    median_px
        Median distance of its points from where the others put them.
    shift_px
        (x, y) median of these as vectors: what an image shifted by a push shows.
    moved
        Whether it can be believed that it has moved.
    """

    name: str
    points: int
    median_px: float
    shift_px: tuple[float, float]
    moved: bool


def check_drift(cameras: Sequence[Camera], pixels: FloatArray) -> tuple[CameraDrift, ...]:
    """Compare each camera with the others.

    The three cameras that agree best tell how well points can agree. Then each point is placed by
    the views that agree that well; a camera that is hardly ever among them, and that is off from
    where the others put the points, has moved.

    Parameters
    ----------
    cameras
        V cameras, three at the least: two can not tell which of them has moved.
    pixels
        (V, N, 2) px of points that are the same in all views, NaN where not seen.

    Raises
    ------
    ValueError
        When there are fewer than three cameras, or shapes do not fit.
    """
    if len(cameras) < 3:
        raise ValueError(
            f"drift needs three cameras, got {len(cameras)}: of two, nothing tells which has moved"
        )
    flat = np.asarray(pixels, dtype=np.float64).reshape(len(cameras), -1, 2)
    several = np.flatnonzero(np.isfinite(flat).all(axis=2).sum(axis=0) >= 3)
    flat = flat[:, several[:: max(1, len(several) // _MOST_POINTS)]]
    noise = _best_agreement(cameras, flat)
    suspects: set[int] = set()
    if np.isfinite(noise):
        found = triangulate(cameras, flat, max_error=_WITHIN * max(noise, _LEAST_PX / _TIMES))
        seen = np.isfinite(flat).all(axis=2).sum(axis=1)
        share = found.accepted.sum(axis=1) / np.maximum(seen, 1)
        suspects = {int(view) for view in np.flatnonzero((share < _OFTEN) & (seen > 0))}
    rest = [view for view in range(len(cameras)) if view not in suspects]
    limit = max(_LEAST_PX, _TIMES * noise)
    drifts = []
    for view, camera in enumerate(cameras):
        off = _off(cameras, flat, view, rest)
        median = float(np.median(np.linalg.norm(off, axis=1))) if len(off) else np.nan
        moved = view in suspects and len(off) >= _LEAST_POINTS and median > limit
        drifts.append(_drift(camera.name, off, moved))
    return tuple(drifts)


def _best_agreement(cameras: Sequence[Camera], pixels: FloatArray) -> float:
    """Median error of the three cameras that agree best, px; infinite where none share points."""
    best = np.inf
    for three in combinations(range(len(cameras)), 3):
        own = pixels[list(three)]
        shared = own[:, np.isfinite(own).all(axis=(0, 2))]
        if shared.shape[1] < _LEAST_POINTS:
            continue
        found = triangulate([cameras[i] for i in three], shared, max_error=_NEVER_PX)
        best = min(best, float(np.nanmedian(found.residuals)))
    return best


def _off(
    cameras: Sequence[Camera], pixels: FloatArray, view: int, kept: Sequence[int]
) -> FloatArray:
    """(K, 2) px from where the others of `kept` put the points that this camera saw."""
    others = [other for other in kept if other != view]
    seen = np.isfinite(pixels[view]).all(axis=1)
    seen &= np.isfinite(pixels[others]).all(axis=2).sum(axis=0) >= 2
    if not seen.any():
        return np.zeros((0, 2))
    points = triangulate([cameras[i] for i in others], pixels[others][:, seen]).points
    off = pixels[view, seen] - cameras[view].project(points)
    return np.asarray(off[np.isfinite(off).all(axis=1)])


def _drift(name: str, off: FloatArray, moved: bool) -> CameraDrift:
    if not len(off):
        return CameraDrift(name, 0, np.nan, (np.nan, np.nan), False)
    x, y = np.median(off, axis=0)
    median = float(np.median(np.linalg.norm(off, axis=1)))
    return CameraDrift(name, len(off), median, (float(x), float(y)), moved)
