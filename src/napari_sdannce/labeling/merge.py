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

BY_PERSON = (
    LabelState.HUMAN,
    LabelState.UNCERTAIN,
    LabelState.OCCLUDED,
    LabelState.NOT_IN_VIEW,
)
"""States in which a person said something of a point."""


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
    between
        Who said each, by number among the merged authors.
    """

    sample_id: int
    view: int
    animal: int
    keypoint: int
    ours: LabelState
    theirs: LabelState
    apart_px: float
    between: tuple[int, int] = (NOBODY, NOBODY)

    @property
    def cell(self) -> tuple[int, int, int]:
        """View, animal, keypoint."""
        return self.view, self.animal, self.keypoint


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
        (n,) distance between the two clicks wherever both clicked: how well people agree. A click
        that both have, as where one began with a copy of the other's labels, is not counted.
    between
        (n, 2) who clicked, by number.
    """

    frames: dict[int, FrameLabels]
    authors: list[Author]
    conflicts: list[Conflict]
    apart_px: npt.NDArray[np.float64]
    between: npt.NDArray[np.int16]


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
    authors, numbers = numbered(our_authors, their_authors)
    frames, conflicts = dict(ours), []
    apart, between = [np.zeros(0)], [np.zeros((0, 2), np.int16)]
    for key, unnumbered in theirs.items():
        other = _by_number(unnumbered, numbers)
        mine = ours.get(key)
        if mine is None:
            frames[key] = other
            continue
        frames[key] = _joined(mine, other)
        found, distances, pairs = _compared(key, mine, other, tolerance_px)
        conflicts += found
        apart.append(distances)
        between.append(pairs)
    conflicts.sort(key=lambda each: -np.nan_to_num(each.apart_px, nan=np.inf))
    return Merged(frames, authors, conflicts, np.concatenate(apart), np.concatenate(between))


def numbered(
    ours: Sequence[Author], theirs: Sequence[Author]
) -> tuple[list[Author], npt.NDArray[np.int16]]:
    """All authors, ours first, and (n + 1,) the number of each of theirs; the last is nobody's."""
    authors = [*ours]
    numbers = np.full(len(theirs) + 1, NOBODY, np.int16)
    for index, author in enumerate(theirs):
        if author not in authors:
            authors.append(author)
        numbers[index] = authors.index(author)
    return authors, numbers


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


def _by_number(labels: FrameLabels, numbers: npt.NDArray[np.int16]) -> FrameLabels:
    new = labels.editable()
    new.authors = numbers[labels.authors]
    return new.frozen()


def _joined(ours: FrameLabels, theirs: FrameLabels) -> FrameLabels:
    """Ours, and theirs where we said nothing; what a person said goes before what a program did.

    Of a position that one of us accepted, the proposals stay those that it was accepted with.
    """
    new = ours.editable()
    ours_said, theirs_said = (np.isin(each.states, BY_PERSON) for each in (ours, theirs))
    free = (ours.states == LabelState.NONE) & (theirs.states != LabelState.NONE)
    as_theirs = theirs.accepted & ~ours.accepted
    taken = ~ours_said & (theirs_said | as_theirs | free & ~ours.accepted)
    for name in ("points", "states", "locked", "authors", "times"):
        getattr(new, name)[taken] = getattr(theirs, name)[taken]
    new.accepted |= theirs.accepted
    return new.frozen()


def _compared(
    key: int, ours: FrameLabels, theirs: FrameLabels, tolerance_px: float
) -> tuple[list[Conflict], npt.NDArray[np.float64], npt.NDArray[np.int16]]:
    """Conflicts of a moment; of points that both clicked, distances (n,) and authors (n, 2)."""
    both = np.isin(ours.states, BY_PERSON) & np.isin(theirs.states, BY_PERSON)
    apart = np.linalg.norm(ours.points - theirs.points, axis=-1)
    clicked = ours.clicked & theirs.clicked
    differs = np.where(clicked, apart > tolerance_px, ours.states != theirs.states) & both
    between = np.stack([ours.authors, theirs.authors], axis=-1)
    found = []
    for view, animal, keypoint in np.argwhere(differs).tolist():
        cell = view, animal, keypoint
        states = LabelState(ours.states[cell]), LabelState(theirs.states[cell])
        gap = float(apart[cell]) if clicked[cell] else np.nan
        pair = int(between[cell][0]), int(between[cell][1])
        found.append(Conflict(key, *cell, *states, gap, pair))
    is_same_click = (ours.authors == theirs.authors) & (apart == 0)
    twice = clicked & ~is_same_click
    return found, np.asarray(apart[twice]), np.asarray(between[twice])
