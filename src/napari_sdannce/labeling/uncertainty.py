"""How exactly a position in space is known: as a camera sees it, and which click would help."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from napari_sdannce.geometry import Camera

FloatArray = npt.NDArray[np.floating]

_CHI2_95 = 5.991
"""95 % of a normal distribution in two dimensions lie within this squared distance."""
_STEP_MM = 0.05


def ellipse(
    camera: Camera, point: npt.ArrayLike, covariance: npt.ArrayLike, samples: int = 60
) -> FloatArray:
    """Outline within which a camera sees a position, 19 times in 20.

    Parameters
    ----------
    camera
        Camera.
    point
        (3,) mm.
    covariance
        (3, 3) mm^2 of the point.
    samples
        Points of the outline.

    Returns
    -------
    (samples, 2) px, the last one the first again; NaN where the camera does not see it or the
    covariance is not known.
    """
    at, jacobian = _seen(camera, point)
    spread = jacobian @ np.asarray(covariance, dtype=np.float64) @ jacobian.T
    if not np.isfinite(spread).all():
        return np.full((samples, 2), np.nan)
    values, axes = np.linalg.eigh(spread)
    around = np.linspace(0.0, 2 * np.pi, samples)
    circle = np.stack([np.cos(around), np.sin(around)], axis=-1)
    return np.asarray(at + circle * np.sqrt(_CHI2_95 * np.maximum(values, 0)) @ axes.T)


def most_helpful(
    cameras: Sequence[Camera | None],
    views: Iterable[int],
    point: npt.ArrayLike,
    covariance: npt.ArrayLike,
    pixel_sigma: float = 1.0,
) -> tuple[int, float] | None:
    """View in which a further click would make a position most exact.

    A click adds ``J^T J / pixel_sigma^2`` to the inverse of the covariance, J being the Jacobian of
    the view's projection.

    Parameters
    ----------
    cameras
        One a view.
    views
        Those without a click.
    point
        (3,) mm.
    covariance
        (3, 3) mm^2.
    pixel_sigma
        How exact a click is, px.

    Returns
    -------
    The view, and what would be left of the spread (root of the trace): 1 nothing is gained. None
    where no view could.
    """
    known = np.asarray(covariance, dtype=np.float64)
    if not np.isfinite(known).all():
        return None
    before, information = np.trace(known), np.linalg.pinv(known)
    best: tuple[int, float] | None = None
    for view in views:
        camera = cameras[view]
        jacobian = np.full((2, 3), np.nan) if camera is None else _seen(camera, point)[1]
        if not np.isfinite(jacobian).all():
            continue
        after = np.linalg.inv(information + jacobian.T @ jacobian / pixel_sigma**2)
        left = float(np.sqrt(np.trace(after) / before))
        if best is None or left < best[1]:
            best = view, left
    return best


def _seen(camera: Camera, point: npt.ArrayLike) -> tuple[FloatArray, FloatArray]:
    """(2,) px where a camera sees a point, and (2, 3) px a mm how that moves with the point."""
    middle = np.asarray(point, dtype=np.float64)
    steps = np.concatenate([np.zeros((1, 3)), _STEP_MM * np.eye(3), -_STEP_MM * np.eye(3)])
    seen = camera.project(middle + steps)
    return seen[0], (seen[1:4] - seen[4:]).T / (2 * _STEP_MM)
