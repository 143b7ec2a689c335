"""One position of two: what was carried to a moment from before it and from after it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from napari_sdannce.labeling.propagation import Tracked

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_sdannce.geometry import Camera

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]


def blend(
    one: Tracked,
    other: Tracked,
    cameras: Sequence[Camera | None],
    limits: Sequence[float],
) -> Tracked:
    """Blend what comes from two ends of a gap.

    Each end is a random walk away from its labels, so the blend is their mean weighted by the
    inverse of what they have gathered in variance (a Brownian bridge): where both were followed
    equally well, by the distance in time. Where only one end has a keypoint, it is taken as it is.

    Parameters
    ----------
    one, other
        The same moment.
    cameras
        One a view, None where it is not calibrated.
    limits
        (V,) px: keypoints of which the two ends are farther apart in any view are lost.
    """
    linked = [view for view, camera in enumerate(cameras) if camera is not None]
    if len(linked) < 2:  # each view was followed by itself
        linked = []
    apart = _apart(one, other, cameras, linked)
    far = apart > np.asarray(limits, dtype=np.float64)[:, None, None]
    far[linked] = far[linked].any(axis=0)
    share = _share(one, other)
    points = _mean(one.points, other.points, share[..., None])
    positions = np.full(one.points_3d.shape, np.nan)
    if linked:
        positions = _mean(one.points_3d, other.points_3d, share[linked[0]][..., None])
        positions = np.where(far[linked[0]][..., None], np.nan, positions)
        blended = np.isfinite(one.points_3d) & np.isfinite(other.points_3d)
        for view in linked:
            projected = _projected(cameras[view], positions)
            points[view] = np.where(blended[..., :1], projected, points[view])
            # an image that shows neither end shows nothing between them
            shown = np.isfinite(one.points[view]) | np.isfinite(other.points[view])
            points[view] = np.where(shown, points[view], np.nan)
    return Tracked(
        one.moment,
        positions,
        np.where(far[..., None], np.nan, points),
        np.where(far, np.nan, _mean(one.round_trip, other.round_trip, share)),
        1 / (1 / _known(one) + 1 / _known(other)),
        apart,
    )


def _known(tracked: Tracked) -> FloatArray:
    """(V, A, K) variance where the keypoint is there, else without bounds."""
    in_space = np.isfinite(tracked.points_3d).all(axis=-1)
    there = in_space | np.isfinite(tracked.points).all(axis=-1)
    return np.where(there, np.maximum(tracked.variance, 1e-9), 1e30)


def _share(one: Tracked, other: Tracked) -> FloatArray:
    """(V, A, K) weight of the first of two, 0 to 1."""
    mine, theirs = _known(one), _known(other)
    return np.asarray(theirs / (mine + theirs))


def _mean(one: FloatArray, other: FloatArray, share: FloatArray) -> FloatArray:
    """Weighted mean, or the one that is there."""
    both = share * one + (1 - share) * other
    return np.where(np.isnan(one), other, np.where(np.isnan(other), one, both))


def _apart(
    one: Tracked, other: Tracked, cameras: Sequence[Camera | None], linked: Sequence[int]
) -> FloatArray:
    """(V, A, K) px between two, NaN where there is only one."""
    away = one.points - other.points
    for view in linked:
        mine, theirs = (_projected(cameras[view], each.points_3d) for each in (one, other))
        away[view] = mine - theirs
    return np.asarray(np.linalg.norm(away, axis=-1))


def _projected(camera: Camera | None, positions: FloatArray) -> FloatArray:
    assert camera is not None
    return camera.project(positions)
