"""Taking over the settings of a YAML file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError
from qtpy.QtWidgets import QFileDialog

from napari_sdannce.files.yaml_file import read_yaml
from napari_sdannce.settings.fields import fields_of, look_up, put
from napari_sdannce.widgets.opening import FILE_ERRORS, in_plain_words

if TYPE_CHECKING:
    from qtpy.QtWidgets import QWidget

    from napari_sdannce.settings import Settings


def ask_for_settings(parent: QWidget, model: type[Settings]) -> dict[str, Any] | str | None:
    """Values of the file a person chooses; a sentence when it can not be used, None for no file."""
    path, _ = QFileDialog.getOpenFileName(parent, "Load settings", filter="Settings (*.yaml *.yml)")
    return read_settings(Path(path), model) if path else None


def read_settings(path: Path, model: type[Settings]) -> dict[str, Any] | str:
    """Values of a settings file, paths made absolute; a sentence when it can not be used."""
    try:
        content = read_yaml(path, "a file of settings").content
        settings = model.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        return f"{path.name}: '{'.'.join(map(str, first['loc']))}': {first['msg']}"
    except FILE_ERRORS as error:
        return in_plain_words(error)
    return _absolute(settings, path.parent)


def _absolute(settings: Settings, folder: Path) -> dict[str, Any]:
    """Values that were given; relative paths are relative to the folder."""
    values = settings.model_dump(exclude_unset=True)
    for field in fields_of(type(settings)):
        value = look_up(values, field.path)
        if isinstance(value, Path):
            put(values, field.path, folder / value)
    for each in values.get("experiments", ()):
        each["folder"] = folder / each["folder"]
    return values
