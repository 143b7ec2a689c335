"""Random changes of training examples. Every function takes its randomness as an argument."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import numpy.typing as npt
import torch

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from napari_sdannce.settings.com import ComTrainSettings
    from napari_sdannce.settings.dannce import DannceTrainSettings

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]


def turn_volume(volume: Tensor, quarters: int) -> Tensor:
    """Turn a volume (C, y, x, z) by quarter turns about z, from x towards y."""
    # torch.rot90 turns from its first axis (y) towards its second (x)
    return torch.rot90(volume, -quarters, dims=(1, 2))


def turn_points(points: FloatArray, quarters: int) -> FloatArray:
    """Turn points (..., 3), relative to the volume's centre, along with `turn_volume`."""
    x, y, z = np.moveaxis(points, -1, 0)
    for _ in range(quarters % 4):
        x, y = -y, x
    return np.stack([x, y, z], axis=-1)


def _shuffled(n_views: int, wanted: int, rng: np.random.Generator) -> IntArray:
    return rng.permutation(n_views)[:wanted]


_DRAWS: dict[str, Callable[[int, int, np.random.Generator], IntArray]] = {
    "all": lambda n_views, wanted, rng: np.arange(n_views),
    "shuffled": _shuffled,
    "with_replacement": lambda n_views, wanted, rng: rng.integers(n_views, size=wanted),
    "without_replacement": _shuffled,
}


def choose_views(n_views: int, settings: DannceTrainSettings, rng: np.random.Generator) -> IntArray:
    """Draw which views an example shows, in which order.

    Parameters
    ----------
    n_views
        Views there are.
    settings
        How views are drawn and how many.
    """
    return _DRAWS[settings.views](n_views, settings.n_views or n_views, rng)


def take_views(volume: Tensor, views: npt.ArrayLike, channels: int) -> Tensor:
    """Reorder, repeat or leave out views of a volume (V * channels, y, x, z)."""
    channels_last = volume.movedim(0, -1)  # as numba's volumes lie in memory
    by_view = channels_last.reshape(*channels_last.shape[:3], -1, channels)
    chosen = torch.as_tensor(np.asarray(views), device=volume.device)
    return by_view[..., chosen, :].flatten(-2).movedim(-1, 0)


@dataclass(frozen=True)
class ImageChange:
    """A random turn, shift, scaling and change of brightness of an image.

    Parameters
    ----------
    matrix
        (2, 3) affine map from old to new pixels.
    gain, offset
        New grey value = old * gain + offset.
    """

    matrix: FloatArray
    gain: float
    offset: float

    @classmethod
    def draw(
        cls, size: tuple[int, int], settings: ComTrainSettings, rng: np.random.Generator
    ) -> ImageChange:
        """Draw a change for images of (width, height)."""
        middle = (np.array(size) - 1) / 2
        angle = np.deg2rad(settings.augment_turn_deg) * rng.uniform(-1, 1)
        scale = 1 + settings.augment_scale * rng.uniform(-1, 1)
        shift = settings.augment_shift * size[0] * rng.uniform(-1, 1, size=2)
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        linear = scale * turn
        matrix = np.concatenate([linear, (middle + shift - linear @ middle)[:, None]], axis=1)
        gain = 1 + settings.augment_brightness * rng.uniform(-1, 1)
        offset = 255 * settings.augment_brightness * rng.uniform(-0.5, 0.5)
        return cls(matrix, gain, offset)

    def image(self, image: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Change an image (H, W, C) of grey values 0..255; its border pixels are repeated."""
        height, width, _ = image.shape
        moved = cv2.warpAffine(
            image,
            self.matrix,
            (width, height),
            flags=cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REPLICATE,
        ).reshape(image.shape)
        changed = moved.astype(np.float32) * self.gain + self.offset
        return np.asarray(np.clip(changed, 0, 255).astype(image.dtype))

    def points(self, points: FloatArray) -> FloatArray:
        """Move points (..., 2) along."""
        return np.asarray(points @ self.matrix[:, :2].T + self.matrix[:, 2])
