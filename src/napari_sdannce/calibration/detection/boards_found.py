"""``boards.npz``: all boards that were found, so that nobody needs to look for them again."""

from __future__ import annotations

import zipfile
import zlib
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_sdannce.calibration.boards.board_file import board_of, board_toml, describe
from napari_sdannce.calibration.boards.board_kinds import CharucoBoard
from napari_sdannce.calibration.errors import CalibrationError
from napari_sdannce.files.errors import NPY_ERRORS, FileFormatError
from napari_sdannce.files.writing import atomic_path

from .detections import Detections
from .find_boards import FoundBoards

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from napari_sdannce.calibration.boards.board_keys import Board

FILE = "boards.npz"
_EXPECTED = "boards that were found, as `sdannce calibrate` writes them"
UNREADABLE = (*NPY_ERRORS, zipfile.BadZipFile, zlib.error)
"""What reading a damaged .npz file may raise."""
_MAX_BYTES = 2_000_000_000


def write_found(path: Path, found: FoundBoards, board: Board) -> Path:
    """Write what was found, with the board that was looked for.

    Raises
    ------
    FileExistsError
        When there is such a file.
    """
    detections = found.detections
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(
            file,
            board=board_toml(board),
            names=np.array(detections.names),
            image_sizes=np.array(detections.image_sizes),
            view=detections.view,
            moment=detections.moment,
            corners=detections.corners,
            side=detections.side,
            blur_px=found.blur_px,
            looked_at=found.looked_at,
            seconds=found.seconds,
            matched=found.matched,
            unlike=found.unlike,
            is_film=found.is_film,
        )
    return path


def read_found(path: Path, board: Board) -> FoundBoards:
    """Read what was found.

    Parameters
    ----------
    path
        The file.
    board
        The board that is calibrated with now: its lengths may be others, its pattern not.

    Raises
    ------
    FileNotFoundError, FileFormatError
        When there is no such file, or it is another one.
    CalibrationError
        When another board was looked for.
    """
    with opened_npz(path, _EXPECTED) as file:
        there = board_of(str(file["board"]))
        detections = Detections(
            tuple(map(str, file["names"].tolist())),
            tuple((int(width), int(height)) for width, height in file["image_sizes"]),
            file["view"].astype(np.int64),
            file["moment"].astype(np.int64),
            file["corners"].astype(np.float64),
            file["side"].astype(np.int64),
        )
        blur = file["blur_px"].astype(np.float64)
        found = FoundBoards(
            detections,
            blur,
            int(file["looked_at"]),
            float(file["seconds"]),
            str(file["matched"]),
            str(file["unlike"]),
            bool(file["is_film"]),
        )
    if without_lengths(there) != without_lengths(board):
        raise CalibrationError(
            f"{path} holds what was found of {describe(there)}; now it is {describe(board)}, which "
            "has to be looked for anew"
        )
    corners = board.points.shape[1]
    if blur.shape != (len(detections),) or detections.corners.shape[1] != corners:
        raise FileFormatError(path, "its arrays do not fit together", _EXPECTED)
    return found


def board_found(path: Path) -> Board:
    """The board that was looked for.

    Raises
    ------
    FileNotFoundError, FileFormatError
        When there is no such file, or it is another one.
    """
    with opened_npz(path, _EXPECTED) as file:
        return board_of(str(file["board"]))


@contextmanager
def opened_npz(path: Path, expected: str) -> Iterator[Mapping[str, Any]]:
    """Open a file of arrays; what goes wrong while it is read names the file.

    Raises
    ------
    FileNotFoundError, FileFormatError
        When there is no such file, or it is another one.
    """
    if path.stat().st_size > _MAX_BYTES:
        raise FileFormatError(path, f"it has {path.stat().st_size} bytes", expected)
    try:
        with path.open("rb") as raw, np.load(raw, allow_pickle=False) as file:
            yield file
    except UNREADABLE as error:
        raise FileFormatError(path, f"it is something else ({error})", expected) from error


def without_lengths(board: Board) -> Board:
    """The board as one of the same pattern, whatever its size: what a search depends on.

    Examples
    --------
    >>> from napari_sdannce.calibration.boards.board_kinds import Checkerboard
    >>> without_lengths(Checkerboard(9, 6, 25.0)) == without_lengths(Checkerboard(9, 6, 24.8))
    True
    """
    if isinstance(board, CharucoBoard):
        return replace(board, square_mm=1.0, marker_mm=0.5, thickness_mm=0.0)
    return replace(board, square_mm=1.0)
