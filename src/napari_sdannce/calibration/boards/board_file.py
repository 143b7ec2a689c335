"""Boards in TOML files: our own keys, and those of other programs."""

from __future__ import annotations

import tomllib
from dataclasses import asdict, dataclass, fields
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

import tomli_w
from pydantic import ValidationError

from napari_sdannce.files.errors import FileFormatError
from napari_sdannce.files.writing import atomic_path

from .board_keys import (
    AniposeKeys,
    Board,
    CaliscopeKeys,
    CharucoKeys,
    CheckerboardKeys,
    Keys,
    SleapAniposeKeys,
)
from .board_kinds import CharucoBoard
from .pattern import opencv_board

if TYPE_CHECKING:
    import os

EXPECTED = (
    "a board: kind = 'charuco' with squares_across, squares_down, square_mm, marker_mm, "
    "dictionary; kind = 'checkerboard' with corners_across, corners_down, square_mm; or the "
    "keys of Anipose (board_type, board_size, ...), caliscope (columns, rows, ...) or "
    "sleap-anipose (board_x, ...)"
)
_MAX_BYTES = 1_000_000
_LEAST_MM = 0.2
"""No camera sees such small squares; in metres, most boards are smaller still."""
_KINDS: dict[str, type[Keys]] = {"charuco": CharucoKeys, "checkerboard": CheckerboardKeys}


@dataclass(frozen=True)
class BoardFile:
    """A board, and how it was read.

    Parameters
    ----------
    path
        The file.
    board
        What it says.
    taken
        Which keys of which program were taken, and in what units.
    """

    path: Path
    board: Board
    taken: str

    def __str__(self) -> str:
        return f"{self.path}: {describe(self.board)}; {self.taken}"


def read_board(path: str | os.PathLike[str]) -> BoardFile:
    """Read a board from a TOML file.

    Raises
    ------
    FileNotFoundError
        When there is no such file.
    FileFormatError
        When it describes no board, has a key that is not known, or keys that contradict each other.
    """
    file = Path(path)
    content = _content(file)
    try:
        board, taken = _board(content)
    except ValueError as error:
        raise FileFormatError(file, str(error), EXPECTED) from error
    return BoardFile(file, board, taken)


def board_of(text: str) -> Board:
    """The board that the text of such a file describes.

    Raises
    ------
    ValueError
        When it describes none.
    """
    return _board(tomllib.loads(text))[0]


def _board(content: dict[str, Any]) -> tuple[Board, str]:
    """A board, and which keys were taken."""
    keys, values, taken = _kind(content)
    board = _parse(keys, values)
    if board.square_mm < _LEAST_MM:
        raise ValueError(
            f"its squares are {board.square_mm:g} mm wide; if that is metres, they are "
            f"{1000 * board.square_mm:g} mm"
        )
    if isinstance(board, CharucoBoard):
        opencv_board(board)  # has markers enough
    return board, taken


def _content(path: Path) -> dict[str, Any]:
    try:
        content = path.read_bytes()
        if len(content) > _MAX_BYTES:
            raise FileFormatError(path, f"it has {len(content)} bytes", EXPECTED)
        return tomllib.loads(content.decode("utf-8-sig"))
    except FileNotFoundError:
        raise FileNotFoundError(f"{path} does not exist") from None
    except OSError as error:
        raise FileFormatError(path, f"not readable: {error}", EXPECTED) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise FileFormatError(path, f"it is no TOML file ({error})", EXPECTED) from error


def _kind(content: dict[str, Any]) -> tuple[type[Keys], dict[str, Any], str]:
    """Which keys a file has, their values, and what is to be said of them."""
    table = content.get("calibration")
    found: dict[str, tuple[type[Keys], dict[str, Any], str]] = {}
    if "kind" in content:
        kind = content["kind"]
        if not isinstance(kind, str) or kind not in _KINDS:
            raise ValueError(f"'kind' is {kind!r}; possible: {', '.join(_KINDS)}")
        found["kind"] = (_KINDS[kind], content, "lengths in mm as its keys say")
    if isinstance(table, dict) and "board_type" in table:
        found["board_type"] = (AniposeKeys, _of_board(table), _taken("[calibration] of Anipose"))
    elif "board_type" in content:
        found["board_type"] = (AniposeKeys, content, _taken("keys of Anipose"))
    if "columns" in content or "rows" in content:
        found["columns"] = (CaliscopeKeys, content, _taken_of_caliscope(content))
    if "board_x" in content or "board_y" in content:
        found["board_x"] = (SleapAniposeKeys, content, _taken("keys of sleap-anipose"))
    if len(found) > 1:
        raise ValueError(f"keys of several programs contradict each other: {', '.join(found)}")
    if not found:
        raise ValueError(f"its keys are {', '.join(content) or 'none'}")
    return next(iter(found.values()))


