"""Losses among the poses of one batch: copies, moments in a row, animals side by side."""

from __future__ import annotations

import torch
from torch import Tensor


def succession_loss(poses: Tensor, *, distance: bool) -> Tensor:
    """Mean difference of each pose from the next of its row.

    Parameters
    ----------
    poses
        (G, n, K, 3) mm, n poses in a row.
    distance
        Mean distance of keypoints; else mean absolute difference of coordinates.

    Returns
    -------
    Scalar; 0 when nothing follows anything.
    """
    steps = poses[:, 1:] - poses[:, :-1]
    if not steps.numel():
        return poses.sum() * 0
    each: Tensor = torch.linalg.vector_norm(steps, dim=-1) if distance else steps.abs()
    return each.mean()


def repulsion_loss(first: Tensor, second: Tensor, delta: float, *, pairwise: bool) -> Tensor:
    """Mean of how much keypoints of two animals are nearer to one another than `delta`.

    Parameters
    ----------
    first, second
        (P, K, 3) mm in the world.
    pairwise
        Compare only the same keypoint of both; else all K x K.
    """
    if pairwise:
        distance = torch.linalg.vector_norm(first - second, dim=-1)
    else:
        distance = torch.linalg.vector_norm(first[:, :, None] - second[:, None], dim=-1)
    return torch.relu(delta - distance).mean() if len(first) else first.sum() * 0
