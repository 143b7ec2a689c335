"""What is recorded, and how."""

from collections import Counter
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from .base import Settings

TriggerKind = Literal["free", "software", "hardware"]
Feature = bool | int | float | str
Pin = Annotated[int, Field(ge=0, le=255)]
_NOT_IN_NAMES = '/\\_<>:"|?*'


class CameraSettings(Settings):
    """One camera; what is left open stays as the camera has it."""

    name: str = Field(
        min_length=1,
        max_length=64,
        description="Folder of its video: no slash, and no underscore, which s-DANNCE refuses",
    )
    back_end: str = Field("basler", description="Kind of camera, as `sdannce cameras` lists it")
    serial: str = Field(min_length=1, description="Serial number, as `sdannce cameras` lists it")
    width: int | None = Field(
        None, ge=1, le=65535, description="Width of the image; default: as the camera has it"
    )
    height: int | None = Field(
        None, ge=1, le=65535, description="Height of the image; default: as the camera has it"
    )
    offset_x: int | None = Field(
        None,
        ge=0,
        description="Left edge of the image on the sensor; default: as the camera has it",
    )
    offset_y: int | None = Field(
        None,
        ge=0,
        description="Upper edge of the image on the sensor; default: as the camera has it",
    )
    pixel_format: str | None = Field(
        None,
        description="Pixels in the words of the SDK: Mono8, BayerRG8, RGB8 ...; default: as the "
        "camera has it",
    )
    exposure_us: float | None = Field(
        None, gt=0, description="Exposure; default: as the camera has it"
    )
    gain_db: float | None = Field(None, ge=0, description="Gain; default: as the camera has it")
    gamma: float | None = Field(
        None,
        gt=0,
        description="Gamma; 1: values in proportion to light; default: as the camera has it",
    )
    trigger_line: str = Field("Line1", description="Line of pulses that start exposures")
    output_line: str | None = Field(None, description="Line that is high during an exposure")
    feature_file: Path | None = Field(
        None, description="File of settings that the SDK has written (Basler .pfs), read first"
    )
    features: dict[str, Feature] = Field(
        {}, description="Other settings by the SDK's names (GenICam features), set last"
    )
    buffers: int = Field(64, ge=2, le=4096, description="Buffers of the SDK")

    @field_validator("name")
    @classmethod
    def _names_a_folder(cls, name: str) -> str:
        wrong = next((letter for letter in name if letter in _NOT_IN_NAMES or letter < " "), None)
        if wrong is not None:
            raise ValueError(f"the name of a camera must not hold {wrong!r}")
        if name.startswith(".") or name != name.strip():
            raise ValueError("the name of a camera must not begin with a dot or end with a space")
        return name


class EncodingSettings(Settings):
    """How videos are encoded."""

    codec: str = Field(
        "auto",
        description="How pictures are encoded; auto: the first that works of hevc_nvenc, "
        "h264_nvenc, h264_qsv, h264_amf, libx264; or the name of one, also libsvtav1, mjpeg, ffv1 "
        "(loses nothing)",
    )
    quality: Literal["low", "medium", "high", "visually_lossless"] = Field(
        "high",
        description="How much of the pictures is kept; what that means for a codec is in "
        "docs/capture.md",
    )
    keyframe_s: float = Field(0.5, gt=0, le=1, description="Most seconds between keyframes")
    options: dict[str, str] = Field({}, description="Options of the encoder by its own names")


class TriggerBoardSettings(Settings):
    """A microcontroller that starts all exposures (firmware/)."""

    port: str = Field(min_length=1, description="Serial port: /dev/ttyACM0, COM3 ...")
    pins: tuple[Pin, ...] = Field(
        (2, 3, 4, 5, 6, 7),
        min_length=1,
        max_length=16,
        description="Pins that pulse together, by the numbers on the board; 0 and 1 are the serial "
        "port itself on many boards",
    )
    pulse_us: int | None = Field(
        None,
        ge=10,
        le=1_000_000,
        description="How long a pulse is high, microseconds; default: 5000, at most half the time "
        "to the next",
    )
    baud: int = Field(115200, ge=300, description="Speed of the port, which is that of the sketch")

    @model_validator(mode="after")
    def _no_pin_twice(self) -> Self:
        twice = [pin for pin, count in Counter(self.pins).items() if count > 1]
        if twice:
            raise ValueError(f"pins: {twice[0]} is there twice")
        return self


class CaptureSettings(Settings):
    """A recording of several cameras."""

    folder: Path = Field(description="Folder of the recording; it must not hold one already")
    cameras: tuple[CameraSettings, ...] = Field(min_length=1, description="Cameras")
    fps: float = Field(gt=0, le=10_000, description="Frames a second of every camera")
    seconds: float | None = Field(None, gt=0, description="Length; default: until it is stopped")
    trigger: TriggerKind = Field(
        "free",
        description="What starts exposures: each camera's own clock, this program, or pulses at "
        "'trigger_line'",
    )
    board: TriggerBoardSettings | None = Field(
        None, description="Microcontroller that makes the pulses; default: they come from elsewhere"
    )
    encoding: EncodingSettings = Field(default_factory=EncodingSettings)
    split_s: float | None = Field(
        None, gt=0, description="Begin a new file, named by its first frame, every so many seconds"
    )
    memory_mb: int = Field(
        1024, ge=64, description="Frames that wait for encoders, all cameras together, MB"
    )
    when_behind: Literal["drop", "stop"] = Field(
        "drop",
        description="When encoders or disk can not follow: leave frames out, each noted with its "
        "cause, or stop the recording",
    )
    preview_fps: float = Field(10, ge=0, le=60, description="Pictures a second on the screen")
    keep_free_gb: float = Field(
        2, ge=0, description="Stop, whole and clean, before the disk has less room than this"
    )

    @model_validator(mode="after")
    def _cameras_are_told_apart(self) -> Self:
        names = {camera.name.casefold(): camera.name for camera in self.cameras}
        for what, values in (
            ("name", [names[camera.name.casefold()] for camera in self.cameras]),
            ("serial", [f"{camera.back_end} {camera.serial}" for camera in self.cameras]),
        ):
            twice = [value for value, count in Counter(values).items() if count > 1]
            if twice:
                raise ValueError(f"cameras: the {what} {twice[0]} is there twice")
        if self.board is not None and self.trigger != "hardware":
            raise ValueError("board: pulses need trigger: hardware")
        return self
