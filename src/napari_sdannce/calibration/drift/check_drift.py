"""Cameras that have moved since they were calibrated, told by points that all of them see."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from napari_sdannce.calibration.solver.bundle import residuals

from .choose_points import choose_points
from .place_sigma import is_unlike
from .point_rig import PointRig

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_sdannce.calibration.solver.bundle import Rig
    from napari_sdannce.geometry import Camera

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

_LEAST_POINTS = 12
_MOST_POINTS = 400
_SHARE = 0.05
"""Share of all misfit that a camera must explain by standing elsewhere."""
_LEAST_PX = 1.0
_FAR = 0.1
"""Of the focal length; nobody turns a camera so far by mistake."""
_SCATTER = 0.02
"""Of the focal length, 1.1 degrees: half of what people label is seen elsewhere by less."""


@dataclass(frozen=True, slots=True)
class CameraDrift:
    """How a camera agrees with the others.

    Parameters
    ----------
    name
        Camera.
    points
        How many points it was compared at, each of which three cameras see at the least.
    median_px
        Median distance of its points from where all cameras together put them.
    shift_px
        (x, y) of a camera that has moved: how far its image is shifted, median over the points.
    moved
        Whether it has moved.
    is_like
        Whether it may be the camera that was calibrated: where its points are can be explained,
        if not by where it stood, by where it stands now.
    is_far
        Whether it has moved so far that it may as well be another camera, or its images have
        another size: some such, too, may be seen from elsewhere.
    """

    name: str
    points: int
    median_px: float
    shift_px: tuple[float, float]
    moved: bool
    is_like: bool = True
    is_far: bool = False

    @property
    def is_told(self) -> bool:
        """Whether the points are enough to tell."""
        return self.points >= _LEAST_POINTS


def check_drift(cameras: Sequence[Camera], pixels: FloatArray) -> tuple[CameraDrift, ...]:
    """Compare each camera with the others.

    Points that people or trackers place are off in any direction; no other pose of a camera mends
    that. Where a camera has moved, another pose of it does. So each is tried, the one that explains
    most is believed if that is much, and with it the others are tried again.

    Parameters
    ----------
    cameras
        V cameras, three at the least: two can not tell which of them has moved.
    pixels
        (V, N, 2) px of points that are the same in all views, NaN where not seen.

    Raises
    ------
    ValueError
        When there are fewer than three cameras.
    """
    if len(cameras) < 3:
        raise ValueError(
            f"drift needs three cameras, got {len(cameras)}: of two, nothing tells which has moved"
        )
    flat = np.asarray(pixels, dtype=np.float64).reshape(len(cameras), -1, 2)
    seen_by = np.isfinite(flat).all(axis=2)
    flat = flat[:, choose_points(seen_by & (seen_by.sum(axis=0) >= 3), _MOST_POINTS)]
    flat = _different(flat)
    seen = np.isfinite(flat).all(axis=2).sum(axis=1)
    points = PointRig.of(cameras, flat)
    rig, moved = points.rig, list[int]()
    before = left = seen * np.nan
    if len(points.sightings.view):
        rig, moved = _find_moved(points, seen)
        before, left = points.by_camera(points.rig), points.by_camera(rig)
    elsewhere = np.isin(np.arange(len(cameras)), moved)
    unlike = _unlike(cameras, flat, left, elsewhere) & (seen >= _LEAST_POINTS)
    stands = elsewhere & ~unlike
    return tuple(
        CameraDrift(
            camera.name,
            int(seen[view]),
            float(before[view]),
            _shift(points, rig, view) if stands[view] else (0.0, 0.0),
            bool(stands[view]),
            not unlike[view],
            bool(stands[view] and before[view] > _FAR * camera.matrix[0, 0]),
        )
        for view, camera in enumerate(cameras)
    )


def _unlike(
    cameras: Sequence[Camera], pixels: FloatArray, left: FloatArray, moved: BoolArray
) -> BoolArray:
    """(V,) cameras whose points are far off wherever they may stand.

    Parameters
    ----------
    cameras
        V cameras.
    pixels
        (V, N, 2) px.
    left
        (V,) px that half of their points are off, of those that moved where they stand now.
    moved
        (V,) which have moved.
    """
    far = left > _SCATTER * np.array([camera.matrix[0, 0] for camera in cameras])
    good = ~far & ~moved
    if good.sum() < 2:  # nobody to be told by
        return np.full(len(cameras), far.any())
    if not moved.any():
        return np.asarray(far)
    # a mirrored image is nearly what may be seen from elsewhere, and so is one of another lens;
    # the others are off themselves where they are to agree with it
    points = PointRig.of(cameras, pixels, placing=np.flatnonzero(good).tolist())
    usual = float(np.nanmedian(points.by_camera(points.rig)[good]))
    return np.asarray(far | (moved & is_unlike(left, usual)))


def _different(pixels: FloatArray) -> FloatArray:
    """(V, n, 2) px of points (V, N, 2), each only once: repeated, a point tells no more."""
    n_views, n, _ = pixels.shape
    rows = np.nan_to_num(np.swapaxes(pixels, 0, 1), nan=-np.inf).reshape(n, 2 * n_views)
    first = np.unique(rows, axis=0, return_index=True)[1]
    return np.asarray(pixels[:, np.sort(first)])


def _find_moved(points: PointRig, seen: npt.NDArray[np.int64]) -> tuple[Rig, list[int]]:
    """Cameras that have moved, and the rig with them where they stand now."""
    moved: list[int] = []
    while len(moved) < len(seen) - 2:
        sigma = points.sigma_px(points.rig)
        points = replace(points, rig=points.adjusted(moved, sigma))
        tries = [v for v in range(len(seen)) if v not in moved and seen[v] >= _LEAST_POINTS]
        shares = [_explained(points, [*moved, view], sigma) for view in tries]
        if not tries or max(shares) < _SHARE:
            break
        view = tries[int(np.argmax(shares))]
        found = points.adjusted([*moved, view], sigma)
        if np.linalg.norm(_shift(points, found, view)) < _LEAST_PX:
            break
        moved.append(view)
        points = replace(points, rig=found)
    return points.rig, moved


def _explained(points: PointRig, free: Sequence[int], sigma: float) -> float:
    """Share of the misfit that is gone when some cameras stand elsewhere.

    On points that they were not placed by, in another part of the volume: a keypoint that people
    see elsewhere from one side than from the other is off in the same way in all frames, and a
    camera could be turned to please it.
    """
    there = points.rig.boards.translation
    along = (there - there.mean(axis=0)) @ np.linalg.svd(there - there.mean(axis=0))[2][0]
    far = along > np.median(along)
    before = after = 0.0
    if not far.any():
        return 0.0
    for half in (far, ~far):
        fitted, tested = (points.part(np.flatnonzero(which)) for which in (half, ~half))
        before += tested.problem((), sigma).cost(tested.rig)
        cameras = fitted.adjusted(free, sigma).cameras
        moved = replace(tested, rig=replace(tested.rig, cameras=cameras))
        after += moved.problem((), sigma).cost(moved.adjusted((), sigma))
    return 1 - after / before if before else 0.0


def _shift(points: PointRig, rig: Rig, view: int) -> tuple[float, float]:
    """(x, y) median px by which points of a camera lie elsewhere than in its pose before."""
    own = points.sightings.view == view
    before = replace(rig, cameras=points.rig.cameras)
    moved = residuals(rig, points.lens, points.sightings)[own, 0]
    stayed = residuals(before, points.lens, points.sightings)[own, 0]
    x, y = np.nanmedian(moved - stayed, axis=0)
    return float(x), float(y)
