from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from napari_sdannce.calibration.boards.board_kinds import CharucoBoard, Checkerboard
from napari_sdannce.calibration.boards.pattern import opencv_board
from napari_sdannce.calibration.detection.detect import BoardFinder, find_board
from napari_sdannce.synthetic.boards import BoardPose, Picture, render_board

CHARUCO = CharucoBoard(6, 8, 10.0, 7.5, "DICT_4X4_50")
CHESS = Checkerboard(8, 6, 10.0)


def errors(sighting, board, camera, pose) -> np.ndarray:
    """(K, M) px, for each order of the corners between which no image can tell."""
    truth = camera.project(pose.place(board.points[sighting.side]))
    return np.stack(
        [np.linalg.norm(sighting.corners - truth[order], axis=-1) for order in board.symmetries]
    )


def stock_corners(board, image) -> np.ndarray:
    """What OpenCV finds, (M, 2)."""
    corners, numbers = cv2.aruco.CharucoDetector(opencv_board(board)).detectBoard(image)[:2]
    found = np.full((board.points.shape[1], 2), np.nan)
    if numbers is not None:
        found[np.ravel(numbers)] = corners.reshape(-1, 2)
    return found


@pytest.mark.parametrize(
    "changes",
    [{}, {"legacy": True}, {"inverted": True}, {"two_sided": True}, {"squares_down": 7}],
    ids=str,
)
def test_charuco_corners_are_where_the_camera_model_says(changes, lens, poses):
    board = replace(CHARUCO, **changes)
    for pose in poses(board, 3, 250):
        image = render_board(board, lens, pose, Picture(noise=2))
        sighting = find_board(image, board)
        assert sighting is not None
        assert sighting.side == 0
        assert sighting.n_corners == board.points.shape[1]
        assert errors(sighting, board, lens, pose).max() < 0.05


def test_mirrored_board_is_found_where_it_is(lens, poses):
    board = replace(CHARUCO, mirrored=True)
    for pose in poses(board, 2, 250, behind=True):
        sighting = find_board(render_board(board, lens, pose), board)
        assert sighting is not None
        assert sighting.n_corners == 35
        assert errors(sighting, board, lens, pose).max() < 0.05
        assert find_board(render_board(board, lens, pose), CHARUCO) is None


def test_back_of_a_two_sided_board_lies_behind_its_front(lens, poses):
    board = replace(CHARUCO, two_sided=True, thickness_mm=4.0)
    for pose in poses(board, 3, 250, behind=True):
        sighting = find_board(render_board(board, lens, pose), board)
        assert sighting is not None
        assert sighting.side == 1
        assert errors(sighting, board, lens, pose).max() < 0.05


def test_a_one_sided_board_is_not_seen_from_behind(lens, poses):
    pose = next(poses(CHARUCO, 1, 250, behind=True))
    assert find_board(render_board(CHARUCO, lens, pose), CHARUCO) is None


def test_corners_are_closer_than_those_of_opencv(lens, poses):
    ours, stock = [], []
    for distance, picture in ((130, Picture(blur_px=1.6, noise=4)), (450, Picture(noise=1))):
        for pose in poses(CHARUCO, 4, distance):
            image = render_board(CHARUCO, lens, pose, picture)
            truth = lens.project(pose.place(CHARUCO.points[0]))
            sighting = find_board(image, CHARUCO)
            assert sighting is not None
            ours.append(np.linalg.norm(sighting.corners - truth, axis=-1))
            stock.append(np.linalg.norm(stock_corners(CHARUCO, image) - truth, axis=-1))
    assert not np.isnan(ours).any()
    assert np.sqrt(np.nanmean(np.square(ours))) < 0.2 * np.sqrt(np.nanmean(np.square(stock)))
    assert np.nanmax(ours) < 0.08


def test_blurred_board_is_found_in_the_enlarged_image(lens, poses):
    pose = next(poses(CHARUCO, 1, 450))
    image = render_board(CHARUCO, lens, pose, Picture(blur_px=0.9, noise=2))
    quick, thorough = (find_board(image, CHARUCO, thorough=way) for way in (False, True))
    assert thorough is not None
    assert thorough.n_corners == 35
    assert errors(thorough, CHARUCO, lens, pose).max() < 0.15
    assert quick is not None
    assert quick.n_corners < 35  # what the enlarged image is for


def test_motion_moves_no_corner_and_is_told(lens, poses):
    pose = next(poses(CHARUCO, 1, 130))
    still, moving = (
        find_board(render_board(CHARUCO, lens, pose, Picture(motion_px=motion)), CHARUCO)
        for motion in ((0, 0), (7, 1))
    )
    assert errors(moving, CHARUCO, lens, pose).max() < 0.05
    assert moving.blur_px > 1.8 * still.blur_px
    assert moving.blur_px == pytest.approx(np.hypot(7 / np.sqrt(12), 0.7), abs=0.4)


