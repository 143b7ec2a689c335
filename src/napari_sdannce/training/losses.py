"""Losses and errors of training."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import Tensor


def l1_loss(predicted: Tensor, truth: Tensor) -> Tensor:
    """Mean absolute difference over the coordinates that are labelled.

    Parameters
    ----------
    predicted, truth
        (B, K, 3) mm; NaN in `truth` is not labelled. 0, with a gradient of 0, when nothing is.
    """
    labelled = torch.isfinite(truth)
    difference = (predicted - truth.nan_to_num(0)).abs() * labelled
    return difference.sum() / labelled.sum().clamp(min=1)


def masked_mse(predicted: Tensor, target: Tensor, valid: Tensor) -> Tensor:
    """Mean squared difference of heatmaps where there is a picture and a label.

    Parameters
    ----------
    predicted, target
        (B, A, H, W); an animal whose target holds NaN is not labelled.
    valid
        (B, 1, H, W) bool, False outside of the picture.
    """
    counted = valid & torch.isfinite(target)
    difference = (predicted - target.nan_to_num(0)).square() * counted
    return difference.sum() / counted.sum().clamp(min=1)


def point_errors(predicted: Tensor, truth: Tensor) -> Tensor:
    """Distances of the points that are labelled, (n,), in the unit of the points (..., d)."""
    labelled = torch.isfinite(truth).all(dim=-1)
    distances: Tensor = torch.linalg.vector_norm(predicted[labelled] - truth[labelled], dim=-1)
    return distances
