"""The compiled lens models: their polynomials, the inverses, and whole cameras.

Cameras are the rows of `camera_rows`; `cameras[v]` is the one meant.
"""

from __future__ import annotations

import numpy as np

from napari_sdannce.geometry import distortion, fisheye
from napari_sdannce.geometry.camera_rows import CX, CY, FISHEYE, FX, FY, LENS, REACH, SKEW
from napari_sdannce.geometry.compiled import compiled

bend = compiled(distortion.bend)
bend_slopes = compiled(distortion.bend_slopes)
bend_fisheye = compiled(fisheye.bend_fisheye)
bend_fisheye_slopes = compiled(fisheye.bend_fisheye_slopes)

_STEPS = 40
_TOLERANCE = 1e-14
_FISHEYE_STEPS = 80


@compiled
def _newton(xd, yd, x, y, lens, reach):  # type: ignore[no-untyped-def]
    """Newton steps from (x, y), kept inside the reach and halved while they make things worse."""
    k1, k2, k3, p1, p2 = lens[0], lens[1], lens[2], lens[3], lens[4]
    xb, yb = bend(x, y, k1, k2, k3, p1, p2)
    miss = np.sqrt((xb - xd) * (xb - xd) + (yb - yd) * (yb - yd))
    # the rounding error of the polynomial grows with its terms, not with its value
    goal = _TOLERANCE * (1 + np.sqrt(xd * xd + yd * yd))
    for _ in range(_STEPS):
        if miss <= goal:
            break
        a, b, d = bend_slopes(x, y, k1, k2, k3, p1, p2)
        determinant = a * d - b * b
        if not determinant > 1e-12:
            break
        step_x = (d * (xb - xd) - b * (yb - yd)) / determinant
        step_y = (a * (yb - yd) - b * (xb - xd)) / determinant
        part = 1.0
        before = miss
        for _ in range(12):
            x_new, y_new = x - part * step_x, y - part * step_y
            radius = np.sqrt(x_new * x_new + y_new * y_new)
            if radius > reach:
                x_new, y_new = x_new * reach / radius, y_new * reach / radius
            xb, yb = bend(x_new, y_new, k1, k2, k3, p1, p2)
            miss = np.sqrt((xb - xd) * (xb - xd) + (yb - yd) * (yb - yd))
            if miss < before:
                break
            part *= 0.5
        if miss >= before:
            miss = before
            break
        x, y = x_new, y_new
    return x, y, miss


@compiled
def _radial_start(radius_d, lens, reach):  # type: ignore[no-untyped-def]
    """Radius whose image is `radius_d` when only the radial terms act, by bisection."""
    low, high = 0.0, max(radius_d, 1e-3)
    if reach < np.inf:
        high = reach
    else:
        for _ in range(60):
            q = high * high
            if high * (1 + q * (lens[0] + q * (lens[1] + q * lens[2]))) >= radius_d:
                break
            high *= 2
    for _ in range(50):
        radius = 0.5 * (low + high)
        q = radius * radius
        if radius * (1 + q * (lens[0] + q * (lens[1] + q * lens[2]))) < radius_d:
            low = radius
        else:
            high = radius
    return low


@compiled
def unbend(xd, yd, lens, reach):  # type: ignore[no-untyped-def]
    """Ideal coordinates of distorted ones; NaN where there are none within the reach."""
    radius_d = np.hypot(xd, yd)
    if not radius_d < np.inf:
        return np.nan, np.nan
    enough = 1e-11 * (1 + radius_d)
    start = min(1.0, 0.99 * reach / max(radius_d, 1e-300))
    x, y, miss = _newton(xd, yd, xd * start, yd * start, lens, reach)
    if miss > enough:
        # the plain start lies beyond a bend of the polynomial: take the radial answer instead
        part = min(_radial_start(radius_d, lens, reach), 0.999 * reach) / max(radius_d, 1e-300)
        x, y, miss = _newton(xd, yd, xd * part, yd * part, lens, reach)
    if miss > enough or x * x + y * y > reach * reach:
        return np.nan, np.nan
    return x, y


@compiled
def unbend_all(goal, lens, reach):  # type: ignore[no-untyped-def]
    """Apply `unbend` to (N, 2)."""
    ideal = np.empty_like(goal)
    for i in range(len(goal)):
        ideal[i, 0], ideal[i, 1] = unbend(goal[i, 0], goal[i, 1], lens, reach)
    return ideal


