"""Discs that keep animals out of one another, of walls and of obstacles."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from napari_sdannce.geometry.compiled import compiled

FloatArray = npt.NDArray[np.float64]

# how far each disc lies along the pelvis's and along the chest's heading, and its radius, mm
_CIRCLES = np.array(
    [[-22.0, 0, 27], [25, 0, 33], [25, 60, 29], [25, 106, 21], [25, 140, 17], [25, 170, 10]]
)
_WALL_MM = 10.0
_NECK_MM = 110.0


@compiled
def circles(
    x: float, y: float, heading: float, bend: float, look: float, scale: float
) -> FloatArray:
    """Discs (6, 3: x, y, radius) mm that cover an animal from rump to nose."""
    found = np.empty((len(_CIRCLES), 3))
    for k in range(len(_CIRCLES)):
        back, front = scale * _CIRCLES[k, 0], scale * _CIRCLES[k, 1]
        neck = min(front, scale * _NECK_MM)
        head = front - neck
        turn = heading + bend
        found[k, 0] = x + back * np.cos(heading) + neck * np.cos(turn) + head * np.cos(turn + look)
        found[k, 1] = y + back * np.sin(heading) + neck * np.sin(turn) + head * np.sin(turn + look)
        found[k, 2] = scale * _CIRCLES[k, 2]
    return found


@compiled
def overlap(discs: FloatArray, others: FloatArray) -> tuple[float, float]:
    """Half the shift that takes the deepest overlapping pair of discs apart."""
    deepest, x, y = 0.0, 0.0, 0.0
    for i in range(len(discs)):
        for j in range(len(others)):
            dx, dy = discs[i, 0] - others[j, 0], discs[i, 1] - others[j, 1]
            gap = max(np.sqrt(dx * dx + dy * dy), 1e-6)
            deep = discs[i, 2] + others[j, 2] - gap
            if deep > deepest:
                deepest, x, y = deep, 0.5 * deep * dx / gap, 0.5 * deep * dy / gap
    return x, y


@compiled
def way_back(discs: FloatArray, obstacles: FloatArray, radius: float) -> tuple[float, float]:
    """Shift that brings an animal back into the arena, or out of an obstacle."""
    x, y = 0.0, 0.0
    for k in range(len(obstacles)):
        dx, dy = overlap(discs, obstacles[k : k + 1])
        x, y = x + 2 * dx, y + 2 * dy
    farthest, wx, wy = 0.0, 0.0, 0.0
    for k in range(len(discs)):
        out = np.sqrt(discs[k, 0] ** 2 + discs[k, 1] ** 2)
        over = out + discs[k, 2] - (radius - _WALL_MM)
        if over > farthest:
            farthest, wx, wy = over, -over * discs[k, 0] / out, -over * discs[k, 1] / out
    return x + wx, y + wy
