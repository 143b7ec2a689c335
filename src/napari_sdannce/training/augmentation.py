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

_GREY = 127.5
_FEWEST_VIEWS = 2


def turn_volume(volume: Tensor, quarters: int) -> Tensor:
    """Turn a volume (C, y, x, z) by quarter turns about z, from x towards y."""
    # torch.rot90 turns from its first axis (y) towards its second (x)
    return torch.rot90(volume, -quarters, dims=(1, 2))


def quarter_turn(quarters: int) -> FloatArray:
    """Rotation (3, 3) of points, relative to the volume's centre, along with `turn_volume`."""
    cosine, sine = [(1.0, 0.0), (0.0, 1.0), (-1.0, 0.0), (0.0, -1.0)][quarters % 4]
    return np.array([[cosine, -sine, 0], [sine, cosine, 0], [0, 0, 1]])


def turn_about_z(angle: float) -> FloatArray:
    """Rotation (3, 3) by an angle in radians, from x towards y."""
    cosine, sine = np.cos(angle), np.sin(angle)
    return np.array([[cosine, -sine, 0], [sine, cosine, 0], [0, 0, 1]])


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


def blank_views(volume: Tensor, n_views: int, share: float, rng: np.random.Generator) -> Tensor:
    """Make a share of a volume's views grey at random; two always stay."""
    dropped = rng.random(n_views) < share
    spared = rng.permutation(n_views)[:_FEWEST_VIEWS]
    dropped[spared] = False
    by_view = volume.clone().reshape(n_views, -1, *volume.shape[1:])
    by_view[torch.from_numpy(dropped).to(volume.device)] = _GREY
    return by_view.reshape(volume.shape)


@dataclass(frozen=True, eq=False)
class ColourChange:
    """A random change of brightness, contrast and hue, another one in each view.

    Parameters
    ----------
    gain, offset
        (V,) new grey value = (old - 127.5) * gain + 127.5 + offset.
    hue
        (V,) turn of the colour wheel, radians.
    """

    gain: FloatArray
    offset: FloatArray
    hue: FloatArray

    @classmethod
    def draw(
        cls, n_views: int, settings: DannceTrainSettings, rng: np.random.Generator
    ) -> ColourChange:
        """Draw a change for each view."""
        contrast, brightness, hue = rng.uniform(-1, 1, size=(3, n_views))
        return cls(
            1 + settings.augment_contrast * contrast,
            255 * settings.augment_brightness * brightness,
            2 * np.pi * settings.augment_hue * hue,
        )

    def apply(self, volume: Tensor) -> Tensor:
        """Change a volume (V * channels, y, x, z) of grey values; float32, still 0..255."""
        by_view = volume.float().reshape(len(self.gain), -1, *volume.shape[1:])
        if by_view.shape[1] == 3 and self.hue.any():
            turns = _like(by_view, np.stack([_hue_turn(angle) for angle in self.hue]))
            by_view = torch.einsum("vij,vj...->vi...", turns, by_view)
        gain, offset = (
            _like(by_view, each)[:, None, None, None, None] for each in (self.gain, self.offset)
        )
        changed: Tensor = (by_view - _GREY) * gain + _GREY + offset
        return changed.clamp(0, 255).reshape(volume.shape)


def _like(volume: Tensor, numbers: FloatArray) -> Tensor:
    """Numbers on the volume's device, which may know no float64."""
    return torch.from_numpy(numbers).to(volume.dtype).to(volume.device)


def _hue_turn(angle: float) -> FloatArray:
    """Matrix (3, 3) that turns colours about the grey axis, so grey stays grey."""
    axis = np.full(3, 1 / np.sqrt(3))
    cross = np.array([[0, -axis[2], axis[1]], [axis[2], 0, -axis[0]], [-axis[1], axis[0], 0]])
    outer = np.outer(axis, axis)
    turned = np.cos(angle) * np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * outer
    return np.asarray(turned)


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
