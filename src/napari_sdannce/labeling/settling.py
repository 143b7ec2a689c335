"""Conflicts between our labels and those of others, while a person works through them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from napari_sdannce.labeling.merge import numbered, taking_theirs

if TYPE_CHECKING:
    import numpy.typing as npt

    from napari_sdannce.labeling.comparison import Comparison
    from napari_sdannce.labeling.frame_labels import FrameLabels
    from napari_sdannce.labeling.journal import Author
    from napari_sdannce.labeling.merge import Conflict
    from napari_sdannce.labeling.session import LabelingSession


@dataclass(eq=False)
class Settling:
    """Which conflicts are left.

    One is settled when our point became another than it was, by taking theirs or by any other
    step, or when a person said that ours is right. Undoing the step opens it again.

    Parameters
    ----------
    session
        Ours, in which they are settled.
    comparison
        With the others, as it was when their labels were brought in.
    """

    session: LabelingSession
    comparison: Comparison
    _kept: set[Conflict] = field(default_factory=set)

    def __post_init__(self) -> None:
        conflicts = self.comparison.merged.conflicts
        self._ours = {each.sample_id: self.session.at(each.sample_id) for each in conflicts}

    @property
    def left(self) -> list[Conflict]:
        """Conflicts that are not settled, the farthest apart first."""
        return [each for each in self.comparison.merged.conflicts if self._is_open(each)]

    def _is_open(self, conflict: Conflict) -> bool:
        before, now = self._ours[conflict.sample_id], self.session.at(conflict.sample_id)
        if conflict in self._kept:
            return False
        if before is now:
            return True
        cell = conflict.cell
        moved = not np.array_equal(before.points[cell], now.points[cell], equal_nan=True)
        return not moved and bool(before.states[cell] == now.states[cell])

    def keep_ours(self, conflict: Conflict) -> None:
        """Say that our point is right."""
        self._kept.add(conflict)

    def with_theirs(self, conflict: Conflict) -> tuple[dict[int, FrameLabels], list[Author]]:
        """Labels in which their point is ours, and authors who join us by it."""
        others, ours = self.comparison.others, self.session.authors
        authors, numbers = numbered(ours, others.authors)
        after = taking_theirs(self.session.frames, others.frames, numbers, [conflict])
        return after, authors[len(ours) :]

    def their_place(self, conflict: Conflict) -> npt.NDArray[np.float64]:
        """(2,) px where they clicked; NaN where they say that nothing is seen."""
        labels = self.comparison.others.frames[conflict.sample_id]
        if not labels.clicked[conflict.cell]:
            return np.full(2, np.nan)
        return np.asarray(labels.points[conflict.cell])
