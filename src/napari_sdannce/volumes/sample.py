"""Filling voxel volumes from the images of the views, on the CPU."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from napari_sdannce.geometry.camera_rows import camera_rows
from napari_sdannce.geometry.threads import over_blocks
from napari_sdannce.volumes.columns import column_starts, column_step, lens
from napari_sdannce.volumes.grid import VoxelGrid, check_coms

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_sdannce.geometry.cameras import Camera

Image = npt.NDArray[np.uint8]
FloatArray = npt.NDArray[np.float32]
Volume = npt.NDArray[np.uint8] | npt.NDArray[np.float32]

_LAYERS_AT_ONCE = 4
LUMINANCE = (0.2125, 0.7154, 0.0721)
"""Weights of red, green and blue in a mono volume."""


class Interpolation(StrEnum):
    """How the value of a voxel is made from the pixels about its projection."""

    NEAREST = "nearest"
    """The nearest pixel, half way the even one."""
    LINEAR = "linear"
    """Bilinear, borders repeated; a uint8 volume is rounded to nearest."""
    REFERENCE_LINEAR = "reference-linear"
    """Bilinear as the reference does it, with defect D5: cross weights swapped, black past the
    right and bottom border, fraction cut off. For weights that learned with it."""


@dataclass(frozen=True, eq=False)
class VolumeSampler:
    """Fills volumes of one size from images of the same cameras.

    Parameters
    ----------
    cameras
        V cameras, in the order of the channels. Images cropped to a part: `Camera.cropped`.
    grid
        The cube.
    interpolation
        How pixels become voxels.
    mono
        One channel a camera, the luminance of its colours; volumes are float32 then.
    dtype
        uint8 or float32. The latter keeps the fractions of linear interpolation.
    threads
        How many to use; None: as many as there are cores.
    """

    cameras: tuple[Camera, ...]
    grid: VoxelGrid
    interpolation: Interpolation = Interpolation.NEAREST
    mono: bool = False
    dtype: npt.DTypeLike = field(default=np.uint8)
    threads: int | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "cameras", tuple(self.cameras))
        object.__setattr__(self, "interpolation", Interpolation(self.interpolation))
        if not self.cameras:
            raise ValueError("a volume needs cameras, got none")
        if np.dtype(self.dtype) not in (np.dtype(np.uint8), np.dtype(np.float32)):
            raise ValueError(f"volumes are uint8 or float32, got {np.dtype(self.dtype)}")

    def fill(self, images: Sequence[Image | None], coms: npt.ArrayLike) -> Volume:
        """Fill the volumes round the animals of one frame.

        Parameters
        ----------
        images
            V images (H, W, 3) or (H, W), uint8; None for a camera without this frame (zeros).
        coms
            (N, 3) mm.

        Returns
        -------
        (N, y, x, z, V * channels), the channels of the first camera first. A voxel outside an
        image repeats its border.
        """
        centres = check_coms(coms)
        if centres.ndim != 2:
            raise ValueError(f"coms must be (N, 3), got shape {centres.shape}")
        pictures = check_images(self.cameras, images, self.mono)
        n, n_channels = self.grid.voxels, pictures[0].shape[2]
        shape = (len(centres), n, n, n, len(pictures) * n_channels)
        wide = self.interpolation is Interpolation.LINEAR and (
            self.mono or np.dtype(self.dtype) == np.float32
        )
        volumes = np.empty(shape, dtype=np.float32 if wide else np.uint8)
        self._fill(pictures, centres, volumes)
        if self.mono:
            return luminance(volumes, n_channels)
        return volumes.astype(self.dtype, copy=False)

    def _fill(
        self,
        pictures: Sequence[Image],
        centres: npt.NDArray[np.float64],
        volumes: Volume,
    ) -> None:
        from napari_sdannce.volumes._fetch import sample_linear, sample_nearest

        rows, n = self._rows, self.grid.voxels
        starts = [column_starts(row, self.grid, centres) for row in rows]
        layers = volumes.reshape(-1, *volumes.shape[2:])
        reference = self.interpolation is Interpolation.REFERENCE_LINEAR
        lift = np.float32(lift_of(self.interpolation) if volumes.dtype == np.uint8 else 0)

        def work(first: int, last: int) -> None:
            for v, picture in enumerate(pictures):
                geometry = (starts[v][first:last], column_step(rows[v], self.grid), lens(rows[v]))
                target = (layers[first:last], v * picture.shape[2])
                if self.interpolation is Interpolation.NEAREST:
                    sample_nearest(picture, *geometry, *target)
                else:
                    sample_linear(picture, *geometry, *target, lift, reference)

        over_blocks(work, len(centres) * n, _LAYERS_AT_ONCE, self.threads)

    @cached_property
    def _rows(self) -> npt.NDArray[np.float64]:
        return camera_rows(self.cameras)


def fill_volume(
    images: Sequence[Image | None],
    cameras: Sequence[Camera],
    com: npt.ArrayLike,
    *,
    size: float = 240.0,
    voxels: int = 80,
    interpolation: Interpolation | str = Interpolation.NEAREST,
    mono: bool = False,
) -> Volume:
    """Fill the volume round an animal from the images of all views.

    Parameters
    ----------
    images
        V images (H, W, 3) or (H, W), uint8; None for a camera without this frame (zeros). Their
        sizes may differ.
    cameras
        V cameras.
    com
        (3,) centre of the volume, mm.
    size
        Edge of the volume, mm.
    voxels
        Number of voxels along an edge.
    interpolation
        nearest, linear or reference-linear, see `Interpolation`.
    mono
        One float32 channel a camera, the luminance of its colours.

    Returns
    -------
    (y, x, z, V * channels) uint8 (float32 when mono), the channels of the first camera first.
    Voxels outside an image repeat its border. Many volumes of the same cameras: `VolumeSampler`.

    Raises
    ------
    ValueError
        When images and cameras do not fit each other, or `com` is NaN.

    Examples
    --------
    >>> from napari_sdannce.geometry import Camera
    >>> matrix = np.array([[100.0, 0, 1], [0, 100, 1], [0, 0, 1]])
    >>> camera = Camera("top", matrix, np.eye(3), np.zeros(3))
    >>> image = np.arange(9, dtype=np.uint8).reshape(3, 3)
    >>> fill_volume([image], [camera], (0, 0, 100), size=2, voxels=2)[:, :, 0, 0].tolist()
    [[0, 2], [6, 8]]
    """
    volume: Volume = fill_volumes(
        images,
        cameras,
        check_coms(com)[None],
        size=size,
        voxels=voxels,
        interpolation=interpolation,
        mono=mono,
    )[0]
    return volume


def fill_volumes(
    images: Sequence[Image | None],
    cameras: Sequence[Camera],
    coms: npt.ArrayLike,
    *,
    size: float = 240.0,
    voxels: int = 80,
    interpolation: Interpolation | str = Interpolation.NEAREST,
    mono: bool = False,
) -> Volume:
    """Fill the volumes round several animals of one frame: `fill_volume` for coms (N, 3).

    Returns
    -------
    (N, y, x, z, V * channels).
    """
    how = Interpolation(interpolation)
    return VolumeSampler(tuple(cameras), VoxelGrid(size, voxels), how, mono).fill(images, coms)


def check_images(
    cameras: Sequence[Camera], images: Sequence[Image | None], mono: bool
) -> list[Image]:
    """Images as (H, W, C) arrays of one layout, or say what does not fit the cameras."""
    if len(images) != len(cameras):
        raise ValueError(f"got {len(images)} images for {len(cameras)} cameras")
    pictures = {
        i: _check_image(camera, image)
        for i, (camera, image) in enumerate(zip(cameras, images, strict=True))
        if image is not None
    }
    if not pictures:
        raise ValueError("no camera has an image of this frame")
    channels = {picture.shape[2] for picture in pictures.values()}
    if len(channels) > 1 and mono:
        raise ValueError("mono volumes need images that are all grey or all colour, got both")
    if len(channels) > 1:
        raise ValueError(f"images must have the same number of channels, got {sorted(channels)}")
    blank = np.zeros((1, 1, channels.pop()), dtype=np.uint8)
    blank.flags.writeable = False
    return [pictures.get(i, blank) for i in range(len(cameras))]


def _check_image(camera: Camera, image: Image) -> Image:
    """One image as (H, W, C)."""
    array = np.asarray(image)
    if array.dtype != np.uint8 or array.ndim not in (2, 3) or 0 in array.shape:
        raise ValueError(
            f"camera '{camera.name}': images are (H, W, 3) or (H, W) uint8, got {array.shape} "
            f"{array.dtype}"
        )
    found = (array.shape[1], array.shape[0])
    if camera.image_size is not None and found != camera.image_size:
        raise ValueError(
            f"camera '{camera.name}': the image is {found[0]} x {found[1]} px, the calibration is "
            f"for {camera.image_size[0]} x {camera.image_size[1]} px"
        )
    picture = np.ascontiguousarray(array[..., None] if array.ndim == 2 else array).view()
    # one kind of array for the compiled function: it is compiled anew for every other
    picture.flags.writeable = False
    return picture


def luminance(volumes: Volume, n_channels: int) -> FloatArray:
    """Reduce (..., V * n_channels) to the luminance (..., V) of each camera; grey stays grey."""
    if n_channels == 1:
        return volumes.astype(np.float32)
    colours = volumes.reshape(*volumes.shape[:-1], -1, n_channels).astype(np.float32)
    red, green, blue = (np.float32(weight) for weight in LUMINANCE)
    return np.asarray(colours[..., 0] * red + colours[..., 1] * green + colours[..., 2] * blue)


def lift_of(interpolation: Interpolation) -> float:
    """What is added to a mixture of grey levels before its fraction is cut off."""
    if interpolation is Interpolation.REFERENCE_LINEAR:
        # the mixture of four pixels of 42 may come out as 41.99999
        return 2.0**-13
    return 0.5


def normalise(volume: Volume) -> FloatArray:
    """Map grey levels 0..255 to -1..1, the networks' input; float32."""
    return volume.astype(np.float32) / np.float32(127.5) - np.float32(1)
