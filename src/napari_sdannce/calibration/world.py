"""Where the world's origin lies and how its axes run: by a board, a floor, or measured points."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from napari_sdannce.geometry import triangulate

from .errors import CalibrationError
from .solver.rigid import align

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_sdannce.geometry import Camera

    from .solver.solution import Solution

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

_LEAST_APART_MM = 0.01
"""Nobody measures smaller distances with a ruler."""
_UP = np.diag([1.0, -1.0, -1.0])
"""The board's z points into it, the world's out of it."""


@dataclass(frozen=True, eq=False, slots=True)
class WorldFrame:
    """A frame, told in the one that cameras are in.

    Parameters
    ----------
    turn
        (3, 3) rotation from the old axes to the new ones.
    origin
        (3,) where the new origin lies in the old frame, mm.
    """

    turn: FloatArray
    origin: FloatArray

    def move(self, cameras: Sequence[Camera]) -> tuple[Camera, ...]:
        """The cameras in this frame."""
        return tuple(camera.seen_from(self.turn, self.origin) for camera in cameras)

    def points(self, xyz: FloatArray) -> FloatArray:
        """Points (..., 3) of the old frame in this one, mm."""
        return np.asarray((xyz - self.origin) @ self.turn.T)


FIRST_CAMERA = WorldFrame(np.eye(3), np.zeros(3))


@dataclass(frozen=True, eq=False, slots=True)
class World:
    """The world of a calibration.

    Parameters
    ----------
    frame
        Where it lies.
    is_chosen
        Whether somebody asked for it; else it is that of the first camera.
    measured
        Points that were measured in it; None: none were.
    """

    frame: WorldFrame
    is_chosen: bool = False
    measured: MeasuredPoints | None = None


def board_frame(solution: Solution, moment: int) -> WorldFrame:
    """Frame of the board as it lay at a moment: its first corner's square, rows along x, z up.

    Raises
    ------
    CalibrationError
        When no camera saw the board then, or none of its corners could be used.
    """
    moments = solution.detections.moments
    if moment not in moments:
        near = int(moments[np.argmin(np.abs(moments - moment))])
        raise CalibrationError(f"no camera saw the board at frame {moment}; the nearest is {near}")
    board = solution.boards[int(np.searchsorted(moments, moment))]
    if not np.isfinite(board.translation).all():
        raise CalibrationError(
            f"where the board was at frame {moment} is not known: all its corners were left out"
        )
    return WorldFrame(_UP @ board.rotation.T, board.translation)


def floor_frame(solution: Solution, moments: Sequence[int]) -> WorldFrame:
    """Frame of the floor on which the board lay at some moments: z up, x along the first board.

    The origin is the middle of the boards. One moment tells a floor, too; several tell it better.

    Raises
    ------
    CalibrationError
        When no camera saw the board at one of them.
    """
    frames = [board_frame(solution, moment) for moment in moments]
    rows = np.searchsorted(solution.detections.moments, moments)
    corners = solution.fit.rig.boards[rows].apply(solution.board.points[0]).reshape(-1, 3)
    middle = corners.mean(axis=0)
    normal = np.linalg.svd(corners - middle)[2][2]
    up = np.mean([frame.turn[2] for frame in frames], axis=0)
    z = normal if normal @ up > 0 else -normal
    x = frames[0].turn[0] - (frames[0].turn[0] @ z) * z
    x /= np.linalg.norm(x)
    return WorldFrame(np.stack([x, np.cross(z, x), z]), middle)


def check_apart(points: FloatArray) -> None:
    """Raise CalibrationError when points (N, 3), mm, that were measured lie at one place."""
    if len(points) and np.ptp(points, axis=0).max() < _LEAST_APART_MM:
        raise CalibrationError(
            "the measured points lie at one place: nothing tells lengths, nor the world"
        )


@dataclass(frozen=True, eq=False, slots=True)
class MeasuredPoints:
    """Points that were measured with a ruler, and where cameras have them.

    Parameters
    ----------
    labels
        Their N names.
    points
        (N, 3) where they are, mm.
    found
        (N, 3) where the cameras have them, in a frame of their own, mm; NaN where fewer than two
        views show one.
    """

    labels: tuple[str, ...]
    points: FloatArray
    found: FloatArray

    @classmethod
    def clicked(
        cls,
        cameras: Sequence[Camera],
        labels: Sequence[str],
        pixels: FloatArray,
        points: FloatArray,
    ) -> MeasuredPoints:
        """Points (N, 3), mm, that were clicked in V cameras at (V, N, 2) px, NaN where not.

        Raises
        ------
        CalibrationError
            When fewer than two were clicked in two views each, or all were measured at one place.
        """
        measured = cls(tuple(labels), points, triangulate(cameras, pixels).points)
        measured._need(2, "two tell whether lengths are right, three where the world lies")
        check_apart(points[measured.known])
        return measured

    def _need(self, least: int, why: str) -> None:
        n = int(self.known.sum())
        if n < least:
            raise CalibrationError(
                f"{n} measured point{'s were' if n != 1 else ' was'} clicked in two or more "
                f"views: {why}; four or five are good"
            )

    @property
    def known(self) -> npt.NDArray[np.bool_]:
        """(N,) points of which both places are known."""
        both = np.isfinite(self.found) & np.isfinite(self.points)
        return np.asarray(both.all(axis=1))

    @property
    def scale(self) -> float:
        """Lengths between them as cameras have them, by the measured ones: 1 when all is right."""
        there, here = (
            each[self.known] - each[self.known].mean(axis=0) for each in (self.found, self.points)
        )
        return float(np.linalg.norm(there) / np.linalg.norm(here))

    @property
    def errors_mm(self) -> FloatArray:
        """(N,) from where they were measured to where cameras have them, laid onto each other."""
        errors = np.linalg.norm(self._frame.points(self.found) - self.points, axis=1)
        return np.where(self.known, errors, np.nan)

    @property
    def tell_frame(self) -> bool:
        """Whether three and more are known that do not lie on one line."""
        here = self.points[self.known]
        if len(here) < 3:
            return False
        off_line = np.linalg.svd(here - here.mean(axis=0))[1][1]
        return bool(off_line >= 1e-3 * np.ptp(here, axis=0).max())

    @property
    def _frame(self) -> WorldFrame:
        into = align(self.found[self.known], self.points[self.known])
        return WorldFrame(into.rotation, into.inverse.translation)

    def frame(self) -> WorldFrame:
        """Frame in which they lie where they were measured, as the posts of an L-frame.

        Raises
        ------
        CalibrationError
            When fewer than three are known, or all lie on one line.
        """
        self._need(3, "three are the least")
        if not self.tell_frame:
            raise CalibrationError("the measured points lie on one line: add one beside it")
        return self._frame
