"""What a step changed of the labels of a moment, as the journal writes it."""

from __future__ import annotations

from typing import Annotated, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from napari_sdannce.labeling.frame_labels import FrameLabels, differing
from napari_sdannce.labels import NOBODY, LabelState

_State = Annotated[int, Field(ge=0, le=max(LabelState))]
_Author = Annotated[int, Field(ge=NOBODY, le=np.iinfo(np.int16).max)]
Cell = tuple[int, int, int, float | None, float | None, _State, bool, _Author, float | None]
"""View, animal, keypoint; x, y (px), state, locked, author, time."""


class CellChanges(BaseModel):
    """Cells of one moment as they are after a step.

    Every number is written so that it is read back the same, bit by bit.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    cells: tuple[Cell, ...] = ()
    accepted: tuple[tuple[int, int, bool], ...] = ()

    @classmethod
    def between(cls, before: FrameLabels, after: FrameLabels) -> Self:
        """What has to be written over `before` to make it `after`."""
        turned = np.argwhere(before.accepted != after.accepted)
        return cls(
            cells=tuple(_cell(after, *each) for each in differing(before, after)),
            accepted=tuple((int(a), int(k), bool(after.accepted[a, k])) for a, k in turned),
        )

    def over(self, labels: FrameLabels) -> FrameLabels:
        """Labels with these cells written over them.

        Raises
        ------
        IndexError
            When a cell lies outside the labels.
        """
        new = labels.editable()
        for view, animal, keypoint, x, y, state, locked, author, time in self.cells:
            cell = _inside(labels, view, animal, keypoint)
            new.points[cell] = (_number(x), _number(y))
            new.states[cell], new.locked[cell] = state, locked
            new.authors[cell], new.times[cell] = author, _number(time)
        for animal, keypoint, value in self.accepted:
            _, *place = _inside(labels, 0, animal, keypoint)
            new.accepted[tuple(place)] = value
        return new.frozen()


def _cell(labels: FrameLabels, view: int, animal: int, keypoint: int) -> Cell:
    cell = view, animal, keypoint
    x, y = map(float, labels.points[cell])
    time = float(labels.times[cell])
    return (
        *cell,
        _written(x),
        _written(y),
        int(labels.states[cell]),
        bool(labels.locked[cell]),
        int(labels.authors[cell]),
        _written(time),
    )


def _inside(labels: FrameLabels, *cell: int) -> tuple[int, ...]:
    if any(not 0 <= index < size for index, size in zip(cell, labels.shape, strict=True)):
        raise IndexError(f"cell {cell} of labels of {labels.shape}")
    return cell


def _written(value: float) -> float | None:
    return None if np.isnan(value) else value


def _number(value: float | None) -> float:
    return np.nan if value is None else value
