"""Settings of a recording: what is refused before a camera is touched."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from napari_sdannce.settings.capture import CameraSettings, CaptureSettings


@pytest.mark.parametrize("name", ["Camera1", "left", "top-2", "Kamera 3", "käfig"])
def test_names_that_can_be_folders(name: str) -> None:
    assert CameraSettings(name=name, serial="1").name == name


@pytest.mark.parametrize(
    "name", ["", "a/b", "a\\b", "Camera_1", ".hidden", " a", "a ", "a\n", "a:b", "a?", "x" * 65]
)
def test_names_that_can_not(name: str) -> None:
    with pytest.raises(ValidationError, match="name"):
        CameraSettings(name=name, serial="1")


def test_two_cameras_are_told_apart() -> None:
    one = CameraSettings(name="Camera1", serial="1")
    for twin, what in (
        (CameraSettings(name="Camera1", serial="2"), "the name Camera1"),
        (CameraSettings(name="camera1", serial="2"), "the name camera1"),  # one folder on Windows
        (CameraSettings(name="Camera2", serial="1"), "the serial basler 1"),
    ):
        with pytest.raises(ValidationError, match=f"{what} is there twice"):
            CaptureSettings(folder=Path("x"), cameras=(one, twin), fps=50)
    other_kind = CameraSettings(name="Camera2", serial="1", back_end="gentl")
    assert len(CaptureSettings(folder=Path("x"), cameras=(one, other_kind), fps=50).cameras) == 2
