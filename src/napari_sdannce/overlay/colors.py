"""Colours of keypoints, bones and animals."""

from __future__ import annotations

from colorsys import hsv_to_rgb
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_sdannce.skeletons import Skeleton

ColorArray = npt.NDArray[np.float64]

ANIMAL_COLORS = (
    (0.00, 0.75, 1.00),
    (1.00, 0.60, 0.10),
    (0.45, 0.90, 0.35),
    (1.00, 0.40, 0.75),
    (0.95, 0.90, 0.30),
    (0.65, 0.55, 1.00),
)
"""Told apart on fur and on bedding, and by people who see red and green alike."""


class ColorBy(StrEnum):
    """What a colour stands for."""

    KEYPOINT = "keypoint"
    ANIMAL = "animal"


def keypoint_colors(skeleton: Skeleton, palette: Sequence[int], by: ColorBy) -> ColorArray:
    """(A, K, 4) RGBA; `palette` (A,) says which of `ANIMAL_COLORS` each animal has."""
    if by is ColorBy.KEYPOINT:
        n = len(skeleton.keypoints)
        own = np.array(skeleton.keypoint_colors) if skeleton.colors else _hues(n)
        return np.tile(_bright(own), (len(palette), 1, 1))
    return np.repeat(animal_colors(palette)[:, None], len(skeleton.keypoints), axis=1)


def bone_colors(skeleton: Skeleton, palette: Sequence[int], by: ColorBy) -> ColorArray:
    """(A, B, 4) RGBA; `palette` as in `keypoint_colors`."""
    n_bones = len(skeleton.bones)
    if by is ColorBy.KEYPOINT:
        if not skeleton.colors:
            # a bone takes the colour of the keypoint it leads to
            ends = np.array([end for _, end in skeleton.bones], dtype=np.int64)
            return np.tile(_hues(len(skeleton.keypoints))[ends], (len(palette), 1, 1))
        colors = _bright(np.array(skeleton.bone_colors, dtype=float).reshape(n_bones, 4))
        return np.tile(colors, (len(palette), 1, 1))
    return np.repeat(animal_colors(palette)[:, None], n_bones, axis=1)


def animal_colors(palette: Sequence[int]) -> ColorArray:
    """(A, 4) RGBA; `palette` as in `keypoint_colors`."""
    rgb = [ANIMAL_COLORS[i % len(ANIMAL_COLORS)] for i in palette]
    return np.concatenate([np.array(rgb).reshape(-1, 3), np.ones((len(rgb), 1))], axis=1)


def _hues(n: int) -> ColorArray:
    """Colours for keypoints of a skeleton that has none, round the colour circle."""
    rgb = [hsv_to_rgb(i / max(n, 1), 0.65, 1.0) for i in range(n)]
    return np.concatenate([np.array(rgb).reshape(-1, 3), np.ones((n, 1))], axis=1)


def _bright(colors: ColorArray) -> ColorArray:
    """Opaque, and dark ones lifted so that they show on dark video and on a black floor."""
    lifted = colors.copy()
    lightness = lifted[:, :3] @ (0.30, 0.59, 0.11)
    share = np.clip((0.45 - lightness) / 0.45, 0, 1)[:, None] * 0.6
    lifted[:, :3] = lifted[:, :3] * (1 - share) + share
    lifted[:, 3] = 1
    return lifted
