"""Settings of training pose networks from a configuration of the reference program."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_sdannce.settings.dannce import DannceTrainSettings, SdannceTrainSettings

from .reference_losses import NEED_NO_LABELS, losses_of, names_of
from .reference_notes import TRAIN_NOTES, cropping, pairs
from .reference_settings import Converted, converted, lacking, training, volume

if TYPE_CHECKING:
    from .reference_config import Reference

COMPRESSED, FULL = 32, 64
POSE_NOTES = (cropping, pairs, *TRAIN_NOTES)


def to_dannce_train_settings(reference: Reference) -> Converted[DannceTrainSettings]:
    """Settings of training a DANNCE network.

    Raises
    ------
    FileFormatError
        When the configuration lacks what the job needs, or asks for what cannot be.
    """
    return converted(reference, DannceTrainSettings, _poses(reference), POSE_NOTES)


def to_sdannce_train_settings(reference: Reference) -> Converted[SdannceTrainSettings]:
    """Settings of training an s-DANNCE network.

    Raises
    ------
    FileFormatError
        As `to_dannce_train_settings`.
    """
    graph = reference.config.graph_cfg
    if graph is None:
        raise lacking(reference, "graph_cfg", "s-DANNCE needs it")
    values = {**_poses(reference), "graph": graph.settings()}
    return converted(reference, SdannceTrainSettings, values, POSE_NOTES)


def _poses(reference: Reference) -> dict[str, Any]:
    """Values that both networks have."""
    config = reference.config
    views, n_views = _views(reference)
    values = training(reference, config.exp, config.dannce_finetune_weights)
    return {
        **values,
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
        **_augmentation(reference),
        "unlabelled": _unlabelled(reference, values),
    }


def _augmentation(reference: Reference) -> dict[str, Any]:
    config = reference.config
    turns = "quarters" if config.rotate else "none"
    return {
        "rotate": "any" if config.augment_continuous_rotation else turns,
        "mirror": config.mirror_augmentation,
        "augment_hue": config.augment_hue_val if config.augment_hue else 0.0,
        "augment_brightness": config.augment_bright_val if config.augment_brightness else 0.0,
        "com_jitter_mm": config.COM_aug_radius if config.COM_augmentation else 0.0,
        "com_jitter_rounds": config.COM_aug_iters if config.COM_augmentation else 0,
    }


def _unlabelled(reference: Reference, values: dict[str, Any]) -> str:
    """How many frames without labels; the reference draws them even where nothing learns of them.

    It draws none from experiments without a COM.
    """
    amount = reference.config.unlabeled_sampling
    is_of_use = bool(set(names_of(reference)) & set(NEED_NO_LABELS))
    has_com = any(each.com is not None for each in values["experiments"])
    if amount is None or not is_of_use or not has_com:
        return "none"
    return str(amount)


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
