"""Compiled inner part of robust triangulation: consensus of pairs, then Levenberg-Marquardt.

Cameras are the rows of `camera_rows`. Scalars and small loops on purpose: a point needs a few
microseconds, less than one call of any array function, and array expressions take long to compile.
Arrays are handed on one by one, not as a named tuple: that would take 1.4 times as long.
"""

from __future__ import annotations

import numpy as np

from napari_sdannce.geometry.camera_rows import CENTRE, FISHEYE, FX, FY, LENS, SKEW
from napari_sdannce.geometry.compiled import compiled
from napari_sdannce.geometry.compiled_lens import (
    bend_fisheye_slopes,
    bend_slopes,
    line_of_sight,
    look,
)

_LM_STEPS = 25
_LM_DONE = 1e-16  # px^2: what a step would still gain
_ROUNDS = 10


@compiled
def _copy(source, target):  # type: ignore[no-untyped-def]
    """Copy a vector."""
    for n in range(len(source)):
        target[n] = source[n]


@compiled
def _count(flags):  # type: ignore[no-untyped-def]
    """How many are true."""
    count = 0
    for flag in flags:
        count += flag
    return count


@compiled
def _slopes(cameras, v, x, y, near, jacobian):  # type: ignore[no-untyped-def]
    """Fill `jacobian` (2, 3): pixels by world mm, from what `look` returned."""
    k1, k2, k3 = cameras[v, LENS], cameras[v, LENS + 1], cameras[v, LENS + 2]
    if cameras[v, FISHEYE] > 0:
        a, b, d = bend_fisheye_slopes(x, y, k1, k2, k3, cameras[v, LENS + 3])
    else:
        a, b, d = bend_slopes(x, y, k1, k2, k3, cameras[v, LENS + 3], cameras[v, LENS + 4])
    u_x = cameras[v, FX] * a + cameras[v, SKEW] * b
    u_y = cameras[v, FX] * b + cameras[v, SKEW] * d
    v_x, v_y = cameras[v, FY] * b, cameras[v, FY] * d
    for k in range(3):
        x_k = (cameras[v, k] - x * cameras[v, 6 + k]) * near
        y_k = (cameras[v, 3 + k] - y * cameras[v, 6 + k]) * near
        jacobian[0, k] = u_x * x_k + u_y * y_k
        jacobian[1, k] = v_x * x_k + v_y * y_k


@compiled
def _sight(cameras, v, pixels, sights):  # type: ignore[no-untyped-def]
    """Fill row v of `sights` (V, 3), unit, with a pixel's line of sight; False if there is none."""
    x, y, z = line_of_sight(cameras, v, pixels[v, 0], pixels[v, 1])
    length = np.sqrt(x * x + y * y + z * z)
    if not length < np.inf:
        return False
    sights[v, 0], sights[v, 1], sights[v, 2] = x / length, y / length, z / length
    return True


@compiled
def _take(cameras, pixels, weights, here, weight, observed, seen, sights):  # type: ignore[no-untyped-def]
    """Copy one point's observations, tell which exist and which can be used, and sight along."""
    for v in range(len(cameras)):
        here[v, 0], here[v, 1], weight[v] = pixels[v, 0], pixels[v, 1], weights[v]
        observed[v] = np.isfinite(here[v, 0]) and np.isfinite(here[v, 1])
        seen[v] = observed[v] and weight[v] > 0 and _sight(cameras, v, here, sights)


@compiled
def _meet(cameras, i, j, sights, point):  # type: ignore[no-untyped-def]
    """Fill `point` with the middle of the shortest way between two rays; False when parallel."""
    cosine, p, q = 0.0, 0.0, 0.0
    for k in range(3):
        offset = cameras[j, CENTRE + k] - cameras[i, CENTRE + k]
        cosine += sights[i, k] * sights[j, k]
        p += offset * sights[i, k]
        q += offset * sights[j, k]
    sine = 1 - cosine * cosine
    if sine < 1e-12:
        return False
    s, t = (p - cosine * q) / sine, (cosine * p - q) / sine
    for k in range(3):
        first = cameras[i, CENTRE + k] + s * sights[i, k]
        point[k] = 0.5 * (first + cameras[j, CENTRE + k] + t * sights[j, k])
    return True


