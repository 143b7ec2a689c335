"""Labels of one moment, as people and programs left them: nothing in here is computed."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from napari_sdannce.labels import NOBODY, LabelState

if TYPE_CHECKING:
    from collections.abc import Iterator

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

CLICKED = (LabelState.HUMAN, LabelState.UNCERTAIN)
"""States of a point that a person sees and put there: these vote."""
PROPOSED = (LabelState.PREDICTED, LabelState.TRACKED)
"""States of a point that a program put there."""
KEPT = (LabelState.NONE, *CLICKED, *PROPOSED, LabelState.OCCLUDED, LabelState.NOT_IN_VIEW)
"""States that are kept; the others follow from them."""


@dataclass(frozen=True, eq=False)
class FrameLabels:
    """Points of one moment: view x animal x keypoint.

    Parameters
    ----------
    points
        (V, A, K, 2) px, 0-based and distorted as in the video; NaN where there is none.
    states
        (V, A, K) `LabelState` values of `KEPT`.
    locked
        (V, A, K) points that a person wants to count whatever the other views say.
    authors
        (V, A, K) index into the authors of the session, -1 for nobody.
    times
        (V, A, K) when the point was put there, seconds since 1970; NaN when not known.
    accepted
        (A, K) whether a person said that the position in space is right, though a program made it.
    """

    points: FloatArray
    states: npt.NDArray[np.uint8]
    locked: BoolArray
    authors: npt.NDArray[np.int16]
    times: FloatArray
    accepted: BoolArray

    def __post_init__(self) -> None:
        per_view = self.states.shape
        expected = {
            "points": (*per_view, 2),
            "states": per_view,
            "locked": per_view,
            "authors": per_view,
            "times": per_view,
            "accepted": per_view[1:],
        }
        for what, shape in expected.items():
            found = getattr(self, what).shape
            if found != shape:
                raise ValueError(f"labels of a frame: {what} has shape {found}, expected {shape}")
        for each in fields(self):
            getattr(self, each.name).flags.writeable = False

    @classmethod
    def empty(cls, n_views: int, n_animals: int, n_keypoints: int) -> FrameLabels:
        """Nothing labelled."""
        shape = (n_views, n_animals, n_keypoints)
        return cls(
            points=np.full((*shape, 2), np.nan),
            states=np.zeros(shape, np.uint8),
            locked=np.zeros(shape, bool),
            authors=np.full(shape, NOBODY, np.int16),
            times=np.full(shape, np.nan),
            accepted=np.zeros(shape[1:], bool),
        )

    @property
    def shape(self) -> tuple[int, int, int]:
        """Views, animals, keypoints."""
        n_views, n_animals, n_keypoints = self.states.shape
        return n_views, n_animals, n_keypoints

    @property
    def last_time(self) -> float:
        """When the last of the points was put, seconds since 1970; -inf where nobody knows."""
        return float(np.max(self.times, initial=-np.inf, where=np.isfinite(self.times)))

    @property
    def is_empty(self) -> bool:
        """Whether nothing at all is said of the moment."""
        return not (self.states.any() or self.accepted.any())

    @property
    def is_labelled(self) -> bool:
        """Whether a person said something: what programs propose alone is no label."""
        by_people = ~np.isin(self.states, (LabelState.NONE, *PROPOSED))
        return bool(by_people.any() or self.accepted.any())

    @property
    def clicked(self) -> BoolArray:
        """(V, A, K) points that a person put where they are seen."""
        return np.isin(self.states, CLICKED)

    @property
    def proposed(self) -> BoolArray:
        """(V, A, K) points that a program put there."""
        return np.isin(self.states, PROPOSED)

    def editable(self) -> Editable:
        """Copy of the arrays, to be changed and frozen again."""
        return Editable(**{each.name: getattr(self, each.name).copy() for each in fields(self)})

    def equals(self, other: FrameLabels) -> bool:
        """Whether everything is the same, NaN being equal to NaN."""
        return not any(True for _ in differing(self, other)) and np.array_equal(
            self.accepted, other.accepted
        )


@dataclass(eq=False)
class Editable:
    """Arrays of a `FrameLabels` while a command changes them."""

    points: FloatArray
    states: npt.NDArray[np.uint8]
    locked: BoolArray
    authors: npt.NDArray[np.int16]
    times: FloatArray
    accepted: BoolArray

    def frozen(self) -> FrameLabels:
        """The labels as they are now."""
        return FrameLabels(**{each.name: getattr(self, each.name) for each in fields(self)})


def differing(before: FrameLabels, after: FrameLabels) -> Iterator[tuple[int, int, int]]:
    """Cells (view, animal, keypoint) in which two labels of a moment differ."""
    changed = np.zeros(before.states.shape, bool)
    for name in ("states", "locked", "authors"):
        changed |= getattr(before, name) != getattr(after, name)
    for old, new in (
        (before.points, after.points),
        (before.times[..., None], after.times[..., None]),
    ):
        same = (old == new) | (np.isnan(old) & np.isnan(new))
        changed |= ~same.all(axis=-1)
    for view, animal, keypoint in np.argwhere(changed):
        yield int(view), int(animal), int(keypoint)
