"""Images of all cameras, and the animals in them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch

from napari_sdannce.inference.locate import find_peaks, locate
from napari_sdannce.models.com import normalise_images
from napari_sdannce.models.com_images import prepare_image, stack_images
from napari_sdannce.models.devices import device_of, mixed_precision
from napari_sdannce.predictions import ComChunk, Reason

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_sdannce.geometry import Camera
    from napari_sdannce.models.com import ComNet
    from napari_sdannce.settings.com import ComImageSettings, ComPredictSettings

FloatArray = npt.NDArray[np.float64]
Image = npt.NDArray[np.uint8]

_FEWEST_VIEWS = 2


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
    """

    network: ComNet
    cameras: tuple[Camera, ...]
    image: ComImageSettings
    size: tuple[int, int]
    settings: ComPredictSettings

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
        """Peaks (n, V, A, 2) px of the frames, and their heights (n, V, A); NaN without image."""
        n_animals = self.network.config.n_animals
        peaks = np.full((*given.readable.shape, n_animals, 2), np.nan)
        heights = np.full((*given.readable.shape, n_animals), np.nan)
        if not len(given.images):
            return peaks, heights
        device = device_of(self.network)
        with torch.inference_mode(), mixed_precision(device):
            images = normalise_images(torch.from_numpy(given.images).to(device))
            heatmaps = self.network(images).float().cpu().numpy()
        places = np.argwhere(given.readable)
        for (moment, view), maps, (height, width) in zip(
            places, heatmaps, given.shapes, strict=True
        ):
            peaks[moment, view], heights[moment, view] = find_peaks(
                maps[:, :height, :width], self.image, subpixel=self.settings.subpixel
            )
        return peaks, heights
