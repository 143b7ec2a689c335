"""Settings of training from a configuration of the reference program."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_sdannce.settings.com import ComTrainSettings
from napari_sdannce.settings.dannce import DannceTrainSettings, SdannceTrainSettings

from .reference_entries import alone, experiment, n_cameras, of_poses
from .reference_losses import learns_unlabelled, losses_of, schedule_of
from .reference_notes import (
    COM_TRAIN_NOTES,
    POSE_TRAIN_NOTES,
    always,
    cropping,
    images_a_step,
    loss_note,
    pairs,
)
from .reference_parts import Converted, com_image, converted, lacking, volume, weights_at

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from .reference_config import Reference, ReferenceConfig
    from .reference_entries import Entries
    from .reference_notes import Note

COMPRESSED, FULL = 32, 64
CLOSE_MM = 120.0
"""Distance of the COMs of two animals that the reference takes for close."""


def to_com_train_settings(reference: Reference) -> Converted[ComTrainSettings]:
    """Settings of training a COM network.

    Raises
    ------
    FileFormatError
        When the configuration lacks what the job needs, or asks for what cannot be.
    """
    config = reference.config
    entries = config.com_exp if config.com_exp is not None else config.exp
    cameras = n_cameras(reference, entries[0]) if entries else None
    values = {
        **_training(reference, alone(reference, entries), config.com_finetune_weights),
        # there, it counts moments, each with the images of all cameras
        "batch_size": config.batch_size * (cameras or 1),
        "output": config.com_train_dir,
        "learning_rate": config.lr if config.lr is not None else 5e-5,
        "image": com_image(reference),
        "sigma_px": config.sigma if config.sigma is not None else 30.0,
        "channels": "shared" if config.shares_heatmap else "identity",
        **_image_changes(reference),
    }
    notes = (loss_note("MSELoss"), *COM_TRAIN_NOTES, *(() if cameras else (images_a_step,)))
    return converted(reference, ComTrainSettings, values, notes)


def to_dannce_train_settings(reference: Reference) -> Converted[DannceTrainSettings]:
    """Settings of training a DANNCE network.

    Raises
    ------
    FileFormatError
        As `to_com_train_settings`.
    """
    values, notes = _poses(reference)
    return converted(reference, DannceTrainSettings, values, notes)


def to_sdannce_train_settings(reference: Reference) -> Converted[SdannceTrainSettings]:
    """Settings of training an s-DANNCE network.

    Raises
    ------
    FileFormatError
        As `to_com_train_settings`.
    """
    graph = reference.config.graph_cfg
    if graph is None:
        raise lacking(reference, "graph_cfg", "s-DANNCE needs it")
    values, notes = _poses(reference)
    return converted(reference, SdannceTrainSettings, values | {"graph": graph.settings()}, notes)


def _poses(reference: Reference) -> tuple[dict[str, Any], tuple[Note, ...]]:
    """Values that both networks have, and what is told."""
    config = reference.config
    views, n_views = _views(reference)
    entries, told = of_poses(reference)
    values = {
        **_training(reference, entries, config.dannce_finetune_weights),
        "output": config.dannce_train_dir,
        "learning_rate": config.lr if config.lr is not None else 1e-4,
        "volume": volume(reference, of_reference=False),
        "width": COMPRESSED if config.net_type == "compressed_dannce" else FULL,
        "mono": config.mono,
        "losses": losses_of(reference),
        "head": "expectation" if config.expval else "maximum",
        "sigma_mm": config.sigma if config.sigma is not None else 10.0,
        "views": views,
        "n_views": n_views,
        "drop_keypoints": config.drop_landmark,
        **_augmentation(reference),
        **_unlabelled(reference, entries),
    }
    by_itself = [entry for each in entries if not each.is_joined for entry in each.entries]
    notes = (cropping, pairs(by_itself), *POSE_TRAIN_NOTES)
    return values, (*notes, *(always(each) for each in told))


def _augmentation(reference: Reference) -> dict[str, Any]:
    config = reference.config
    turns = "quarters" if config.rotate else "none"
    return {
        "rotate": "any" if config.augment_continuous_rotation else turns,
        "mirror": config.mirror_augmentation,
        "mirror_pairs": _pairs(reference) if config.mirror_augmentation else (),
        "augment_hue": config.augment_hue_val if config.augment_hue else 0.0,
        "augment_brightness": config.augment_bright_val if config.augment_brightness else 0.0,
        "com_jitter_mm": config.COM_aug_radius if config.COM_augmentation else 0.0,
        "com_jitter_rounds": config.COM_aug_iters if config.COM_augmentation else 0,
    }


def _pairs(reference: Reference) -> tuple[str, ...]:
    """Left and right keypoints, where the configuration names them."""
    left, right = reference.config.left_keypoints, reference.config.right_keypoints
    if len(left) != len(right):
        raise lacking(
            reference,
            "left_keypoints",
            f"{len(left)} keypoints on the left can not be swapped with {len(right)} on the right "
            f"(right_keypoints is {right})",
        )
    return tuple(f"{one}:{other}" for one, other in zip(left, right, strict=True))


def _unlabelled(reference: Reference, entries: Sequence[Entries]) -> dict[str, Any]:
    """Which frames without labels; the reference draws them even where nothing learns of them.

    It draws none from experiments without a COM, and of two animals those where they are close.
    """
    has_com = any(each.com is not None for each in entries)
    if not learns_unlabelled(reference) or not has_com:
        return {"unlabelled": "none"}
    are_pairs = reference.config.n_instances > 1 and any(each.is_joined for each in entries)
    return {
        "unlabelled": _amount(reference.config),
        "unlabelled_within_mm": CLOSE_MM if are_pairs else None,
    }


def _views(reference: Reference) -> tuple[str, int | None]:
    """How views are drawn, and how many."""
    config = reference.config
    if config.cam3_train:
        return "without_replacement", 3
    if config.n_rand_views is None:
        return ("shuffled" if config.channel_combo == "random" else "all"), None
    if config.n_rand_views == 0:
        return "with_replacement", config.n_views
    drawn = "with_replacement" if config.rand_view_replace else "without_replacement"
    return drawn, config.n_rand_views


def _training(
    reference: Reference, entries: Sequence[Entries], weights: Path | None
) -> dict[str, Any]:
    """Values that every training has."""
    config = reference.config
    if not entries:
        raise lacking(reference, "exp", "there is nothing to learn from")
    start_from = weights_at(weights) if weights and config.train_mode != "new" else None
    if config.train_mode != "new" and weights is None:
        raise lacking(reference, "train_mode", f"'{config.train_mode}' needs weights to start from")
    seed = config.random_seed if config.random_seed is not None else config.data_split_seed
    of_reference = start_from is not None and start_from.suffix.lower() == ".pth"
    return {
        "experiments": [
            experiment(reference, each, "reference" if of_reference else "matlab")
            for each in entries
        ],
        "if_used": "next",
        "start_from": start_from,
        "epochs": config.epochs,
        **schedule_of(reference),
        "split": "reference",
        "validation_frames": config.num_validation_per_exp,
        "validation_experiments": _validating(reference, entries),
        "train_frames": config.num_train_per_exp,
        "train_share": None if config.training_fraction == 1 else config.training_fraction,
        "seed": seed or 0,
        "batch_size": config.batch_size,
        "norm": config.norm_method,
    }


def _amount(config: ReferenceConfig) -> str:
    """How many frames without labels; of two limits as a share of the labelled, the smaller."""
    sampling, fraction = config.unlabeled_sampling, config.unlabeled_fraction
    if not isinstance(fraction, float) or isinstance(sampling, int):
        return str(sampling)
    drawn = sampling / (1 - sampling) if isinstance(sampling, float) else 1.0
    kept = min(drawn, fraction)
    return str(sampling) if kept == drawn else str(kept / (1 + kept))


def _validating(reference: Reference, entries: Sequence[Entries]) -> list[int]:
    """Places of the experiments whose entries only validate; a wrong number stays wrong."""
    chosen = reference.config.valid_exp
    n_entries = sum(len(each.numbers) for each in entries)
    beyond = [i - n_entries + len(entries) for i in chosen if i >= n_entries]
    return [i for i, each in enumerate(entries) if set(each.numbers) & set(chosen)] + beyond


def _image_changes(reference: Reference) -> dict[str, Any]:
    """Sizes of the changes that are asked for; others are as usual here."""
    config = reference.config
    sizes = {
        "augment_turn_deg": config.augment_rotation and config.augment_rotation_val,
        "augment_scale": config.augment_zoom and config.augment_zoom_val,
        "augment_shift": config.augment_shift and config.augment_shift_val,
        "augment_brightness": config.augment_brightness and config.augment_bright_val,
    }
    return {name: size for name, size in sizes.items() if size}
