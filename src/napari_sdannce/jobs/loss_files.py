"""Checks of what losses need beside the labels: masks of the animals, a table of bone lengths."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_sdannce.files.bone_priors import read_bone_table
from napari_sdannce.jobs.checks import UNREADABLE, Check, bad, good, listed, sentence
from napari_sdannce.settings.losses import BoneLengthLoss, SilhouetteLoss, SilhouetteLoss2D

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from napari_sdannce.recording import Recording
    from napari_sdannce.settings import ExperimentSettings
    from napari_sdannce.settings.losses import Loss
    from napari_sdannce.skeletons import Skeleton


def check_masks(
    losses: Sequence[Loss], experiment: ExperimentSettings, recording: Recording
) -> Iterator[Check]:
    """Whether an experiment has masks, when a loss needs them."""
    needing = [each.name for each in losses if isinstance(each, SilhouetteLoss | SilhouetteLoss2D)]
    if not needing:
        return
    name, folder = recording.name, experiment.masks
    if folder is None:
        yield bad(f"{name}: {needing[0]} needs masks of the animals; choose their folder, 'Masks'")
        return
    if not folder.is_dir():
        yield bad(f"{name}: there is no folder of masks {folder}")
        return
    cameras = experiment.cameras or recording.names
    missing = [each for each in cameras if not any((folder / each).glob("*.png"))]
    if missing:
        yield bad(f"{name}: {folder} has no masks of {listed(missing)} (<camera>/<frame>.png)")
    else:
        yield good(f"{name}: masks of every camera")


def check_bones(losses: Sequence[Loss], skeleton: Skeleton) -> Iterator[Check]:
    """Whether the bones that losses speak of are there, and a table of lengths is of them."""
    for loss in losses:
        if isinstance(loss, BoneLengthLoss):
            yield from _check_lengths(loss, skeleton)


def _check_lengths(loss: BoneLengthLoss, skeleton: Skeleton) -> Iterator[Check]:
    n_bones = len(skeleton.bones)
    reference = loss.ref_index if loss.relative_scale else None
    asked = [*loss.mask, *(() if reference is None else (reference,))]
    absent = [index for index in asked if not 0 <= index < n_bones]
    if absent:
        there = f"0 to {n_bones - 1}" if n_bones else "none"
        yield bad(f"{loss.name}: no bone {absent[0]}; bones of '{skeleton.name}': {there}")
        return
    if loss.priors is None:
        return
    try:
        read_bone_table(loss.priors, n_bones, reference, loss.mask)
    except UNREADABLE as error:
        yield bad(f"{loss.name}: {sentence(error)}")
    else:
        yield good(f"{loss.name}: lengths of {n_bones} bones from {loss.priors.name}")
