"""Compiled inner part of robust triangulation: consensus of pairs, then Levenberg-Marquardt.

One camera is a row of `CAMERA_WIDTH` numbers (`camera_rows`). Compiled at the first call and cached
on disk (see `_lens.py` on the cache). Scalars and small loops on purpose: a point needs a few
microseconds, less than one call of any array function, and array expressions take long to compile.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from napari_sdannce.geometry._lens import bend, bend_slopes, compiled, unbend

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_sdannce.geometry.cameras import Camera

CAMERA_WIDTH = 26
# where things lie in a row: rotation 0-8, translation 9-11, then these, and the centre 23-25
_FX, _SKEW, _CX, _FY, _CY, _LENS, _REACH, _CENTRE = 12, 13, 14, 15, 16, 17, 22, 23

_LM_STEPS = 25
_LM_DONE = 1e-16  # px^2: what a step would still gain
_ROUNDS = 10


def camera_rows(cameras: Sequence[Camera]) -> npt.NDArray[np.float64]:
    """(V, CAMERA_WIDTH) numbers of V cameras for the compiled functions."""
    rows = np.empty((len(cameras), CAMERA_WIDTH))
    for row, camera in zip(rows, cameras, strict=True):
        row[:9], row[9:12] = camera.rotation.ravel(), camera.translation
        row[_FX : _FX + 3] = camera.matrix[0]
        row[_FY : _FY + 2] = camera.matrix[1, 1:]
        row[_LENS : _LENS + 5] = [*camera.radial3, *camera.tangential]
        row[_REACH] = camera.reach
        row[_CENTRE:] = camera.centre
    return rows


@compiled
def _copy(source, target):  # type: ignore[no-untyped-def]
    """Copy a vector."""
    for n in range(len(source)):
        target[n] = source[n]


@compiled
def _look(camera, point):  # type: ignore[no-untyped-def]
    """Pixel of a point, NaN behind the camera and beyond reach; normalised x, y; 1 / depth."""
    x0, y0, z0 = point[0], point[1], point[2]
    depth = camera[6] * x0 + camera[7] * y0 + camera[8] * z0 + camera[11]
    if not depth > 0:
        return np.nan, np.nan, np.nan, np.nan, np.nan
    near = 1 / depth
    x = (camera[0] * x0 + camera[1] * y0 + camera[2] * z0 + camera[9]) * near
    y = (camera[3] * x0 + camera[4] * y0 + camera[5] * z0 + camera[10]) * near
    if x * x + y * y > camera[_REACH] * camera[_REACH]:
        return np.nan, np.nan, np.nan, np.nan, np.nan
    lens = camera[_LENS:]
    xb, yb = bend(x, y, lens[0], lens[1], lens[2], lens[3], lens[4])
    u = camera[_FX] * xb + camera[_SKEW] * yb + camera[_CX]
    return u, camera[_FY] * yb + camera[_CY], x, y, near


@compiled
def _slopes(camera, x, y, near, jacobian):  # type: ignore[no-untyped-def]
    """Fill `jacobian` (2, 3): pixels by world mm, from what `_look` returned."""
    lens = camera[_LENS:]
    a, b, d = bend_slopes(x, y, lens[0], lens[1], lens[2], lens[3], lens[4])
    u_x = camera[_FX] * a + camera[_SKEW] * b
    u_y = camera[_FX] * b + camera[_SKEW] * d
    v_x, v_y = camera[_FY] * b, camera[_FY] * d
    for k in range(3):
        x_k = (camera[k] - x * camera[6 + k]) * near
        y_k = (camera[3 + k] - y * camera[6 + k]) * near
        jacobian[0, k] = u_x * x_k + u_y * y_k
        jacobian[1, k] = v_x * x_k + v_y * y_k


@compiled
def _sight(camera, u, v, direction):  # type: ignore[no-untyped-def]
    """Fill `direction` (3,) with the line of sight of a pixel; False where there is none."""
    yd = (v - camera[_CY]) / camera[_FY]
    xd = (u - camera[_CX] - camera[_SKEW] * yd) / camera[_FX]
    x, y = unbend(xd, yd, camera[_LENS : _LENS + 5], camera[_REACH])
    if not (np.isfinite(x) and np.isfinite(y)):
        return False
    length = np.sqrt(x * x + y * y + 1)
    for k in range(3):
        direction[k] = (camera[k] * x + camera[3 + k] * y + camera[6 + k]) / length
    return True


@compiled
def _meet(first, second, along, across, point):  # type: ignore[no-untyped-def]
    """Fill `point` with the middle of the shortest way between two rays; False when parallel."""
    cosine = along[0] * across[0] + along[1] * across[1] + along[2] * across[2]
    if 1 - cosine * cosine < 1e-12:
        return False
    p, q = 0.0, 0.0
    for k in range(3):
        offset = second[_CENTRE + k] - first[_CENTRE + k]
        p += offset * along[k]
        q += offset * across[k]
    s = (p - cosine * q) / (1 - cosine * cosine)
    t = (cosine * p - q) / (1 - cosine * cosine)
    for k in range(3):
        point[k] = 0.5 * (first[_CENTRE + k] + s * along[k] + second[_CENTRE + k] + t * across[k])
    return True


@compiled
def _misses(cameras, pixels, seen, point, misses):  # type: ignore[no-untyped-def]
    """Fill `misses` (V,) with the reprojection errors in px, NaN where there is none."""
    for v in range(len(cameras)):
        misses[v] = np.nan
        if seen[v]:
            u, w, _, _, _ = _look(cameras[v], point)
            misses[v] = np.hypot(u - pixels[v, 0], w - pixels[v, 1])


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
            if not _meet(cameras[i], cameras[j], sights[i], sights[j], trial):
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
        u, w, x, y, near = _look(cameras[v], point)
        if not near > 0:
            return np.inf, np.inf
        du, dv = u - pixels[v, 0], w - pixels[v, 1]
        miss = np.sqrt(du * du + dv * dv)
        one, factor = _huber(miss, knee)
        cost += weights[v] * one
        factor *= weights[v]
        squares += factor * miss * miss
        _slopes(cameras[v], x, y, near, jacobian)
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
def _refine(cameras, pixels, used, weights, knee, point):  # type: ignore[no-untyped-def]
    """Move `point` to the least Huber cost of the distorted residuals of the used views."""
    system, next_system = np.empty(9), np.empty(9)
    jacobian, inverse, trial = np.empty((2, 3)), np.empty((3, 3)), np.empty(3)
    cost, _ = _normal(cameras, pixels, used, weights, knee, point, system, jacobian)
    damping = 0.0
    for _ in range(_LM_STEPS):
        if not cost < np.inf or not _invert(system, damping, inverse):
            if damping > 1e6 or not cost < np.inf:
                return
            damping = max(10 * damping, 1e-6)
            continue
        gain = 0.0
        for k in range(3):
            step = 0.0
            for m in range(3):
                step += inverse[k, m] * system[6 + m]
            trial[k] = point[k] - step
            gain += step * system[6 + k]
        if gain < _LM_DONE:
            return
        next_cost, _ = _normal(cameras, pixels, used, weights, knee, trial, next_system, jacobian)
        if next_cost < cost:
            _copy(trial, point)
            _copy(next_system, system)
            cost = next_cost
            damping = 0.0 if damping < 1e-5 else 0.1 * damping
        elif damping > 1e6:
            return
        else:
            damping = max(10 * damping, 1e-4)


@compiled
def _settle(cameras, pixels, seen, weights, limits, knee, misses, point, used):  # type: ignore[no-untyped-def]
    """Refine the best pair's `point` and fill `used` with the views it rests on; count them."""
    _misses(cameras, pixels, seen, point, misses)
    count = 0
    for v in range(len(used)):
        used[v] = misses[v] <= limits[v]
        count += used[v]
    if count < 2:  # no two views agree: nothing tells which is wrong
        count = 0
        for v in range(len(used)):
            used[v] = np.isfinite(misses[v])
            count += used[v]
        if count >= 2:
            _refine(cameras, pixels, used, weights, knee, point)
        return count
    changed = np.empty_like(used)
    for turn in range(_ROUNDS):
        _refine(cameras, pixels, used, weights, knee, point)
        _misses(cameras, pixels, seen, point, misses)
        same, count = True, 0
        for v in range(len(used)):
            # after some turns only leave views out, so that this ends
            changed[v] = misses[v] <= limits[v] and (used[v] or turn < _ROUNDS // 2)
            same = same and changed[v] == used[v]
            count += changed[v]
        if same or count < 2:
            break
        _copy(changed, used)
    count = 0
    for v in range(len(used)):
        count += used[v]
    return count


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
        for v in range(n_views):
            here[v, 0], here[v, 1], weight[v] = pixels[v, i, 0], pixels[v, i, 1], weights[v, i]
            observed[v] = np.isfinite(here[v, 0]) and np.isfinite(here[v, 1])
            seen[v] = observed[v] and weight[v] > 0
            seen[v] = seen[v] and _sight(cameras[v], here[v, 0], here[v, 1], sights[v])
        if not _best_pair(cameras, here, sights, seen, weight, limits, misses, point):
            continue
        count = _settle(cameras, here, seen, weight, limits, knee, misses, point, used)
        _, squares = _normal(cameras, here, used, weight, knee, point, system, jacobian)
        if count < 2 or not squares < np.inf:
            continue
        _misses(cameras, here, observed, point, misses)
        _copy(point, points[i])
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
