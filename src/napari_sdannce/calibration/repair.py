"""New poses for cameras whose lenses are still what they were."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from napari_sdannce.geometry import triangulate

from .errors import CalibrationError
from .known import KnownLenses, lens_of
from .point_rig import PointRig
from .quality import triangulate_boards
from .rigid import angle_between, nearest_rotation
from .solution import Model, solve

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_sdannce.geometry import Camera

    from .boards import Board
    from .detections import Detections

FloatArray = npt.NDArray[np.float64]

_LEAST_POINTS = 12
_ROUNDS = 4
_TURN, _SHIFT = np.radians(0.5), 0.01
"""What a camera may differ by and still stand where it stood: an angle, a share of the rig."""


@dataclass(frozen=True, eq=False, slots=True)
class Repair:
    """Cameras with new poses.

    Parameters
    ----------
    cameras
        All cameras; those that did not move are as before.
    before_px, after_px
        (V,) median errors of each camera's points, px, before and after.
    """

    cameras: tuple[Camera, ...]
    before_px: FloatArray
    after_px: FloatArray


def repair_by_points(cameras: Sequence[Camera], pixels: FloatArray, moved: Sequence[str]) -> Repair:
    """Place cameras anew by points that the others see as well, as keypoints of animals.

    The others stay as they are, and with them the frame and the scale. Points and moved cameras are
    adjusted together, robustly.

    Parameters
    ----------
    cameras
        V cameras.
    pixels
        (V, N, 2) px of points, NaN where not seen.
    moved
        Names of the cameras that have moved.

    Raises
    ------
    CalibrationError
        When fewer than two cameras stayed, or a camera that moved shares too few points with them.
    """
    names = [camera.name for camera in cameras]
    stayed = [i for i, name in enumerate(names) if name not in moved]
    if len(stayed) < 2:
        raise CalibrationError(
            "points alone can place cameras by two or more that have not moved, and "
            f"{len(stayed)} have not: record the board again"
        )
    flat = np.asarray(pixels, dtype=np.float64).reshape(len(cameras), -1, 2)
    found = triangulate([cameras[i] for i in stayed], flat[stayed])
    known = np.isfinite(found.points).all(axis=1)
    for name in moved:
        shared = int((np.isfinite(flat[names.index(name)]).all(axis=1) & known).sum())
        if shared < _LEAST_POINTS:
            raise CalibrationError(
                f"{name} sees {shared} points that two others see as well; {_LEAST_POINTS} are the "
                "least"
            )
    points = PointRig.of(cameras, flat, placing=stayed)
    which = [names.index(name) for name in moved]
    rig, sigma = points.rig, points.sigma_px(points.rig)
    for _ in range(_ROUNDS):  # the nearer it is, the more is asked of the points
        rig = replace(points, rig=rig).adjusted(which, sigma)
        sigma = points.sigma_px(rig)
    placed = tuple(
        replace(camera, rotation=rig.cameras.rotation[i], translation=rig.cameras.translation[i])
        if camera.name in moved
        else camera
        for i, camera in enumerate(cameras)
    )
    return Repair(placed, points.by_camera(points.rig), points.by_camera(rig))


def repair_by_board(cameras: Sequence[Camera], detections: Detections, board: Board) -> Repair:
    """Place cameras anew by a short recording of a board; their lenses stay.

    The frame is that of the cameras that stand to each other as before.

    Raises
    ------
    CalibrationError
        When the board was not seen well enough.
    """
    lens = lens_of(cameras)
    known = KnownLenses.of_cameras(lens, cameras, detections.image_sizes)
    found = solve(detections, board, Model(lens, known=known, fixed=True))
    placed = _in_frame_of(found.cameras, cameras)
    before = _board_errors(cameras, found.detections)
    return Repair(placed, before, _board_errors(placed, found.detections))


def _in_frame_of(new: Sequence[Camera], old: Sequence[Camera]) -> tuple[Camera, ...]:
    """New cameras moved so that most stand where they stood."""
    turns = np.stack([o.rotation.T @ n.rotation for o, n in zip(old, new, strict=True)])
    centres = np.stack([[o.centre, n.centre] for o, n in zip(old, new, strict=True)])
    distance = np.linalg.norm(centres[:, 0] - centres[:, 0].mean(axis=0), axis=1).mean()
    best: tuple[int, npt.NDArray[np.bool_]] | None = None
    for turn, (here, there) in zip(turns, centres, strict=True):
        off = np.linalg.norm(centres[:, 0] - here - (centres[:, 1] - there) @ turn.T, axis=1)
        angle = angle_between(turns, turn[None])
        stayed = (off < _SHIFT * distance) & (angle < _TURN)
        if best is None or stayed.sum() > best[0]:
            best = int(stayed.sum()), stayed
    assert best is not None
    stayed = best[1]
    turn = nearest_rotation(turns[stayed].sum(axis=0)[None])[0]
    middle = centres[stayed].mean(axis=0)
    origin = middle[1] - turn.T @ middle[0]
    return tuple(camera.seen_from(turn, origin) for camera in new)


def _board_errors(cameras: Sequence[Camera], detections: Detections) -> FloatArray:
    """(V,) median errors of triangulated corners, px."""
    lengths = triangulate_boards(cameras, detections).lengths
    return np.array([np.nanmedian(each) if np.isfinite(each).any() else np.nan for each in lengths])
