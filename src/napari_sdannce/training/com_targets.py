"""What the COM network shall answer: a spot of height 1 at each animal."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from napari_sdannce.models.com_images import to_frame_pixels

if TYPE_CHECKING:
    from napari_sdannce.settings.com import ComImageSettings

_CERTAIN = 0.5


def com_targets(
    points: npt.ArrayLike, size: tuple[int, int], image: ComImageSettings, sigma_px: float
) -> npt.NDArray[np.float32]:
    """Draw the spots of full-resolution Gaussians on prepared images.

    Parameters
    ----------
    points
        (A, 2) x, y, px of the video frame; NaN gives an image of NaN.
    size
        (width, height) of the prepared image.
    image
        How the frame became the prepared image. Blocks of pixels hold the mean of the Gaussian over
        their pixels, single pixels its value.
    sigma_px
        Standard deviation, px of the video frame.

    Returns
    -------
    (A, height, width).
    """
    x, y = np.moveaxis(np.asarray(points, dtype=np.float64), -1, 0)
    profiles = []
    for axis, centre in enumerate((x, y)):
        index = np.zeros((size[axis], 2))
        index[:, axis] = np.arange(size[axis])
        taken = to_frame_pixels(index, image)[:, axis]
        n_pixels = image.downsample if image.method == "mean" else 1
        block = np.arange(n_pixels) - (n_pixels - 1) / 2
        distance = (taken[:, None] + block) - centre[:, None, None]
        profiles.append(np.exp(-(distance**2) / (2 * sigma_px**2)).mean(axis=-1))
    across, down = profiles
    return np.asarray(down[:, :, None] * across[:, None, :], dtype=np.float32)


def shared_target(targets: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Draw all animals' spots (A, h, w) on one heatmap (1, h, w): the highest counts.

    Where an animal is not labelled, only the upper halves of the others' spots are known: elsewhere
    it might be, so the rest is NaN.
    """
    known: npt.NDArray[np.bool_] = np.asarray(np.isfinite(targets).all(axis=(1, 2)))
    highest = np.where(known[:, None, None], targets, 0).max(axis=0, keepdims=True)
    unsure = ~known.all() & (highest <= _CERTAIN)
    return np.asarray(np.where(unsure, np.nan, highest), dtype=np.float32)
