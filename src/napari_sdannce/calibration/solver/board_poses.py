"""Where a board may be, told by one camera: the two poses in which a plane looks as it was seen."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import cv2
import numpy as np
import numpy.typing as npt

from napari_sdannce.calibration.detection.plane import on_a_line

from .adjust import SoftL1
from .bundle import Rig, Sightings, miss_lengths, residuals, slopes
from .lenses import N_PINHOLE, from_pixels
from .rigid import Motions, stack

if TYPE_CHECKING:
    from napari_sdannce.calibration.detection.detections import Detections

    from .lenses import Lens

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

_NEWTON_STEPS = 12
_KNEE, _LEAST_KNEE_PX = 3.0, 0.5
"""Times the median error of a sighting, and px, up to which errors count by their squares."""
_ENOUGH = 4
_FAR = 1e3
_BEHIND_PX = 1e6
_STEPS = 12


@dataclass(frozen=True, eq=False, slots=True)
class PoseGuesses:
    """Poses of a board in the frames of the cameras that saw it.

    Parameters
    ----------
    sighting
        (H,) row of the sighting each is for, rising; none or several a sighting.
    poses
        (H,) from the board into the camera.
    errors_px
        (H,) root mean square error of the corners, wrong ones hardly counted.
    """

    sighting: IntArray
    poses: Motions
    errors_px: FloatArray

    def best(self) -> PoseGuesses:
        """The better one of each sighting that has any."""
        order = np.lexsort((self.errors_px, self.sighting))
        first = order[np.unique(self.sighting[order], return_index=True)[1]]
        return PoseGuesses(self.sighting[first], self.poses[first], self.errors_px[first])


def guess_poses(
    lens: Lens, numbers: FloatArray, points: FloatArray, detections: Detections
) -> PoseGuesses:
    """Poses in which the board would look as seen, up to two a sighting, adjusted.

    Parameters
    ----------
    lens, numbers
        Kind of lens, and (V, P) the cameras' intrinsic numbers.
    points
        (S, M, 3) corners of the sides of the board, each side in a plane of equal z, mm.
    detections
        What was seen.
    """
    found = plane_poses(lens, numbers, points, detections)
    seen = _one_by_one(detections, points, found.sighting)
    return PoseGuesses(found.sighting, *refine_poses(lens, numbers, seen, found.poses))


def plane_poses(
    lens: Lens, numbers: FloatArray, points: FloatArray, detections: Detections
) -> PoseGuesses:
    """As `guess_poses`, but roughly and quickly.

    A small or far plane looks nearly the same tilted the other way (Collins and Bartoli,
    Infinitesimal plane-based pose estimation, IJCV 109, 2014).
    """
    own = numbers[detections.view][:, None]
    ideal = unbend(lens, from_pixels(detections.corners, own), own[..., N_PINHOLE:])
    both = [
        _poses_of_plane(points[side], here)
        for side, here in zip(detections.side, ideal, strict=True)
    ]
    sighting = np.repeat(np.arange(len(both)), [len(each) for each in both])
    poses = [pose for each in both for pose in each]
    found = stack(poses) if poses else Motions.none(0)
    seen = _one_by_one(detections, points, sighting)
    lengths = _lengths(lens, Rig(numbers, Motions.none(len(numbers)), found), seen)
    return PoseGuesses(sighting, found, _errors(lengths, seen))


def _one_by_one(detections: Detections, points: FloatArray, which: IntArray) -> Sightings:
    """Sightings, each with a board of its own."""
    return Sightings.of(detections.take(which), points, moments=np.arange(len(which)))


def unbend(lens: Lens, bent: FloatArray, numbers: FloatArray) -> FloatArray:
    """Ideal normalised coordinates (..., 2) of bent ones, for starts: NaN where it goes astray."""
    xy = bent.copy()
    if not np.any(numbers) and np.array_equal(lens.bend(xy, numbers), xy, equal_nan=True):
        return xy
    with np.errstate(all="ignore"):
        for _ in range(_NEWTON_STEPS):
            (a, b), (c, d) = np.moveaxis(lens.slopes(xy, numbers)[0], (-2, -1), (0, 1))
            x, y = np.moveaxis(lens.bend(xy, numbers) - bent, -1, 0)
            step = np.stack([d * x - b * y, a * y - c * x], axis=-1) / (a * d - b * c)[..., None]
            length = np.linalg.norm(step, axis=-1, keepdims=True)
            limit = 0.5 * (0.5 + np.linalg.norm(xy, axis=-1, keepdims=True))
            xy = xy - step * np.minimum(1, limit / np.maximum(length, 1e-12))
        astray = ~(np.linalg.norm(lens.bend(xy, numbers) - bent, axis=-1) < 1e-6)
    xy[astray] = np.nan
    return np.asarray(xy)


def _poses_of_plane(points: FloatArray, ideal: FloatArray) -> list[Motions]:
    """Poses of points (M, 3) of one depth that are seen at (M, 2), NaN where not."""
    used = np.isfinite(ideal).all(axis=-1) & (np.abs(np.nan_to_num(ideal)).max(axis=-1) < _FAR)
    if used.sum() < _ENOUGH:
        return []
    flat, depth = points[used].copy(), points[0, 2]
    flat[:, 2] = 0
    if on_a_line(flat[:, :2]) or on_a_line(ideal[used]):
        return []
    try:
        _, turns, shifts, _ = cv2.solvePnPGeneric(
            flat, ideal[used][:, None], np.eye(3), None, flags=cv2.SOLVEPNP_IPPE
        )
    except cv2.error:  # corners nearly on one line
        return []
    found = []
    for turn, shift in zip(turns, shifts, strict=True):
        rotation = np.asarray(cv2.Rodrigues(turn)[0], dtype=np.float64)
        moved = shift.ravel() - rotation[:, 2] * depth
        if np.isfinite(rotation).all() and np.isfinite(moved).all() and moved[2] > 0:
            found.append(Motions(rotation, moved))
    return found


def refine_poses(
    lens: Lens, numbers: FloatArray, sightings: Sightings, poses: Motions
) -> tuple[Motions, FloatArray]:
    """Adjust poses (H,), each for a sighting of its own; these, and their errors (H,) in px.

    Levenberg-Marquardt, with a damping for each, and a robust loss: what is far beyond the median
    hardly counts.
    """
    cameras = Motions.none(len(numbers))
    rig = Rig(numbers, cameras, poses)
    lengths, damping = _lengths(lens, rig, sightings), np.full(len(poses), 1e-3)
    for _ in range(_STEPS):
        loss = _loss_of(lengths, sightings)
        weights = sightings.weights * loss.weight(lengths**2)
        missed = np.nan_to_num(residuals(rig, lens, sightings), nan=0.0)
        by_pose = np.nan_to_num(slopes(rig, lens, sightings)[1], nan=0.0)
        weighted = by_pose * weights[..., None, None]
        matrix = np.einsum("gmki,gmkj->gij", weighted, by_pose)
        force = np.einsum("gmki,gmk->gi", weighted, missed)
        diagonal = np.einsum("gii->gi", matrix)
        diagonal += damping[:, None] * diagonal + 1e-12
        trial = rig.boards.stepped(-np.linalg.solve(matrix, force[..., None])[..., 0])
        after = _lengths(lens, replace(rig, boards=trial), sightings)
        cost, cost_after = (_cost(each, loss, sightings) for each in (lengths, after))
        better = cost_after < cost
        poses = Motions(
            np.where(better[:, None, None], trial.rotation, rig.boards.rotation),
            np.where(better[:, None], trial.translation, rig.boards.translation),
        )
        rig, lengths = replace(rig, boards=poses), np.where(better[:, None], after, lengths)
        damping = np.where(better, damping / 10, damping * 10)
        if (np.abs(cost - cost_after) <= 1e-4 * cost).all():
            break
    return rig.boards, _errors(lengths, sightings)


def _lengths(lens: Lens, rig: Rig, sightings: Sightings) -> FloatArray:
    """(G, M) lengths of the residuals, px; very long behind a camera."""
    return np.minimum(miss_lengths(rig, lens, sightings), _BEHIND_PX)


def _loss_of(lengths: FloatArray, sightings: Sightings) -> SoftL1:
    """A loss whose knee is beyond most of the lengths (G, M) of each sighting, px."""
    seen = np.where(sightings.weights > 0, lengths, np.nan)
    return SoftL1(np.maximum(_KNEE * np.nanmedian(seen, axis=1), _LEAST_KNEE_PX)[:, None])


def _cost(lengths: FloatArray, loss: SoftL1, sightings: Sightings) -> FloatArray:
    """(G,) px^2."""
    return np.asarray((loss.cost(lengths**2) * sightings.weights).sum(axis=1))


def _errors(lengths: FloatArray, sightings: Sightings) -> FloatArray:
    """(G,) root mean square errors, those far beyond the median taken for shorter, px."""
    cost = _cost(lengths, _loss_of(lengths, sightings), sightings)
    return np.asarray(np.sqrt(cost / np.maximum(sightings.weights.sum(axis=1), 1)))
