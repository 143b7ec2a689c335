"""caliscope: the steps for the poses of its page on scripting, which has no constraints."""

from __future__ import annotations

from caliscope.api import CaptureVolume
from job import Job, Posed, Sighting, answer
from with_caliscope import board_of, detect, posed, with_lenses

WORST_PERCENT = 2.5


def solve(job: Job, sightings: list[Sighting]) -> list[Posed]:
    points, cameras = with_lenses(job, board_of(job), sightings)
    volume = CaptureVolume.bootstrap(points, cameras).optimize(strict=False)
    volume = volume.filter_by_percentile_error(WORST_PERCENT).optimize(strict=False)
    return posed(job, volume.camera_array)


if __name__ == "__main__":
    answer("caliscope", detect, solve)
