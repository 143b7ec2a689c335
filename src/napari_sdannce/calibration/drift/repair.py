"""New poses for cameras whose lenses are still what they were."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from napari_sdannce.calibration.errors import CalibrationError
from napari_sdannce.calibration.quality.errors_px import triangulate_boards
from napari_sdannce.calibration.solver.adjust import adjust
from napari_sdannce.calibration.solver.bundle import POSE
from napari_sdannce.calibration.solver.known import KnownLenses, check_sizes, lens_of
from napari_sdannce.calibration.solver.solution import Model, solve
from napari_sdannce.geometry import triangulate

from .choose_points import choose_points
from .place_sigma import check_fit, check_spread, place_sigma
from .point_rig import PointRig
from .stayed import Claims

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_sdannce.calibration.boards.board_kinds import Board
    from napari_sdannce.calibration.detection.detections import Detections
    from napari_sdannce.calibration.solver.bundle import Rig
    from napari_sdannce.calibration.solver.rigid import Motions
    from napari_sdannce.calibration.solver.solution import Solution
    from napari_sdannce.geometry import Camera

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]
IntArray = npt.NDArray[np.int64]

_LEAST_POINTS = 12
_MOST_TRIED = 20_000
_MOST_POINTS = 1000
"""Points to place cameras by, and those to choose them from: more take long, and tell no more."""
_UNLIKE, _LEAST_PX = 3.0, 1.0
"""Points that cameras disagree on by so many times what is usual, or px, are none they share."""
_ROUNDS = 4


@dataclass(frozen=True, eq=False, slots=True)
class Repair:
    """Cameras with new poses.

    Parameters
    ----------
    cameras
        V cameras; those that did not move are as before.
    moved
        Names of those that did.
    shift_px
        (V, 2) how far the image of each camera is shifted, median over its points; NaN where it
        sees none.
    before_px, after_px
        (V,) median errors of each camera's points, px, before and after.
    points
        How many points, or corners of boards, the cameras were placed by.
    sigma_mm
        (V,) standard deviation of where a camera stands that points have placed, mm; NaN for
        others.
    """

    cameras: tuple[Camera, ...]
    moved: tuple[str, ...]
    shift_px: FloatArray
    before_px: FloatArray
    after_px: FloatArray
    points: int
    sigma_mm: FloatArray


def repair_by_points(cameras: Sequence[Camera], pixels: FloatArray, moved: Sequence[str]) -> Repair:
    """Place cameras anew by points that the others see as well, as keypoints of animals.

    The others stay as they are, and with them the frame and the scale. Points and moved cameras are
    adjusted together, robustly; of many points, some from all of the volume.

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
        When fewer than two cameras stayed, or points do not tell where one stands that moved: too
        few, in too small a part of the volume, or such as it can see from nowhere.
    """
    stayed = np.array([camera.name not in moved for camera in cameras])
    if stayed.sum() < 2:
        raise CalibrationError(
            "points alone can place cameras by two or more that have not moved, and "
            f"{stayed.sum()} have not: record the board again"
        )
    flat = np.asarray(pixels, dtype=np.float64).reshape(len(cameras), -1, 2)
    used = flat[:, _telling_points(cameras, flat, stayed)]
    points = PointRig.of(cameras, used, placing=np.flatnonzero(stayed).tolist())
    rig, sigma = points.rig, points.sigma_px(points.rig)
    for _ in range(_ROUNDS):  # the nearer it is, the more is asked of the points
        rig = replace(points, rig=rig).adjusted(np.flatnonzero(~stayed).tolist(), sigma)
        sigma = points.sigma_px(rig)
    before, after = points.by_camera(points.rig), points.by_camera(rig)
    names = [camera.name for camera in cameras]
    check_fit(names, stayed, before, after)
    placed = _placed(cameras, rig.cameras, stayed)
    return Repair(
        placed,
        _names(cameras, ~stayed),
        _shifts(cameras, placed, rig.boards.translation),
        before,
        after,
        used.shape[1],
        place_sigma(names, points, rig, ~stayed, sigma),
    )


def _telling_points(cameras: Sequence[Camera], pixels: FloatArray, stayed: BoolArray) -> IntArray:
    """Rows of points (V, N, 2) px that tell where the cameras are that have moved.

    Raises
    ------
    CalibrationError
        When one shares too few with the others.
    """
    seen = np.asarray(np.isfinite(pixels).all(axis=2))
    of_moved = seen[~stayed] & (seen[stayed].sum(axis=0) >= 2)
    names = _names(cameras, ~stayed)
    _check_shared(names, of_moved)
    tried = choose_points(of_moved, _MOST_TRIED)
    there = _of(cameras, stayed)
    found = triangulate(there, pixels[np.ix_(stayed, tried)])
    known = np.isfinite(found.points).all(axis=1)
    usual = float(np.median(found.error[known])) if known.any() else 0.0
    # a wrong point lies where few others do, of which all would be chosen
    alike = known & (found.error <= _UNLIKE * max(usual, _LEAST_PX))
    of_moved = np.asarray(of_moved[:, tried] & alike)
    _check_shared(names, of_moved)
    for name, own, camera in zip(names, of_moved, _of(cameras, ~stayed), strict=True):
        check_spread(name, camera, found.points[own], found.covariance[own])
    return np.asarray(tried[choose_points(of_moved, _MOST_POINTS, np.nan_to_num(found.points))])


def _check_shared(names: Sequence[str], of_moved: BoolArray) -> None:
    """Raise CalibrationError when a camera that has moved shares too few points with the others."""
    for name, own in zip(names, of_moved, strict=True):
        if own.sum() < _LEAST_POINTS:
            raise CalibrationError(
                f"{name} sees {own.sum()} points that two others see as well; {_LEAST_POINTS} are "
                "the least"
            )


def repair_by_board(
    cameras: Sequence[Camera], detections: Detections, board: Board, moved: Sequence[str] = ()
) -> Repair:
    """Place cameras anew by a short recording of a board; their lenses stay.

    Those that have not moved stay as they are, and with them the frame. Which these are is found
    out: more than half, that stand to each other as before.

    Parameters
    ----------
    cameras
        V cameras.
    detections
        What they see of the board now.
    board
        The board.
    moved
        Names of cameras that have moved; none: it is found out.

    Raises
    ------
    CalibrationError
        When the board was not seen well enough, in images of another size, or nothing tells which
        cameras have moved.
    """
    check_sizes(cameras, detections.image_sizes)
    lens = lens_of(cameras)
    known = KnownLenses.of_cameras(lens, cameras, detections.image_sizes)
    found = solve(detections, board, Model(lens, known=known, fixed=True))
    claims = Claims.of(cameras, found)
    stayed = _stayed(claims, moved)
    rig = _adjusted(found, cameras, stayed, claims.frame(stayed))
    placed = _placed(cameras, rig.cameras, stayed)
    return Repair(
        placed,
        _names(cameras, ~stayed),
        _shifts(cameras, placed, rig.boards.apply(board.points[0]).reshape(-1, 3)),
        _board_errors(cameras, found.detections),
        _board_errors(placed, found.detections),
        int(found.detections.seen.sum()),
        np.full(len(cameras), np.nan),
    )


def _stayed(claims: Claims, moved: Sequence[str]) -> BoolArray:
    """(V,) cameras that have not moved.

    Raises
    ------
    CalibrationError
        When they do not stand to each other as before, or there is none.
    """
    if not moved:
        return claims.largest_group()
    stayed = np.array([name not in moved for name in claims.names])
    if not stayed.any():
        raise CalibrationError("all cameras have moved, and none tells the frame: calibrate anew")
    claims.check(stayed)
    return stayed


def _adjusted(found: Solution, cameras: Sequence[Camera], stayed: BoolArray, frame: Motions) -> Rig:
    """A solved rig in another frame, with the cameras that have not moved exactly as they were."""
    rig = found.fit.rig
    poses = rig.cameras @ frame.inverse
    for view in np.flatnonzero(stayed).tolist():
        poses.rotation[view] = cameras[view].rotation
        poses.translation[view] = cameras[view].translation
    free = np.zeros_like(found.fit.problem.free)
    free[~stayed, -POSE:] = True
    there = replace(rig, cameras=poses, boards=frame @ rig.boards)
    with threadpool_limits(1, user_api="blas"):
        return adjust(replace(found.fit.problem, free=free), there)


def _of(cameras: Sequence[Camera], which: BoolArray) -> list[Camera]:
    return [camera for camera, own in zip(cameras, which, strict=True) if own]


def _names(cameras: Sequence[Camera], which: BoolArray) -> tuple[str, ...]:
    return tuple(camera.name for camera in _of(cameras, which))


def _placed(cameras: Sequence[Camera], poses: Motions, stayed: BoolArray) -> tuple[Camera, ...]:
    """The cameras, those that have moved with new poses."""
    return tuple(
        camera if stays else replace(camera, rotation=turn, translation=shift)
        for camera, turn, shift, stays in zip(
            cameras, poses.rotation, poses.translation, stayed, strict=True
        )
    )


def _shifts(cameras: Sequence[Camera], placed: Sequence[Camera], points: FloatArray) -> FloatArray:
    """(V, 2) median px by which points (N, 3) that cameras see now are elsewhere than before."""
    found = np.full((len(cameras), 2), np.nan)
    for view, (before, now) in enumerate(zip(cameras, placed, strict=True)):
        here = now.project(points)
        off = (here - before.project(points))[np.asarray(now.sees(here))]
        off = off[np.isfinite(off).all(axis=1)]
        if len(off):
            found[view] = np.median(off, axis=0)
    return found


def _board_errors(cameras: Sequence[Camera], detections: Detections) -> FloatArray:
    """(V,) median errors of triangulated corners, px."""
    lengths = triangulate_boards(cameras, detections).lengths
    return np.array([np.nanmedian(each) if np.isfinite(each).any() else np.nan for each in lengths])
