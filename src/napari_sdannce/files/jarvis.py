"""Calibrations of JARVIS: one ``<camera>.yaml`` a camera, its matrices as MATLAB has them.

Of `opencv_file`, which reads them, too, they differ in that a point is a row: ``[X Y Z 1] [R; T]
intrinsicMatrix``. So R and the matrix are the transposes of the usual ones. Pixels are from 0, and
no file says the size of its images. JARVIS itself uses k1 and k2 alone where it projects.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from napari_sdannce.geometry.cameras import Camera, check_unique_names

from .file_storage import HEADER, storage_yaml
from .opencv_file import JARVIS_MATRIX
from .opencv_lens import opencv_coefficients
from .writing import atomic_path, check_free

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

FOLDER = "jarvis"
_FORBIDDEN = re.compile(r'[<>:"/\\|?*\x00-\x1f]')


def write_jarvis(
    folder: str | os.PathLike[str], cameras: Sequence[Camera], *, overwrite: bool = False
) -> tuple[Path, ...]:
    """Write one ``<camera>.yaml`` a camera into a folder.

    Raises
    ------
    FileExistsError
        When a file exists and may not be overwritten.
    ValueError
        When a camera is a fisheye, which JARVIS does not have, two share a name, or a name can be
        none of a file.
    """
    check_unique_names(cameras)
    texts = {jarvis_path(folder, camera.name): _text(camera) for camera in cameras}
    Path(folder).mkdir(parents=True, exist_ok=True)
    if not overwrite:
        for path in texts:
            check_free(path)
    for path, text in texts.items():
        with atomic_path(path, overwrite=overwrite) as temporary:
            temporary.write_text(text, encoding="utf-8", newline="\n")
    return tuple(texts)


def jarvis_path(folder: str | os.PathLike[str], name: str) -> Path:
    """Where the file of a camera lies; ValueError when its name can be none of a file."""
    if _FORBIDDEN.search(name) or name.strip(" .") != name:
        raise ValueError(f"camera '{name}' cannot name a file, as JARVIS wants it to")
    return Path(folder) / f"{name}.yaml"


def _text(camera: Camera) -> str:
    if camera.fisheye:
        raise ValueError(
            f"camera '{camera.name}' is a fisheye, which JARVIS does not have: write another "
            "format, or calibrate it without fisheye"
        )
    return HEADER + storage_yaml(
        [
            (JARVIS_MATRIX, camera.matrix.T),
            ("distortionCoefficients", np.array([opencv_coefficients(camera)])),
            ("R", camera.rotation.T),
            ("T", camera.translation[:, None]),
        ]
    )
