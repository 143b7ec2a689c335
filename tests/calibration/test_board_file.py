from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from napari_sdannce.calibration.boards.board_file import describe, read_board, write_board
from napari_sdannce.calibration.boards.board_kinds import CharucoBoard, Checkerboard
from napari_sdannce.cli import main
from napari_sdannce.files.errors import FileFormatError

if TYPE_CHECKING:
    from pathlib import Path

ANIPOSE = """
project = 'flies'
[calibration]
fisheye = false
board_type = "charuco"
board_size = [10, 7]
board_marker_bits = 4
board_marker_dict_number = 50
board_marker_length = 18.75
board_square_side_length = 25
[triangulation]
optim = true
"""
OURS = """
kind = "charuco"
squares_across = 4
squares_down = 5
square_mm = 54
marker_mm = 40.5
"""
CHESS = 'kind = "checkerboard"\ncorners_across = 9\ncorners_down = 6\nsquare_mm = 24.5\n'
SLEAP = "board_x = 8\nboard_y = 11\nsquare_length = 24.0\nmarker_length = 18.75\n"


@pytest.fixture
def read(tmp_path):
    def from_text(text: str):
        path = tmp_path / "board.toml"
        path.write_text(text)
        return read_board(path)

    return from_text


@pytest.mark.parametrize(
    "board",
    [
        CharucoBoard(4, 5, 54.0, 40.5),
        CharucoBoard(6, 8, 10.0, 7.5, "DICT_5X5_100", True, True, True, True, 3.0),
        Checkerboard(9, 6, 24.5),
    ],
    ids=describe,
)
def test_what_is_written_is_read(board, tmp_path):
    path = write_board(tmp_path / "board.toml", board)
    assert read_board(path).board == board
    with pytest.raises(FileExistsError):
        write_board(path, board)


def test_anipose(read):
    found = read(ANIPOSE)
    assert found.board == CharucoBoard(10, 7, 25.0, 18.75, "DICT_4X4_50")
    assert "Anipose were taken, lengths as mm" in str(found)
    chess = ANIPOSE.replace("charuco", "checkerboard")
    assert read(chess).board == Checkerboard(10, 7, 25.0)


def test_looks_can_be_added_to_the_keys_of_any_program(read):
    assert read(ANIPOSE.replace("fisheye", "inverted = true\nfisheye")).board.inverted
    dictionary = "marker_bits = 4\ndict_size = 1000\n"
    assert read(SLEAP + dictionary + "legacy = true").board.legacy


@pytest.mark.realdata
def test_boards_of_other_programs(shared_data):
    mouse = read_board(shared_data / "mouse4cam/board.toml")
    assert mouse.board == CharucoBoard(8, 11, 24.0, 18.75, "DICT_4X4_1000")
    webcams = read_board(shared_data / "charuco4cam/charuco.toml")
    assert webcams.board == CharucoBoard(4, 5, 54.0, 40.5, "DICT_4X4_1000", inverted=True)
    assert "'square_size_override_cm', in cm" in webcams.taken


