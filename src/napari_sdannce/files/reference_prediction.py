"""Settings of prediction from a configuration of the reference program."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from napari_sdannce.settings.com import ComPredictSettings
from napari_sdannce.settings.dannce import DanncePredictSettings

from .reference_notes import COM_PREDICT_NOTES, POSE_PREDICT_NOTES, counting, cropping
from .reference_parts import (
    Converted,
    com_image,
    converted,
    lacking,
    newest_run,
    videos_in,
    volume,
    weights_at,
)

if TYPE_CHECKING:
    from pathlib import Path

    from .reference_config import Reference, ReferenceConfig


def to_com_predict_settings(reference: Reference) -> Converted[ComPredictSettings]:
    """Settings of predicting COMs.

    Raises
    ------
    FileFormatError
        When the configuration lacks what the job needs, or asks for what cannot be.
    """
    config = reference.config
    named = config.com_predict_weights or _newest_weights(config.com_train_dir)
    if named is None:
        raise lacking(
            reference, "com_predict_weights", f"and there are no weights in {config.com_train_dir}"
        )
    weights = weights_at(named)
    values = {
        **_predicting(reference, weights, config.com_predict_dir),
        "image": com_image(reference),
        "n_animals": config.n_instances if config.shares_heatmap else None,
    }
    if weights.suffix.lower() == ".pth":
        # as the network was used when it was trained: a peak of it is a logit, whose sign tells
        values |= {"min_peak": 0.0, "subpixel": False, "triangulation": "pair_median"}
    return converted(reference, ComPredictSettings, values, COM_PREDICT_NOTES)


def to_dannce_predict_settings(reference: Reference) -> Converted[DanncePredictSettings]:
    """Settings of predicting poses.

    ``max_num_samples`` is how many moments, as its name says; the reference takes it as their end.

    Raises
    ------
    FileFormatError
        As `to_com_predict_settings`.
    """
    config = reference.config
    if config.dannce_predict_model is None:
        raise lacking(reference, "dannce_predict_model", "it is needed for prediction")
    weights = weights_at(config.dannce_predict_model)
    values = {
        **_predicting(reference, weights, config.dannce_predict_dir),
        "com": config.com_file,
        **_com_trace(config),
        "volume": volume(reference, of_reference=weights.suffix.lower() == ".pth"),
        "replace_view": _replaced_view(reference),
        "seed": config.random_seed or 0,
    }
    return converted(
        reference, DanncePredictSettings, values, (cropping, counting, *POSE_PREDICT_NOTES)
    )


def _predicting(reference: Reference, weights: Path, output: Path) -> dict[str, Any]:
    config = reference.config
    return {
        "checkpoint": weights,
        "output": output,
        "if_used": "next",
        "cameras": config.camnames or (),
        "start": config.start_sample,
        "labelled_only": config.predict_labeled_only,
        "videos": videos_in(config.viddir, reference.folder),
        "count": None if config.max_num_samples == "max" else config.max_num_samples,
        "batch_size": config.batch_size,
    }


def _com_trace(config: ReferenceConfig) -> dict[str, Any]:
    """How the COM trace is taken, none of its gaps filled."""
    return {
        "com_gap": 0,
        "com_median": config.medfilt_window,
        "com_median_reference": config.medfilt_window is not None,
        "com_limit_mm": config.cthresh,
        "com_pairs": {
            "threshold": config.comthresh,
            "method": config.com_method,
            "weighted": config.weighted,
        },
    }


def _replaced_view(reference: Reference) -> str | None:
    """Camera that the reference counts from 1; its name, where the configuration has names."""
    number, names = reference.config.replace_view, reference.config.camnames
    if number is None or names is None:
        return None if number is None else str(number)
    if number > len(names):
        there = ", ".join(names)
        raise lacking(reference, "replace_view", f"it counts the camnames, and there are {there}")
    return names[number - 1]


def _newest_weights(folder: Path) -> Path | None:
    """Weights of a training of ours, or those of the highest epoch as in the reference."""
    ours = newest_run(folder)
    if ours is not None or not folder.is_dir():
        return ours
    numbered = [
        (int(match[1]), path)
        for path in folder.iterdir()
        if (match := re.search(r"epoch(\d{1,9})\.pth$", path.name))
    ]
    return max(numbered)[1] if numbered else None
