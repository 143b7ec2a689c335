"""Step size over time."""

from __future__ import annotations

import math
from bisect import bisect_right
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch.optim import Optimizer
    from torch.optim.lr_scheduler import LRScheduler

    from napari_sdannce.settings.base import TrainSettings

_SMALLEST = 0.01


def schedule(
    optimiser: Optimizer, settings: TrainSettings, total: int, steps_per_epoch: int
) -> LRScheduler:
    """Step size over time, as a factor of the first, counted in steps.

    Parameters
    ----------
    total
        Steps of the whole training.
    steps_per_epoch
        In which milestones are counted.
    """
    milestones = sorted(settings.milestones)
    falls = [float(epoch * steps_per_epoch) for epoch in milestones] or [2 * total / 3]
    factors = {
        "constant": lambda step: 1.0,
        "cosine": lambda step: (
            _SMALLEST + (1 - _SMALLEST) * (1 + math.cos(math.pi * min(step / total, 1))) / 2
        ),
        "step": lambda step: settings.step_factor ** bisect_right(falls, step),
    }
    return torch.optim.lr_scheduler.LambdaLR(optimiser, factors[settings.schedule])