def _of_board(table: dict[str, Any]) -> dict[str, Any]:
    """Keys of Anipose's table that are about the board; the others are about the solver."""
    looks = {field.name for field in fields(CharucoBoard)}
    return {key: value for key, value in table.items() if key.startswith("board_") or key in looks}


def _taken(what: str) -> str:
    return f"{what} were taken, lengths as mm"


def _taken_of_caliscope(content: dict[str, Any]) -> str:
    if "square_size_override_cm" in content:
        square = "the square from 'square_size_override_cm', in cm"
    else:
        unit = content.get("units", "inch")
        square = f"the square from 'board_width' and 'board_height', in {unit}: measure one"
    return f"keys of caliscope were taken, {square}, the marker from 'aruco_scale'"


def _parse(keys: type[Keys], values: dict[str, Any]) -> Board:
    unknown = [key for key in values if key not in keys.model_fields]
    if unknown:
        near = get_close_matches(
            unknown[0], [key for key in keys.model_fields if key not in values]
        )
        meant = f"did you mean '{near[0]}'? " if near else ""
        raise ValueError(
            f"no key '{unknown[0]}'; {meant}possible: {', '.join(sorted(keys.model_fields))}"
        )
    try:
        return keys.model_validate(values).board()
    except ValidationError as error:
        raise ValueError(_first(error)) from error


def _first(error: ValidationError) -> str:
    """What is wrong, in one sentence that names the key."""
    first = error.errors()[0]
    key = ".".join(str(part) for part in first["loc"])
    told = first["msg"].removeprefix("Value error, ")
    if first["type"] == "missing":
        return f"it has no '{key}'"
    if not key:
        return told
    return f"'{key}' is {first['input']!r}"[:120] + f": {told}"


def write_board(path: str | os.PathLike[str], board: Board, *, overwrite: bool = False) -> Path:
    """Write a board with our own keys.

    Raises
    ------
    FileExistsError
        When the file exists and may not be overwritten.
    """
    with atomic_path(path, overwrite=overwrite) as temporary:
        temporary.write_text(board_toml(board), encoding="utf-8")
    return Path(path)


def board_toml(board: Board) -> str:
    """The text of such a file: what differs from how boards usually look, and all sizes.

    Examples
    --------
    >>> from napari_sdannce.calibration.boards.board_kinds import Checkerboard
    >>> print(board_toml(Checkerboard(9, 6, 25.0)).strip())
    kind = "checkerboard"
    corners_across = 9
    corners_down = 6
    square_mm = 25.0
    """
    kind = "charuco" if isinstance(board, CharucoBoard) else "checkerboard"
    values = {key: value for key, value in asdict(board).items() if value not in (False, 0.0)}
    return tomli_w.dumps({"kind": kind, **values})


def describe(board: Board) -> str:
    """Say what a board is.

    Examples
    --------
    >>> describe(CharucoBoard(4, 5, 54.0, 40.5, inverted=True))
    'a ChArUco board of 4 x 5 squares of 54 mm, markers of 40.5 mm from DICT_4X4_1000, inverted'
    """
    if not isinstance(board, CharucoBoard):
        return (
            f"a chessboard of {board.corners_across} x {board.corners_down} inner corners, squares "
            f"of {board.square_mm:g} mm"
        )
    looks = [
        word
        for word, holds in {
            "legacy": board.legacy, "inverted": board.inverted, "mirrored": board.mirrored,
            f"two-sided and {board.thickness_mm:g} mm thick": board.two_sided,
        }.items()
        if holds
    ]  # fmt: skip
    return ", ".join(
        [
            f"a ChArUco board of {board.squares_across} x {board.squares_down} squares of "
            f"{board.square_mm:g} mm",
            f"markers of {board.marker_mm:g} mm from {board.dictionary}",
            *looks,
        ]
    )
