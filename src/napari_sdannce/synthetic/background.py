"""The empty arena as each camera sees it: traced once, a ray for every quarter pixel."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from numba import njit

from napari_sdannce.synthetic.lens import line_of_sight, packed
from napari_sdannce.synthetic.light import KEY
from napari_sdannce.synthetic.noise import bedding, noise_cube

if TYPE_CHECKING:
    from napari_sdannce.geometry import Camera
    from napari_sdannce.synthetic.arena import Arena

FloatArray = npt.NDArray[np.float64]
Float32Array = npt.NDArray[np.float32]

SAMPLES = 2
"""Samples along each side of a pixel."""

FAR = np.float32(1e9)
_TEXTURE = 1200
_TABLE_MM = 620.0
_ROOM_Z = -650.0
NOTHING, FLOOR, RIM, BOX, PILLAR = range(5)


@dataclass(frozen=True, eq=False)
class Background:
    """What a camera sees of the empty arena.

    Parameters
    ----------
    colour
        (2 H, 2 W, 3) 0..255.
    depth
        (2 H, 2 W) mm along the optical axis.
    floor
        (2 H, 2 W) True where the floor is seen, on which shadows fall.
    ground
        (H, W, 2) mm, where the line of sight of each pixel meets the plane of the floor.
    """

    colour: npt.NDArray[np.uint8]
    depth: Float32Array
    floor: npt.NDArray[np.bool_]
    ground: Float32Array


def trace_background(camera: Camera, arena: Arena) -> Background:
    """Trace the empty arena.

    Raises
    ------
    ValueError
        When the camera has no image size.
    """
    if camera.image_size is None:
        raise ValueError(f"camera '{camera.name}': rendering needs the image size")
    width, height = camera.image_size
    shape = (SAMPLES * height, SAMPLES * width)
    colour = np.empty((*shape, 3), dtype=np.uint8)
    depth = np.empty(shape, dtype=np.float32)
    floor = np.empty(shape, dtype=np.bool_)
    ground = np.empty((height, width, 2), dtype=np.float32)
    boxes = np.array(
        [[*b.centre, *b.half, b.height, np.cos(b.turn), np.sin(b.turn)] for b in arena.boxes]
    ).reshape(-1, 7)
    pillars = np.array([[*p.centre, p.radius, p.height] for p in arena.pillars]).reshape(-1, 4)
    rim = np.array([arena.radius, arena.radius + arena.rim_width, arena.rim_height])
    texture = _texture(arena.seed, 2 * arena.radius + 20)
    _trace(
        packed(camera), camera.centre, boxes, pillars, rim, texture, _cube(), colour, depth, floor
    )
    _trace_ground(packed(camera), camera.centre, ground)
    return Background(colour, depth, floor, ground)


@lru_cache(maxsize=2)
def _texture(seed: int, span_mm: float) -> Float32Array:
    return bedding(_TEXTURE, span_mm, seed)


@lru_cache(maxsize=1)
def _cube() -> Float32Array:
    return noise_cube(64, 5)


@njit(cache=True, nogil=True)
def _trace(lens, eye, boxes, pillars, rim, texture, cube, colour, depth, floor):  # type: ignore[no-untyped-def]
    height, width = depth.shape
    rgb = np.empty(3)
    for i in range(height):
        v = (i + 0.5) / SAMPLES - 0.5
        for j in range(width):
            u = (j + 0.5) / SAMPLES - 0.5
            dx, dy, dz = line_of_sight(lens, u, v)
            t, kind, which, face = _nearest(eye, dx, dy, dz, boxes, pillars, rim)
            _paint(eye, dx, dy, dz, t, kind, which, face, boxes, pillars, rim, texture, cube, rgb)
            depth[i, j] = t
            floor[i, j] = kind == FLOOR
            for k in range(3):
                colour[i, j, k] = np.uint8(min(max(rgb[k], 0.0), 255.0))


@njit(cache=True, nogil=True)
def _trace_ground(lens, eye, ground):  # type: ignore[no-untyped-def]
    for i in range(ground.shape[0]):
        for j in range(ground.shape[1]):
            dx, dy, dz = line_of_sight(lens, j, i)
            t = -eye[2] / min(dz, -1e-6)
            ground[i, j, 0], ground[i, j, 1] = eye[0] + t * dx, eye[1] + t * dy


@njit(cache=True, nogil=True)
def _nearest(eye, dx, dy, dz, boxes, pillars, rim):  # type: ignore[no-untyped-def]
    """Nearest thing along a ray: distance, kind, which of its kind, and which face (0 top)."""
    best, kind, which, face = 1e9, NOTHING, 0, 0
    if dz < 0:
        t = -eye[2] / dz
        x, y = eye[0] + t * dx, eye[1] + t * dy
        if x * x + y * y <= rim[0] * rim[0]:
            best, kind = t, FLOOR
        elif x * x + y * y <= _TABLE_MM * _TABLE_MM:
            best = t
        else:
            best, which = (_ROOM_Z - eye[2]) / dz, 1
    for side in range(2):
        t0, t1 = _cylinder(eye[0], eye[1], dx, dy, 0.0, 0.0, rim[side])
        # the inner wall is met on the way out, the outer wall on the way in
        t = t1 if side == 0 else t0
        z = eye[2] + t * dz
        if 0 < t < best and 0 <= z <= rim[2]:
            best, kind, which, face = t, RIM, 0, side + 1
    if dz < 0:
        t = (rim[2] - eye[2]) / dz
        x, y = eye[0] + t * dx, eye[1] + t * dy
        r = np.sqrt(x * x + y * y)
        if t < best and rim[0] <= r <= rim[1]:
            best, kind, which, face = t, RIM, 0, 0
    for k in range(boxes.shape[0]):
        t, f = _box(eye, dx, dy, dz, boxes[k])
        if 0 < t < best:
            best, kind, which, face = t, BOX, k, f
    for k in range(pillars.shape[0]):
        t, f = _pillar(eye, dx, dy, dz, pillars[k])
        if 0 < t < best:
            best, kind, which, face = t, PILLAR, k, f
    return best, kind, which, face


@njit(cache=True, nogil=True)
def _cylinder(ex, ey, dx, dy, cx, cy, r):  # type: ignore[no-untyped-def]
    a = dx * dx + dy * dy
    ox, oy = ex - cx, ey - cy
    b = ox * dx + oy * dy
    c = ox * ox + oy * oy - r * r
    inside = b * b - a * c
    if inside < 0 or a < 1e-12:
        return -1.0, -1.0
    root = np.sqrt(inside)
    return (-b - root) / a, (-b + root) / a


@njit(cache=True, nogil=True)
def _pillar(eye, dx, dy, dz, pillar):  # type: ignore[no-untyped-def]
    t, _ = _cylinder(eye[0], eye[1], dx, dy, pillar[0], pillar[1], pillar[2])
    if t > 0 and 0 <= eye[2] + t * dz <= pillar[3]:
        return t, 1
    t = (pillar[3] - eye[2]) / dz if dz != 0 else -1.0
    x, y = eye[0] + t * dx - pillar[0], eye[1] + t * dy - pillar[1]
    if t > 0 and x * x + y * y <= pillar[2] * pillar[2]:
        return t, 0
    return -1.0, 0


@njit(cache=True, nogil=True)
def _box(eye, dx, dy, dz, box):  # type: ignore[no-untyped-def]
    c, s = box[5], box[6]
    ox, oy = eye[0] - box[0], eye[1] - box[1]
    origin = (c * ox + s * oy, -s * ox + c * oy, eye[2])
    along = (c * dx + s * dy, -s * dx + c * dy, dz)
    low, high = (-box[2], -box[3], 0.0), (box[2], box[3], box[4])
    near, far, face = -1e9, 1e9, 0
    for k in range(3):
        if abs(along[k]) < 1e-12:
            if origin[k] < low[k] or origin[k] > high[k]:
                return -1.0, 0
            continue
        t0, t1 = (low[k] - origin[k]) / along[k], (high[k] - origin[k]) / along[k]
        f = 2 * k + 1
        if t0 > t1:
            t0, t1 = t1, t0
            f = 2 * k + 2
        if t0 > near:
            near, face = t0, f
        far = min(far, t1)
    if near > far or near <= 0:
        return -1.0, 0
    return near, 0 if face >= 5 else face


@njit(cache=True, nogil=True)
def _paint(eye, dx, dy, dz, t, kind, which, face, boxes, pillars, rim, texture, cube, rgb):  # type: ignore[no-untyped-def]
    x, y, z = eye[0] + t * dx, eye[1] + t * dy, eye[2] + t * dz
    if kind == FLOOR:
        n = texture.shape[0]
        span = 2 * rim[0] + 20
        _bilinear(texture, (y / span + 0.5) * n, (x / span + 0.5) * n, rgb)
        near = rim[0] - np.sqrt(x * x + y * y)
        lit = (1 - 0.45 * _shade(x, y, boxes, pillars, rim)) * (1 - 0.3 * np.exp(-near / 13.0))
        for k in range(3):
            rgb[k] *= lit
    elif kind == RIM:
        out = np.sqrt(x * x + y * y)
        towards = (KEY[0] * x + KEY[1] * y) / out
        light = 1.02
        if face > 0:
            sign = -1.0 if face == 1 else 1.0
            light = 0.62 + 0.22 * sign * towards + 0.006 * z
        rgb[0], rgb[1], rgb[2] = 176 * light, 180 * light, 184 * light
    elif kind == BOX:
        _paint_box(x, y, z, face, boxes[which], cube, rgb)
    elif kind == PILLAR:
        p = pillars[which]
        nx, ny = (x - p[0]) / p[2], (y - p[1]) / p[2]
        light = 1.05 if face == 0 else 0.58 + 0.4 * max(0.0, KEY[0] * nx + KEY[1] * ny)
        band = 0.82 if (face != 0 and 0.30 < z / p[3] < 0.36) else 1.0
        rgb[0], rgb[1], rgb[2] = 150 * light * band, 158 * light * band, 168 * light * band
    else:
        soft = cube[int(x * 0.05) % 64, int(y * 0.05) % 64, 3 * which] * 1.0
        glow = 1.0 / (1.0 + (x * x + y * y) / 6.0e5)
        level = 62.0 if which == 0 else 24.0
        near = np.sqrt(x * x + y * y) - rim[1]
        if which == 0:
            glow *= 1 - 0.5 * np.exp(-max(near, 0.0) / 18.0)
        rgb[0] = (level + soft) * (0.55 + 0.45 * glow) * (0.96 if which == 0 else 1.0)
        rgb[1] = (level + soft) * (0.55 + 0.45 * glow)
        rgb[2] = (level + soft) * (0.55 + 0.45 * glow) * 1.07


@njit(cache=True, nogil=True)
def _paint_box(x, y, z, face, box, cube, rgb):  # type: ignore[no-untyped-def]
    c, s = box[5], box[6]
    u, w = c * (x - box[0]) + s * (y - box[1]), -s * (x - box[0]) + c * (y - box[1])
    light = 1.02
    a, b = u, w
    if face == 1 or face == 2:
        sign = -1.0 if face == 1 else 1.0
        light = 0.62 + 0.35 * max(0.0, sign * (KEY[0] * c + KEY[1] * s)) + 0.0015 * z
        a, b = w, z
    elif face == 3 or face == 4:
        sign = -1.0 if face == 3 else 1.0
        light = 0.62 + 0.35 * max(0.0, sign * (-KEY[0] * s + KEY[1] * c)) + 0.0015 * z
        a, b = u, z
    i, j = int(a * 0.35 + 640) % 64, int(b * 2.2 + 640) % 64
    light *= 1 + 0.05 * cube[i, j, face]
    rgb[0], rgb[1], rgb[2] = 168 * light, 128 * light, 86 * light
    if face > 0:
        tall = 0.55 * box[4]
        half = 17.0
        arch = abs(a) < half and z < tall - half + np.sqrt(max(half * half - a * a, 0.0))
        if (face == 3 or face == 4) and arch:
            deep = 0.25 + 0.3 * max(0.0, 1 - z / 12.0)
            rgb[0], rgb[1], rgb[2] = 66 * deep, 50 * deep, 38 * deep


@njit(cache=True, nogil=True)
def _shade(x, y, boxes, pillars, rim):  # type: ignore[no-untyped-def]
    """Share of the key light that things on the floor keep from a point of it."""
    point = np.array([x, y, 0.01])
    hidden = 0.0
    n = 9
    for k in range(n):
        angle = 2.399963 * k
        spread = 0.16 * np.sqrt((k + 0.5) / n)
        dx, dy = KEY[0] + spread * np.cos(angle), KEY[1] + spread * np.sin(angle)
        dark = False
        for b in range(boxes.shape[0]):
            if _box(point, dx, dy, KEY[2], boxes[b])[0] > 0:
                dark = True
        for p in range(pillars.shape[0]):
            if _pillar(point, dx, dy, KEY[2], pillars[p])[0] > 0:
                dark = True
        _, t1 = _cylinder(x, y, dx, dy, 0.0, 0.0, rim[0])
        if t1 * KEY[2] < rim[2]:
            dark = True
        hidden += dark
    return hidden / n


@njit(cache=True, nogil=True)
def _bilinear(texture, row, column, rgb):  # type: ignore[no-untyped-def]
    n = texture.shape[0]
    row, column = min(max(row, 0.0), n - 1.001), min(max(column, 0.0), n - 1.001)
    i, j = int(row), int(column)
    a, b = row - i, column - j
    for k in range(3):
        top = texture[i, j, k] * (1 - b) + texture[i, j + 1, k] * b
        low = texture[i + 1, j, k] * (1 - b) + texture[i + 1, j + 1, k] * b
        rgb[k] = top * (1 - a) + low * a
