"""From tracks and feet to the turn and place of every bone."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from napari_sdannce.synthetic.anatomy import (
    ENDS,
    HEAD,
    HIP_CENTRE,
    LENGTHS,
    LIMBS,
    N_BONES,
    PELVIS,
    STARTS,
    THORAX_B,
    TRUNK,
)
from napari_sdannce.synthetic.gait import YAW_SHARE, Feet
from napari_sdannce.synthetic.paths import STEP_S, Track

FloatArray = npt.NDArray[np.float64]

_DEGREE = np.pi / 180
_KNEE_MM = 15.0
# pitch of each trunk bone away from standing, degrees, nose up positive
_REAR = np.array([40.0, 50, 54, 56, 54, 46, 24])
_GROOM = np.array([30.0, 40, 34, 22, 4, -24, -50])
_SNIFF = np.array([0.0, 0, -1, -3, -6, -16, -14])
_ALERT = np.array([0.0, 1, 3, 5, 7, 14, 8])
# how much of the head's turn and nod each trunk bone takes
_LOOK_SHARE = np.array([0.0, 0, 0, 0.05, 0.15, 0.55, 1.0])
_NOD_SHARE = np.array([0.0, 0, 0, 0, 0.1, 0.5, 1.0])

_HANGING = {0: np.array([153.0, 13.0, 14.0]), 1: np.array([153.0, -13.0, 14.0])}
_WASHING = {0: np.array([196.0, 8.0, 24.0]), 1: np.array([196.0, -8.0, 24.0])}


def pose_bones(track: Track, feet: Feet, scales: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Turn tracks into bones, tail excepted.

    Returns
    -------
    rotations
        (S, A, B, 3, 3) turn of each bone away from rest; those of the tail are not set.
    origins
        (S, A, B, 3) mm, joint at which each bone is carried.
    """
    shape = track.x.shape
    rotations = np.zeros((*shape, N_BONES, 3, 3))
    origins = np.zeros((*shape, N_BONES, 3))
    _pose_trunk(track, feet, scales, rotations, origins)
    for limb in range(4):
        _pose_limb(limb, track, feet, scales, rotations, origins)
    return rotations, origins


def _pose_trunk(
    track: Track, feet: Feet, scales: FloatArray, rotations: FloatArray, origins: FloatArray
) -> None:
    sway = np.sin(2 * np.pi * feet.phase) * feet.vigour
    weight = {
        "rear": track.rear, "groom": track.groom,
        "sniff": track.sniff * (1 - track.rear) * (1 - track.groom),
        "alert": (1 - track.sniff) * (1 - track.rear) * (1 - track.groom),
    }  # fmt: skip
    share = np.concatenate([YAW_SHARE, [1.0, 1.0]])
    bend = track.bend * (1 - 0.4 * track.rear)
    yaw = track.heading[..., None] + bend[..., None] * share
    yaw = yaw + track.look[..., None] * _LOOK_SHARE
    yaw = yaw + (2.5 * _DEGREE) * sway[..., None] * np.linspace(-1, 1, len(TRUNK))
    pitch = _DEGREE * (
        weight["rear"][..., None] * _REAR
        + weight["groom"][..., None] * _GROOM
        + weight["sniff"][..., None] * _SNIFF
        + weight["alert"][..., None] * _ALERT
    )
    pitch = pitch + track.nod[..., None] * _NOD_SHARE
    roll = np.zeros_like(pitch)
    roll[..., :3] = (-2.0 * _DEGREE) * sway[..., None]
    rotations[..., TRUNK, :, :] = turn(yaw, pitch, roll)
    bob = 1.6 * feet.vigour * np.cos(4 * np.pi * feet.phase)
    height = HIP_CENTRE[2] + bob + 6.0 * track.rear - 9.0 * track.groom
    origins[..., PELVIS, 0], origins[..., PELVIS, 1] = track.x, track.y
    origins[..., PELVIS, 2] = scales * height
    for bone in TRUNK[1:]:
        origins[..., bone, :] = _carried(rotations, origins, scales, bone - 1, STARTS[bone])


