"""Opening labels from any file that holds some."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_sdannce.recording import PixelOrigin
from napari_sdannce.skeletons import Skeleton

from .dannce_labels import labels_from_dannce
from .dannce_mat import DannceFile
from .label3d import Label3DState, labels_from_label3d
from .mat import read_mat
from .mat_fields import reading
from .skeleton_mat import open_skeleton

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

    from napari_sdannce.labels import Labels


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
    if skeleton is not None and not isinstance(skeleton, Skeleton):
        skeleton = open_skeleton(skeleton)
    found = read_mat(path)
    with reading(found.path, "labels: a *_dannce.mat or a *_Label3D.mat"):
        if "camParams" in found.variables and "params" not in found.variables:
            state = Label3DState(found.path, found.variables, found.dropped, found.version)
            return labels_from_label3d(
                state, skeleton=skeleton, animals=animals, pixel_origin=pixel_origin
            )
        file = DannceFile(found.path, found.variables, found.dropped, found.version)
        return labels_from_dannce(
            file, skeleton=skeleton, animals=animals, pixel_origin=pixel_origin
        )
