"""Intrinsic numbers of one camera from its own sightings, with nothing known before."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from napari_sdannce.calibration.errors import CalibrationError

from .adjust import Problem, SoftL1, adjust
from .board_poses import plane_poses
from .bundle import POSE, Rig, Sightings
from .known import plain_numbers, weak_prior
from .lenses import FX, FY, N_PINHOLE
from .rigid import Motions

if TYPE_CHECKING:
    from napari_sdannce.calibration.detection.detections import Detections

    from .lenses import Lens

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

_FOCALS = np.geomspace(0.35, 6.0, 18)
"""Focal lengths to try, in image widths: fields of view of 110 down to 10 degrees."""
_BEST, _TRIED = 60, 24
"""Sightings that are adjusted to, and those that focal lengths are tried with."""


def find_intrinsics(
    lens: Lens, detections: Detections, points: FloatArray, view: int, free: BoolArray
) -> FloatArray:
    """(P,) intrinsic numbers that fit the sightings of one camera best.

    Focal lengths are tried from wide to long, each with the poses that the boards would then have;
    then everything is adjusted, distortion last.

    Raises
    ------
    CalibrationError
        When no sighting shows enough of the board.
    """
    own = detections.take(_telling(detections, view)).of_views([view])
    size = detections.image_sizes[view]
    some = own.take(np.linspace(0, len(own) - 1, min(len(own), _TRIED)).astype(np.int64))
    starts = [plain_numbers(lens, size, f * max(size)) for f in _FOCALS]
    errors = np.full(len(starts), np.inf)
    errors[::2] = [_start_error(lens, some, points, start) for start in starts[::2]]
    middle = int(np.argmin(errors))
    for near in {middle - 1, middle + 1} & set(range(len(starts))):
        errors[near] = _start_error(lens, some, points, starts[near])
    numbers = starts[int(np.argmin(errors))]
    if not np.isfinite(errors).any():
        raise CalibrationError(
            f"camera '{detections.names[view]}' nowhere shows enough of the board to tell its "
            "focal length"
        )
    found = plane_poses(lens, numbers[None], points, own).best()
    own = own.take(found.sighting)
    rig = Rig(numbers[None], Motions.none(1), found.poses)
    sightings = Sightings.of(own, points, moments=np.arange(len(own)))
    prior = weak_prior(lens, (size,), (numbers[FX],))
    first = np.zeros(len(numbers) + POSE, dtype=bool)
    first[[FX, FY]] = True
    for stage in (first, _with(first, N_PINHOLE), np.concatenate([free, np.zeros(POSE, bool)])):
        sigma = np.full(len(own), max(1.0, 1e-3 * max(size)) if stage is first else 1.0)
        problem = Problem(lens, sightings, stage[None], SoftL1(), sigma, prior)
        rig = adjust(problem, rig)
    return np.asarray(rig.numbers[0])


def _with(free: BoolArray, number: int) -> BoolArray:
    more = free.copy()
    more[number] = True
    return more


def _telling(detections: Detections, view: int) -> npt.NDArray[np.int64]:
    """Sightings of a camera, those with many corners first, at most so many as are worth it."""
    count = detections.seen.sum(axis=1)
    own = np.flatnonzero((detections.view == view) & (count >= 6))
    if not len(own):
        own = np.flatnonzero((detections.view == view) & (count >= 4))
    if len(own) > _BEST:  # spread over time, not all of one place
        own = own[np.argsort(-count[own], kind="stable")][: 4 * _BEST]
        own = np.sort(own)[:: max(1, len(own) // _BEST)][:_BEST]
    return own


def _start_error(lens: Lens, some: Detections, points: FloatArray, numbers: FloatArray) -> float:
    """Median error of the boards placed with these numbers, px; infinite where there are none."""
    errors = plane_poses(lens, numbers[None], points, some).best().errors_px
    return float(np.median(errors)) if len(errors) else np.inf
