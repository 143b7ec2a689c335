"""Configurations of Campy become settings; what they do not follow is told with the reason."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import yaml

from napari_sdannce.capture.cameras import CameraInfo
from napari_sdannce.capture.campy_config import (
    IGNORED,
    CampyConfig,
    known_keys,
    read_campy_config,
)
from napari_sdannce.capture.campy_settings import CampySettings, to_capture_settings
from napari_sdannce.files.errors import FileFormatError

if TYPE_CHECKING:
    from pathlib import Path

# the table of the specification, by hand
KEYS = frozenset({
    "numCams", "cameraNames", "cameraSelection", "videoFolder", "videoFilename", "frameRate",
    "recTimeInSec", "cameraMake", "cameraSettings", "frameWidth", "frameHeight", "cameraTrigger",
    "cameraOut", "bufferMode", "bufferSize", "cameraExposureTimeInUs", "cameraGain",
    "disableGamma", "cameraDebug", "pixelFormatInput", "pixelFormatOutput", "gpuID", "gpuMake",
    "codec", "quality", "preset", "ffmpegPath", "ffmpegLogLevel", "chunkLengthInSec",
    "displayFrameRate", "displayDownsample", "triggerController", "startArduino", "serialPort",
    "digitalPins",
})  # fmt: skip

BASLER = [CameraInfo("basler", f"4001234{i}", "acA1920") for i in (7, 3, 5, 1, 2, 4)]
FLIR = [CameraInfo("gentl", f"2020{i}", "Blackfly") for i in range(3)]

SIX = {
    "videoFolder": "./test",
    "videoFilename": "0.mp4",
    "frameRate": 100,
    "recTimeInSec": 30,
    "numCams": 6,
    "cameraSelection": [0, 1, 2, 3, 4, 5],
    "cameraNames": [f"Camera{i}" for i in range(1, 7)],
    "cameraMake": "basler",
    "cameraSettings": "./campy/cameras/basler/rgb24.pfs",
    "pixelFormatInput": "rgb24",
    "pixelFormatOutput": "rgb0",
    "frameWidth": 1152,
    "frameHeight": 1024,
    "ffmpegLogLevel": "warning",
    "gpuID": [0, 0, 0, 1, 1, 1],
    "gpuMake": "nvidia",
    "codec": "h264",
    "quality": 21,
    "chunkLengthInSec": 5,
    "displayFrameRate": 10,
    "startArduino": True,
    "serialPort": "COM3",
    "digitalPins": [0, 1, 2, 3, 4, 5],
}
TWO_FLIR = {
    "videoFolder": "rec",
    "frameRate": 120,
    "numCams": 2,
    "cameraMake": "flir",
    "cameraSelection": [2, 0],
    "cameraNames": ["Camera1", "Camera2"],
    "pixelFormatInput": "gray",
    "frameWidth": 1536,
    "frameHeight": 1536,
    "cameraExposureTimeInUs": 750,
    "cameraGain": 3,
    "disableGamma": False,
    "bufferMode": "OldestFirst",
    "bufferSize": 50,
    "cameraTrigger": "Line3",
    "cameraOut": 2,
    "quality": 23,
    "preset": "veryfast",
    "displayDownsample": 4,
}


def convert(
    tmp_path: Path, content: dict[str, Any], found: list[CameraInfo] = BASLER
) -> CampySettings:
    path = tmp_path / "config.yaml"
    path.write_text(yaml.safe_dump(content, sort_keys=False, default_flow_style=None, width=999))
    return to_capture_settings(read_campy_config(path), found)


def reasons(made: CampySettings) -> dict[str, str]:
    return {each.key: each.reason for each in made.ignored}


def test_all_keys_of_campy_are_known() -> None:
    assert known_keys() == KEYS
    assert not set(IGNORED) & set(CampyConfig.model_fields)


def test_six_basler_cameras_with_a_board(tmp_path: Path) -> None:
    made = convert(tmp_path, SIX)
    settings = made.settings
    assert settings.folder == tmp_path / "test"
    assert [camera.serial for camera in settings.cameras] == [info.serial for info in BASLER]
    assert [camera.name for camera in settings.cameras] == SIX["cameraNames"]
    first = settings.cameras[0]
    assert first.feature_file == tmp_path / "campy/cameras/basler/rgb24.pfs"
    assert (first.width, first.pixel_format, first.exposure_us) == (None, None, None)
    assert first.buffers == 100
    assert (settings.fps, settings.seconds, settings.preview_fps) == (100, 30, 10)
    assert settings.trigger == "hardware"
    assert settings.board is not None
    assert (settings.board.port, settings.board.pins) == ("COM3", (0, 1, 2, 3, 4, 5))
    assert settings.encoding.codec == "h264_nvenc"
    assert settings.encoding.options == {"qp": "21", "gpu": "0"}

    told = reasons(made)
    assert set(told) == {
        "pixelFormatInput", "pixelFormatOutput", "frameWidth", "frameHeight", "ffmpegLogLevel",
        "gpuID", "chunkLengthInSec", "cameraSelection",
    }  # fmt: skip
    assert "cameraSettings decides" in told["frameWidth"]
    assert "Camera1 is 40012347" in told["cameraSelection"]
    assert "as the first one" in told["gpuID"]


def test_two_flir_cameras_with_pulses_from_elsewhere(tmp_path: Path) -> None:
    made = convert(tmp_path, TWO_FLIR, [*BASLER, *FLIR])
    settings = made.settings
    assert [camera.serial for camera in settings.cameras] == ["20202", "20200"]
    first = settings.cameras[0]
    assert (first.back_end, first.width, first.height) == ("gentl", 1536, 1536)
    assert (first.pixel_format, first.exposure_us, first.gain_db) == ("Mono8", 750, 3)
    assert (first.gamma, first.trigger_line, first.output_line) == (None, "Line3", "Line2")
    assert first.buffers == 50
    assert settings.trigger == "hardware"
    assert settings.board is None
    assert settings.encoding.codec == "libx264"
    assert settings.encoding.options == {"crf": "23", "preset": "veryfast"}
    assert set(reasons(made)) == {"cameraSelection", "bufferMode", "displayDownsample"}


def test_what_is_left_out_has_campys_defaults(tmp_path: Path) -> None:
    made = convert(tmp_path, {"videoFolder": "v", "cameraMake": "flir"}, FLIR)
    (camera,) = made.settings.cameras
    assert (camera.name, camera.serial) == ("Camera0", "20200")
    assert (camera.width, camera.height, camera.exposure_us) == (1152, 1024, 1500)
    assert (camera.gain_db, camera.gamma, camera.pixel_format) == (1, 1.0, "RGB8")
    assert (made.settings.fps, made.settings.seconds, made.settings.trigger) == (100, 10, "free")
    assert made.settings.encoding.options == {"crf": "21"}


def test_every_key_is_followed_or_told(tmp_path: Path) -> None:
    """A key that changes nothing must be told, for each of two makes of cameras."""
    others: dict[str, Any] = {
        "bufferMode": "NewestOnly", "cameraDebug": True, "pixelFormatOutput": "yuv420p",
        "ffmpegPath": "/usr/bin/ffmpeg", "ffmpegLogLevel": "info", "chunkLengthInSec": 9,
        "displayDownsample": 7, "cameraNames": ["X", "Y"], "cameraSelection": [1, 0],
        "videoFolder": "elsewhere", "videoFilename": "a.mp4", "frameRate": 50, "recTimeInSec": 5,
        "cameraSettings": "a.pfs", "frameWidth": 640, "frameHeight": 480, "cameraTrigger": "Line0",
        "cameraOut": 1, "bufferSize": 33, "cameraExposureTimeInUs": 99, "cameraGain": 7,
        "disableGamma": False, "pixelFormatInput": "gray", "gpuID": 1, "gpuMake": "amd",
        "codec": "h265", "quality": 30, "preset": "slow", "displayFrameRate": 5,
        "triggerController": "teensy", "startArduino": True, "serialPort": "/dev/ttyACM0",
        "digitalPins": [3, 4],
    }  # fmt: skip
    assert {*others, "numCams", "cameraMake"} == KEYS
    for make in ("basler", "flir"):
        start = {"numCams": 2, "cameraMake": make}
        plain = convert(tmp_path, start, [*BASLER, *FLIR])
        for key, value in others.items():
            made = convert(tmp_path, start | {key: value}, [*BASLER, *FLIR])
            followed = made.settings != plain.settings
            assert followed or key in reasons(made), f"{key} of {make}"


def test_what_campy_replaces_by_its_default_is_told(tmp_path: Path) -> None:
    made = convert(tmp_path, SIX | {"recTimeInSec": 0, "quality": -1})
    assert made.settings.seconds == 10
    assert made.settings.encoding.options["qp"] == "21"
    told = [each for each in made.ignored if each.key == "recTimeInSec"]
    assert told[0].in_part
    assert "as in Campy, it becomes 10" in told[0].reason


@pytest.mark.parametrize(
    ("changes", "codec", "options", "told"),
    [
        ({"gpuID": -1}, "libx264", {"crf": "21"}, {"gpuMake"}),
        ({"gpuID": -1, "codec": "h265"}, "libx264", {"crf": "21"}, {"codec", "gpuMake"}),
        ({"gpuID": 2, "codec": "hevc"}, "hevc_nvenc", {"qp": "21", "gpu": "2"}, set()),
        ({"gpuID": 0, "gpuMake": "amd"}, "h264_amf", {"qp_i": "21", "qp_p": "21"}, set()),
        ({"gpuID": 0, "gpuMake": "intel"}, "h264_qsv", {"global_quality": "22"}, set()),
        ({"gpuID": 0, "gpuMake": "intel", "codec": "h265"}, "h264_qsv",
         {"global_quality": "22"}, {"codec"}),
        ({"gpuID": 0, "preset": "llhq"}, "h264_nvenc", {"qp": "21", "gpu": "0"}, {"preset"}),
        ({"gpuID": 0, "preset": "p4"}, "h264_nvenc",
         {"qp": "21", "gpu": "0", "preset": "p4"}, set()),
        ({"gpuID": -1, "codec": "mjpeg"}, "mjpeg", {}, {"gpuMake"}),
        ({"gpuID": -1, "codec": "prores"}, "libx264", {"crf": "21"}, {"codec", "gpuMake"}),
    ],
)  # fmt: skip
def test_codecs(
    tmp_path: Path, changes: dict[str, Any], codec: str, options: dict[str, str], told: set[str]
) -> None:
    made = convert(tmp_path, SIX | changes)
    assert made.settings.encoding.codec == codec
    assert made.settings.encoding.options == options
    assert set(reasons(made)) & {"codec", "preset", "gpuMake", "gpuID"} == told


@pytest.mark.parametrize(
    ("changes", "trigger"),
    [
        ({"cameraTrigger": "Software", "startArduino": False}, "free"),
        ({"cameraTrigger": "None", "startArduino": False}, "hardware"),
        ({"cameraTrigger": "None", "startArduino": False, "cameraSettings": "None"}, "free"),
        ({"cameraTrigger": "software"}, "hardware"),
    ],
)
def test_triggers(tmp_path: Path, changes: dict[str, Any], trigger: str) -> None:
    assert convert(tmp_path, SIX | changes).settings.trigger == trigger


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"recTimeInSeconds": 3}, r"'recTimeInSeconds' in line 24 \(perhaps recTimeInSec"),
        ({"cameraSelection": [0, 1, 2, 3, 4, 6]},
         "line 6: 'cameraSelection' asks for camera 6 .*6 were found"),
        ({"cameraNames": ["A", "B"]}, "line 7: 'cameraNames' lists 2 for 6 cameras"),
        ({"cameraNames": [f"Cam_{i}" for i in range(6)]},
         "line 7: 'cameraNames' can not be followed"),
        ({"cameraNames": ["A"] * 6}, "line 7: 'cameraNames' can not be followed: .*there twice"),
        ({"cameraSelection": [1] * 6}, "the serial basler 40012343 is there twice"),
        ({"frameRate": "fast"}, "line 3: 'frameRate' is not valid"),
        ({"frameRate": 20_000}, "line 3: 'frameRate' can not be followed"),
        ({"cameraMake": "canon"}, "'cameraMake' is canon; expected basler, flir, emu"),
        ({"cameraTrigger": ["Line0", "Software"] * 3, "startArduino": False},
         "starts cameras differently"),
        ({"bufferSize": 1}, "'bufferSize' can not be followed: .*greater than or equal to 2"),
        ({"digitalPins": "all"}, "'digitalPins' is not valid"),
    ],
)  # fmt: skip
def test_errors_name_key_and_line(tmp_path: Path, changes: dict[str, Any], told: str) -> None:
    with pytest.raises(FileFormatError, match=told) as caught:
        convert(tmp_path, SIX | changes)
    assert str(tmp_path / "config.yaml") in str(caught.value)


def test_cameras_that_are_not_there_are_told(tmp_path: Path) -> None:
    with pytest.raises(FileFormatError, match="'numCams' asks for camera 0 of make basler; 0 were"):
        convert(tmp_path, {"numCams": 2}, [])
    with pytest.raises(FileNotFoundError, match="configuration of Campy"):
        read_campy_config(tmp_path / "none.yaml")