def test_caliscope_without_a_measured_square_takes_what_the_paper_allows(read):
    text = 'columns = 4\nrows = 5\nboard_width = 8.5\nboard_height = 11.0\nunits = "inch"\n'
    found = read(text + "legacy_pattern = true\nthickness_cm = 0.5")
    assert found.board.square_mm == pytest.approx(8.5 * 25.4 / 4)  # 11 / 5 is more
    assert found.board.marker_mm == pytest.approx(0.75 * found.board.square_mm)
    assert (found.board.legacy, found.board.two_sided, found.board.thickness_mm) == (True, True, 5)
    assert "in inch: measure one" in found.taken
    assert read(text.replace("inch", "cm")).board.square_mm == pytest.approx(21.25)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "its keys are none"),
        ("speed = 3", "its keys are speed"),
        ("kind = ", "no TOML"),
        ('kind = "aruco"', "'kind' is 'aruco'; possible: charuco, checkerboard"),
        ('kind = ["charuco"]', "'kind' is ['charuco']; possible"),
        ("[kind]\na = 1", "'kind' is {'a': 1}; possible"),
        (CHESS.replace("= 6", "= 2"), "needs at least 3 x 3 inner corners, got 9 x 2"),
        (ANIPOSE.replace("charuco", "checkerboard").replace("[10, 7]", "[2, 7]"), "3 x 3 inner"),
        (OURS + "inverse = true", "no key 'inverse'; did you mean 'inverted'"),
        (OURS + "colour = 1", "no key 'colour'; possible: dictionary, inverted"),
        (OURS.replace("54", "'54'"), "'square_mm' is '54': Input should be a valid number"),
        (OURS.replace("54", "nan"), "'square_mm' is nan"),
        (OURS.replace("= 4\n", "= 4.5\n"), "'squares_across' is 4.5: Input should be a valid int"),
        (OURS.replace("= 4\n", "= true\n"), "'squares_across' is True"),
        (OURS.replace("squares_down", "squares_up"), "no key 'squares_up'; did you mean 'squares_"),
        (OURS.replace("squares_down = 5\n", ""), "it has no 'squares_down'"),
        (OURS.replace("40.5", "60"), "markers of a board must be smaller than its squares"),
        (OURS + 'dictionary = "DICT_4X4"', "'dictionary' is 'DICT_4X4': possible: DICT_4X4_50"),
        (OURS + 'inverted = "yes"', "'inverted' is 'yes'"),
        (OURS + "thickness_mm = 3", "'two_sided = true'"),
        (OURS + "columns = 3", "contradict each other: kind, columns"),
        (OURS.replace("= 4\n", "= 12\n").replace("= 5\n", "= 12\n") + 'dictionary = "DICT_4X4_50"',
         "needs 72 markers, DICT_4X4_50 has 50"),
        (ANIPOSE.replace("= 50", "= 60"), "'board_marker_dict_number' is 60; of 4 x 4 bits there"),
        (ANIPOSE.replace("[10, 7]", "[10]"), "'board_size"),
        (ANIPOSE.replace("charuco", "aruco"), "'calibration.board_type'|'board_type' is 'aruco'"),
        (ANIPOSE.replace("board_marker_bits", "board_bits"), "no key 'board_bits'"),
        (ANIPOSE.replace("board_marker_bits = 4", ""), "needs 'board_marker_bits'"),
        (SLEAP, "it has no 'marker_bits'"),
        ("columns = 4\nrows = 5", "needs 'square_size_override_cm', or 'board_width'"),
        ("columns = 4\nrows = 5\nunits = 'm'", "'units' is 'm'"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(text, told, read):
    with pytest.raises(FileFormatError, match=told.replace("(", r"\(").replace("[", r"\[")):
        read(text)


def test_files_that_are_none(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nowhere\.toml does not exist"):
        read_board(tmp_path / "nowhere.toml")
    with pytest.raises(FileFormatError, match="not readable"):
        read_board(tmp_path)
    (tmp_path / "picture.toml").write_bytes(b"\x89PNG\r\n\xff\xfe")
    with pytest.raises(FileFormatError, match="no TOML"):
        read_board(tmp_path / "picture.toml")


def test_metres_are_not_taken_for_millimetres(tmp_path: Path) -> None:
    path = tmp_path / "board.toml"
    path.write_text("board_x = 8\nboard_y = 11\nsquare_length = 0.024\nmarker_length = 0.018\n"
                    "marker_bits = 4\ndict_size = 50\n")  # fmt: skip
    with pytest.raises(FileFormatError, match=r"0\.024 mm wide; if that is metres, they are 24 mm"):
        read_board(path)


def test_a_board_that_can_not_be_is_not_written(tmp_path: Path) -> None:
    path = tmp_path / "board.toml"
    for wrong in (
        ["--square-mm", "0.02"], ["--across", "0"], ["--marker-mm", "0"],
        ["--dictionary", "DICT_4X4_1"], ["--kind", "checkerboard", "--inverted"],
    ):  # fmt: skip
        with pytest.raises(SystemExit):
            main(["board", "new", str(path), *wrong])
        assert not path.exists()
    main(["board", "new", str(path)])
    main(["board", "new", str(path), "--square-mm", "30", "--overwrite"])
    assert read_board(path).board.square_mm == 30
