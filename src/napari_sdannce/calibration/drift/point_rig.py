"""Cameras and points that they see, adjusted together: boards of a single corner each."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from napari_sdannce.calibration.solver.adjust import Prior, Problem, SoftL1, adjust
from napari_sdannce.calibration.solver.bundle import POSE, Rig, Sightings, miss_lengths
from napari_sdannce.calibration.solver.known import lens_of, numbers_of
from napari_sdannce.calibration.solver.rigid import Motions, stack
from napari_sdannce.geometry import triangulate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_sdannce.calibration.solver.lenses import Lens
    from napari_sdannce.geometry import Camera

FloatArray = npt.NDArray[np.float64]

_LOSS = SoftL1(1.5)
_MEDIAN_LENGTH = 1.1774
_LEAST_SIGMA_PX = 0.1


@dataclass(frozen=True, eq=False, slots=True)
class PointRig:
    """Points that cameras see.

    Parameters
    ----------
    lens
        Kind of lens of all cameras.
    rig
        Cameras as they are, and a board of one corner for each point.
    sightings
        Where the points were seen.
    """

    lens: Lens
    rig: Rig
    sightings: Sightings

    @classmethod
    def of(
        cls, cameras: Sequence[Camera], pixels: FloatArray, placing: Sequence[int] | None = None
    ) -> PointRig:
        """Points (V, N, 2) px that two cameras see, NaN where not seen.

        Where they lie at first is told by the cameras `placing`; None: by all.
        """
        views = list(range(len(cameras))) if placing is None else list(placing)
        found = triangulate([cameras[i] for i in views], pixels[views], max_error=1e6).points
        known = np.isfinite(found).all(axis=1)
        lens = lens_of(cameras)
        rig = Rig(
            np.stack([numbers_of(lens, camera) for camera in cameras]),
            stack([Motions(camera.rotation, camera.translation) for camera in cameras]),
            Motions(np.repeat(np.eye(3)[None], known.sum(), axis=0), found[known]),
        )
        here = pixels[:, known]
        view, point = np.nonzero(np.isfinite(here).all(axis=2))
        sightings = Sightings(
            view,
            point,
            np.zeros((len(view), 1, 3)),
            here[view, point][:, None],
            np.ones((len(view), 1)),
        )
        made = cls(lens, rig, sightings)
        in_front = np.isfinite(made.lengths(rig))
        return replace(made, sightings=replace(sightings, weights=in_front[:, None].astype(float)))

    def part(self, points: npt.NDArray[np.int64]) -> PointRig:
        """Only some points."""
        own = np.isin(self.sightings.moment, points)
        seen = self.sightings
        rows = np.searchsorted(points, seen.moment[own])
        part = Sightings(
            seen.view[own], rows, seen.points[own], seen.corners[own], seen.weights[own]
        )
        return replace(self, rig=replace(self.rig, boards=self.rig.boards[points]), sightings=part)

    def lengths(self, rig: Rig) -> FloatArray:
        """(G,) px by which each sighting is off; infinite behind the camera."""
        return np.asarray(miss_lengths(rig, self.lens, self.sightings)[:, 0])

    def sigma_px(self, rig: Rig) -> float:
        """Error of a coordinate, by the median."""
        used = self.sightings.weights[:, 0] > 0
        median = float(np.median(self.lengths(rig)[used])) if used.any() else 0.0
        return max(median / _MEDIAN_LENGTH, _LEAST_SIGMA_PX)

    def by_camera(self, rig: Rig) -> FloatArray:
        """(V,) median px by which each camera is off, NaN where it sees nothing."""
        length, view = self.lengths(rig), self.sightings.view
        return np.array(
            [np.median(length[view == v]) if (view == v).any() else np.nan
             for v in range(len(rig.cameras))]
        )  # fmt: skip

    def problem(self, free: Sequence[int], sigma_px: float) -> Problem:
        """What is adjusted when these cameras may move, with all points."""
        v, n = self.rig.numbers.shape
        mask = np.zeros((v, n + POSE), dtype=bool)
        mask[list(free), n:] = True
        nothing = Prior(self.rig.numbers, np.zeros((v, n, n)))
        sigmas = np.full(len(self.sightings.view), sigma_px)
        return Problem(self.lens, self.sightings, mask, _LOSS, sigmas, nothing)

    def adjusted(self, free: Sequence[int], sigma_px: float) -> Rig:
        """The rig with these cameras, and all points, where the cost is least."""
        with threadpool_limits(1, user_api="blas"):
            return adjust(self.problem(free, sigma_px), self.rig)
