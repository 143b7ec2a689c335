"""What a person can do to the labels of a moment: each a function from labels to labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from napari_sdannce.labeling.frame_labels import CLICKED, FrameLabels
from napari_sdannce.labels import NOBODY, LabelState

if TYPE_CHECKING:
    from napari_sdannce.labeling.frame_labels import Editable
    from napari_sdannce.labeling.solving import Solution

FloatArray = npt.NDArray[np.float64]
Index = int | slice | Sequence[int]

ALL = slice(None)


@dataclass(frozen=True, slots=True)
class By:
    """Who does something, and when.

    Parameters
    ----------
    author
        Index into the authors of the session.
    time
        Seconds since 1970.
    """

    author: int
    time: float


def place(
    labels: FrameLabels, view: int, animal: int, keypoint: int, pixel: npt.ArrayLike, by: By
) -> FrameLabels:
    """Put a keypoint where it is seen; where it was before, it is moved.

    It stays uncertain or locked if it was.

    Raises
    ------
    ValueError
        When the pixel is not two finite numbers.
    """
    place_px = np.asarray(pixel, dtype=np.float64)
    if place_px.shape != (2,) or not np.isfinite(place_px).all():
        raise ValueError(
            f"a keypoint is put at two finite pixel coordinates, got {place_px.tolist()}"
        )
    new, cell = labels.editable(), (view, animal, keypoint)
    new.points[cell] = place_px
    if labels.states[cell] not in CLICKED:
        new.states[cell] = LabelState.HUMAN
    _sign(new, cell, by)
    return new.frozen()


def clear(labels: FrameLabels, views: Index, animals: Index, keypoints: Index) -> FrameLabels:
    """Take points away, and what was said of them; of all views, also that they were accepted."""
    new, cells = labels.editable(), (views, animals, keypoints)
    new.points[cells] = np.nan
    new.states[cells] = LabelState.NONE
    new.locked[cells] = False
    new.authors[cells] = NOBODY
    new.times[cells] = np.nan
    gone = ~(new.states != LabelState.NONE).any(axis=0)
    new.accepted[gone] = False
    return new.frozen()


def toggle_occluded(
    labels: FrameLabels, view: int, animal: int, keypoint: int, by: By
) -> FrameLabels:
    """Say that a keypoint is hidden in a view, or that it is not.

    A hidden one that had been put somewhere keeps its place for the day it is seen again.
    """
    cell = view, animal, keypoint
    hidden = labels.states[cell] == LabelState.OCCLUDED
    has_place = bool(np.isfinite(labels.points[cell]).all())
    shown = LabelState.HUMAN if has_place else LabelState.NONE
    return _said(labels, cell, shown if hidden else LabelState.OCCLUDED, by)


def toggle_not_in_view(
    labels: FrameLabels, view: int, animal: int, keypoint: int, by: By
) -> FrameLabels:
    """Say that a keypoint lies outside of a view's image, or that it does not."""
    cell = view, animal, keypoint
    outside = labels.states[cell] == LabelState.NOT_IN_VIEW
    new = clear(labels, *cell)
    return new if outside else _said(new, cell, LabelState.NOT_IN_VIEW, by)


def toggle_uncertain(
    labels: FrameLabels, view: int, animal: int, keypoint: int, by: By
) -> FrameLabels:
    """Say that a person was not sure where a keypoint is, or that they were."""
    cell = view, animal, keypoint
    state = labels.states[cell]
    if state not in CLICKED:
        return labels
    sure = state == LabelState.HUMAN
    return _said(labels, cell, LabelState.UNCERTAIN if sure else LabelState.HUMAN, by)


def toggle_locked(labels: FrameLabels, view: int, animal: int, keypoint: int) -> FrameLabels:
    """Let a point count whatever the other views say, or as any other."""
    cell = view, animal, keypoint
    if labels.states[cell] not in CLICKED:
        return labels
    new = labels.editable()
    new.locked[cell] = not labels.locked[cell]
    return new.frozen()


def accept(
    labels: FrameLabels, solution: Solution, animals: Index = ALL, keypoints: Index = ALL
) -> FrameLabels:
    """Say that positions in space are right as they are, whoever made them."""
    new = labels.editable()
    known = np.asarray(np.isfinite(solution.points_3d).all(axis=-1))
    new.accepted[animals, keypoints] |= known[animals, keypoints]
    return new.frozen()


def propose(
    labels: FrameLabels,
    points: FloatArray,
    by: By,
    state: LabelState = LabelState.PREDICTED,
    animals: Index = ALL,
) -> FrameLabels:
    """Put points (V, A, K, 2) of a program where no person has put any; NaN puts none.

    What was proposed before gives way, and what a person said of a view stays.
    """
    new = labels.editable()
    free = np.isin(labels.states, (LabelState.NONE, LabelState.PREDICTED, LabelState.TRACKED))
    chosen = np.zeros(labels.states.shape, bool)
    chosen[:, animals] = True
    taken = free & chosen & np.isfinite(points).all(axis=-1) & ~labels.accepted
    new.points[taken] = points[taken]
    new.states[taken] = state
    new.locked[taken] = False
    _sign(new, taken, by)
    return new.frozen()


def withdraw(labels: FrameLabels, animals: Index, keypoints: Index) -> FrameLabels:
    """Take away what programs propose in any view, and that the position was accepted."""
    new = labels.editable()
    chosen = np.zeros(labels.states.shape, bool)
    chosen[:, animals, keypoints] = True
    gone = chosen & labels.proposed
    new.points[gone] = np.nan
    new.states[gone] = LabelState.NONE
    new.authors[gone] = NOBODY
    new.times[gone] = np.nan
    new.accepted[animals, keypoints] = False
    return new.frozen()


def swap_left_right(
    labels: FrameLabels, swapped: Sequence[int], views: Index, animals: Index
) -> FrameLabels:
    """Exchange left and right keypoints.

    Parameters
    ----------
    swapped
        (K,) order of the keypoints after the exchange, `Skeleton.swapped`.
    views, animals
        Where; of all views, what was accepted goes along.
    """
    new = labels.editable()
    order = list(swapped)
    for name in ("points", "states", "locked", "authors", "times"):
        array = getattr(new, name)
        array[views, animals] = (
            array[views, animals][..., order, :]
            if name == "points"
            else (array[views, animals][..., order])
        )
    if views == ALL:
        new.accepted[animals] = new.accepted[animals][..., order]
    return new.frozen()


def swap_animals(labels: FrameLabels, first: int, second: int, views: Index = ALL) -> FrameLabels:
    """Exchange two animals, in some views or in all."""
    new = labels.editable()
    for name in ("points", "states", "locked", "authors", "times"):
        array = getattr(new, name)
        kept = array[views, first].copy()
        array[views, first] = array[views, second]
        array[views, second] = kept
    if views == ALL:
        new.accepted[[first, second]] = new.accepted[[second, first]]
    return new.frozen()


def _said(
    labels: FrameLabels, cell: tuple[int, int, int], state: LabelState, by: By
) -> FrameLabels:
    """The same points, one of them in another state."""
    new = labels.editable()
    new.states[cell] = state
    if state not in CLICKED:
        new.locked[cell] = False
    _sign(new, cell, by)
    return new.frozen()


def _sign(new: Editable, cells: Any, by: By) -> None:
    new.authors[cells] = by.author
    new.times[cells] = by.time
