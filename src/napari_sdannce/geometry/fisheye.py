"""The fisheye lens: angles instead of tangents, their polynomial, its slopes and its inverse.

The model is OpenCV's (`cv2.fisheye`), that of Kannala and Brandt (A generic camera model and
calibration method for conventional, wide-angle, and fish-eye lenses, PAMI 2006) with its radial
terms alone: a point at the angle ``t`` off the axis is seen at the distance
``t (1 + k1 t^2 + k2 t^4 + k3 t^6 + k4 t^8)`` from the principal point, in its own direction.

As everywhere here, points are ideal normalised coordinates ``(x, y)`` (camera frame, divided by
depth), so only those in front of the camera have an image: less than 90 degrees off the axis.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]

# added to a square before it divides, so that the axis needs no branch; 1e-284 swallows it
_TINY = 1e-300


def bend_fisheye(x: Any, y: Any, k1: Any, k2: Any, k3: Any, k4: Any) -> tuple[Any, Any]:
    """Bend ideal normalised coordinates as the lens does, for arrays and, compiled, for numbers."""
    radius = np.sqrt(x * x + y * y + _TINY)
    angle = np.arctan(radius)
    q = angle * angle
    scale = angle * (1 + q * (k1 + q * (k2 + q * (k3 + q * k4)))) / radius
    return x * scale, y * scale


def bend_fisheye_slopes(x: Any, y: Any, k1: Any, k2: Any, k3: Any, k4: Any) -> tuple[Any, ...]:
    """Derivatives of `bend_fisheye`: d x'/dx, d x'/dy = d y'/dx, d y'/dy."""
    square = x * x + y * y
    radius = np.sqrt(square + _TINY)
    angle = np.arctan(radius)
    q = angle * angle
    scale = angle * (1 + q * (k1 + q * (k2 + q * (k3 + q * k4)))) / radius
    growth = 1 + q * (3 * k1 + q * (5 * k2 + q * (7 * k3 + q * 9 * k4)))  # of the image, by angle
    slope = (growth / (1 + square) - scale) / (square + _TINY)  # of scale, by radius, over radius
    return scale + x * x * slope, x * y * slope, scale + y * y * slope


def distort_fisheye(xy: FloatArray, radial: FloatArray) -> FloatArray:
    """Bend ideal normalised coordinates as the lens does.

    Parameters
    ----------
    xy
        (..., 2) ideal normalised coordinates.
    radial
        (4,) coefficients k1, k2, k3, k4.

    Returns
    -------
    (..., 2) distorted normalised coordinates. Beyond `fold_angle` they are what the polynomial
    says, not what a lens does.

    Examples
    --------
    >>> bent = distort_fisheye(np.array([1.0, 0.0]), np.array([0.1, 0, 0, 0]))
    >>> bool(np.isclose(bent[0], np.pi / 4 * (1 + 0.1 * (np.pi / 4) ** 2)))
    True
    """
    return np.stack(bend_fisheye(xy[..., 0], xy[..., 1], *radial), axis=-1)


def undistort_fisheye(xy: FloatArray, radial: FloatArray) -> FloatArray:
    """Invert `distort_fisheye` exactly.

    Parameters
    ----------
    xy
        (..., 2) distorted normalised coordinates.
    radial
        (4,) coefficients k1, k2, k3, k4.

    Returns
    -------
    (..., 2) ideal normalised coordinates; NaN for what lies farther out than `fold_angle`.

    Examples
    --------
    >>> undistort_fisheye(np.array([np.pi / 4, 0.0]), np.zeros(4)).round(9).tolist()
    [1.0, 0.0]
    """
    from napari_sdannce.geometry.compiled_lens import unbend_fisheye_all

    goal = np.ascontiguousarray(xy, dtype=np.float64).reshape(-1, 2)
    coefficients = np.array(radial, dtype=np.float64)
    widest = fold_angle(tuple(coefficients.tolist()))
    return np.asarray(unbend_fisheye_all(goal, coefficients, widest)).reshape(np.shape(xy))


@lru_cache(maxsize=256)
def fold_angle(radial: tuple[float, ...]) -> float:
    """Angle off the axis, radians, up to which the lens model is one-to-one; at most pi / 2.

    Parameters
    ----------
    radial
        k1, k2, k3, k4.

    Examples
    --------
    >>> fold_angle((0.0, 0.0, 0.0, 0.0)) == np.pi / 2
    True
    >>> round(fold_angle((-0.5, 0.0, 0.0, 0.0)), 6)
    0.816497
    """
    k1, k2, k3, k4 = radial
    # where the image stops growing with the angle t, solved for 1 / t^2, so that a last term next
    # to zero does no harm
    roots = np.roots([1, 3 * k1, 5 * k2, 7 * k3, 9 * k4])
    real = roots.real[(np.abs(roots.imag) <= 1e-9 * np.abs(roots)) & (roots.real > 1e-12)]
    return float(min(np.sqrt(1 / real.max()), np.pi / 2)) if len(real) else np.pi / 2
