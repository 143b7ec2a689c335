"""What a checkpoint says of itself."""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from napari_sdannce.models.com import ComConfig
from napari_sdannce.models.dannce import DannceConfig
from napari_sdannce.models.reliability import Reliability
from napari_sdannce.models.sdannce import SdannceConfig
from napari_sdannce.recording import PixelOrigin
from napari_sdannce.settings.com import ComImageSettings
from napari_sdannce.settings.volume import VolumeSettings

NetworkConfig = Annotated[ComConfig | DannceConfig | SdannceConfig, Field(discriminator="kind")]


class CheckpointError(ValueError):
    """A checkpoint can not be read, or does not fit. The message names the file."""


class CheckpointInfo(BaseModel):
    """What a checkpoint holds and how it was trained.

    Fields that a reference ``.pth`` does not tell are None or empty.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal["napari-sdannce checkpoint"] = "napari-sdannce checkpoint"
    version: Literal[1] = 1
    network: NetworkConfig
    keypoints: tuple[str, ...] = Field((), description="Names, in the order of the heatmaps")
    skeleton: str | None = None
    animals: tuple[str, ...] = Field((), description="COM network: names, in heatmap order")
    cameras: tuple[str, ...] = Field((), description="Camera names of training, in order")
    pixel_origin: PixelOrigin | None = Field(
        None, description="How the calibrations of training were read"
    )
    volume: VolumeSettings | None = Field(None, description="DANNCE: the cube of voxels")
    reliability: Reliability | None = Field(
        None, description="How often each keypoint is right, by its heatmap's spread"
    )
    image: ComImageSettings | None = Field(None, description="COM: how frames become images")
    epoch: int = Field(0, ge=0, description="Passes over the training examples so far")
    metrics: dict[str, float] = Field({}, description="Losses and errors at this epoch")

    @model_validator(mode="after")
    def _one_name_a_heatmap(self) -> Self:
        network = self.network
        if isinstance(network, ComConfig):
            names, count, what = self.animals, network.n_animals, "animals"
        else:
            names, count, what = self.keypoints, network.n_keypoints, "keypoints"
        if names and len(names) != count:
            raise ValueError(f"{len(names)} names of {what} for a network of {count}")
        if self.reliability is not None and len(self.reliability.curves) != count:
            n_curves = len(self.reliability.curves)
            raise ValueError(f"{n_curves} curves of reliability for a network of {count} {what}")
        return self
