"""Taking over the settings of a YAML file, ours or of the reference program."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError
from qtpy.QtWidgets import QFileDialog

from napari_sdannce.files.settings_file import read_settings_file
from napari_sdannce.widgets.opening import FILE_ERRORS, Failed, in_plain_words

if TYPE_CHECKING:
    from qtpy.QtWidgets import QWidget

    from napari_sdannce.settings import Settings

NAMES = "Settings (*.yaml *.yml)"


@dataclass(frozen=True, eq=False)
class LoadedSettings:
    """Settings of a file, for a form.

    Parameters
    ----------
    name
        Of the file.
    values
        What it gives, checked, paths absolute, without experiments and the results folder.
    experiments
        What it says of each experiment; none when it names none.
    notes
        What of it is not taken over, a sentence each.
    """

    name: str
    values: dict[str, Any]
    experiments: tuple[dict[str, Any], ...]
    notes: tuple[str, ...] = ()


def ask_for_settings(
    parent: QWidget, model: type[Settings], experiment: Path | None
) -> LoadedSettings | Failed | None:
    """Settings of the file a person chooses; None for no file."""
    path, _ = QFileDialog.getOpenFileName(parent, "Load settings", filter=NAMES)
    return load_settings(Path(path), model, experiment) if path else None


def load_settings(
    path: Path, model: type[Settings], experiment: Path | None = None
) -> LoadedSettings | Failed:
    """Read settings for a form.

    Parameters
    ----------
    path
        The file.
    model
        Settings of the job.
    experiment
        Where the ``io.yaml`` of a reference configuration may lie.
    """
    try:
        found = read_settings_file(path, model, experiment=experiment)
        checked = model.model_validate(found.values)
    except ValidationError as error:
        first = error.errors()[0]
        return Failed(f"{path.name}: '{'.'.join(map(str, first['loc']))}': {first['msg']}")
    except FILE_ERRORS as error:
        return Failed(in_plain_words(error))
    values = checked.model_dump(exclude_unset=True)
    notes = tuple(each.note for each in found.ignored)
    experiments = _experiments_in(values)
    # it is that of an earlier run, as a rule, and no run shall overwrite another
    if values.pop("output", None) is not None:
        notes = ("the results folder is left open: a new one will be made", *notes)
    return LoadedSettings(path.name, values, experiments, notes)


def _experiments_in(values: dict[str, Any]) -> tuple[dict[str, Any], ...]:
    """Take the experiments out of the values."""
    one = values.pop("experiment", None)
    several: tuple[dict[str, Any], ...] = tuple(values.pop("experiments", ()))
    return several if one is None else ({"folder": one}, *several)
