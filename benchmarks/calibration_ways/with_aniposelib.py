"""aniposelib: the two steps of ``CameraGroup.calibrate_videos``, one after the other."""

from __future__ import annotations

import cv2
import numpy as np
from aniposelib.boards import CharucoBoard
from aniposelib.cameras import CameraGroup
from job import Job, Lens, Posed, Sighting, answer


def board_of(job: Job) -> CharucoBoard:
    given = job.board
    _, bits, number = given.dictionary.split("_")
    return CharucoBoard(
        given.squares_across,
        given.squares_down,
        square_length=given.square_mm,
        marker_length=given.marker_mm,
        marker_bits=int(bits[0]),
        dict_size=int(number),
    )


def detect(job: Job) -> list[Sighting]:
    group = CameraGroup.from_names(job.names)
    videos = [[video] for video in job.videos]
    found = group.get_rows_videos(videos, board_of(job), verbose=False)
    return [
        Sighting(
            view,
            row["framenum"][1],
            row["ids"].ravel().tolist(),
            row["corners"].reshape(-1, 2).tolist(),
        )
        for view, rows in enumerate(found)
        for row in rows
    ]


def solve(job: Job, sightings: list[Sighting]) -> list[Posed]:
    np.random.seed(0)  # noqa: NPY002 - it draws frames with it
    board, group = board_of(job), CameraGroup.from_names(job.names)
    for camera, size in zip(group.cameras, job.image_sizes, strict=True):
        camera.set_size(tuple(size))
    rows: list[list[dict]] = [[] for _ in job.names]
    for one in sightings:
        rows[one.view].append(
            {
                "framenum": (0, one.moment),
                "corners": np.array(one.corners, dtype=np.float32),
                "ids": np.array(one.ids, dtype=np.int32),
            }
        )
    # it takes for granted that somebody did this where lenses are known
    rows = [board.fill_points_rows(found) for found in rows]
    for camera, lens in zip(group.cameras, job.lenses or [], strict=False):
        camera.set_camera_matrix(lens.matrix)
        camera.set_distortions(lens.distortion)
    group.calibrate_rows(
        rows,
        board,
        init_intrinsics=job.lenses is None,
        only_extrinsics=job.fixed,
        verbose=False,
    )
    return [
        Posed(
            Lens(camera.get_camera_matrix().tolist(), camera.get_distortions().tolist()),
            cv2.Rodrigues(camera.get_rotation())[0].tolist(),
            camera.get_translation().tolist(),
        )
        for camera in group.cameras
    ]


if __name__ == "__main__":
    answer("aniposelib", detect, solve)
