"""Losses of keypoints against labelled keypoints. NaN in the labels does not count."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from torch import Tensor


def masked_mean(values: Tensor, counted: Tensor) -> Tensor:
    """Mean of `values` where `counted`; 0, with a gradient of 0, where nothing is."""
    # where, and not a product: NaN times 0 is NaN, in the gradient too
    total = torch.where(counted, values, 0).sum()
    return total / counted.sum().clamp(min=1)


def _labelled_mean(
    difference: Callable[[Tensor], Tensor], predicted: Tensor, truth: Tensor
) -> Tensor:
    labelled = torch.isfinite(truth)
    return masked_mean(difference(predicted - truth.nan_to_num(0)), labelled)


def l1_loss(predicted: Tensor, truth: Tensor) -> Tensor:
    """Mean absolute difference over the coordinates that are labelled.

    Parameters
    ----------
    predicted, truth
        (B, K, 3); NaN in `truth` is not labelled.
    """
    return _labelled_mean(torch.abs, predicted, truth)


def l2_loss(predicted: Tensor, truth: Tensor) -> Tensor:
    """Mean squared difference over the coordinates that are labelled."""
    return _labelled_mean(torch.square, predicted, truth)


def huber_loss(predicted: Tensor, truth: Tensor) -> Tensor:
    """Half the squared difference below 1, the difference less one half above; labelled only."""
    return _labelled_mean(
        lambda d: torch.where(d.abs() < 1, 0.5 * d.square(), d.abs() - 0.5), predicted, truth
    )


def weighted_l1_loss(predicted: Tensor, truth: Tensor, weights: Mapping[int, float]) -> Tensor:
    """Mean over keypoints of each one's L1 times its weight; one without labels counts as 0."""
    n_keypoints = truth.shape[1]
    each = torch.stack(
        [l1_loss(predicted[:, k], truth[:, k]) * weights.get(k, 1.0) for k in range(n_keypoints)]
    )
    return each.mean()


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
    return masked_mean((predicted - target.nan_to_num(0)).square(), counted)


def point_errors(predicted: Tensor, truth: Tensor) -> Tensor:
    """Distances of the points that are labelled, (n,), in the unit of the points (..., d)."""
    labelled = torch.isfinite(truth).all(dim=-1)
    distances: Tensor = torch.linalg.vector_norm(predicted[labelled] - truth[labelled], dim=-1)
    return distances
