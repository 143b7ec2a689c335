"""Settings of our jobs from a configuration of the reference program."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from pydantic import ValidationError

from napari_sdannce.settings.base import ExperimentSettings
from napari_sdannce.settings.com import ComPredictSettings, ComTrainSettings
from napari_sdannce.settings.dannce import (
    DanncePredictSettings,
    DannceTrainSettings,
    SdannceTrainSettings,
)

from .com_mat import read_com
from .errors import FileFormatError
from .reference_config import EXPECTED, Ignored, Reference, ReferenceConfig, ReferenceExperiment
from .reference_losses import schedule_of
from .reference_notes import TRAIN_NOTES, Note, cropping, loss_note

if TYPE_CHECKING:
    from pathlib import Path

Job = TypeVar(
    "Job",
    ComTrainSettings,
    ComPredictSettings,
    DannceTrainSettings,
    SdannceTrainSettings,
    DanncePredictSettings,
)


@dataclass(frozen=True)
class Converted(Generic[Job]):
    """Settings of a job, and what of the configuration they do not follow."""

    settings: Job
    ignored: tuple[Ignored, ...]


def to_com_train_settings(reference: Reference) -> Converted[ComTrainSettings]:
    """Settings of training a COM network.

    Raises
    ------
    FileFormatError
        When the configuration lacks what the job needs, or asks for what cannot be.
    """
    config = reference.config
    entries = config.com_exp if config.com_exp is not None else config.exp
    values = {
        **training(reference, entries, config.com_finetune_weights),
        "output": config.com_train_dir,
        "learning_rate": config.lr if config.lr is not None else 5e-5,
        "image": _com_image(reference),
        "sigma_px": config.sigma if config.sigma is not None else 30.0,
        "channels": "shared" if config.shares_heatmap else "identity",
        **_image_changes(reference),
    }
    return converted(reference, ComTrainSettings, values, (loss_note("MSELoss"), *TRAIN_NOTES))


def to_com_predict_settings(reference: Reference) -> Converted[ComPredictSettings]:
    """Settings of predicting COMs.

    Raises
    ------
    FileFormatError
        As `to_com_train_settings`.
    """
    config = reference.config
    weights = config.com_predict_weights or _newest_weights(config.com_train_dir)
    if weights is None:
        raise lacking(
            reference, "com_predict_weights", f"and there are no weights in {config.com_train_dir}"
        )
    count = None if config.max_num_samples == "max" else config.max_num_samples
    values = {
        **_predicting(reference, weights, config.com_predict_dir, count),
        "image": _com_image(reference),
        "n_animals": config.n_instances if config.shares_heatmap else None,
    }
    if weights.suffix.lower() == ".pth":
        # as the network was used when it was trained: a peak of it is a logit, whose sign tells
        values |= {"min_peak": 0.0, "subpixel": False, "triangulation": "pair_median"}
    return converted(reference, ComPredictSettings, values, ())


def to_dannce_predict_settings(reference: Reference) -> Converted[DanncePredictSettings]:
    """Settings of predicting poses.

    ``max_num_samples`` is the end of the range and not its length, as the reference takes it.

    Raises
    ------
    FileFormatError
        As `to_com_train_settings`.
    """
    config = reference.config
    weights = config.dannce_predict_model
    if weights is None:
        raise lacking(reference, "dannce_predict_model", "it is needed for prediction")
    count = None
    if config.max_num_samples != "max":
        count = config.max_num_samples - config.start_sample
        if count < 1:
            raise lacking(
                reference,
                "max_num_samples",
                f"it is the end of the range, and not after start_sample {config.start_sample}",
            )
    values = {
        **_predicting(reference, weights, config.dannce_predict_dir, count),
        "com": config.com_file,
        **_com_trace(config),
        "volume": volume(reference, of_reference=weights.suffix.lower() == ".pth"),
        "labelled_only": config.predict_labeled_only,
        "replace_view": _replaced_view(reference),
    }
    return converted(reference, DanncePredictSettings, values, (cropping,))


def training(
    reference: Reference, entries: tuple[ReferenceExperiment, ...], weights: Path | None
) -> dict[str, Any]:
    """Values that every training has."""
    config = reference.config
    if not entries:
        raise lacking(reference, "exp", "there is nothing to learn from")
    start_from = weights if config.train_mode != "new" else None
    if config.train_mode != "new" and weights is None:
        raise lacking(reference, "train_mode", f"'{config.train_mode}' needs weights to start from")
    seed = config.random_seed if config.random_seed is not None else config.data_split_seed
    of_reference = start_from is not None and start_from.suffix.lower() == ".pth"
    return {
        "experiments": [_experiment(reference, entry, of_reference) for entry in entries],
        "start_from": start_from,
        "epochs": config.epochs,
        **schedule_of(reference),
        "split": "reference",
        "validation_frames": config.num_validation_per_exp,
        "validation_experiments": config.valid_exp,
        "train_frames": config.num_train_per_exp,
        "seed": seed or 0,
        "batch_size": config.batch_size,
        "norm": config.norm_method,
    }


def _experiment(
    reference: Reference, entry: ReferenceExperiment, of_reference: bool
) -> ExperimentSettings:
    config = reference.config
    com = entry.com_file
    if com is None and not config.com_fromlabels and _holds_com(entry.label3d_file):
        com = entry.label3d_file
    return ExperimentSettings(
        folder=entry.folder,
        labels=(entry.label3d_file,),
        com=com,
        skeleton=config.skeleton if "skeleton" in reference.given else None,
        cameras=entry.camnames or config.camnames or (),
        pixel_origin="reference" if of_reference else "matlab",
    )


def _holds_com(label_file: Path) -> bool:
    try:
        return bool(len(read_com(label_file).sample_ids))
    except (FileFormatError, FileNotFoundError):
        return False


def _predicting(
    reference: Reference, weights: Path, output: Path, count: int | None
) -> dict[str, Any]:
    config = reference.config
    return {
        "checkpoint": weights,
        "output": output,
        "cameras": config.camnames or (),
        "start": config.start_sample,
        "count": count,
        "batch_size": config.batch_size,
    }


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


def _com_image(reference: Reference) -> dict[str, Any]:
    config = reference.config
    if config.downfac is None:
        raise lacking(reference, "downfac", "COM networks need it")
    return {
        "downsample": config.downfac,
        "method": {"nn": "nearest", "dsm": "mean"}[config.dsmode],
        "mono": config.mono,
        "crop_rows": config.crop_height,
        "crop_columns": config.crop_width,
    }


def volume(reference: Reference, *, of_reference: bool) -> dict[str, Any]:
    """Values of the cube; `of_reference`: for a network that learned with its sampling."""
    config = reference.config
    size = config.vol_size
    if size is None:
        size = config.vmax - config.vmin
        if abs(config.vmax + config.vmin) > 1e-6 * size:
            raise lacking(
                reference, "vmin", f"the cube must be centred: vmax is {config.vmax}, not -vmin"
            )
    linear = "reference-linear" if of_reference else "linear"
    return {
        "size_mm": size,
        "voxels": config.nvox,
        "interpolation": "nearest" if config.interp == "nearest" else linear,
    }


def _replaced_view(reference: Reference) -> str | None:
    """Name of the camera that the reference counts from 1."""
    number, names = reference.config.replace_view, reference.config.camnames
    if number is None:
        return None
    if names is None or number > len(names):
        there = "none" if names is None else ", ".join(names)
        raise lacking(reference, "replace_view", f"it counts the camnames, and there are {there}")
    return names[number - 1]


def _newest_weights(folder: Path) -> Path | None:
    """Weights of the highest epoch, as the reference takes them."""
    if not folder.is_dir():
        return None
    numbered = [
        (int(match[1]), path)
        for path in folder.iterdir()
        if (match := re.search(r"epoch(\d{1,9})\.pth$", path.name))
    ]
    return max(numbered)[1] if numbered else None


def lacking(reference: Reference, key: str, why: str) -> FileFormatError:
    """Error that names a key and its value."""
    value = getattr(reference.config, key)
    return FileFormatError(reference.files[-1], f"'{key}' is {value}: {why}", EXPECTED)


def converted(
    reference: Reference,
    kind: type[Job],
    values: dict[str, Any],
    notes: tuple[Note, ...],
) -> Converted[Job]:
    """Settings of these values, with what is told about them.

    Raises
    ------
    FileFormatError
        When the values make no settings.
    """
    try:
        settings = kind.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        found = f"its values give no valid '{where}': {first['msg']}, got {first['input']}"
        raise FileFormatError(reference.files[-1], found[:400], EXPECTED) from error
    told: list[Ignored] = []
    for note in notes:
        each = note(reference)
        if each is not None:
            told.append(each)
    return Converted(settings, (*reference.ignored, *told))
