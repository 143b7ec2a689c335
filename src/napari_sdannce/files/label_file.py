"""Label files of either kind: a ``*_dannce.mat`` or the state of a Label3D session."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_sdannce.recording import PixelOrigin
from napari_sdannce.skeletons import Skeleton

from .dannce_labels import labels_from_dannce
from .dannce_mat import DannceFile, dannce_file
from .label3d import label3d_state
from .label3d_labels import labels_from_label3d
from .mat import MatFile, read_mat
from .mat_fields import reading
from .skeleton_mat import open_skeleton

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

    from napari_sdannce.labels import Labels

EXPECTED = "a label file: *_dannce.mat or *_Label3D.mat"
_CAMERAS = ("params", "camnames", "camParams", "imageSize", "sync", "skeleton")
_LABELS = ("labelData", "handLabeled2D", "animals", "data_3D", "status", "framesToLabel")


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
    # only what is needed: Label3D can save a session together with its videos
    found = read_mat(path, only=_CAMERAS + _LABELS)
    with reading(found.path, EXPECTED):
        _check_kind(found)
        if _is_state(found):
            return labels_from_label3d(
                label3d_state(found), skeleton=skeleton, animals=animals, pixel_origin=pixel_origin
            )
        return labels_from_dannce(
            dannce_file(found), skeleton=skeleton, animals=animals, pixel_origin=pixel_origin
        )


def read_label_source(path: str | os.PathLike[str]) -> DannceFile:
    """Read what a label file of either kind says about cameras, sync and skeleton.

    Of a Label3D state this leaves out the labels.

    Raises
    ------
    FileNotFoundError
        When there is no such file.
    FileFormatError
        When it is not a label file, or damaged.
    """
    found = read_mat(path, only=(*_CAMERAS, "labelData"))
    with reading(found.path, EXPECTED):
        _check_kind(found)
        return label3d_state(found).as_dannce() if _is_state(found) else dannce_file(found)


def _check_kind(found: MatFile) -> None:
    if not {"params", "camParams"} & set(found.names):
        there = ", ".join(found.names[:20]) or "nothing"
        raise ValueError(f"no 'params' (there is {there})")


def _is_state(found: MatFile) -> bool:
    return "camParams" in found.variables and "params" not in found.variables
