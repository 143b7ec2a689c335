"""Configuration of Campy, a YAML file: what it says, under its own names.

`campy_settings` makes settings of a recording of it.
"""

import difflib
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, TypeAlias, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from napari_sdannce.files.errors import FileFormatError
from napari_sdannce.files.reference_ignored import Ignored
from napari_sdannce.files.reference_values import NoneText, PathText, path_text
from napari_sdannce.files.yaml_file import YamlFile, read_yaml

EXPECTED = "a configuration of Campy (YAML)"
IGNORED = {
    "bufferMode": "frames are always taken in the order of exposure, and none is thrown away",
    "cameraDebug": "what goes wrong with a camera is always told",
    "pixelFormatOutput": "it follows from the codec; all that it can keep is kept",
    "ffmpegPath": "the encoders are in this program",
    "ffmpegLogLevel": "what an encoder says when it fails is always told",
    "chunkLengthInSec": "in Campy it is only how often progress is printed; 'split_s' splits files",
    "displayDownsample": "pictures on the screen are made as large as the screen shows them",
}
POSITIVE = (
    "numCams", "frameRate", "recTimeInSec", "frameHeight", "frameWidth", "bufferSize", "cameraGain",
    "cameraExposureTimeInUs", "quality", "displayFrameRate",
)  # fmt: skip
"""Keys for which Campy takes its default where they are not positive."""

Value = TypeVar("Value")
Each: TypeAlias = Value | tuple[Value, ...]
"""One value for all cameras, or one for each."""
Text = Annotated[str | None, NoneText]


class CampyConfig(BaseModel):
    """Values of a configuration under Campy's own names; unset ones have its defaults."""

    model_config = ConfigDict(frozen=True, extra="forbid", coerce_numbers_to_str=True)

    numCams: int = 1
    cameraNames: tuple[str, ...] | str | None = None
    cameraSelection: Each[Annotated[int, Field(ge=0)]] | None = None
    videoFolder: Annotated[Path, BeforeValidator(path_text)] = Path("test")
    videoFilename: str = "0.mp4"
    frameRate: float = 100
    recTimeInSec: float = 10
    cameraMake: Each[str] = "basler"
    cameraSettings: Each[PathText] = None
    frameWidth: Each[int] = 1152
    frameHeight: Each[int] = 1024
    cameraTrigger: Each[Text] = None
    cameraOut: Each[int] = 2
    bufferSize: Each[int] = 100
    cameraExposureTimeInUs: Each[float] = 1500
    cameraGain: Each[float] = 1
    disableGamma: Each[bool] = True
    pixelFormatInput: Each[str] = "rgb24"
    gpuID: Each[int] = -1
    gpuMake: Each[str] = "nvidia"
    codec: Each[str] = "h264"
    quality: Each[int] = 21
    preset: Each[Text] = None
    displayFrameRate: float = 10
    triggerController: str = "arduino"
    startArduino: bool = False
    serialPort: str = "COM3"
    digitalPins: tuple[Annotated[int, Field(ge=0)], ...] = (0, 1, 2, 3, 4, 5, 6)


@dataclass(frozen=True, eq=False)
class CampyFile:
    """A configuration of Campy, read.

    Parameters
    ----------
    file
        The file, with the lines of its keys.
    config
        Its values.
    ignored
        Keys that nothing here follows.
    """

    file: YamlFile
    config: CampyConfig
    ignored: tuple[Ignored, ...]

    def is_given(self, key: str) -> bool:
        """Whether the file holds a key."""
        return key in self.file.content

    def each(self, key: str) -> tuple[Any, ...]:
        """Value of a key for each camera.

        Raises
        ------
        FileFormatError
            When it lists fewer than there are cameras.
        """
        value, n = getattr(self.config, key), self.config.numCams
        if not isinstance(value, tuple):
            return (value,) * n
        if len(value) < n:
            told = f"lists {len(value)} for {n} cameras"
            raise self.file.error([key], told, "one value for all cameras, or one for each")
        return value[:n]


def read_campy_config(path: str | Path) -> CampyFile:
    """Read a configuration of Campy.

    Raises
    ------
    FileNotFoundError
        When there is no such file.
    FileFormatError
        When a key is not known (with the names that come near), or a value makes no sense; key and
        line are named.
    """
    file = read_yaml(Path(path).expanduser().absolute(), EXPECTED)
    _check_known(file)
    values = {key: value for key, value in file.content.items() if key not in IGNORED}
    try:
        config = CampyConfig.model_validate(values)
    except ValidationError as error:
        raise file.invalid(error, EXPECTED) from error
    config, reset = _positive(file, config)
    ignored = [
        Ignored(key, value, IGNORED[key], file.path)
        for key, value in file.content.items()
        if key in IGNORED
    ]
    return CampyFile(file, config, (*ignored, *reset))


def known_keys() -> frozenset[str]:
    """All keys of Campy's configuration."""
    return frozenset(CampyConfig.model_fields) | frozenset(IGNORED)


def _check_known(file: YamlFile) -> None:
    known = sorted(known_keys())
    told = []
    for key in file.content:
        if key not in known:
            near = difflib.get_close_matches(key, known, n=2, cutoff=0.7)
            meant = f" (perhaps {' or '.join(near)}?)" if near else ""
            told.append(f"'{key[:80]}' in line {file.line([key])}{meant}")
    if told:
        raise FileFormatError(file.path, f"unknown keys: {', '.join(told)}", EXPECTED)


def _positive(file: YamlFile, config: CampyConfig) -> tuple[CampyConfig, list[Ignored]]:
    """The same with Campy's default where it would take that, and what is told of it."""
    changes: dict[str, Any] = {}
    for key in POSITIVE:
        value = getattr(config, key)
        if min(value if isinstance(value, tuple) else (value,), default=0) <= 0:
            changes[key] = CampyConfig.model_fields[key].default
    told = [
        Ignored(key, getattr(config, key), f"it is not above 0; as in Campy, it becomes {default}",
                file.path, in_part=True)
        for key, default in changes.items()
    ]  # fmt: skip
    return config.model_copy(update=changes), told
