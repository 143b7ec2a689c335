"""The DANNCE network: a 3D U-Net from a volume of views to one heatmap a keypoint."""

from typing import Literal

import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor, nn

from napari_sdannce.models.blocks import UNet, doubling
from napari_sdannce.settings.base import Norm, Width

N_LEVELS = 4
COARSENING = 2 ** (N_LEVELS - 1)
"""Voxels along each axis must be a multiple of this."""

# Xavier's heatmaps are so flat that the first hundred steps go into sharpening them; those of a
# maximum shall begin near 0, where almost all of the target is
_FIRST = {"expectation": 5.0, "maximum": 0.1}


Head = Literal["expectation", "maximum"]


class VolumeConfig(BaseModel):
    """What networks that look into a volume have in common."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    n_views: int = Field(ge=1, le=1000, description="Views the network takes at once")
    channels_per_view: int = Field(
        3, ge=1, le=16, description="3 for colour, 1 for brightness only"
    )
    n_keypoints: int = Field(ge=1, le=1000)
    width: Width = 32
    norm: Norm = "layer"

    @property
    def in_channels(self) -> int:
        """Channels of the input volume."""
        return self.n_views * self.channels_per_view


class DannceConfig(VolumeConfig):
    """All that is needed to build a `DannceNet`."""

    kind: Literal["dannce"] = "dannce"
    head: Head = Field(
        "expectation",
        description="Where a keypoint is: the mean place under the heatmap's softmax, or its peak",
    )


class DannceNet(nn.Module):
    """3D U-Net that gives one heatmap a keypoint.

    Keys, shapes and outputs are those of the reference network (compressed: width 32, full: 64).

    Parameters
    ----------
    config
        Views, keypoints, width and normalisation.
    """

    def __init__(self, config: DannceConfig) -> None:
        super().__init__()
        self.config = config
        channels = doubling(config.width, N_LEVELS)
        self.encoder_decoder = UNet(config.in_channels, channels, dims=3, norm=config.norm)
        self.output_layer = nn.Conv3d(config.width, config.n_keypoints, kernel_size=1)
        self._initialise()

    def _initialise(self) -> None:
        for module in self.modules():
            if isinstance(module, nn.Conv3d | nn.ConvTranspose3d):
                nn.init.xavier_uniform_(module.weight)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
        with torch.no_grad():
            self.output_layer.weight.mul_(_FIRST[self.config.head])

    def forward(self, volumes: Tensor) -> Tensor:
        """Heatmaps of volumes.

        Parameters
        ----------
        volumes
            (B, V * channels, y, x, z), grey values / 127.5 - 1; views one after the other.

        Returns
        -------
        (B, K, y, x, z) logits.
        """
        return self.logits_and_features(volumes)[0]

    def logits_and_features(self, volumes: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Heatmaps, and the features of the decoder's three levels, deepest first."""
        self._check(volumes)
        features = self.encoder_decoder.decode(volumes)
        return self.output_layer(features[-1]), features

    def _check(self, volumes: Tensor) -> None:
        expected = self.config.in_channels
        if volumes.ndim != 5 or volumes.shape[1] != expected:
            raise ValueError(
                f"the network takes volumes (B, {expected}, y, x, z) ({self.config.n_views} views "
                f"of {self.config.channels_per_view} channels), got {tuple(volumes.shape)}"
            )
        if any(size % COARSENING for size in volumes.shape[2:]):
            raise ValueError(
                f"voxels along each axis must be a multiple of {COARSENING}, got "
                f"{tuple(volumes.shape[2:])}"
            )


def normalise_volumes(volumes: Tensor) -> Tensor:
    """Grey values 0..255 (B, C, y, x, z) -> the network's input, float32 of the same shape."""
    # channels last in memory is the quicker layout for convolutions on a CPU
    return volumes.to(torch.float32, memory_format=torch.channels_last_3d) / 127.5 - 1
