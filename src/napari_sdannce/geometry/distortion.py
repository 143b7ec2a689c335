"""Lens distortion: radial and tangential polynomial, its slopes and its exact inverse.

The polynomial is Brown's, with two or three radial terms and two tangential terms, as used by
OpenCV (`k1, k2, p1, p2, k3`), MATLAB and DANNCE. It maps ideal normalised coordinates ``(x, y)``
(camera frame, divided by depth) to distorted normalised coordinates.

A polynomial is a lens only near the optical axis: where it stops growing outwards it folds back,
and beyond that fold it brings points far outside the field of view into the image. `fold_radius`
says how far it can be trusted; `undistort` and `Camera` return no point from beyond it.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]

_DIRECTIONS = 180
_RADII = 400
# tangent of 84 degrees: no tangential term was ever measured farther off the axis
_WIDEST = 10.0


def bend(x: Any, y: Any, k1: Any, k2: Any, k3: Any, p1: Any, p2: Any) -> tuple[Any, Any]:
    """Bend ideal normalised coordinates as the lens does, for arrays and, compiled, for numbers."""
    q = x * x + y * y
    scale = 1 + q * (k1 + q * (k2 + q * k3))
    return (
        x * scale + 2 * p1 * x * y + p2 * (q + 2 * x * x),
        y * scale + p1 * (q + 2 * y * y) + 2 * p2 * x * y,
    )


def bend_slopes(x: Any, y: Any, k1: Any, k2: Any, k3: Any, p1: Any, p2: Any) -> tuple[Any, ...]:
    """Derivatives of `bend`: d x'/dx, d x'/dy = d y'/dx, d y'/dy."""
    q = x * x + y * y
    scale = 1 + q * (k1 + q * (k2 + q * k3))
    slope = 2 * (k1 + q * (2 * k2 + q * 3 * k3))  # d scale / d q, times two
    return (
        scale + x * x * slope + 2 * p1 * y + 6 * p2 * x,
        x * y * slope + 2 * p1 * x + 2 * p2 * y,
        scale + y * y * slope + 6 * p1 * y + 2 * p2 * x,
    )


def distort(xy: FloatArray, radial: FloatArray, tangential: FloatArray) -> FloatArray:
    """Bend ideal normalised coordinates as the lens does.

    Parameters
    ----------
    xy
        (..., 2) ideal normalised coordinates.
    radial
        (3,) radial coefficients k1, k2, k3.
    tangential
        (2,) tangential coefficients p1, p2.

    Returns
    -------
    (..., 2) distorted normalised coordinates. Beyond `fold_radius` they are what the polynomial
    says, not what a lens does.

    Examples
    --------
    >>> distort(np.array([0.5, 0.0]), np.array([-0.2, 0, 0]), np.zeros(2)).tolist()
    [0.475, 0.0]
    """
    return np.stack(bend(xy[..., 0], xy[..., 1], *radial, *tangential), axis=-1)


def undistort(xy: FloatArray, radial: FloatArray, tangential: FloatArray) -> FloatArray:
    """Invert `distort` exactly, by Newton steps on the polynomial itself.

    Parameters
    ----------
    xy
        (..., 2) distorted normalised coordinates.
    radial
        (3,) radial coefficients k1, k2, k3.
    tangential
        (2,) tangential coefficients p1, p2.

    Returns
    -------
    (..., 2) ideal normalised coordinates; NaN where the polynomial has no inverse within
    `fold_radius` (a pixel farther out than the lens model reaches).

    Examples
    --------
    >>> undistort(np.array([0.475, 0.0]), np.array([-0.2, 0, 0]), np.zeros(2)).round(9).tolist()
    [0.5, 0.0]
    """
    goal = np.ascontiguousarray(xy, dtype=np.float64).reshape(-1, 2)
    if not (np.any(radial) or np.any(tangential)):
        return goal.reshape(np.shape(xy)).copy()
    from napari_sdannce.geometry.compiled_lens import unbend_all

    coefficients = np.array([*radial, *tangential], dtype=np.float64)
    reach = fold_radius(tuple(coefficients[:3].tolist()), tuple(coefficients[3:].tolist()))
    return np.asarray(unbend_all(goal, coefficients, reach)).reshape(np.shape(xy))


@lru_cache(maxsize=256)
def fold_radius(radial: tuple[float, ...], tangential: tuple[float, ...]) -> float:
    """Radius, in ideal normalised coordinates, up to which the lens model is one-to-one.

    Up to it the Jacobian of `distort` keeps a positive determinant in every direction; infinite for
    a model that never folds.

    Parameters
    ----------
    radial
        k1, k2, k3.
    tangential
        p1, p2.

    Examples
    --------
    >>> round(fold_radius((-0.3, 0.0, 0.0), (0.0, 0.0)), 6)
    1.054093
    >>> fold_radius((0.1, 0.0, 0.0), (0.0, 0.0))
    inf
    """
    k1, k2, k3 = radial
    # with radial terms alone: where d/dr of r (1 + k1 r^2 + k2 r^4 + k3 r^6) first vanishes, solved
    # for 1 / r^2, so that a last term next to zero does no harm
    roots = np.roots([1, 3 * k1, 5 * k2, 7 * k3])
    real = roots.real[(np.abs(roots.imag) <= 1e-9 * np.abs(roots)) & (roots.real > 1e-12)]
    reach = float(np.sqrt(1 / real.max())) if len(real) else np.inf
    if any(tangential):
        reach = _first_fold(radial, tangential, reach)
    return reach


def _first_fold(radial: tuple[float, ...], tangential: tuple[float, ...], reach: float) -> float:
    """Smallest radius below `reach` at which the determinant vanishes in any direction."""
    angles = np.linspace(0, 2 * np.pi, _DIRECTIONS, endpoint=False)
    low, high = 0.0, min(reach, _WIDEST)
    for _ in range(3):  # each pass looks 400 times closer
        radii = np.linspace(low, high, _RADII + 1)[1:]
        x, y = radii[:, None] * np.cos(angles), radii[:, None] * np.sin(angles)
        a, b, d = bend_slopes(x, y, *radial, *tangential)
        folded = np.flatnonzero((a * d - b * b <= 0).any(axis=1))
        if not len(folded):
            return high if low > 0 else reach
        high = float(radii[folded[0]])
        low = float(radii[folded[0] - 1]) if folded[0] else low
    return low
