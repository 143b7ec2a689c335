"""How long bones are: from a file, or from the labels that train."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import torch

from napari_sdannce.files.bone_priors import read_bone_table
from napari_sdannce.training.losses.bones import BoneBounds, bounds_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from napari_sdannce.settings.losses import BoneLengthLoss
    from napari_sdannce.training.losses.bones import Bones

FloatArray = npt.NDArray[np.float64]

_FEWEST = 2


@dataclass(frozen=True, eq=False)
class BonePriors:
    """Mean and deviation of each bone's length.

    Parameters
    ----------
    table
        (M, 2) mean and standard deviation: mm, or ratios to the reference bone.
    reference_mm
        Mean length of the reference bone, mm; None where only ratios are known.
    """

    table: FloatArray
    reference_mm: float | None


def lengths_of(poses: FloatArray, bones: Bones) -> FloatArray:
    """Lengths (N, M) of the bones of poses (N, K, 3); NaN where an end is not labelled."""
    first, second = (list(ends) for ends in zip(*bones, strict=True))
    return np.asarray(np.linalg.norm(poses[:, second] - poses[:, first], axis=-1))


def compute_priors(
    poses: FloatArray, bones: Bones, reference: int | None = None, mask: Sequence[int] = ()
) -> BonePriors:
    """Bone lengths of labelled poses.

    Parameters
    ----------
    poses
        (N, K, 3) mm, NaN = not labelled. A pose counts for those bones of which it has both ends.
    bones
        Pairs of keypoints.
    reference
        Bone whose length in the same pose is the unit; None: mm.
    mask
        Bones that do not count; without labels, their rows are NaN.

    Raises
    ------
    ValueError
        When a bone that counts is labelled in fewer than two poses.
    """
    lengths = lengths_of(poses, bones)
    if reference is not None:
        # a bone without a length is no unit
        unit = lengths[:, [reference]]
        own = lengths / np.where(unit > 0, unit, np.nan)
    else:
        own = lengths
    few = np.isfinite(own).sum(axis=0) < _FEWEST
    rare = [bones[i] for i in np.flatnonzero(few) if i not in mask]
    if rare:
        raise ValueError(
            f"bone lengths can not be computed from {len(poses)} labelled poses: the bones between "
            f"the keypoints {rare[:4]} are labelled in fewer than {_FEWEST}; label more, mask "
            "these bones, or give 'priors'"
        )
    table = np.full((len(bones), 2), np.nan)
    table[~few] = np.stack([np.nanmean(own[:, ~few], 0), np.nanstd(own[:, ~few], 0)], axis=1)
    mm = None if reference is None else float(np.nanmean(lengths[:, reference]))
    return BonePriors(table, mm)


def read_priors(
    path: Path, n_bones: int, reference: int | None = None, mask: Sequence[int] = ()
) -> BonePriors:
    """Read a table of mean and deviation of each bone.

    Parameters
    ----------
    path
        ``.npy`` of (M, 2) numbers, mm. Ratios to a reference bone, whose row then is (1, 0), do
        too when `reference` names that bone.
    n_bones
        M.
    reference
        Bone whose length is the unit; None: mm.
    mask
        Bones that do not count; their rows may hold anything.

    Raises
    ------
    FileNotFoundError
        When there is no such file.
    ValueError
        When the file holds something else, or of another number of bones.
    """
    table = read_bone_table(path, n_bones, reference, mask)
    if reference is None:
        return BonePriors(table, None)
    unit = table[reference, 0]
    is_ratio = unit == 1 and table[reference, 1] == 0
    return BonePriors(table / unit, None if is_ratio else float(unit))


def bounds_from(loss: BoneLengthLoss, priors: BonePriors) -> BoneBounds:
    """Lengths that cost nothing.

    Raises
    ------
    ValueError
        When the reference bone shall have its length, and only ratios are known.
    """
    # masked bones may have no length
    table = np.nan_to_num(priors.table).astype(np.float32)
    mean, deviation = torch.from_numpy(table).unbind(dim=1)
    low, high = bounds_of(
        mean,
        deviation,
        multiplier=loss.std_multiplier,
        mask=loss.mask,
        upper_only=loss.upper_only,
    )
    if not loss.relative_scale:
        return BoneBounds(low, high)
    if priors.reference_mm is None and loss.ref_loss_weight:
        raise ValueError(
            f"BoneLengthLoss: {loss.priors} holds ratios, so there is no length for "
            f"ref_loss_weight {loss.ref_loss_weight:g} to pull to; set it to 0"
        )
    length = priors.reference_mm or 0.0
    return BoneBounds(low, high, loss.ref_index, length, loss.ref_loss_weight)
