"""Where the feet are: a trot whose stance feet stay planted on the floor."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from napari_sdannce.synthetic.anatomy import ENDS, HIP_CENTRE, LIMBS, STARTS, THORAX_B
from napari_sdannce.synthetic.paths import STEP_S, Track

FloatArray = npt.NDArray[np.float64]

YAW_SHARE = np.array([0.0, 0.2, 0.45, 0.75, 1.0])
"""Share of the bend that each trunk bone, pelvis to chest, has taken."""

_SWING = 0.4
_OFFSETS = (0.03, 0.53, 0.5, 0.0)
_SLOWEST = 1.6
_NEED_MM = 9.0
_LIFT_MM = (10.0, 10.0, 7.0, 7.0)


@dataclass(frozen=True, eq=False)
class Feet:
    """Feet of the animals over time; limbs are fore left, fore right, hind left, hind right.

    Parameters
    ----------
    places
        (S, A, 4, 3) mm, tips of the feet.
    yaws
        (S, A, 4) radians, directions in which they point.
    swing
        (S, A, 4) 0 on the floor, up to 1 in the middle of a swing.
    phase
        (S, A) phase of the gait in cycles.
    vigour
        (S, A) 0 standing .. 1 a full trot.
    """

    places: FloatArray
    yaws: FloatArray
    swing: FloatArray
    phase: FloatArray
    vigour: FloatArray


def step_feet(track: Track, scales: FloatArray) -> Feet:
    """Place the feet of animals that move along a track.

    A foot stands where its home under the body is half way through the stance, so that each stance
    begins with the foot ahead of its home and ends with it behind.
    """
    homes, yaws = _homes(track, scales)
    speed = np.linalg.norm(np.gradient(homes, STEP_S, axis=0), axis=-1).mean(axis=-1)
    stride = scales * 58 + 0.12 * speed
    phase = np.stack(
        [_phase(speed[:, a] / stride[:, a], speed[:, a]) for a in range(len(scales))], axis=1
    )
    places = np.zeros((*homes.shape[:-1], 3))
    turned = np.empty_like(yaws)
    swing = np.zeros_like(yaws)
    for a in range(homes.shape[1]):
        for limb in range(4):
            moving = ((phase[:, a] + _OFFSETS[limb]) % 1.0) < _SWING
            wanted = np.column_stack([homes[:, a, limb], yaws[:, a, limb]])
            spot, lift = _one_foot(moving, wanted)
            ground = scales[a] * ENDS[LIMBS[limb] + 2, 2]
            places[:, a, limb, :2] = spot[:, :2]
            places[:, a, limb, 2] = ground + scales[a] * _LIFT_MM[limb] * lift
            turned[:, a, limb], swing[:, a, limb] = spot[:, 2], lift
    return Feet(places, turned, swing, phase, np.clip(speed / 150.0, 0, 1))


def _homes(track: Track, scales: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Where each foot would stand at rest (S, A, 4, 2) and its direction (S, A, 4)."""
    yaw = track.heading[..., None] + track.bend[..., None] * YAW_SHARE
    spine = np.diff(STARTS[: THORAX_B + 1, 0])
    along = np.stack([np.cos(yaw), np.sin(yaw)], axis=-1)
    hip = np.stack([track.x, track.y], axis=-1)
    chest = hip + scales[:, None] * np.einsum("b,sabk->sak", spine, along[..., :THORAX_B, :])
    homes = np.empty((*track.x.shape, 4, 2))
    yaws = np.empty((*track.x.shape, 4))
    for limb, first in enumerate(LIMBS):
        bone = THORAX_B if limb < 2 else 0
        start, direction = (chest, along[..., THORAX_B, :]) if limb < 2 else (hip, along[..., 0, :])
        rest = ENDS[first + 2] - (STARTS[bone] if limb < 2 else HIP_CENTRE)
        across = np.stack([-direction[..., 1], direction[..., 0]], axis=-1)
        homes[..., limb, :] = start + scales[:, None] * (rest[0] * direction + rest[1] * across)
        splay = (0.16 if limb >= 2 else 0.1) * np.sign(rest[1])
        yaws[..., limb] = yaw[..., bone] + splay
    return homes, yaws


def _phase(rate: FloatArray, speed: FloatArray) -> FloatArray:
    """Phase of the gait in cycles: it runs with the speed, and stops only when all feet stand."""
    phase = np.empty(len(rate))
    now, need, leaving = 0.45, 0.0, False
    for i in range(len(rate)):
        standing = _SWING <= now % 0.5 < _SWING + 0.07
        need = need + STEP_S * speed[i] if standing else 0.0
        leaving = standing and (leaving or need >= _NEED_MM)
        step = max(rate[i], _SLOWEST)
        if standing and not leaving and rate[i] < _SLOWEST:
            step = 0.0
        now += step * STEP_S
        phase[i] = now
    return phase


def _one_foot(moving: npt.NDArray[np.bool_], homes: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Path of one foot (S, 3: x, y, yaw) and how high it is lifted (S,), 0..1."""
    bounds = np.flatnonzero(np.diff(moving)) + 1
    runs = np.split(np.arange(len(moving)), bounds)
    path = np.empty_like(homes)
    lift = np.zeros(len(moving))
    # half way between home at touch-down and home at lift-off: a rat that sets off after a rest
    # leaves no foot behind
    stances = [(homes[run[0]] + homes[run[-1]]) / 2 for run in runs]
    for k, run in enumerate(runs):
        if not moving[run[0]]:
            path[run] = stances[k]
            continue
        before = stances[k - 1] if k > 0 else homes[run[0]]
        after = stances[k + 1] if k + 1 < len(runs) else homes[run[-1]]
        s = (np.arange(len(run)) + 1) / (len(run) + 1)
        ease = s**3 * (10 - 15 * s + 6 * s * s)
        path[run] = before + ease[:, None] * (after - before)
        lift[run] = np.sin(np.pi * s) ** 2
    return path, lift
