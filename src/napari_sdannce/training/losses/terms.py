"""Losses by their settings: what each takes from a batch, and when it has nothing to say."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from napari_sdannce.models.heatmaps import covariance, gaussian_targets, spread
from napari_sdannce.settings import losses as named
from napari_sdannce.training.losses import bones, groups, points, spots
from napari_sdannce.training.losses.checks import check_losses
from napari_sdannce.training.losses.outcome import Outcome, PoseKnowledge, Rows
from napari_sdannce.training.losses.priors import (
    BonePriors,
    bounds_from,
    compute_priors,
    read_priors,
)

if TYPE_CHECKING:
    from napari_sdannce.skeletons import Skeleton

Measure = Callable[[Outcome], Tensor | None]


@dataclass(frozen=True, eq=False)
class Term:
    """One loss of the sum.

    Parameters
    ----------
    name
        As in logs.
    weight
        Its factor.
    measure
        The loss of a batch, without its factor; None when the batch has nothing it applies to.
    priors
        Bone lengths it uses, to be kept with the run.
    """

    name: str
    weight: float
    measure: Measure
    priors: BonePriors | None = field(default=None)


def _mirrored(skeleton: Skeleton) -> tuple[bones.Bones, bones.Bones]:
    return bones.mirrored_bones(skeleton.bones, skeleton.pairs)


def make_terms(losses: Sequence[named.Loss], known: PoseKnowledge) -> tuple[Term, ...]:
    """Losses, ready to measure batches.

    Raises
    ------
    FileNotFoundError
        When a file they need is not there.
    ValueError
        When they contradict one another, the network or the labels.
    """
    check_losses(losses, known)
    return tuple(_BUILDERS[type(loss)](loss, known) for loss in losses)


def _in_units(compare: Callable[[Tensor, Tensor], Tensor]) -> Callable[[Outcome], Tensor | None]:
    """Compare labelled positions, in voxels where the network refines poses, else in mm."""

    def measure(seen: Outcome) -> Tensor | None:
        if not torch.isfinite(seen.truth).any():
            return None
        unit = seen.unit or 1.0
        return compare(seen.predicted / unit, seen.truth / unit)

    return measure


def _labelled(compare: Callable[[Tensor, Tensor], Tensor]) -> Measure:
    """Compare labelled positions in mm."""

    def measure(seen: Outcome) -> Tensor | None:
        if not torch.isfinite(seen.truth).any():
            return None
        return compare(seen.predicted, seen.truth)

    return measure


def _l1(loss: named.L1Loss, known: PoseKnowledge) -> Term:
    # the reference's name for a difference in voxels, which its tools that read the log expect
    name = "L1DiffLoss" if known.refines else loss.name
    return Term(name, loss.weight, _in_units(points.l1_loss))


def _weighted_l1(loss: named.WeightedL1Loss, known: PoseKnowledge) -> Term:
    weights = dict(loss.joint_weights)
    n_keypoints = len(known.skeleton.keypoints)
    unknown = [index for index in weights if not 0 <= index < n_keypoints]
    if unknown:
        raise ValueError(
            f"{loss.name}: joint_weights names keypoint {unknown[0]}, there are 0 to "
            f"{n_keypoints - 1}"
        )
    return Term(
        loss.name, loss.weight, _in_units(lambda p, t: points.weighted_l1_loss(p, t, weights))
    )


def _simple(
    make: Callable[[Any, PoseKnowledge], Measure],
) -> Callable[[Any, PoseKnowledge], Term]:
    return lambda loss, known: Term(loss.name, loss.weight, make(loss, known))


def _heatmaps(compare: Callable[[Tensor, Tensor], Tensor]) -> Callable[..., Measure]:
    def make(loss: named.Loss, known: PoseKnowledge) -> Measure:
        def measure(seen: Outcome) -> Tensor | None:
            if not torch.isfinite(seen.truth).any():
                return None
            voxels = seen.logits.shape[-1]
            target = gaussian_targets(seen.truth, voxels, seen.voxel_mm, known.sigma_mm)
            return compare(seen.logits.float(), target)

        return measure

    return make


def _gaussian(loss: named.GaussianRegLoss, known: PoseKnowledge) -> Measure:
    cross_entropy = loss.method == "cross_entropy"
    return lambda seen: spots.gaussian_regularisation(
        seen.logits.float(),
        seen.predicted,
        seen.voxel_mm,
        loss.sigma,
        cross_entropy=cross_entropy,
    )


def _bone_length(loss: named.BoneLengthLoss, known: PoseKnowledge) -> Term:
    own = known.skeleton.bones
    reference = loss.ref_index if loss.relative_scale else None
    if loss.priors is not None:
        priors = read_priors(loss.priors, len(own), reference, loss.mask)
    else:
        try:
            priors = compute_priors(known.poses, own, reference, loss.mask)
        except ValueError as error:
            raise ValueError(f"{loss.name}: {error}") from error
    bounds = bounds_from(loss, priors)
    return Term(
        loss.name,
        loss.weight,
        lambda seen: bones.bone_length_loss(seen.predicted, own, bounds),
        priors,
    )


def _succession(rows: Callable[[Rows], Tensor], *, distance: bool) -> Measure:
    def measure(seen: Outcome) -> Tensor | None:
        together = rows(seen.rows)
        if not together.numel():
            return None
        return groups.succession_loss(seen.world[together], distance=distance)

    return measure


def _repulsion(loss: named.PairRepulsionLoss, known: PoseKnowledge) -> Measure:
    def measure(seen: Outcome) -> Tensor | None:
        pairs = seen.rows.pairs
        if not pairs.numel():
            return None
        first, second = seen.world[pairs[:, 0]], seen.world[pairs[:, 1]]
        return groups.repulsion_loss(first, second, loss.delta, pairwise=loss.pairwise)

    return measure


def _silhouette(*, together: bool) -> Callable[..., Measure]:
    def make(loss: named.Loss, known: PoseKnowledge) -> Measure:
        def measure(seen: Outcome) -> Tensor | None:
            if seen.silhouettes is None:
                return None
            views = seen.silhouettes
            # the hull is what every view takes for the animal
            return spots.silhouette_loss(
                seen.logits, views.amin(dim=1, keepdim=True) if together else views
            )

        return measure

    return make


_BUILDERS: dict[type[Any], Callable[[Any, PoseKnowledge], Term]] = {
    named.L1Loss: _l1,
    named.WeightedL1Loss: _weighted_l1,
    named.BoneLengthLoss: _bone_length,
    named.L2Loss: _simple(lambda loss, known: _in_units(points.l2_loss)),
    named.HuberLoss: _simple(lambda loss, known: _in_units(points.huber_loss)),
    named.MSELoss: _simple(_heatmaps(spots.mse_loss)),
    named.BCELoss: _simple(_heatmaps(spots.bce_loss)),
    named.GaussianRegLoss: _simple(_gaussian),
    named.VarianceLoss: _simple(
        lambda loss, known: (
            lambda seen: spread(covariance(seen.logits, seen.voxel_mm, known.head)).mean()
        )
    ),
    named.ConsistencyLoss: _simple(
        lambda loss, known: _succession(lambda rows: rows.copies, distance=loss.method == "l2")
    ),
    named.TemporalLoss: _simple(
        lambda loss, known: _succession(lambda rows: rows.chunks, distance=loss.method == "l2")
    ),
    named.PairConsistencyLoss: _simple(
        lambda loss, known: _succession(lambda rows: rows.copies, distance=False)
    ),
    named.PairRepulsionLoss: _simple(_repulsion),
    named.BoneVectorLoss: _simple(
        lambda loss, known: _labelled(
            lambda p, t: bones.bone_vector_loss(p, t, known.skeleton.bones, loss.mask)
        )
    ),
    named.BodySymmetryLoss: _simple(
        lambda loss, known: (
            lambda seen: bones.body_symmetry_loss(seen.predicted, *_mirrored(known.skeleton))
        )
    ),
    named.KCSLoss: _simple(
        lambda loss, known: _labelled(
            lambda p, t: bones.kinematic_chain_loss(p, t, known.skeleton.bones)
        )
    ),
    named.JointAngleLoss: _simple(
        lambda loss, known: _labelled(
            lambda p, t: bones.joint_angle_loss(p, t, known.skeleton.bones)
        )
    ),
    named.SeparationLoss: _simple(
        lambda loss, known: lambda seen: bones.separation_loss(seen.predicted, loss.delta)
    ),
    named.SilhouetteLoss: _simple(_silhouette(together=True)),
    named.SilhouetteLoss2D: _simple(_silhouette(together=False)),
}
