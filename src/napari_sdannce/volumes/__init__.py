"""Voxel volumes round an animal, filled from the views."""

from napari_sdannce.volumes.grid import VoxelGrid
from napari_sdannce.volumes.sample import (
    Interpolation,
    VolumeSampler,
    fill_volume,
    fill_volumes,
    normalise,
)

__all__ = [
    "Interpolation",
    "VolumeSampler",
    "VoxelGrid",
    "fill_volume",
    "fill_volumes",
    "normalise",
]
