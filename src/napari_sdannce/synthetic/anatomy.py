"""A rat at rest: joints, bones, and where its rat23 keypoints are attached.

The animal stands with its nose towards +x, its left towards +y, its feet on z = 0. Numbers are mm
for an animal of scale 1 (about 245 mm from nose to tail base); limb lengths follow those measured
on adult rats. Every bone's rest orientation is the identity: the pose of a bone is the turn away
from standing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]

N_TAIL = 14
TAIL_STEP = 13.0

PELVIS, LUMBAR_A, LUMBAR_B, THORAX_A, THORAX_B, NECK, HEAD = range(7)
TRUNK = (PELVIS, LUMBAR_A, LUMBAR_B, THORAX_A, THORAX_B, NECK, HEAD)
FORE_LEFT, FORE_RIGHT, HIND_LEFT, HIND_RIGHT = 7, 10, 13, 16
LIMBS = (FORE_LEFT, FORE_RIGHT, HIND_LEFT, HIND_RIGHT)
"""First bone of each limb; each limb has three bones."""
TAIL = 19
N_BONES = TAIL + N_TAIL

HIP_CENTRE = np.array([2.0, 0.0, 43.0])
"""Middle between the hips: the root of the animal's motion."""
_LEFT_FORE = ((131.0, 18.0, 40.0), (114.0, 23.0, 17.5), (130.0, 21.0, 6.5), (146.0, 21.0, 3.0))
_LEFT_HIND = ((2.0, 20.0, 43.0), (37.0, 31.0, 22.0), (10.0, 31.0, 10.0), (37.5, 33.0, 3.5))
_TRUNK_JOINTS = (
    HIP_CENTRE,
    (12.0, 0.0, 64.0),
    (39.0, 0.0, 69.0),
    (66.0, 0.0, 70.0),
    (97.0, 0.0, 67.0),
    (127.0, 0.0, 59.0),
    (154.0, 0.0, 51.0),
)
TAIL_BASE = np.array([-36.0, 0.0, 40.0])
EAR_LEFT = np.array([167.0, 15.5, 62.0])
SNOUT = np.array([208.0, 0.0, 32.0])


def _mirrored(points: npt.ArrayLike) -> FloatArray:
    return np.asarray(points, dtype=np.float64) * (1, -1, 1)


@dataclass(frozen=True, slots=True)
class Bone:
    """One bone: the bone that carries it (-1: none), and its two ends at rest, (3,) mm."""

    parent: int
    start: FloatArray
    end: FloatArray


def _bones() -> tuple[Bone, ...]:
    trunk = [np.array(joint) for joint in _TRUNK_JOINTS]
    ends = [*trunk[1:], SNOUT]
    bones = [Bone(i - 1, trunk[i], ends[i]) for i in range(len(trunk))]
    for joints, parent in (
        (_LEFT_FORE, THORAX_B),
        (_mirrored(_LEFT_FORE), THORAX_B),
        (_LEFT_HIND, PELVIS),
        (_mirrored(_LEFT_HIND), PELVIS),
    ):
        points = np.array(joints)
        first = len(bones)
        bones += [
            Bone(parent if i == 0 else first + i - 1, points[i], points[i + 1]) for i in range(3)
        ]
    back = np.array([-TAIL_STEP, 0, 0])
    for i in range(N_TAIL):
        parent = PELVIS if i == 0 else TAIL + i - 1
        bones.append(Bone(parent, TAIL_BASE + i * back, TAIL_BASE + (i + 1) * back))
    return tuple(bones)


BONES = _bones()
STARTS = np.array([bone.start for bone in BONES])
"""(B, 3) joint at which each bone is carried, at rest."""
ENDS = np.array([bone.end for bone in BONES])
LENGTHS = np.linalg.norm(ENDS - STARTS, axis=1)

_FORE_DEPTHS = (22.0, 12.0, 7.0)
_HIND_DEPTHS = (26.0, 17.0, 7.0)


def _limb_anchors(first: int, depths: tuple[float, ...]) -> list[tuple[int, FloatArray, float]]:
    joints = [(first + i, STARTS[first + i], depth) for i, depth in enumerate(depths)]
    return [*joints, (first + 2, ENDS[first + 2], 5.0)]


# bone, place at rest, and how deep under the skin the keypoint lies as a camera looks at it
_ANCHORS: tuple[tuple[int, FloatArray, float], ...] = (
    (HEAD, SNOUT, 5.0),
    (HEAD, EAR_LEFT, 5.0),
    (HEAD, _mirrored(EAR_LEFT), 5.0),
    (NECK, STARTS[NECK], 16.0),
    (THORAX_A, STARTS[THORAX_A], 9.0),
    (LUMBAR_A, STARTS[LUMBAR_A], 9.0),
    (PELVIS, TAIL_BASE, 10.0),
    *_limb_anchors(FORE_LEFT, _FORE_DEPTHS),
    *_limb_anchors(FORE_RIGHT, _FORE_DEPTHS),
    *_limb_anchors(HIND_LEFT, _HIND_DEPTHS),
    *_limb_anchors(HIND_RIGHT, _HIND_DEPTHS),
)
KEYPOINT_BONES = np.array([bone for bone, _, _ in _ANCHORS])
"""(23,) bone that carries each rat23 keypoint."""
KEYPOINT_PLACES = np.array([place for _, place, _ in _ANCHORS])
"""(23, 3) rest position of each rat23 keypoint."""
KEYPOINT_DEPTHS = np.array([depth for _, _, depth in _ANCHORS])
"""(23,) how deep under the skin each keypoint may lie and still count as seen, mm."""


def attached(
    rotations: FloatArray,
    origins: FloatArray,
    scale: FloatArray,
    bones: npt.NDArray[np.intp],
    places: FloatArray,
) -> FloatArray:
    """Carry rest points along with their bones.

    Parameters
    ----------
    rotations
        (..., B, 3, 3) turn of each bone away from rest.
    origins
        (..., B, 3) mm, where the joint of each bone is.
    scale
        (...) size of the animal.
    bones
        (N,) bone of each point.
    places
        (N, 3) mm at rest.

    Returns
    -------
    (..., N, 3) mm.
    """
    offset = places - STARTS[bones]
    turned = np.einsum("...nij,nj->...ni", rotations[..., bones, :, :], offset)
    return np.asarray(origins[..., bones, :] + scale[..., None, None] * turned)
