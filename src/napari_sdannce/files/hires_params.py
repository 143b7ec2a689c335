"""``hires_cam<i>_params.mat``: one camera a file, numbered from 1 in the order of the names."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from napari_sdannce.recording import PixelOrigin

from .calibration import CalibrationFormat, ReadCalibration
from .errors import FileFormatError
from .mat import read_mat, write_mat
from .mat_fields import reading
from .matlab_camera import camera_from_matlab, matlab_from_camera
from .writing import check_free

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

    from napari_sdannce.geometry.cameras import Camera

EXPECTED = "camera parameters K, r, t, RDistort, TDistort (hires_cam<i>_params.mat)"
_NAME = re.compile(r"hires_cam(\d{1,6})_params\.mat", re.IGNORECASE)


def hires_files(folder: str | os.PathLike[str]) -> tuple[Path, ...]:
    """Return the ``hires_cam<i>_params.mat`` of a folder, by number."""
    numbered = [
        (int(match[1]), path)
        for path in Path(folder).iterdir()
        if (match := _NAME.fullmatch(path.name))
    ]
    return tuple(path for _, path in sorted(numbered))


def read_hires_params(
    folder: str | os.PathLike[str],
    names: Sequence[str] | None = None,
    *,
    pixel_origin: PixelOrigin = PixelOrigin.MATLAB,
) -> tuple[Camera, ...]:
    """Read all cameras of a folder with ``hires_cam<i>_params.mat``.

    Parameters
    ----------
    folder
        The folder, or one such file.
    names
        Names of the cameras in the order of the numbers; ``Camera<i>`` when None.
    pixel_origin
        Where the first pixel lies in the files.

    Raises
    ------
    FileNotFoundError
        When the folder or the file is not there.
    FileFormatError
        When there are no such files, or not as many as names, or one is damaged.
    """
    place = Path(folder)
    if place.is_dir():
        paths = hires_files(place)
    elif place.exists():
        paths = (place,)
    else:
        raise FileNotFoundError(f"{place} does not exist")
    if not paths:
        raise FileFormatError(place, "it has no hires_cam<i>_params.mat", EXPECTED)
    if names is None:
        names = [_default_name(path) for path in paths]
    if len(names) != len(paths):
        found = f"{len(paths)} files of camera parameters for {len(names)} cameras"
        raise FileFormatError(place, found, "one a camera")
    return tuple(
        _read_one(path, name, pixel_origin) for path, name in zip(paths, names, strict=True)
    )


def _default_name(path: Path) -> str:
    match = _NAME.fullmatch(path.name)
    return f"Camera{int(match[1])}" if match else path.stem


def hires_calibration(place: Path, pixel_origin: PixelOrigin) -> ReadCalibration:
    """Cameras of a folder or of one such file, with poses or lenses alone."""
    paths = hires_files(place) if place.is_dir() else (place,)
    cameras, without_pose = [], []
    for path in paths:
        variables = read_mat(path).variables
        name = _default_name(path)
        if not {"r", "R", "t"} & set(variables):
            variables = {**variables, "r": np.eye(3), "t": np.zeros((1, 3))}
            without_pose.append(name)
        with reading(path, EXPECTED):
            cameras.append(camera_from_matlab(variables, name, pixel_origin))
    with reading(place, EXPECTED):
        return ReadCalibration(
            tuple(cameras),
            CalibrationFormat.HIRES,
            place,
            tuple(without_pose),
            pixel_origin=pixel_origin,
        )


def hires_paths(folder: str | os.PathLike[str], count: int) -> tuple[Path, ...]:
    """Where the files of so many cameras lie."""
    return tuple(Path(folder) / f"hires_cam{i}_params.mat" for i in range(1, count + 1))


def _read_one(path: Path, name: str, pixel_origin: PixelOrigin) -> Camera:
    variables = read_mat(path).variables
    with reading(path, EXPECTED):
        return camera_from_matlab(variables, name, pixel_origin)


def write_hires_params(
    folder: str | os.PathLike[str],
    cameras: Sequence[Camera],
    *,
    pixel_origin: PixelOrigin = PixelOrigin.MATLAB,
    overwrite: bool = False,
) -> tuple[Path, ...]:
    """Write ``hires_cam<i>_params.mat``, i from 1, in the order given.

    Raises
    ------
    FileExistsError
        When a file exists and may not be overwritten.
    ValueError
        When a camera is a fisheye, which these files cannot say.
    """
    place = Path(folder)
    contents = {
        path: matlab_from_camera(camera, pixel_origin)
        for path, camera in zip(hires_paths(place, len(cameras)), cameras, strict=True)
    }
    place.mkdir(parents=True, exist_ok=True)
    if not overwrite:
        for path in contents:
            check_free(path)
    return tuple(write_mat(path, each, overwrite=overwrite) for path, each in contents.items())
