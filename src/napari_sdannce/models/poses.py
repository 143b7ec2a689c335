"""From volumes to keypoints, whatever network finds them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from napari_sdannce.models.dannce import DannceNet, normalise_volumes
from napari_sdannce.models.devices import bare, mixed_precision
from napari_sdannce.models.heatmaps import covariance, peak_position, soft_argmax
from napari_sdannce.models.sdannce import SdannceNet

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor, nn

    from napari_sdannce.models.dannce import Head

PoseNetwork = DannceNet | SdannceNet


@dataclass(frozen=True, eq=False)
class Found:
    """Keypoints that a network found in volumes.

    Positions are (B, K, 3) x, y, z in mm from the centre of each volume.

    Parameters
    ----------
    positions
        Where the keypoints are.
    logits
        (B, K, y, x, z) heatmaps.
    initial
        Where they were before refinement; None when nothing was refined.
    unit
        What the network takes for the size of a voxel, mm.
    head
        How heatmaps become positions.
    """

    positions: Tensor
    logits: Tensor
    initial: Tensor | None
    unit: float
    head: Head = "expectation"

    def covariance(self, voxel_mm: float) -> Tensor:
        """(B, K, 6) mm^2 of where each keypoint may be, see `heatmaps.covariance`."""
        return covariance(self.logits, voxel_mm, self.head)


def find_poses(
    network: nn.Module,
    volumes: Tensor,
    voxel_mm: float,
    centres: Tensor | None = None,
    *,
    mixed: bool = False,
) -> Found:
    """Find keypoints in volumes.

    Half precision is for convolutions only: in it, a position or a variance in mm would lose tenths
    of a mm to whole ones.

    Parameters
    ----------
    network
        `DannceNet` or `SdannceNet`, also wrapped for several devices.
    volumes
        (B, V * channels, y, x, z) grey values 0..255.
    voxel_mm
        Edge length of a voxel.
    centres
        (B, 3) centres of the volumes in the world, mm; only networks that are not relative need
        them.
    mixed
        Convolutions in half precision, where that is fast.
    """
    config = bare(network).config
    shown = normalise_volumes(volumes)
    with mixed_precision(volumes.device, wanted=mixed):
        if config.kind == "sdannce":
            refined = network(shown, voxel_mm, centres)
            return Found(refined.final, refined.logits, refined.initial, refined.voxel_mm)
        logits = network(shown).float()
    return Found(_HEADS[config.head](logits, voxel_mm), logits, None, voxel_mm, config.head)


_HEADS: dict[Head, Callable[[Tensor, float], Tensor]] = {
    "expectation": soft_argmax,
    "maximum": peak_position,
}
