"""A tail that trails behind its animal and sinks to the floor."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from napari_sdannce.geometry.compiled import compiled
from napari_sdannce.synthetic.anatomy import N_TAIL, PELVIS, STARTS, TAIL, TAIL_BASE, TAIL_STEP

if TYPE_CHECKING:
    from napari_sdannce.synthetic.behaviour import Ground

FloatArray = npt.NDArray[np.float64]

_FLOOR_MM = 4.0


def pose_tail(
    rotations: FloatArray, origins: FloatArray, scales: FloatArray, ground: Ground
) -> None:
    """Set the bones of the tail, given those of the trunk.

    Each node is drawn along by the one before it, keeps to its place otherwise, sinks, and stays
    on the ground.

    Parameters
    ----------
    rotations, origins
        (S, A, B, 3, 3) and (S, A, B, 3) mm, changed in place.
    """
    obstacles = np.array(ground.obstacles, dtype=np.float64).reshape(-1, 3)
    offset = TAIL_BASE - STARTS[PELVIS]
    for a, scale in enumerate(scales):
        turns = rotations[:, a, PELVIS]
        base = origins[:, a, PELVIS] + scale * (turns @ offset)
        back = turns @ np.array([-0.95, 0.0, -0.31])
        nodes = _trailed(base, back, scale * TAIL_STEP, ground.radius - 6.0, obstacles)
        along = np.diff(nodes, axis=1)
        rotations[:, a, TAIL:] = _frames(-along)
        origins[:, a, TAIL:] = nodes[:, :-1]


def _frames(ahead: FloatArray) -> FloatArray:
    x = ahead / np.linalg.norm(ahead, axis=-1, keepdims=True)
    y = np.cross(np.array([0.0, 0, 1]), x)
    y /= np.maximum(np.linalg.norm(y, axis=-1, keepdims=True), 1e-9)
    return np.stack([x, y, np.cross(x, y)], axis=-1)


@compiled
def _trailed(
    base: FloatArray, back: FloatArray, step: float, radius: float, obstacles: FloatArray
) -> FloatArray:
    """Nodes (S, N_TAIL + 1, 3) of a tail whose root moves along `base`, pointing along `back`."""
    n_steps = base.shape[0]
    nodes = np.empty((n_steps, N_TAIL + 1, 3))
    for t in range(n_steps):
        nodes[t, 0] = base[t]
        before = back[t].copy()
        for i in range(1, N_TAIL + 1):
            straight = nodes[t, i - 1] + step * before
            if t == 0:
                place = straight.copy()
            else:
                # stiff at the root, lax at the tip
                stiff = 0.45 * np.exp(-0.45 * (i - 1)) + 0.015
                place = (1 - stiff) * nodes[t - 1, i] + stiff * straight
            rest = max(_FLOOR_MM, nodes[t, i - 1, 2] - 0.42 * step)
            place[2] += 0.25 * (rest - place[2]) if t > 0 else rest - place[2]
            _keep_off(place, radius, obstacles)
            away = place - nodes[t, i - 1]
            # never steeper than it can lie: keeps the length in the plane
            drop = min(max(away[2], -0.8 * step), 0.5 * step)
            drop = max(drop, _FLOOR_MM - nodes[t, i - 1, 2])
            flat = np.sqrt(away[0] ** 2 + away[1] ** 2)
            wide = np.sqrt(max(step * step - drop * drop, 0.0))
            nodes[t, i, 0] = nodes[t, i - 1, 0] + away[0] / max(flat, 1e-9) * wide
            nodes[t, i, 1] = nodes[t, i - 1, 1] + away[1] / max(flat, 1e-9) * wide
            nodes[t, i, 2] = nodes[t, i - 1, 2] + drop
            before = (nodes[t, i] - nodes[t, i - 1]) / step
    return nodes


@compiled
def _keep_off(place: FloatArray, radius: float, obstacles: FloatArray) -> None:
    """Move a place (3,) back onto the ground."""
    out = np.sqrt(place[0] ** 2 + place[1] ** 2)
    if out > radius:
        place[0] *= radius / out
        place[1] *= radius / out
    for k in range(obstacles.shape[0]):
        x, y = place[0] - obstacles[k, 0], place[1] - obstacles[k, 1]
        near = np.sqrt(x * x + y * y)
        reach = obstacles[k, 2] + 4.0
        if 1e-6 < near < reach:
            place[0] = obstacles[k, 0] + x * reach / near
            place[1] = obstacles[k, 1] + y * reach / near
