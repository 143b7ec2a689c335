"""Rigid-board bundle adjustment: residuals, their exact slopes, and the normal equations.

Unknown are each camera's intrinsic numbers and pose, and the pose of the board at each moment. A
corner X of the board is seen by camera c at moment m at

    pixel = matrix_c bend_c( project( R_c (R_m X + t_m) + t_c ) )

Each sighting touches one camera and one moment only. So the normal equations are blocks, and the
many poses of the board are eliminated moment by moment (Schur's complement), as in Triggs et al.,
Bundle adjustment - a modern synthesis (2000), section 6.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self

import numpy as np
import numpy.typing as npt
from scipy.sparse import csc_array

from .lenses import CX, CY, FX, FY, N_PINHOLE, SKEW, to_pixels
from .rigid import Motions, cross_matrix

if TYPE_CHECKING:
    from napari_sdannce.calibration.detection.detections import Detections

    from .lenses import Lens

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]
IntArray = npt.NDArray[np.int64]

POSE = 6


@dataclass(frozen=True, eq=False, slots=True)
class Rig:
    """What is solved for.

    Parameters
    ----------
    numbers
        (V, P) intrinsic numbers: fx, fy, cx, cy, skew (px), then those of the lens.
    cameras
        (V,) motions from the world into the cameras, mm.
    boards
        (F,) motions from the board into the world, one a moment, mm.
    """

    numbers: FloatArray
    cameras: Motions
    boards: Motions

    def stepped(self, cameras: FloatArray, boards: FloatArray) -> Self:
        """Rig after steps (V, P + 6) of its cameras and (F, 6) of its boards."""
        n = self.numbers.shape[1]
        return replace(
            self,
            numbers=self.numbers + cameras[:, :n],
            cameras=self.cameras.stepped(cameras[:, n:]),
            boards=self.boards.stepped(boards),
        )


@dataclass(frozen=True, eq=False, slots=True)
class Sightings:
    """Detections made ready for the solver.

    Parameters
    ----------
    view, moment
        (G,) camera, and row of the moment in `Rig.boards`.
    points
        (G, M, 3) corners in the frame of the board, mm.
    corners
        (G, M, 2) px; where not seen, anything finite.
    weights
        (G, M) how much each counts; zero where not seen.
    """

    view: IntArray
    moment: IntArray
    points: FloatArray
    corners: FloatArray
    weights: FloatArray

    @classmethod
    def of(
        cls, detections: Detections, points: FloatArray, moments: IntArray | None = None
    ) -> Self:
        """Sightings of a board with corners `points` (S, M, 3) by sides.

        `moments` (G,) are the rows of the boards; None: the board's moments, in their order.
        """
        if moments is None:
            moments = np.unique(detections.moment, return_inverse=True)[1].astype(np.int64)
        seen = detections.seen
        return cls(
            detections.view,
            moments,
            points[detections.side],
            np.where(seen[..., None], detections.corners, 0.0),
            seen.astype(np.float64),
        )


def residuals(rig: Rig, lens: Lens, sightings: Sightings) -> FloatArray:
    """(G, M, 2) px from the corners that were seen to where the rig says they are.

    NaN behind the camera.
    """
    _, _, ideal = _ideal(rig, sightings)
    numbers = rig.numbers[sightings.view][:, None]
    bent = lens.bend(ideal, numbers[..., N_PINHOLE:])
    return to_pixels(bent, numbers) - sightings.corners


def miss_lengths(rig: Rig, lens: Lens, sightings: Sightings) -> FloatArray:
    """(G, M) lengths of the `residuals`, px; infinite behind a camera."""
    lengths = np.linalg.norm(residuals(rig, lens, sightings), axis=-1)
    return np.where(np.isfinite(lengths), lengths, np.inf)


def _ideal(rig: Rig, sightings: Sightings) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Points turned as the board, in the camera's frame (G, M, 3), and normalised (G, M, 2)."""
    boards, cameras = rig.boards[sightings.moment], rig.cameras[sightings.view]
    turned = sightings.points @ np.swapaxes(boards.rotation, -1, -2)
    there = cameras.apply(turned + boards.translation[:, None])
    depth = there[..., 2:]
    return turned, there, there[..., :2] / np.where(depth > 0, depth, np.nan)


