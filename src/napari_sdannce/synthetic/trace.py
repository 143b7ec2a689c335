"""Rays against the things of an arena: floor, rim, boxes, pillars, the table and the room."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from napari_sdannce.geometry.compiled import compiled

if TYPE_CHECKING:
    from napari_sdannce.synthetic.arena import Arena

FloatArray = npt.NDArray[np.float64]

NOWHERE = 1e9
"""Distance of what a ray does not meet."""

TABLE_MM = 620.0
ROOM_Z = -650.0
TABLE, ROOM, FLOOR, RIM, BOX, PILLAR = range(6)


class Props(NamedTuple):
    """What stands in the arena, as arrays for compiled loops.

    Parameters
    ----------
    boxes
        (n, 7) centre x y, half sizes along and across, height, cosine and sine of the turn.
    pillars
        (n, 4) centre x y, radius, height.
    rim
        (3,) inner radius, outer radius, height.
    """

    boxes: FloatArray
    pillars: FloatArray
    rim: FloatArray


def props_of(arena: Arena) -> Props:
    """The things of an arena."""
    boxes = [
        [*box.centre, *box.half, box.height, np.cos(box.turn), np.sin(box.turn)]
        for box in arena.boxes
    ]
    pillars = [[*pillar.centre, pillar.radius, pillar.height] for pillar in arena.pillars]
    return Props(
        np.array(boxes, dtype=np.float64).reshape(-1, 7),
        np.array(pillars, dtype=np.float64).reshape(-1, 4),
        np.array([arena.radius, arena.radius + arena.rim_width, arena.rim_height]),
    )


@compiled
def nearest(eye, dx, dy, dz, props):  # type: ignore[no-untyped-def]
    """First thing on a ray: how far, its kind, which of its kind, and which face (0: top)."""
    best, kind = _ground(eye, dx, dy, dz, props.rim)
    which, face = 0, 0
    t, f = _rim(eye, dx, dy, dz, props.rim)
    if t < best:
        best, kind, face = t, RIM, f
    for k in range(props.boxes.shape[0]):
        t, f = box_hit(eye, dx, dy, dz, props.boxes[k])
        if t < best:
            best, kind, which, face = t, BOX, k, f
    for k in range(props.pillars.shape[0]):
        t, f = pillar_hit(eye, dx, dy, dz, props.pillars[k])
        if t < best:
            best, kind, which, face = t, PILLAR, k, f
    return best, kind, which, face


@compiled
def _ground(eye, dx, dy, dz, rim):  # type: ignore[no-untyped-def]
    if dz >= 0:
        return NOWHERE, ROOM
    t = -eye[2] / dz
    x, y = eye[0] + t * dx, eye[1] + t * dy
    out = x * x + y * y
    if out <= rim[0] * rim[0]:
        return t, FLOOR
    if out <= TABLE_MM * TABLE_MM:
        return t, TABLE
    return (ROOM_Z - eye[2]) / dz, ROOM


@compiled
def _rim(eye, dx, dy, dz, rim):  # type: ignore[no-untyped-def]
    best, face = NOWHERE, 0
    for side in range(2):
        t0, t1 = cylinder_hits(eye[0], eye[1], dx, dy, rim[side])
        # the inner wall is met on the way out, the outer wall on the way in
        t = t1 if side == 0 else t0
        z = eye[2] + t * dz
        if 0 < t < best and 0 <= z <= rim[2]:
            best, face = t, side + 1
    if dz < 0:
        t = (rim[2] - eye[2]) / dz
        x, y = eye[0] + t * dx, eye[1] + t * dy
        if t < best and rim[0] <= np.sqrt(x * x + y * y) <= rim[1]:
            best, face = t, 0
    return best, face


@compiled
def cylinder_hits(x, y, dx, dy, r):  # type: ignore[no-untyped-def]
    """Where a ray from (x, y) enters and leaves an upright cylinder round the origin; -1: never."""
    a = dx * dx + dy * dy
    b = x * dx + y * dy
    c = x * x + y * y - r * r
    inside = b * b - a * c
    if inside < 0 or a < 1e-12:
        return -1.0, -1.0
    root = np.sqrt(inside)
    return (-b - root) / a, (-b + root) / a


@compiled
def pillar_hit(eye, dx, dy, dz, pillar):  # type: ignore[no-untyped-def]
    """Where a ray meets a pillar, and on which face (0 top, 1 side)."""
    t, _ = cylinder_hits(eye[0] - pillar[0], eye[1] - pillar[1], dx, dy, pillar[2])
    if t > 0 and 0 <= eye[2] + t * dz <= pillar[3]:
        return t, 1
    t = (pillar[3] - eye[2]) / dz if dz != 0 else -1.0
    x, y = eye[0] + t * dx - pillar[0], eye[1] + t * dy - pillar[1]
    if t > 0 and x * x + y * y <= pillar[2] * pillar[2]:
        return t, 0
    return NOWHERE, 0


@compiled
def box_hit(eye, dx, dy, dz, box):  # type: ignore[no-untyped-def]
    """Where a ray meets a box, and on which face (0 top, 1 to 4 sides)."""
    c, s = box[5], box[6]
    ox, oy = eye[0] - box[0], eye[1] - box[1]
    origin = (c * ox + s * oy, -s * ox + c * oy, eye[2])
    along = (c * dx + s * dy, -s * dx + c * dy, dz)
    low, high = (-box[2], -box[3], 0.0), (box[2], box[3], box[4])
    near, far, face = -1e9, 1e9, 0
    for k in range(3):
        if abs(along[k]) < 1e-12:
            if origin[k] < low[k] or origin[k] > high[k]:
                return NOWHERE, 0
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
        return NOWHERE, 0
    return near, 0 if face >= 5 else face
