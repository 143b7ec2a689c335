"""Points of one view, followed from image to image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from napari_sdannce.labeling.flow import FlowSettings, follow, inside, likeness, looks, unit_px

if TYPE_CHECKING:
    from napari_sdannce.video.pixels import Image

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False, slots=True)
class Seen:
    """What a view says of its points in a new image.

    Parameters
    ----------
    image
        (H, W) uint8.
    points
        (P, 2) px, NaN where a point is not followed or was not found.
    round_trip
        (P,) px, NaN likewise.
    """

    image: Image
    points: FloatArray
    round_trip: FloatArray

    @property
    def found(self) -> BoolArray:
        """(P,) points that were found."""
        return np.isfinite(self.round_trip)

    @property
    def unit(self) -> float:
        """Pixels that settings call one."""
        return unit_px(self.image.shape)


class ViewTrack:
    """Points of one view: where they were last seen, and how it looked there.

    Parameters
    ----------
    image
        (H, W) uint8 image in which the points are known.
    points
        (P, 2) px in that image, NaN where the view does not see one.
    settings
        How to follow them.
    """

    def __init__(self, image: Image, points: FloatArray, settings: FlowSettings) -> None:
        self.image = image
        self.points = points.copy()
        self.active = inside(points, image.shape)
        self._settings = settings
        self._side = settings.window_px(image)
        self._looks = looks(image, points, self._side)

    def see(self, image: Image) -> Seen:
        """Look for the points in a new image; what the view knows stays until `go_on`."""
        origins = np.where(self.active[:, None], self.points, np.nan)
        flow = follow(self.image, image, origins, self._settings)
        alike = likeness(looks(image, flow.points, self._side), self._looks)
        short = flow.round_trip <= self._settings.limit_px(image)
        good = short & (alike >= self._settings.likeness)
        points = np.where(good[:, None], flow.points, np.nan)
        return Seen(image, points, np.where(good, flow.round_trip, np.nan))

    def go_on(self, image: Image, points: FloatArray, active: BoolArray) -> None:
        """Follow from here: points (P, 2) px of a new image; those not `active` (P,) rest."""
        self.image = image
        self.points = points.copy()
        self.active = active & inside(points, image.shape)
        self._looks[self.active] = looks(image, points[self.active], self._side)

    def recognise(self, which: BoolArray, least: float) -> None:
        """Follow resting points again that look as they did when they were last seen.

        Parameters
        ----------
        which
            (P,) points that may come back, if they lie inside the image.
        least
            Least correlation.
        """
        resting = np.where((which & ~self.active)[:, None], self.points, np.nan)
        self.active |= likeness(looks(self.image, resting, self._side), self._looks) >= least
