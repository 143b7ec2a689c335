"""Calibrations as label files have them: a ``*_dannce.mat`` with cameras and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_sdannce.geometry.cameras import check_unique_names
from napari_sdannce.recording import PixelOrigin

from .mat import write_mat
from .mat_values import cell_column, cell_row
from .matlab_camera import image_size_field, matlab_from_camera

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence
    from pathlib import Path

    from napari_sdannce.geometry.cameras import Camera

FILE = "calibration_dannce.mat"


def write_dannce_params(
    path: str | os.PathLike[str],
    cameras: Sequence[Camera],
    *,
    pixel_origin: PixelOrigin = PixelOrigin.MATLAB,
    overwrite: bool = False,
) -> Path:
    """Write ``params`` and ``camnames`` of cameras, and ``imageSize`` where all are known.

    Raises
    ------
    FileExistsError
        When the file exists and may not be overwritten.
    ValueError
        When there are no cameras, two share a name, or one is a fisheye, which such files cannot
        say.
    """
    if not cameras:
        raise ValueError("a calibration needs cameras, got none")
    check_unique_names(cameras)
    variables = {
        "params": cell_column([matlab_from_camera(camera, pixel_origin) for camera in cameras]),
        "camnames": cell_row([camera.name for camera in cameras]),
    }
    return write_mat(path, variables | image_size_field(cameras), overwrite=overwrite)
