"""caliscope: lenses from the sightings that the poses come from, then its pipeline for the poses.

That is `calibrate_extrinsics`, with the distances on the board as constraints.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from caliscope.api import (
    CameraArray,
    CameraData,
    Charuco,
    CharucoTracker,
    ConstraintSet,
    ImagePoints,
    calibrate_extrinsics,
    calibrate_intrinsics,
    extract_image_points_multicam,
)
from job import Job, Lens, Posed, Sighting, answer

MM = 1000.0


def board_of(job: Job) -> Charuco:
    given = job.board
    return Charuco.from_squares(
        given.squares_across,
        given.squares_down,
        given.square_mm / 10,
        dictionary=given.dictionary,
        aruco_scale=given.marker_mm / given.square_mm,
        inverted=given.inverted,
    )


def detect(job: Job) -> list[Sighting]:
    points = extract_image_points_multicam(
        {view: Path(video) for view, video in enumerate(job.videos)},
        CharucoTracker(board_of(job)),
        timestamps=job.timestamps,
        progress=None,
    )
    return [
        Sighting(
            int(view),
            int(moment),
            rows.keypoint_id.tolist(),
            rows[["img_loc_x", "img_loc_y"]].to_numpy().tolist(),
        )
        for (view, moment), rows in points.df.groupby(["cam_id", "sync_index"])
    ]


def solve(job: Job, sightings: list[Sighting]) -> list[Posed]:
    board = board_of(job)
    points, cameras = with_lenses(job, board, sightings)
    distances = ConstraintSet.from_charuco(board)
    run = calibrate_extrinsics(points, cameras, distances, refine_intrinsics=not job.fixed)
    return posed(job, run.capture_volume.camera_array)


def with_lenses(
    job: Job, board: Charuco, sightings: list[Sighting]
) -> tuple[ImagePoints, CameraArray]:
    points = points_of(board, sightings)
    sizes = [(width, height) for width, height in job.image_sizes]
    cameras = CameraArray.from_image_sizes(dict(enumerate(sizes)))
    for view, size in enumerate(sizes):
        if job.lenses is None:
            cameras[view] = calibrate_intrinsics(points, cameras[view]).camera
        else:
            lens = job.lenses[view]
            matrix, distortion = np.array(lens.matrix), np.array(lens.distortion)
            cameras[view] = CameraData(view, size, matrix=matrix, distortions=distortion)
    return points, cameras


def posed(job: Job, found: CameraArray) -> list[Posed]:
    lost = [job.names[view] for view in found.unposed_cameras]
    if lost:
        raise RuntimeError(f"no pose of {', '.join(lost)}")
    return [
        Posed(
            Lens(found[view].matrix.tolist(), np.ravel(found[view].distortions).tolist()),
            found[view].rotation.tolist(),
            (MM * found[view].translation).tolist(),
        )
        for view in range(len(job.names))
    ]


def points_of(board: Charuco, sightings: list[Sighting]) -> ImagePoints:
    parts = []
    for one in sightings:
        places = board.get_object_corners(one.ids)
        corners = np.array(one.corners)
        parts.append(
            pd.DataFrame(
                {
                    "sync_index": one.moment,
                    "cam_id": one.view,
                    "object_id": 0,
                    "keypoint_id": one.ids,
                    "img_loc_x": corners[:, 0],
                    "img_loc_y": corners[:, 1],
                    "obj_loc_x": places[:, 0],
                    "obj_loc_y": places[:, 1],
                    "obj_loc_z": places[:, 2],
                }
            )
        )
    return ImagePoints(pd.concat(parts, ignore_index=True))


if __name__ == "__main__":
    answer("caliscope", detect, solve)
