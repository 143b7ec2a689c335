"""Calibrations of any format, recognised by what is in the file, and written to any."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from napari_sdannce.recording import PixelOrigin

from .anipose import anipose_calibration, write_anipose
from .calibration import CalibrationFormat, ReadCalibration
from .caliscope import FILE as CALISCOPE_FILE
from .caliscope import caliscope_calibration, is_caliscope, write_caliscope
from .check_reprojection import read_check
from .dannce_params import write_dannce_params
from .errors import FileFormatError
from .file_storage import read_storage
from .hires_params import hires_calibration, hires_files, hires_paths, write_hires_params
from .jarvis import jarvis_path, write_jarvis
from .label_file import read_label_source
from .layout import label_files
from .mat import read_mat
from .mat_fields import reading
from .open_project import camera_of_entry
from .opencv_file import FILE as OPENCV_FILE
from .opencv_file import is_opencv, opencv_calibration, write_opencv
from .project_file import PROJECT_FILE, absolute_path, read_project
from .toml_file import read_toml
from .video_folders import visible_files
from .writing import check_free

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Sequence

    from napari_sdannce.geometry.cameras import Camera

EXPECTED = (
    "a calibration: calibration.toml (aniposelib), camera_array.toml (caliscope), *_dannce.mat, "
    "hires_cam<i>_params.mat, sdannce.yaml, or OpenCV's YAML, XML or JSON (JARVIS, too)"
)
ANIPOSE_FILE = "calibration.toml"
DANNCE_FILE = "calibration_dannce.mat"
JARVIS_FOLDER = "jarvis"
_TOML_FILES = (ANIPOSE_FILE, CALISCOPE_FILE, "config.toml")
_STORAGE = (".yml", ".yaml", ".xml", ".json")
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
        return read(place, pixel_origin).in_mm(mm_per_unit)


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
        if path.name != PROJECT_FILE and is_opencv(path)
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


@dataclass(frozen=True, slots=True)
class _Writer:
    """How a format is written into a folder, and the files it will be."""

    goals: Callable[[Path, Sequence[Camera]], tuple[Path, ...]]
    write: Callable[[Path, Sequence[Camera], PixelOrigin, bool], object]
    has_fisheyes: bool = True


_WRITERS = {
    CalibrationFormat.ANIPOSE: _Writer(
        lambda folder, _: (folder / ANIPOSE_FILE,),
        lambda folder, cameras, _, overwrite: write_anipose(
            folder / ANIPOSE_FILE, cameras, overwrite=overwrite
        ),
    ),
    CalibrationFormat.CALISCOPE: _Writer(
        lambda folder, _: (folder / CALISCOPE_FILE,),
        lambda folder, cameras, _, overwrite: write_caliscope(
            folder / CALISCOPE_FILE, cameras, overwrite=overwrite
        ),
    ),
    CalibrationFormat.DANNCE: _Writer(
        lambda folder, _: (folder / DANNCE_FILE,),
        lambda folder, cameras, origin, overwrite: write_dannce_params(
            folder / DANNCE_FILE, cameras, pixel_origin=origin, overwrite=overwrite
        ),
        has_fisheyes=False,
    ),
    CalibrationFormat.HIRES: _Writer(
        lambda folder, cameras: hires_paths(folder, len(cameras)),
        lambda folder, cameras, origin, overwrite: write_hires_params(
            folder, cameras, pixel_origin=origin, overwrite=overwrite
        ),
        has_fisheyes=False,
    ),
    CalibrationFormat.JARVIS: _Writer(
        lambda folder, cameras: tuple(
            jarvis_path(folder / JARVIS_FOLDER, camera) for camera in cameras
        ),
        lambda folder, cameras, _, overwrite: write_jarvis(
            folder / JARVIS_FOLDER, cameras, overwrite=overwrite
        ),
        has_fisheyes=False,
    ),
    CalibrationFormat.OPENCV: _Writer(
        lambda folder, _: (folder / OPENCV_FILE,),
        lambda folder, cameras, _, overwrite: write_opencv(
            folder / OPENCV_FILE, cameras, overwrite=overwrite
        ),
    ),
}
WRITABLE = tuple(_WRITERS)
"""Formats that `write_calibration` knows."""


def write_calibration(
    folder: str | os.PathLike[str],
    cameras: Sequence[Camera],
    formats: Sequence[CalibrationFormat | str],
    *,
    pixel_origin: PixelOrigin = PixelOrigin.MATLAB,
    overwrite: bool = False,
) -> tuple[Path, ...]:
    """Write cameras in several formats, each under its usual names.

    Parameters
    ----------
    folder
        Where; made when it is not there. JARVIS's files get a folder of their own in it.
    cameras
        With poses, in mm.
    formats
        Any of `WRITABLE`.
    pixel_origin
        Where the first pixel is to lie in MATLAB files.
    overwrite
        Whether files that are there may be replaced.

    Returns
    -------
    All files.

    Raises
    ------
    FileExistsError
        When one of the files exists and may not be overwritten; nothing is written then.
    ValueError
        When a format is not known, or cannot say what a camera is.
    """
    writers = [_writer(each, cameras) for each in formats]
    place = Path(folder)
    goals = tuple(goal for writer in writers for goal in writer.goals(place, cameras))
    if not overwrite:
        for goal in goals:
            check_free(goal)
    place.mkdir(parents=True, exist_ok=True)
    for writer in writers:
        writer.write(place, cameras, pixel_origin, overwrite)
    return goals


def _writer(name: CalibrationFormat | str, cameras: Sequence[Camera]) -> _Writer:
    if not cameras:
        raise ValueError("a calibration needs cameras, got none")
    if name not in WRITABLE:
        raise ValueError(f"'{name}' cannot be written; possible are {', '.join(WRITABLE)}")
    writer = _WRITERS[CalibrationFormat(name)]
    fisheyes = [camera.name for camera in cameras if camera.fisheye]
    if fisheyes and not writer.has_fisheyes:
        possible = ", ".join(key for key, each in _WRITERS.items() if each.has_fisheyes)
        raise ValueError(
            f"'{name}' cannot hold a fisheye, which {', '.join(fisheyes)} is; write {possible}"
        )
    return writer
