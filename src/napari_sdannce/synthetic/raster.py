"""Compiled loops that draw skinned meshes into an image with a depth buffer.

Samples lie on a grid twice as fine as the pixels: sample (i, j) of a region that starts at pixel
(left, top) looks at pixel ``(left - 1/4 + j / 2, top - 1/4 + i / 2)``.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from napari_sdannce.geometry.compiled import compiled
from napari_sdannce.geometry.compiled_lens import look
from napari_sdannce.synthetic.light import KEY, floor_light
from napari_sdannce.synthetic.noise import noise_cube

FloatArray = npt.NDArray[np.float64]
Float32Array = npt.NDArray[np.float32]
IntArray = npt.NDArray[np.int32]

STRANDS = noise_cube(64, 3, octaves=(0.7, 1.3))
"""Noise that lightens and darkens the fur."""

_ALONG, _ACROSS = 1 / 4.2, 1 / 0.85
_EDGE = 0.6

BARE_GRAIN = 0.05


@compiled
def skin_vertices(rest, bones, weights, matrices, placed):  # type: ignore[no-untyped-def]
    """Carry vertices (N, 3) with their bones (linear blend skinning), never below the floor.

    `matrices` (B, 3, 4) take rest places to the world.
    """
    for k in range(rest.shape[0]):
        x = y = z = 0.0
        for w in range(bones.shape[1]):
            share = weights[k, w]
            if share == 0.0:
                continue
            m = matrices[bones[k, w]]
            a, b, c = rest[k, 0], rest[k, 1], rest[k, 2]
            x += share * (m[0, 0] * a + m[0, 1] * b + m[0, 2] * c + m[0, 3])
            y += share * (m[1, 0] * a + m[1, 1] * b + m[1, 2] * c + m[1, 3])
            z += share * (m[2, 0] * a + m[2, 1] * b + m[2, 2] * c + m[2, 3])
        placed[k, 0], placed[k, 1], placed[k, 2] = x, y, max(z, 0.3)


@compiled
def vertex_normals(vertices, triangles, normals):  # type: ignore[no-untyped-def]
    """Unit normals (N, 3): mean of the triangles round each vertex, by area."""
    normals[:] = 0.0
    for k in range(triangles.shape[0]):
        a, b, c = triangles[k, 0], triangles[k, 1], triangles[k, 2]
        ux, uy, uz = (
            vertices[b, 0] - vertices[a, 0],
            vertices[b, 1] - vertices[a, 1],
            vertices[b, 2] - vertices[a, 2],
        )
        vx, vy, vz = (
            vertices[c, 0] - vertices[a, 0],
            vertices[c, 1] - vertices[a, 1],
            vertices[c, 2] - vertices[a, 2],
        )
        nx, ny, nz = uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx
        for i in (a, b, c):
            normals[i, 0] += nx
            normals[i, 1] += ny
            normals[i, 2] += nz
    for k in range(normals.shape[0]):
        size = np.sqrt(normals[k, 0] ** 2 + normals[k, 1] ** 2 + normals[k, 2] ** 2)
        if size > 0:
            normals[k] /= size


@compiled
def project_vertices(camera, vertices, normals, height, corner, seen):  # type: ignore[no-untyped-def]
    """Sample column, row and depth (N, 3) of vertices raised by `height` (N,), put in `seen`.

    `camera` (1, CAMERA_WIDTH) as `camera_rows` makes it; the depth of what it cannot see is -1.
    """
    for k in range(vertices.shape[0]):
        h = height[k]
        u, v, _, _, near = look(
            camera,
            0,
            vertices[k, 0] + h * normals[k, 0],
            vertices[k, 1] + h * normals[k, 1],
            vertices[k, 2] + h * normals[k, 2],
        )
        if near > 0:
            seen[k, 0] = 2 * (u - corner[0]) + 0.5
            seen[k, 1] = 2 * (v - corner[1]) + 0.5
            seen[k, 2] = 1 / near
        else:
            seen[k, 0], seen[k, 1], seen[k, 2] = 0.0, 0.0, -1.0


@compiled
def shade_vertices(eye, body, shaded):  # type: ignore[no-untyped-def]
    """Add what depends on the view to the lit colours: the fur's bright edge, wet highlights.

    `body` is a `light.Body`; `shaded` (N, 4): colour, and how squarely the vertex faces the camera.
    """
    for k in range(shaded.shape[0]):
        vx, vy, vz = _unit(
            eye[0] - body.vertices[k, 0],
            eye[1] - body.vertices[k, 1],
            eye[2] - body.vertices[k, 2],
        )
        nx, ny, nz = body.normals[k, 0], body.normals[k, 1], body.normals[k, 2]
        facing = max(0.0, nx * vx + ny * vy + nz * vz)
        edge = (1 - facing) ** 3 * body.fur[k]
        hx, hy, hz = _unit(vx + KEY[0], vy + KEY[1], vz + KEY[2])
        mirror = max(0.0, nx * hx + ny * hy + nz * hz)
        shine = 210.0 * body.gloss[k] * mirror**60 + 16.0 * body.fur[k] * mirror**6
        for c in range(3):
            shaded[k, c] = body.lit[k, c] * (1 + 0.22 * edge) + 10.0 * edge + shine
        shaded[k, 3] = facing


@compiled
def _unit(x, y, z):  # type: ignore[no-untyped-def]
    size = np.sqrt(x * x + y * y + z * z)
    return x / size, y / size, z / size


class Surface(NamedTuple):
    """A mesh ready to be drawn.

    Parameters
    ----------
    triangles
        (M, 3) vertex indices.
    rest
        (N, 3) places at rest, where the fur's noise is read.
    grain
        (N,) strength of that noise; below `BARE_GRAIN` there is no hair.
    seen
        (N, 3) sample column, row and depth.
    shaded
        (N, 4) colour, and how squarely a vertex faces the camera.
    """

    triangles: IntArray
    rest: FloatArray
    grain: FloatArray
    seen: FloatArray
    shaded: FloatArray


class Canvas(NamedTuple):
    """Samples of a region: colour (h, w, 3), depth (h, w) mm, owner (h, w) 1 + animal, 0 nobody."""

    colour: Float32Array
    depth: Float32Array
    owner: npt.NDArray[np.uint8]


@compiled
def draw(surface, strands, cut, canvas, mark):  # type: ignore[no-untyped-def]
    """Draw a surface where it is nearer than what is on the canvas; `mark` becomes the owner.

    With a positive `cut` only hairs are drawn, at the outline: where the noise is above the cut.
    """
    height, width = canvas.depth.shape
    seen = surface.seen
    for k in range(surface.triangles.shape[0]):
        a, b, c = surface.triangles[k, 0], surface.triangles[k, 1], surface.triangles[k, 2]
        xa, ya, xb, yb = seen[a, 0], seen[a, 1], seen[b, 0], seen[b, 1]
        xc, yc = seen[c, 0], seen[c, 1]
        area = (xb - xa) * (yc - ya) - (xc - xa) * (yb - ya)
        # rows run down: what faces the camera turns the other way round
        if area >= -1e-9 or min(seen[a, 2], seen[b, 2], seen[c, 2]) <= 0:
            continue
        if cut > 0 and not _is_hairy_edge(surface, a, b, c):
            continue
        x0, x1 = max(int(np.ceil(min(xa, xb, xc))), 0), min(int(max(xa, xb, xc)), width - 1)
        y0, y1 = max(int(np.ceil(min(ya, yb, yc))), 0), min(int(max(ya, yb, yc)), height - 1)
        for y in range(y0, y1 + 1):
            for x in range(x0, x1 + 1):
                wa = ((xb - x) * (yc - y) - (xc - x) * (yb - y)) / area
                wb = ((xc - x) * (ya - y) - (xa - x) * (yc - y)) / area
                if min(wa, wb, 1 - wa - wb) >= -1e-6:
                    _fragment(surface, strands, cut, canvas, (a, b, c, wa, wb, y, x, mark))


@compiled
def _is_hairy_edge(surface, a, b, c):  # type: ignore[no-untyped-def]
    shaded, grain = surface.shaded, surface.grain
    at_edge = min(shaded[a, 3], shaded[b, 3], shaded[c, 3]) <= _EDGE
    return at_edge and min(grain[a], grain[b], grain[c]) >= BARE_GRAIN


@compiled
def _fragment(surface, strands, cut, canvas, where):  # type: ignore[no-untyped-def]
    """One sample of a triangle."""
    a, b, c, wa, wb, y, x, mark = where
    wc = 1 - wa - wb
    seen, rest, shaded = surface.seen, surface.rest, surface.shaded
    z = wa * seen[a, 2] + wb * seen[b, 2] + wc * seen[c, 2]
    if z >= canvas.depth[y, x]:
        return
    rough = wa * surface.grain[a] + wb * surface.grain[b] + wc * surface.grain[c]
    strand = 0.0
    if rough > 0.03:
        strand = _strand(
            strands,
            wa * rest[a, 0] + wb * rest[b, 0] + wc * rest[c, 0],
            wa * rest[a, 1] + wb * rest[b, 1] + wc * rest[c, 1],
            wa * rest[a, 2] + wb * rest[b, 2] + wc * rest[c, 2],
        )
    if cut > 0 and strand < cut:
        return
    canvas.depth[y, x] = z
    canvas.owner[y, x] = mark
    light = 1.0 + rough * strand
    for i in range(3):
        value = wa * shaded[a, i] + wb * shaded[b, i] + wc * shaded[c, i]
        canvas.colour[y, x, i] = min(max(value * light, 0.0), 255.0)


@compiled
def _strand(strands, x, y, z):  # type: ignore[no-untyped-def]
    """Noise at a place on the resting body, drawn out along it; trilinear in a 64-cell cube."""
    a, b, c = x * _ALONG + 64, y * _ACROSS + 128, z * _ACROSS + 64
    i, j, k = int(a), int(b), int(c)
    a, b, c = a - i, b - j, c - k
    i, j, k = i & 63, j & 63, k & 63
    i1, j1, k1 = (i + 1) & 63, (j + 1) & 63, (k + 1) & 63
    low = (strands[i, j, k] * (1 - c) + strands[i, j, k1] * c) * (1 - b)
    low += (strands[i, j1, k] * (1 - c) + strands[i, j1, k1] * c) * b
    high = (strands[i1, j, k] * (1 - c) + strands[i1, j, k1] * c) * (1 - b)
    high += (strands[i1, j1, k] * (1 - c) + strands[i1, j1, k1] * c) * b
    return low * (1 - a) + high * a


@compiled
def darken_floor(floor, ground, shadow, reach, colour):  # type: ignore[no-untyped-def]
    """Let shadows fall on the floor: samples (2h, 2w), ground (h, w, 2) mm."""
    for i in range(ground.shape[0]):
        for j in range(ground.shape[1]):
            light = floor_light(shadow, reach, ground[i, j, 0], ground[i, j, 1])
            if light > 0.995:
                continue
            for y in (2 * i, 2 * i + 1):
                for x in (2 * j, 2 * j + 1):
                    if floor[y, x]:
                        for c in range(3):
                            colour[y, x, c] *= light


@compiled
def average_samples(colour, picture):  # type: ignore[no-untyped-def]
    """Mean of the four samples of each pixel: (2h, 2w, 3) -> (h, w, 3), both float32."""
    for y in range(picture.shape[0]):
        for x in range(picture.shape[1]):
            for c in range(3):
                picture[y, x, c] = 0.25 * (
                    float(colour[2 * y, 2 * x, c])
                    + colour[2 * y, 2 * x + 1, c]
                    + colour[2 * y + 1, 2 * x, c]
                    + colour[2 * y + 1, 2 * x + 1, c]
                )


@compiled
def expose(picture, gain, noise, row, column, image):  # type: ignore[no-untyped-def]
    """Turn light (H, W, 3) into an image (H, W, 3) uint8: exposure, vignette and sensor noise."""
    height, width = picture.shape[0], picture.shape[1]
    n = noise.shape[0]
    for y in range(height):
        for x in range(width):
            for c in range(3):
                value = picture[y, x, c] * gain[y, x, c]
                # photon noise grows with the light
                value += noise[(y + row) % n, (x + column) % n, c] * (0.6 + 0.008 * value)
                image[y, x, c] = np.uint8(min(max(value + 0.5, 0.0), 255.0))
