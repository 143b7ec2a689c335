"""Losses of heatmaps of images."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch.nn.functional import logsigmoid, max_pool2d

if TYPE_CHECKING:
    from torch import Tensor

_FOCUS = 2.0  # alpha of the paper: what is nearly right counts less
_MERCY = 4.0  # beta of the paper: what is near a spot's top counts less
_TOP = 0.5  # the pixel nearest to an animal is higher, unless spots are smaller than pixels


def focal_loss(logits: Tensor, target: Tensor, valid: Tensor) -> Tensor:
    """Penalty-reduced focal loss of Gaussian spots where there is a picture and a label.

    After Law and Deng, CornerNet, ECCV 2018, equation 1: at the top of each spot the network shall
    say 1, elsewhere 0, and is forgiven the more, the higher the spot is there. The sum is divided
    by the number of tops.

    Parameters
    ----------
    logits, target
        (B, C, H, W); the sigmoid of a logit is the height. NaN in `target` is not labelled.
    valid
        (B, 1, H, W) bool, False outside of the picture.
    """
    counted = valid & torch.isfinite(target)
    height = target.nan_to_num(0).clamp(0, 1)
    tops = counted & (height > _TOP) & (height == max_pool2d(height, 3, stride=1, padding=1))
    yes, no = logsigmoid(logits), logsigmoid(-logits)
    # exp of the logarithm of the sigmoid keeps its gradient where the sigmoid itself is flat
    missed = no.exp() ** _FOCUS * yes * tops
    raised = (1 - height) ** _MERCY * yes.exp() ** _FOCUS * no * (counted & ~tops)
    return -(missed + raised).sum() / tops.sum().clamp(min=1)
