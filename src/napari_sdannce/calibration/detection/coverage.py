"""Where in its images, how, and by which cameras together, a board was seen."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from napari_sdannce.settings.events import BoardCoverage

from .stance import stance_seen

if TYPE_CHECKING:
    from .detect import Sighting

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]

CELLS = 8
"""An image is looked at in so many columns and rows."""
_SOME = 3
"""Boards that must have been so tilted, or so near or far: corners of one alone may be wrong."""


def corners_by_cell(spots: FloatArray, size: tuple[int, int]) -> IntArray:
    """(CELLS, CELLS) how many of (N, 2) px lie in each row and column of an image; NaN in none."""
    known = spots[np.isfinite(spots).all(axis=1)]
    edges = [np.linspace(-0.5, side - 0.5, CELLS + 1) for side in size[::-1]]
    return np.histogram2d(known[:, 1], known[:, 0], edges)[0].astype(np.int64)


def shared_moments(saw: BoolArray) -> IntArray:
    """(V, V) moments at which both of two cameras saw the board, by who did (F, V).

    Alone on the diagonal: how often each camera saw it.
    """
    counts = saw.astype(np.int64)
    return np.asarray(counts.T @ counts)


class Coverage:
    """Counts sightings as they come.

    Parameters
    ----------
    names
        Cameras.
    points
        (S, M, 3) corners of the board's sides, mm.
    """

    def __init__(self, names: tuple[str, ...], points: FloatArray) -> None:
        self.names = names
        self.points = points
        self.cells = np.zeros((len(names), CELLS, CELLS), dtype=np.int64)
        self._saw: dict[int, BoolArray] = {}
        self._stances: list[list[tuple[float, float]]] = [[] for _ in names]

    def add(self, view: int, moment: int, sighting: Sighting, size: tuple[int, int]) -> None:
        """Count a sighting in an image of a size, px."""
        self.cells[view] += corners_by_cell(sighting.corners, size)
        stance = stance_seen(self.points[sighting.side], sighting.corners)
        if np.isfinite(stance).all():
            self._stances[view].append(stance)
        saw = self._saw.setdefault(moment, np.zeros(len(self.names), dtype=bool))
        saw[view] = True

    @property
    def shared(self) -> IntArray:
        """(V, V) moments that pairs of cameras share so far."""
        return shared_moments(np.array([*self._saw.values()]).reshape(-1, len(self.names)))

    def event(self) -> BoardCoverage:
        """What is to be told."""
        return BoardCoverage(
            cameras=self.names,
            cells=tuple(tuple(own.ravel().tolist()) for own in self.cells),
            shared=tuple(map(tuple, self.shared.tolist())),
            tilts=tuple(_reached([tilt for tilt, _ in own]) for own in self._stances),
            depths=tuple(_depth([distance for _, distance in own]) for own in self._stances),
        )


def _reached(tilts: list[float]) -> float:
    """What some boards were tilted by, and more."""
    return sorted(tilts)[-_SOME] if len(tilts) >= _SOME else 0.0


def _depth(distances: list[float]) -> float:
    """How many times as far as near ones some boards were."""
    ordered = sorted(distances)
    return ordered[-_SOME] / ordered[_SOME - 1] if len(ordered) >= 2 * _SOME else 1.0
