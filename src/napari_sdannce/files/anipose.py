"""``calibration.toml`` in the layout of aniposelib: OpenCV matrices, Rodrigues rotations."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import tomli_w

from napari_sdannce.geometry.cameras import Camera, check_unique_names

from .errors import FileFormatError
from .opencv_lens import lens_from_opencv, opencv_coefficients
from .writing import atomic_path

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping, Sequence

EXPECTED = (
    "a calibration.toml of aniposelib: tables with name, matrix, distortions, rotation, translation"
)
_MAX_BYTES = 16_000_000
_LARGEST = 1e12


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
    tables = _read_tables(file)
    cameras = []
    for key, table in tables.items():
        if key == "metadata" or not isinstance(table, dict) or "matrix" not in table:
            continue
        try:
            cameras.append(_camera(table, key))
        except (ValueError, TypeError, OverflowError) as error:
            raise FileFormatError(file, f"[{key}]: {error}", EXPECTED) from error
    if not cameras:
        raise FileFormatError(file, "it has no cameras", EXPECTED)
    try:
        check_unique_names(cameras)
    except ValueError as error:
        raise FileFormatError(file, str(error), EXPECTED) from error
    return tuple(cameras)


def read_anipose_metadata(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Read the ``[metadata]`` of a ``calibration.toml``; empty when there is none.

    Raises
    ------
    FileNotFoundError, FileFormatError
        As `read_anipose`.
    """
    found = _read_tables(Path(path)).get("metadata", {})
    return found if isinstance(found, dict) else {}


def _read_tables(path: Path) -> dict[str, Any]:
    try:
        content = path.read_bytes()
        if len(content) > _MAX_BYTES:
            raise FileFormatError(path, f"it has {len(content)} bytes", EXPECTED)
        return tomllib.loads(content.decode("utf-8"))
    except FileNotFoundError:
        raise
    except OSError as error:
        raise FileFormatError(path, f"not readable: {error}", EXPECTED) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise FileFormatError(path, f"it is no TOML file ({error})", EXPECTED) from error


def _camera(table: Mapping[str, Any], key: str) -> Camera:
    fisheye = bool(table.get("fisheye", False))
    coefficients = _numbers(table.get("distortions", []), "distortions")
    radial, tangential = lens_from_opencv(coefficients, fisheye=fisheye)
    name = table.get("name", key)
    return Camera(
        name=str(name),
        matrix=_numbers(table["matrix"], "matrix"),
        rotation=np.asarray(cv2.Rodrigues(_vector(table, "rotation"))[0], dtype=np.float64),
        translation=_vector(table, "translation"),
        radial=radial,
        tangential=tangential,
        image_size=_image_size(table.get("size")),
        fisheye=fisheye,
    )


def _vector(table: Mapping[str, Any], name: str) -> np.ndarray:
    if name not in table:
        raise ValueError(f"it has no '{name}'")
    found = _numbers(table[name], name).reshape(-1)
    if found.shape != (3,):
        raise ValueError(f"'{name}' is {found.tolist()[:6]}, not three numbers")
    return found


def _numbers(value: Any, name: str) -> np.ndarray:
    try:
        found = np.array(value, dtype=np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError(f"'{name}' holds something else than numbers") from error
    if not (np.abs(found) < _LARGEST).all():
        raise ValueError(f"'{name}' holds values that are not finite")
    return found


def _image_size(value: Any) -> tuple[int, int] | None:
    if value is None:
        return None
    if not isinstance(value, list) or len(value) != 2:
        raise ValueError(f"'size' is {value!r}, not [width, height]"[:100])
    width, height = (int(number) for number in value)
    if not (0 < width < 2**20 and 0 < height < 2**20):
        raise ValueError(f"'size' is [{width}, {height}]"[:100])
    return width, height


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
        "rotation": cv2.Rodrigues(np.array(camera.rotation))[0].ravel().tolist(),
        "translation": camera.translation.tolist(),
        "fisheye": camera.fisheye,
    }
