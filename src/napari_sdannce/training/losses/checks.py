"""Losses that contradict one another, the network or the labels are refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_sdannce.settings import losses as named
from napari_sdannce.training.losses.bones import corners, mirrored_bones

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_sdannce.skeletons import Skeleton
    from napari_sdannce.training.losses.outcome import PoseKnowledge

_SUPERVISED = {
    "expectation": (named.L1Loss, named.L2Loss, named.WeightedL1Loss, named.HuberLoss),
    "maximum": (named.MSELoss, named.BCELoss),
}
# these need the gradient of positions, which the place of a maximum does not have
_OF_HEATMAPS = (
    *_SUPERVISED["maximum"],
    named.GaussianRegLoss,
    named.VarianceLoss,
    named.SilhouetteLoss,
    named.SilhouetteLoss2D,
)
_OF_BONES = (
    named.BoneLengthLoss,
    named.BoneVectorLoss,
    named.BodySymmetryLoss,
    named.KCSLoss,
    named.JointAngleLoss,
)
_OF_PAIRS = (named.PairRepulsionLoss, named.PairConsistencyLoss)
_OF_MASKS = (named.SilhouetteLoss, named.SilhouetteLoss2D)


def check_losses(losses: Sequence[named.Loss], known: PoseKnowledge) -> None:
    """Raise ValueError when losses contradict one another, the network or the labels."""
    names = [loss.name for loss in losses]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"losses: {', '.join(twice)} is there twice")
    teaching = _SUPERVISED[known.head]
    possible = ", ".join(each.__name__ for each in teaching)
    taught = [loss for loss in losses if isinstance(loss, teaching)]
    if not taught:
        raise ValueError(
            f"losses: none of {', '.join(names) or 'them'} compares with the labels; a network "
            f"with head '{known.head}' learns by one of {possible}"
        )
    if not any(loss.weight for loss in taught):
        raise ValueError(
            f"losses: {taught[0].name} has the weight 0, so that nothing compares with the labels"
        )
    for loss in losses:
        complaint = _complaint(loss, known)
        if complaint:
            raise ValueError(f"{loss.name}: {complaint}")


def _complaint(loss: named.Loss, known: PoseKnowledge) -> str | None:
    skeleton = known.skeleton
    if known.head == "maximum" and not isinstance(loss, _OF_HEATMAPS):
        return "it needs head 'expectation': the place of a maximum has no gradient"
    if known.head == "expectation" and isinstance(loss, _SUPERVISED["maximum"]):
        return "it needs head 'maximum': an expectation's heatmaps are no spots of height 1"
    if isinstance(loss, _OF_BONES) and not skeleton.bones:
        return f"skeleton '{skeleton.name}' has no bones"
    if (
        isinstance(loss, named.BodySymmetryLoss)
        and not mirrored_bones(skeleton.bones, skeleton.pairs)[0]
    ):
        return f"skeleton '{skeleton.name}' has no bones with a mirrored twin"
    if isinstance(loss, named.JointAngleLoss) and not corners(skeleton.bones):
        return f"no two bones of skeleton '{skeleton.name}' meet in a keypoint"
    if isinstance(loss, _OF_PAIRS) and known.n_animals < 2:
        return "it needs two animals in a recording, the labels are of one"
    if isinstance(loss, _OF_MASKS) and not known.has_masks:
        return "it needs masks of the animals: name their folder with 'masks' of the experiment"
    return _wrong_index(loss, skeleton)


def _wrong_index(loss: named.Loss, skeleton: Skeleton) -> str | None:
    n_bones = len(skeleton.bones)
    asked: list[int] = list(getattr(loss, "mask", ()))
    if isinstance(loss, named.BoneLengthLoss) and loss.relative_scale:
        asked.append(loss.ref_index)
    wrong = [index for index in asked if not 0 <= index < n_bones]
    if wrong:
        return f"there is no bone {wrong[0]}: '{skeleton.name}' has bones 0 to {n_bones - 1}"
    if n_bones and set(range(n_bones)) <= set(getattr(loss, "mask", ())):
        return f"'mask' leaves none of the {n_bones} bones of '{skeleton.name}'"
    return None
