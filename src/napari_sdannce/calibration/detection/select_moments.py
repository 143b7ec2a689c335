"""Which moments to calibrate from, when there are more than are worth the time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from .detections import Detections

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]
IntArray = npt.NDArray[np.int64]

_CELLS = 6
_SIZES = 4
_SLANTS = 4
_WORTH_TWICE = 0.5
"""What the second sighting of the same kind is worth, of the first; the third of the second ..."""
_BLURRED = 3.0
"""A board this much blurrier than its camera's usual ones is left aside."""


def select_moments(detections: Detections, blur_px: FloatArray, most: int) -> IntArray:
    """Choose moments whose boards tell most, one after the other.

    A moment is worth what its sightings add: image cells where few corners were so far, sizes (near
    and far) and slants of the board that were rare, and pairs of cameras that share few moments.

    Parameters
    ----------
    detections
        All that was found.
    blur_px
        (G,) blur of each sighting, px, NaN where not known.
    most
        How many moments to keep.

    Returns
    -------
    Moments, rising.
    """
    moments, rows = np.unique(detections.moment, return_inverse=True)
    if len(moments) <= most:
        return np.asarray(moments)
    kinds = _kinds(detections)
    kinds[is_blurred(detections, blur_px)] = 0
    gains = np.zeros((len(moments), kinds.shape[1]), dtype=np.float64)
    np.add.at(gains, rows, kinds)
    shared = _pairs(detections)
    gains = np.concatenate([np.minimum(gains, 1), shared], axis=1)
    worth, left = np.ones(gains.shape[1]), np.ones(len(moments), dtype=bool)
    chosen = []
    for _ in range(most):
        value = np.where(left, gains @ worth, -1)
        best = int(np.argmax(value))
        chosen.append(best)
        left[best] = False
        worth *= _WORTH_TWICE ** gains[best]
        worth = np.maximum(worth, 1e-6)  # so that rare ones still count when all were seen often
    return np.sort(moments[chosen])


def is_blurred(detections: Detections, blur_px: FloatArray) -> BoolArray:
    """(G,) sightings much blurrier than is usual in their camera."""
    found = np.zeros(len(detections), dtype=bool)
    for view in range(len(detections.names)):
        own = detections.view == view
        if np.isfinite(blur_px[own]).any():
            found[own] = blur_px[own] > _BLURRED * np.nanmedian(blur_px[own])
    return found


def _kinds(detections: Detections) -> FloatArray:
    """(G, K) which cells, sizes and slants of its camera each sighting fills."""
    n_views = len(detections.names)
    per_view = _CELLS * _CELLS + _SIZES * _SLANTS
    kinds = np.zeros((len(detections), n_views * per_view))
    sizes, slants = _looks(detections)
    for g, (view, corners) in enumerate(zip(detections.view, detections.corners, strict=True)):
        seen = corners[np.isfinite(corners).all(axis=1)]
        cell = (seen / detections.image_sizes[view] * _CELLS).astype(int).clip(0, _CELLS - 1)
        start = view * per_view
        kinds[g, start + cell[:, 1] * _CELLS + cell[:, 0]] = 1
        kinds[g, start + _CELLS * _CELLS + sizes[g] * _SLANTS + slants[g]] = _CELLS
    return kinds


def _looks(detections: Detections) -> tuple[IntArray, IntArray]:
    """(G,) size and slant of the board in the image, in classes from 0."""
    spread = np.zeros((len(detections), 2))
    for g, corners in enumerate(detections.corners):
        seen = corners[np.isfinite(corners).all(axis=1)]
        if len(seen) >= 3:
            spread[g] = np.linalg.svd(seen - seen.mean(axis=0), compute_uv=False)
            spread[g] /= np.sqrt(len(seen))
    size = np.array([max(detections.image_sizes[view]) for view in detections.view])
    near = np.log2(np.maximum(spread[:, 0] / size, 1e-3) * 16).clip(0, _SIZES - 1).astype(int)
    slant = spread[:, 1] / np.maximum(spread[:, 0], 1e-9)
    return near, (slant * _SLANTS).clip(0, _SLANTS - 1).astype(int)


def _pairs(detections: Detections) -> FloatArray:
    """(F, pairs) which pairs of cameras see the board at each moment; worth as many cells."""
    saw = detections.saw
    first, second = np.triu_indices(saw.shape[1], 1)
    return np.asarray((saw[:, first] & saw[:, second]) * float(_CELLS), dtype=np.float64)
