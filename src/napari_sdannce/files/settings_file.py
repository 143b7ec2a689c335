"""Files of settings: ours, or configurations of the reference program."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_sdannce.settings import (
    ComPredictSettings,
    ComTrainSettings,
    DanncePredictSettings,
    DannceTrainSettings,
    SdannceTrainSettings,
)
from napari_sdannce.settings.calibrate import CalibrateSettings
from napari_sdannce.settings.capture import CaptureSettings

from .reference_config import known_keys, read_reference_config
from .reference_prediction import to_com_predict_settings, to_dannce_predict_settings
from .reference_training import (
    to_com_train_settings,
    to_dannce_train_settings,
    to_sdannce_train_settings,
)
from .yaml_file import read_yaml

if TYPE_CHECKING:
    from napari_sdannce.settings import Settings

    from .reference_ignored import Ignored

_CONVERTERS: dict[type[Settings], Callable[..., Any]] = {
    ComTrainSettings: to_com_train_settings,
    ComPredictSettings: to_com_predict_settings,
    DannceTrainSettings: to_dannce_train_settings,
    SdannceTrainSettings: to_sdannce_train_settings,
    DanncePredictSettings: to_dannce_predict_settings,
}


_JOBS: dict[type[Settings], str] = {
    ComTrainSettings: "'train com'",
    ComPredictSettings: "'predict com'",
    DannceTrainSettings: "'train dannce'",
    SdannceTrainSettings: "'train sdannce'",
    DanncePredictSettings: "'predict dannce'",
    CalibrateSettings: "'calibrate'",
    CaptureSettings: "'capture'",
}


def jobs_that_know(names: Collection[str]) -> tuple[str, ...]:
    """Commands that have all settings of these names."""
    return tuple(job for kind, job in _JOBS.items() if set(names) <= set(kind.model_fields))


@dataclass(frozen=True, eq=False)
class SettingsFile:
    """What a file of settings says.

    Parameters
    ----------
    path
        The file.
    values
        Settings that it gives, by name, paths absolute. Those of ours are not checked yet.
    ignored
        What of a configuration of the reference program is not followed.
    """

    path: Path
    values: dict[str, Any]
    ignored: tuple[Ignored, ...] = ()


def read_settings_file(
    path: Path, model: type[Settings], *, experiment: Path | None = None
) -> SettingsFile:
    """Read settings of a job: ours (paths relative to the file), or of the reference program.

    Parameters
    ----------
    path
        The file.
    model
        Settings of the job.
    experiment
        Folder in which the ``io.yaml`` of a reference configuration may lie, when there is none
        beside the file; paths are relative to it then.

    Raises
    ------
    FileNotFoundError, FileFormatError
        When it can not be read, or a reference configuration lacks what the job needs.
    ValueError
        When it is of another type, or has settings that the job does not know.
    """
    if path.suffix.lower() not in (".yaml", ".yml"):
        raise ValueError(f"{path}: a file of type '{path.suffix}', expected a .yaml of settings")
    content = read_yaml(path, "a file of settings").content
    if set(content) <= set(model.model_fields):
        return SettingsFile(path, absolute_paths(content, path.parent))
    of_ours = len(set(content) & set(model.model_fields))
    if of_ours >= len(set(content) & known_keys()):
        raise ValueError(_unknown(path, content, model))
    return _from_reference(path, model, experiment)


def absolute_paths(content: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """The same values of settings, relative paths made absolute by a folder."""
    return {key: _placed(key, value, folder) for key, value in content.items()}


def _unknown(path: Path, content: Mapping[str, Any], model: type[Settings]) -> str:
    """What is said of settings that the job does not know."""
    unknown = sorted(map(str, set(content) - set(model.model_fields)))
    fitting = jobs_that_know(content)
    if fitting:
        return (
            f"{path}: these are settings of {' or '.join(fitting)}, not of {_JOBS[model]} "
            f"({', '.join(unknown)})"
        )
    nested = [
        f"'{name}: ...' is written as '{group}: {{{name.removeprefix(group + '_')}: ...}}'"
        for name in unknown
        for group in model.model_fields
        if name.startswith(f"{group}_")
    ]
    near = [get_close_matches(name, model.model_fields, n=1, cutoff=0.7) for name in unknown]
    meant = ", ".join(names[0] for names in near if names)
    there = f"there are {', '.join(model.model_fields)}"
    if all(near):
        there = f"did you mean {meant}?"
    return f"{path}: no settings {', '.join(unknown)}; {'; '.join(nested) or there}"


def _from_reference(path: Path, model: type[Settings], experiment: Path | None) -> SettingsFile:
    """Values of a configuration of the reference program, and what of it is not followed."""
    reference = read_reference_config(path, folder=_folder_of_io(path, experiment))
    found = _CONVERTERS[model](reference)
    values: dict[str, Any] = found.settings.model_dump(exclude_unset=True)
    if "experiment" in model.model_fields:
        values["experiment"] = reference.folder
    return SettingsFile(path, values, found.ignored)


def _folder_of_io(path: Path, experiment: Path | None) -> Path | None:
    """The experiment, when its ``io.yaml`` is meant and not one beside the configuration."""
    if experiment is None:
        return None
    given = read_yaml(path, "a configuration").content.get("io_config")
    named = str(given or "io.yaml")
    is_meant = given is not None or (experiment / named).is_file()
    return experiment if is_meant and not (path.parent / named).is_file() else None


def _placed(key: str, value: Any, folder: Path) -> Any:
    if isinstance(value, list | tuple) and key in _LISTS:
        return [_LISTS[key](each, folder) for each in value]
    if isinstance(value, str) and key in _PATHS:
        return _path_in(value, folder)
    if isinstance(value, str) and key == "skeleton" and (folder / value).is_file():
        return str(folder / value)
    return value


def _path_in(value: Any, folder: Path) -> Any:
    return path_in(value, folder) if isinstance(value, str) else value


def path_in(text: str, folder: Path) -> Path:
    """A path as a person writes it, meant from a folder."""
    try:
        return folder / Path(text).expanduser()
    except RuntimeError:  # ~name of nobody: a file may be called so
        return folder / text


def _group_in(value: Any, folder: Path) -> Any:
    return absolute_paths(value, folder) if isinstance(value, Mapping) else value


def _loss_in(value: Any, folder: Path) -> Any:
    """A loss as keys with values, or as ``NAME:weight,priors=file``."""
    if not isinstance(value, str):
        return _group_in(value, folder)
    return re.sub(r"(?<=priors=)[^,]+", lambda found: str(_path_in(found[0], folder)), value)


_PATHS = (
    *("output", "start_from", "checkpoint", "com", "experiment", "folder", "videos", "masks"),
    *("priors", "source", "board", "out", "found", "intrinsics", "world_points"),
)
_LISTS: dict[str, Callable[[Any, Path], Any]] = {
    "labels": _path_in,
    "experiments": _group_in,
    "losses": _loss_in,
}
