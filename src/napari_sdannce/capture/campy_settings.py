"""Settings of a recording, from a configuration of Campy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from napari_sdannce.capture.campy_codec import Told, encoding_values
from napari_sdannce.capture.campy_config import EXPECTED
from napari_sdannce.files.reference_ignored import Ignored
from napari_sdannce.settings.capture import CaptureSettings

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from napari_sdannce.capture.cameras import CameraInfo
    from napari_sdannce.capture.campy_config import CampyFile
    from napari_sdannce.files.errors import FileFormatError
    from napari_sdannce.settings.capture import TriggerKind

BACK_ENDS = {"basler": "basler", "flir": "gentl", "emu": "synthetic"}
"""Kind of camera for each make that Campy knows."""
PIXEL_FORMATS = {
    "gray": "Mono8", "rgb24": "RGB8", "bgr24": "BGR8", "bayer_bggr8": "BayerBG8",
    "bayer_rggb8": "BayerRG8", "bayer_gbrg8": "BayerGB8", "bayer_grbg8": "BayerGR8",
}  # fmt: skip
"""Names of GenICam for FFmpeg's."""
KEYS = {
    "name": "cameraNames", "serial": "cameraSelection", "back_end": "cameraMake",
    "width": "frameWidth", "height": "frameHeight", "pixel_format": "pixelFormatInput",
    "exposure_us": "cameraExposureTimeInUs", "gain_db": "cameraGain", "gamma": "disableGamma",
    "trigger_line": "cameraTrigger", "output_line": "cameraOut", "feature_file": "cameraSettings",
    "buffers": "bufferSize", "folder": "videoFolder", "fps": "frameRate", "seconds": "recTimeInSec",
    "preview_fps": "displayFrameRate", "port": "serialPort", "pins": "digitalPins",
    "codec": "codec", "cameras": "cameraNames",
}  # fmt: skip
"""Campy's key for each setting."""
FLIR_ONLY = ("cameraOut", "cameraExposureTimeInUs", "cameraGain", "disableGamma")
IN_FILE = ("frameWidth", "frameHeight", "pixelFormatInput")
BOARD = ("triggerController", "serialPort", "digitalPins")
MOST_PREVIEW_FPS = 60


@dataclass(frozen=True)
class CampySettings:
    """Settings of a recording, and what of the configuration they do not follow."""

    settings: CaptureSettings
    ignored: tuple[Ignored, ...]


def to_capture_settings(
    campy: CampyFile, found: Sequence[CameraInfo], *, folder: Path | None = None
) -> CampySettings:
    """Make settings of a configuration of Campy.

    Parameters
    ----------
    campy
        The configuration.
    found
        Cameras that are there, in the order in which their SDK lists them: Campy selects them by
        their place in it, and the settings by serial number.
    folder
        What a relative ``videoFolder`` is meant from; None: the folder of the file. For Campy it is
        the current one.

    Raises
    ------
    FileFormatError
        When a selected camera is not there, or a value can not be followed at all; key and line are
        named.
    """
    return _Conversion(campy, found, folder or campy.file.path.parent).convert()


