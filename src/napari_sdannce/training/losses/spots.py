"""Losses of heatmaps in volumes (B, K, y, x, z)."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from napari_sdannce.models.heatmaps import gaussian_targets, voxel_probability
from napari_sdannce.training.losses.points import masked_mean

_TINY = 1e-12


def mse_loss(logits: Tensor, target: Tensor) -> Tensor:
    """Mean squared difference of heatmaps from their targets; NaN in a target does not count."""
    return masked_mean((logits - target.nan_to_num(0)).square(), torch.isfinite(target))


def bce_loss(logits: Tensor, target: Tensor) -> Tensor:
    """Binary cross-entropy of the heatmaps' sigmoid; NaN in a target does not count."""
    each = functional.binary_cross_entropy_with_logits(
        logits, target.nan_to_num(0), reduction="none"
    )
    return masked_mean(each, torch.isfinite(target))


def gaussian_regularisation(
    logits: Tensor, positions: Tensor, voxel_mm: float, sigma_mm: float, *, cross_entropy: bool
) -> Tensor:
    """Difference of heatmaps from a Gaussian spot where they say the keypoint is.

    Parameters
    ----------
    logits
        (B, K, y, x, z).
    positions
        (B, K, 3) mm from the volume's centre; no gradient flows through them.
    cross_entropy
        Binary cross-entropy, else half the mean squared difference, of the heatmaps' sigmoid.
    """
    target = gaussian_targets(positions.detach(), logits.shape[-1], voxel_mm, sigma_mm)
    if cross_entropy:
        return bce_loss(logits, target)
    return 0.5 * mse_loss(torch.sigmoid(logits), target)


def silhouette_loss(logits: Tensor, silhouettes: Tensor) -> Tensor:
    """How improbable it is, to the heatmaps, that a keypoint lies inside the animal.

    Parameters
    ----------
    logits
        (B, K, y, x, z).
    silhouettes
        (B, S, y, x, z), 0..1: the share of a voxel that the animal fills, seen by S views, or by
        all of them together (S = 1).
    """
    probability = voxel_probability(logits).flatten(2)
    inside = torch.einsum("bsv,bkv->bsk", silhouettes.flatten(2), probability)
    return -torch.log(inside + _TINY).mean()
