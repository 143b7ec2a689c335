"""napari-sdannce, given what was found of the board."""

from __future__ import annotations

from job import Job, Lens, Posed, Sighting, answer
from ours import board_of, detections_of, unposed

from napari_sdannce.calibration.solver.known import KnownLenses
from napari_sdannce.calibration.solver.lenses import BrownLens
from napari_sdannce.calibration.solver.solution import Model, solve
from napari_sdannce.files.opencv_lens import opencv_coefficients


def detect(job: Job) -> list[Sighting]:
    raise NotImplementedError("videos are the business of `sdannce calibrate`")


def calibrate(job: Job, sightings: list[Sighting]) -> list[Posed]:
    board = board_of(job.board)
    found = solve(detections_of(job.names, job.image_sizes, board, sightings), board, model_of(job))
    return [
        Posed(
            Lens(camera.matrix.tolist(), opencv_coefficients(camera)),
            camera.rotation.tolist(),
            camera.translation.tolist(),
        )
        for camera in found.cameras
    ]


def model_of(job: Job) -> Model:
    if job.lenses is None:
        return Model()
    each = zip(job.names, job.image_sizes, job.lenses, strict=True)
    sizes = [(width, height) for width, height in job.image_sizes]
    known = KnownLenses.of_cameras(BrownLens(), [unposed(*one) for one in each], sizes)
    return Model(known=known, fixed=job.fixed)


if __name__ == "__main__":
    answer("napari-sdannce", detect, calibrate)
