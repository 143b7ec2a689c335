"""Lens distortion: radial and tangential polynomial, its Jacobian and its exact inverse.

The polynomial is Brown's, with two or three radial terms and two tangential terms, as used by
OpenCV (`k1, k2, p1, p2, k3`), MATLAB and DANNCE. It maps ideal normalised coordinates ``(x, y)``
(camera frame, divided by depth) to distorted normalised coordinates.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]

_MAX_NEWTON_STEPS = 30
_TOLERANCE = 1e-13


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
    (..., 2) distorted normalised coordinates.
    """
    x, y = xy[..., 0], xy[..., 1]
    k1, k2, k3 = radial
    p1, p2 = tangential
    q = x * x + y * y
    scale = 1 + q * (k1 + q * (k2 + q * k3))
    return np.stack(
        [
            x * scale + 2 * p1 * x * y + p2 * (q + 2 * x * x),
            y * scale + p1 * (q + 2 * y * y) + 2 * p2 * x * y,
        ],
        axis=-1,
    )


def distortion_jacobian(xy: FloatArray, radial: FloatArray, tangential: FloatArray) -> FloatArray:
    """Differentiate `distort` with respect to the ideal coordinates; returns (..., 2, 2)."""
    x, y = xy[..., 0], xy[..., 1]
    k1, k2, k3 = radial
    p1, p2 = tangential
    q = x * x + y * y
    scale = 1 + q * (k1 + q * (k2 + q * k3))
    slope = 2 * (k1 + q * (2 * k2 + q * 3 * k3))  # d scale / d q, times two
    cross = x * y * slope + 2 * p1 * x + 2 * p2 * y
    return np.stack(
        [
            np.stack([scale + x * x * slope + 2 * p1 * y + 6 * p2 * x, cross], axis=-1),
            np.stack([cross, scale + y * y * slope + 6 * p1 * y + 2 * p2 * x], axis=-1),
        ],
        axis=-2,
    )


def undistort(xy: FloatArray, radial: FloatArray, tangential: FloatArray) -> FloatArray:
    """Invert `distort` exactly, by damped Newton steps on the polynomial itself.

    Parameters
    ----------
    xy
        (..., 2) distorted normalised coordinates.

    Returns
    -------
    (..., 2) ideal normalised coordinates; NaN where the polynomial has no inverse (a pixel farther
    out than the lens model reaches).
    """
    goal = np.asarray(xy, dtype=np.float64).reshape(-1, 2)
    if not (np.any(radial) or np.any(tangential)):
        return np.asarray(xy, dtype=np.float64).copy()
    ideal = goal.copy()
    active = np.flatnonzero(np.isfinite(goal).all(axis=1))
    solved = np.zeros(len(goal), dtype=bool)
    for _ in range(_MAX_NEWTON_STEPS):
        if not len(active):
            break
        residual = distort(ideal[active], radial, tangential) - goal[active]
        size = np.abs(residual).max(axis=1)
        done = size < _TOLERANCE * np.maximum(1, np.abs(goal[active]).max(axis=1))
        solved[active[done]] = True
        active, residual = active[~done], residual[~done]
        if not len(active):
            break
        jacobian = distortion_jacobian(ideal[active], radial, tangential)
        ideal[active] -= _solve_2x2(jacobian, residual)
    # only the branch that joins the optical axis is a lens: the Jacobian keeps its sign along it
    jacobian = distortion_jacobian(ideal, radial, tangential)
    determinant = jacobian[:, 0, 0] * jacobian[:, 1, 1] - jacobian[:, 0, 1] * jacobian[:, 1, 0]
    with np.errstate(invalid="ignore"):
        ideal[~solved | (determinant <= 0)] = np.nan
    return ideal.reshape(np.shape(xy))


def _solve_2x2(matrix: FloatArray, vector: FloatArray) -> FloatArray:
    """Solve many 2x2 systems; a singular one gives a step of zero, so that it is not solved."""
    (a, b), (c, d) = np.moveaxis(matrix, (-2, -1), (0, 1))
    determinant = a * d - b * c
    singular = np.abs(determinant) < 1e-12
    inverse = np.where(singular, 0.0, 1 / np.where(singular, 1.0, determinant))
    u, v = vector[:, 0], vector[:, 1]
    return np.stack([(d * u - b * v) * inverse, (a * v - c * u) * inverse], axis=-1)
