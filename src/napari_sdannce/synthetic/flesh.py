"""The body of a rat at rest as a field of distances: negative inside, zero at the skin."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.interpolate import PchipInterpolator

from napari_sdannce.synthetic.anatomy import BONES, FORE_LEFT, FORE_RIGHT, HIND_LEFT, HIND_RIGHT

FloatArray = npt.NDArray[np.float64]

# outline of the trunk, rump to nose: x, top, bottom, half width (mm)
_OUTLINE = np.array(
    [
        [-43.0, 39.0, 36.0, 0.5],
        [-39.5, 45.0, 30.0, 8.0],
        [-30.0, 52.0, 24.0, 14.0],
        [-12.0, 62.0, 15.0, 23.5],
        [12.0, 70.0, 9.5, 30.5],
        [45.0, 75.5, 8.5, 33.0],
        [75.0, 75.5, 10.5, 31.0],
        [105.0, 71.0, 15.0, 26.5],
        [128.0, 64.5, 20.0, 22.0],
        [146.0, 61.0, 23.5, 18.5],
        [158.0, 62.0, 25.5, 17.5],
        [168.0, 61.5, 25.5, 17.2],
        [180.0, 56.5, 25.5, 14.8],
        [191.0, 49.0, 25.5, 11.6],
        [201.0, 42.5, 25.8, 9.0],
        [208.0, 38.0, 26.6, 6.6],
        [211.5, 35.0, 28.3, 3.8],
        [213.0, 32.8, 30.5, 0.5],
    ]
)
_TOP, _BOTTOM, _HALF_WIDTH = (PchipInterpolator(_OUTLINE[:, 0], _OUTLINE[:, k]) for k in (1, 2, 3))

# radii at both ends of the three bones of a limb, mm
_FORE_RADII = ((14.0, 8.5), (7.5, 4.6), (4.2, 3.0))
_HIND_RADII = ((18.5, 13.0), (11.0, 5.0), (4.6, 3.3))
_SCAPULA = (np.array([122.0, 14.0, 50.0]), np.array([131.0, 18.0, 40.0]), 12.0, 13.0)
_RUMP = (np.array([-14.0, 10.0, 42.0]), np.array([6.0, 17.0, 42.0]), 12.0, 18.5)


def trunk_distance(points: FloatArray) -> FloatArray:
    """Signed distance (...), near the skin, of points (..., 3) mm to trunk and head."""
    first, last = _OUTLINE[0, 0], _OUTLINE[-1, 0]
    x = np.clip(points[..., 0], first, last)
    top, bottom, wide = _TOP(x), _BOTTOM(x), _HALF_WIDTH(x)
    tall = (top - bottom) / 2
    y, z = points[..., 1] / wide, (points[..., 2] - (top + bottom) / 2) / tall
    # a little more square than an ellipse, as flanks are
    round_ = (np.abs(y) ** 2.2 + np.abs(z) ** 2.2) ** (1 / 2.2)
    beyond = np.abs(points[..., 0] - x)
    return np.asarray(np.hypot(np.maximum(round_ - 1, 0) * np.minimum(wide, tall), beyond)
                      + np.minimum(round_ - 1, 0) * np.minimum(wide, tall))  # fmt: skip


def _capsule(
    points: FloatArray, start: FloatArray, end: FloatArray, r0: float, r1: float
) -> FloatArray:
    along = end - start
    s = np.clip((points - start) @ along / (along @ along), 0, 1)
    nearest = start + s[..., None] * along
    return np.asarray(np.linalg.norm(points - nearest, axis=-1) - (r0 + s * (r1 - r0)))


def limb_distances(points: FloatArray) -> dict[int, FloatArray]:
    """Signed distance (...) of points (..., 3) mm to the flesh of each limb bone."""
    found = {}
    for first, radii in (
        (FORE_LEFT, _FORE_RADII),
        (FORE_RIGHT, _FORE_RADII),
        (HIND_LEFT, _HIND_RADII),
        (HIND_RIGHT, _HIND_RADII),
    ):
        for k, (r0, r1) in enumerate(radii):
            bone = BONES[first + k]
            found[first + k] = _capsule(points, bone.start, bone.end, r0, r1)
    return found


def body_distance(points: FloatArray) -> FloatArray:
    """Signed distance (...) of points (..., 3) mm to the whole furry body, joints blended."""
    trunk = trunk_distance(points)
    limbs = limb_distances(points)
    for (start, end, r0, r1), blend in ((_SCAPULA, 10.0), (_RUMP, 14.0)):
        for side in (1.0, -1.0):
            mirror = np.array([1.0, side, 1.0])
            trunk = blended(trunk, _capsule(points, start * mirror, end * mirror, r0, r1), blend)
    body = trunk
    for first, blend in (
        (FORE_LEFT, 8.0),
        (FORE_RIGHT, 8.0),
        (HIND_LEFT, 10.0),
        (HIND_RIGHT, 10.0),
    ):
        upper, lower, foot = (limbs[first + k] for k in range(3))
        body = np.minimum(body, blended(trunk, upper, blend))
        body = np.minimum(body, blended(upper, lower, 5.0))
        body = np.minimum(body, blended(lower, foot, 3.0))
    return body


def blended(a: FloatArray, b: FloatArray, width: float) -> FloatArray:
    """Union of two fields, smooth over `width` mm (polynomial smooth minimum)."""
    h = np.maximum(width - np.abs(a - b), 0) / width
    return np.asarray(np.minimum(a, b) - h * h * width / 4)
