"""Boards to be printed, at their true size: SVG and PDF."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from napari_sdannce.files.writing import atomic_path, check_free

from .board_file import board_toml, describe
from .board_kinds import CharucoBoard, Checkerboard
from .pattern import black_rectangles, board_origin, board_squares
from .vector_files import to_pdf, to_svg

if TYPE_CHECKING:
    import os

FloatArray = npt.NDArray[np.float64]
Board = CharucoBoard | Checkerboard

PAGES = {
    "a4": (210.0, 297.0), "a3": (297.0, 420.0), "a2": (420.0, 594.0), "a1": (594.0, 841.0),
    "a0": (841.0, 1189.0), "letter": (215.9, 279.4), "tabloid": (279.4, 431.8),
}  # fmt: skip
"""(width, height) upright, mm."""
OWN_PAGE = "board"
"""A page as large as the board needs."""
SUFFIXES = (".pdf", ".svg")

_RIM_MM = 7.0
"""What printers leave white."""
_RULER_MM = 100.0
_RULER_ROOM_MM = 9.0
_RULER_TEXT = "100 mm: print at 100 % (not fitted to the page), and measure this and the squares"
_LINE_MM = 3.6
_TEXT_MM = 2.8
_CHARACTER_MM = 0.52 * _TEXT_MM
_QUIET_SQUARES = 0.5
"""Rim of the colour of the background round an inverted board, in squares."""


@dataclass(frozen=True)
class Text:
    """A line of text, its lower left corner at (x, y)."""

    x: float
    y: float
    size: float
    text: str


@dataclass(frozen=True, eq=False)
class Page:
    """A page, all lengths in mm from its upper left corner.

    Parameters
    ----------
    width, height
        Of the paper.
    fills
        Rectangles (N, 4) left, top, right, bottom, and whether they are black, later ones on top.
    texts
        Lines of text.
    """

    width: float
    height: float
    fills: tuple[tuple[FloatArray, bool], ...]
    texts: tuple[Text, ...]


def print_board(
    path: str | os.PathLike[str], board: Board, *, page: str = "a4", overwrite: bool = False
) -> tuple[Path, ...]:
    """Write a board to be printed at 100 %, with a ruler to check that it was.

    Parameters
    ----------
    path
        A ``.pdf``, or a ``.svg``; the back of a two-sided board is a second page, or a second
        file ``<name>-back.svg``.
    page
        One of `PAGES`, upright or lying as it fits, or ``board``: as large as needed.

    Returns
    -------
    The files that were written.

    Raises
    ------
    ValueError
        When the board does not fit on the page, or the type of the file is another.
    FileExistsError
        When a file exists and may not be overwritten.
    """
    goal = Path(path)
    if goal.suffix.lower() not in SUFFIXES:
        raise ValueError(f"{goal}: a board is written as {' or '.join(SUFFIXES)}")
    pages = board_pages(board, page)
    if goal.suffix.lower() == ".pdf":
        files = {goal: to_pdf(pages)}
    else:
        names = (goal, goal.with_name(f"{goal.stem}-back{goal.suffix}"))
        files = {name: to_svg(each) for name, each in zip(names, pages, strict=False)}
    for name in files if not overwrite else ():
        check_free(name)
    for name, content in files.items():
        with atomic_path(name, overwrite=overwrite) as temporary:
            temporary.write_bytes(content)
    return tuple(files)


def board_pages(board: Board, page: str = "a4") -> tuple[Page, ...]:
    """Lay a board out: its front, and its back if it has two sides.

    Raises
    ------
    ValueError
        When the board does not fit, or there is no such page.
    """
    lines = _lines(board)
    width, height = _page_size(board, page, lines)
    wrapped = _wrapped(lines, width)
    fills = _fills(board, width)
    ruler = _ruler(width, height, len(wrapped))
    texts = [
        Text(_RIM_MM, height - _RIM_MM - _LINE_MM * (len(wrapped) - 1 - i), _TEXT_MM, line)
        for i, line in enumerate(wrapped)
    ]
    texts.append(Text(_RIM_MM, float(ruler[:, 1].min()) - 1.0, _TEXT_MM, _RULER_TEXT))
    front = Page(width, height, (*fills, (ruler, True)), tuple(texts))
    if not (isinstance(board, CharucoBoard) and board.two_sided):
        return (front,)
    # corner behind corner when the sheets lie back to back, left edge on right edge
    back = tuple((_mirrored(rectangles, width), black) for rectangles, black in fills)
    told = Text(_RIM_MM, _RIM_MM, _TEXT_MM, "back: mirrored, to lie behind the front, edge on edge")
    return front, Page(width, height, (*back, (ruler, True)), (*texts, told))


def _lines(board: Board) -> list[str]:
    said = describe(board)
    return [f"{said[2].upper()}{said[3:]}" if said.startswith("a ") else said,
            "; ".join(board_toml(board).split("\n")).strip("; ")]  # fmt: skip


def _wrapped(lines: list[str], width: float) -> list[str]:
    n = max(20, int((width - 2 * _RIM_MM) / _CHARACTER_MM))
    return [part for line in lines for part in textwrap.wrap(line, n)]


def _drawn_size(board: Board) -> FloatArray:
    """(2,) width and height of what is drawn, mm."""
    size = np.array(board_squares(board)) * board.square_mm
    inverted = isinstance(board, CharucoBoard) and board.inverted
    return np.asarray(size + (2 * _QUIET_SQUARES * board.square_mm if inverted else 0.0))


def _foot(lines: list[str], width: float) -> float:
    return _RULER_ROOM_MM + _LINE_MM * len(_wrapped(lines, width)) + _RIM_MM


def _page_size(board: Board, page: str, lines: list[str]) -> tuple[float, float]:
    need = _drawn_size(board)
    if page == OWN_PAGE:
        width = float(max(need[0], _RULER_MM) + 2 * _RIM_MM)
        return width, float(need[1] + 2 * _RIM_MM + _foot(lines, width))
    if page not in PAGES:
        raise ValueError(f"no page '{page}'; possible: {', '.join((*PAGES, OWN_PAGE))}")
    upright = PAGES[page]
    for width, height in (upright, upright[::-1]):
        if _fits(need, width, height, lines):
            return width, height
    fitting = [name for name, (w, h) in PAGES.items()
               if _fits(need, w, h, lines) or _fits(need, h, w, lines)]  # fmt: skip
    raise ValueError(
        f"{describe(board)} is {need[0]:g} x {need[1]:g} mm and does not fit on {page} with a rim "
        f"of {_RIM_MM:g} mm and a ruler; it fits on {', '.join([*fitting, OWN_PAGE])}"
    )


def _fits(need: FloatArray, width: float, height: float, lines: list[str]) -> bool:
    rim = 2 * _RIM_MM
    return bool(need[0] + rim <= width and need[1] + rim + _foot(lines, width) <= height)


def _fills(board: Board, width: float) -> tuple[tuple[FloatArray, bool], ...]:
    """What is drawn of the board, in the middle of the page, at its top."""
    drawn = _drawn_size(board)
    left_top = np.array([(width - drawn[0]) / 2, 2 * _RIM_MM])
    inside = (drawn - np.array(board_squares(board)) * board.square_mm) / 2
    shift = np.tile(left_top + inside - board_origin(board), 2)
    rectangles = black_rectangles(board) + shift
    if isinstance(board, CharucoBoard) and board.inverted:
        ground = np.concatenate([left_top, left_top + drawn])[None]
        return ((ground, True), (rectangles, False))
    return ((rectangles, True),)


def _mirrored(rectangles: FloatArray, width: float) -> FloatArray:
    left, top, right, bottom = rectangles.T
    return np.stack([width - right, top, width - left, bottom], axis=-1)


def _ruler(width: float, height: float, n_lines: int) -> FloatArray:
    """A line of 100 mm with a stroke each 10 mm, as rectangles."""
    line = 0.25
    bottom = height - _RIM_MM - _LINE_MM * n_lines - 1.5
    left = _RIM_MM
    strokes = left + np.arange(0, _RULER_MM + 1, 10)
    tall = np.where(np.arange(len(strokes)) % 5 == 0, 3.0, 1.8)
    # outer edges of the first and the last stroke are 100 mm apart
    near = np.clip(strokes - line / 2, left, left + _RULER_MM - line)
    ticks = np.stack([near, bottom - tall, near + line, np.full_like(near, bottom)], axis=-1)
    return np.concatenate([[[left, bottom - line, left + _RULER_MM, bottom]], ticks])
