"""How far a training is."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass
class Done:
    """How far a training is.

    Parameters
    ----------
    epoch
        Whole epochs.
    batch
        Batches of the epoch after them.
    step
        Optimiser steps.
    best_error
        Smallest validation error.
    since_best
        Validations after it.
    seconds
        Time spent, by all runs together.
    measured
        Step after which an epoch was measured and saved at last.
    """

    epoch: int = 0
    batch: int = 0
    step: int = 0
    best_error: float = math.inf
    since_best: int = 0
    seconds: float = 0.0
    measured: int = 0
