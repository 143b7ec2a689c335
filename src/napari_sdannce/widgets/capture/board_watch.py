"""Looking for a board in what cameras see, while a calibration is recorded."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from qtpy.QtCore import QObject, Signal

from napari_sdannce.calibration.detection.coverage import Coverage
from napari_sdannce.calibration.detection.detect import BoardFinder
from napari_sdannce.calibration.detection.hints import hints_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from concurrent.futures import Future

    from napari_sdannce.calibration.boards.board_kinds import CharucoBoard, Checkerboard
    from napari_sdannce.capture.recorder.pictures import Picture

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

WIDTH = 1280
"""Pictures so wide (px) are looked at: in those of tiles, boards are too small."""


@dataclass(frozen=True, eq=False)
class SeenBoards:
    """Where a board is now, and was so far.

    Parameters
    ----------
    corners
        (N, 2) by camera, as shares of its image's width and height; none where it is not seen.
    cells
        (8, 8) by camera: corners found so far in each row and column of its image.
    hints
        What it should still be shown to, the most wanted first.
    moments
        How often two or more cameras saw it at once.
    """

    corners: Mapping[str, FloatArray] = field(default_factory=dict)
    cells: Mapping[str, IntArray] = field(default_factory=dict)
    hints: tuple[str, ...] = ()
    moments: int = 0


class BoardWatch(QObject):
    """Looks for a board in pictures, in the background; those that come meanwhile are passed over.

    Parameters
    ----------
    board
        Which.
    names
        Cameras.
    """

    seen = Signal(object)
    """`SeenBoards`, after each look."""

    def __init__(
        self,
        board: CharucoBoard | Checkerboard,
        names: tuple[str, ...],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self.board = board
        self.names = names
        self._coverage = Coverage(names, board.points)
        self._finder = BoardFinder(board)
        self._looks = self._moments = 0
        self._pool = ThreadPoolExecutor(1, "watch for a board")
        self._look: Future[None] | None = None

    def look(self, pictures: Mapping[str, Picture]) -> None:
        """Look for it in what cameras see now, unless the last look is not over."""
        if self._look is None or self._look.done():
            if self._look is not None:
                self._look.result()  # a mistake of ours is to be seen, not to end the watch
            self._look = self._pool.submit(self._find, dict(pictures))

    def close(self) -> None:
        """Look no more; returns when the last look is over."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _find(self, pictures: Mapping[str, Picture]) -> None:
        found = {}
        for name, picture in pictures.items():
            if name not in self.names:
                continue
            sighting = self._finder.find(picture.image, thorough=False)
            if sighting is not None:
                height, width = picture.image.shape[:2]
                corners = (sighting.corners + 0.5) / (width, height)
                found[name] = corners[np.isfinite(corners[:, 0])]
                size = (picture.width, picture.height)
                whole = replace(sighting, corners=corners * size - 0.5)
                self._coverage.add(self.names.index(name), self._looks, whole, size)
        self._looks += 1
        self._moments += len(found) >= min(2, len(self.names))
        cells = dict(zip(self.names, self._coverage.cells.copy(), strict=True))
        hints = hints_of(self._coverage.event())
        self.seen.emit(SeenBoards(found, cells, hints, self._moments))
