"""Light on animals and floor: one soft lamp above, the sky, the floor's glow, and shadows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter, maximum_filter

from napari_sdannce.geometry.compiled import compiled

FloatArray = npt.NDArray[np.float64]
Float32Array = npt.NDArray[np.float32]

KEY = (0.30, -0.22, 0.928)
"""Unit direction towards the lamp."""

_CELL_MM = 3.0
_KEY_COLOUR = (0.60, 0.588, 0.568)
_SKY_COLOUR = (0.40, 0.408, 0.424)
_GLOW_COLOUR = (0.28, 0.245, 0.20)


@dataclass(frozen=True, eq=False)
class Shadows:
    """Shadows of the animals at one moment.

    Parameters
    ----------
    reach
        Half the width of the maps, mm.
    lamp
        (n, n) how high above the floor the animals are, seen from the lamp: cell (i, j) is the line
        towards the lamp that starts on the floor at y, x. 0 where there is none.
    floor
        (n, n) light that is left on the floor, 0..1.
    """

    reach: float
    lamp: Float32Array
    floor: Float32Array


def cast_shadows(vertices: FloatArray, reach: float) -> Shadows:
    """Shadows of vertices (N, 3) mm, close enough together to leave no gaps."""
    n = int(np.ceil(2 * reach / _CELL_MM))
    lamp = np.zeros((n, n), dtype=np.float32)
    low = np.full((n, n), 1e3, dtype=np.float32)
    _splat(vertices, reach, lamp, low)
    lamp = maximum_filter(lamp, size=2)
    covered = (lamp > 0).astype(np.float32)
    dark = gaussian_filter(covered, 6.0 / _CELL_MM)
    touch = gaussian_filter(np.exp(-low / 9.0), 4.0 / _CELL_MM)
    near = gaussian_filter(np.exp(-low / 45.0), 22.0 / _CELL_MM)
    floor = (1 - 0.46 * dark) * (1 - 0.5 * np.minimum(touch, 1)) * (1 - 0.32 * near)
    return Shadows(reach, lamp, np.asarray(floor, dtype=np.float32))


@compiled
def _splat(vertices, reach, lamp, low):  # type: ignore[no-untyped-def]
    n = lamp.shape[0]
    for k in range(vertices.shape[0]):
        x, y, z = vertices[k, 0], vertices[k, 1], vertices[k, 2]
        i, j = int((y + reach) / _CELL_MM), int((x + reach) / _CELL_MM)
        if 0 <= i < n and 0 <= j < n:
            low[i, j] = min(low[i, j], max(z, 0.0))
        x, y = x - z * KEY[0] / KEY[2], y - z * KEY[1] / KEY[2]
        i, j = int((y + reach) / _CELL_MM), int((x + reach) / _CELL_MM)
        if 0 <= i < n and 0 <= j < n:
            lamp[i, j] = max(lamp[i, j], z)


class Body(NamedTuple):
    """Vertices of one animal at one moment.

    Parameters
    ----------
    vertices, normals
        (N, 3) mm, and unit.
    lit
        (N, 3) colour under the lights, before what depends on the view.
    fur, gloss
        (N,) 0..1 how furry and how wet the skin is.
    """

    vertices: FloatArray
    normals: FloatArray
    lit: FloatArray
    fur: FloatArray
    gloss: FloatArray


@compiled
def light_vertices(body, albedo, lamp, reach):  # type: ignore[no-untyped-def]
    """Set the colour of a body under lamp, sky and floor glow; `albedo` (N, 3) 0..255."""
    for k in range(albedo.shape[0]):
        nx, ny, nz = body.normals[k, 0], body.normals[k, 1], body.normals[k, 2]
        z = max(body.vertices[k, 2], 0.0)
        # light creeps round furry things
        wrap = 0.15 + 0.25 * body.fur[k]
        facing = (nx * KEY[0] + ny * KEY[1] + nz * KEY[2] + wrap) / (1 + wrap)
        hidden = _hidden(body.vertices[k], body.normals[k], lamp, reach)
        key = max(0.0, facing) * (1 - 0.85 * hidden)
        up = 0.5 + 0.5 * nz
        sky = up * (0.35 + 0.65 * min(1.0, 0.42 + z / 70.0))
        glow = (1 - up) * min(1.0, 0.25 + z / 60.0)
        for c in range(3):
            light = key * _KEY_COLOUR[c] + sky * _SKY_COLOUR[c] + glow * _GLOW_COLOUR[c]
            body.lit[k, c] = albedo[k, c] * light


@compiled
def _hidden(vertex, normal, lamp, reach):  # type: ignore[no-untyped-def]
    """Share of the lamp that is hidden from a vertex, smooth in space and height."""
    # off the surface, so that a body does not speckle itself
    x, y, z = vertex[0] + 5 * normal[0], vertex[1] + 5 * normal[1], vertex[2] + 5 * normal[2]
    a = (y - z * KEY[1] / KEY[2] + reach) / _CELL_MM - 0.5
    b = (x - z * KEY[0] / KEY[2] + reach) / _CELL_MM - 0.5
    n = lamp.shape[0]
    i0, j0 = int(a), int(b)
    if i0 < 1 or j0 < 1 or i0 >= n - 2 or j0 >= n - 2:
        return 0.0
    fa, fb = a - i0, b - j0
    total, weight = 0.0, 0.0
    for di in range(-1, 3):
        for dj in range(-1, 3):
            w = max(0.0, 1.6 - abs(di - fa)) * max(0.0, 1.6 - abs(dj - fb))
            above = lamp[i0 + di, j0 + dj] - z
            total += w * min(max((above - 5.0) / 14.0, 0.0), 1.0)
            weight += w
    return total / weight


@compiled
def floor_light(shadow, reach, x, y):  # type: ignore[no-untyped-def]
    """Light left on the floor at (x, y), bilinear."""
    a, b = (y + reach) / _CELL_MM - 0.5, (x + reach) / _CELL_MM - 0.5
    n = shadow.shape[0]
    i, j = int(a), int(b)
    if i < 0 or j < 0 or i >= n - 1 or j >= n - 1:
        return 1.0
    fa, fb = a - i, b - j
    top = shadow[i, j] * (1 - fb) + shadow[i, j + 1] * fb
    low = shadow[i + 1, j] * (1 - fb) + shadow[i + 1, j + 1] * fb
    return top * (1 - fa) + low * fa
