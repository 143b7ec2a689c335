"""Views whose points are followed together, tied in space, and views followed by themselves.

Fused positions are where every view goes on from: a view that loses a point gets it back from the
others, and one that is led astray, by something that came in front, is told by the others.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from napari_sdannce.geometry import triangulate
from napari_sdannce.labeling.flow import inside, unit_px
from napari_sdannce.labeling.view_track import Seen, ViewTrack

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from napari_sdannce.geometry import Camera
    from napari_sdannce.labeling.propagation_settings import PropagationSettings
    from napari_sdannce.video.pixels import Image

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

_ENOUGH = 2


@dataclass(frozen=True, eq=False, slots=True)
class Step:
    """P keypoints at a new moment, in C views.

    Parameters
    ----------
    positions
        (P, 3) mm, NaN where they are not known.
    points
        (C, P, 2) px, NaN where nothing is to be shown.
    round_trip
        (C, P) px of the views in which a point was followed, NaN of others.
    variance
        (C, P) px^2 since the start.
    """

    positions: FloatArray
    points: FloatArray
    round_trip: FloatArray
    variance: FloatArray


class FreeView:
    """A view followed by itself: not calibrated, or the only one that is.

    Parameters
    ----------
    points
        (P, 2) px in the first image, NaN where the view does not show the keypoint.
    image
        (H, W) uint8, the first; None: nothing can be followed.
    settings
        When it is believed.
    """

    def __init__(
        self, points: FloatArray, image: Image | None, settings: PropagationSettings
    ) -> None:
        self._settings = settings
        self._track = None if image is None else ViewTrack(image, points, settings.flow)
        self._variance = np.zeros(len(points))

    @property
    def is_lost(self) -> bool:
        """Whether there is nothing left to follow."""
        return self._track is None or not self._track.active.any()

    def step(self, images: Sequence[Image | None]) -> Step:
        """Follow the points to the next image, of one view; None: wait."""
        n, (image,) = len(self._variance), images
        nowhere = np.full((n, 3), np.nan)
        if self._track is None or image is None:
            nothing = np.full((1, n), np.nan)
            return Step(nowhere, np.full((1, n, 2), np.nan), nothing, self._variance[None].copy())
        seen = self._track.see(image)
        self._track.go_on(image, seen.points, seen.found)
        sigma = self._settings.sigma * seen.unit
        self._variance += sigma**2 + np.nan_to_num(seen.round_trip) ** 2
        return Step(nowhere, seen.points[None], seen.round_trip[None], self._variance[None].copy())


class LinkedViews:
    """Calibrated views, two or more, whose points are fused in space.

    Views are compared by how their points moved, not by where they are: a click may lie beside what
    the calibration makes of the others.

    Parameters
    ----------
    cameras
        C of them.
    points, trust
        (C, P, 2) px and (C, P) weights in the first images, as in `Start`.
    positions
        (P, 3) mm, NaN of keypoints that are not known in space and so are not followed.
    images
        The first, (H, W) uint8; None: the view cannot take part.
    settings
        When views are believed.
    """

    def __init__(
        self,
        cameras: Sequence[Camera],
        points: FloatArray,
        trust: FloatArray,
        positions: FloatArray,
        images: Sequence[Image | None],
        settings: PropagationSettings,
    ) -> None:
        self._cameras, self._trust, self._settings = cameras, trust, settings
        self._alive = np.asarray(np.isfinite(positions).all(axis=-1))
        self._anchors = self._project(positions)
        points = np.where(self._alive[:, None], points, np.nan)
        self._tracks = [
            None if image is None else ViewTrack(image, seen, settings.flow)
            for image, seen in zip(images, points, strict=True)
        ]
        sizes = [None if image is None else image.shape for image in images]
        self._units = np.array([0.0 if size is None else unit_px(size) for size in sizes])[:, None]
        self._limits = np.array([1.0 if i is None else settings.flow.limit_px(i) for i in images])
        self._strain = np.zeros(points.shape)
        self._barred = np.zeros(trust.shape, bool)
        self._variance = np.zeros(trust.shape[1])

    @property
    def is_lost(self) -> bool:
        """Whether there is nothing left to follow."""
        return not self._alive.any()

    def step(self, images: Sequence[Image | None]) -> Step:
        """Follow the points to the next images; a view without one waits.

        A keypoint is lost for good when fewer than two views agree on it. It only waits, without a
        position, while the others that followed it have no image.
        """
        seen = [
            None if track is None or image is None else track.see(image)
            for track, image in zip(self._tracks, images, strict=True)
        ]
        pixels, round_trip = self._pixels(seen), self._round_trip(seen)
        found = np.isfinite(round_trip)
        positions, agrees = self._fuse(pixels, round_trip, self._asked(seen))
        is_known = np.asarray(np.isfinite(positions).all(axis=-1))
        # one view alone cannot disagree, and waits for the others
        goes_on = np.where(found.sum(axis=0) >= _ENOUGH, agrees, found)
        self._alive &= (goes_on | self._waiting(seen)).sum(axis=0) >= _ENOUGH
        projected = self._project(positions)
        self._go_on(seen, np.where(is_known[:, None], projected, pixels), goes_on, is_known)
        used = agrees & is_known
        self._variance += self._widening(np.where(used, round_trip, 0.0), used)
        shown = [
            np.full(at.shape, np.nan)
            if image is None
            else np.where(inside(at, image.shape)[:, None], at, np.nan)
            for at, image in zip(projected, images, strict=True)
        ]
        return Step(
            positions,
            np.stack(shown),
            np.where(used, round_trip, np.nan),
            np.broadcast_to(self._variance, used.shape).copy(),
        )

    def _project(self, positions: FloatArray) -> FloatArray:
        """(C, P, 2) px of positions (P, 3)."""
        return np.stack([camera.project(positions) for camera in self._cameras])

    def _round_trip(self, seen: Sequence[Seen | None]) -> FloatArray:
        """(C, P) px, NaN of views without an image."""
        nothing = np.full(self._trust.shape[1], np.nan)
        return np.stack([nothing if each is None else each.round_trip for each in seen])

    def _pixels(self, seen: Sequence[Seen | None]) -> FloatArray:
        """(C, P, 2) px where each view would put the keypoint, from how it moved."""
        before = [None if track is None else track.points for track in self._tracks]
        nothing = np.full(self._anchors.shape[1:], np.nan)
        moved = [
            nothing if new is None or old is None else new.points - old
            for new, old in zip(seen, before, strict=True)
        ]
        return np.asarray(self._anchors + np.stack(moved))

    def _asked(self, seen: Sequence[Seen | None]) -> BoolArray:
        """(C, P) points that views with an image were to find."""
        return np.stack([self._active(t) & (s is not None) for t, s in self._pairs(seen)])

    def _waiting(self, seen: Sequence[Seen | None]) -> BoolArray:
        """(C, P) points of views that have no image now."""
        return np.stack([self._active(t) & (s is None) for t, s in self._pairs(seen)])

    def _active(self, track: ViewTrack | None) -> BoolArray:
        return np.zeros(self._trust.shape[1], bool) if track is None else track.active

    def _pairs(self, seen: Sequence[Seen | None]) -> Iterator[tuple[ViewTrack | None, Seen | None]]:
        return zip(self._tracks, seen, strict=True)

    def _fuse(
        self, pixels: FloatArray, round_trip: FloatArray, asked: BoolArray
    ) -> tuple[FloatArray, BoolArray]:
        """Positions (P, 3) on which enough views agree, and the views (C, P) that do."""
        settings = self._settings
        share = round_trip / self._limits[:, None]
        weights = np.where(np.isfinite(share), self._trust / (1 + share**2), 0.0)
        fused = triangulate(
            self._cameras,
            pixels,
            weights=weights,
            max_error=settings.disagreement * max(float(self._units.max()), 1e-3),
            threads=1,
        )
        away = pixels - self._project(fused.points)
        agrees = fused.accepted & (fused.residuals <= settings.disagreement * self._units)
        self._strain = settings.memory * self._strain + np.where(agrees[..., None], away, 0.0)
        self._barred |= np.linalg.norm(self._strain, axis=-1) > settings.strain * self._units
        agrees &= ~self._barred
        # two views agree by chance easily: where most lose a point at once, something is in front
        least = settings.majority * (self._trust * asked).sum(axis=0)
        trusted = (self._trust * agrees).sum(axis=0) > least
        enough = (agrees.sum(axis=0) >= _ENOUGH) & trusted
        agrees &= enough
        return np.where(enough[:, None], fused.points, np.nan), agrees

    def _go_on(
        self,
        seen: Sequence[Seen | None],
        places: FloatArray,
        goes_on: BoolArray,
        is_known: BoolArray,
    ) -> None:
        """Let every view that has an image follow from `places` (C, P, 2) px."""
        least = self._settings.recognised
        for view, (track, new) in enumerate(self._pairs(seen)):
            if track is None or new is None:
                continue
            own = np.where(is_known[:, None], places[view], new.points)
            self._anchors[view] = places[view]
            track.go_on(new.image, own, goes_on[view] & self._alive)
            track.recognise(is_known & self._alive & ~self._barred[view], least)

    def _widening(self, round_trip: FloatArray, used: BoolArray) -> FloatArray:
        """(P,) px^2 that a step adds, less where more views are fused."""
        n_used = np.maximum(used.sum(axis=0), 1)
        sigma = self._settings.sigma * float(self._units.max())
        step = sigma**2 + (round_trip**2).sum(axis=0) / n_used
        return np.asarray(step / n_used)
