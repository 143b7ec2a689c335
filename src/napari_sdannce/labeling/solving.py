"""What follows from the labels of a moment: positions in space, and which points disagree."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from napari_sdannce.geometry import triangulate
from napari_sdannce.labels import LabelState

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_sdannce.geometry import Camera
    from napari_sdannce.labeling.frame_labels import FrameLabels

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

_UNCERTAIN = 0.5
_LOCKED = 100.0
# a single click wins against the proposals of any number of views
_PROPOSAL = 0.02
_ENOUGH = 2
# two clicks that disagree tell nothing about which is wrong
_TELLING = 3


@dataclass(frozen=True, eq=False)
class Solution:
    """Positions in space, and how the points of each view fit them.

    Parameters
    ----------
    points_3d
        (A, K, 3) mm; NaN where fewer than two views have a point.
    states
        (V, A, K) as points are to be shown: clicked ones that the others outvote are
        `LabelState.REJECTED`, views without a click of a complete keypoint
        `LabelState.REPROJECTED`.
    points
        (V, A, K, 2) px, as they are to be shown; NaN where nothing is.
    projected
        (V, A, K, 2) px, the positions in space as each camera sees them.
    complete
        (A, K) whether the position in space is a person's: of clicks in two views or more, or
        accepted.
    error_px
        (V, A, K) distance of each click from where the *other* clicks put the keypoint
        (leave-one-out); NaN of fewer than three clicks.
    residual_px
        (V, A, K) distance of each click from the projected position.
    covariance
        (A, K, 3, 3) mm^2.
    """

    points_3d: FloatArray
    states: npt.NDArray[np.uint8]
    points: FloatArray
    projected: FloatArray
    complete: BoolArray
    error_px: FloatArray
    residual_px: FloatArray
    covariance: FloatArray


def solve(labels: FrameLabels, cameras: Sequence[Camera | None]) -> Solution:
    """Triangulate what people clicked, robustly; where they did not, what programs propose.

    Reprojections never vote, so that solving again moves nothing.

    Parameters
    ----------
    labels
        Points of a moment.
    cameras
        One a view, None where it is not calibrated: such a view can be labelled, and neither votes
        nor is projected into.
    """
    calibrated = [view for view, camera in enumerate(cameras) if camera is not None]
    known = [camera for camera in cameras if camera is not None]
    calibrated_clicks = labels.clicked[calibrated].sum(axis=0)
    weights = _weights(labels, calibrated_clicks)
    n_animals, n_keypoints = labels.accepted.shape
    projected = np.full(labels.points.shape, np.nan)
    errors, residuals = (np.full(labels.states.shape, np.nan) for _ in range(2))
    outvoted = np.zeros(labels.states.shape, bool)
    if len(known) < _ENOUGH:
        points_3d = np.full((n_animals, n_keypoints, 3), np.nan)
        covariance = np.full((n_animals, n_keypoints, 3, 3), np.nan)
    else:
        pixels, votes = labels.points[calibrated], weights[calibrated]
        found = triangulate(known, pixels, weights=votes, threads=1)
        points_3d, covariance = found.points, found.covariance
        projected[calibrated] = np.stack([camera.project(points_3d) for camera in known])
        clicks = labels.clicked[calibrated]
        residuals[calibrated] = np.where(clicks, found.residuals, np.nan)
        errors[calibrated] = _leave_one_out(known, pixels, np.where(clicks, votes, 0.0))
        telling = clicks.sum(axis=0) >= _TELLING
        outvoted[calibrated] = clicks & ~found.accepted & telling
    is_known = np.isfinite(points_3d).all(axis=-1)
    complete = np.asarray(is_known & ((calibrated_clicks >= _ENOUGH) | labels.accepted))
    states, points = _shown(labels, projected, complete, outvoted)
    return Solution(points_3d, states, points, projected, complete, errors, residuals, covariance)


def _weights(labels: FrameLabels, n_clicks: npt.NDArray[np.int64]) -> FloatArray:
    """(V, A, K) votes: of clicks, and only where these (A, K) are too few, of proposals."""
    clicked = labels.clicked
    weights = np.where(labels.states == LabelState.UNCERTAIN, _UNCERTAIN, 1.0) * clicked
    weights = np.where(labels.locked & clicked, _LOCKED, weights)
    return np.where(labels.proposed & (n_clicks < _ENOUGH), _PROPOSAL, weights)


def _leave_one_out(cameras: Sequence[Camera], pixels: FloatArray, votes: FloatArray) -> FloatArray:
    """(V, A, K) px between each click and the position that the other clicks give."""
    n_views = len(cameras)
    others = np.repeat(votes[:, None], n_views, axis=1)
    others[np.arange(n_views), np.arange(n_views)] = 0.0
    enough = (votes > 0) & ((votes > 0).sum(axis=0) >= _TELLING)
    if not enough.any():
        return np.full(votes.shape, np.nan)
    seen = np.repeat(pixels[:, None], n_views, axis=1)
    points = triangulate(cameras, seen, weights=others, threads=1).points
    away = np.stack(
        [
            np.linalg.norm(camera.project(points[view]) - pixels[view], axis=-1)
            for view, camera in enumerate(cameras)
        ]
    )
    return np.where(enough, away, np.nan)


def _shown(
    labels: FrameLabels, projected: FloatArray, complete: BoolArray, outvoted: BoolArray
) -> tuple[npt.NDArray[np.uint8], FloatArray]:
    """States and points as a person is to see them."""
    states, points = labels.states.copy(), labels.points.copy()
    states[outvoted] = LabelState.REJECTED
    follows = complete & (labels.proposed | (labels.states == LabelState.NONE))
    follows = follows & np.isfinite(projected).all(axis=-1)
    states[follows] = LabelState.REPROJECTED
    hidden = (labels.states == LabelState.OCCLUDED) & np.isfinite(projected).all(axis=-1)
    points = np.where((follows | hidden)[..., None], projected, points)
    points[labels.states == LabelState.NOT_IN_VIEW] = np.nan
    return states, points
