"""Opening labels from any file that holds some."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from napari_sdannce.recording import PixelOrigin

from .dannce_labels import labels_from_dannce
from .dannce_mat import read_dannce
from .skeleton_mat import open_skeleton

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

    from napari_sdannce.labels import Labels
    from napari_sdannce.skeletons import Skeleton


def open_labels(
    path: str | os.PathLike[str],
    *,
    skeleton: Skeleton | str | os.PathLike[str] | None = None,
    animals: Sequence[str] | None = None,
    pixel_origin: PixelOrigin = PixelOrigin.MATLAB,
) -> Labels:
    """Open the labels of a ``*_dannce.mat`` or a Label3D state.

    Parameters
    ----------
    path
        The file.
    skeleton
        A skeleton, its name or file. Default: what the file says, else a guess from the number of
        keypoints: up to three are the COMs of as many animals (skeleton ``com``), more are one
        animal with the built-in skeleton of that many keypoints, or ``kp1``, ``kp2``, ...
    animals
        Names of the animals; ``animal1``, ``animal2``, ... when None.
    pixel_origin
        Where the first pixel lies in the file.

    Raises
    ------
    FileNotFoundError
        When there is no such file, or no such skeleton.
    FileFormatError
        When it holds no labels, or is damaged.
    """
    if isinstance(skeleton, str | Path):
        skeleton = open_skeleton(skeleton)
    return labels_from_dannce(
        read_dannce(path), skeleton=skeleton, animals=animals, pixel_origin=pixel_origin
    )
