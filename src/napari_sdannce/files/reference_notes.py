"""What our jobs do not follow in a configuration of the reference, and what they do instead."""

from __future__ import annotations

from collections.abc import Callable

from .reference_config import Ignored, Reference
from .reference_keys import LATER

Note = Callable[[Reference], Ignored | None]
_SCHEDULES = {"CosineAnnealingLR": "cosine", "StepLR": "step", "MultiStepLR": "step"}


def schedule_of(reference: Reference) -> str:
    """Name of our schedule that comes nearest to the configuration's."""
    scheduler = reference.config.lr_scheduler or {}
    return _SCHEDULES.get(str(scheduler.get("type")), "constant")


def _scheduler_note(reference: Reference) -> str | None:
    scheduler = reference.config.lr_scheduler
    if not scheduler:
        return None
    used = schedule_of(reference)
    return f"{scheduler.get('type')} becomes the schedule '{used}'; its arguments are not used"


def _split_note(reference: Reference) -> str | None:
    config = reference.config
    if config.random_seed in (None, config.data_split_seed):
        return None
    return f"random_seed {config.random_seed} seeds the split, too"


def _viddir_note(reference: Reference) -> str | None:
    return "videos are found in the folder of the label file"


def loss_note(usual: str) -> Note:
    """Note for losses other than the usual one of the network."""

    def note(reference: Reference) -> Ignored | None:
        loss = reference.config.loss
        names = list(loss) if isinstance(loss, dict) else [loss]
        others = [name for name in names if name != usual]
        if not others:
            return None
        return _ignored(reference, "loss", f"only {usual} is used; {', '.join(others)}: {LATER}")

    return note


def max_head(reference: Reference) -> Ignored | None:
    """Note for poses at the maximum of the heatmap instead of its expectation."""
    if reference.config.expval:
        return None
    return _ignored(reference, "expval", f"poses are always the expectation; MAX is {LATER}")


def cropping(reference: Reference) -> Ignored | None:
    """Note for frames of which only a part is to be used."""
    for key in ("crop_height", "crop_width"):
        crop = getattr(reference.config, key)
        if crop is not None and crop[0] != 0:
            return _ignored(reference, key, "volumes are filled from whole frames")
    return None


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
    return "COM traces are smoothed, bounded and aggregated in prediction, not in training"


TRAIN_NOTES = (
    _note("lr_scheduler", _scheduler_note),
    _note("data_split_seed", _split_note),
    _note("viddir", _viddir_note),
    _note("n_channels_out", _counts_note),
    _note("n_instances", _counts_note),
    _note("medfilt_window", _trace_note),
    _note("cthresh", _trace_note),
    _note("comthresh", _trace_note),
    _note("weighted", _trace_note),
    _note("com_method", _trace_note),
)


def _ignored(reference: Reference, key: str, reason: str) -> Ignored:
    return Ignored(key, getattr(reference.config, key), reason, reference.files[-1])
