"""Where in its images, and by which cameras together, a board was seen."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from napari_sdannce.settings.events import BoardCoverage

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

CELLS = 8
"""An image is looked at in so many columns and rows."""


def corners_by_cell(spots: FloatArray, size: tuple[int, int]) -> IntArray:
    """(CELLS, CELLS) how many of (N, 2) px lie in each row and column of an image; NaN in none."""
    known = spots[np.isfinite(spots).all(axis=1)]
    edges = [np.linspace(-0.5, side - 0.5, CELLS + 1) for side in size[::-1]]
    return np.histogram2d(known[:, 1], known[:, 0], edges)[0].astype(np.int64)


class Coverage:
    """Counts sightings as they come.

    Parameters
    ----------
    names
        Cameras.
    """

    def __init__(self, names: tuple[str, ...]) -> None:
        self.names = names
        self.cells = np.zeros((len(names), CELLS, CELLS), dtype=np.int64)
        self.shared = np.zeros((len(names), len(names)), dtype=np.int64)
        self._seen: dict[int, set[int]] = {}

    def add(self, view: int, moment: int, corners: FloatArray, size: tuple[int, int]) -> None:
        """Count a sighting: (M, 2) px, NaN where a corner was not found."""
        self.cells[view] += corners_by_cell(corners, size)
        others = self._seen.setdefault(moment, set())
        for other in others:
            self.shared[view, other] += 1
            self.shared[other, view] += 1
        if view not in others:
            self.shared[view, view] += 1
        others.add(view)

    def event(self) -> BoardCoverage:
        """What is to be told."""
        return BoardCoverage(
            cameras=self.names,
            cells=tuple(tuple(own.ravel().tolist()) for own in self.cells),
            shared=tuple(map(tuple, self.shared.tolist())),
        )
