"""Settings of the network that finds keypoints in volumes: training and prediction."""

from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator

from napari_sdannce.settings.base import Norm, PredictSettings, Settings, TrainSettings, Width
from napari_sdannce.settings.volume import VolumeSettings

Backend = Literal["torch", "openvino", "onnx"]


class DannceTrainSettings(TrainSettings):
    """Training of the network that finds keypoints in a cube of voxels round the animal."""

    volume: VolumeSettings = VolumeSettings()
    width: Width = 32
    norm: Norm = Field("layer", description="Normalisation between convolutions")
    mono: bool = Field(False, description="Use brightness only: a third of the volume's data")
    batch_size: int = Field(4, ge=1, description="Volumes a step")
    com_jitter_mm: float = Field(
        20.0,
        ge=0,
        description="The cube is moved by up to this much along each axis, anew each time, mm",
    )
    rotate: bool = Field(
        True, description="Turn volumes by 0, 90, 180 or 270 degrees about the vertical axis"
    )
    views: Literal["all", "shuffled", "with_replacement", "without_replacement"] = Field(
        "with_replacement",
        description="Which views an example shows the network: all in order, all shuffled, or "
        "some drawn with or without replacement",
    )
    n_views: int | None = Field(
        None, ge=1, description="Views the network takes at once; default: every camera"
    )

    @model_validator(mode="after")
    def _views_need_drawing(self) -> Self:
        if self.n_views is not None and self.views in ("all", "shuffled"):
            raise ValueError(
                f"n_views {self.n_views} needs views to be with_replacement or "
                f"without_replacement, got '{self.views}'"
            )
        return self


class ComPairs(Settings):
    """How the positions that pairs of cameras give become one: only for a ``com3d.pickle``."""

    threshold: float = Field(
        0.0, description="Pairs count where both heatmaps are higher than this at their peaks"
    )
    method: Literal["median", "mean"] = Field("median", description="Over the pairs that count")
    weighted: bool = Field(
        False, description="Mean weighted by both heights, in place of the method"
    )


class DanncePredictSettings(PredictSettings):
    """Prediction of keypoints over a recording."""

    com: Path | None = Field(
        None,
        description="Trace of the centre of mass (com3d.mat, pickle or store); default: the one "
        "found in the experiment",
    )
    com_gap: int = Field(
        5, ge=0, description="Gaps of the COM trace up to so many moments are filled straight"
    )
    com_median: int | None = Field(
        None,
        ge=1,
        description="Smooth the COM trace by a median over so many moments (odd; an even number "
        "becomes one larger)",
    )
    com_median_reference: bool = Field(
        False,
        description="That median as the reference program takes it: blind to gaps, pulled to 0 at "
        "both ends",
    )
    com_limit_mm: float | None = Field(
        None, gt=0, description="COMs with a coordinate beyond this get no pose, mm"
    )
    com_pairs: ComPairs = ComPairs()
    volume: VolumeSettings | None = Field(
        None,
        description="The cube of voxels; default: that of training. A reference .pth does not "
        "hold it, so there it must be given",
    )
    backend: Backend = Field(
        "torch",
        description="What runs the network on a CPU: torch, or openvino or onnx, which take less "
        "time and need the extra of that name",
    )
    labelled_only: bool = Field(
        False, description="Only moments that are in the recording's label files"
    )
    replace_view: str | None = Field(
        None,
        description="Camera in whose place the network is shown another one, drawn for each "
        "moment: how much does it rely on that camera?",
    )
    seed: int = Field(0, ge=0, le=2**32 - 1, description="Seed of what replace_view draws")

    @model_validator(mode="after")
    def _a_median_needs_a_window(self) -> Self:
        if self.com_median_reference and self.com_median is None:
            raise ValueError("com_median_reference needs com_median, the window in moments")
        return self