def test_part_of_a_board_beyond_the_image(lens, poses):
    pose = next(poses(CHARUCO, 1, 130))
    aside = replace(pose, translation=pose.translation + np.array([45.0, 0, 0]))
    sighting = find_board(render_board(CHARUCO, lens, aside), CHARUCO)
    assert sighting is not None
    truth = lens.project(aside.place(CHARUCO.points[0]))
    assert 4 <= sighting.n_corners < 35
    assert np.isnan(sighting.corners[~lens.sees(truth)]).all()
    assert np.nanmax(errors(sighting, CHARUCO, lens, aside)) < 0.05


def test_hidden_corners_are_not_made_up(lens, poses):
    pose = next(poses(CHARUCO, 1, 130))
    image = render_board(CHARUCO, lens, pose)
    truth = lens.project(pose.place(CHARUCO.points[0]))
    x, y = truth[17].astype(int)
    image[y - 70 : y + 70, x - 70 : x + 70] = 128
    hidden = (np.abs(truth - truth[17]) < 65).all(axis=-1)
    sighting = find_board(image, CHARUCO)
    assert sighting is not None
    assert np.isnan(sighting.corners[hidden]).all()
    assert sighting.n_corners >= 20
    assert np.nanmax(errors(sighting, CHARUCO, lens, pose)) < 0.3


def test_a_bent_board_is_not_a_plane(lens, poses):
    pose = next(poses(CHARUCO, 1, 130))
    image = render_board(CHARUCO, lens, pose)
    y, x = np.mgrid[:512, :640].astype(np.float32)
    wavy = cv2.remap(image, x + 6 * np.sin(y / 25), y, cv2.INTER_LINEAR)
    sighting = find_board(wavy, CHARUCO)
    assert sighting is None or sighting.n_corners < 30


@pytest.mark.parametrize("size", [(8, 6), (7, 6), (5, 5), (6, 6), (7, 5)])
@pytest.mark.parametrize("turn", [0.1, 1.7, 3.2, 4.6])
def test_chessboard_is_counted_the_same_however_it_is_turned(size, turn, lens):
    board = Checkerboard(*size, 10.0)
    tilt = cv2.Rodrigues(np.array([0.3, -0.2, 0]))[0] @ cv2.Rodrigues(np.array([0, 0, turn]))[0]
    pose = BoardPose(tilt, np.array([0, 0, 220.0]) - tilt @ board.points[0].mean(axis=0))
    image = render_board(board, lens, pose, Picture(noise=2))
    sighting = find_board(image, board)
    assert sighting is not None
    # one of its symmetries, and nothing else
    assert errors(sighting, board, lens, pose).max(axis=1).min() < 0.1
    mirrored = find_board(cv2.flip(image, 1), board)
    assert mirrored is not None
    grid = mirrored.corners.reshape(size[1], size[0], 2)
    right, down = grid[0, -1] - grid[0, 0], grid[-1, 0] - grid[0, 0]
    assert np.linalg.det([right, down]) > 0


@pytest.mark.parametrize("distance", [200, 600, 900])
def test_every_chessboard_that_opencv_finds(distance, lens, poses):
    for picture in (Picture(blur_px=1.6, noise=4), Picture(60, 110, blur_px=0.8, noise=5)):
        for pose in poses(CHESS, 2, distance):
            image = render_board(CHESS, lens, pose, picture)
            stock = cv2.findChessboardCornersSB(image, (8, 6))[0]
            stock |= cv2.findChessboardCorners(image, (8, 6))[0]
            sighting = find_board(image, CHESS)
            assert not stock or sighting is not None
            if sighting is not None:
                best = errors(sighting, CHESS, lens, pose)
                assert np.nanmax(best, axis=1).min() < 0.7


def test_colours_and_types_of_images(lens, poses):
    pose = next(poses(CHARUCO, 1, 250))
    image = render_board(CHARUCO, lens, pose)
    rgb = np.repeat(image[..., None], 3, axis=-1)
    gray, color = find_board(image, CHARUCO), find_board(rgb, CHARUCO)
    assert np.abs(gray.corners - color.corners).max() < 0.01
    with pytest.raises(ValueError, match=r"uint8, got \(512, 640\) float64"):
        find_board(image.astype(np.float64), CHARUCO)
    with pytest.raises(ValueError, match="RGB"):
        find_board(np.zeros((20, 20, 4), np.uint8), CHARUCO)


@pytest.mark.parametrize("board", [CHARUCO, CHESS], ids=["charuco", "chess"])
def test_nothing_where_there_is_nothing(board):
    finder = BoardFinder(board)
    noise = np.random.default_rng(0).integers(0, 256, (300, 400), dtype=np.uint8)
    for image in (
        noise,
        np.zeros((200, 300), np.uint8),
        np.full((1, 1), 7, np.uint8),
        noise[:40, :33],
    ):
        assert finder.find(image) is None


def test_dictionary_that_is_not_there_or_too_small():
    with pytest.raises(
        ValueError, match="no dictionary of markers 'DICT_9X9_50'; possible: DICT_4X4"
    ):
        BoardFinder(replace(CHARUCO, dictionary="DICT_9X9_50"))
    with pytest.raises(ValueError, match="needs 60 markers, DICT_4X4_50 has 50"):
        BoardFinder(replace(CHARUCO, squares_across=10, squares_down=12))
