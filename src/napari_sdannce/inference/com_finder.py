"""Images of all cameras, and the animals in them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch

from napari_sdannce.inference.locate import find_peaks, locate
from napari_sdannce.inference.match_peaks import match_peaks
from napari_sdannce.models.com import normalise_images
from napari_sdannce.models.com_images import prepare_image, stack_images, to_frame_pixels
from napari_sdannce.models.devices import device_of, mixed_precision
from napari_sdannce.models.image_peaks import local_peaks
from napari_sdannce.predictions import ComChunk, Reason

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_sdannce.geometry import Camera
    from napari_sdannce.models.com import ComConfig, ComNet
    from napari_sdannce.settings.com import ComImageSettings, ComPredictSettings

FloatArray = npt.NDArray[np.float64]
Image = npt.NDArray[np.uint8]

_FEWEST_VIEWS = 2
_CANDIDATES = 2  # peaks looked at in a shared heatmap, for each animal: some are of none


@dataclass(frozen=True, eq=False)
class ImagesOfMoments:
    """Images of n moments, ready for the network.

    Parameters
    ----------
    images
        (B, H, W, C), those that could be read.
    shapes
        (height, width) of each within its frame of zeros.
    readable
        (n, V) which ones they are, moment by moment.
    """

    images: npt.NDArray[Any]
    shapes: tuple[tuple[int, int], ...]
    readable: npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class ComFinder:
    """Finds animals in images of all cameras.

    Parameters
    ----------
    network
        On the device where it shall run.
    cameras
        V.
    image
        How frames become images.
    size
        (height, width) that the images of all cameras fit into.
    settings
        How peaks are found and become positions.
    config
        How many animals there are, in how many heatmaps.
    """

    network: ComNet
    cameras: tuple[Camera, ...]
    image: ComImageSettings
    size: tuple[int, int]
    settings: ComPredictSettings
    config: ComConfig

    def prepare(self, moments: Sequence[Sequence[Image | None]]) -> ImagesOfMoments:
        """Make the network's images of the frames of some moments."""
        prepared = [
            prepare_image(frame, self.image)
            for frames in moments
            for frame in frames
            if frame is not None
        ]
        readable = np.array([[frame is not None for frame in frames] for frames in moments])
        if not prepared:
            return ImagesOfMoments(np.zeros((0, *self.size, 1)), (), readable)
        shapes = tuple((each.shape[0], each.shape[1]) for each in prepared)
        return ImagesOfMoments(stack_images(prepared, self.size), shapes, readable)

    def find(self, given: ImagesOfMoments) -> ComChunk:
        """Centres of mass of n moments."""
        peaks, heights = self.peaks(given)
        located = locate(
            self.cameras, np.moveaxis(peaks, 1, 0), np.moveaxis(heights, 1, 0), self.settings
        )
        readable = np.isfinite(heights).sum(axis=1) >= _FEWEST_VIEWS
        why = np.where(readable, Reason.NOT_SEEN, Reason.UNREADABLE_FRAME)
        missing = np.isnan(located.positions).any(axis=-1)
        return ComChunk(
            positions=located.positions,
            confidence=located.confidence,
            peaks=peaks,
            peak_confidence=heights,
            reasons=np.where(missing, why, Reason.NONE).astype(np.uint8),
        )

    def peaks(self, given: ImagesOfMoments) -> tuple[FloatArray, FloatArray]:
        """Where views see animals: (n, V, A, 2) px of the frames, and heights (n, V, A).

        Both are NaN where there is no image. In a shared heatmap that does not show an animal, its
        height is 0 and the place NaN.
        """
        peaks, heights = self._peaks_in_views(given)
        if self.config.channels == "identity":
            return peaks, heights
        counted = np.where(heights > self.settings.min_peak, heights, np.nan)
        matches = [
            match_peaks(self.cameras, seen, high, self.config.n_animals, self.settings.max_error_px)
            for seen, high in zip(peaks, counted, strict=True)
        ]
        return _of_animals(peaks, heights, np.stack(matches), given.readable)

    def _peaks_in_views(self, given: ImagesOfMoments) -> tuple[FloatArray, FloatArray]:
        """Peaks (n, V, P, 2) px of the frames, and their heights (n, V, P); NaN without image."""
        count = self.config.n_animals * (1 if self.config.channels == "identity" else _CANDIDATES)
        peaks = np.full((*given.readable.shape, count, 2), np.nan)
        heights = np.full((*given.readable.shape, count), np.nan)
        if not len(given.images):
            return peaks, heights
        device = device_of(self.network)
        with torch.inference_mode():
            images = normalise_images(torch.from_numpy(given.images).to(device))
            with mixed_precision(device):
                answers = self.network(images).float()
            heatmaps = self.network.spots(answers).cpu().numpy()
        places = np.argwhere(given.readable)
        for (moment, view), maps, (height, width) in zip(
            places, heatmaps, given.shapes, strict=True
        ):
            peaks[moment, view], heights[moment, view] = self._peaks_of(maps[:, :height, :width])
        return peaks, heights

    def _peaks_of(self, heatmaps: npt.NDArray[np.float32]) -> tuple[FloatArray, FloatArray]:
        """Peaks (P, 2) px of the frame, and heights (P,), of one image's heatmaps (C, h, w)."""
        subpixel = self.settings.subpixel
        if self.config.channels == "identity":
            return find_peaks(heatmaps, self.image, subpixel=subpixel)
        radius = max(round(self.settings.peak_distance_px / self.image.downsample), 1)
        count = self.config.n_animals * _CANDIDATES
        found, heights = local_peaks(heatmaps[0], count, radius=radius, subpixel=subpixel)
        return to_frame_pixels(found, self.image), heights


def _of_animals(
    peaks: FloatArray,
    heights: FloatArray,
    matches: npt.NDArray[np.int64],
    readable: npt.NDArray[np.bool_],
) -> tuple[FloatArray, FloatArray]:
    """Peaks (n, V, A, 2) and heights (n, V, A) of the animals that peaks were matched to.

    `matches` (n, V, A) are places among the peaks (n, V, P), -1 = none.
    """
    seen = matches >= 0
    chosen = np.take_along_axis(peaks, matches[..., None], axis=2)
    height = np.where(seen, np.take_along_axis(heights, matches, axis=2), 0)
    return np.where(seen[..., None], chosen, np.nan), np.where(readable[..., None], height, np.nan)
