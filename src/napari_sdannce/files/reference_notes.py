"""What our jobs do not follow in a configuration of the reference, and what they do instead."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from .reference_ignored import Ignored
from .reference_losses import is_known_schedule, learns_unlabelled, names_of, schedule_of
from .reference_parts import weights_at

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .reference_config import Reference, ReferenceExperiment

Note = Callable[["Reference"], Ignored | None]

WEIGHTS = "the network's weights tell it"
LABELS = "the numbers of animals and keypoints are those of the labels"
PAIRS_OF_CAMERAS = "in training, pairs of cameras in a pickle are brought together by their median"


def _scheduler_note(reference: Reference) -> str | None:
    scheduler = reference.config.lr_scheduler
    if not scheduler:
        return None
    if not is_known_schedule(reference):
        return f"there is no {scheduler.get('type')} here; the learning rate stays constant"
    if schedule_of(reference)["schedule"] == "cosine":
        return "the learning rate falls to 1 % over all epochs; other arguments are not used"
    return None


def _split_note(reference: Reference) -> str | None:
    config = reference.config
    if config.random_seed in (None, config.data_split_seed):
        return None
    return f"random_seed {config.random_seed} seeds the split, too"


def _mode_note(reference: Reference) -> str | None:
    if reference.config.train_mode != "continued":
        return None
    return (
        "training begins with these weights; a run of this program goes on exactly where it was "
        "by 'sdannce train continue'"
    )


def _viddir_note(reference: Reference) -> str | None:
    return "videos are found in the folder of the label file"


def loss_note(usual: str) -> Note:
    """Note for losses other than the usual one of the network."""

    def note(reference: Reference) -> Ignored | None:
        others = [name for name in names_of(reference) if name != usual]
        if not others:
            return None
        reason = f"COM networks learn with {usual}, not with {', '.join(others)}"
        return _ignored(reference, "loss", reason)

    return note


def always(told: Ignored) -> Note:
    """Note that is known already."""
    return lambda reference: told


def pairs(by_itself: Sequence[ReferenceExperiment]) -> Note:
    """Note for frames without labels that the reference takes where two animals are close.

    Parameters
    ----------
    by_itself
        Entries that are not taken together with those of the other animals.
    """

    def note(reference: Reference) -> Ignored | None:
        files = [each.com_file.name for each in by_itself if each.com_file is not None]
        if not learns_unlabelled(reference) or not any("instance" in name for name in files):
            return None
        reason = (
            "frames without labels are drawn wherever the animal has a COM; to draw them where "
            "animals are close, name COM files of all animals and set unlabelled_within_mm (120)"
        )
        return _ignored(reference, "unlabeled_sampling", reason, in_part=True)

    return note


def images_a_step(reference: Reference) -> Ignored | None:
    """Note for batches of a COM network, when it is not known how many cameras there are."""
    reason = (
        "it counts images here, and in the reference program moments with images of all cameras"
    )
    return _ignored(reference, "batch_size", reason, in_part=True)


def cropping(reference: Reference) -> Ignored | None:
    """Note for frames of which only a part is to be used."""
    for key in ("crop_height", "crop_width"):
        crop = getattr(reference.config, key)
        if crop is not None and crop[0] != 0:
            return _ignored(reference, key, "volumes are filled from whole frames")
    return None


def counting(reference: Reference) -> Ignored | None:
    """Note for a number of moments, which the reference takes as their end when it finds poses."""
    count, start = reference.config.max_num_samples, reference.config.start_sample
    if count == "max" or start == 0:
        return None
    reason = (
        f"{count} moments from start_sample {start} on are predicted; the reference program takes "
        f"it as the end, moment {count}"
    )
    return _ignored(reference, "max_num_samples", reason, in_part=True)


def _note(key: str, tell: Callable[[Reference], str | None]) -> Note:
    def note(reference: Reference) -> Ignored | None:
        reason = tell(reference) if key in reference.given else None
        return _ignored(reference, key, reason) if reason else None

    return note


def _weights_note(key: str) -> Note:
    """Note for weights that lie elsewhere than they are said to."""

    def tell(reference: Reference) -> Ignored | None:
        named = getattr(reference.config, key)
        found = None if named is None else weights_at(named)
        if found == named:
            return None
        reason = f"{named} is not there, and {found} is taken"
        return _ignored(reference, key, reason, in_part=True)

    return tell


def _counts_note(reference: Reference) -> str | None:
    if reference.config.shares_heatmap:
        return None
    return LABELS


def _fraction_note(reference: Reference) -> str | None:
    config = reference.config
    if isinstance(config.unlabeled_fraction, float) and not isinstance(
        config.unlabeled_sampling, int
    ):
        return None
    return "unlabeled_sampling alone says how many; it can be that number for each experiment"


def _own_com_note(reference: Reference) -> str | None:
    config = reference.config
    has_file = any(each.com_file is not None for each in config.exp)
    if not (config.com_fromlabels and has_file and learns_unlabelled(reference)):
        return None
    return "frames without labels need the COMs of com_file, so all frames have them"


def _hue_note(reference: Reference) -> str | None:
    return "images for the COM keep their colours" if reference.config.augment_hue else None


def _turn_note(reference: Reference) -> str | None:
    if not reference.config.augment_continuous_rotation:
        return None
    return "volumes are turned by any angle, not by a few degrees"


def _heatmap_note(reference: Reference) -> str | None:
    return None if reference.config.shares_heatmap else WEIGHTS


def _always(reason: str) -> Callable[[Reference], str]:
    return lambda reference: reason


def _notes(reason: str, *keys: str) -> tuple[Note, ...]:
    return tuple(_note(key, _always(reason)) for key in keys)


_TRAIN = (
    _note("lr_scheduler", _scheduler_note),
    _note("data_split_seed", _split_note),
    _note("viddir", _viddir_note),
    _note("train_mode", _mode_note),
)
COM_TRAIN_NOTES = (
    *_TRAIN,
    _weights_note("com_finetune_weights"),
    _note("n_channels_out", _counts_note),
    _note("n_instances", _counts_note),
    *_notes("COMs are means of all labelled keypoints", "drop_landmark"),
    _note("augment_hue", _hue_note),
    _note("augment_hue_val", _hue_note),
)
POSE_TRAIN_NOTES = (
    *_TRAIN,
    _weights_note("dannce_finetune_weights"),
    _note("com_fromlabels", _own_com_note),
    _note("unlabeled_fraction", _fraction_note),
    *_notes(LABELS, "n_channels_out", "n_instances"),
    *_notes(PAIRS_OF_CAMERAS, "comthresh", "weighted", "com_method"),
    _note("augment_rotation_val", _turn_note),
)
COM_PREDICT_NOTES = (
    _weights_note("com_predict_weights"),
    _note("n_channels_out", _heatmap_note),
    _note("n_instances", _heatmap_note),
    *_notes(WEIGHTS, "norm_method"),
    *_notes("nothing is drawn by chance here", "random_seed"),
)
POSE_PREDICT_NOTES = (
    _weights_note("dannce_predict_model"),
    *_notes(WEIGHTS, "net_type", "norm_method", "mono", "n_views", "n_channels_out", "expval",
            "skeleton", "graph_cfg"),
    *_notes("the animals are those of the COM trace", "n_instances"),
)  # fmt: skip


def _ignored(reference: Reference, key: str, reason: str, *, in_part: bool = False) -> Ignored:
    return Ignored(key, getattr(reference.config, key), reason, reference.files[-1], in_part)