class _Conversion:
    """A configuration on its way to settings."""

    def __init__(self, campy: CampyFile, found: Sequence[CameraInfo], folder: Path) -> None:
        self.campy, self.config = campy, campy.config
        self.found, self.folder = found, folder
        self.told = list(campy.ignored)
        self.makes = campy.each("cameraMake")

    def convert(self) -> CampySettings:
        config = self.config
        cameras = self._cameras()
        encoding, told = encoding_values(self.campy)
        self._tell(told)
        values: dict[str, Any] = {
            "folder": self.folder / config.videoFolder,
            "cameras": cameras,
            "fps": config.frameRate,
            "seconds": config.recTimeInSec,
            "trigger": self._trigger(),
            "encoding": encoding,
            "preview_fps": min(config.displayFrameRate, MOST_PREVIEW_FPS),
        }
        if config.startArduino:
            values["board"] = {"port": config.serialPort, "pins": config.digitalPins}
        self._tell_of_others()
        try:
            settings = CaptureSettings.model_validate(values)
        except ValidationError as error:
            raise self._invalid(error) from error
        return CampySettings(settings, tuple(self.told))

    def _cameras(self) -> list[dict[str, Any]]:
        serials = self._serials()
        each = {key: self.campy.each(key) for key in ("cameraSettings", "bufferSize")}
        cameras = []
        for i, (name, serial) in enumerate(zip(self._names(), serials, strict=True)):
            values = {
                "name": name,
                "back_end": BACK_ENDS[self.makes[i]],
                "serial": serial,
                "buffers": each["bufferSize"][i],
            }
            settings_file = each["cameraSettings"][i]
            if self.makes[i] == "basler" and settings_file is not None:
                values["feature_file"] = self.folder / settings_file
            else:
                values |= self._image_values(i)
            if self.makes[i] == "flir":
                values |= self._flir_values(i)
            cameras.append(values)
        names = ", ".join(f"{each['name']} is {each['serial']}" for each in cameras)
        reason = f"cameras are known by serial number here, whatever their order: {names}"
        self._tell([Told("cameraSelection", reason, in_part=True)], always=True)
        return cameras

    def _names(self) -> tuple[str, ...]:
        if self.config.cameraNames is None:
            return tuple(f"Camera{i}" for i in range(self.config.numCams))
        return self.campy.each("cameraNames")

    def _serials(self) -> list[str]:
        for make in self.makes:
            if make not in BACK_ENDS:
                raise self._error("cameraMake", f"is {make}", ", ".join(BACK_ENDS))
        n = self.config.numCams
        given = self.config.cameraSelection is not None
        selection = self.campy.each("cameraSelection") if given else tuple(range(n))
        return [self._serial(make, at) for make, at in zip(self.makes, selection, strict=True)]

    def _serial(self, make: str, place: int) -> str:
        there = [info.serial for info in self.found if info.back_end == BACK_ENDS[make]]
        if place >= len(there):
            key = "cameraSelection" if self.campy.is_given("cameraSelection") else "numCams"
            found = f"asks for camera {place} of make {make}; {len(there)} were found"
            raise self._error(key, found, f"a number below {len(there)}" if there else "cameras")
        return there[place]

    def _image_values(self, i: int) -> dict[str, Any]:
        """Size and format, where no file of the maker sets them."""
        values = {
            "width": self.campy.each("frameWidth")[i],
            "height": self.campy.each("frameHeight")[i],
        }
        named = self.campy.each("pixelFormatInput")[i]
        if named in PIXEL_FORMATS and self.makes[i] != "emu":
            values["pixel_format"] = PIXEL_FORMATS[named]
        elif self.makes[i] != "emu":
            reason = f"cameras deliver {', '.join(PIXEL_FORMATS)}; theirs stays as it is"
            self._tell([Told("pixelFormatInput", reason)])
        return values

    def _flir_values(self, i: int) -> dict[str, Any]:
        line = self.campy.each("cameraTrigger")[i]
        values = {
            "exposure_us": self.campy.each("cameraExposureTimeInUs")[i],
            "gain_db": self.campy.each("cameraGain")[i],
            "output_line": f"Line{self.campy.each('cameraOut')[i]}",
        }
        if self.campy.each("disableGamma")[i]:
            values["gamma"] = 1.0
        if _is_line(line):
            values["trigger_line"] = line
        return values

    def _trigger(self) -> TriggerKind:
        if self.config.startArduino:
            return "hardware"
        kinds: list[TriggerKind] = [
            self._kind(make, line)
            for make, line in zip(self.makes, self.campy.each("cameraTrigger"), strict=True)
        ]
        if len(set(kinds)) > 1:
            raise self._error("cameraTrigger", "starts cameras differently", "one way for all")
        return kinds[0]

    def _kind(self, make: str, line: str | None) -> TriggerKind:
        if _is_line(line):
            return "hardware"
        if line is None and make == "basler" and self.config.cameraSettings is not None:
            reason = "pulses are awaited, as the files in cameraSettings usually have it; without "
            reason += "pulses, set 'trigger: free'"
            self._tell([Told("cameraTrigger", reason, in_part=True)], always=True)
            return "hardware"
        return "free"

    def _tell_of_others(self) -> None:
        """Keys that say nothing for these cameras."""
        config, told = self.config, []
        if "flir" not in self.makes:
            told += [Told(key, "Campy heeds it for FLIR cameras only") for key in FLIR_ONLY]
        if set(self.makes) == {"basler"} and None not in self.campy.each("cameraSettings"):
            told += [Told(key, "as in Campy, cameraSettings decides") for key in IN_FILE]
        if "basler" not in self.makes:
            told.append(Told("cameraSettings", "Campy heeds it for Basler cameras only"))
        if not config.startArduino:
            told += [Told(key, "startArduino is off") for key in BOARD]
        elif config.triggerController != "arduino":
            reason = "boards with the firmware of this program are all started alike"
            told.append(Told("triggerController", reason))
        if config.videoFilename != "0.mp4":
            told.append(Told("videoFilename", "files are named by their first frame: 0.mp4"))
        if config.displayFrameRate > MOST_PREVIEW_FPS:
            reason = f"at most {MOST_PREVIEW_FPS} pictures a second are shown"
            told.append(Told("displayFrameRate", reason, in_part=True))
        self._tell(told)

    def _tell(self, told: Sequence[Told], *, always: bool = False) -> None:
        """Report what the file says in vain, each once."""
        for key, reason, in_part in told:
            known = any(each.key == key and each.reason == reason for each in self.told)
            if not known and (always or self.campy.is_given(key)):
                value = getattr(self.config, key)
                self.told.append(Ignored(key, value, reason, self.campy.file.path, in_part))

    def _error(self, key: str, found: str, expected: str) -> FileFormatError:
        return self.campy.file.error([key], found, expected)

    def _invalid(self, error: ValidationError) -> FileFormatError:
        first = error.errors()[0]
        location = [str(part) for part in first["loc"]]
        key = next((KEYS[part] for part in reversed(location) if part in KEYS), "cameraNames")
        message = first["msg"].removeprefix("Value error, ")
        return self._error(
            key, f"can not be followed: {message}, got {first['input']}"[:300], EXPECTED
        )


def _is_line(trigger: str | None) -> bool:
    return trigger is not None and trigger.lower() != "software"
