"""The cube of voxels round a centre of mass."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, slots=True)
class VoxelGrid:
    """A cube of voxels, its axes along the world's.

    Arrays over it are indexed ``[iy, ix, iz]``: y first, as the reference's are.

    Parameters
    ----------
    size_mm
        Edge of the cube.
    voxels
        Number of voxels along an edge.

    Examples
    --------
    >>> grid = VoxelGrid(size_mm=4.0, voxels=2)
    >>> grid.voxel_mm
    2.0
    >>> [axis.tolist() for axis in grid.axes((10.0, 20.0, 30.0))]
    [[9.0, 11.0], [19.0, 21.0], [29.0, 31.0]]
    >>> grid.points((10.0, 20.0, 30.0))[:3].tolist()
    [[9.0, 19.0, 29.0], [9.0, 19.0, 31.0], [11.0, 19.0, 29.0]]
    """

    size_mm: float
    voxels: int

    def __post_init__(self) -> None:
        if not 0 < self.size_mm < np.inf:
            raise ValueError(f"size of a volume must be positive, got {self.size_mm} mm")
        if self.voxels < 1 or self.voxels != int(self.voxels):
            raise ValueError(f"a volume needs a whole number of voxels >= 1, got {self.voxels}")

    @property
    def voxel_mm(self) -> float:
        """Edge of a voxel."""
        return self.size_mm / self.voxels

    @property
    def offsets(self) -> npt.NDArray[np.float64]:
        """(n,) mm from the centre of the cube to the centres of its voxels, along each axis."""
        steps = 0.5 + np.arange(self.voxels, dtype=np.float64)
        return np.asarray(self.voxel_mm * steps - self.size_mm / 2)

    def axes(
        self, com: npt.ArrayLike
    ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Voxel centres along x, y and z, (n,) mm each, of the cube round `com` (3,)."""
        x, y, z = check_coms(com)
        return x + self.offsets, y + self.offsets, z + self.offsets

    def points(self, com: npt.ArrayLike) -> npt.NDArray[np.float32]:
        """(n**3, 3) voxel centres x, y, z in mm, in the order of a flattened ``[iy, ix, iz]``."""
        x, y, z = self.axes(com)
        y3, x3, z3 = np.meshgrid(y, x, z, indexing="ij")
        return np.stack([x3, y3, z3], axis=-1, dtype=np.float32, casting="same_kind").reshape(-1, 3)


def check_coms(coms: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Return centres (..., 3) as an array, or say what is wrong with them."""
    given = np.asarray(coms, dtype=np.float64)
    if given.ndim < 1 or given.shape[-1] != 3:
        raise ValueError(f"a centre of mass is x, y, z in mm, got an array of shape {given.shape}")
    if not np.isfinite(given).all():
        raise ValueError("a volume needs a centre of mass, got NaN or infinity")
    return given
