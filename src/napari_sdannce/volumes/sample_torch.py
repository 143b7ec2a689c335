"""Filling voxel volumes with torch, on any device: the twin of `sample.VolumeSampler`.

The only module of this room that imports torch. It takes the steps of `_fetch.py` in their order,
in float32, so that both give the same voxels.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from napari_sdannce.geometry.camera_rows import camera_rows
from napari_sdannce.volumes.angle import ARCTAN, arctan
from napari_sdannce.volumes.columns import column_starts, column_step, lens
from napari_sdannce.volumes.grid import VoxelGrid, check_coms
from napari_sdannce.volumes.sample import (
    LUMINANCE,
    Interpolation,
    check_images,
    lift_of,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from napari_sdannce.geometry.cameras import Camera

_SQUARE, _TINY = float(np.float32(np.pi / 2)), float(np.float32(1e-30))


class TorchSampler:
    """Fills volumes of one size from images of the same cameras, on a torch device.

    Parameters
    ----------
    cameras
        V cameras, in the order of the channels.
    grid
        The cube.
    interpolation
        How pixels become voxels.
    device
        Where to do it, and where the volumes are left.
    mono
        One channel a camera, the luminance of its colours; volumes are float32 then.
    dtype
        torch.uint8 or torch.float32. The latter keeps the fractions of linear interpolation.

    Examples
    --------
    >>> from napari_sdannce.geometry import Camera
    >>> matrix = np.array([[100.0, 0, 1], [0, 100, 1], [0, 0, 1]])
    >>> camera = Camera("top", matrix, np.eye(3), np.zeros(3))
    >>> image = np.arange(9, dtype=np.uint8).reshape(3, 3)
    >>> sampler = TorchSampler([camera], VoxelGrid(2, 2))
    >>> sampler.fill([image], [(0, 0, 100)])[0, 0, :, :, 0].tolist()
    [[0, 2], [6, 8]]
    """

    def __init__(
        self,
        cameras: Sequence[Camera],
        grid: VoxelGrid,
        interpolation: Interpolation | str = Interpolation.NEAREST,
        device: torch.device | str = "cpu",
        *,
        mono: bool = False,
        dtype: torch.dtype = torch.uint8,
    ) -> None:
        if not cameras:
            raise ValueError("a volume needs cameras, got none")
        if dtype not in (torch.uint8, torch.float32):
            raise ValueError(f"volumes are torch.uint8 or torch.float32, got {dtype}")
        self.cameras = tuple(cameras)
        self.grid = grid
        self.interpolation = Interpolation(interpolation)
        self.device = torch.device(device)
        self.mono = mono
        self.dtype = dtype
        self._rows = camera_rows(self.cameras)

    def fill(
        self, images: Sequence[npt.NDArray[np.uint8] | None], coms: npt.ArrayLike
    ) -> torch.Tensor:
        """Fill the volumes round N animals of one frame.

        Parameters
        ----------
        images
            V images (H, W, 3) or (H, W), uint8; None for a camera without this frame (zeros).
        coms
            (N, 3) mm.

        Returns
        -------
        (N, V * channels, y, x, z) on the device, the channels of the first camera first.
        """
        centres = check_coms(coms)
        if centres.ndim != 2:
            raise ValueError(f"coms must be (N, 3), got shape {centres.shape}")
        pictures = check_images(self.cameras, images, self.mono)
        n, n_channels = self.grid.voxels, pictures[0].shape[2]
        kept = 1 if self.mono else n_channels
        shape = (len(centres), len(pictures) * kept, n, n, n)
        kind = torch.float32 if self.mono else self.dtype
        volumes = torch.empty(shape, dtype=kind, device=self.device)
        for v, picture in enumerate(pictures):
            # a copy, because torch takes no array that must not be written to
            values = self._sample(torch.tensor(picture, device=self.device), v, centres)
            if self.mono:
                values = _luminance(values)
            values = values.reshape(len(centres), n, n, n, kept)
            volumes[:, v * kept : (v + 1) * kept] = values.movedim(-1, 1)
        return volumes

    def _sample(
        self, picture: torch.Tensor, view: int, centres: npt.NDArray[np.float64]
    ) -> torch.Tensor:
        """Values (columns, n, channels) of one camera."""
        height, width, n_channels = picture.shape
        across, down = self._project(view, centres, width, height)
        flat = picture.reshape(-1, n_channels)
        if self.interpolation is Interpolation.NEAREST:
            return flat[width * down.round().long() + across.round().long()]
        reference = self.interpolation is Interpolation.REFERENCE_LINEAR
        values = _mix(flat, across, down, (width, height), reference)
        if reference or (self.dtype == torch.uint8 and not self.mono):
            values = (values + lift_of(self.interpolation)).to(torch.uint8)
        return values

    def _project(
        self, view: int, centres: npt.NDArray[np.float64], width: int, height: int
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Pixels (columns, n) of the voxels, x and y, clamped to the image."""
        row = self._rows[view]
        starts = torch.tensor(column_starts(row, self.grid, centres), device=self.device)
        x0, y0, z0 = starts.reshape(-1, 3)[:, :, None].unbind(1)
        dx, dy, dz = column_step(row, self.grid).tolist()
        fx, skew, cx, fy, cy, *coefficients, widest = lens(row).tolist()
        f = torch.arange(self.grid.voxels, dtype=torch.float32, device=self.device)
        place = (x0 + f * dx, y0 + f * dy, z0 + f * dz)
        if widest:
            xb, yb = _bend_fisheye(*place, *coefficients[:4], widest)
        else:
            xb, yb = _bend(*place, *coefficients)
        u = fx * xb + skew * yb + cx
        v = fy * yb + cy
        return _clamp(u, width - 1), _clamp(v, height - 1)


