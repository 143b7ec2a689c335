"""Peaks in the views to centres of mass in space."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from napari_sdannce.geometry import triangulate, triangulate_pair_median
from napari_sdannce.models.com_images import to_frame_pixels
from napari_sdannce.models.heatmaps import integer_peaks, subpixel_peaks

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_sdannce.geometry import Camera
    from napari_sdannce.settings.com import ComImageSettings, ComPredictSettings

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Located:
    """Centres of mass.

    Parameters
    ----------
    positions
        (..., 3) mm, NaN where too few cameras agree.
    confidence
        (...) mean height, 0..1, of the peaks they rest on; NaN where there is no position.
    """

    positions: FloatArray
    confidence: FloatArray


def find_peaks(
    heatmaps: npt.NDArray[np.float32], image: ComImageSettings, *, subpixel: bool
) -> tuple[FloatArray, FloatArray]:
    """Highest point of each heatmap, in the video frame.

    Parameters
    ----------
    heatmaps
        (..., H, W).
    image
        How the frame became the network's image.
    subpixel
        Look between pixels; otherwise whole pixels, as the reference program does.

    Returns
    -------
    (..., 2) px, distorted, and (...) heights.
    """
    peaks, heights = (subpixel_peaks if subpixel else integer_peaks)(heatmaps)
    return to_frame_pixels(peaks, image), heights


def locate(
    cameras: Sequence[Camera],
    peaks: FloatArray,
    heights: FloatArray,
    settings: ComPredictSettings,
) -> Located:
    """Triangulate peaks.

    Parameters
    ----------
    cameras
        V.
    peaks
        (V, ..., 2) px, distorted, NaN = no image.
    heights
        (V, ...) of the peaks.
    settings
        Which peaks count, and how they become a position.
    """
    counts = np.isfinite(peaks).all(axis=-1) & (heights > settings.min_peak)
    used = np.where(counts[..., None], peaks, np.nan)
    if settings.triangulation == "pair_median":
        positions, accepted = triangulate_pair_median(cameras, used), counts
    else:
        found = triangulate(
            cameras,
            used,
            weights=np.where(counts, np.clip(heights, 0.01, 1), 0),
            max_error=settings.max_error_px,
        )
        positions, accepted = found.points, found.accepted
    n_accepted = accepted.sum(axis=0)
    total = np.where(accepted, np.clip(heights, 0, 1), 0).sum(axis=0)
    located = np.isfinite(positions).all(axis=-1)
    confidence = np.where(located, total / np.maximum(n_accepted, 1), np.nan)
    return Located(positions, confidence)