@compiled
def _angle_of(bent, lens, widest):  # type: ignore[no-untyped-def]
    """Angle below `widest` that a fisheye shows at the distance `bent`; NaN where there is none.

    Newton's steps, kept between bounds that close in.
    """
    k1, k2, k3, k4 = lens[0], lens[1], lens[2], lens[3]
    low, high = 0.0, widest
    angle = min(bent, widest)
    for _ in range(_FISHEYE_STEPS):
        q = angle * angle
        miss = angle * (1 + q * (k1 + q * (k2 + q * (k3 + q * k4)))) - bent
        if abs(miss) <= 1e-16 * (1 + bent):
            return angle
        if miss < 0:
            low = angle
        else:
            high = angle
        growth = 1 + q * (3 * k1 + q * (5 * k2 + q * (7 * k3 + q * 9 * k4)))
        step = miss / growth
        before, angle = angle, angle - step
        if not low < angle < high:
            angle = 0.5 * (low + high)
        if angle == before:
            break
    # the bounds met at the widest angle, and it is not enough
    return angle if abs(miss) <= 1e-11 * (1 + bent) else np.nan


@compiled
def unbend_fisheye(xd, yd, lens, widest):  # type: ignore[no-untyped-def]
    """Ideal coordinates of distorted ones; NaN where there are none up to the widest angle."""
    bent = np.hypot(xd, yd)
    if not bent < np.inf:
        return np.nan, np.nan
    if bent == 0:
        return xd, yd
    part = np.tan(_angle_of(bent, lens, widest)) / bent
    return xd * part, yd * part


@compiled
def unbend_fisheye_all(goal, lens, widest):  # type: ignore[no-untyped-def]
    """Apply `unbend_fisheye` to (N, 2)."""
    ideal = np.empty_like(goal)
    for i in range(len(goal)):
        ideal[i, 0], ideal[i, 1] = unbend_fisheye(goal[i, 0], goal[i, 1], lens, widest)
    return ideal


@compiled
def look(cameras, v, x0, y0, z0):  # type: ignore[no-untyped-def]
    """Pixel u, v of a world point; its ideal coordinates x, y; 1 / depth.

    All NaN behind the camera and beyond the reach of its lens model.
    """
    depth = cameras[v, 6] * x0 + cameras[v, 7] * y0 + cameras[v, 8] * z0 + cameras[v, 11]
    if not depth > 0:
        return np.nan, np.nan, np.nan, np.nan, np.nan
    near = 1 / depth
    x = (cameras[v, 0] * x0 + cameras[v, 1] * y0 + cameras[v, 2] * z0 + cameras[v, 9]) * near
    y = (cameras[v, 3] * x0 + cameras[v, 4] * y0 + cameras[v, 5] * z0 + cameras[v, 10]) * near
    if x * x + y * y > cameras[v, REACH] * cameras[v, REACH]:
        return np.nan, np.nan, np.nan, np.nan, np.nan
    k1, k2, k3 = cameras[v, LENS], cameras[v, LENS + 1], cameras[v, LENS + 2]
    if cameras[v, FISHEYE] > 0:
        xb, yb = bend_fisheye(x, y, k1, k2, k3, cameras[v, LENS + 3])
    else:
        xb, yb = bend(x, y, k1, k2, k3, cameras[v, LENS + 3], cameras[v, LENS + 4])
    u = cameras[v, FX] * xb + cameras[v, SKEW] * yb + cameras[v, CX]
    return u, cameras[v, FY] * yb + cameras[v, CY], x, y, near


@compiled
def line_of_sight(cameras, v, across, down):  # type: ignore[no-untyped-def]
    """World direction of the line of sight of a pixel, one unit of depth long.

    NaN beyond the reach of the lens model.
    """
    yd = (down - cameras[v, CY]) / cameras[v, FY]
    xd = (across - cameras[v, CX] - cameras[v, SKEW] * yd) / cameras[v, FX]
    if cameras[v, FISHEYE] > 0:
        x, y = unbend_fisheye(xd, yd, cameras[v, LENS : LENS + 5], cameras[v, FISHEYE])
    else:
        x, y = unbend(xd, yd, cameras[v, LENS : LENS + 5], cameras[v, REACH])
    return (
        cameras[v, 0] * x + cameras[v, 3] * y + cameras[v, 6],
        cameras[v, 1] * x + cameras[v, 4] * y + cameras[v, 7],
        cameras[v, 2] * x + cameras[v, 5] * y + cameras[v, 8],
    )
