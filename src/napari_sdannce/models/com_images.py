"""Video frames to images for the COM network, and pixels back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
import numpy.typing as npt

from napari_sdannce.models.com import COARSENING
from napari_sdannce.volumes.sample import LUMINANCE

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from napari_sdannce.settings.com import ComImageSettings

ImageArray = npt.NDArray[np.uint8] | npt.NDArray[np.float32]
FloatArray = npt.NDArray[np.float64]


def prepare_image(frame: npt.NDArray[np.uint8], settings: ComImageSettings) -> ImageArray:
    """Crop, shrink and reduce a video frame.

    Parameters
    ----------
    frame
        (H, W, 3) or (H, W).
    settings
        Crop, downsampling, colour or brightness.

    Returns
    -------
    (h, w, 3) uint8, or (h, w, 1) float32 for brightness.
    """
    rows, columns = crop_of(frame.shape[:2], settings)
    cropped = frame[slice(*rows), slice(*columns)]
    small = _SHRINK[settings.method](cropped, settings.downsample)
    if not settings.mono:
        return small if small.ndim == 3 else np.repeat(small[..., None], 3, axis=2)
    grey = small if small.ndim == 2 else small @ np.array(LUMINANCE, dtype=np.float32)
    return grey[..., None].astype(np.float32)


def _every_nth(image: npt.NDArray[np.uint8], factor: int) -> npt.NDArray[np.uint8]:
    return np.ascontiguousarray(image[::factor, ::factor])


def _block_means(image: npt.NDArray[np.uint8], factor: int) -> npt.NDArray[np.uint8]:
    """Means of the whole blocks, as whole grey values."""
    height, width = (size // factor for size in image.shape[:2])
    whole = np.ascontiguousarray(image[: height * factor, : width * factor])
    shrunk = cv2.resize(whole, (width, height), interpolation=cv2.INTER_AREA)
    return np.asarray(shrunk, dtype=np.uint8)


_SHRINK = {"nearest": _every_nth, "mean": _block_means}


def crop_of(
    frame_shape: tuple[int, ...], settings: ComImageSettings
) -> tuple[tuple[int, int], tuple[int, int]]:
    """Rows and columns (first, end) of the part of a frame that is used."""
    found = []
    for what, crop, size in (
        ("crop_rows", settings.crop_rows, frame_shape[0]),
        ("crop_columns", settings.crop_columns, frame_shape[1]),
    ):
        first, end = crop or (0, size)
        if first >= size:
            raise ValueError(f"{what} {crop} lies outside of frames of {size} px")
        found.append((first, min(end, size)))
    return found[0], found[1]


def to_frame_pixels(peaks: npt.ArrayLike, settings: ComImageSettings) -> FloatArray:
    """Pixels (..., 2) x, y of a prepared image -> pixels of the video frame.

    The centre of a block of pixels is its middle; a taken pixel is where it was.
    """
    corner = _corner(settings)
    return np.asarray(peaks, dtype=np.float64) * settings.downsample + corner


def to_image_pixels(points: npt.ArrayLike, settings: ComImageSettings) -> FloatArray:
    """Pixels (..., 2) x, y of the video frame -> pixels of a prepared image."""
    corner = _corner(settings)
    return (np.asarray(points, dtype=np.float64) - corner) / settings.downsample


def _corner(settings: ComImageSettings) -> FloatArray:
    left = settings.crop_columns[0] if settings.crop_columns else 0
    top = settings.crop_rows[0] if settings.crop_rows else 0
    middle = (settings.downsample - 1) / 2 if settings.method == "mean" else 0
    return np.array([left + middle, top + middle], dtype=np.float64)


def common_size(shapes: Iterable[tuple[int, ...]]) -> tuple[int, int]:
    """Smallest (height, width) that images of all these shapes fit into and the network takes.

    To be taken over all cameras, not over one batch: normalisation sees what is added, so the same
    image would answer differently from one batch to the next.
    """
    sizes = np.array([shape[:2] for shape in shapes])
    height, width = -(-sizes.max(axis=0) // COARSENING) * COARSENING
    return int(height), int(width)


def stack_images(images: Sequence[ImageArray], size: tuple[int, int]) -> ImageArray:
    """Images (h, w, C) as one batch (B, H, W, C) of `size`, zeros right of and below them."""
    batch = np.zeros((len(images), *size, images[0].shape[2]), dtype=images[0].dtype)
    for row, image in zip(batch, images, strict=True):
        row[: image.shape[0], : image.shape[1]] = image
    return batch
