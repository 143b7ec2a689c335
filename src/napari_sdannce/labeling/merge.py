"""Bringing together what several people labelled of one recording."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_sdannce.labels import NOBODY, LabelState

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    from napari_sdannce.labeling.frame_labels import FrameLabels
    from napari_sdannce.labeling.journal import Author

_BY_PERSON = (
    LabelState.HUMAN,
    LabelState.UNCERTAIN,
    LabelState.OCCLUDED,
    LabelState.NOT_IN_VIEW,
)


@dataclass(frozen=True, slots=True)
class Conflict:
    """A point on which two people do not agree.

    Parameters
    ----------
    sample_id, view, animal, keypoint
        Which point, by index.
    ours, theirs
        State of each.
    apart_px
        Distance between the two; NaN where one of them is no place.
    """

    sample_id: int
    view: int
    animal: int
    keypoint: int
    ours: LabelState
    theirs: LabelState
    apart_px: float


@dataclass(frozen=True, eq=False)
class Merged:
    """Labels of both.

    Parameters
    ----------
    frames
        By sample id; where both put a point, ours.
    authors
        All who labelled, as the numbers in `frames` count.
    conflicts
        Where they do not agree, the farthest apart first.
    apart_px
        (n,) distance between the two clicks wherever both clicked: how well people agree.
    """

    frames: dict[int, FrameLabels]
    authors: list[Author]
    conflicts: list[Conflict]
    apart_px: npt.NDArray[np.float64]


def merge(
    ours: Mapping[int, FrameLabels],
    theirs: Mapping[int, FrameLabels],
    our_authors: Sequence[Author],
    their_authors: Sequence[Author],
    tolerance_px: float = 3.0,
) -> Merged:
    """Add the points of others to ours.

    Parameters
    ----------
    ours, theirs
        Labels by sample id, of the same subject.
    our_authors, their_authors
        Who labelled them.
    tolerance_px
        Clicks this near one another are the same point.
    """
    authors = [*our_authors]
    numbers = np.full(len(their_authors) + 1, NOBODY, np.int16)
    for index, author in enumerate(their_authors):
        if author not in authors:
            authors.append(author)
        numbers[index] = authors.index(author)
    frames, conflicts, apart = dict(ours), [], [np.zeros(0)]
    for key, other in theirs.items():
        renamed = other.editable()
        renamed.authors = numbers[other.authors]
        mine = ours.get(key)
        if mine is None:
            frames[key] = renamed.frozen()
            continue
        frames[key] = _joined(mine, renamed.frozen())
        found, distances = _compared(key, mine, other, tolerance_px)
        conflicts += found
        apart.append(distances)
    conflicts.sort(key=lambda each: -np.nan_to_num(each.apart_px, nan=np.inf))
    return Merged(frames, authors, conflicts, np.concatenate(apart))


def taking_theirs(
    frames: Mapping[int, FrameLabels],
    theirs: Mapping[int, FrameLabels],
    authors: npt.NDArray[np.int16],
    conflicts: Sequence[Conflict],
) -> dict[int, FrameLabels]:
    """Labels in which the others are right about these points.

    Parameters
    ----------
    frames
        Merged labels.
    theirs
        Labels of the others.
    authors
        (n,) number in the merged labels of each of their authors.
    conflicts
        Which points.

    Returns
    -------
    The frames that change.
    """
    changed: dict[int, FrameLabels] = {}
    for each in conflicts:
        new = changed.get(each.sample_id, frames[each.sample_id]).editable()
        other, cell = theirs[each.sample_id], (each.view, each.animal, each.keypoint)
        for name in ("points", "states", "locked", "times"):
            getattr(new, name)[cell] = getattr(other, name)[cell]
        number = int(other.authors[cell])
        new.authors[cell] = NOBODY if number == NOBODY else authors[number]
        changed[each.sample_id] = new.frozen()
    return changed


def _joined(ours: FrameLabels, theirs: FrameLabels) -> FrameLabels:
    """Ours, and theirs where we said nothing; what a person said goes before what a program did."""
    new = ours.editable()
    ours_said, theirs_said = (np.isin(each.states, _BY_PERSON) for each in (ours, theirs))
    free = ours.states == LabelState.NONE
    taken = ~ours_said & theirs_said | free & (theirs.states != LabelState.NONE)
    for name in ("points", "states", "locked", "authors", "times"):
        getattr(new, name)[taken] = getattr(theirs, name)[taken]
    new.accepted |= theirs.accepted
    return new.frozen()


def _compared(
    key: int, ours: FrameLabels, theirs: FrameLabels, tolerance_px: float
) -> tuple[list[Conflict], npt.NDArray[np.float64]]:
    """Conflicts of a moment, and the distances (n,) of points that both clicked."""
    both = np.isin(ours.states, _BY_PERSON) & np.isin(theirs.states, _BY_PERSON)
    apart = np.linalg.norm(ours.points - theirs.points, axis=-1)
    clicked = ours.clicked & theirs.clicked
    differs = np.where(clicked, apart > tolerance_px, ours.states != theirs.states) & both
    found = []
    for view, animal, keypoint in np.argwhere(differs):
        cell = view, animal, keypoint
        states = LabelState(ours.states[cell]), LabelState(theirs.states[cell])
        gap = float(apart[cell]) if clicked[cell] else np.nan
        found.append(Conflict(key, int(view), int(animal), int(keypoint), *states, gap))
    return found, np.asarray(apart[clicked])
