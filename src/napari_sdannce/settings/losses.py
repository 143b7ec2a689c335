"""Settings of the losses, under the names of the reference program."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from napari_sdannce.settings.base import Settings

NEED_NO_LABELS = (
    "BoneLengthLoss",
    "ConsistencyLoss",
    "TemporalLoss",
    "BodySymmetryLoss",
    "SeparationLoss",
    "PairRepulsionLoss",
    "PairConsistencyLoss",
    "SilhouetteLoss",
    "SilhouetteLoss2D",
    "GaussianRegLoss",
    "VarianceLoss",
)
"""Losses that frames without labels have something to say to."""


def _bones_from_text(value: Any) -> Any:
    return [each.strip() for each in value.split("+")] if isinstance(value, str) else value


Bones = Annotated[tuple[int, ...], BeforeValidator(_bones_from_text)]
"""Numbers of bones, in the order of the skeleton; ``2+5`` as text, where a comma ends an option."""


class LossSettings(Settings):
    """What every loss has."""

    weight: float = Field(1.0, ge=0, description="Factor of this loss in the sum")


class L1Loss(LossSettings):
    """Mean absolute difference from the labelled coordinates (s-DANNCE: in voxels)."""

    name: Literal["L1Loss"] = "L1Loss"


class L2Loss(LossSettings):
    """Mean squared difference from the labelled coordinates, mm^2."""

    name: Literal["L2Loss"] = "L2Loss"


class WeightedL1Loss(LossSettings):
    """L1 of each keypoint times its weight, averaged over keypoints."""

    name: Literal["WeightedL1Loss"] = "WeightedL1Loss"
    joint_weights: tuple[tuple[int, float], ...] = Field(
        (), description="Keypoints (from 0) with their weight; 1 for those not named"
    )


class HuberLoss(LossSettings):
    """Squared difference below 1 mm, absolute difference above."""

    name: Literal["HuberLoss"] = "HuberLoss"


class MSELoss(LossSettings):
    """Mean squared difference of heatmaps from Gaussian spots (head: maximum)."""

    name: Literal["MSELoss", "ReconstructionLoss"] = "MSELoss"


class BCELoss(LossSettings):
    """Binary cross-entropy of heatmaps with Gaussian spots (head: maximum)."""

    name: Literal["BCELoss", "BCEWithLogitsLoss"] = "BCELoss"


class GaussianRegLoss(LossSettings):
    """Heatmaps shall look like a Gaussian spot where they say the keypoint is."""

    name: Literal["GaussianRegLoss"] = "GaussianRegLoss"
    method: Literal["mse", "cross_entropy"] = "mse"
    sigma: float = Field(5.0, gt=0, description="Standard deviation of the spot, mm")


class VarianceLoss(LossSettings):
    """Heatmaps shall be narrow: root mean square distance from where the keypoint is, mm."""

    name: Literal["VarianceLoss"] = "VarianceLoss"


class BoneLengthLoss(LossSettings):
    """Bones shall be as long as in the priors, give or take; needs no labels."""

    name: Literal["BoneLengthLoss"] = "BoneLengthLoss"
    priors: Path | None = Field(
        None,
        description="File (.npy) of mean and deviation of every bone, mm; default: computed from "
        "the labels that train",
    )
    mask: Bones = Field((), description="Bones (from 0) that do not count; in text 2+5")
    std_multiplier: float = Field(
        1.0, gt=0, description="How many deviations a bone may be off without cost"
    )
    upper_only: bool = Field(False, description="Bones may be too short at no cost")
    relative_scale: bool = Field(
        True, description="Lengths count relative to a reference bone of the same pose"
    )
    ref_index: int = Field(3, ge=0, description="The reference bone (from 0)")
    ref_loss_weight: float = Field(
        0.0, ge=0, description="Weight of the reference bone's own deviation from its prior, mm"
    )


class ConsistencyLoss(LossSettings):
    """Copies of one example, moved and turned otherwise, shall give one pose in the world."""

    name: Literal["ConsistencyLoss"] = "ConsistencyLoss"
    method: Literal["l1", "l2"] = Field(
        "l1", description="Absolute difference of coordinates, or distance of keypoints, mm"
    )
    copies_per_sample: int = Field(4, ge=2, description="Volumes of each example in a step")


class TemporalLoss(LossSettings):
    """Keypoints shall not jump between moments that follow one another."""

    name: Literal["TemporalLoss"] = "TemporalLoss"
    method: Literal["l1", "l2"] = Field(
        "l1", description="Absolute difference of coordinates, or distance of keypoints, mm"
    )
    temporal_chunk_size: int = Field(
        4, ge=2, description="Frames in a row, the labelled one among them"
    )
    downsample: int = Field(1, ge=1, description="Frames from one to the next")


class BoneVectorLoss(LossSettings):
    """Mean length of the difference of each bone from the labelled bone, mm."""

    name: Literal["BoneVectorLoss"] = "BoneVectorLoss"
    mask: Bones = Field((), description="Bones (from 0) that do not count; in text 2+5")


class BodySymmetryLoss(LossSettings):
    """Left bones shall be as long as right bones, on average."""

    name: Literal["BodySymmetryLoss"] = "BodySymmetryLoss"


class KCSLoss(LossSettings):
    """Mean difference of the products of all pairs of bones (lengths and angles at once), mm^2."""

    name: Literal["KCSLoss"] = "KCSLoss"


class JointAngleLoss(LossSettings):
    """Mean difference of the angles between neighbouring bones from the labelled ones, radians."""

    name: Literal["JointAngleLoss"] = "JointAngleLoss"


class SeparationLoss(LossSettings):
    """Keypoints of one animal shall keep a distance from one another."""

    name: Literal["SeparationLoss"] = "SeparationLoss"
    delta: float = Field(5.0, gt=0, description="The distance, mm")


class PairRepulsionLoss(LossSettings):
    """Keypoints of two animals at one moment shall keep a distance."""

    name: Literal["PairRepulsionLoss"] = "PairRepulsionLoss"
    delta: float = Field(5.0, gt=0, description="The distance, mm")
    pairwise: bool = Field(False, description="Compare only the same keypoint of both animals")


class PairConsistencyLoss(LossSettings):
    """Two animals at one moment, each in two volumes, shall have one pose each in the world."""

    name: Literal["PairConsistencyLoss"] = "PairConsistencyLoss"


class SilhouetteLoss(LossSettings):
    """Heatmaps shall lie inside the animal, as masks of all views together show it."""

    name: Literal["SilhouetteLoss"] = "SilhouetteLoss"


class SilhouetteLoss2D(LossSettings):
    """Heatmaps shall lie inside the animal, as the mask of each view shows it."""

    name: Literal["SilhouetteLoss2D"] = "SilhouetteLoss2D"


Loss = (
    L1Loss
    | L2Loss
    | WeightedL1Loss
    | HuberLoss
    | MSELoss
    | BCELoss
    | GaussianRegLoss
    | VarianceLoss
    | BoneLengthLoss
    | ConsistencyLoss
    | TemporalLoss
    | BoneVectorLoss
    | BodySymmetryLoss
    | KCSLoss
    | JointAngleLoss
    | SeparationLoss
    | PairRepulsionLoss
    | PairConsistencyLoss
    | SilhouetteLoss
    | SilhouetteLoss2D
)


def _from_text(value: Any) -> Any:
    """``NAME``, ``NAME:weight`` or ``NAME:weight,option=value,...`` as on the command line."""
    if not isinstance(value, str):
        return value
    name, _, rest = value.partition(":")
    options: dict[str, Any] = {"name": name.strip()}
    weight, *others = (each.strip() for each in rest.split(","))
    parts = [weight if "=" in weight else f"weight={weight}" if weight else "", *others]
    for part in filter(None, parts):
        key, equals, setting = part.partition("=")
        if not equals:
            raise ValueError(
                f"expected option=value after the weight, got '{part}' (decimals have a point: 0.5)"
            )
        if key.strip() in options:
            raise ValueError(f"'{key.strip()}' is there twice in '{value}'")
        options[key.strip()] = setting.strip()
    return options


AnyLoss = Annotated[Annotated[Loss, Field(discriminator="name")], BeforeValidator(_from_text)]
