"""Boards that real cameras saw."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING, Any

import av
import cv2
import numpy as np
import pytest

from napari_sdannce.calibration.boards.board_kinds import CharucoBoard
from napari_sdannce.calibration.boards.pattern import opencv_board
from napari_sdannce.calibration.detection.detect import BoardFinder
from napari_sdannce.calibration.detection.find_boards import find_boards
from napari_sdannce.calibration.quality.misses import misses_of
from napari_sdannce.calibration.solver.solution import solve
from napari_sdannce.calibration.sources.board_source import open_source

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from pathlib import Path

    from napari_sdannce.calibration.detection.find_boards import FoundBoards

MOUSE = CharucoBoard(8, 11, 24.0, 18.75, "DICT_4X4_1000")
WEBCAMS = CharucoBoard(4, 5, 54.0, 40.5, "DICT_4X4_1000", inverted=True)


def stock(board: CharucoBoard, image: np.ndarray) -> np.ndarray:
    """(M, 2) what OpenCV finds."""
    seen = 255 - image if board.inverted else image
    corners, numbers = cv2.aruco.CharucoDetector(opencv_board(board)).detectBoard(seen)[:2]
    found = np.full((board.points.shape[1], 2), np.nan)
    if numbers is not None:
        found[np.ravel(numbers)] = corners.reshape(-1, 2)
    return found


def reprojection_rms(board: CharucoBoard, corners: list[np.ndarray], size) -> float:
    """Error of OpenCV's calibration from these corners, px."""
    seen = [np.isfinite(each[:, 0]) for each in corners]
    points = [board.points[0][which].astype(np.float32) for which in seen]
    pixels = [each[which].astype(np.float32) for each, which in zip(corners, seen, strict=True)]
    return cv2.calibrateCamera(points, pixels, size, None, None)[0]


@pytest.mark.realdata
def test_every_corner_of_the_stills(shared_data):
    files = sorted((shared_data / "mouse4cam/board/top").glob("*.jpg"))[::2]
    finder = BoardFinder(MOUSE)
    images = [cv2.imread(str(file), cv2.IMREAD_GRAYSCALE) for file in files]
    ours = [finder.find(image).corners for image in images]
    theirs = [stock(MOUSE, image) for image in images]
    assert np.isfinite(ours).all()  # OpenCV leaves some out
    apart = np.subtract(ours, theirs)
    # OpenCV 4.10 has all corners half a pixel too far to the right and down
    apart -= np.nanmedian(apart, axis=(0, 1))
    assert np.nanmedian(np.linalg.norm(apart, axis=-1)) < 0.2
    size = images[0].shape[::-1]
    both = [np.where(np.isfinite(b), a, np.nan) for a, b in zip(ours, theirs, strict=True)]
    assert reprojection_rms(MOUSE, both, size) < 0.85 * reprojection_rms(MOUSE, theirs, size)


@pytest.mark.realdata
@pytest.mark.golden
def test_webcam_video_against_another_program(shared_data, golden):
    with (golden / "calibration/calidet_charuco_calibration.csv").open() as stream:
        rows = [row for row in csv.DictReader(stream) if row["cam_id"] == "2"]
    theirs = {
        (int(row["sync_index"]), int(row["keypoint_id"])): (
            float(row["img_loc_x"]), float(row["img_loc_y"]),
        )
        for row in rows
    }  # fmt: skip
    finder = BoardFinder(WEBCAMS)
    ours, opencv, apart = [], [], []
    with av.open(str(shared_data / "charuco4cam/cam_2.mp4")) as video:
        for number, frame in enumerate(video.decode(video=0)):
            image = frame.to_ndarray(format="gray")
            found, sighting = stock(WEBCAMS, image), finder.find(image, thorough=False)
            n_stock = np.isfinite(found[:, 0]).sum()
            assert sighting is not None or n_stock < 4
            if sighting is None:
                continue
            assert sighting.n_corners >= n_stock
            apart += [
                np.hypot(*(sighting.corners[corner] - place))
                for corner in range(12)
                if (place := theirs.get((number, corner))) is not None
            ]
            if n_stock >= 6:
                both = np.isfinite(found[:, 0]) & np.isfinite(sighting.corners[:, 0])
                ours.append(np.where(both[:, None], sighting.corners, np.nan))
                opencv.append(np.where(both[:, None], found, np.nan))
    assert len(apart) > 500
    assert np.median(apart) < 0.25
    # the difference is theirs: five times less is left over of ours
    assert reprojection_rms(WEBCAMS, ours, (1280, 720)) < 0.05
    assert reprojection_rms(WEBCAMS, opencv, (1280, 720)) > 0.2


def result_of(search: Generator[Any, None, FoundBoards]) -> Iterator[Any]:
    """What a generator yields, and at last what it returns."""
    yield (yield from search)


@pytest.mark.realdata
def test_four_cameras_fit_all_boards_of_the_mouse(shared_data: Path) -> None:
    """No worse than what is published of it: 0.36 px, Euclidean, all corners, one board a frame."""
    source = open_source(shared_data / "mouse4cam/board")
    try:
        *_, found = result_of(find_boards(source, MOUSE, range(source.n_moments)))
    finally:
        source.close()
    assert len(found.detections) == 84
    solution = solve(found.detections, MOUSE)
    errors = misses_of(solution).lengths
    assert len(errors) == found.detections.seen.sum() == 84 * 70
    assert np.sqrt((errors**2).mean()) < 0.36
