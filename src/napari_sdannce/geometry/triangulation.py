"""Robust triangulation of points seen by two or more views."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from napari_sdannce.geometry.camera_rows import camera_rows
from napari_sdannce.geometry.dlt import check_views
from napari_sdannce.geometry.threads import over_blocks

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_sdannce.geometry.cameras import Camera

FloatArray = npt.NDArray[np.float64]

_BLOCK = 4096
# of the focal length, 1.7 degrees: proofread labels of one keypoint disagree by up to that much
_MAX_ERROR = 0.03
# a residual of two coordinates is Huber's square up to twice, and a line beyond
_KNEE = 2.0
# the stated pixel error counts as much as this many residuals of the point at hand
_PRIOR_RESIDUALS = 4.0


@dataclass(frozen=True, eq=False, slots=True)
class Triangulation:
    """Points in space and how well the views agree on them.

    Parameters
    ----------
    points
        (..., 3) mm, NaN where fewer than two views see the point from their front.
    accepted
        (V, ...) the views each point rests on.
    residuals
        (V, ...) px between observed pixel and projected point, of rejected views too; NaN where
        nothing was observed or the point lies behind the camera.
    error
        (...) px, mean of the residuals of the accepted views.
    covariance
        (..., 3, 3) mm^2, NaN where the rays are too parallel to tell.
    """

    points: FloatArray
    accepted: npt.NDArray[np.bool_]
    residuals: FloatArray
    error: FloatArray
    covariance: FloatArray


def triangulate(
    cameras: Sequence[Camera],
    pixels: npt.ArrayLike,
    *,
    weights: npt.ArrayLike | None = None,
    max_error: float | None = None,
    pixel_sigma: float = 1.0,
    threads: int | None = None,
) -> Triangulation:
    """Triangulate points, leaving out the views that disagree with the others.

    Every pair of views proposes the point where its lines of sight meet; the proposal with the
    least truncated squared reprojection error over all views wins. Levenberg-Marquardt steps then
    minimise Huber's cost of the distorted residuals (a line beyond two `pixel_sigma`) over the
    views within `max_error`, until these are the ones the point was fitted to.

    Where no two views agree within `max_error`, and so always with two views that do not, nothing
    tells which is wrong: all are kept, and `error` tells.

    Parameters
    ----------
    cameras
        V cameras.
    pixels
        (V, ..., 2) observed (distorted) pixels, NaN where a view does not see the point.
    weights
        (V, ...), or anything that broadcasts to it: factor of a squared residual, for example the
        confidence of a detector. Zero and NaN: not seen. None: all one.
    max_error
        Views farther off than this are rejected, px. None: 3 % of each camera's focal length.
    pixel_sigma
        Expected error of a pixel coordinate at weight one, px.
    threads
        How many to use; None: as many as there are cores.

    Returns
    -------
    The points. Their covariance is ``s^2 (J^T W J)^-1`` with the Jacobian J of the accepted
    distorted residuals r, their weights W (Huber's included), and the variance
    ``s^2 = (4 pixel_sigma^2 + r^T W r) / (4 + 2 n - 3)`` of n accepted views: the stated sigma
    counts as four residuals, so that the views' own disagreement takes over the more there are.

    Raises
    ------
    ValueError
        When shapes do not fit, or a setting is not positive.

    Examples
    --------
    >>> import numpy as np
    >>> from napari_sdannce.geometry import Camera
    >>> matrix = np.array([[500.0, 0, 320], [0, 500, 240], [0, 0, 1]])
    >>> row = [Camera(str(x), matrix, np.eye(3), np.array([x, 0.0, 0])) for x in (-90, 0, 50, 90)]
    >>> pixels = np.stack([camera.project([1.0, 2.0, 300.0]) for camera in row])
    >>> pixels[1] += 200  # a wrong click
    >>> found = triangulate(row, pixels)
    >>> found.points.round(6).tolist(), found.accepted.tolist()
    ([1.0, 2.0, 300.0], [True, False, True, True])
    """
    views = check_views(cameras, pixels)
    # one layout for the compiled function: it is compiled anew for every other
    flat = np.require(views.reshape(len(cameras), -1, 2), requirements=["C", "W"])
    factors = _weights(weights, views.shape[:-1]).reshape(flat.shape[:2])
    limits, noise = rejection_limits(cameras, max_error), _noise(pixel_sigma)
    from napari_sdannce.geometry._consensus import triangulate_block

    rows, found = camera_rows(cameras), _nothing_found(views.shape[:-1])
    out = (
        found.points.reshape(-1, 3),
        found.accepted.reshape(flat.shape[:2]),
        found.residuals.reshape(flat.shape[:2]),
        found.error.reshape(-1),
        found.covariance.reshape(-1, 3, 3),
    )

    def work(start: int, stop: int) -> None:
        triangulate_block(rows, flat, factors, limits, noise, start, stop, out)

    over_blocks(work, flat.shape[1], _BLOCK, threads)
    return found


def _nothing_found(shape: tuple[int, ...]) -> Triangulation:
    """Arrays for the compiled function to fill, for observations (V, ...)."""
    points = shape[1:]
    return Triangulation(
        np.full((*points, 3), np.nan),
        np.zeros(shape, dtype=bool),
        np.full(shape, np.nan),
        np.full(points, np.nan),
        np.full((*points, 3, 3), np.nan),
    )


def _noise(pixel_sigma: float) -> tuple[float, float, float]:
    """Sigma (px), Huber's knee (px), and how many residuals the stated sigma counts as."""
    if not 0 < pixel_sigma < np.inf:
        raise ValueError(f"pixel_sigma must be positive, got {pixel_sigma}")
    return float(pixel_sigma), _KNEE * float(pixel_sigma), _PRIOR_RESIDUALS


def _weights(weights: npt.ArrayLike | None, shape: tuple[int, ...]) -> FloatArray:
    """Weights (V, ...) of observations, checked."""
    if weights is None:
        return np.ones(shape)
    given = np.asarray(weights, dtype=np.float64)
    try:
        spread = np.broadcast_to(given, shape)
    except ValueError:
        raise ValueError(f"weights have shape {given.shape}, which does not fit {shape}") from None
    if (given < 0).any() or np.isinf(given).any():
        raise ValueError("weights must be finite and not negative")
    return np.require(spread, requirements=["C", "W"])


def rejection_limits(cameras: Sequence[Camera], max_error: float | None) -> FloatArray:
    """(V,) px beyond which a view is rejected; see `triangulate`."""
    if max_error is None:
        return np.array(
            [_MAX_ERROR * (camera.matrix[0, 0] + camera.matrix[1, 1]) / 2 for camera in cameras]
        )
    if not max_error > 0:
        raise ValueError(f"max_error must be positive, got {max_error}")
    return np.full(len(cameras), float(max_error))