def slopes(rig: Rig, lens: Lens, sightings: Sightings) -> tuple[FloatArray, FloatArray]:
    """Derivatives of `residuals`: (G, M, 2, P + 6) by the camera, (G, M, 2, 6) by the board."""
    turned, there, ideal = _ideal(rig, sightings)
    cameras = rig.cameras[sightings.view]
    numbers = rig.numbers[sightings.view][:, None]
    focal = np.zeros((*numbers.shape[:-1], 2, 2))
    focal[..., 0, 0], focal[..., 1, 1] = numbers[..., FX], numbers[..., FY]
    focal[..., 0, 1] = numbers[..., SKEW]
    bent = lens.bend(ideal, numbers[..., N_PINHOLE:])
    place, by_term = lens.slopes(ideal, numbers[..., N_PINHOLE:])
    n = numbers.shape[-1]
    by_camera = np.zeros((*ideal.shape, n + POSE))
    by_camera[..., 0, FX], by_camera[..., 1, FY] = bent[..., 0], bent[..., 1]
    by_camera[..., 0, CX] = by_camera[..., 1, CY] = 1
    by_camera[..., 0, SKEW] = bent[..., 1]
    by_camera[..., N_PINHOLE:n] = focal @ by_term
    # pixels by the point in the camera's frame (G, M, 2, 3)
    near = 1 / there[..., 2]
    flat = focal @ place * near[..., None, None]
    by_point = np.concatenate([flat, -(flat @ ideal[..., None])], axis=-1)
    offset = there - cameras.translation[:, None]
    by_camera[..., n : n + 3] = -by_point @ cross_matrix(offset)
    by_camera[..., n + 3 :] = by_point
    in_world = by_point @ cameras.rotation[:, None]
    by_board = np.concatenate([-in_world @ cross_matrix(turned), in_world], axis=-1)
    return by_camera, by_board


@dataclass(frozen=True, eq=False, slots=True)
class NormalEquations:
    """Blocks of ``J^T W J`` and ``J^T W r``.

    Parameters
    ----------
    cameras
        (V, C, C), C = P + 6 numbers of a camera.
    boards
        (F, 6, 6).
    between
        (G, C, 6), the sightings' cameras with their boards.
    camera_force, board_force
        (V, C), (F, 6).
    """

    cameras: FloatArray
    boards: FloatArray
    between: FloatArray
    camera_force: FloatArray
    board_force: FloatArray


def sighting_products(
    rig: Rig, lens: Lens, sightings: Sightings, weights: FloatArray
) -> FloatArray:
    """(G, C + 6 + 1, C + 6 + 1): ``[J r]^T W [J r]`` of each sighting.

    J holds the slopes by the camera's C = P + 6 numbers, then by the board's pose.
    """
    by_camera, by_board = slopes(rig, lens, sightings)
    missed = residuals(rig, lens, sightings)[..., None]
    rows = np.concatenate([by_camera, by_board, missed], axis=-1)
    rows *= np.sqrt(weights)[..., None, None]
    rows[weights == 0] = 0
    flat = rows.reshape(len(rows), -1, rows.shape[-1])
    return np.asarray(np.swapaxes(flat, -1, -2) @ flat)


def normal_equations(
    rig: Rig, lens: Lens, sightings: Sightings, weights: FloatArray
) -> NormalEquations:
    """Normal equations with weights (G, M) of the squared residuals."""
    products = sighting_products(rig, lens, sightings, weights)
    c = rig.numbers.shape[1] + POSE
    return NormalEquations(
        _sum_by(sightings.view, products[:, :c, :c], len(rig.cameras)),
        _sum_by(sightings.moment, products[:, c:-1, c:-1], len(rig.boards)),
        products[:, :c, c:-1],
        _sum_by(sightings.view, products[:, :c, -1], len(rig.cameras)),
        _sum_by(sightings.moment, products[:, c:-1, -1], len(rig.boards)),
    )


def _sum_by(index: IntArray, values: FloatArray, n: int) -> FloatArray:
    """(n, ...) sums of the values (G, ...) of each index; a sparse product is the fastest way."""
    g = len(index)
    which = csc_array((np.ones(g), index, np.arange(g + 1)), shape=(n, g))
    return np.asarray(which @ values.reshape(g, -1)).reshape(n, *values.shape[1:])
