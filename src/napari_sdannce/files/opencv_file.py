"""Cameras in OpenCV's files, under the names that programs commonly give them.

One camera a file, or all in one: as a list or map of cameras, or numbered (``K1``, ``D1``, ``K2``
...), there with ``R`` and ``T`` from the first camera to the second. Names are compared without
case and underscores. World to camera, pixels from 0, lengths taken to be mm.

A matrix with the principal point in its last row is the transpose of the usual one, as in MATLAB
and JARVIS; the rotation beside it is, too.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_sdannce.geometry.cameras import Camera, check_unique_names

from .calibration import CalibrationFormat, ReadCalibration
from .calibration_numbers import image_size, numbers, rotation, square, vector
from .file_storage import HEADER, array_of, read_storage, storage_yaml
from .mat_fields import reading
from .opencv_lens import lens_from_opencv, opencv_coefficients
from .writing import atomic_path

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping, Sequence

FILE = "cameras.yml"
EXPECTED = (
    "a file of OpenCV's FileStorage (YAML, XML, JSON) with camera_matrix, distortion_coefficients "
    "and, for a pose, R and T"
)
JARVIS_MATRIX = "intrinsicMatrix"
_NAMES = {
    "matrix": ("cameramatrix", "intrinsicmatrix", "cameraintrinsicmatrix", "intrinsics",
               "intrinsic", "cammatrix", "mtx", "k", "m"),
    "distortion": ("distortioncoefficients", "distortioncoeffs", "distcoeffs", "distcoeff",
                   "distcoefs", "distortions", "distortion", "dist", "d"),
    "rotation": ("rotationmatrix", "rotation", "rotationvector", "rmat", "rvec", "rot", "r"),
    "translation": ("translationvector", "translation", "tvec", "trans", "t"),
    "size": ("imagesize", "resolution", "size"),
    "width": ("imagewidth", "framewidth", "width"),
    "height": ("imageheight", "frameheight", "height"),
    "name": ("cameraname", "name"),
    "fisheye": ("fisheyemodel", "isfisheye", "fisheye"),
    "model": ("distortionmodel", "cameramodel"),
}  # fmt: skip
_FISHEYE_MODELS = ("fisheye", "equidistant", "kannalabrandt", "kannalabrandt4")
_OTHER_MODELS = (
    "plumbbob",
    "rationalpolynomial",
    "radtan",
    "brown",
    "pinhole",
    "opencv",
    "standard",
)
_NUMBERED = re.compile(r"(.*?)[_ -]?(\d{1,6}|left|right|l|r)", re.IGNORECASE)
_SIDES = {"l": "left", "r": "right"}
_MOST_CAMERAS = 1000


def read_opencv(path: str | os.PathLike[str]) -> ReadCalibration:
    """Read the camera or cameras of a file of FileStorage, those of JARVIS included.

    Raises
    ------
    FileNotFoundError
        When there is no such file.
    FileFormatError
        When it holds no cameras, or a lens that no camera here models.
    """
    file = Path(path)
    return opencv_calibration(file, read_storage(file, EXPECTED))


def opencv_calibration(path: Path, content: Mapping[str, Any]) -> ReadCalibration:
    """Cameras in the content of a file."""
    with reading(path, EXPECTED):
        found = [_camera(entry) for entry in _entries(content, path.stem)]
        if not found:
            there = ", ".join(list(content)[:20]) or "nothing"
            raise ValueError(f"it has no camera matrix (there is {there})"[:300])
        kind = CalibrationFormat.OPENCV
        turned = [each.camera.name for each in found if each.transposed]
        if turned and JARVIS_MATRIX in content:
            kind, turned = CalibrationFormat.JARVIS, []
        notes = (f"read as transposed, as MATLAB's are: {', '.join(turned)}",) if turned else ()
        without_pose = tuple(each.camera.name for each in found if not each.has_pose)
        cameras = tuple(each.camera for each in found)
        return ReadCalibration(cameras, kind, path, without_pose, notes=notes)


def is_opencv(path: Path) -> bool:
    """Whether a file can be read and holds a camera matrix under any name."""
    try:
        return bool(_entries(read_storage(path, EXPECTED), ""))
    except (ValueError, TypeError):  # the errors of damaged files are such
        return False


@dataclass(frozen=True, eq=False, slots=True)
class _Entry:
    """What a file says of one camera, by our names."""

    name: str
    fields: Mapping[str, Any]


@dataclass(frozen=True, eq=False, slots=True)
class _Found:
    camera: Camera
    has_pose: bool
    transposed: bool


def _plain(key: str) -> str:
    return re.sub(r"[^a-z0-9]", "", key.lower())


def _meant(key: str) -> str | None:
    """What a key of a file means."""
    plain = _plain(key)
    return next((what for what, names in _NAMES.items() if plain in names), None)


def _fields(content: Mapping[str, Any]) -> dict[str, Any]:
    """Values by our names; the first of several keys that mean the same."""
    found: dict[str, Any] = {}
    for key, value in content.items():
        what = _meant(str(key))
        if what is not None:
            found.setdefault(what, array_of(value))
    return found


def _entries(content: Mapping[str, Any], name: str) -> list[_Entry]:
    """Cameras of a file, whichever way they are arranged."""
    fields = _fields(content)
    if "matrix" in fields:
        return [_Entry(str(fields.get("name", name)), fields)]
    for nested in (content, *(each for each in content.values() if isinstance(each, dict | list))):
        found = _listed(nested)
        if found:
            return found
    return _numbered(content)


def _listed(content: Mapping[str, Any] | list[Any]) -> list[_Entry]:
    """Cameras of a list or map of maps that have a matrix."""
    named = content.items() if isinstance(content, dict) else enumerate(content)
    found = []
    for key, each in named:
        fields = _fields(each) if isinstance(each, dict) else {}
        if "matrix" in fields:
            usual = key if isinstance(key, str) else f"Camera{key + 1}"
            found.append(_Entry(str(fields.get("name", usual)), fields))
    _check_count(len(found))
    return found


def _numbered(content: Mapping[str, Any]) -> list[_Entry]:
    """Cameras of keys such as ``K1``, ``cameraMatrixLeft``, ``K_01``."""
    groups: dict[str, dict[str, Any]] = {}
    for key, value in content.items():
        match = _NUMBERED.fullmatch(str(key))
        if match and _meant(match[1]) is not None:
            groups.setdefault(match[2].lower(), {}).setdefault(match[1], value)
    fields = {suffix: _fields(group) for suffix, group in groups.items()}
    # k1 is a coefficient as well as a matrix
    chosen = {
        suffix: each
        for suffix, each in fields.items()
        if "matrix" in each and np.size(each["matrix"]) == 9
    }
    _check_count(len(chosen))
    for each in chosen.values():
        if not {"rotation", "translation"} <= set(each):  # R1, R2 of a rectified pair
            each.pop("rotation", None)
            each.pop("translation", None)
    stereo = _fields(content)
    if len(chosen) == 2 and {"rotation", "translation"} <= set(stereo):
        first, second = chosen.values()
        first |= {"rotation": np.eye(3), "translation": np.zeros(3)}
        second |= {"rotation": stereo["rotation"], "translation": stereo["translation"]}
    shared = {
        key: stereo[key] for key in ("size", "width", "height", "fisheye", "model") if key in stereo
    }
    return [_Entry(_name_of(suffix), shared | each) for suffix, each in chosen.items()]


def _check_count(count: int) -> None:
    if count > _MOST_CAMERAS:
        raise ValueError(f"it has {count} cameras, more than {_MOST_CAMERAS}")


def _name_of(suffix: str) -> str:
    return f"Camera{suffix}" if suffix.isdecimal() else _SIDES.get(suffix, suffix)


def _camera(entry: _Entry) -> _Found:
    fields = entry.fields
    stored = square(fields["matrix"], "camera_matrix")
    transposed = _is_transposed(stored)
    matrix = stored.T if transposed else stored
    if not matrix[2, 2] > 0:
        raise ValueError(f"the matrix of '{entry.name}' ends with {matrix[2, 2]}, not 1")
    fisheye = _is_fisheye(fields)
    coefficients = numbers(fields.get("distortion", []), "distortion_coefficients")
    try:
        radial, tangential = lens_from_opencv(coefficients.ravel(), fisheye=fisheye)
    except ValueError as error:
        raise ValueError(f"camera '{entry.name}': {error}") from error
    has_pose = "rotation" in fields or "translation" in fields
    if has_pose and not {"rotation", "translation"} <= set(fields):
        there = "rotation" if "rotation" in fields else "translation"
        raise ValueError(f"camera '{entry.name}' has a {there} alone, not both R and T")
    turn = rotation(fields.get("rotation", np.eye(3)), "R")
    camera = Camera(
        name=entry.name,
        matrix=matrix / matrix[2, 2],
        rotation=turn.T if transposed else turn,
        translation=vector(fields.get("translation", np.zeros(3)), "T"),
        radial=radial,
        tangential=tangential,
        image_size=_size(fields),
        fisheye=fisheye,
    )
    return _Found(camera, has_pose, transposed)


def _is_transposed(stored: np.ndarray) -> bool:
    row, column = np.abs(stored[2, :2]).max(), np.abs(stored[:2, 2]).max()
    return bool(row > 1e-9 * np.abs(stored).max() and column <= 1e-9 * row)


def _is_fisheye(fields: Mapping[str, Any]) -> bool:
    if "model" in fields:
        plain = _plain(str(fields["model"]))
        if plain in _FISHEYE_MODELS:
            return True
        if plain not in _OTHER_MODELS:
            raise ValueError(
                f"its distortion model is '{fields['model']}', which no camera here has; possible "
                "are plumb_bob and fisheye"[:300]
            )
    value = fields.get("fisheye", False)
    return value.lower() in ("1", "true", "yes") if isinstance(value, str) else value in (1, True)


def _size(fields: Mapping[str, Any]) -> tuple[int, int] | None:
    if "size" in fields:
        return image_size(fields["size"], "image_size")
    if "width" in fields and "height" in fields:
        return image_size([fields["width"], fields["height"]], "image_width, image_height")
    return None


def write_opencv(
    path: str | os.PathLike[str], cameras: Sequence[Camera], *, overwrite: bool = False
) -> Path:
    """Write cameras as one YAML file: a list ``cameras`` with the names of OpenCV's samples.

    Raises
    ------
    FileExistsError
        When the file exists and may not be overwritten.
    ValueError
        When two cameras share a name.
    """
    check_unique_names(cameras)
    text = HEADER + storage_yaml([("cameras", [camera_entries(camera) for camera in cameras])])
    with atomic_path(path, overwrite=overwrite) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")
    return Path(path)


def camera_entries(camera: Camera) -> list[tuple[str, Any]]:
    """Keys and values of one camera."""
    entries: list[tuple[str, Any]] = [("camera_name", camera.name)]
    if camera.image_size is not None:
        width, height = camera.image_size
        entries += [("image_width", width), ("image_height", height)]
    return [
        *entries,
        ("fisheye_model", int(camera.fisheye)),
        ("camera_matrix", camera.matrix),
        ("distortion_coefficients", np.array([opencv_coefficients(camera)])),
        ("R", camera.rotation),
        ("T", camera.translation[:, None]),
    ]
