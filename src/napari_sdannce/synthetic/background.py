"""The empty arena as each camera sees it: traced once, a ray for every quarter pixel."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from napari_sdannce.geometry.camera_rows import camera_rows
from napari_sdannce.geometry.compiled import compiled
from napari_sdannce.geometry.compiled_lens import line_of_sight
from napari_sdannce.synthetic.light import KEY
from napari_sdannce.synthetic.noise import bedding, noise_cube
from napari_sdannce.synthetic.trace import (
    BOX,
    FLOOR,
    NOWHERE,
    PILLAR,
    RIM,
    ROOM,
    box_hit,
    cylinder_hits,
    nearest,
    pillar_hit,
    props_of,
)

if TYPE_CHECKING:
    from napari_sdannce.geometry import Camera
    from napari_sdannce.synthetic.arena import Arena

FloatArray = npt.NDArray[np.float64]
Float32Array = npt.NDArray[np.float32]

SAMPLES = 2
"""Samples along each side of a pixel."""

_TEXTURE = 1200
_SHADOW_RAYS = 9
# a shadow is at most this many times as long as its thing is high: tan of the steepest lamp ray
_SHADOW_REACH = 0.58


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
    props = props_of(arena)
    textures = (_texture(arena.seed, 2 * arena.radius + 20), _cube())
    rows = camera_rows([camera])
    _trace(rows, camera.centre, props, textures, colour, depth, floor)
    _trace_ground(rows, camera.centre, ground)
    return Background(colour, depth, floor, ground)


@lru_cache(maxsize=2)
def _texture(seed: int, span_mm: float) -> Float32Array:
    return bedding(_TEXTURE, span_mm, seed)


@lru_cache(maxsize=1)
def _cube() -> Float32Array:
    return noise_cube(64, 5)


@compiled
def _trace(camera, eye, props, textures, colour, depth, floor):  # type: ignore[no-untyped-def]
    height, width = depth.shape
    rgb = np.empty(3)
    for i in range(height):
        v = (i + 0.5) / SAMPLES - 0.5
        for j in range(width):
            u = (j + 0.5) / SAMPLES - 0.5
            dx, dy, dz = line_of_sight(camera, 0, u, v)
            if np.isnan(dz):  # beyond the lens nothing is seen
                colour[i, j], depth[i, j], floor[i, j] = 0, NOWHERE, False
                continue
            t, kind, which, face = nearest(eye, dx, dy, dz, props)
            place = (eye[0] + t * dx, eye[1] + t * dy, eye[2] + t * dz)
            _paint(place, (kind, which, face), props, textures, rgb)
            depth[i, j] = t
            floor[i, j] = kind == FLOOR
            for k in range(3):
                colour[i, j, k] = np.uint8(min(max(rgb[k], 0.0), 255.0))


@compiled
def _trace_ground(camera, eye, ground):  # type: ignore[no-untyped-def]
    for i in range(ground.shape[0]):
        for j in range(ground.shape[1]):
            dx, dy, dz = line_of_sight(camera, 0, j, i)
            if np.isnan(dz):
                ground[i, j] = NOWHERE
                continue
            t = -eye[2] / min(dz, -1e-6)
            ground[i, j, 0], ground[i, j, 1] = eye[0] + t * dx, eye[1] + t * dy


@compiled
def _paint(place, hit, props, textures, rgb):  # type: ignore[no-untyped-def]
    x, y, _ = place
    kind, which, face = hit
    texture, cube = textures
    if kind == FLOOR:
        _paint_floor(x, y, props, texture, rgb)
    elif kind == RIM:
        _paint_rim(place, face, rgb)
    elif kind == BOX:
        _paint_box(place, face, props.boxes[which], cube, rgb)
    elif kind == PILLAR:
        _paint_pillar(place, face, props.pillars[which], rgb)
    else:
        _paint_room(x, y, kind == ROOM, props.rim[1], cube, rgb)


@compiled
def _tint(red, green, blue, light, rgb):  # type: ignore[no-untyped-def]
    rgb[0], rgb[1], rgb[2] = red * light, green * light, blue * light


@compiled
def _paint_floor(x, y, props, texture, rgb):  # type: ignore[no-untyped-def]
    n, span = texture.shape[0], 2 * props.rim[0] + 20
    _bilinear(texture, (y / span + 0.5) * n, (x / span + 0.5) * n, rgb)
    near = props.rim[0] - np.sqrt(x * x + y * y)
    light = (1 - 0.45 * _shade(x, y, props)) * (1 - 0.3 * np.exp(-near / 13.0))
    _tint(rgb[0], rgb[1], rgb[2], light, rgb)


@compiled
def _paint_rim(place, face, rgb):  # type: ignore[no-untyped-def]
    x, y, z = place
    towards = (KEY[0] * x + KEY[1] * y) / np.sqrt(x * x + y * y)
    light = 1.02
    if face > 0:
        light = 0.62 + 0.22 * (-towards if face == 1 else towards) + 0.006 * z
    _tint(176.0, 180.0, 184.0, light, rgb)


@compiled
def _paint_pillar(place, face, pillar, rgb):  # type: ignore[no-untyped-def]
    nx, ny = (place[0] - pillar[0]) / pillar[2], (place[1] - pillar[1]) / pillar[2]
    light = 1.05 if face == 0 else 0.58 + 0.4 * max(0.0, KEY[0] * nx + KEY[1] * ny)
    if face != 0 and 0.30 < place[2] / pillar[3] < 0.36:
        light *= 0.82
    _tint(150.0, 158.0, 168.0, light, rgb)


@compiled
def _paint_room(x, y, room, rim, cube, rgb):  # type: ignore[no-untyped-def]
    out = x * x + y * y
    light = 0.55 + 0.45 / (1.0 + out / 6.0e5)
    if not room:
        # the rim keeps light from the table
        light *= 1 - 0.3 * np.exp(-max(np.sqrt(out) - rim, 0.0) / 18.0)
    level = 24.0 if room else 62.0
    level += cube[int(x * 0.05) % 64, int(y * 0.05) % 64, 3 * room]
    _tint(level, level, level * 1.07, light, rgb)


@compiled
def _paint_box(place, face, box, cube, rgb):  # type: ignore[no-untyped-def]
    x, y, z = place
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
    _tint(168.0, 128.0, 86.0, light, rgb)
    if face > 0:
        tall = 0.55 * box[4]
        half = 17.0
        arch = abs(a) < half and z < tall - half + np.sqrt(max(half * half - a * a, 0.0))
        if (face == 3 or face == 4) and arch:
            deep = 0.25 + 0.3 * max(0.0, 1 - z / 12.0)
            _tint(66.0, 50.0, 38.0, deep, rgb)


@compiled
def _shade(x, y, props):  # type: ignore[no-untyped-def]
    """Share of the key light that things on the floor keep from a point of it."""
    if not _near_props(x, y, props):
        return 0.0
    hidden = 0
    for k in range(_SHADOW_RAYS):
        angle, spread = 2.399963 * k, 0.16 * np.sqrt((k + 0.5) / _SHADOW_RAYS)
        dx, dy = KEY[0] + spread * np.cos(angle), KEY[1] + spread * np.sin(angle)
        hidden += _is_dark((x, y, 0.01), dx, dy, props)
    return hidden / _SHADOW_RAYS


@compiled
def _near_props(x, y, props):  # type: ignore[no-untyped-def]
    """Whether any shadow can reach a point of the floor."""
    if np.sqrt(x * x + y * y) > props.rim[0] - _SHADOW_REACH * props.rim[2]:
        return True
    for box in props.boxes:
        far = np.sqrt(box[2] ** 2 + box[3] ** 2) + _SHADOW_REACH * box[4]
        if (x - box[0]) ** 2 + (y - box[1]) ** 2 < far * far:
            return True
    for pillar in props.pillars:
        far = pillar[2] + _SHADOW_REACH * pillar[3]
        if (x - pillar[0]) ** 2 + (y - pillar[1]) ** 2 < far * far:
            return True
    return False


@compiled
def _is_dark(point, dx, dy, props):  # type: ignore[no-untyped-def]
    for k in range(props.boxes.shape[0]):
        if box_hit(point, dx, dy, KEY[2], props.boxes[k])[0] < NOWHERE:
            return True
    for k in range(props.pillars.shape[0]):
        if pillar_hit(point, dx, dy, KEY[2], props.pillars[k])[0] < NOWHERE:
            return True
    _, out = cylinder_hits(point[0], point[1], dx, dy, props.rim[0])
    return out * KEY[2] < props.rim[2]


@compiled
def _bilinear(texture, row, column, rgb):  # type: ignore[no-untyped-def]
    n = texture.shape[0]
    row, column = min(max(row, 0.0), n - 1.001), min(max(column, 0.0), n - 1.001)
    i, j = int(row), int(column)
    a, b = row - i, column - j
    for k in range(3):
        top = texture[i, j, k] * (1 - b) + texture[i, j + 1, k] * b
        low = texture[i + 1, j, k] * (1 - b) + texture[i + 1, j + 1, k] * b
        rgb[k] = top * (1 - a) + low * a
