"""The one place where our axis order (x, y[, z]) becomes napari's ([z,] y, x)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Sequence

FloatArray = npt.NDArray[np.float64]


def to_napari(points: npt.ArrayLike) -> FloatArray:
    """Turn (..., (x, y)) px into (..., (row, column)), (..., (x, y, z)) mm into (..., (z, y, x)).

    The same flip goes back.
    """
    return np.asarray(points, dtype=np.float64)[..., ::-1]


def mask_of(chosen: Sequence[str | int] | None, names: Sequence[str], what: str) -> list[bool]:
    """Which of `names` are chosen, by name or index; all of them when `chosen` is None.

    Raises
    ------
    ValueError
        When a chosen one is not among the names.
    """
    if chosen is None:
        return [True] * len(names)
    indices = set()
    for one in chosen:
        if isinstance(one, str) and one in names:
            indices.add(list(names).index(one))
        elif not isinstance(one, str) and 0 <= one < len(names):
            indices.add(int(one))
        else:
            raise ValueError(f"no {what} {one!r}; there are {', '.join(names)}")
    return [i in indices for i in range(len(names))]
