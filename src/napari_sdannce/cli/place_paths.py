"""Which file a path means: from the settings file that holds it, or from each experiment."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

OF_ONE_EXPERIMENT = ("com", "labels", "masks", "videos")
"""Files of experiments: no two recordings share them."""


def absolute(content: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """The same values, paths made absolute by a folder."""
    return {key: _placed(key, value, folder) for key, value in content.items()}


def of_experiment(
    folder: Path | None, options: Mapping[tuple[str, ...], Any], n_folders: int = 1
) -> dict[tuple[str, ...], Any]:
    """Options of one experiment, their paths absolute: what a run notes holds anywhere.

    A file may be named from the experiment folder. Where there are several experiments, it must be:
    the COMs of one are wrong for the others, and nobody would see it.

    Parameters
    ----------
    folder
        Of the experiment, None when it is not known.
    options
        As given on the command line, by the path of their setting.
    n_folders
        How many recordings there are.

    Raises
    ------
    ValueError
        When a file is given for several recordings.
    """
    found = {}
    for path, value in options.items():
        name = path[-1]
        found[path] = absolute({name: value}, Path.cwd())[name]
        if name in OF_ONE_EXPERIMENT and folder is not None:
            found[path] = _by_experiment(name, value, folder, n_folders)
    return found


def _by_experiment(name: str, value: Any, folder: Path, n_folders: int) -> Any:
    if isinstance(value, str):
        return _file_of(name, value, folder, n_folders)
    return [_file_of(name, each, folder, n_folders) for each in value]


def _file_of(name: str, value: str, folder: Path, n_folders: int) -> Path:
    path = Path(value).expanduser()
    here, inside = Path.cwd() / path, folder / path
    if n_folders == 1:
        return inside if inside.exists() and not here.exists() else here
    if path.is_absolute() or not inside.exists():
        raise ValueError(
            f"--{name} {value} can not be of {n_folders} experiments, and there is none in "
            f"{folder}: give a path relative to each experiment folder, or a YAML file with "
            "'experiments:', each with its own"
        )
    return inside


def _placed(key: str, value: Any, folder: Path) -> Any:
    if isinstance(value, list | tuple) and key in _LISTS:
        return [_LISTS[key](each, folder) for each in value]
    if isinstance(value, str) and key in _PATHS:
        return _path_in(value, folder)
    if isinstance(value, str) and key == "skeleton" and (folder / value).is_file():
        return str(folder / value)
    return value


def _path_in(value: Any, folder: Path) -> Any:
    """A path from a folder; one that is absolute, or no text, as it is."""
    return folder / Path(value).expanduser() if isinstance(value, str) else value


def _group_in(value: Any, folder: Path) -> Any:
    return absolute(value, folder) if isinstance(value, Mapping) else value


def _loss_in(value: Any, folder: Path) -> Any:
    """A loss as keys with values, or as ``NAME:weight,priors=file``."""
    if not isinstance(value, str):
        return _group_in(value, folder)
    return re.sub(r"(?<=priors=)[^,]+", lambda found: str(_path_in(found[0], folder)), value)


_PATHS = (
    *("output", "start_from", "checkpoint", "com", "experiment", "folder", "videos", "masks"),
    "priors",
)
_LISTS: dict[str, Callable[[Any, Path], Any]] = {
    "labels": _path_in,
    "experiments": _group_in,
    "losses": _loss_in,
}
