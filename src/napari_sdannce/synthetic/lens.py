"""The lens model of `geometry.Camera` for compiled loops."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from numba import njit

if TYPE_CHECKING:
    from napari_sdannce.geometry import Camera

FloatArray = npt.NDArray[np.float64]

_NEWTON_STEPS = 12
_TOLERANCE = 1e-14


def packed(camera: Camera) -> FloatArray:
    """(22,) numbers of a camera: rotation, translation, fx skew fy cx cy, k1 k2 k3 p1 p2."""
    m = camera.matrix
    inner = [m[0, 0], m[0, 1], m[1, 1], m[0, 2], m[1, 2]]
    return np.concatenate(
        [camera.rotation.ravel(), camera.translation, inner, camera.radial3, camera.tangential]
    )


@njit(cache=True, nogil=True)
def project(lens: FloatArray, x: float, y: float, z: float) -> tuple[float, float, float]:
    """Pixel (u, v), distorted, and depth of a world point; the depth is not positive behind."""
    cx = lens[0] * x + lens[1] * y + lens[2] * z + lens[9]
    cy = lens[3] * x + lens[4] * y + lens[5] * z + lens[10]
    cz = lens[6] * x + lens[7] * y + lens[8] * z + lens[11]
    if cz <= 1e-6:
        return 0.0, 0.0, cz
    a, b = cx / cz, cy / cz
    q = a * a + b * b
    scale = 1 + q * (lens[17] + q * (lens[18] + q * lens[19]))
    p1, p2 = lens[20], lens[21]
    da = a * scale + 2 * p1 * a * b + p2 * (q + 2 * a * a)
    db = b * scale + p1 * (q + 2 * b * b) + 2 * p2 * a * b
    return lens[12] * da + lens[13] * db + lens[15], lens[14] * db + lens[16], cz


@njit(cache=True, nogil=True)
def line_of_sight(lens: FloatArray, u: float, v: float) -> tuple[float, float, float]:
    """World direction of the line of sight of pixel (u, v), as long as one unit of depth needs."""
    gb = (v - lens[16]) / lens[14]
    ga = (u - lens[15] - lens[13] * gb) / lens[12]
    a, b = ga, gb
    p1, p2 = lens[20], lens[21]
    for _ in range(_NEWTON_STEPS):
        q = a * a + b * b
        scale = 1 + q * (lens[17] + q * (lens[18] + q * lens[19]))
        ra = a * scale + 2 * p1 * a * b + p2 * (q + 2 * a * a) - ga
        rb = b * scale + p1 * (q + 2 * b * b) + 2 * p2 * a * b - gb
        if abs(ra) + abs(rb) < _TOLERANCE:
            break
        slope = 2 * (lens[17] + q * (2 * lens[18] + q * 3 * lens[19]))
        jaa = scale + a * a * slope + 2 * p1 * b + 6 * p2 * a
        jab = a * b * slope + 2 * p1 * a + 2 * p2 * b
        jbb = scale + b * b * slope + 6 * p1 * b + 2 * p2 * a
        det = jaa * jbb - jab * jab
        a -= (jbb * ra - jab * rb) / det
        b -= (jaa * rb - jab * ra) / det
    return (
        lens[0] * a + lens[3] * b + lens[6],
        lens[1] * a + lens[4] * b + lens[7],
        lens[2] * a + lens[5] * b + lens[8],
    )
