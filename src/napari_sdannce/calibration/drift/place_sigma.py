"""How well points tell where a camera stands that is placed by them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from napari_sdannce.calibration.errors import CalibrationError
from napari_sdannce.calibration.solver.adjust import reduce
from napari_sdannce.calibration.solver.bundle import POSE
from napari_sdannce.calibration.solver.rigid import cross_matrix

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_sdannce.calibration.solver.bundle import Rig
    from napari_sdannce.geometry import Camera

    from .point_rig import PointRig

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

_LEAST_SPREAD = 0.005
"""Of the distance to the camera; of a rod of 5 mm at 1 m, nobody sees from where it is seen."""
_INNER = 95
"""Percent of the points that are looked at: a wrong one is easily far off."""
_VAGUE = 0.02
"""Of the distance; a camera of which less is known than that is not placed."""
_UNLIKE, _LEAST_PX = 5.0, 2.0
"""A camera that is off by so many times what the others are, and by px, is another one."""


def check_spread(name: str, camera: Camera, points: FloatArray, covariance: FloatArray) -> None:
    """Raise when points lie at one place, or on a line: a camera may be anywhere around that.

    Parameters
    ----------
    name
        Of the camera.
    camera
        Where it was; points tell only how far away it is.
    points
        (N, 3) mm, as the other cameras have them.
    covariance
        (N, 3, 3) mm^2, of their errors, which are no spread of theirs.

    Raises
    ------
    CalibrationError
        Which of both.
    """
    middle = np.median(points, axis=0)
    length = np.linalg.norm(points - middle, axis=1)
    known = np.isfinite(covariance).all(axis=(1, 2))
    inner = known & (length <= np.percentile(length, _INNER))
    spread = np.cov(points[inner].T) - np.mean(covariance[inner], axis=0)
    extents = np.sqrt(np.maximum(np.linalg.eigvalsh(spread), 0))
    least = _LEAST_SPREAD * float(np.linalg.norm(camera.centre - middle))
    if extents[1] < least:
        where = "at one place" if extents[2] < least else "on one line"
        raise CalibrationError(
            f"the points that {name} shares with the others lie {where}: they do not tell where "
            "it stands; take points from all of the volume, or a clip of a board"
        )


def is_unlike(error_px: FloatArray, usual_px: float) -> BoolArray:
    """Whether errors are too far above what is usual to be those of the same camera elsewhere."""
    return np.asarray(error_px > max(_UNLIKE * usual_px, _LEAST_PX))


def check_fit(
    names: Sequence[str], stayed: BoolArray, before: FloatArray, after: FloatArray
) -> None:
    """Raise when a camera that moved is far off even where it fits best.

    Parameters
    ----------
    names
        V cameras.
    stayed
        (V,) which have not moved.
    before, after
        (V,) px that half of their points are off, by the cameras that stayed and by all.

    Raises
    ------
    CalibrationError
        Which.
    """
    usual = float(np.nanmedian(before[stayed]))
    for view in np.flatnonzero(~stayed & is_unlike(after, usual)).tolist():
        raise CalibrationError(
            f"no place of {names[view]} explains its points: they are {after[view]:.1f} px off "
            f"where they fit best, and those of the others {usual:.1f} px. Is it another camera, "
            "are its images of another size or mirrored, or of other times?"
        )


def place_sigma(
    names: Sequence[str], points: PointRig, rig: Rig, moved: BoolArray, sigma_px: float
) -> FloatArray:
    """Standard deviation of where cameras stand, mm.

    Parameters
    ----------
    names
        V cameras.
    points
        What they see.
    rig
        Where points and cameras were found to be.
    moved
        (V,) cameras that were placed.
    sigma_px
        Of a coordinate.

    Returns
    -------
    (V,), NaN for those that were not placed.

    Raises
    ------
    CalibrationError
        When it is too much for one.
    """
    views = np.flatnonzero(moved).tolist()
    problem = points.problem(views, sigma_px)
    matrix = reduce(problem, rig, problem.equations(rig)).matrix
    covariance = np.linalg.pinv(matrix, hermitian=True)
    found = np.full(len(names), np.nan)
    for i, view in enumerate(views):
        own = slice(POSE * i, POSE * (i + 1))
        turn, shift = rig.cameras.rotation[view], rig.cameras.translation[view]
        # the camera stands at -R^T t
        by_pose = np.concatenate([-turn.T @ cross_matrix(shift[None])[0], -turn.T], axis=1)
        found[view] = np.sqrt(np.trace(by_pose @ covariance[own, own] @ by_pose.T))
        seen = rig.boards.translation[points.sightings.moment[points.sightings.view == view]]
        away = float(np.median(np.linalg.norm(seen + turn.T @ shift, axis=1)))
        if found[view] > _VAGUE * away:
            raise CalibrationError(
                f"the points do not tell well where {names[view]} stands: to {found[view]:.0f} mm "
                f"at a distance of {away:.0f} mm; take points from more of the volume, or more of "
                "them, or a clip of a board"
            )
    return found
