"""Triangle meshes: from a field of distances, tubes and balls."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Callable

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int32]

_POLISH_STEPS = 4


@dataclass(frozen=True, eq=False)
class Mesh:
    """Triangles (M, 3) of vertices (N, 3) mm, counter-clockwise seen from outside."""

    vertices: FloatArray
    triangles: IntArray


def surface_net(
    distance: Callable[[FloatArray], FloatArray], low: FloatArray, high: FloatArray, cell: float
) -> Mesh:
    """Mesh the zero level of a field: one vertex a crossed cell, one quad a crossed edge.

    Parameters
    ----------
    distance
        Signed distance of points (..., 3), negative inside.
    low, high
        (3,) corners of the box to search.
    cell
        Size of a cell, mm.

    Notes
    -----
    Naive surface nets (Gibson 1998); the vertices are then drawn onto the zero level.
    """
    counts = np.ceil((high - low) / cell).astype(int)
    axes = [low[k] + cell * np.arange(counts[k] + 1) for k in range(3)]
    corners = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)
    field = distance(corners)
    inside = field < 0
    places, index = _cell_vertices(field, inside, low, cell)
    quads = []
    for axis in range(3):
        quads.append(_quads(inside, index, axis))
    triangles = np.concatenate([np.concatenate([q[:, [0, 1, 2]], q[:, [0, 2, 3]]]) for q in quads])
    return Mesh(_polished(distance, places, cell), triangles.astype(np.int32))


def _cell_vertices(
    field: FloatArray, inside: npt.NDArray[np.bool_], low: FloatArray, cell: float
) -> tuple[FloatArray, IntArray]:
    shape = np.array(field.shape) - 1
    total = np.zeros((*shape, 3))
    count = np.zeros(shape)
    for axis in range(3):
        others = [k for k in range(3) if k != axis]
        a = [slice(None)] * 3
        b = [slice(None)] * 3
        a[axis], b[axis] = slice(0, -1), slice(1, None)
        f0, f1 = field[tuple(a)], field[tuple(b)]
        crossed = inside[tuple(a)] != inside[tuple(b)]
        share = np.where(crossed, f0 / np.where(crossed, f0 - f1, 1), 0)
        for i in (0, 1):
            for j in (0, 1):
                cut = [slice(None)] * 3
                cut[others[0]] = slice(i, shape[others[0]] + i)
                cut[others[1]] = slice(j, shape[others[1]] + j)
                here, at = crossed[tuple(cut)], share[tuple(cut)]
                total[..., axis] += here * at
                total[..., others[0]] += here * i
                total[..., others[1]] += here * j
                count += here
    active = count > 0
    index = np.full(shape, -1, dtype=np.int32)
    index[active] = np.arange(active.sum())
    origin = np.argwhere(active)
    return low + cell * (origin + total[active] / count[active][:, None]), index


def _quads(inside: npt.NDArray[np.bool_], index: IntArray, axis: int) -> IntArray:
    """Vertex indices (Q, 4) of the quads round the crossed edges along an axis."""
    u, v = (axis + 1) % 3, (axis + 2) % 3
    a = [slice(1, -1)] * 3
    b = [slice(1, -1)] * 3
    a[axis], b[axis] = slice(0, -1), slice(1, None)
    first, second = inside[tuple(a)], inside[tuple(b)]
    edges = np.argwhere(first != second)
    leaving = first[tuple(edges.T)]
    edges[:, u] += 1
    edges[:, v] += 1
    around = []
    for du, dv in ((1, 1), (0, 1), (0, 0), (1, 0)):
        cell = edges.copy()
        cell[:, u] -= du
        cell[:, v] -= dv
        around.append(index[tuple(cell.T)])
    quads = np.stack(around, axis=1)
    quads[~leaving] = quads[~leaving][:, ::-1]
    return quads


def _polished(
    distance: Callable[[FloatArray], FloatArray], places: FloatArray, cell: float
) -> FloatArray:
    for _ in range(_POLISH_STEPS):
        value = distance(places)
        slope = gradient(distance, places)
        size = np.maximum((slope * slope).sum(axis=1), 0.05)
        step = np.clip(value / size, -0.4 * cell, 0.4 * cell)
        places = places - step[:, None] * slope
    return places


def gradient(
    distance: Callable[[FloatArray], FloatArray], places: FloatArray, step: float = 0.3
) -> FloatArray:
    """Gradient (N, 3) of a field at places (N, 3), by central differences."""
    slope = np.empty_like(places)
    for k in range(3):
        shift = np.zeros(3)
        shift[k] = step
        slope[:, k] = (distance(places + shift) - distance(places - shift)) / (2 * step)
    return slope


def tube(centres: FloatArray, radii: FloatArray, sides: int) -> Mesh:
    """Tube round a line of centres (N, 3) with radii (N,), closed at both ends.

    Vertex ``i * sides + j`` lies on ring i; the last two vertices are the tips.
    """
    along = np.gradient(centres, axis=0)
    along /= np.linalg.norm(along, axis=1, keepdims=True)
    across = np.cross(along, np.where(np.abs(along[:, 2:]) < 0.9, [[0, 0, 1.0]], [[0, 1.0, 0]]))
    across /= np.linalg.norm(across, axis=1, keepdims=True)
    up = np.cross(across, along)
    angle = 2 * np.pi * np.arange(sides) / sides
    ring = across[:, None] * np.cos(angle)[:, None] + up[:, None] * np.sin(angle)[:, None]
    body = (centres[:, None] + radii[:, None, None] * ring).reshape(-1, 3)
    n = len(centres)
    i, j = np.meshgrid(np.arange(n - 1), np.arange(sides), indexing="ij")
    a, b = (i * sides + j).ravel(), (i * sides + (j + 1) % sides).ravel()
    c, d = a + sides, b + sides
    first, last = n * sides, n * sides + 1
    k = np.arange(sides)
    caps = [
        np.stack([np.full(sides, first), k, (k + 1) % sides], axis=1),
        np.stack(
            [np.full(sides, last), first - sides + (k + 1) % sides, first - sides + k], axis=1
        ),
    ]
    sheets = [np.stack([a, c, b], axis=1), np.stack([b, c, d], axis=1)]
    vertices = np.concatenate([body, centres[:1], centres[-1:]])
    return Mesh(vertices, np.concatenate(sheets + caps).astype(np.int32))


def ball(centre: FloatArray, radii: FloatArray, rings: int = 7, sides: int = 10) -> Mesh:
    """Ellipsoid with half axes `radii` (3,) along x, y and z."""
    polar = np.pi * (np.arange(rings) + 0.5) / rings
    line = np.stack([np.cos(polar), 0 * polar, 0 * polar], axis=1)
    unit = tube(line, np.sin(polar), sides)
    vertices = unit.vertices.copy()
    vertices[-2:] = [[1.0, 0, 0], [-1.0, 0, 0]]
    return Mesh(centre + vertices * radii, unit.triangles)