def _carried(
    rotations: FloatArray, origins: FloatArray, scales: FloatArray, bone: int, place: FloatArray
) -> FloatArray:
    """World position (S, A, 3) of a rest point that a bone carries."""
    offset = rotations[..., bone, :, :] @ (place - STARTS[bone])
    return np.asarray(origins[..., bone, :] + scales[:, None] * offset)


def _pose_limb(
    limb: int,
    track: Track,
    feet: Feet,
    scales: FloatArray,
    rotations: FloatArray,
    origins: FloatArray,
) -> None:
    first = LIMBS[limb]
    carrier = THORAX_B if limb < 2 else PELVIS
    root = _carried(rotations, origins, scales, carrier, STARTS[first])
    toe, direction = feet.places[..., limb, :].copy(), _foot_direction(limb, feet, root, scales)
    if limb < 2:
        toe, direction = _lifted_hand(limb, toe, direction, track, (rotations, origins, scales))
    lengths = [scales[:, None] * LENGTHS[first + k] for k in range(3)]
    joint = _within_reach(root, toe - lengths[2] * direction, lengths[0] + lengths[1])
    pole = _pole(limb, carrier, track, rotations)
    middle, normal = _bent(root, joint, pole, lengths[0], lengths[1])
    if limb >= 2:
        # a knee that would touch the floor goes outwards
        low = np.clip(1 - middle[..., 2:] / (_KNEE_MM * scales[:, None]), 0, 1)
        outwards = rotations[..., PELVIS, :, 1] * (1 if limb == 2 else -1)
        pole = pole + 4.0 * low * outwards
        middle, normal = _bent(root, joint, pole, lengths[0], lengths[1])
    joints = (root, middle, joint, joint + lengths[2] * direction)
    rest = _rest_normal(first)
    for k in range(3):
        along = joints[k + 1] - joints[k]
        rest_frame = _frame(ENDS[first + k] - STARTS[first + k], rest)
        rotations[..., first + k, :, :] = _frame(along, normal) @ rest_frame.T
        origins[..., first + k, :] = joints[k]


def _foot_direction(limb: int, feet: Feet, root: FloatArray, scales: FloatArray) -> FloatArray:
    """Unit direction (S, A, 3) of the foot, to its tip: the heel lifts as the body passes."""
    yaw = feet.yaws[..., limb]
    ahead = np.stack([np.cos(yaw), np.sin(yaw)], axis=-1)
    behind = ((root - feet.places[..., limb, :])[..., :2] * ahead).sum(axis=-1) / scales
    rest = ENDS[LIMBS[limb] + 2] - STARTS[LIMBS[limb] + 2]
    flat = np.arctan2(-rest[2], np.hypot(rest[0], rest[1]))
    rise, begin, span = (45.0, -8.0, 45.0) if limb < 2 else (26.0, -22.0, 50.0)
    s = np.clip((behind - begin) / span, 0, 1)
    droop = (30.0 if limb < 2 else 3.0) * feet.swing[..., limb]
    down = flat + _DEGREE * (rise * s * s * (3 - 2 * s) + droop)
    return np.concatenate([np.cos(down)[..., None] * ahead, -np.sin(down)[..., None]], axis=-1)


def _lifted_hand(
    limb: int,
    toe: FloatArray,
    direction: FloatArray,
    track: Track,
    bones: tuple[FloatArray, FloatArray, FloatArray],
) -> tuple[FloatArray, FloatArray]:
    """Hands that hang before the chest when rearing, and wash the snout when grooming."""
    rotations, origins, scales = bones
    stroke = np.sin(2 * np.pi * 4.5 * STEP_S * np.arange(len(toe)) + 0.5 * limb)[:, None]
    wash = _carried(rotations, origins, scales, HEAD, _WASHING[limb])
    wash = wash + rotations[..., HEAD, :, 0] * (9.0 * stroke[..., None])
    hang = _carried(rotations, origins, scales, THORAX_B, _HANGING[limb])
    droop = rotations[..., THORAX_B, :, :] @ np.array([0.75, 0.0, -0.66])
    reach = rotations[..., HEAD, :, :] @ np.array([0.3, -0.4 if limb == 0 else 0.4, 0.85])
    rear, groom = _eased(track.rear)[..., None], _eased(track.groom)[..., None]
    toe = toe + rear * (hang - toe)
    toe = toe + groom * (wash - toe)
    direction = direction + rear * (droop - direction)
    direction = direction + groom * (reach - direction)
    return toe, _unit(direction)


