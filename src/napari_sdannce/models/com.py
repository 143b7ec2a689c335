"""The COM network: a 2D U-Net from an image to heatmaps, one an animal or one of all."""

from typing import Literal

import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor, nn

from napari_sdannce.models.blocks import UNet, doubling
from napari_sdannce.settings.base import Norm, Width
from napari_sdannce.settings.com import Channels

N_LEVELS = 5
COARSENING = 2 ** (N_LEVELS - 1)
"""Image height and width must be a multiple of this."""

# per colour channel: mean and standard deviation of ImageNet's pictures, in 0..1
_MEAN = (0.485, 0.456, 0.406)
_STD = (0.229, 0.224, 0.225)
# brightness: the mean of the above in 0..255; the reference does not divide
_MONO_MEAN = 114.67
# a network of logits begins with a probability of 1 % everywhere (Lin et al. 2017, 3.3): nearly all
# pixels show no animal, and at 50 % they would drown what the few others have to say
_FIRST_LOGIT = -4.6


class ComConfig(BaseModel):
    """All that is needed to build a `ComNet`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["com"] = "com"
    in_channels: Literal[1, 3] = 3
    n_animals: int = Field(1, ge=1, le=1000, description="Animals to look for")
    channels: Channels = Field("identity", description="One heatmap an animal, or one of all")
    logits: bool = Field(False, description="The sigmoid of its answers is the height of a spot")
    width: Width = 32
    norm: Norm = "layer"

    @property
    def n_heatmaps(self) -> int:
        """Heatmaps that the network gives."""
        return self.n_animals if self.channels == "identity" else 1


class ComNet(UNet):
    """2D U-Net that gives one heatmap an animal, or one of all animals.

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
        self.output_layer = nn.Conv2d(config.width, config.n_heatmaps, kernel_size=1)
        # heatmaps that begin almost flat at 0, where nearly all of the target is, learn five times
        # quicker than those of torch's default
        with torch.no_grad():
            self.output_layer.weight.mul_(0.1)
            self.output_layer.get_parameter("bias").fill_(_FIRST_LOGIT if config.logits else 0.0)

    def forward(self, images: Tensor) -> Tensor:
        """Answers to images; `spots` makes heights of them.

        Parameters
        ----------
        images
            (B, channels, H, W) as from `normalise_images`; H and W multiples of 16.

        Returns
        -------
        (B, heatmaps, H, W).
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

    def spots(self, answers: Tensor) -> Tensor:
        """Heights of spots, 1 at an animal that is seen perfectly, single precision."""
        return answers.float().sigmoid() if self.config.logits else answers.float()


def normalise_images(images: Tensor) -> Tensor:
    """Grey values 0..255 (B, H, W, 1 or 3) -> the network's input (B, 1 or 3, H, W), float32."""
    channels_first = images.movedim(-1, 1).float()
    if channels_first.shape[1] == 1:
        return channels_first - _MONO_MEAN
    mean = torch.tensor(_MEAN, device=images.device).view(1, 3, 1, 1)
    std = torch.tensor(_STD, device=images.device).view(1, 3, 1, 1)
    return (channels_first / 255 - mean) / std
