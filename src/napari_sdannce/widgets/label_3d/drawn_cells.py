"""How the points of one camera are drawn: a symbol, colours and a size for each state."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from napari_sdannce.labels import LabelState
from napari_sdannce.widgets.napari_adapter import Symbol

if TYPE_CHECKING:
    from napari_sdannce.labeling.solving import Solution

FloatArray = npt.NDArray[np.float64]

_RED = (1.0, 0.25, 0.2, 1.0)
_CLEAR = (0.0, 0.0, 0.0, 0.0)
"""A border would fill the cross up."""
# bright faces show on dark fur, dark edges on white
_DARK = (0.05, 0.05, 0.05, 1.0)


@dataclass(frozen=True, slots=True)
class Look:
    """How points of a state look.

    Parameters
    ----------
    symbol
        Its shape.
    words
        What the state means, for a person.
    is_filled
        Whether the face has the keypoint's colour; else the border has it.
    size
        In sizes of a placed point.
    border
        Colour of the border of filled points.
    """

    symbol: Symbol
    words: str
    is_filled: bool = True
    size: float = 1.0
    border: tuple[float, float, float, float] = _DARK

    @property
    def shape(self) -> str:
        """How it looks, in words."""
        if not self.is_filled:
            return f"hollow {self.symbol.value}"
        return f"small {self.symbol.value}" if self.size < 1 else self.symbol.value


LOOKS = {
    LabelState.HUMAN: Look(Symbol.DISC, "placed"),
    LabelState.UNCERTAIN: Look(Symbol.DIAMOND, "placed, a guess"),
    LabelState.REPROJECTED: Look(Symbol.DISC, "follows from other views", size=0.6),
    LabelState.PREDICTED: Look(Symbol.DISC, "predicted", is_filled=False),
    LabelState.TRACKED: Look(Symbol.SQUARE, "carried from another frame", is_filled=False),
    LabelState.OCCLUDED: Look(Symbol.CROSS, "hidden"),
    LabelState.REJECTED: Look(Symbol.X, "outvoted by other views", border=_CLEAR, size=2.0),
}
"""States that are drawn."""


@dataclass(frozen=True, eq=False, slots=True)
class DrawnCells:
    """Rows (A*K) of the points layer of one camera."""

    points: FloatArray
    shown: npt.NDArray[np.bool_]
    symbols: npt.NDArray[np.object_]
    faces: FloatArray
    borders: FloatArray
    sizes: FloatArray


def drawn_cells(solution: Solution, view: int, colors: FloatArray) -> DrawnCells:
    """How the points of a camera are drawn.

    Parameters
    ----------
    solution
        What follows from the labels of a moment.
    view
        Index of the camera.
    colors
        (A, K, 4) of the keypoints.
    """
    states, points = solution.states[view].ravel(), solution.points[view].reshape(-1, 2)
    own = colors.reshape(-1, 4)
    shown = np.isfinite(points).all(axis=-1) & np.isin(states, list(LOOKS))
    symbols = np.full(len(states), Symbol.DISC, dtype=object)
    faces, borders = own.copy(), np.tile(_DARK, (len(states), 1))
    sizes = np.ones(len(states))
    for state, look in LOOKS.items():
        rows = states == state
        symbols[rows], sizes[rows] = look.symbol, look.size
        if look.is_filled:
            borders[rows] = look.border
        else:
            borders[rows] = own[rows]
            faces[rows, 3] = 0
    faces[states == LabelState.REJECTED] = _RED
    return DrawnCells(points, shown, symbols, faces, borders, sizes)
