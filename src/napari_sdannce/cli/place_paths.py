"""Which file a path means: from the settings file that holds it, or from each experiment."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

OF_ONE_EXPERIMENT = ("com", "labels", "masks", "videos")
"""Files of experiments: no two recordings share them."""


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
    from napari_sdannce.files.settings_file import absolute_paths

    found = {}
    for path, value in options.items():
        name = path[-1]
        found[path] = absolute_paths({name: value}, Path.cwd())[name]
        if name in OF_ONE_EXPERIMENT and folder is not None:
            found[path] = _by_experiment(name, value, folder, n_folders)
    return found


def _by_experiment(name: str, value: Any, folder: Path, n_folders: int) -> Any:
    if isinstance(value, str):
        return file_of(name, value, folder, n_folders)
    return [file_of(name, each, folder, n_folders) for each in value]


def file_of(name: str, value: str, folder: Path, n_folders: int = 1) -> Path:
    """Path of an option: from here, or from the folder of the experiment that it is of.

    Raises
    ------
    ValueError
        When there is none, or it is of several experiments.
    """
    path = Path(value).expanduser()
    here, inside = Path.cwd() / path, folder / path
    if n_folders == 1:
        there = [each for each in (here, inside) if each.exists()]
        if not there:
            places = " or ".join(dict.fromkeys(map(str, (here, inside))))
            raise ValueError(f"--{name} {value}: there is no {places}")
        return there[0]
    if path.is_absolute() or not inside.exists():
        raise ValueError(
            f"--{name} {value} can not be of {n_folders} experiments, and there is none in "
            f"{folder}: give a path relative to each experiment folder, or a YAML file with "
            "'experiments:', each with its own"
        )
    return inside
