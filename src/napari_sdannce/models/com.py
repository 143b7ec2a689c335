"""The COM network: a 2D U-Net from an image to one heatmap an animal."""

from typing import Literal

import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor, nn

from napari_sdannce.models.blocks import UNet, doubling
from napari_sdannce.settings.base import Norm, Width

N_LEVELS = 5
COARSENING = 2 ** (N_LEVELS - 1)
"""Image height and width must be a multiple of this."""

# per colour channel: mean and standard deviation of ImageNet's pictures, in 0..1
_MEAN = (0.485, 0.456, 0.406)
_STD = (0.229, 0.224, 0.225)
# brightness: the mean of the above in 0..255; the reference does not divide
_MONO_MEAN = 114.67


class ComConfig(BaseModel):
    """All that is needed to build a `ComNet`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["com"] = "com"
    in_channels: Literal[1, 3] = 3
    n_animals: int = Field(1, ge=1, le=1000, description="One heatmap an animal")
    width: Width = 32
    norm: Norm = "layer"


class ComNet(UNet):
    """2D U-Net that gives one heatmap an animal.

    Keys, shapes and outputs are those of the reference network (width 32).

    Parameters
    ----------
    config
        Channels, animals, width and normalisation.
    """

    def __init__(self, config: ComConfig) -> None:
        channels = doubling(config.width, N_LEVELS)
        super().__init__(config.in_channels, channels, dims=2, norm=config.norm)
        self.config = config
        self.output_layer = nn.Conv2d(config.width, config.n_animals, kernel_size=1)
        # heatmaps that begin almost flat at 0, where nearly all of the target is, learn five times
        # quicker than those of torch's default
        with torch.no_grad():
            self.output_layer.weight.mul_(0.1)
            self.output_layer.get_parameter("bias").zero_()

    def forward(self, images: Tensor) -> Tensor:
        """Heatmaps of images.

        Parameters
        ----------
        images
            (B, channels, H, W) as from `normalise_images`; H and W multiples of 16.

        Returns
        -------
        (B, animals, H, W); the target in training is a spot of height 1.
        """
        expected = self.config.in_channels
        if images.ndim != 4 or images.shape[1] != expected:
            raise ValueError(
                f"the network takes images (B, {expected}, H, W), got {tuple(images.shape)}"
            )
        if any(size % COARSENING for size in images.shape[2:]):
            raise ValueError(
                f"image height and width must be multiples of {COARSENING}, got "
                f"{tuple(images.shape[2:])}"
            )
        heatmaps: Tensor = self.output_layer(self.decode(images)[-1])
        return heatmaps


def normalise_images(images: Tensor) -> Tensor:
    """Grey values 0..255 (B, H, W, 1 or 3) -> the network's input (B, 1 or 3, H, W), float32."""
    channels_first = images.movedim(-1, 1).float()
    if channels_first.shape[1] == 1:
        return channels_first - _MONO_MEAN
    mean = torch.tensor(_MEAN, device=images.device).view(1, 3, 1, 1)
    std = torch.tensor(_STD, device=images.device).view(1, 3, 1, 1)
    return (channels_first / 255 - mean) / std