def _bend(
    x0: torch.Tensor, y0: torch.Tensor, z0: torch.Tensor, *lens: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """Distorted normalised coordinates of places in the camera's frame; `lens` k1 k2 k3 p1 p2."""
    k1, k2, k3, p1, p2 = lens
    near = 1 / z0
    x, y = x0 * near, y0 * near
    xx, yy, xy = x * x, y * y, x * y
    q = xx + yy
    scale = 1 + q * (k1 + q * (k2 + q * k3))
    xb = x * scale + 2 * p1 * xy + p2 * (q + 2 * xx)
    return xb, y * scale + p1 * (q + 2 * yy) + 2 * p2 * xy


def _bend_fisheye(
    x: torch.Tensor, y: torch.Tensor, z: torch.Tensor, *lens: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """As `_bend`, through a fisheye; `lens` k1, k2, k3, k4, widest angle."""
    k1, k2, k3, k4, widest = lens
    aside, ahead = (x * x + y * y).sqrt(), z.abs()
    longer, shorter = torch.maximum(aside, ahead), torch.minimum(aside, ahead)
    turn = arctan(shorter / longer.clamp(min=_TINY), [float(each) for each in ARCTAN])
    turn = torch.where(aside <= ahead, turn, _SQUARE - turn)
    turn = torch.where((z > 0) & (turn < widest), turn, widest)
    q = turn * turn
    scale = turn * (1 + q * (k1 + q * (k2 + q * (k3 + q * k4)))) / aside.clamp(min=_TINY)
    return x * scale, y * scale


def _clamp(values: torch.Tensor, limit: int) -> torch.Tensor:
    """Clamp to 0..limit, NaN (depth 0) to 0."""
    positive = torch.where(values > 0, values, 0.0)
    return positive.clamp(max=float(limit))


def _mix(
    flat: torch.Tensor,
    across: torch.Tensor,
    down: torch.Tensor,
    size: tuple[int, int],
    reference: bool,
) -> torch.Tensor:
    """Mix the four pixels about each place; see `sample_linear` in `_fetch.py`."""
    width, height = size
    x, y = across.long(), down.long()
    a, b = across - x, down - y
    right, below, corner = a * (1 - b), (1 - a) * b, a * b
    if reference:
        right, below = below, right
    has_right, has_below = x + 1 < width, y + 1 < height
    place = width * y + x
    to_right, to_below = has_right.long(), has_below.long() * width
    parts = (
        ((1 - a) * (1 - b), place),
        (right * has_right, place + to_right),
        (below * has_below, place + to_below),
        (corner * (has_right & has_below), place + to_right + to_below),
    )
    mixed = [weight[..., None] * flat[index].float() for weight, index in parts]
    return mixed[0] + mixed[1] + mixed[2] + mixed[3]


def _luminance(values: torch.Tensor) -> torch.Tensor:
    """Luminance (..., 1) of colours (..., 3); grey stays grey."""
    if values.shape[-1] == 1:
        return values.float()
    red, green, blue = (float(np.float32(weight)) for weight in LUMINANCE)
    colours = values.float()
    mono = colours[..., 0] * red + colours[..., 1] * green + colours[..., 2] * blue
    return mono[..., None]
