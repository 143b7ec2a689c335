"""Where the world's origin lies and how its axes run: by a board, a floor, or measured points."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from napari_sdannce.geometry import triangulate

from .errors import CalibrationError
from .rigid import nearest_rotation

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_sdannce.geometry import Camera

    from .solution import Solution

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

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


def board_frame(solution: Solution, moment: int) -> WorldFrame:
    """Frame of the board as it lay at a moment: its first corner's square, rows along x, z up.

    Raises
    ------
    CalibrationError
        When no camera saw the board then.
    """
    moments = solution.detections.moments
    if moment not in moments:
        near = int(moments[np.argmin(np.abs(moments - moment))])
        raise CalibrationError(f"no camera saw the board at frame {moment}; the nearest is {near}")
    board = solution.fit.rig.boards[int(np.searchsorted(moments, moment))]
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


@dataclass(frozen=True, eq=False, slots=True)
class MeasuredFrame:
    """Frame of points that were measured, and how well they fit.

    Parameters
    ----------
    frame
        The frame.
    errors_mm
        (N,) from the measured to the triangulated points.
    scale
        Length of the triangulated points by that of the measured ones: not 1 when the size of the
        board's squares is wrong, or the measuring.
    """

    frame: WorldFrame
    errors_mm: FloatArray
    scale: float


def measured_frame(
    cameras: Sequence[Camera], pixels: FloatArray, points: FloatArray
) -> MeasuredFrame:
    """Frame in which points lie where they were measured, as the posts of an L-frame.

    Parameters
    ----------
    cameras
        V cameras.
    pixels
        (V, N, 2) px where the points were clicked, NaN where not.
    points
        (N, 3) where they are, mm.

    Raises
    ------
    CalibrationError
        When fewer than three points were clicked in two views each, or all lie on one line.
    """
    found = triangulate(cameras, pixels).points
    known = np.isfinite(found).all(axis=1) & np.isfinite(points).all(axis=1)
    if known.sum() < 3:
        raise CalibrationError(
            f"{int(known.sum())} measured points were clicked in two or more views: three are the "
            "least, four or five are good"
        )
    there, here = found[known], points[known]
    if np.linalg.svd(here - here.mean(axis=0))[1][1] < 1e-3 * np.ptp(here, axis=0).max():
        raise CalibrationError("the measured points lie on one line: add one beside it")
    turn = nearest_rotation((here - here.mean(axis=0)).T @ (there - there.mean(axis=0)))
    origin = there.mean(axis=0) - turn.T @ here.mean(axis=0)
    frame = WorldFrame(turn, origin)
    errors = np.full(len(points), np.nan)
    errors[known] = np.linalg.norm(frame.points(there) - here, axis=1)
    spread = [np.linalg.norm(each - each.mean(axis=0)) for each in (there, here)]
    return MeasuredFrame(frame, errors, float(spread[0] / spread[1]))


def length_scale(cameras: Sequence[Camera], pixels: FloatArray, length_mm: float) -> float:
    """Length between two clicked points (V, 2, 2), by the one that was measured.

    Raises
    ------
    CalibrationError
        When a point was not clicked in two views.
    """
    ends = triangulate(cameras, pixels).points
    if not np.isfinite(ends).all():
        raise CalibrationError("both ends of a measured length must be clicked in two views")
    return float(np.linalg.norm(ends[1] - ends[0]) / length_mm)
