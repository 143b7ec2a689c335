"""What is black on a board: for printing it, drawing it, and telling OpenCV of it."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np
import numpy.typing as npt

from .board_kinds import CharucoBoard, Checkerboard

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

PREFIX = "DICT_"


@lru_cache(maxsize=1)
def dictionary_names() -> tuple[str, ...]:
    """OpenCV's names of all dictionaries of markers, each once, small ones first."""
    names = {
        name.upper(): int(getattr(cv2.aruco, name))
        for name in dir(cv2.aruco)
        if name.startswith(PREFIX)
    }
    return tuple(sorted(names, key=lambda name: (names[name], name)))


def dictionary_family(name: str) -> str:
    """What dictionaries share that begin with the same markers.

    Examples
    --------
    >>> dictionary_family("DICT_4X4_50"), dictionary_family("DICT_APRILTAG_36H11")
    ('DICT_4X4', 'DICT_APRILTAG_36H11')
    """
    return name.rpartition("_")[0] if name[len(PREFIX) :][:1].isdigit() else name


def opencv_dictionary(name: str) -> cv2.aruco.Dictionary:
    """The markers of a dictionary.

    Raises
    ------
    ValueError
        When there is none of this name.
    """
    if name not in dictionary_names():
        raise ValueError(
            f"no dictionary of markers '{name}'; possible: {', '.join(dictionary_names())}"
        )
    return cv2.aruco.getPredefinedDictionary(getattr(cv2.aruco, name))


def n_markers(board: CharucoBoard) -> int:
    """How many squares of a board hold a marker: the white ones."""
    return int((~_black_squares(board)).sum())


def opencv_board(board: CharucoBoard) -> cv2.aruco.CharucoBoard:
    """The board as OpenCV knows it.

    Raises
    ------
    ValueError
        When there is no such dictionary, or it has too few markers for the board.
    """
    dictionary = opencv_dictionary(board.dictionary)
    needed, held = n_markers(board), len(dictionary.bytesList)
    if needed > held:
        raise ValueError(
            f"a board of {board.squares_across} x {board.squares_down} squares needs {needed} "
            f"markers, {board.dictionary} has {held}"
        )
    # only the board's own: looking every candidate up among a thousand takes ten times as long
    own = cv2.aruco.Dictionary(
        dictionary.bytesList[:needed], dictionary.markerSize, dictionary.maxCorrectionBits
    )
    made = cv2.aruco.CharucoBoard(
        (board.squares_across, board.squares_down), board.square_mm, board.marker_mm, own
    )
    made.setLegacyPattern(board.legacy)
    return made


def first_is_black(board: CharucoBoard | Checkerboard) -> bool:
    """Whether the first square of the first row is black, not white."""
    return not (isinstance(board, CharucoBoard) and board.legacy and board.squares_down % 2 == 0)


def board_origin(board: CharucoBoard | Checkerboard) -> FloatArray:
    """(2,) outer corner of the first square, mm, in the frame of the board."""
    return np.zeros(2) if isinstance(board, CharucoBoard) else np.full(2, -board.square_mm)


def board_squares(board: CharucoBoard | Checkerboard) -> tuple[int, int]:
    """Squares in a row, and rows of them."""
    if isinstance(board, CharucoBoard):
        return board.squares_across, board.squares_down
    return board.corners_across + 1, board.corners_down + 1


def black_rectangles(board: CharucoBoard | Checkerboard) -> FloatArray:
    """(N, 4) left, top, right, bottom of all that is black, mm, in the frame of the board.

    Of an inverted board: of all that is white. The back of a two-sided one has the same.
    """
    rows, columns = np.nonzero(_black_squares(board))
    corner = np.stack([columns, rows], axis=-1) * board.square_mm
    found = [np.concatenate([corner, corner + board.square_mm], axis=-1)]
    if isinstance(board, CharucoBoard):
        bits = marker_bits(board)
        cell = board.marker_mm / bits.shape[-1]
        margin = (board.square_mm - board.marker_mm) / 2
        for row, column, marker in zip(*np.nonzero(~_black_squares(board)), bits, strict=True):
            place = np.array([column, row]) * board.square_mm + margin
            found += [np.array([run]) * cell + np.tile(place, 2) for run in _black_runs(marker)]
    return np.concatenate(found) + np.tile(board_origin(board), 2)


def is_black(board: CharucoBoard | Checkerboard, xy: FloatArray) -> BoolArray:
    """Tell where a board is black, whatever `inverted` says; outside of it nothing is.

    Parameters
    ----------
    xy
        (..., 2) mm, in the frame of the board.
    """
    across, down = board_squares(board)
    place = (xy - board_origin(board)) / board.square_mm
    column, row = np.moveaxis(np.floor(np.nan_to_num(place, nan=-1.0)).astype(np.int64), -1, 0)
    inside = (column >= 0) & (column < across) & (row >= 0) & (row < down)
    column, row = np.where(inside, column, 0), np.where(inside, row, 0)
    black = _black_squares(board)[row, column]
    if isinstance(board, CharucoBoard):
        black = black | _marker_is_black(board, place, row, column)
    return np.asarray(inside & black)


def _marker_is_black(
    board: CharucoBoard,
    place: FloatArray,
    row: npt.NDArray[np.int64],
    column: npt.NDArray[np.int64],
) -> BoolArray:
    bits = marker_bits(board)
    numbers = np.cumsum(~_black_squares(board)).reshape(board.squares_down, -1) - 1
    share = board.marker_mm / board.square_mm
    # cells of a marker, counted from its own corner
    cells = (place - np.stack([column, row], axis=-1) - (1 - share) / 2) / share * bits.shape[-1]
    cell_x, cell_y = np.moveaxis(np.floor(np.nan_to_num(cells, nan=-1.0)).astype(np.int64), -1, 0)
    last = bits.shape[-1] - 1
    on_marker = (np.minimum(cell_x, cell_y) >= 0) & (np.maximum(cell_x, cell_y) <= last)
    found = bits[numbers[row, column], np.clip(cell_y, 0, last), np.clip(cell_x, 0, last)]
    return np.asarray(on_marker & ~_black_squares(board)[row, column] & found)


def _black_squares(board: CharucoBoard | Checkerboard) -> BoolArray:
    """(rows, columns) which squares are black."""
    across, down = board_squares(board)
    row, column = np.mgrid[:down, :across]
    return np.asarray(((row + column) % 2 == 0) == first_is_black(board))


@lru_cache(maxsize=32)
def marker_bits(board: CharucoBoard) -> BoolArray:
    """(markers, cells, cells) which cells of each marker are black, its border among them."""
    dictionary = opencv_board(board).getDictionary()
    cells = dictionary.markerSize + 2
    return np.stack(
        [
            cv2.aruco.generateImageMarker(dictionary, number, cells) == 0
            for number in range(n_markers(board))
        ]
    )


def _black_runs(marker: BoolArray) -> list[tuple[int, int, int, int]]:
    """Black cells of a marker as rectangles, cells beside one another joined."""
    runs = []
    for y, row in enumerate(marker):
        edges = np.flatnonzero(np.diff(np.concatenate([[0], row.astype(np.int8), [0]])))
        runs += [(x0, y, x1, y + 1) for x0, x1 in edges.reshape(-1, 2).tolist()]
    return runs
