"""Volumes of training examples: as prediction would see them, or moved and changed at random."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from napari_sdannce.models.volume_samplers import sampler_for
from napari_sdannce.training.augmentation import (
    ColourChange,
    blank_views,
    choose_views,
    quarter_turn,
    take_views,
    turn_about_z,
    turn_volume,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import torch
    from torch import Tensor

    from napari_sdannce.geometry import Camera
    from napari_sdannce.settings.dannce import DannceTrainSettings
    from napari_sdannce.settings.volume import VolumeSettings
    from napari_sdannce.training.dannce_examples import DannceExample, Image

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

_UNTURNED = np.eye(3)
_ORIGIN = np.zeros(3)
_MIRROR = np.diag([-1.0, 1.0, 1.0])


@dataclass(frozen=True, eq=False)
class VolumeWithPoints:
    """A volume and the keypoints in it.

    Parameters
    ----------
    volume
        (V * channels, y, x, z) grey values 0..255: uint8, or float32.
    points
        (K, 3) mm relative to the volume's centre and along its axes, NaN = not labelled.
    centre
        (3,) of the volume in the world, mm.
    turn
        (3, 3) from the world's axes to the volume's; a reflection where it is mirrored.
    mirrored
        Left keypoints show right ones.
    silhouettes
        (V, y, x, z) share of each voxel that each view's mask covers; None without masks.
    """

    volume: Tensor
    points: FloatArray
    centre: FloatArray
    turn: FloatArray
    mirrored: bool = False
    silhouettes: Tensor | None = None


@dataclass(frozen=True, eq=False)
class VolumeMaker:
    """Makes volumes of examples for a network on some device.

    Parameters
    ----------
    settings
        The volume, and how examples are changed.
    device
        Where the network is.
    swapped
        (K,) order of the keypoints in a mirror.
    """

    settings: DannceTrainSettings
    device: torch.device
    swapped: tuple[int, ...]

    def plain(self, example: DannceExample) -> VolumeWithPoints:
        """Fill the volume of an example as prediction would: at its COM, unturned.

        All views are in order, or evenly spread ones when the network takes fewer than there are.
        """
        wanted = self.settings.n_views or len(example.images)
        views = np.arange(wanted) * len(example.images) // wanted
        volume = self._fill(example, example.cameras, views, example.com)
        points = example.points - example.com
        silhouettes = self._silhouettes(example, example.cameras, example.com)
        return VolumeWithPoints(volume, points, example.com, _UNTURNED, silhouettes=silhouettes)

    def random(
        self, example: DannceExample, rng: np.random.Generator, *, moved: bool = True
    ) -> VolumeWithPoints:
        """Fill the volume of an example moved, turned, changed and with drawn views.

        Parameters
        ----------
        moved
            False: the volume's centre is the COM.
        """
        jitter = self.settings.com_jitter_mm * moved
        centre = example.com + rng.uniform(-jitter, jitter, size=3)
        views = choose_views(len(example.images), self.settings, rng)
        placed = _TURNS[self.settings.rotate](rng)
        cameras, where = example.cameras, centre
        if placed.by_cameras:
            cameras = tuple(each.seen_from(placed.turn, centre) for each in cameras)
            where = _ORIGIN
        volume = turn_volume(self._fill(example, cameras, views, where), placed.quarters)
        silhouettes = self._silhouettes(example, cameras, where)
        if silhouettes is not None:
            silhouettes = turn_volume(silhouettes, placed.quarters)
        made = VolumeWithPoints(
            self._changed(volume, len(views), rng),
            (example.points - centre) @ placed.turn.T,
            centre,
            placed.turn,
            silhouettes=silhouettes,
        )
        return self._mirrored(made) if self.settings.mirror and rng.random() < 0.5 else made

    def _changed(self, volume: Tensor, n_views: int, rng: np.random.Generator) -> Tensor:
        s = self.settings
        if s.augment_brightness or s.augment_contrast or s.augment_hue:
            volume = ColourChange.draw(n_views, s, rng).apply(volume)
        if s.camera_dropout:
            volume = blank_views(volume, n_views, s.camera_dropout, rng)
        return volume

    def _mirrored(self, made: VolumeWithPoints) -> VolumeWithPoints:
        """Mirror a volume along x: left keypoints become right ones."""
        silhouettes = made.silhouettes
        return VolumeWithPoints(
            made.volume.flip(2),
            (made.points @ _MIRROR)[list(self.swapped)],
            made.centre,
            _MIRROR @ made.turn,
            mirrored=True,
            silhouettes=None if silhouettes is None else silhouettes.flip(2),
        )

    def _fill(
        self,
        example: DannceExample,
        cameras: Sequence[Camera],
        views: IntArray,
        com: FloatArray,
    ) -> Tensor:
        """Volume (V * channels, y, x, z); views that occur twice are sampled once."""
        needed, order = np.unique(views, return_inverse=True)
        volume = self._sampled(
            [example.images[view] for view in needed],
            [cameras[view] for view in needed],
            com,
            self.settings.volume,
            mono=self.settings.mono,
        )
        if np.array_equal(order, np.arange(len(needed))):
            return volume
        return take_views(volume, order, len(volume) // len(needed))

    def _silhouettes(
        self, example: DannceExample, cameras: Sequence[Camera], com: FloatArray
    ) -> Tensor | None:
        if example.masks is None:
            return None
        linear = self.settings.volume.model_copy(update={"interpolation": "linear"})
        return self._sampled(example.masks, cameras, com, linear, mono=True).float() / 255

    def _sampled(
        self,
        images: Sequence[Image],
        cameras: Sequence[Camera],
        com: FloatArray,
        volume: VolumeSettings,
        *,
        mono: bool,
    ) -> Tensor:
        sampler = sampler_for(tuple(cameras), volume, self.device, mono=mono)
        return sampler.fill(list(images), com[None])[0]


@dataclass(frozen=True, eq=False)
class _Placed:
    """How a volume is turned: by quarters after it is filled, or by turning the cameras before."""

    turn: FloatArray
    quarters: int = 0
    by_cameras: bool = False


def _by_quarters(rng: np.random.Generator) -> _Placed:
    quarters = int(rng.integers(4))
    return _Placed(quarter_turn(quarters), quarters)


_TURNS: dict[str, Callable[[np.random.Generator], _Placed]] = {
    "none": lambda rng: _Placed(_UNTURNED),
    "quarters": _by_quarters,
    "any": lambda rng: _Placed(turn_about_z(rng.uniform(0, 2 * np.pi)), by_cameras=True),
}
