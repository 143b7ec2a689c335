"""Losses under the names of the reference program, and what they need to know."""

from napari_sdannce.training.losses.checks import check_losses
from napari_sdannce.training.losses.outcome import Outcome, PoseKnowledge, Rows
from napari_sdannce.training.losses.points import l1_loss, masked_mse, point_errors
from napari_sdannce.training.losses.terms import Term, make_terms

__all__ = [
    "Outcome",
    "PoseKnowledge",
    "Rows",
    "Term",
    "check_losses",
    "l1_loss",
    "make_terms",
    "masked_mse",
    "point_errors",
]
