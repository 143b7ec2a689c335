"""What losses look at: the outcome of a batch, and what is known beforehand."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from torch import Tensor

    from napari_sdannce.models.dannce import Head
    from napari_sdannce.skeletons import Skeleton


@dataclass(frozen=True, eq=False)
class Rows:
    """Which volumes of a batch belong together.

    Parameters
    ----------
    copies
        (G, c) those that show one example.
    chunks
        (N, t) those of moments in a row, of one animal.
    pairs
        (P, 2) those of two animals at one moment.
    """

    copies: Tensor
    chunks: Tensor
    pairs: Tensor


@dataclass(frozen=True, eq=False)
class Outcome:
    """What a network made of a batch, and what it should have made.

    Parameters
    ----------
    predicted, truth
        (B, K, 3) mm from the centres of the volumes; NaN in `truth` is not labelled.
    world
        (B, K, 3) what was predicted, in the world, mm.
    logits
        (B, K, y, x, z).
    voxel_mm
        Edge length of a voxel.
    unit
        What the network takes for a voxel where it refines poses, mm; else None.
    rows
        Which volumes belong together.
    silhouettes
        (B, V, y, x, z) share of each voxel that each view's mask covers; None without masks.
    """

    predicted: Tensor
    truth: Tensor
    world: Tensor
    logits: Tensor
    voxel_mm: float
    unit: float | None
    rows: Rows
    silhouettes: Tensor | None = None


@dataclass(frozen=True, eq=False)
class PoseKnowledge:
    """What losses know beforehand.

    Parameters
    ----------
    skeleton
        Of the labels.
    poses
        (N, K, 3) mm, the labelled poses that train.
    head
        How heatmaps become positions.
    sigma_mm
        Standard deviation of the targets' spots (head: maximum).
    refines
        Whether the network refines a first pose.
    n_animals
        Most animals that are labelled in one recording.
    has_masks
        Whether there are silhouettes.
    """

    skeleton: Skeleton
    poses: npt.NDArray[np.float64]
    head: Head = "expectation"
    sigma_mm: float = 10.0
    refines: bool = False
    n_animals: int = 1
    has_masks: bool = False

    def of_poses(self, poses: npt.NDArray[np.float64]) -> PoseKnowledge:
        """Return the same with these labelled poses (N, K, 3)."""
        return replace(self, poses=poses)
