"""The skin of a rat: a mesh at rest, and the bones that carry each of its vertices."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array

from napari_sdannce.synthetic import anatomy as rat
from napari_sdannce.synthetic.flesh import body_distance, limb_distances, trunk_distance
from napari_sdannce.synthetic.meshing import Mesh, ball, surface_net, tube

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int32]

FUR, BARE, TAIL_SKIN, EYE, EAR = range(5)
"""What a vertex is made of."""

N_WEIGHTS = 4
_CELL_MM = 2.8
_BOX = (np.array([-50.0, -50.0, -5.0]), np.array([220.0, 50.0, 82.0]))
_JOINT_WIDTHS = (15.0, 14.0, 14.0, 14.0, 13.0, 10.0)
_SMOOTHINGS = 3


@dataclass(frozen=True, eq=False)
class Skin:
    """A skinned mesh in the rest pose of `anatomy`.

    Parameters
    ----------
    vertices
        (N, 3) mm at rest.
    triangles
        (M, 3) vertex indices, counter-clockwise seen from outside.
    bones, weights
        (N, 4) bones that carry each vertex, and their shares.
    material
        (N,) FUR, BARE (paws, nose), TAIL_SKIN, EYE or EAR.
    """

    vertices: FloatArray
    triangles: IntArray
    bones: IntArray
    weights: FloatArray
    material: npt.NDArray[np.uint8]


@lru_cache(maxsize=1)
def rat_skin() -> Skin:
    """The skin that every rat wears; made once."""
    body = surface_net(body_distance, *_BOX, _CELL_MM)
    parts = [_body_part(body), _tail(), _nose()]
    for side in (1.0, -1.0):
        parts += [_ear(side), _eye(side), *_digits(side)]
    return _joined(parts)


def _joined(parts: list[Skin]) -> Skin:
    first = np.cumsum([0] + [len(part.vertices) for part in parts[:-1]])
    return Skin(
        np.concatenate([part.vertices for part in parts]),
        np.concatenate(
            [part.triangles + start for part, start in zip(parts, first, strict=True)]
        ).astype(np.int32),
        np.concatenate([part.bones for part in parts]),
        np.concatenate([part.weights for part in parts]),
        np.concatenate([part.material for part in parts]),
    )


def _body_part(mesh: Mesh) -> Skin:
    shares = _smoothed(_bone_shares(mesh.vertices), mesh.triangles)
    bones = np.argsort(-shares, axis=1)[:, :N_WEIGHTS]
    weights = np.take_along_axis(shares, bones, axis=1)
    weights /= weights.sum(axis=1, keepdims=True)
    limbs = limb_distances(mesh.vertices)
    trunk = trunk_distance(mesh.vertices)
    material = np.full(len(mesh.vertices), FUR, dtype=np.uint8)
    for first in rat.LIMBS:
        # hands and feet are bare, up to just below wrist and ankle
        at_foot = (limbs[first + 2] < 1.0) & (trunk > 2.0)
        at_foot &= limbs[first + 2] < limbs[first + 1] + 1.0
        material[at_foot] = BARE
    return Skin(mesh.vertices, mesh.triangles, bones.astype(np.int32), weights, material)


def _bone_shares(places: FloatArray) -> FloatArray:
    """Share (N, B) of each bone: near the bone's own flesh, blended where limbs join the trunk."""
    shares = np.zeros((len(places), rat.N_BONES))
    distances = limb_distances(places)
    trunk = np.maximum(trunk_distance(places), 0)
    nearest = np.minimum(trunk, np.min(list(distances.values()), axis=0))
    in_trunk = np.exp(-(trunk - nearest) / 3.5)
    shares[:, : len(rat.TRUNK)] = in_trunk[:, None] * _along_trunk(places[:, 0])
    for bone, distance in distances.items():
        lower = (bone - rat.FORE_LEFT) % 3 > 0
        reach = 2.0 if lower else 4.5
        # under the skin of the trunk, only the upper limb moves it
        weight = np.exp(-np.maximum(distance - nearest, 0) / reach)
        if lower:
            weight *= np.clip((trunk - 0.5) / 3.0, 0, 1)
        shares[:, bone] = (0.75 if not lower else 1.0) * weight
    return np.asarray(shares / shares.sum(axis=1, keepdims=True))


def _along_trunk(x: FloatArray) -> FloatArray:
    """Share (N, 7) of each trunk bone by how far along the trunk a place is."""
    joints = rat.STARTS[1 : len(rat.TRUNK), 0]
    passed = [np.ones_like(x)]
    for joint, width in zip(joints, _JOINT_WIDTHS, strict=True):
        s = np.clip((x - joint + width) / (2 * width), 0, 1)
        passed.append(s * s * (3 - 2 * s))
    steps = np.stack([*passed, np.zeros_like(x)], axis=1)
    return np.asarray(steps[:, :-1] * (1 - steps[:, 1:]))


