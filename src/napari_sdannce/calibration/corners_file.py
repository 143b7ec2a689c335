"""``corners.npz``: the corners that a calibration was made from, and how far off each is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from napari_sdannce.files.errors import FileFormatError
from napari_sdannce.files.writing import atomic_path

from .detection.boards_found import opened_npz

if TYPE_CHECKING:
    from pathlib import Path

    from .solver.solution import Solution
    from .world import WorldFrame

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

FILE = "corners.npz"
_EXPECTED = "corners of a board as `sdannce calibrate` writes them"


@dataclass(frozen=True, eq=False, slots=True)
class CalibratedCorners:
    """Corners of a calibration.

    Parameters
    ----------
    names
        V cameras.
    view, moment
        (G,) camera and moment of each sighting.
    corners
        (G, M, 2) px where corners were found, NaN where not.
    misses
        (G, M, 2) px from there to where the calibration has them.
    left_out
        (G, M) corners that were not used.
    moments
        (F,) moments of the boards, rising.
    boards
        (F, M, 3) mm, corners of the board at each moment, in the world of the calibration; NaN
        where all corners were left out.
    """

    names: tuple[str, ...]
    view: IntArray
    moment: IntArray
    corners: FloatArray
    misses: FloatArray
    left_out: npt.NDArray[np.bool_]
    moments: IntArray
    boards: FloatArray

    @property
    def fits_together(self) -> bool:
        """Whether the arrays are of one calibration."""
        n, m = self.left_out.shape if self.left_out.ndim == 2 else (-1, -1)
        return (
            self.corners.shape == self.misses.shape == (n, m, 2)
            and self.view.shape == self.moment.shape == (n,)
            and self.boards.shape == (len(self.moments), m, 3)
            and not ((self.view < 0) | (self.view >= len(self.names))).any()
        )


def corners_of(solution: Solution, frame: WorldFrame) -> CalibratedCorners:
    """Corners of a solution, its boards in a frame."""
    found = solution.detections
    return CalibratedCorners(
        found.names,
        found.view,
        found.moment,
        found.corners,
        solution.misses,
        solution.fit.left_out,
        found.moments,
        frame.points(solution.boards.apply(solution.board.points[0])),
    )


def write_corners(path: Path, corners: CalibratedCorners) -> Path:
    """Write them.

    Raises
    ------
    FileExistsError
        When there is such a file.
    """
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(
            file,
            names=np.array(corners.names),
            view=corners.view,
            moment=corners.moment,
            corners=corners.corners.astype(np.float32),
            misses=corners.misses.astype(np.float32),
            left_out=corners.left_out,
            moments=corners.moments,
            boards=corners.boards.astype(np.float32),
        )
    return path


def read_corners(path: Path) -> CalibratedCorners:
    """Read them.

    Raises
    ------
    FileNotFoundError, FileFormatError
        When there is no such file, or it is another one.
    """
    with opened_npz(path, _EXPECTED) as file:
        found = CalibratedCorners(
            tuple(map(str, file["names"].tolist())),
            file["view"].astype(np.int64),
            file["moment"].astype(np.int64),
            file["corners"].astype(np.float64),
            file["misses"].astype(np.float64),
            file["left_out"].astype(bool),
            file["moments"].astype(np.int64),
            file["boards"].astype(np.float64),
        )
    if not found.fits_together:
        raise FileFormatError(path, "its arrays do not fit together", _EXPECTED)
    return found
