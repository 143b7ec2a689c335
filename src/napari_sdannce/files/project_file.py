"""``sdannce.yaml``: what belongs to an experiment, all by relative path.

Every entry is optional: what the file does not say is found by the layout of the folder. Paths are
relative to the folder of the file and written with forward slashes, so the folder can move; paths
written on Windows are read as well.
"""

from __future__ import annotations

import os
from pathlib import Path, PurePath, PureWindowsPath
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from napari_sdannce.recording import MAX_FRAME, PixelOrigin

from .writing import atomic_path
from .yaml_file import portable_path, read_yaml

PROJECT_FILE = "sdannce.yaml"
EXPECTED = "a project file (sdannce.yaml) of napari-sdannce"
_MOST_DIGITS = 100
Kind = Literal["labels", "com", "predictions", "runs"]


Relative = Annotated[str, BeforeValidator(portable_path)]
Number = Annotated[float, Field(allow_inf_nan=False)]
Row = tuple[Number, Number, Number]


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", coerce_numbers_to_str=True)


class VideoEntry(_Entry):
    """One video file of a camera."""

    file: Relative
    first_frame: int | None = Field(
        None,
        ge=0,
        le=MAX_FRAME,
        description="Camera's frame number of its first frame; default: its file name",
    )

    @model_validator(mode="before")
    @classmethod
    def _plain_path(cls, value: Any) -> Any:
        return {"file": value} if isinstance(value, str) else value

    def first(self, position: int) -> int:
        """Frame number of its first frame: as stated, else by name; 0 for a lone file.

        Raises
        ------
        ValueError
            When it is neither stated nor the name, or the name is too large a number.
        """
        if self.first_frame is not None:
            return self.first_frame
        stem = PurePath(self.file).stem
        if stem.isdecimal():
            return self._by_name(stem)
        if position == 0:
            return 0
        raise ValueError(f"video '{self.file}' needs 'first_frame': its name is no number")

    def _by_name(self, digits: str) -> int:
        if len(digits) > _MOST_DIGITS or int(digits) > MAX_FRAME:
            raise ValueError(
                f"video '{self.file}' needs 'first_frame': its name is a number above {MAX_FRAME}, "
                "the largest there can be"
            )
        return int(digits)


class CameraEntry(_Entry):
    """One camera with its videos."""

    name: str = Field(min_length=1)
    videos: tuple[VideoEntry, ...] = ()


class CalibrationEntry(_Entry):
    """One calibrated camera: mm and px, first pixel at (0, 0), rotation from world to camera."""

    name: str = Field(min_length=1)
    matrix: tuple[Row, Row, Row]
    rotation: tuple[Row, Row, Row]
    translation: Row
    radial: tuple[Number, Number] | Row | tuple[Number, Number, Number, Number] = (0.0, 0.0)
    tangential: tuple[Number, Number] = (0.0, 0.0)
    image_size: tuple[int, int] | None = None
    fisheye: bool = False


class Project(_Entry):
    """What belongs to an experiment. Paths are relative to the experiment folder.

    Parameters
    ----------
    cameras
        Cameras in their order, with their videos; found by the layout of the folder when None.
    calibration
        The cameras' calibration, or a file of it: ``calibration.toml``, ``*_dannce.mat``, or a
        folder of ``hires_cam<i>_params.mat``.
    sync
        A ``*_dannce.mat`` with sync, or a ``.csv`` with the columns ``sample_id`` and one a camera.
    skeleton
        Name of a built-in skeleton, or a ``.yaml`` or ``.mat``.
    pixel_origin
        Where the first pixel lies in MATLAB-layout files.
    fps
        Frames a second.
    labels, com, predictions, runs
        Label files, COM traces, prediction stores and files, run folders of trainings.
    """

    version: Literal[1] = 1
    fps: float | None = Field(None, gt=0, allow_inf_nan=False)
    pixel_origin: PixelOrigin | None = None
    skeleton: Relative | None = None
    cameras: tuple[CameraEntry, ...] | None = Field(None, min_length=1)
    calibration: Relative | tuple[CalibrationEntry, ...] | None = None
    sync: Relative | None = None
    labels: tuple[Relative, ...] = ()
    com: tuple[Relative, ...] = ()
    predictions: tuple[Relative, ...] = ()
    runs: tuple[Relative, ...] = ()

    @model_validator(mode="after")
    def _names_differ(self) -> Self:
        for entries in (self.cameras, self.calibration):
            if isinstance(entries, tuple):
                names = [entry.name for entry in entries]
                twice = sorted({name for name in names if names.count(name) > 1})
                if twice:
                    raise ValueError(f"the cameras {', '.join(twice)} occur more than once")
        return self

    def registered(self, kind: Kind, path: str) -> Project:
        """Return the same project with one more path in one of its lists."""
        known: tuple[str, ...] = getattr(self, kind)
        return self if path in known else self.model_copy(update={kind: (*known, path)})


def read_project(path: str | os.PathLike[str]) -> Project:
    """Read a project file.

    Raises
    ------
    FileNotFoundError
        When there is no such file.
    FileFormatError
        When it is no project file; the message names the line and the key.
    """
    file = read_yaml(project_path(path), EXPECTED)
    try:
        return Project.model_validate(file.content)
    except ValidationError as error:
        raise file.invalid(error, EXPECTED) from error


def write_project(
    path: str | os.PathLike[str], project: Project, *, overwrite: bool = False
) -> Path:
    """Write a project file, whole or not at all.

    Parameters
    ----------
    path
        The experiment folder, or the file in it.
    project
        What to write; what is not set is left out.
    overwrite
        Whether an existing file may be replaced. Comments in it are lost.

    Raises
    ------
    FileExistsError
        When the file exists and may not be overwritten.
    """
    goal = project_path(path)
    content = project.model_dump(mode="json", exclude_defaults=True)
    text = yaml.safe_dump(
        {"version": 1, **content}, sort_keys=False, allow_unicode=True, default_flow_style=None
    )
    with atomic_path(goal, overwrite=overwrite) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")
    return goal


def relative_path(folder: Path, path: str | os.PathLike[str]) -> str:
    """Path as a project file of this folder says it: relative, with forward slashes.

    A path on another drive than the folder stays absolute.
    """
    absolute = Path(folder, path).absolute()
    try:
        return Path(os.path.relpath(absolute, folder.absolute())).as_posix()
    except ValueError:
        return absolute.as_posix()


def absolute_path(folder: Path, path: str) -> Path:
    """Place of a path of a project file."""
    if PureWindowsPath(path).drive and os.name != "nt":
        return Path(path)  # C:/... does not exist here; joined to the folder it would mislead
    return Path(os.path.normpath(folder / path))


def project_path(path: str | os.PathLike[str]) -> Path:
    """Project file of a folder, or the path itself when it is one."""
    place = Path(path).expanduser().absolute()
    return place if place.suffix.lower() in (".yaml", ".yml") else place / PROJECT_FILE
