"""Every corner that was fitted: where it was found, and by how much the fit misses it."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from napari_sdannce.calibration.detection.detections import Detections
    from napari_sdannce.calibration.solver.solution import Solution

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]
IntArray = npt.NDArray[np.int64]

_NEIGHBOURS = 4
"""Frames from a sighting before to one after, at most, for a speed between them."""
_LEAST_CORNERS = 3


@dataclass(frozen=True, eq=False, slots=True)
class Misses:
    """Corners, one by one.

    Parameters
    ----------
    sighting
        (N,) of which sighting.
    view, moment
        (N,) camera, and moment of the recording.
    spots
        (N, 2) px where it was found.
    misses
        (N, 2) px from there to where the fit has it.
    left_out
        (N,) whether it was not used.
    """

    sighting: IntArray
    view: IntArray
    moment: IntArray
    spots: FloatArray
    misses: FloatArray
    left_out: BoolArray

    @property
    def lengths(self) -> FloatArray:
        """(N,) px."""
        return np.asarray(np.linalg.norm(self.misses, axis=1))

    def of_view(self, view: int) -> Misses:
        """Those of one camera."""
        return self.take(self.view == view)

    def take(self, which: BoolArray) -> Misses:
        """Only some."""
        return Misses(
            self.sighting[which],
            self.view[which],
            self.moment[which],
            self.spots[which],
            self.misses[which],
            self.left_out[which],
        )


def misses_of(solution: Solution) -> Misses:
    """All corners that were fitted, also those that were left out."""
    found, missed = solution.detections, solution.misses
    sighting, corner = np.nonzero(np.isfinite(missed).all(axis=-1))
    return Misses(
        sighting,
        found.view[sighting],
        found.moment[sighting],
        found.corners[sighting, corner],
        missed[sighting, corner],
        solution.fit.left_out[sighting, corner],
    )


@dataclass(frozen=True, eq=False, slots=True)
class SightingErrors:
    """Sightings, one by one.

    Parameters
    ----------
    view, moment
        (G,) camera, and moment of the recording.
    median_px
        (G,) median of how far its corners are missed.
    left_out
        (G,) whether most of its corners were not used.
    speed
        (G,) how fast the board moved in the image, px a frame; NaN where that can't be told.
    """

    view: IntArray
    moment: IntArray
    median_px: FloatArray
    left_out: BoolArray
    speed: FloatArray


def sighting_errors(solution: Solution) -> SightingErrors:
    """How far the fit misses each sighting."""
    corners, found = misses_of(solution), solution.detections
    lengths = corners.lengths
    median, out = np.full(len(found), np.nan), np.zeros(len(found), dtype=bool)
    # corners come sighting by sighting
    begins = np.searchsorted(corners.sighting, np.arange(len(found) + 1))
    for i, (begin, end) in enumerate(pairwise(begins)):
        if begin < end:
            median[i] = np.median(lengths[begin:end])
            out[i] = corners.left_out[begin:end].mean() > 0.5
    return SightingErrors(found.view, found.moment, median, out, image_speeds(found))


def image_speeds(detections: Detections) -> FloatArray:
    """(G,) px a frame by which the board's corners moved, from sightings just before and after.

    NaN where the camera did not see three same corners both times.
    """
    speeds = np.full(len(detections), np.nan)
    for view in range(len(detections.names)):
        own = np.flatnonzero(detections.view == view)
        own = own[np.argsort(detections.moment[own], kind="stable")]
        for before, now, after in zip(own, own[1:], own[2:], strict=False):
            span = int(detections.moment[after] - detections.moment[before])
            moved = np.linalg.norm(detections.corners[after] - detections.corners[before], axis=-1)
            moved = moved[np.isfinite(moved)]
            if 0 < span <= _NEIGHBOURS and len(moved) >= _LEAST_CORNERS:
                speeds[now] = np.median(moved) / span
    return speeds
