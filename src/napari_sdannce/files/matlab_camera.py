"""Cameras in MATLAB's convention: row vectors, transposed matrices, pixels counted from one.

A world point is a row ``[X Y Z 1]``; times ``[r; t] @ K`` it gives the pixel. So the ``K`` of a
file is the transpose of the usual matrix, ``r`` the transpose of the usual rotation. No file says
where its first pixel lies: `PixelOrigin` does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_sdannce.geometry.cameras import Camera
from napari_sdannce.recording import PixelOrigin

from .mat_fields import field, float_vector, floats, is_empty, matrix

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from .mat_values import MatValue

_OFFSET = {PixelOrigin.MATLAB: 1.0, PixelOrigin.ZERO: 0.0, PixelOrigin.REFERENCE: 0.0}
_LABEL_OFFSET = {PixelOrigin.MATLAB: 1.0, PixelOrigin.ZERO: 0.0, PixelOrigin.REFERENCE: 1.0}


def label_offset(pixel_origin: PixelOrigin) -> float:
    """Coordinate of the first pixel's centre in the labels of a file."""
    return _LABEL_OFFSET[pixel_origin]


def is_transposed(stored: np.ndarray) -> bool:
    """Whether a stored K is in MATLAB's form, told by where its zeros are.

    MATLAB's has the principal point in its last row, the usual one in its last column.

    Raises
    ------
    ValueError
        When it is neither.
    """
    scale = 1e-9 * max(float(np.abs(stored).max()), 1e-300)
    row = bool(np.abs(stored[2, :2]).max() > scale)
    column = bool(np.abs(stored[:2, 2]).max() > scale)
    if row and column:
        raise ValueError(
            f"'K' has a last row {stored[2].tolist()} and a last column {stored[:, 2].tolist()}: "
            "it is neither an intrinsic matrix nor the transpose of one"
        )
    return row or (not column and bool(abs(stored[0, 1]) <= scale))


def camera_from_matlab(
    struct: Mapping[str, MatValue],
    name: str,
    pixel_origin: PixelOrigin,
    image_size: tuple[int, int] | None = None,
) -> Camera:
    """Make a camera of the fields K, r (or R), t, RDistort, TDistort.

    A file whose K is not transposed is taken to hold the usual rotation as well.

    Raises
    ------
    ValueError
        When a field is missing or does not make a camera.
    """
    where = f"the parameters of '{name}'"
    stored = matrix(field(struct, "K", where), "K", (3, 3))
    rotation = struct["r"] if "r" in struct else field(struct, "R", where)
    turned = matrix(rotation, "r", (3, 3))
    intrinsic = stored
    if is_transposed(stored):
        intrinsic, turned = stored.T, turned.T
    if intrinsic[2, 2] <= 0:
        raise ValueError(f"'K' of '{name}' ends with {intrinsic[2, 2]}, not 1")
    intrinsic = intrinsic / intrinsic[2, 2]
    intrinsic[:2, 2] -= _OFFSET[pixel_origin]
    return Camera(
        name=name,
        matrix=intrinsic,
        rotation=turned,
        translation=_translation(field(struct, "t", where)),
        radial=_coefficients(struct, "RDistort", 2),
        tangential=_coefficients(struct, "TDistort", 2),
        image_size=image_size,
    )


def cameras_from_matlab(
    variables: Mapping[str, MatValue],
    params: Sequence[Mapping[str, MatValue]],
    names: Sequence[str],
    pixel_origin: PixelOrigin,
) -> tuple[Camera, ...]:
    """Cameras of a label file of either kind, with their image sizes where it has them.

    Parameters
    ----------
    variables
        All variables of the file.
    params, names
        Camera parameters and names, one a camera.
    pixel_origin
        Where the first pixel lies in the file.

    Raises
    ------
    ValueError
        When a parameter is missing or makes no camera.
    """
    sizes = image_sizes(variables, len(params))
    return tuple(
        camera_from_matlab(each, name, pixel_origin, size)
        for each, name, size in zip(params, names, sizes, strict=True)
    )


def image_sizes(variables: Mapping[str, MatValue], n_views: int) -> list[tuple[int, int] | None]:
    """(width, height) px of each camera; the field ``imageSize`` of a file holds (height, width).

    Raises
    ------
    ValueError
        When the field is there and holds something else.
    """
    value = variables.get("imageSize")
    if value is None or is_empty(value):
        return [None] * n_views
    found = floats(value, "imageSize")
    if found.shape == (2, n_views) and n_views != 2:
        found = found.T
    if found.shape != (n_views, 2) or not ((found > 0) & (found < 2**20)).all():
        raise ValueError(f"'imageSize' is {found.tolist()[:3]}, not (height, width) a camera")
    return [(int(width), int(height)) for height, width in found]


def image_size_field(cameras: Sequence[Camera]) -> dict[str, MatValue]:
    """Return the field ``imageSize``, if all sizes are known."""
    sizes = [camera.image_size[::-1] for camera in cameras if camera.image_size]
    return {"imageSize": np.array(sizes, dtype=np.float64)} if len(sizes) == len(cameras) else {}


def _coefficients(struct: Mapping[str, MatValue], name: str, count: int) -> np.ndarray:
    """Distortion coefficients; none at all means none."""
    if name not in struct or is_empty(struct[name]):
        return np.zeros(count)
    found = float_vector(struct[name], name)
    return matrix(found, name, found.shape)


def _translation(value: MatValue) -> np.ndarray:
    """(3,) of a row, a column or three numbers."""
    return matrix(float_vector(value, "t"), "t", (3,))


def matlab_from_camera(
    camera: Camera, pixel_origin: PixelOrigin = PixelOrigin.MATLAB
) -> dict[str, MatValue]:
    """Fields K, RDistort, TDistort, r, t of a camera, as MATLAB's programs expect them.

    Raises
    ------
    ValueError
        When it is a fisheye, which these fields cannot say.
    """
    if camera.fisheye:
        raise ValueError(
            f"camera '{camera.name}' is a fisheye, which the camera parameters of MATLAB files can "
            "not say: write calibration.toml or sdannce.yaml, or calibrate it without fisheye"
        )
    matrix = camera.matrix.copy()
    matrix[:2, 2] += _OFFSET[pixel_origin]
    return {
        "K": matrix.T.copy(),
        "RDistort": camera.radial[None].copy(),
        "TDistort": camera.tangential[None].copy(),
        "r": camera.rotation.T.copy(),
        "t": camera.translation[None].copy(),
    }
