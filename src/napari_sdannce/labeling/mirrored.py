"""Left and right taken for one another in some views: what the other views make of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from napari_sdannce.geometry import triangulate

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from napari_sdannce.geometry import Camera
    from napari_sdannce.labeling.frame_labels import FrameLabels

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

_ENOUGH = 2


@dataclass(frozen=True, slots=True)
class MirrorSettings:
    """When an exchange is clear.

    Parameters
    ----------
    step
        Share of the error, summed over the clicks of all views, that may be left when the pair is
        exchanged in one view more.
    lowered
        Share that may be left when it is exchanged in all the views found.
    least_px
        The error of a view must fall by more than this: left and right that lie this near to one
        another cannot be told apart.
    """

    step: float = 0.8
    lowered: float = 0.5
    least_px: float = 4.0

    def __post_init__(self) -> None:
        if not (0 < self.lowered < 1 and 0 < self.step < 1 and self.least_px >= 0):
            raise ValueError(
                "shares must be between 0 and 1 and pixels not negative, got "
                f"{self.step}, {self.lowered} and {self.least_px}"
            )


@dataclass(frozen=True, slots=True)
class Mirrored:
    """A view in which left and right of a pair are probably exchanged.

    Parameters
    ----------
    view, animal
        Where.
    pair
        Left and right keypoint.
    error_px
        Mean distance of the view's clicks from the robust solution as they are.
    exchanged_px
        The same when all views found for the pair are exchanged.
    """

    view: int
    animal: int
    pair: tuple[int, int]
    error_px: float
    exchanged_px: float


def find_mirrored(
    labels: FrameLabels,
    cameras: Sequence[Camera | None],
    pairs: Sequence[tuple[int, int]],
    settings: MirrorSettings | None = None,
) -> tuple[Mirrored, ...]:
    """Find views in which exchanging left and right lowers the reprojection error clearly.

    Each pair is exchanged in the view where that helps most, again and again as long as it helps.
    Only less than half of the views can be found: where they are evenly split, and so with two,
    nothing tells which are wrong, and a pair exchanged in all of them cannot be told at all.

    Parameters
    ----------
    labels
        Clicks of a moment; proposals do not count.
    cameras
        One a view, None where it is not calibrated.
    pairs
        (left, right) keypoints, as `Skeleton.pairs`.
    settings
        When it is clear.

    Returns
    -------
    In order of animal, pair and view.
    """
    settings = settings or MirrorSettings()
    views = [view for view, camera in enumerate(cameras) if camera is not None]
    known = [camera for camera in cameras if camera is not None]
    if len(known) <= _ENOUGH:
        return ()
    clicks = np.where(labels.clicked[..., None], labels.points, np.nan)[views]
    return tuple(
        Mirrored(views[view], animal, (left, right), before, after)
        for animal in range(clicks.shape[1])
        for left, right in pairs
        for view, before, after in _views(known, clicks[:, animal, [left, right]], settings)
    )


def _views(
    cameras: Sequence[Camera], pixels: FloatArray, settings: MirrorSettings
) -> Iterator[tuple[int, float, float]]:
    """Views to exchange, with the errors before and after, of a pair (V, 2, 2) px."""
    n_views = int(np.isfinite(pixels).all(axis=-1).any(axis=-1).sum())
    exchanged = np.zeros(len(cameras), bool)
    before = errors = _errors(cameras, pixels, exchanged[None])[0]
    while True:
        trials = _trials(pixels, exchanged)
        if not len(trials):
            break
        tried = _errors(cameras, pixels, trials)
        best = int(tried.sum(axis=-1).argmin())
        if not tried[best].sum() < settings.step * errors.sum():
            break
        exchanged, errors = trials[best], tried[best]
    if 2 * exchanged.sum() >= n_views or not errors.sum() < settings.lowered * before.sum():
        return
    counts = np.isfinite(pixels).all(axis=-1).sum(axis=-1)
    for view in np.flatnonzero(exchanged).tolist():
        old, new = (float(each[view] / counts[view]) for each in (before, errors))
        if old - new > settings.least_px:
            yield view, old, new


def _trials(pixels: FloatArray, exchanged: BoolArray) -> BoolArray:
    """(N, V) the same exchanges and one more, in each view in which it can be judged.

    The other views must show each of the two, or there is no position to compare with.
    """
    seen: BoolArray = np.asarray(np.isfinite(pixels).all(axis=-1))
    now = np.where(exchanged[:, None], seen[:, ::-1], seen)
    others = now.sum(axis=0) - now
    fit = now.any(axis=-1) & (others >= _ENOUGH).all(axis=-1) & ~exchanged
    views = np.flatnonzero(fit)
    trials = np.repeat(exchanged[None], len(views), axis=0)
    trials[np.arange(len(views)), views] = True
    return trials


def _errors(cameras: Sequence[Camera], pixels: FloatArray, trials: BoolArray) -> FloatArray:
    """(N, V) px, distances of a view's clicks from the robust solution, summed, of each trial."""
    tried = np.where(trials.T[:, :, None, None], pixels[:, None, ::-1], pixels[:, None])
    found = triangulate(cameras, tried, threads=1)
    return np.asarray(np.nan_to_num(found.residuals).sum(axis=-1).T)
