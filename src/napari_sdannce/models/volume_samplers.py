"""Volumes for networks, filled where it is quickest: by numba on the CPU, by torch on CUDA."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import torch

from napari_sdannce.volumes import Interpolation, VolumeSampler, VoxelGrid
from napari_sdannce.volumes.sample_torch import TorchSampler

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy as np
    import numpy.typing as npt
    from torch import Tensor

    from napari_sdannce.geometry import Camera
    from napari_sdannce.settings.volume import VolumeSettings


class Sampler(Protocol):
    """Fills volumes of one size from images of the same cameras."""

    def fill(self, images: Sequence[npt.NDArray[np.uint8] | None], coms: npt.ArrayLike) -> Tensor:
        """Fill the volumes round N animals of one frame.

        Parameters
        ----------
        images
            V images (H, W, 3) or (H, W); None for a camera without this frame (zeros).
        coms
            (N, 3) mm.

        Returns
        -------
        (N, V * channels, y, x, z) uint8, or float32 of brightness; the channels of the first camera
        first.
        """


@dataclass(frozen=True, eq=False)
class _NumbaSampler:
    """`VolumeSampler`, its volumes as tensors; their channels stay last in memory."""

    sampler: VolumeSampler

    def fill(self, images: Sequence[npt.NDArray[np.uint8] | None], coms: npt.ArrayLike) -> Tensor:
        return torch.from_numpy(self.sampler.fill(images, coms)).movedim(-1, 1)


def _by_numba(
    cameras: Sequence[Camera], volume: VolumeSettings, device: torch.device, mono: bool
) -> Sampler:
    grid = VoxelGrid(volume.size_mm, volume.voxels)
    how = Interpolation(volume.interpolation)
    return _NumbaSampler(VolumeSampler(tuple(cameras), grid, how, mono=mono))


def by_torch(
    cameras: Sequence[Camera], volume: VolumeSettings, device: torch.device, mono: bool
) -> Sampler:
    """Sampler that works, and leaves its volumes, on a torch device."""
    grid = VoxelGrid(volume.size_mm, volume.voxels)
    return TorchSampler(cameras, grid, volume.interpolation, device, mono=mono)


SAMPLERS: dict[str, Callable[[Sequence[Camera], VolumeSettings, torch.device, bool], Sampler]] = {
    "cuda": by_torch
}
"""What fills volumes for networks on a kind of device; numba where none is named."""


def sampler_for(
    cameras: Sequence[Camera], volume: VolumeSettings, device: torch.device, *, mono: bool
) -> Sampler:
    """Sampler for a network on this device. The voxels do not depend on the device.

    Parameters
    ----------
    cameras
        V, in the order of the channels.
    volume
        Size, voxels and interpolation.
    device
        Where the network is. The volumes are there already, or still in main memory.
    mono
        One channel a camera: its brightness.
    """
    return SAMPLERS.get(device.type, _by_numba)(cameras, volume, device, mono)
