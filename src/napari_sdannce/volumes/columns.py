"""Where the columns of voxels along z lie in a camera's frame: what every sampler starts from.

Worked out in float64 and handed over as float32, close to the camera's axis rather than to the
world's origin, so that a pixel is off by some 1e-4 px at most.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from napari_sdannce.geometry.camera_rows import FISHEYE, FX

if TYPE_CHECKING:
    from napari_sdannce.volumes.grid import VoxelGrid

FloatArray = npt.NDArray[np.float32]


def column_starts(
    row: npt.NDArray[np.float64], grid: VoxelGrid, coms: npt.NDArray[np.float64]
) -> FloatArray:
    """(N * n, n, 3) first voxels (lowest z) of the columns [iy, ix], mm in the camera's frame."""
    n = grid.voxels
    world = np.empty((len(coms), n, n, 3))
    world[..., 0] = coms[:, 0, None, None] + grid.offsets
    world[..., 1] = coms[:, 1, None, None] + grid.offsets[:, None]
    world[..., 2] = coms[:, 2, None, None] + grid.offsets[0]
    in_camera = world.reshape(-1, 3) @ row[:9].reshape(3, 3).T + row[9:12]
    return in_camera.astype(np.float32).reshape(-1, n, 3)


def column_step(row: npt.NDArray[np.float64], grid: VoxelGrid) -> FloatArray:
    """(3,) way from a voxel to the next along z, mm in the camera's frame."""
    return (row[[2, 5, 8]] * grid.voxel_mm).astype(np.float32)


def lens(row: npt.NDArray[np.float64]) -> FloatArray:
    """(11,) fx, skew, cx, fy, cy, k1, k2, k3, p1, p2, 0.

    Of a fisheye the last six are k1, k2, k3, k4, 0 and the widest angle, radians.
    """
    return np.append(row[FX : FX + 10], row[FISHEYE]).astype(np.float32)
