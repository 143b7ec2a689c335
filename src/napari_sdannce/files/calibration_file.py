"""Calibrations of any format, recognised by what is in the file or folder."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from napari_sdannce.recording import PixelOrigin

from .anipose import FILE as ANIPOSE_FILE
from .anipose import anipose_calibration
from .calibration import CalibrationFormat, ReadCalibration
from .caliscope import FILE as CALISCOPE_FILE
from .caliscope import caliscope_calibration, is_caliscope
from .check_reprojection import read_check
from .errors import FileFormatError
from .file_storage import read_storage
from .hires_params import hires_calibration, hires_files
from .label_file import read_label_source
from .layout import label_files
from .mat import read_mat
from .mat_fields import reading
from .open_project import camera_of_entry
from .opencv_file import is_opencv, opencv_calibration
from .project_file import PROJECT_FILE, absolute_path, read_project
from .toml_file import read_toml
from .video_folders import visible_files

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Sequence


EXPECTED = (
    "a calibration: calibration.toml (aniposelib), camera_array.toml (caliscope), *_dannce.mat, "
    "hires_cam<i>_params.mat, sdannce.yaml, or OpenCV's YAML, XML or JSON (JARVIS, too)"
)
_TOML_FILES = (ANIPOSE_FILE, CALISCOPE_FILE, "config.toml")
_STORAGE = (".yml", ".yaml", ".xml", ".json")
_REPORT = "report.json"
"""Of `sdannce calibrate`, which lies beside the cameras; it has their numbers, too."""
_MAT_STARTS = (b"MATLAB", b"\x89HDF")
_MOST_FILES = 1000


def read_calibration(
    path: str | os.PathLike[str],
    *,
    pixel_origin: PixelOrigin = PixelOrigin.MATLAB,
    mm_per_unit: float = 1.0,
) -> ReadCalibration:
    """Read cameras of a file or folder, whichever format it has.

    Parameters
    ----------
    path
        A file, or a folder with one calibration: of several kinds the first is taken in the order
        of `EXPECTED`, and the others are noted.
    pixel_origin
        Where the first pixel lies in MATLAB files.
    mm_per_unit
        What lengths are multiplied by, on top of what the format says (caliscope: metres; others
        mm).

    Raises
    ------
    FileNotFoundError
        When there is no such file or folder.
    FileFormatError
        When it holds no calibration, or one that no camera here can follow.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from napari_sdannce.files.write_calibration import write_calibration
    >>> from napari_sdannce.geometry import Camera
    >>> lens = np.array([[500.0, 0, 320], [0, 500, 240], [0, 0, 1]])
    >>> with TemporaryDirectory() as folder:
    ...     _ = write_calibration(folder, [Camera("a", lens, np.eye(3), np.ones(3))], ["jarvis"])
    ...     print(read_calibration(f"{folder}/jarvis/a.yaml"))
    a.yaml: 1 camera of jarvis, poses in mm, pixels from 0
    """
    place = Path(path)
    if not place.exists():
        raise FileNotFoundError(f"{place} does not exist; expected {EXPECTED}")
    if not 0 < mm_per_unit < np.inf:
        raise ValueError(f"mm_per_unit must be positive, got {mm_per_unit}")
    with reading(place, EXPECTED):
        read = _read_folder if place.is_dir() else _read_file
        return read(place, pixel_origin).in_mm(mm_per_unit).with_doubts()


def _read_file(path: Path, pixel_origin: PixelOrigin, *, projects: bool = True) -> ReadCalibration:
    """By content; by suffix only where it is text of any kind."""
    try:
        with path.open("rb") as file:
            start = file.read(512)
    except OSError as error:
        raise FileFormatError(path, f"not readable: {error}", EXPECTED) from error
    if start.startswith(_MAT_STARTS) or path.suffix.lower() == ".mat":
        return _read_mat(path, pixel_origin)
    if path.suffix.lower() == ".toml" or re.match(rb"\s*\[\s*\w", start):
        return _read_toml(path)
    content = read_storage(path, EXPECTED)
    if path.name != PROJECT_FILE and "calibration" not in content:
        return opencv_calibration(path, content)
    if not projects:
        raise FileFormatError(path, "it is a project, which another one names", EXPECTED)
    return _read_project(path, pixel_origin)


def _read_mat(path: Path, pixel_origin: PixelOrigin) -> ReadCalibration:
    names = set(read_mat(path, only=()).names)
    if "params" in names:
        cameras = read_label_source(path).cameras(pixel_origin)
        notes = read_check(path).notes(pixel_origin)
        kind = CalibrationFormat.DANNCE
    elif "camParams" in names:
        cameras, notes = read_label_source(path).cameras(pixel_origin), ()
        kind = CalibrationFormat.LABEL3D
    else:
        return hires_calibration(path, pixel_origin)
    return ReadCalibration(cameras, kind, path, pixel_origin=pixel_origin, notes=notes)


def _read_toml(path: Path) -> ReadCalibration:
    tables = read_toml(path, EXPECTED)
    if not any(
        isinstance(each, dict) and ("matrix" in each or "size" in each or key == "cameras")
        for key, each in tables.items()
    ):
        raise FileFormatError(path, "it has no cameras", EXPECTED)
    read = caliscope_calibration if is_caliscope(tables) else anipose_calibration
    return read(path, tables)


def _read_project(path: Path, pixel_origin: PixelOrigin) -> ReadCalibration:
    project = read_project(path)
    found = project.calibration
    if found is None:
        raise FileFormatError(path, "it has no 'calibration'", EXPECTED)
    if not isinstance(found, str):
        cameras = tuple(map(camera_of_entry, found))
        return ReadCalibration(cameras, CalibrationFormat.PROJECT, path)
    goal = absolute_path(path.parent, found)
    if not goal.exists():
        raise FileFormatError(path, f"its calibration '{found}' does not exist", EXPECTED)
    read = _read_folder if goal.is_dir() else _read_file
    return read(goal, project.pixel_origin or pixel_origin, projects=False)


def _read_folder(
    folder: Path, pixel_origin: PixelOrigin, *, projects: bool = True
) -> ReadCalibration:
    """The first calibration of a folder, by kinds."""
    ways = _ways(folder, pixel_origin, projects)
    if not ways:
        raise FileFormatError(folder, "it holds no calibration", EXPECTED)
    found = ways[0].read()
    if len(ways) == 1:
        return found
    others = ", ".join(way.path.name for way in ways[1:6])
    return replace(found, notes=(*found.notes, f"not read, though there: {others}"))


@dataclass(frozen=True, slots=True)
class _Way:
    """A file or folder that may hold a calibration, and how it is read."""

    path: Path
    read: Callable[[], ReadCalibration]


def _ways(folder: Path, pixel_origin: PixelOrigin, projects: bool) -> list[_Way]:
    named = [folder / name for name in _TOML_FILES if (folder / name).is_file()]
    if projects and (folder / PROJECT_FILE).is_file() and _has_calibration(folder / PROJECT_FILE):
        named.insert(0, folder / PROJECT_FILE)
    ways = [_Way(path, partial(_read_file, path, pixel_origin)) for path in named]
    if hires_files(folder):
        ways.append(_Way(folder, partial(hires_calibration, folder, pixel_origin)))
    ways += [_Way(path, partial(_read_mat, path, pixel_origin)) for path in label_files(folder)]
    storage = [
        path
        for path in visible_files(folder, _STORAGE)[:_MOST_FILES]
        if path.name not in (PROJECT_FILE, _REPORT) and is_opencv(path)
    ]
    if storage:
        ways.append(_Way(storage[0], partial(_read_storage_files, folder, storage)))
    return ways


def _has_calibration(path: Path) -> bool:
    return read_project(path).calibration is not None


def _read_storage_files(folder: Path, paths: Sequence[Path]) -> ReadCalibration:
    """One camera a file, or the lone file with all."""
    found = [opencv_calibration(path, read_storage(path, EXPECTED)) for path in paths]
    if len(found) == 1:
        return found[0]
    kinds = sorted({each.format for each in found})
    if len(kinds) > 1:
        kept = ", ".join(path.name for path in paths[:6])
        raise FileFormatError(folder, f"it has files of {' and '.join(kinds)}: {kept}", EXPECTED)
    return ReadCalibration(
        tuple(camera for each in found for camera in each.cameras),
        found[0].format,
        folder,
        tuple(name for each in found for name in each.without_pose),
        notes=tuple(dict.fromkeys(note for each in found for note in each.notes)),
    )
