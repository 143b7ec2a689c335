from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from napari_sdannce.calibration.boards.board_kinds import CharucoBoard, Checkerboard
from napari_sdannce.calibration.boards.pattern import first_is_black, opencv_board
from napari_sdannce.calibration.detection.detect import find_board
from napari_sdannce.calibration.detection.marker_layout import marker_squares
from napari_sdannce.calibration.detection.marker_share import marker_share
from napari_sdannce.calibration.detection.variants import find_variant
from napari_sdannce.synthetic.boards import Picture, render_board

TRUE = CharucoBoard(6, 8, 10.0, 7.5, "DICT_4X4_50")
EMPTY = np.full((160, 200), 120, np.uint8)


@pytest.fixture
def photograph(lens, poses):
    def of(board, n: int = 2, distance: float = 250):
        seen = poses(board, n, distance, behind=getattr(board, "mirrored", False))
        return [render_board(board, lens, pose, Picture(noise=2)) for pose in seen]

    return of


@pytest.mark.parametrize(
    ("true", "stated", "told"),
    [
        ({}, {}, ""),
        ({"inverted": True}, {}, "it is printed white on black: 'inverted = true'"),
        ({}, {"inverted": True}, "it is not printed white on black: 'inverted = false'"),
        ({"mirrored": True}, {}, "it is seen mirrored, as through glass: 'mirrored = true'"),
        ({"legacy": True}, {}, "it has the pattern of OpenCV before 4.6: 'legacy = true'"),
        ({}, {"legacy": True}, "it has not the old pattern: 'legacy = false'"),
        ({}, {"squares_across": 8, "squares_down": 6},
         "its rows and columns are exchanged: 'squares_across = 6' and 'squares_down = 8'"),
        ({}, {"squares_across": 5, "squares_down": 7},
         "it has 6 x 8 squares: 'squares_across = 6' and 'squares_down = 8'"),
        ({"dictionary": "DICT_5X5_50"}, {},
         "its markers are of another dictionary: 'dictionary = \"DICT_5X5_50\"'"),
        ({}, {"dictionary": "DICT_APRILTAG_36H11"},
         "its markers are of another dictionary: 'dictionary = \"DICT_4X4_50\"'"),
        ({"inverted": True, "legacy": True}, {"dictionary": "DICT_6X6_250"},
         "its markers are of another dictionary: 'dictionary = \"DICT_4X4_50\"'; it is printed "
         "white on black: 'inverted = true'; it has the pattern of OpenCV before 4.6: "
         "'legacy = true'"),
        ({"marker_mm": 6.0}, {},
         "its markers look 0.60 of a square wide, not 0.75 (if the square was measured: "
         "'marker_mm = 6'; if the marker was: 'square_mm = 12.5')"),
    ],
    ids=lambda each: str(each)[:60],
)  # fmt: skip
def test_charuco_boards_that_were_described_wrongly(true, stated, told, photograph):
    board, said = replace(TRUE, **true), replace(TRUE, **stated)
    found = find_variant([EMPTY, *photograph(board)], said)
    assert found is not None
    assert found.told.startswith(told)
    assert bool(found.told) == bool(told)
    assert replace(found.board, marker_mm=board.marker_mm) == board
    assert found.board.marker_mm == pytest.approx(board.marker_mm, abs=0.06)
    assert found.n_images == 2
    assert found.n_corners == 70


def test_rows_that_no_image_shows_are_believed(photograph):
    images = [image[:300] for image in photograph(TRUE, distance=180)]
    found = find_variant(images, TRUE)
    assert found is not None
    assert found.board == TRUE


@pytest.mark.parametrize(
    ("stated", "told"),
    [
        ((9, 6), ""),
        ((6, 9), ""),
        ((10, 7), "it has 9 x 6 inner corners (squares were counted, not the corners between"),
        ((8, 6), "it has 9 x 6 inner corners: 'corners_across = 9' and 'corners_down = 6'"),
        ((5, 4), "it has 9 x 6 inner corners"),
    ],
)  # fmt: skip
def test_chessboards_that_were_miscounted(stated, told, photograph):
    images = [EMPTY, *photograph(Checkerboard(9, 6, 10.0))[:1]]
    found = find_variant(images, Checkerboard(*stated, 10.0))
    assert found is not None
    assert found.told.startswith(told)
    assert bool(found.told) == bool(told)
    assert {found.board.corners_across, found.board.corners_down} == {9, 6}
    assert found.n_corners == 54


def test_boards_of_the_other_kind(photograph):
    found = find_variant(photograph(TRUE), Checkerboard(5, 7, 10.0))
    assert found is not None
    assert found.board == TRUE
    assert found.told.startswith("it is a ChArUco board of 6 x 8 squares of 10 mm")
    found = find_variant(photograph(Checkerboard(9, 6, 10.0))[:1], TRUE)
    assert found is not None
    assert found.told.startswith("it is a chessboard of 9 x 6 inner corners")


def test_no_board_at_all():
    noise = np.random.default_rng(0).integers(0, 256, (200, 300), dtype=np.uint8)
    assert find_variant([EMPTY, noise], TRUE) is None
    assert find_variant([EMPTY], Checkerboard(9, 6, 10.0)) is None
    assert find_variant([], TRUE) is None


@pytest.mark.parametrize("across", [4, 5, 7])
@pytest.mark.parametrize("down", [5, 6])
@pytest.mark.parametrize("legacy", [False, True])
def test_markers_lie_where_opencv_has_them(across, down, legacy):
    board = CharucoBoard(across, down, 1.0, 0.7, legacy=legacy)
    points = np.array(opencv_board(board).getObjPoints())[..., :2]
    squares = marker_squares(np.arange(len(points)), across, starts_black=first_is_black(board))
    np.testing.assert_array_equal(squares, np.floor(points.mean(axis=1)))


@pytest.mark.parametrize("share", [0.5, 0.6, 0.7, 0.78, 0.85])
def test_size_of_markers_is_seen(share, lens, poses):
    board = replace(TRUE, marker_mm=10 * share)
    pose = next(poses(board, 1, 160))
    image = render_board(board, lens, pose, Picture(noise=2))
    wrong = replace(board, marker_mm=7.4)
    sighting = find_board(image, wrong)
    assert sighting is not None
    assert marker_share(image, sighting, wrong) == pytest.approx(share, abs=0.005)


@pytest.mark.realdata
def test_real_boards_described_wrongly(shared_data):
    mouse = CharucoBoard(8, 11, 24.0, 18.75, "DICT_4X4_1000")
    files = sorted((shared_data / "mouse4cam/board/top").glob("*.jpg"))[:3]
    images = [cv2.imread(str(file), cv2.IMREAD_GRAYSCALE) for file in files]
    found = find_variant(images, mouse)
    # its file says 24 mm and 18.75 mm, but that is 0.78
    assert found.told == (
        "its markers look 0.75 of a square wide, not 0.78 (if the square was measured: 'marker_mm "
        "= 18'; if the marker was: 'square_mm = 25')"
    )
    assert replace(found.board, marker_mm=18.75) == mouse
    said = replace(mouse, squares_across=11, squares_down=8, marker_mm=14.0, inverted=True)
    found = find_variant(images, said)
    assert replace(found.board, marker_mm=18.75) == mouse
    assert found.board.marker_mm == pytest.approx(18.0, abs=0.1)
    assert "exchanged" in found.told
    assert "0.75 of a square wide, not 0.58" in found.told
