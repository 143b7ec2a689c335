"""Our labels beside those of others: what they add, and where and how well people agree."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_sdannce.labeling.merge import BY_PERSON, merge
from napari_sdannce.labels import NOBODY, LabelState

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_sdannce.labeling.frame_labels import FrameLabels
    from napari_sdannce.labeling.journal import Author
    from napari_sdannce.labeling.merge import Conflict, Merged
    from napari_sdannce.labeling.others import OthersLabels
    from napari_sdannce.labeling.session import LabelingSession

_WORDS = {
    LabelState.HUMAN: "placed",
    LabelState.UNCERTAIN: "placed, a guess",
    LabelState.OCCLUDED: "hidden",
    LabelState.NOT_IN_VIEW: "outside of the view",
}
_NOBODY = "a file"
"""Who put points that nobody signed: they came with a file of labels."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """How near to one another two people click.

    Parameters
    ----------
    names
        Of the two.
    n_points
        Points that both clicked.
    median_px, p95_px
        Distance of half of them, and of 95 %.
    """

    names: tuple[str, str]
    n_points: int
    median_px: float
    p95_px: float

    def __str__(self) -> str:
        first, second = self.names
        points = "1 point" if self.n_points == 1 else f"{self.n_points} points"
        both = first != second
        who = f"{first} and {second} both clicked {points}" if both else f"{first}: {points} twice"
        return (
            f"{who}, half of them within {self.median_px:.1f} px of one another, 95 % within "
            f"{self.p95_px:.1f} px"
        )


@dataclass(frozen=True, eq=False)
class Comparison:
    """What a session would gain from labels of others.

    Parameters
    ----------
    session
        Ours.
    others
        Theirs.
    merged
        Both together.
    changed
        Moments of ours that would be different, by sample id.
    n_frames, n_points
        Moments, and points that a person put, that we do not have.
    agreements
        Of any two of us who clicked the same points, those with the most first.
    """

    session: LabelingSession
    others: OthersLabels
    merged: Merged
    changed: dict[int, FrameLabels]
    n_frames: int
    n_points: int
    agreements: tuple[Agreement, ...]

    @property
    def joined(self) -> list[Author]:
        """Authors who are not among ours."""
        return self.merged.authors[len(self.session.authors) :]

    def conflict_in_words(self, conflict: Conflict) -> str:
        """Which point it is, and what the two say."""
        subject, authors = self.session.subject, self.merged.authors
        view, animal, keypoint = conflict.cell
        names = subject.animals[animal : animal + 1] if len(subject.animals) > 1 else ()
        point = ", ".join([*names, subject.skeleton.keypoints[keypoint]])
        where = f"frame {self.session.row_of(conflict.sample_id)}, {point} in {subject.views[view]}"
        ours, theirs = (name_of(each, authors) for each in conflict.between)
        if np.isfinite(conflict.apart_px):
            return f"{where}: {conflict.apart_px:.0f} px apart ({ours}, {theirs})"
        return f"{where}: {_WORDS[conflict.ours]} ({ours}) or {_WORDS[conflict.theirs]} ({theirs})"


def compare(session: LabelingSession, others: OthersLabels) -> Comparison:
    """Put labels of others beside ours; nothing is changed yet."""
    merged = merge(session.frames, others.frames, session.authors, others.authors)
    changed = {
        key: merged.frames[key]
        for key in others.frames
        if not merged.frames[key].equals(session.at(key))
    }
    return Comparison(
        session=session,
        others=others,
        merged=merged,
        changed=changed,
        n_frames=len(changed.keys() - session.frames.keys()),
        n_points=sum(_said(new) - _said(session.at(key)) for key, new in changed.items()),
        agreements=_agreements(merged),
    )


def name_of(number: int, authors: Sequence[Author]) -> str:
    """Who an author is, by number."""
    return _NOBODY if number == NOBODY else authors[number].name


def _said(labels: FrameLabels) -> int:
    """Points of which a person said something."""
    return int(np.isin(labels.states, BY_PERSON).sum())


def _agreements(merged: Merged) -> tuple[Agreement, ...]:
    names = [
        tuple(sorted(name_of(number, merged.authors) for number in pair))
        for pair in merged.between.tolist()
    ]
    distances: dict[tuple[str, ...], list[float]] = {}
    for pair, apart in zip(names, merged.apart_px.tolist(), strict=True):
        distances.setdefault(pair, []).append(apart)
    found = [
        Agreement((pair[0], pair[1]), len(apart), *np.percentile(apart, (50, 95)).tolist())
        for pair, apart in distances.items()
    ]
    return tuple(sorted(found, key=lambda each: -each.n_points))
