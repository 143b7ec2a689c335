"""``camera_array.toml`` of caliscope, and ``config.toml`` of its older versions (pyxy3d).

Numbered cameras without names, their videos ``cam_<i>.mp4``; lengths in metres; rotations as
Rodrigues vectors, of older versions as matrices. Cameras that are not calibrated yet have no
matrix, or no pose.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import tomli_w

from napari_sdannce.geometry.cameras import Camera, check_unique_names

from .calibration import CalibrationFormat, ReadCalibration
from .calibration_numbers import image_size, numbers, rotation, to_rodrigues, vector
from .errors import FileFormatError
from .mat_fields import reading
from .opencv_lens import lens_from_opencv, opencv_coefficients
from .toml_file import read_toml
from .writing import atomic_path

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping, Sequence

FILE = "camera_array.toml"
EXPECTED = "a camera_array.toml of caliscope: tables [cameras.<i>] with matrix, distortions, size"
_MM = 1000.0
_NAME = re.compile(r"(?:cam|port|camera)_?(\d{1,6})", re.IGNORECASE)


def read_caliscope(path: str | os.PathLike[str]) -> ReadCalibration:
    """Read the cameras of a ``camera_array.toml``, metres turned into mm.

    Raises
    ------
    FileNotFoundError
        When there is no such file.
    FileFormatError
        When it is something else, or has a lens that no camera here models.
    """
    file = Path(path)
    return caliscope_calibration(file, read_toml(file, EXPECTED))


def is_caliscope(tables: Mapping[str, Any]) -> bool:
    """Whether the tables of a TOML file are caliscope's, by what they hold."""
    return bool(_tables(tables))


def caliscope_calibration(path: Path, tables: Mapping[str, Any]) -> ReadCalibration:
    """Cameras in the tables of a file."""
    found = _tables(tables)
    without_matrix = [key for key, table in found.items() if "matrix" not in table]
    cameras, without_pose = [], []
    for key, table in found.items():
        if key in without_matrix:
            continue
        try:
            camera = _camera(table, key)
        except (ValueError, TypeError, OverflowError) as error:
            raise FileFormatError(path, f"[{key}]: {error}", EXPECTED) from error
        cameras.append(camera)
        if "rotation" not in table:
            without_pose.append(camera.name)
    notes = (f"not calibrated: {', '.join(without_matrix)}",) if without_matrix else ()
    with reading(path, EXPECTED):
        return ReadCalibration(
            tuple(cameras), CalibrationFormat.CALISCOPE, path, tuple(without_pose), notes=notes
        ).in_mm(_MM)


def _tables(tables: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Tables of the cameras, by the name of the table; empty when they are not caliscope's."""
    listed = tables.get("cameras")
    if isinstance(listed, dict):
        return {f"cameras.{key}": each for key, each in listed.items() if isinstance(each, dict)}
    return {
        key: each
        for key, each in tables.items()
        if isinstance(each, dict) and "port" in each and "size" in each and "name" not in each
    }


def _camera(table: Mapping[str, Any], key: str) -> Camera:
    fisheye = bool(table.get("fisheye", False))
    coefficients = numbers(table.get("distortions", []), "distortions")
    radial, tangential = lens_from_opencv(coefficients, fisheye=fisheye)
    if ("rotation" in table) != ("translation" in table):
        missing = "translation" if "rotation" in table else "rotation"
        raise ValueError(f"it has no '{missing}'")
    number = table.get("cam_id", table.get("port", key.rpartition(".")[2]))
    return Camera(
        name=str(table.get("name", f"cam_{number}")),
        matrix=numbers(table["matrix"], "matrix"),
        rotation=rotation(table.get("rotation", np.eye(3)), "rotation"),
        translation=vector(table.get("translation", np.zeros(3)), "translation"),
        radial=radial,
        tangential=tangential,
        image_size=image_size(table.get("size")),
        fisheye=fisheye,
    )


def write_caliscope(
    path: str | os.PathLike[str], cameras: Sequence[Camera], *, overwrite: bool = False
) -> Path:
    """Write cameras as a ``camera_array.toml``, mm turned into metres.

    caliscope knows numbers alone: those of names such as ``cam_2``, where all are and differ, else
    0, 1, ...; the names stand beside them.

    Raises
    ------
    FileExistsError
        When the file exists and may not be overwritten.
    ValueError
        When two cameras share a name, or the size of an image is not known.
    """
    check_unique_names(cameras)
    unknown = [camera.name for camera in cameras if camera.image_size is None]
    if unknown:
        raise ValueError(f"caliscope needs the image size of {', '.join(unknown)}")
    ids = _numbers_of([camera.name for camera in cameras])
    content = {
        "cameras": {str(i): _table(camera, i) for i, camera in zip(ids, cameras, strict=True)}
    }
    with atomic_path(path, overwrite=overwrite) as temporary:
        temporary.write_text(tomli_w.dumps(content), encoding="utf-8")
    return Path(path)


def _numbers_of(names: Sequence[str]) -> list[int]:
    found = [int(match[1]) for name in names if (match := _NAME.fullmatch(name))]
    return found if len(set(found)) == len(names) else list(range(len(names)))


def _table(camera: Camera, number: int) -> dict[str, Any]:
    return {
        "cam_id": number,
        "name": camera.name,
        "size": list(camera.image_size or ()),
        "rotation_count": 0,
        "ignore": False,
        "matrix": camera.matrix.tolist(),
        "distortions": opencv_coefficients(camera),
        "translation": (camera.translation / _MM).tolist(),
        "rotation": to_rodrigues(camera.rotation).tolist(),
        "fisheye": camera.fisheye,
    }
