"""``recording.yaml``: how a recording was made, and what became of it.

It is written when a recording begins and again when it ends, whole each time; a program that is
killed leaves the first one, which says that the recording was not finished.
"""

import platform
from collections.abc import Sequence
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from napari_sdannce.capture.cameras import CameraInfo, Format, PixelLayout
from napari_sdannce.capture.clock import ClockFit
from napari_sdannce.capture.sync_report import SyncReport
from napari_sdannce.files.experiment import RECORDING_FILE as RECORDING_FILE
from napari_sdannce.files.writing import atomic_path
from napari_sdannce.files.yaml_file import read_yaml
from napari_sdannce.settings.capture import CaptureSettings

EXPECTED = "the file of a recording (recording.yaml)"
PACKAGES = ("napari-sdannce", "av", "numpy", "opencv-python-headless", "pypylon", "genicam")
"""Those whose versions are noted."""


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class FormatEntry(_Entry):
    """Images as a camera delivered them."""

    width: int = Field(ge=1)
    height: int = Field(ge=1)
    layout: PixelLayout
    fps: float | None = None

    @classmethod
    def of(cls, format_: Format) -> Self:
        """The same as it stands in the file."""
        return cls(
            width=format_.width, height=format_.height, layout=format_.layout, fps=format_.fps
        )


class ClockEntry(_Entry):
    """How a camera's clock went, see `ClockFit`."""

    source: Literal["camera", "host"]
    camera_ns: int = 0
    host_ns: int = 0
    drift_ppm: float = 0.0
    jitter_ns: float = 0.0
    late_ns: float = 0.0
    n_frames: int = 0
    trouble: str = ""

    @classmethod
    def of(cls, fit: ClockFit) -> Self:
        """The same as it stands in the file."""
        return cls(**{name: getattr(fit, name) for name in cls.model_fields})


class CameraEntry(_Entry):
    """One camera.

    Parameters
    ----------
    name
        As in the settings, and of its folder.
    back_end, serial, model
        Which one it is.
    format
        Of its images.
    codec, options
        How they were encoded.
    frames
        Numbers of frames by what became of them.
    clock
        How its clock went.
    """

    name: str
    back_end: str
    serial: str
    model: str = ""
    format: FormatEntry | None = None
    codec: str = ""
    options: dict[str, str] = {}
    frames: dict[str, int] = {}
    clock: ClockEntry | None = None

    @classmethod
    def of(cls, name: str, info: CameraInfo, format_: Format) -> Self:
        """A camera that is about to record."""
        return cls(
            name=name,
            back_end=info.back_end,
            serial=info.serial,
            model=info.model,
            format=FormatEntry.of(format_),
        )


class EventEntry(_Entry):
    """Something that happened.

    Parameters
    ----------
    utc
        When.
    what
        In words.
    camera
        Its name; empty: all.
    frame
        Number of the frame of that camera it is about, in its ``frametimes.csv``.
    """

    utc: datetime
    what: str
    camera: str = ""
    frame: int | None = None


class CheckEntry(_Entry):
    """Something that was looked at, and whether it is well."""

    name: str
    passed: bool
    message: str = ""


class SyncEntry(_Entry):
    """What the sync is like, see `SyncReport`."""

    n_moments: int = 0
    n_incomplete: int = 0
    n_skewed: int = 0
    n_filled: int = 0
    sample_ids: Literal["milliseconds", "numbers"] = "numbers"
    skew_ms: float = 0.0
    most_skew_ms: float = 0.0
    problems: tuple[str, ...] = ()

    @classmethod
    def of(cls, report: SyncReport) -> Self:
        """The same as it stands in the file."""
        return cls(**{name: getattr(report, name) for name in cls.model_fields})


class RecordingFile(_Entry):
    """How a recording was made.

    Parameters
    ----------
    version
        Of this format.
    began, ended
        When; None as long as it has not ended.
    ended_by
        Why it ended, in words.
    settings
        What was asked for.
    software
        Versions of the programs, by name.
    cameras
        In the order of the settings.
    events
        In the order in which they happened.
    checks
        What was looked at before and after.
    sync
        What the sync is like.
    """

    version: Literal[1] = 1
    began: datetime
    ended: datetime | None = None
    ended_by: str = ""
    settings: CaptureSettings
    software: dict[str, str] = {}
    cameras: tuple[CameraEntry, ...] = ()
    events: tuple[EventEntry, ...] = ()
    checks: tuple[CheckEntry, ...] = ()
    sync: SyncEntry | None = None

    @property
    def is_finished(self) -> bool:
        """Whether the program came to its end."""
        return self.ended is not None


def software_versions(packages: Sequence[str] = PACKAGES) -> dict[str, str]:
    """Versions of Python, system and packages, those that are there."""
    found = {"python": platform.python_version(), "system": platform.platform(terse=True)}
    for package in packages:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def write_recording_file(
    folder: Path, recording: RecordingFile, *, overwrite: bool = False
) -> Path:
    """Write it into the folder of the recording, whole or not at all.

    Raises
    ------
    FileExistsError
        When there is one and it may not be replaced.
    """
    goal = folder / RECORDING_FILE
    content = recording.model_dump(mode="json", exclude_defaults=True)
    text = yaml.safe_dump({"version": 1, **content}, sort_keys=False, allow_unicode=True)
    with atomic_path(goal, overwrite=overwrite) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")
    return goal


def read_recording_file(folder: Path) -> RecordingFile:
    """Read it.

    Raises
    ------
    FileNotFoundError
        When there is none.
    FileFormatError
        When it is no such file; key and line are named.
    """
    path = folder / RECORDING_FILE if folder.is_dir() else folder
    file = read_yaml(path, EXPECTED)
    try:
        return RecordingFile.model_validate(file.content)
    except ValidationError as error:
        raise file.invalid(error, EXPECTED) from error