def _smoothed(shares: FloatArray, triangles: IntArray) -> FloatArray:
    n = len(shares)
    a = np.concatenate([triangles[:, k] for k in (0, 1, 2)])
    b = np.concatenate([triangles[:, k] for k in (1, 2, 0)])
    neighbours = coo_array((np.ones(len(a)), (a, b)), shape=(n, n)).tocsr()
    count = np.maximum(neighbours.sum(axis=1), 1)
    for _ in range(_SMOOTHINGS):
        shares = 0.5 * shares + 0.5 * (neighbours @ shares) / count[:, None]
    return shares


def _rigid(mesh: Mesh, bone: int, material: int) -> Skin:
    n = len(mesh.vertices)
    weights = np.zeros((n, N_WEIGHTS))
    weights[:, 0] = 1.0
    return Skin(
        mesh.vertices,
        mesh.triangles,
        np.full((n, N_WEIGHTS), bone, dtype=np.int32),
        weights,
        np.full(n, material, dtype=np.uint8),
    )


def _tail() -> Skin:
    length = rat.N_TAIL * rat.TAIL_STEP
    s = np.linspace(-0.01, 1.0, 46)
    centres = rat.TAIL_BASE + np.stack([-s * length, 0 * s, 0 * s], axis=1)
    radii = 1.3 + 4.4 * (1 - np.clip(s, 0, 1)) ** 1.25
    mesh = tube(centres, radii, 9)
    along = (rat.TAIL_BASE[0] - mesh.vertices[:, 0]) / rat.TAIL_STEP - 0.5
    low = np.clip(np.floor(along), -1, rat.N_TAIL - 1)
    share = np.clip(along - low, 0, 1)
    before = np.where(low < 0, rat.PELVIS, rat.TAIL + low).astype(np.int32)
    after = np.minimum(rat.TAIL + low + 1, rat.N_BONES - 1).astype(np.int32)
    bones = np.stack([before, after, before, before], axis=1)
    weights = np.stack([1 - share, share, 0 * share, 0 * share], axis=1)
    material = np.full(len(mesh.vertices), TAIL_SKIN, dtype=np.uint8)
    return Skin(mesh.vertices, mesh.triangles, bones, weights, material)


def _nose() -> Skin:
    return _rigid(ball(np.array([211.3, 0.0, 33.0]), np.array([2.3, 2.9, 2.1])), rat.HEAD, BARE)


def _eye(side: float) -> Skin:
    centre = np.array([184.5, 11.2 * side, 46.5])
    return _rigid(ball(centre, np.array([3.3, 3.0, 3.3]), 8, 12), rat.HEAD, EYE)


def _ear(side: float) -> Skin:
    disc = ball(np.zeros(3), np.array([0.9, 7.8, 9.6]), 5, 16)
    thick, wide, tall = disc.vertices.T
    cup = 0.022 * (wide**2 + tall**2)
    out = np.array([0.70, 0.68 * side, 0.10])
    up = np.array([-0.30, 0.42 * side, 0.86])
    out /= np.linalg.norm(out)
    up -= (up @ out) * out
    up /= np.linalg.norm(up)
    across = np.cross(up, out)
    centre = np.array([163.0, 16.6 * side, 63.0])
    places = centre + (thick + cup)[:, None] * out + wide[:, None] * across + tall[:, None] * up
    return _rigid(Mesh(places, disc.triangles), rat.HEAD, EAR)


def _digits(side: float) -> list[Skin]:
    found = []
    for first, spread, length, thick in (
        (rat.FORE_LEFT if side > 0 else rat.FORE_RIGHT, (-28, -9, 9, 28), 8.0, 1.3),
        (rat.HIND_LEFT if side > 0 else rat.HIND_RIGHT, (-30, -14, 0, 14, 30), 11.0, 1.5),
    ):
        tip = rat.ENDS[first + 2]
        along = tip - rat.STARTS[first + 2]
        forward = np.array([along[0], along[1], 0.0]) / np.hypot(along[0], along[1])
        across = np.array([-forward[1], forward[0], 0.0])
        for angle in np.deg2rad(spread):
            ahead = np.cos(angle) * forward + np.sin(angle) * across
            s = np.linspace(0, 1, 5)[:, None]
            line = tip - 1.5 * forward + s * length * ahead
            line[:, 2] += (1.6 - tip[2]) * s[:, 0] ** 0.7 + 0.6 * np.sin(np.pi * s[:, 0])
            radii = thick * np.array([1.0, 1.0, 0.95, 0.8, 0.4])
            found.append(_rigid(tube(line, radii, 6), first + 2, BARE))
    return found