@compiled
def _misses(cameras, pixels, seen, point, misses):  # type: ignore[no-untyped-def]
    """Fill `misses` (V,) with the reprojection errors in px, NaN where there is none."""
    for v in range(len(cameras)):
        misses[v] = np.nan
        if seen[v]:
            u, w, _, _, _ = look(cameras, v, point[0], point[1], point[2])
            du, dw = u - pixels[v, 0], w - pixels[v, 1]
            misses[v] = np.sqrt(du * du + dw * dw)


@compiled
def _disagreement(misses, seen, weights, limits):  # type: ignore[no-untyped-def]
    """Truncated sum of squares; among hopeless points the nearer ones still cost a little less."""
    cost = 0.0
    for v in range(len(misses)):
        if seen[v]:
            part = misses[v] / limits[v]
            if part < 1:
                cost += weights[v] * (part * part + 1e-3 * part / (part + 1))
            elif part < np.inf:
                cost += weights[v] * (1 + 1e-3 * part / (part + 1))
            else:  # behind the camera
                cost += weights[v] * 1.01
    return cost


@compiled
def _best_pair(cameras, pixels, sights, seen, weights, limits, misses, point):  # type: ignore[no-untyped-def]
    """Fill `point` with the meeting of the pair of rays that most views agree with."""
    best = np.inf
    trial = np.empty(3)
    for i in range(len(cameras)):
        for j in range(i + 1, len(cameras)):
            if not (seen[i] and seen[j]):
                continue
            if not _meet(cameras, i, j, sights, trial):
                continue
            _misses(cameras, pixels, seen, trial, misses)
            cost = _disagreement(misses, seen, weights, limits)
            if cost < best:
                best = cost
                _copy(trial, point)
    return best < np.inf


@compiled
def _huber(miss, knee):  # type: ignore[no-untyped-def]
    """Cost of a residual, and the weight that a squared one would need for the same slope."""
    if miss <= knee:
        return 0.5 * miss * miss, 1.0
    return knee * (miss - 0.5 * knee), knee / miss


@compiled
def _normal(cameras, pixels, used, weights, knee, point, system, jacobian):  # type: ignore[no-untyped-def]
    """Fill `system` with J^T W J (6 numbers), J^T W r (3); return Huber cost, weighted squares."""
    for n in range(9):
        system[n] = 0.0
    cost, squares = 0.0, 0.0
    for v in range(len(cameras)):
        if not used[v]:
            continue
        u, w, x, y, near = look(cameras, v, point[0], point[1], point[2])
        if not near > 0:
            return np.inf, np.inf
        du, dv = u - pixels[v, 0], w - pixels[v, 1]
        miss = np.sqrt(du * du + dv * dv)
        one, factor = _huber(miss, knee)
        cost += weights[v] * one
        factor *= weights[v]
        squares += factor * miss * miss
        _slopes(cameras, v, x, y, near, jacobian)
        n = 0
        for k in range(3):
            system[6 + k] += factor * (jacobian[0, k] * du + jacobian[1, k] * dv)
            for m in range(k, 3):
                system[n] += factor * (
                    jacobian[0, k] * jacobian[0, m] + jacobian[1, k] * jacobian[1, m]
                )
                n += 1
    return cost, squares


@compiled
def _invert(system, damping, inverse):  # type: ignore[no-untyped-def]
    """Fill `inverse` (3, 3) with that of the damped symmetric matrix; False when singular."""
    a, b, c = system[0] * (1 + damping), system[1], system[2]
    d, e, f = system[3] * (1 + damping), system[4], system[5] * (1 + damping)
    p, q, r = d * f - e * e, c * e - b * f, b * e - c * d
    determinant = a * p + b * q + c * r
    if not determinant > 1e-14 * a * d * f:
        return False
    inverse[0, 0] = p / determinant
    inverse[1, 1] = (a * f - c * c) / determinant
    inverse[2, 2] = (a * d - b * b) / determinant
    inverse[0, 1] = inverse[1, 0] = q / determinant
    inverse[0, 2] = inverse[2, 0] = r / determinant
    inverse[1, 2] = inverse[2, 1] = (b * c - a * e) / determinant
    return True


@compiled
def _step(point, inverse, system, trial):  # type: ignore[no-untyped-def]
    """Fill `trial` with the point after a step; return what the step should gain, px^2."""
    gain = 0.0
    for k in range(3):
        step = 0.0
        for m in range(3):
            step += inverse[k, m] * system[6 + m]
        trial[k] = point[k] - step
        gain += step * system[6 + k]
    return gain


