"""Settings of the network that finds keypoints in volumes: training and prediction."""

import math
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from napari_sdannce.settings.base import (
    ComRepairSettings,
    Norm,
    PredictSettings,
    Settings,
    TrainSettings,
    Width,
)
from napari_sdannce.settings.losses import (
    AnyLoss,
    BoneLengthLoss,
    ConsistencyLoss,
    L1Loss,
    PairConsistencyLoss,
)
from napari_sdannce.settings.volume import VolumeSettings


def _known_amount(text: str) -> str:
    if text in ("none", "equal") or text.isdecimal():
        return text
    try:
        share = float(text)
    except ValueError:
        share = -1.0
    if not 0 < share < 1:
        raise ValueError("expected none, equal, a whole number, or a share between 0 and 1")
    return text


def _as_text(value: object) -> object:
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


Unlabelled = Annotated[str, BeforeValidator(_as_text), AfterValidator(_known_amount)]
"""How many frames without labels: ``none``, ``equal``, a number or a share, as text."""


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
    com_jitter_rounds: int = Field(
        0,
        ge=0,
        description="0: each example is moved every time; n: it is shown unmoved and n times moved "
        "in an epoch",
    )
    rotate: Literal["none", "quarters", "any"] = Field(
        "quarters",
        description="Turn volumes about the vertical axis: not, by quarter turns, or by any angle",
    )
    mirror: bool = Field(
        False, description="Mirror half of the volumes, left keypoints becoming right ones"
    )
    mirror_pairs: tuple[str, ...] = Field(
        (),
        description="Keypoints that a mirror swaps, each LEFT:RIGHT by their names or numbers from "
        "0; default: those of the skeleton",
    )
    augment_brightness: float = Field(
        0.0, ge=0, le=1, description="Largest change of a view's brightness, fraction of white"
    )
    augment_contrast: float = Field(
        0.0, ge=0, lt=1, description="Largest change of a view's contrast, fraction"
    )
    augment_hue: float = Field(
        0.0, ge=0, le=0.5, description="Largest change of a view's hue, turns of the colour wheel"
    )
    drop_keypoints: tuple[Annotated[int, Field(ge=0)], ...] = Field(
        (), description="Keypoints (from 0) whose labels are not learned from"
    )
    camera_dropout: float = Field(
        0.0, ge=0, lt=1, description="Share of the views that are blanked; two always stay"
    )
    unlabelled: Unlabelled = Field(
        "none",
        description="Frames without labels to learn from, by the losses that need none: none, "
        "equal (as many as labelled ones), a number, or their share of all (0.5). Their COMs come "
        "from 'com'",
    )
    unlabelled_within_mm: float | None = Field(
        None,
        gt=0,
        description="Only frames without labels on which another animal is nearer than this, COM "
        "to COM, mm (the reference program: 120); of an animal that is alone, all",
    )
    head: Literal["expectation", "maximum"] = Field(
        "expectation",
        description="Where a keypoint is: the mean place under its heatmap, or the heatmap's peak",
    )
    sigma_mm: float = Field(
        10.0, gt=0, description="Standard deviation of the spots that a 'maximum' learns, mm"
    )
    losses: tuple[AnyLoss, ...] = Field(
        (L1Loss(),),
        description="What is to be small: NAME, NAME:weight or NAME:weight,option=value",
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

    @model_validator(mode="after")
    def _batch_holds_copies(self) -> Self:
        if self.batch_size % self.copies:
            raise ValueError(
                f"batch_size {self.batch_size} must be a multiple of the {self.copies} copies that "
                "the consistency loss compares"
            )
        return self

    @property
    def reach_mm(self) -> float:
        """How far from a COM a moved and turned cube reaches along an axis."""
        half = self.volume.size_mm / 2
        return half * (math.sqrt(2) if self.rotate == "any" else 1) + self.com_jitter_mm

    @property
    def copies(self) -> int:
        """Volumes of each example in a step."""
        return max(
            [loss.copies_per_sample for loss in self.losses if isinstance(loss, ConsistencyLoss)]
            + [2 for loss in self.losses if isinstance(loss, PairConsistencyLoss)],
            default=1,
        )


class GraphSettings(Settings):
    """The graph network that refines poses."""

    hidden: int = Field(128, ge=1, le=4096, description="Channels of a keypoint")
    layers: int = Field(3, ge=0, le=100, description="Residual blocks")
    block: Literal["semantic", "modulated"] = Field(
        "semantic", description="How a keypoint heeds its neighbours"
    )
    norm: str = Field(
        "batch",
        pattern=r"^(batch|layer|none|node_(n|v|m|srv|pr_[1-9][0-9]{0,2}))$",
        description="Normalisation: batch, layer, none, node_n, node_v, node_m, node_srv or "
        "node_pr_<k>",
    )
    dropout: float = Field(0.0, ge=0, lt=1, description="Share of the channels left out at random")
    features: bool = Field(True, description="Show the graph what the network sees at a keypoint")
    fuse: int = Field(128, ge=1, le=4096, description="Channels these features are reduced to")
    relative: bool = Field(True, description="Positions enter in voxels from the volume's centre")
    difference: bool = Field(True, description="The graph gives a change, not a position")
    residual: bool = Field(False, description="Add the first pose to what the graph gives")


class SdannceTrainSettings(DannceTrainSettings):
    """Training of the network that refines DANNCE's poses by a graph over the skeleton."""

    # from DANNCE's weights: longer makes poses stiff, and larger steps forget what it knows
    epochs: int = Field(60, ge=1, description="Passes over the training examples")
    learning_rate: float = Field(1e-4, gt=0, le=1, description="Step size of Adam at the start")
    graph: GraphSettings = GraphSettings()
    losses: tuple[AnyLoss, ...] = Field(
        (L1Loss(), BoneLengthLoss(weight=0.5), ConsistencyLoss(weight=0.1)),
        description="What is to be small: NAME, NAME:weight or NAME:weight,option=value",
    )
    unlabelled: Unlabelled = Field(
        "equal",
        description="Frames without labels to learn from, by the losses that need none: none, "
        "equal (as many as labelled ones), a number, or their share of all (0.5). Their COMs come "
        "from 'com'",
    )
    initial_weight: float = Field(
        0.0, ge=0, description="Weight of the labels' L1 from the pose before it is refined"
    )

    @model_validator(mode="after")
    def _graph_refines_expectations(self) -> Self:
        if self.head != "expectation":
            raise ValueError("head must be 'expectation': the graph refines expected positions")
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


class DanncePredictSettings(ComRepairSettings, PredictSettings):
    """Prediction of keypoints over a recording."""

    com: Path | None = Field(
        None,
        description="Trace of the centre of mass (com3d.mat, pickle or store); default: the one "
        "found in the experiment",
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
    replace_view: str | None = Field(
        None,
        description="Camera (its name, or its number from 1) in whose place the network is shown "
        "another one, drawn for each frame: how much does it rely on that camera?",
    )
    seed: int = Field(0, ge=0, le=2**32 - 1, description="Seed of what replace_view draws")
