"""``calibration.toml`` in the layout of aniposelib: OpenCV matrices, Rodrigues rotations."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import tomli_w

from napari_sdannce.geometry.cameras import Camera, check_unique_names

from .calibration import CalibrationFormat, ReadCalibration
from .calibration_numbers import from_rodrigues, image_size, numbers, to_rodrigues, vector
from .errors import FileFormatError
from .mat_fields import reading
from .opencv_lens import lens_from_opencv, opencv_coefficients
from .toml_file import read_toml
from .writing import atomic_path

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping, Sequence

FILE = "calibration.toml"
EXPECTED = (
    "a calibration.toml of aniposelib: tables with name, matrix, distortions, rotation, translation"
)


def read_anipose(path: str | os.PathLike[str]) -> tuple[Camera, ...]:
    """Read the cameras of a ``calibration.toml``.

    Lengths are taken to be in mm.

    Raises
    ------
    FileNotFoundError
        When there is no such file.
    FileFormatError
        When it is not such a calibration, or has a lens that no camera here models.
    """
    file = Path(path)
    found = anipose_calibration(file, read_toml(file, EXPECTED))
    if not found.has_poses:
        names = ", ".join(found.without_pose)
        raise FileFormatError(file, f"it has no 'rotation' and 'translation' of {names}", EXPECTED)
    return found.cameras


def anipose_calibration(path: Path, tables: Mapping[str, Any]) -> ReadCalibration:
    """Cameras in the tables of a file, with poses or without."""
    cameras, without_pose = [], []
    for key, table in tables.items():
        if key == "metadata" or not isinstance(table, dict) or "matrix" not in table:
            continue
        try:
            cameras.append(_camera(table, key))
        except (ValueError, TypeError, OverflowError) as error:
            raise FileFormatError(path, f"[{key}]: {error}", EXPECTED) from error
        if not _has_pose(table):
            without_pose.append(cameras[-1].name)
    with reading(path, EXPECTED):
        return ReadCalibration(tuple(cameras), CalibrationFormat.ANIPOSE, path, tuple(without_pose))


def read_anipose_metadata(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Read the ``[metadata]`` of a ``calibration.toml``; empty when there is none.

    Raises
    ------
    FileNotFoundError, FileFormatError
        As `read_anipose`.
    """
    found = read_toml(Path(path), EXPECTED).get("metadata", {})
    return found if isinstance(found, dict) else {}


def _camera(table: Mapping[str, Any], key: str) -> Camera:
    fisheye = bool(table.get("fisheye", False))
    coefficients = numbers(table.get("distortions", []), "distortions")
    radial, tangential = lens_from_opencv(coefficients, fisheye=fisheye)
    turn, shift = np.zeros(3), np.zeros(3)
    if _has_pose(table):
        turn, shift = _entry(table, "rotation"), _entry(table, "translation")
    return Camera(
        name=str(table.get("name", key)),
        matrix=numbers(table["matrix"], "matrix"),
        rotation=from_rodrigues(turn),
        translation=shift,
        radial=radial,
        tangential=tangential,
        image_size=image_size(table.get("size")),
        fisheye=fisheye,
    )


def _has_pose(table: Mapping[str, Any]) -> bool:
    return "rotation" in table or "translation" in table


def _entry(table: Mapping[str, Any], name: str) -> np.ndarray:
    if name not in table:
        raise ValueError(f"it has no '{name}'")
    return vector(table[name], name)


def write_anipose(
    path: str | os.PathLike[str],
    cameras: Sequence[Camera],
    *,
    metadata: Mapping[str, Any] | None = None,
    overwrite: bool = False,
) -> Path:
    """Write cameras as a ``calibration.toml``.

    aniposelib has no field for skew: its programs honour it in the matrix where they use OpenCV's
    projection, and ignore it elsewhere.

    Raises
    ------
    FileExistsError
        When the file exists and may not be overwritten.
    ValueError
        When two cameras share a name.
    """
    check_unique_names(cameras)
    tables: dict[str, Any] = {f"cam_{i}": _table(camera) for i, camera in enumerate(cameras)}
    tables["metadata"] = dict(metadata or {})
    with atomic_path(path, overwrite=overwrite) as temporary:
        temporary.write_text(tomli_w.dumps(tables), encoding="utf-8")
    return Path(path)


def _table(camera: Camera) -> dict[str, Any]:
    table: dict[str, Any] = {"name": camera.name}
    if camera.image_size is not None:
        table["size"] = list(camera.image_size)
    return table | {
        "matrix": camera.matrix.tolist(),
        "distortions": opencv_coefficients(camera),
        "rotation": to_rodrigues(camera.rotation).tolist(),
        "translation": camera.translation.tolist(),
        "fisheye": camera.fisheye,
    }