def _eased(weight: FloatArray) -> FloatArray:
    """Hands leave the floor early in a rise: 0 stays 0, 0.5 is nearly 1."""
    s = np.clip(weight / 0.55, 0, 1)
    return np.asarray(s * s * (3 - 2 * s))


def _within_reach(root: FloatArray, joint: FloatArray, longest: FloatArray) -> FloatArray:
    """Pull a joint back that the limb cannot reach, smoothly."""
    away = joint - root
    far = np.linalg.norm(away, axis=-1, keepdims=True)
    soft, hard = 0.93 * longest, 0.995 * longest
    over = np.maximum(far - soft, 0)
    reach = np.where(far > soft, soft + (hard - soft) * np.tanh(over / (hard - soft)), far)
    return np.asarray(root + away * (reach / np.maximum(far, 1e-9)))


def _pole(limb: int, carrier: int, track: Track, rotations: FloatArray) -> FloatArray:
    """Direction (S, A, 3) towards which knee or elbow points."""
    first = LIMBS[limb]
    rest = _rest_pole(first)
    if limb < 2:
        return np.asarray(rotations[..., carrier, :, :] @ rest)
    # knees stay forward while the pelvis rises
    level = turn(track.heading, 0.35 * _DEGREE * _REAR[0] * track.rear, np.zeros_like(track.x))
    return np.asarray(level @ rest)


def _bent(
    root: FloatArray, joint: FloatArray, pole: FloatArray, upper: FloatArray, lower: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Knee or elbow (S, A, 3) of a two-bone limb, and the normal of its plane (cosine rule)."""
    away = joint - root
    far = np.linalg.norm(away, axis=-1, keepdims=True)
    near = np.abs(upper - lower) + 0.5
    along = away / np.maximum(far, 1e-9)
    far = np.maximum(far, near)
    across = _unit(pole - (pole * along).sum(axis=-1, keepdims=True) * along)
    project = (upper**2 - lower**2 + far**2) / (2 * far)
    height = np.sqrt(np.maximum(upper**2 - project**2, 0))
    return root + project * along + height * across, np.cross(across, along)


def _rest_pole(first: int) -> FloatArray:
    root, middle, joint = STARTS[first], STARTS[first + 1], STARTS[first + 2]
    along = _unit(joint - root)
    return _unit((middle - root) - ((middle - root) @ along) * along)


def _rest_normal(first: int) -> FloatArray:
    along = _unit(STARTS[first + 2] - STARTS[first])
    return np.cross(_rest_pole(first), along)


def _frame(along: FloatArray, normal: FloatArray) -> FloatArray:
    """Rotations (..., 3, 3) whose first column is `along`, the third as near as can be `normal`."""
    x = _unit(along)
    z = _unit(normal - (normal * x).sum(axis=-1, keepdims=True) * x)
    return np.stack([x, np.cross(z, x), z], axis=-1)


def _unit(vectors: FloatArray) -> FloatArray:
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-12))


def turn(yaw: FloatArray, pitch: FloatArray, roll: FloatArray) -> FloatArray:
    """Rotations (..., 3, 3): roll round x, then nose up by `pitch`, then left by `yaw`; radians."""
    cy, sy, cp, sp = np.cos(yaw), np.sin(yaw), np.cos(pitch), np.sin(pitch)
    cr, sr = np.cos(roll), np.sin(roll)
    rows = [
        [cy * cp, -sy * cr - cy * sp * sr, sy * sr - cy * sp * cr],
        [sy * cp, cy * cr - sy * sp * sr, -cy * sr - sy * sp * cr],
        [sp, cp * sr, cp * cr],
    ]
    return np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)
