"""Configuration files of recordings, ours and Campy's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from napari_sdannce.capture.cameras import CameraInfo
from napari_sdannce.capture.configuration import (
    new_configuration,
    read_configuration,
    write_configuration,
)
from napari_sdannce.files.errors import FileFormatError

if TYPE_CHECKING:
    from pathlib import Path

OURS = """\
folder: session 1
fps: 50
cameras:
- {name: Camera1, serial: 40012345, feature_file: basler.pfs}
- {name: Camera2, back_end: replay, serial: old/Camera2}
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "capture.yaml"
    path.write_text(text)
    return path


def test_paths_are_meant_from_the_folder_of_the_file(tmp_path: Path) -> None:
    settings = read_configuration(written(tmp_path, OURS)).settings
    first, second = settings.cameras
    assert settings.folder == tmp_path / "session 1"
    assert first.feature_file == tmp_path / "basler.pfs"
    assert first.serial == "40012345"  # which YAML takes for a number
    assert second.serial == str(tmp_path / "old/Camera2")


def test_options_win(tmp_path: Path) -> None:
    settings = read_configuration(written(tmp_path, OURS), {"fps": 20.0, "seconds": 3}).settings
    assert (settings.fps, settings.seconds) == (20, 3)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (OURS + "fsp: 20\n", "'fsp' in line 6"),
        (OURS + "recTimeInSeconds: 20\n", "perhaps recTimeInSec"),
        (OURS.replace("fps: 50", "fps: fast"), "line 2: 'fps'"),
        (OURS.replace("Camera2,", "Camera_2,"), "name of a camera must not hold '_', got"),
        (OURS.replace("Camera2,", "Camera1,"), "the name Camera1 is there twice"),
        (OURS.replace("name: Camera1, ", ""), "'cameras.0.name' is missing"),
        (OURS.replace("feature_file", "features_file"), "'cameras.0.features_file' is not known"),
        (OURS.replace("fps: 50\n", ""), "'fps' is missing; expected"),
        (OURS.replace("folder: session 1\n", ""), "'folder' is missing; expected"),
        ("- 1\n", "expected a configuration of a recording"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(FileFormatError) as error:
        read_configuration(written(tmp_path, text))
    assert told in str(error.value)
    assert "capture.yaml" in str(error.value)


def test_an_option_that_is_wrong_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileFormatError, match=r"capture.yaml: 'memory_mb' is not valid: Input"):
        read_configuration(written(tmp_path, OURS), {"memory_mb": "0"})


def test_what_is_wrong_of_several_keys_is_told_without_them(tmp_path: Path) -> None:
    with pytest.raises(FileFormatError, match=r"capture.yaml: board: pulses .* hardware; expected"):
        read_configuration(written(tmp_path, OURS + "board: {port: COM3}\n"))


def test_campys_are_read_with_the_serial_numbers_of_the_cameras_that_are_there(
    tmp_path: Path,
) -> None:
    text = "numCams: 2\nframeRate: 30\nrecTimeInSec: 5\nvideoFolder: rec\ncameraSelection: [3, 1]\n"
    found = read_configuration(written(tmp_path, text), {"seconds": 2.0})
    settings = found.settings
    assert [each.serial for each in settings.cameras] == ["0815-0003", "0815-0001"]
    assert (settings.fps, settings.seconds, settings.folder) == (30, 2, tmp_path / "rec")


def test_a_new_one_is_what_was_found(tmp_path: Path) -> None:
    found = [CameraInfo("basler", "0815-0001", "a"), CameraInfo("gentl", "7", "b")]
    settings = new_configuration(found, tmp_path / "rec", 30)
    write_configuration(tmp_path / "new.yaml", settings)
    again = read_configuration(tmp_path / "new.yaml").settings
    assert again == settings
    assert [(each.name, each.serial) for each in again.cameras] == [
        ("Camera1", "0815-0001"),
        ("Camera2", "7"),
    ]
    with pytest.raises(FileExistsError):
        write_configuration(tmp_path / "new.yaml", settings)
