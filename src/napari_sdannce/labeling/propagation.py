"""Labels of one moment carried on to later or earlier ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from napari_sdannce.labeling.commands import propose
from napari_sdannce.labeling.linked_views import FreeView, LinkedViews, Step
from napari_sdannce.labeling.propagation_settings import PropagationSettings
from napari_sdannce.labels import LabelState

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from napari_sdannce.geometry import Camera
    from napari_sdannce.labeling.commands import By
    from napari_sdannce.labeling.frame_labels import FrameLabels
    from napari_sdannce.labeling.solving import Solution
    from napari_sdannce.video.pixels import Image

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

_ENOUGH = 2
# a reprojection may lie on something in front of the keypoint: no person has looked
_TRUST = {
    LabelState.HUMAN: 1.0,
    LabelState.UNCERTAIN: 0.5,
    LabelState.REPROJECTED: 0.25,
    LabelState.REJECTED: 0.25,
}
_REPROJECTED = (LabelState.REPROJECTED, LabelState.REJECTED)


@dataclass(frozen=True, eq=False)
class Start:
    """Where propagation begins.

    Parameters
    ----------
    points
        (V, A, K, 2) px where each view shows the keypoint; NaN where it does not.
    trust
        (V, A, K) weight of what a view says.
    positions
        (A, K, 3) mm of the complete keypoints, NaN of others.
    """

    points: FloatArray
    trust: FloatArray
    positions: FloatArray

    @classmethod
    def of(cls, labels: FrameLabels, solution: Solution) -> Start:
        """Begin at clicks, and where there is none at the reprojection of a complete keypoint.

        Views in which a person said that the keypoint is hidden are not followed, nor are
        proposals.
        """
        trust = np.zeros(labels.states.shape)
        for state, weight in _TRUST.items():
            trust[solution.states == state] = weight
        follows = np.isin(solution.states, _REPROJECTED)
        points = np.where(follows[..., None], solution.projected, labels.points)
        return cls(
            np.where((trust > 0)[..., None], points, np.nan),
            trust,
            np.where(solution.complete[..., None], solution.points_3d, np.nan),
        )


@dataclass(frozen=True, eq=False)
class Tracked:
    """Keypoints of a moment, carried there from others.

    Parameters
    ----------
    moment
        Row of the recording's sync.
    points_3d
        (A, K, 3) mm, NaN of keypoints that are lost, or were followed in single views only.
    points
        (V, A, K, 2) px: the positions in space as each calibrated camera sees them, and what was
        followed in the others; NaN outside the image and where a camera has no image.
    round_trip
        (V, A, K) px by which following a point there and back misses where it began; NaN in views
        that the position does not rest on.
    variance
        (V, A, K) px^2, taking the way here as a random walk.
    apart
        (V, A, K) px between what the two ends of a gap say, NaN where it comes from one.
    """

    moment: int
    points_3d: FloatArray
    points: FloatArray
    round_trip: FloatArray
    variance: FloatArray
    apart: FloatArray

    @property
    def followed(self) -> BoolArray:
        """(V, A, K) views that a keypoint rests on."""
        return np.isfinite(self.round_trip)

    @property
    def quality(self) -> FloatArray:
        """(A, K) px, mean round trip of the views that follow a keypoint; NaN where it is lost."""
        count = self.followed.sum(axis=0)
        total = np.nan_to_num(self.round_trip).sum(axis=0)
        return np.where(count > 0, total / np.maximum(count, 1), np.nan)

    def over(self, labels: FrameLabels, by: By) -> FrameLabels:
        """Labels of the moment with these as proposals, `LabelState.TRACKED`.

        What a person said, or accepted, stays.
        """
        return propose(labels, self.points, by, LabelState.TRACKED)


def carry(
    start: Start,
    moments: Iterable[int],
    images: Iterable[Sequence[Image | None]],
    cameras: Sequence[Camera | None],
    settings: PropagationSettings | None = None,
) -> Iterator[Tracked]:
    """Carry labels along images.

    Parameters
    ----------
    start
        Keypoints in the first images.
    moments
        Rows of the sync, rising or falling; the first is that of `start`.
    images
        For each moment one (H, W) uint8 image a view, None where a camera has none: the view then
        waits for its next one.
    cameras
        One a view, None where it is not calibrated. With fewer than two calibrated ones each view
        is followed by itself.
    settings
        When views are believed.

    Yields
    ------
    Tracked
        One for every moment but the first, until all keypoints are lost.
    """
    pairs = iter(zip(moments, images, strict=False))
    first = next(pairs, None)
    if first is None:
        return
    groups = _groups(start, first[1], cameras, settings or PropagationSettings())
    for moment, seen in pairs:
        if all(group.is_lost for _, group in groups):
            return
        steps = [(views, group.step([seen[view] for view in views])) for views, group in groups]
        yield _joined(moment, start.trust.shape, steps)


def _groups(
    start: Start,
    images: Sequence[Image | None],
    cameras: Sequence[Camera | None],
    settings: PropagationSettings,
) -> list[tuple[list[int], LinkedViews | FreeView]]:
    """Views that are followed together, with their numbers."""
    n_views = len(cameras)
    points = start.points.reshape(n_views, -1, 2)
    trust = start.trust.reshape(n_views, -1)
    linked = [view for view, camera in enumerate(cameras) if camera is not None]
    groups: list[tuple[list[int], LinkedViews | FreeView]] = []
    if len(linked) >= _ENOUGH:
        known = [camera for camera in cameras if camera is not None]
        firsts = [images[view] for view in linked]
        group = LinkedViews(
            known, points[linked], trust[linked], start.positions.reshape(-1, 3), firsts, settings
        )
        groups.append((linked, group))
    else:
        linked = []
    for view in range(n_views):
        if view not in linked:
            groups.append(([view], FreeView(points[view], images[view], settings)))
    return groups


def _joined(
    moment: int, shape: tuple[int, ...], steps: Iterable[tuple[list[int], Step]]
) -> Tracked:
    """What all groups of views found, as arrays (V, A, K) of `shape`."""
    positions = np.full((*shape[1:], 3), np.nan)
    points = np.full((*shape, 2), np.nan)
    round_trip, variance = np.full(shape, np.nan), np.zeros(shape)
    for views, step in steps:
        n = len(views)
        points[views] = step.points.reshape(n, *shape[1:], 2)
        round_trip[views] = step.round_trip.reshape(n, *shape[1:])
        variance[views] = step.variance.reshape(n, *shape[1:])
        known = np.isfinite(step.positions).all(axis=-1).reshape(shape[1:])
        positions[known] = step.positions.reshape(*shape[1:], 3)[known]
    return Tracked(moment, positions, points, round_trip, variance, np.full(shape, np.nan))
