"""What all settings made from a configuration of the reference program have in common."""

from __future__ import annotations

import re
from dataclasses import dataclass
from os.path import normpath
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from pydantic import ValidationError

from napari_sdannce.settings.com import ComPredictSettings, ComTrainSettings
from napari_sdannce.settings.dannce import (
    DanncePredictSettings,
    DannceTrainSettings,
    SdannceTrainSettings,
)

from .errors import FileFormatError
from .reference_config import EXPECTED, Reference

if TYPE_CHECKING:
    from pathlib import Path

    from .reference_ignored import Ignored
    from .reference_notes import Note

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


def lacking(reference: Reference, key: str, why: str) -> FileFormatError:
    """Error that names a key and its value."""
    value = getattr(reference.config, key)
    return FileFormatError(reference.files[-1], f"'{key}' is {value}: {why}", EXPECTED)


def videos_in(viddir: Path | None, folder: Path) -> Path | None:
    """Folder of the videos, None where it is the usual one of an experiment folder."""
    if viddir is None or normpath(viddir) == normpath(folder / "videos"):
        return None
    return viddir


def weights_at(path: Path) -> Path:
    """Weights that a configuration names, or what a training of ours left in that folder.

    Checkpoints have other names here than in the reference program.
    """
    return path if path.exists() else newest_run(path.parent) or path


def newest_run(folder: Path) -> Path | None:
    """Best weights of the last of our trainings, which never replace one another.

    They lie in `folder` or, where that held something already, in ``<folder>-2`` or another number.
    """
    found = {
        int(match[1] or 1): each / "checkpoints" / "best.safetensors"
        for each in (folder.parent.iterdir() if folder.parent.is_dir() else ())
        if (match := re.fullmatch(rf"{re.escape(folder.name)}(?:-(\d{{1,9}}))?", each.name))
    }
    there = [number for number, path in found.items() if path.is_file()]
    return found[max(there)] if there else None


def com_image(reference: Reference) -> dict[str, Any]:
    """Values of how frames become images for the COM network."""
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
