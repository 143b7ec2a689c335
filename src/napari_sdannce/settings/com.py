"""Settings of the network that finds animals: training and prediction."""

from typing import Literal, Self

from pydantic import Field, model_validator

from napari_sdannce.settings.base import Norm, PredictSettings, Settings, TrainSettings, Width

Channels = Literal["identity", "shared"]


class ComImageSettings(Settings):
    """How video frames become images for the COM network."""

    downsample: int = Field(4, ge=1, le=64, description="Pixels that become one, along each axis")
    method: Literal["nearest", "mean"] = Field(
        "mean", description="Take every n-th pixel, or the mean of each block"
    )
    mono: bool = Field(False, description="Use brightness only")
    crop_rows: tuple[int, int] | None = Field(
        None, description="First and end row of the part of each frame to use, px"
    )
    crop_columns: tuple[int, int] | None = Field(
        None, description="First and end column of the part of each frame to use, px"
    )

    @model_validator(mode="after")
    def _crops_hold_pixels(self) -> Self:
        for what in ("crop_rows", "crop_columns"):
            crop = getattr(self, what)
            if crop is not None and not 0 <= crop[0] < crop[1]:
                raise ValueError(f"{what} must be two rising numbers from 0 up, got {crop}")
        return self


class ComTrainSettings(TrainSettings):
    """Training of the network that finds each animal's centre of mass in single images."""

    image: ComImageSettings = ComImageSettings()
    width: Width = 32
    norm: Norm = Field("layer", description="Normalisation between convolutions")
    channels: Channels = Field(
        "identity",
        description="A heatmap for each animal, where they look different; or one shared by all, "
        "where they do not: geometry then tells them apart, and their motion who is who",
    )
    loss: Literal["MSELoss", "FocalLoss"] = Field(
        "MSELoss",
        description="Squared difference of heatmaps, or the focal loss, for small spots in large "
        "images",
    )
    sigma_px: float = Field(
        30.0, gt=0, description="Standard deviation of the target's spot, px of the full frame"
    )
    batch_size: int = Field(8, ge=1, description="Images a step (one camera of one frame each)")
    augment: bool = Field(True, description="Turn, move, scale, brighten and darken the images")
    augment_turn_deg: float = Field(
        15.0, ge=0, le=180, description="Largest turn of an image, degrees"
    )
    augment_scale: float = Field(0.15, ge=0, lt=1, description="Largest change of scale, fraction")
    augment_shift: float = Field(
        0.1, ge=0, le=1, description="Largest shift of an image, fraction of its width"
    )
    augment_brightness: float = Field(
        0.2, ge=0, le=1, description="Largest change of brightness and of contrast, fraction"
    )
    augment_flip: bool = Field(
        False, description="Mirror every second image, left to right: for few labels, long training"
    )


class ComPredictSettings(PredictSettings):
    """Prediction of each animal's centre of mass over a recording."""

    image: ComImageSettings | None = Field(
        None,
        description="How frames become images; default: as in training. A reference .pth does "
        "not hold it, so there it must be given",
    )
    n_animals: int | None = Field(
        None,
        ge=1,
        le=1000,
        description="Animals that a network of one heatmap looks for; default: as in training. A "
        "reference .pth does not hold it",
    )
    subpixel: bool = Field(
        True, description="Find peaks between pixels (off: whole pixels, as the reference program)"
    )
    min_peak: float = Field(
        0.1, description="Peaks lower than this do not count as seen (a perfect one is 1)"
    )
    peak_distance_px: float = Field(
        30.0,
        gt=0,
        description="In a shared heatmap, peaks nearer than this to a higher one do not count, px "
        "of the full frame",
    )
    triangulation: Literal["robust", "pair_median"] = Field(
        "robust",
        description="Robust over all cameras, or the median over all pairs of cameras as in the "
        "reference program",
    )
    max_error_px: float | None = Field(
        40.0, gt=0, description="Cameras farther than this from the 3D point are left out, px"
    )
