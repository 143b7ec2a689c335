"""Options under the names that they have in the reference program: hidden aliases of ours."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from napari_sdannce.cli.options import Option, options_of
from napari_sdannce.settings import (
    ComPredictSettings,
    ComTrainSettings,
    DanncePredictSettings,
    DannceTrainSettings,
    ExperimentSettings,
    SdannceTrainSettings,
)
from napari_sdannce.settings.base import TrainSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from pydantic import BaseModel

_EVERY = {"camnames": "cameras", "viddir": "videos"}
_PREDICT = _EVERY | {
    "start-sample": "start",
    "max-num-samples": "count",
    "predict-labeled-only": "labelled-only",
}
_TRAIN = _EVERY | {
    "lr": "learning-rate",
    "num-train-per-exp": "train-frames",
    "num-validation-per-exp": "validation-frames",
    "valid-exp": "validation-experiments",
    "training-fraction": "train-share",
    "random-seed": "seed",
    "norm-method": "norm",
}
_IMAGE = {
    "downfac": "image-downsample",
    "crop-height": "image-crop-rows",
    "crop-width": "image-crop-columns",
}
_POSE = {
    "com-file": "com",
    "medfilt-window": "com-median",
    "cthresh": "com-limit-mm",
    "nvox": "volume-voxels",
    "vol-size": "volume-size-mm",
}
_TRAIN_POSE = {
    **_TRAIN,
    **_POSE,
    "dannce-train-dir": "output",
    "dannce-finetune-weights": "start-from",
    "sigma": "sigma-mm",
    "drop-landmark": "drop-keypoints",
    "mirror-augmentation": "mirror",
    "n-rand-views": "n-views",
}
ALIASES: dict[type[BaseModel], dict[str, str]] = {
    ComTrainSettings: {
        **_TRAIN,
        **_IMAGE,
        "com-train-dir": "output",
        "com-finetune-weights": "start-from",
        "sigma": "sigma-px",
    },
    DannceTrainSettings: _TRAIN_POSE,
    SdannceTrainSettings: _TRAIN_POSE,
    ComPredictSettings: {
        **_PREDICT,
        **_IMAGE,
        "com-predict-dir": "output",
        "com-predict-weights": "checkpoint",
        "n-instances": "n-animals",
    },
    DanncePredictSettings: {
        **_PREDICT,
        **_POSE,
        "dannce-predict-dir": "output",
        "dannce-predict-model": "checkpoint",
        "comthresh": "com-pairs-threshold",
        "com-method": "com-pairs-method",
        "weighted": "com-pairs-weighted",
        "random-seed": "seed",
    },
}
"""Names in the reference program, and ours, for the options of each job."""
_MARK = "REFERENCE"


def add_aliases(model: type[BaseModel]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Add the names of the reference program to a command, without showing them in its help."""
    ours = {option.name: option for option in _options(model)}

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        for theirs, name in ALIASES[model].items():
            # as in the reference program, yes and no are values, which may be left out
            more: dict[str, Any] = {}
            if ours[name].is_flag:
                more = {"is_flag": False, "flag_value": "True"}
            parameter = f"{_MARK}__{theirs.replace('-', '_')}"
            command = click.option(f"--{theirs}", parameter, hidden=True, **more)(command)
        return command

    return decorate


def in_words(model: type[BaseModel]) -> str:
    """Sentence for the help of a job."""
    named = ", ".join(f"--{theirs} ({ours})" for theirs, ours in sorted(ALIASES[model].items()))
    return f"Names of the reference program work, too: {named}."


def with_aliases(
    model: type[BaseModel], given: Mapping[tuple[str, ...], Any]
) -> dict[tuple[str, ...], Any]:
    """Options that were given, all under our names.

    Raises
    ------
    ValueError
        When one was given under both names, or a value is neither yes nor no.
    """
    ours = {option.name: option for option in _options(model)}
    found = {path: value for path, value in given.items() if path[0] != _MARK}
    for path in given.keys() - found.keys():
        theirs = path[1].replace("_", "-")
        option = ours[ALIASES[model][theirs]]
        if option.path in found:
            raise ValueError(f"--{theirs} and --{option.name} are one setting; give one of them")
        found[option.path] = _value(theirs, given[path], option)
    return found


def _options(model: type[BaseModel]) -> Iterator[Option]:
    yield from options_of(model)
    if issubclass(model, TrainSettings):
        yield from options_of(ExperimentSettings)


def _value(theirs: str, text: str, option: Option) -> Any:
    """A value as the reference program has it on its command line: as Python writes it."""
    if text in ("None", "max"):
        return None
    if option.is_flag:
        if text not in ("True", "False"):
            raise ValueError(f"--{theirs}: expected True or False, got '{text}'")
        return text == "True"
    if option.n_values != 1:
        parts = text.strip("[]() ").split(",")
        return [part.strip(" '\"") for part in parts if part.strip()]
    return text
