"""Cameras that see the same: one video under two names, or two cameras at one place."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from napari_sdannce.calibration.findings import Finding, Grade

if TYPE_CHECKING:
    from collections.abc import Iterator

    from napari_sdannce.calibration.detection.detections import Detections

    from .calibration_report import CalibrationReport

_SAME_PX = 1e-3
"""Corners of two cameras are never found so near to each other, but in the same image."""
_MOSTLY = 0.5
_ONE_PLACE = 0.005
"""Share of the distance to the board; cameras that are nearer to each other see no depth."""


def findings_of_twins(report: CalibrationReport) -> Iterator[Finding]:
    """Pairs of cameras that tell nothing together."""
    found = report.solution.detections
    places = report.solution.fit.rig.cameras.inverse.translation
    away = [
        float(np.median(camera.stances.distances)) if len(camera.stances.distances) else np.nan
        for camera in report.cameras
    ]
    for one, other in combinations(range(len(found.names)), 2):
        names = f"{found.names[one]} and {found.names[other]}"
        apart = float(np.linalg.norm(places[one] - places[other]))
        if see_the_same(found, one, other):
            yield Finding(
                Grade.RECORD_AGAIN,
                f"{names} saw the very same: is one video there twice, under two names? Put that "
                "of the other camera in its place.",
            )
        elif apart < _ONE_PLACE * min(away[one], away[other]):
            yield Finding(
                Grade.USABLE,
                f"{names} stand at one place, {apart:.1f} mm from each other: together they tell "
                "no depth. Move one of them, or are its images those of the other?",
            )


def see_the_same(found: Detections, one: int, other: int) -> bool:
    """Whether most corners that two cameras saw at the same moments are at the same pixels."""
    first, second = (found.take(found.view == view) for view in (one, other))
    _, i, j = np.intersect1d(first.moment, second.moment, return_indices=True)
    apart = np.linalg.norm(first.corners[i] - second.corners[j], axis=-1)
    both = np.isfinite(apart)
    return bool(both.any() and (apart[both] < _SAME_PX).mean() > _MOSTLY)
