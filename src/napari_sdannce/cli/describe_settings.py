"""``sdannce info`` on YAML files: cameras, a skeleton, or the settings of a command."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_sdannce.settings import (
    ComPredictSettings,
    ComTrainSettings,
    DanncePredictSettings,
    DannceTrainSettings,
    SdannceTrainSettings,
)
from napari_sdannce.settings.calibrate import CalibrateSettings
from napari_sdannce.settings.capture import CaptureSettings
from napari_sdannce.settings.render import RenderSettings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from napari_sdannce.settings import Settings

_COMMANDS: dict[str, type[Settings]] = {
    "calibrate": CalibrateSettings,
    "capture": CaptureSettings,
    "render": RenderSettings,
    "train com": ComTrainSettings,
    "train dannce": DannceTrainSettings,
    "train sdannce": SdannceTrainSettings,
    "predict com": ComPredictSettings,
    "predict dannce": DanncePredictSettings,
}


def commands_of(path: Path) -> tuple[str, ...]:
    """Commands that know every key of a YAML file; none where it is no file of settings."""
    from napari_sdannce.files import FileFormatError
    from napari_sdannce.files.yaml_file import read_yaml

    try:
        keys = set(read_yaml(path, "a file of settings").content)
    except FileFormatError:
        return ()
    known = {command: set(model.model_fields) for command, model in _COMMANDS.items()}
    return tuple(command for command, fields in known.items() if keys and keys <= fields)


def settings(path: Path) -> Iterator[str]:
    """Lines about a file of settings."""
    from napari_sdannce.files.yaml_file import read_yaml

    commands = " or ".join(f"'sdannce {command}'" for command in commands_of(path))
    yield f"{path}: settings for {commands}"
    for key, value in read_yaml(path, "a file of settings").content.items():
        yield f"  {key}: {value}"
