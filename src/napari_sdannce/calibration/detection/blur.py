"""How blurred the edges of the squares of a board are."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from .refine import SMOOTHING_PX, GrayImage

FloatArray = npt.NDArray[np.float64]

_ALONG = np.linspace(0.3, 0.7, 5)
"""Where edges are looked at, from corner to corner."""
_ACROSS = 0.3
"""How far to both sides, in squares."""
_STEPS = 25


def edge_blur(image: GrayImage, corners: FloatArray, across: int) -> float:
    """Standard deviation of the blur of a board's edges, px; NaN where no edge is seen.

    Of the edges along rows and those along columns the more blurred ones count: motion blurs only
    one of them.

    Parameters
    ----------
    corners
        (M, 2) px, row by row, NaN where not found.
    across
        Corners in a row.
    """
    grid = corners.reshape(-1, across, 2)
    families = [_edges(grid), _edges(grid.swapaxes(0, 1))]
    lengths = [float(np.median(np.linalg.norm(b - a, axis=-1))) if len(a) else np.nan
               for a, b in families]  # fmt: skip
    blurs = [
        _blur(image, a, b, other)
        for (a, b), other in zip(families, reversed(lengths), strict=True)
        if len(a) and np.isfinite(other)
    ]
    return max((blur for blur in blurs if np.isfinite(blur)), default=np.nan)


def _edges(grid: FloatArray) -> tuple[FloatArray, FloatArray]:
    """(N, 2) beginnings and ends of the edges along rows."""
    begin, end = grid[:, :-1].reshape(-1, 2), grid[:, 1:].reshape(-1, 2)
    seen = np.isfinite(begin).all(axis=-1) & np.isfinite(end).all(axis=-1)
    return begin[seen], end[seen]


def _blur(image: GrayImage, begin: FloatArray, end: FloatArray, square_px: float) -> float:
    along = end - begin
    normal = np.stack([-along[:, 1], along[:, 0]], axis=-1)
    normal /= np.maximum(np.linalg.norm(normal, axis=-1, keepdims=True), 1e-9)
    places = begin[:, None] + _ALONG[:, None] * along[:, None]
    aside = _ACROSS * square_px * np.linspace(-1, 1, _STEPS)
    at = places[:, :, None] + aside[:, None] * normal[:, None, None]
    # the mean along the edge: noise would be taken for sharpness
    seen = image.at(at).mean(axis=1)
    slope = np.abs((seen[..., 1:] * normal[:, None]).sum(axis=-1)).max(axis=1)
    contrast = np.ptp(seen[..., 0], axis=1)
    fine = (contrast > 0) & (slope > 0) & image.holds(at).all(axis=(1, 2))
    if not fine.any():
        return np.nan
    # the steepest slope of a step blurred with s is contrast / (s * sqrt(2 pi))
    spread = np.median(contrast[fine] / slope[fine]) / np.sqrt(2 * np.pi)
    return float(np.sqrt(max(spread**2 - SMOOTHING_PX**2, 0.0)))
