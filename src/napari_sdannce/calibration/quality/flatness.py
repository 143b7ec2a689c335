"""Whether a board is as flat as its description says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from napari_sdannce.calibration.solver.rigid import align

if TYPE_CHECKING:
    from .errors_px import Triangulated

FloatArray = npt.NDArray[np.float64]

_LEAST_MOMENTS = 8
_LEAST_CORNERS = 6
_SIGMAS = 5.0


@dataclass(frozen=True, eq=False, slots=True)
class Flatness:
    """How corners lie beside where the description of their board has them.

    Parameters
    ----------
    shape_mm
        (K, 3) mean over moments, in the frame of the board; NaN where too few saw a corner.
    bent_mm
        Largest of these distances that can not be chance; zero when all can.
    worst
        The corner that it is, None when there is none.
    """

    shape_mm: FloatArray
    bent_mm: float
    worst: int | None


def flatness_of(seen: Triangulated, board: FloatArray) -> Flatness:
    """Compare triangulated corners with a board (K, 3), mm, laid onto them at each moment."""
    off = np.full(seen.points.shape, np.nan)
    for i, there in enumerate(seen.points):
        known = np.isfinite(there).all(axis=1)
        if known.sum() < _LEAST_CORNERS:
            continue
        off[i, known] = align(there[known], board[known]).apply(there[known]) - board[known]
    count = np.isfinite(off[..., 0]).sum(axis=0)
    shape, spread = np.full(board.shape, np.nan), np.full(board.shape, np.nan)
    often = count >= _LEAST_MOMENTS
    shape[often] = np.nanmean(off[:, often], axis=0)
    spread[often] = np.nanstd(off[:, often], axis=0) / np.sqrt(count[often].reshape(-1, 1))
    length = np.linalg.norm(shape, axis=1)
    sure = length > _SIGMAS * np.linalg.norm(spread, axis=1)
    if not sure.any():
        return Flatness(shape, 0.0, None)
    worst = int(np.argmax(np.where(sure, length, -1)))
    return Flatness(shape, float(length[worst]), worst)
