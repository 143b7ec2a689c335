"""Losses of bones: their lengths, directions and angles."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from napari_sdannce.training.losses.points import masked_mean

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

Bones = tuple[tuple[int, int], ...]

_UNBOUNDED = 1e4
_TINY = 1e-8


def bone_vectors(points: Tensor, bones: Bones) -> Tensor:
    """Vectors (B, M, 3) from the first to the second end of each bone, from points (B, K, 3)."""
    first, second = zip(*bones, strict=True)
    return points[:, list(second)] - points[:, list(first)]


def bone_lengths(points: Tensor, bones: Bones) -> Tensor:
    """Lengths (B, M) of the bones of points (B, K, 3)."""
    lengths: Tensor = torch.linalg.vector_norm(bone_vectors(points, bones), dim=-1)
    return lengths


@dataclass(frozen=True, eq=False)
class BoneBounds:
    """How long bones may be.

    Parameters
    ----------
    low, high
        (M,) mm, or in lengths of the reference bone.
    reference
        Index of the reference bone; None: lengths are absolute.
    reference_mm
        Length the reference bone shall have.
    reference_weight
        Of its deviation from that.
    """

    low: Tensor
    high: Tensor
    reference: int | None = None
    reference_mm: float = 0.0
    reference_weight: float = 0.0


def bounds_of(
    mean: Tensor,
    deviation: Tensor,
    *,
    multiplier: float = 1.0,
    mask: Sequence[int] = (),
    upper_only: bool = False,
) -> tuple[Tensor, Tensor]:
    """Shortest and longest lengths (M,) that cost nothing.

    Parameters
    ----------
    mean, deviation
        (M,) of each bone's length.
    multiplier
        Deviations a bone may be off.
    mask
        Bones of any length.
    upper_only
        Bones may be too short.
    """
    slack = multiplier * deviation
    slack = slack.index_fill(0, torch.tensor(mask, dtype=torch.long), _UNBOUNDED)
    low = torch.full_like(mean, -_UNBOUNDED) if upper_only else mean - slack
    return low, mean + slack


def bone_length_loss(points: Tensor, bones: Bones, bounds: BoneBounds) -> Tensor:
    """Mean over poses and bones of how much a bone is too long or too short.

    Parameters
    ----------
    points
        (B, K, 3) mm.
    """
    lengths = bone_lengths(points, bones)
    extra = lengths.new_zeros(())
    if bounds.reference is not None:
        reference = lengths[:, bounds.reference]
        extra = bounds.reference_weight * (reference - bounds.reference_mm).abs().mean()
        lengths = lengths / reference[:, None].clamp(min=_TINY)
    low, high = bounds.low.to(lengths), bounds.high.to(lengths)
    return (torch.relu(lengths - high) + torch.relu(low - lengths)).mean() + extra


def bone_vector_loss(
    predicted: Tensor, truth: Tensor, bones: Bones, mask: Sequence[int] = ()
) -> Tensor:
    """Mean distance between predicted and labelled bones; bones without labels do not count."""
    kept = tuple(bone for i, bone in enumerate(bones) if i not in mask)
    theirs = bone_vectors(truth, kept)
    labelled = torch.isfinite(theirs).all(dim=-1)
    off = torch.linalg.vector_norm(bone_vectors(predicted, kept) - theirs.nan_to_num(0), dim=-1)
    return masked_mean(off, labelled)


def body_symmetry_loss(points: Tensor, left: Bones, right: Bones) -> Tensor:
    """Difference of the mean length of all left bones from that of all right bones, mm."""
    return (bone_lengths(points, left).mean() - bone_lengths(points, right).mean()).abs()


def mirrored_bones(bones: Bones, pairs: Sequence[tuple[int, int]]) -> tuple[Bones, Bones]:
    """Left bones of a skeleton and, in the same order, their right twins.

    Parameters
    ----------
    bones
        Of the skeleton.
    pairs
        (left, right) keypoints.
    """
    to_right = dict(pairs)
    known = {frozenset(bone) for bone in bones}
    left = [
        bone
        for bone in bones
        if any(end in to_right for end in bone)
        and frozenset(to_right.get(end, end) for end in bone) in known - {frozenset(bone)}
    ]
    right = [(to_right.get(a, a), to_right.get(b, b)) for a, b in left]
    return tuple(left), tuple(right)


def kinematic_chain_loss(predicted: Tensor, truth: Tensor, bones: Bones) -> Tensor:
    """Mean absolute difference of the products of all pairs of bones, mm^2.

    B. Wandt, H. Ackermann, B. Rosenhahn, "A kinematic chain space for monocular motion capture"
    (ECCV workshops 2018): with the bones as columns of a matrix, its Gram matrix holds squared
    lengths and angles. Products with a bone that is not labelled do not count.
    """
    theirs, ours = bone_vectors(truth, bones), bone_vectors(predicted, bones)
    labelled = torch.isfinite(theirs).all(dim=-1)
    theirs = theirs.nan_to_num(0)
    difference = ours @ ours.transpose(1, 2) - theirs @ theirs.transpose(1, 2)
    return masked_mean(difference.abs(), labelled[:, :, None] & labelled[:, None, :])


def joint_angle_loss(predicted: Tensor, truth: Tensor, bones: Bones) -> Tensor:
    """Mean absolute difference of the angles between bones that share a keypoint, radians."""
    meeting = corners(bones)
    theirs = _angles(truth, meeting)
    labelled = torch.isfinite(theirs)
    return masked_mean((_angles(predicted, meeting) - theirs.nan_to_num(0)).abs(), labelled)


def corners(bones: Bones) -> list[tuple[int, int, int]]:
    """(end, corner, end) of every two bones that meet in a keypoint."""
    found = []
    for i, first in enumerate(bones):
        for second in bones[i + 1 :]:
            for corner in set(first) & set(second):
                (a,) = set(first) - {corner}
                (b,) = set(second) - {corner}
                found.append((a, corner, b))
    return found


def _angles(points: Tensor, meeting: Sequence[tuple[int, int, int]]) -> Tensor:
    """Angles (B, N) at corners, by a form that has a gradient at 0 and 180 degrees too."""
    a, corner, b = (list(each) for each in zip(*meeting, strict=True))
    u, v = points[:, a] - points[:, corner], points[:, b] - points[:, corner]
    sine = (torch.linalg.cross(u, v).square().sum(dim=-1) + _TINY).sqrt()
    return torch.atan2(sine, (u * v).sum(dim=-1))


def separation_loss(points: Tensor, delta: float) -> Tensor:
    """Mean over all pairs of an animal's keypoints of how much they are nearer than `delta`, mm."""
    n = points.shape[1]
    first, second = torch.triu_indices(n, n, offset=1)
    distance = torch.linalg.vector_norm(points[:, first] - points[:, second], dim=-1)
    return torch.relu(delta - distance).mean()
