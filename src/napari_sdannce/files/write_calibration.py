"""Calibrations in the formats of other programs, several at once."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from napari_sdannce.recording import PixelOrigin

from .anipose import FILE as ANIPOSE_FILE
from .anipose import write_anipose
from .calibration import CalibrationFormat
from .caliscope import FILE as CALISCOPE_FILE
from .caliscope import write_caliscope
from .dannce_params import FILE as DANNCE_FILE
from .dannce_params import write_dannce_params
from .hires_params import hires_paths, write_hires_params
from .jarvis import FOLDER as JARVIS_FOLDER
from .jarvis import jarvis_path, write_jarvis
from .opencv_file import FILE as OPENCV_FILE
from .opencv_file import write_opencv
from .writing import check_free

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Sequence

    from napari_sdannce.geometry.cameras import Camera


@dataclass(frozen=True, slots=True)
class _Writer:
    """How a format is written into a folder, and the files it will be."""

    goals: Callable[[Path, Sequence[str]], tuple[Path, ...]]
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
        lambda folder, names: hires_paths(folder, len(names)),
        lambda folder, cameras, origin, overwrite: write_hires_params(
            folder, cameras, pixel_origin=origin, overwrite=overwrite
        ),
        has_fisheyes=False,
    ),
    CalibrationFormat.JARVIS: _Writer(
        lambda folder, names: tuple(jarvis_path(folder / JARVIS_FOLDER, name) for name in names),
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
    goals = calibration_paths(place, [camera.name for camera in cameras], formats)
    if not overwrite:
        for goal in goals:
            check_free(goal)
    place.mkdir(parents=True, exist_ok=True)
    for writer in writers:
        writer.write(place, cameras, pixel_origin, overwrite)
    return goals


def calibration_paths(
    folder: str | os.PathLike[str],
    names: Sequence[str],
    formats: Sequence[CalibrationFormat | str],
) -> tuple[Path, ...]:
    """Files that `write_calibration` writes for cameras of these names.

    Raises
    ------
    ValueError
        When a format can not name a camera so.
    """
    writers = [_WRITERS[CalibrationFormat(each)] for each in formats]
    return tuple(goal for writer in writers for goal in writer.goals(Path(folder), names))


def _writer(name: CalibrationFormat | str, cameras: Sequence[Camera]) -> _Writer:
    if not cameras:
        raise ValueError("a calibration needs cameras, got none")
    if name not in WRITABLE:
        raise ValueError(f"'{name}' cannot be written; possible are {', '.join(WRITABLE)}")
    writer = _WRITERS[CalibrationFormat(name)]
    fisheyes = [camera.name for camera in cameras if camera.fisheye]
    if fisheyes:
        check_fisheye([name], fisheyes)
    return writer


def check_fisheye(formats: Sequence[CalibrationFormat | str], cameras: Sequence[str] = ()) -> None:
    """Raise for a format that can not hold fisheyes, as the lenses of `cameras` are.

    Raises
    ------
    ValueError
        Which, and which can.
    """
    able = [key for key, each in _WRITERS.items() if each.has_fisheyes]
    for name in formats:
        if name not in able:
            whose = f", which {', '.join(cameras)} is" if cameras else ""
            raise ValueError(f"'{name}' cannot hold a fisheye{whose}; write {', '.join(able)}")
