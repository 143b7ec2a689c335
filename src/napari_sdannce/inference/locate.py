"""Peaks in the views to centres of mass in space."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from napari_sdannce.geometry import triangulate, triangulate_pair_median
from napari_sdannce.models.com_images import to_frame_pixels
from napari_sdannce.models.image_peaks import integer_peaks, subpixel_peaks

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_sdannce.geometry import Camera
    from napari_sdannce.settings.com import ComImageSettings, ComPredictSettings

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]


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
    seen = np.isfinite(peaks).all(axis=-1) & (heights > settings.min_peak)
    positions, accepted = _TRIANGULATIONS[settings.triangulation](
        cameras,
        np.where(seen[..., None], peaks, np.nan),
        np.where(seen, np.clip(heights, 0.01, 1), 0),
        settings.max_error_px,
    )
    n_accepted = accepted.sum(axis=0)
    total = np.where(accepted, np.clip(heights, 0, 1), 0).sum(axis=0)
    located = np.isfinite(positions).all(axis=-1)
    confidence = np.where(located, total / np.maximum(n_accepted, 1), np.nan)
    return Located(positions, confidence)


def _robust(
    cameras: Sequence[Camera], pixels: FloatArray, weights: FloatArray, max_error: float | None
) -> tuple[FloatArray, BoolArray]:
    """Positions (..., 3), and which views (V, ...) they rest on."""
    found = triangulate(cameras, pixels, weights=weights, max_error=max_error)
    return found.points, found.accepted


def _pair_median(
    cameras: Sequence[Camera], pixels: FloatArray, weights: FloatArray, max_error: float | None
) -> tuple[FloatArray, BoolArray]:
    """As the reference program: every view that sees the animal counts."""
    return triangulate_pair_median(cameras, pixels), weights > 0


_TRIANGULATIONS = {"robust": _robust, "pair_median": _pair_median}
