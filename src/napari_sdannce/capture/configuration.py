"""Configuration files of recordings: ours, and those of Campy."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

import yaml
from pydantic import ValidationError

from napari_sdannce.capture.campy_config import known_keys, read_campy_config
from napari_sdannce.capture.campy_settings import to_capture_settings
from napari_sdannce.capture.find_cameras import find_cameras
from napari_sdannce.files.errors import FileFormatError
from napari_sdannce.files.settings_file import path_in
from napari_sdannce.files.writing import atomic_path
from napari_sdannce.files.yaml_file import read_yaml
from napari_sdannce.settings.capture import CameraSettings, CaptureSettings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from napari_sdannce.capture.cameras import CameraInfo
    from napari_sdannce.files.reference_ignored import Ignored
    from napari_sdannce.files.yaml_file import YamlFile

EXPECTED = "a configuration of a recording (docs/capture.md), or one of Campy"
_HEAD = """\
# Cameras that were found, for `sdannce capture {name}`.
# All settings are listed in docs/capture.md; what is left out stays as the camera has it.
"""


@dataclass(frozen=True, eq=False, slots=True)
class Configuration:
    """Settings of a recording as a file gives them.

    Parameters
    ----------
    settings
        What is recorded; paths are absolute.
    ignored
        What of a configuration of Campy is not followed, or in another way.
    """

    settings: CaptureSettings
    ignored: tuple[Ignored, ...] = ()


def read_configuration(
    path: Path,
    options: Mapping[str, Any] | None = None,
    *,
    found: Sequence[CameraInfo] | None = None,
) -> Configuration:
    """Read a configuration, ours or one of Campy; paths in it are meant from its folder.

    Parameters
    ----------
    path
        The file.
    options
        Settings that win over those of the file, by name.
    found
        Cameras that are there, of which Campy means some by their place; None: they are looked for.

    Raises
    ------
    FileNotFoundError
        When there is no such file.
    FileFormatError
        When a key is not known, or a value makes no sense; key and line are named.
    CameraError
        When cameras of a configuration of Campy, which go by their place, can not be listed.
    """
    path = path.expanduser().absolute()
    file = read_yaml(path, EXPECTED)
    ours = len(set(file.content) & set(CaptureSettings.model_fields))
    if len(set(file.content) & known_keys()) > ours:
        there = find_cameras().cameras if found is None else found
        campy = to_capture_settings(read_campy_config(path), there)
        values = campy.settings.model_dump(exclude_unset=True)
        return Configuration(_settings(file, {**values, **(options or {})}), campy.ignored)
    _check_known(file)
    return Configuration(_settings(file, {**_placed(file.content, path.parent), **(options or {})}))


def new_configuration(cameras: Sequence[CameraInfo], folder: Path, fps: float) -> CaptureSettings:
    """Settings for all of these cameras, named Camera1, Camera2 ... in their order."""
    return CaptureSettings(
        folder=folder,
        fps=fps,
        cameras=tuple(
            CameraSettings(name=f"Camera{number}", back_end=camera.back_end, serial=camera.serial)
            for number, camera in enumerate(cameras, start=1)
        ),
    )


def write_configuration(path: Path, settings: CaptureSettings, *, overwrite: bool = False) -> None:
    """Write settings as a configuration.

    Raises
    ------
    FileExistsError
        When there is such a file and it may not be replaced.
    """
    content = settings.model_dump(mode="json", exclude_unset=True)
    text = yaml.safe_dump(content, sort_keys=False, allow_unicode=True)
    with atomic_path(path, overwrite=overwrite) as temporary:
        temporary.write_text(_HEAD.format(name=path.name) + text, encoding="utf-8", newline="\n")


def _settings(file: YamlFile, values: Mapping[str, Any]) -> CaptureSettings:
    try:
        return CaptureSettings.model_validate(values)
    except ValidationError as error:
        raise file.invalid(error, EXPECTED) from error


def _check_known(file: YamlFile) -> None:
    known = sorted(CaptureSettings.model_fields)
    for key in file.content:
        if key not in known:
            near = get_close_matches(str(key), [*known, *known_keys()], n=2, cutoff=0.7)
            meant = f" (perhaps {' or '.join(near)}?)" if near else ""
            told = f"unknown key '{str(key)[:80]}' in line {file.line([key])}{meant}"
            raise FileFormatError(file.path, told, f"keys of a recording: {', '.join(known)}")


def _placed(content: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """The same values, relative paths made absolute by a folder."""
    values = dict(content)
    if isinstance(values.get("folder"), str):
        values["folder"] = path_in(values["folder"], folder)
    cameras = values.get("cameras")
    if isinstance(cameras, list):
        values["cameras"] = [_camera_in(camera, folder) for camera in cameras]
    return values


def _camera_in(camera: Any, folder: Path) -> Any:
    if not isinstance(camera, dict):
        return camera
    placed = dict(camera)
    if isinstance(placed.get("feature_file"), str):
        placed["feature_file"] = path_in(placed["feature_file"], folder)
    if placed.get("back_end") == "replay" and isinstance(placed.get("serial"), str):
        placed["serial"] = str(path_in(placed["serial"], folder))
    if isinstance(placed.get("serial"), int):  # YAML takes 40012345 for a number
        placed["serial"] = str(placed["serial"])
    return placed
