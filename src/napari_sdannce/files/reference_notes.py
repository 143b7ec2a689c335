"""What our jobs do not follow in a configuration of the reference, and what they do instead."""

from __future__ import annotations

from collections.abc import Callable

from napari_sdannce.settings.losses import NEED_NO_LABELS

from .reference_config import Ignored, Reference
from .reference_losses import is_known_schedule, names_of, schedule_of

Note = Callable[[Reference], Ignored | None]


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


def pairs(reference: Reference) -> Ignored | None:
    """Note for frames without labels that the reference takes where two animals are close."""
    config = reference.config
    files = [each.com_file.name for each in config.exp if each.com_file is not None]
    if config.unlabeled_sampling is None or not any("instance" in name for name in files):
        return None
    if not set(names_of(reference)) & set(NEED_NO_LABELS):
        return None
    reason = (
        "frames without labels are drawn wherever the animal has a COM; to draw them where "
        "animals are close, name COM files of all animals and set unlabelled_within_mm (120)"
    )
    return _ignored(reference, "unlabeled_sampling", reason)


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


def _counts_note(reference: Reference) -> str | None:
    if reference.config.shares_heatmap:
        return None
    return "the numbers of animals and keypoints are those of the labels"


def _trace_note(reference: Reference) -> str | None:
    return "in training, pairs of cameras in a pickle are brought together by their median"


TRAIN_NOTES = (
    _note("lr_scheduler", _scheduler_note),
    _note("data_split_seed", _split_note),
    _note("viddir", _viddir_note),
    _note("train_mode", _mode_note),
    _note("n_channels_out", _counts_note),
    _note("n_instances", _counts_note),
    _note("comthresh", _trace_note),
    _note("weighted", _trace_note),
    _note("com_method", _trace_note),
)


def _ignored(reference: Reference, key: str, reason: str, *, in_part: bool = False) -> Ignored:
    return Ignored(key, getattr(reference.config, key), reason, reference.files[-1], in_part)