@compiled
def _refine(cameras, pixels, used, weights, knee, point):  # type: ignore[no-untyped-def]
    """Move `point` to the least Huber cost of the distorted residuals of the used views."""
    system, next_system = np.empty(9), np.empty(9)
    jacobian, inverse, trial = np.empty((2, 3)), np.empty((3, 3)), np.empty(3)
    cost, _ = _normal(cameras, pixels, used, weights, knee, point, system, jacobian)
    damping = 0.0
    for _ in range(_LM_STEPS):
        if not cost < np.inf or damping > 1e6:
            return
        if not _invert(system, damping, inverse):
            damping = max(10 * damping, 1e-6)
            continue
        if _step(point, inverse, system, trial) < _LM_DONE:
            return
        next_cost, _ = _normal(cameras, pixels, used, weights, knee, trial, next_system, jacobian)
        if next_cost < cost:
            _copy(trial, point)
            _copy(next_system, system)
            cost = next_cost
            damping = 0.0 if damping < 1e-5 else 0.1 * damping
        else:
            damping = max(10 * damping, 1e-4)


@compiled
def _agree(misses, limits, used, may_return):  # type: ignore[no-untyped-def]
    """Fill `used` with the views within their limits; whether it was so before.

    Unless they may return, views that were not used stay out.
    """
    same = True
    for v in range(len(used)):
        agrees = misses[v] <= limits[v] and (used[v] or may_return)
        same = same and agrees == used[v]
        used[v] = agrees
    return same


@compiled
def _settle(cameras, pixels, seen, weights, limits, knee, misses, point, used):  # type: ignore[no-untyped-def]
    """Refine the best pair's `point` and fill `used` with the views it rests on; count them."""
    _misses(cameras, pixels, seen, point, misses)
    _agree(misses, limits, used, True)
    if _count(used) < 2:  # no two views agree: nothing tells which is wrong
        for v in range(len(used)):
            used[v] = np.isfinite(misses[v])
        if _count(used) >= 2:
            _refine(cameras, pixels, used, weights, knee, point)
        return _count(used)
    before = np.empty_like(used)
    for turn in range(_ROUNDS):
        _refine(cameras, pixels, used, weights, knee, point)
        _misses(cameras, pixels, seen, point, misses)
        _copy(used, before)
        # after some turns only leave views out, so that this ends
        if _agree(misses, limits, used, turn < _ROUNDS // 2):
            break
        if _count(used) < 2:
            _copy(before, used)
            break
    return _count(used)


@compiled
def _spread(squares, count, sigma, prior):  # type: ignore[no-untyped-def]
    """Variance of a pixel coordinate: the stated one, as if from `prior` residuals, and r^T W r."""
    return (prior * sigma * sigma + squares) / (prior + 2 * count - 3)


@compiled
def triangulate_block(cameras, pixels, weights, limits, noise, start, stop, out):  # type: ignore[no-untyped-def]
    """Triangulate points start..stop.

    `pixels` (V, N, 2), `weights` (V, N), `limits` (V,) px, `noise` (sigma, knee, prior); `out`
    holds points (N, 3), used (V, N), misses (V, N), error (N,), covariance (N, 3, 3).
    """
    points, accepted, residuals, errors, covariances = out
    sigma, knee, prior = noise
    n_views = len(cameras)
    here, sights, weight = np.empty((n_views, 2)), np.empty((n_views, 3)), np.empty(n_views)
    observed, seen = np.empty(n_views, np.bool_), np.empty(n_views, np.bool_)
    used, misses, point = np.empty(n_views, np.bool_), np.empty(n_views), np.empty(3)
    system, jacobian, inverse = np.empty(9), np.empty((2, 3)), np.empty((3, 3))
    for i in range(start, stop):
        _take(cameras, pixels[:, i], weights[:, i], here, weight, observed, seen, sights)
        if not _best_pair(cameras, here, sights, seen, weight, limits, misses, point):
            continue
        count = _settle(cameras, here, seen, weight, limits, knee, misses, point, used)
        _, squares = _normal(cameras, here, used, weight, knee, point, system, jacobian)
        if count < 2 or not squares < np.inf:
            continue
        _misses(cameras, here, observed, point, misses)
        for k in range(3):
            points[i, k] = point[k]
        errors[i] = 0.0
        for v in range(n_views):
            accepted[v, i], residuals[v, i] = used[v], misses[v]
            if used[v]:
                errors[i] += misses[v] / count
        if _invert(system, 0.0, inverse):
            variance = _spread(squares, count, sigma, prior)
            for k in range(3):
                for m in range(3):
                    covariances[i, k, m] = variance * inverse[k, m]
