"""What a board is, when it is not found as it was described: the way it looks, in a few images."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import cv2
import numpy as np
import numpy.typing as npt

from napari_sdannce.calibration.boards.board_differences import differences
from napari_sdannce.calibration.boards.board_kinds import CharucoBoard, Checkerboard
from napari_sdannce.calibration.boards.pattern import (
    dictionary_family,
    dictionary_names,
    opencv_dictionary,
)

from .detect import BoardFinder
from .find_charuco import MarkerFinder
from .marker_layout import Layout, find_layout
from .marker_share import marker_share

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

Image = npt.NDArray[np.uint8]
Board = CharucoBoard | Checkerboard

_MOST_IMAGES = 8
_ENOUGH_MARKERS = 12
"""Markers that agree, in all images together: enough to look no further."""
_LEAST_MARKERS = 5
_LEAST_CHESS = (3, 3)
_CLEAR_CORNERS = 10
"""Corners of an image, in the mean, that leave no doubt which kind of board it shows."""
_SHARE_APART = 0.02
"""Difference of the size of markers, in squares, that is told."""
_STOCK = cv2.CALIB_CB_NORMALIZE_IMAGE | cv2.CALIB_CB_EXHAUSTIVE | cv2.CALIB_CB_LARGER


@dataclass(frozen=True)
class Variant:
    """A board that fits the images.

    Parameters
    ----------
    board
        It.
    n_images
        Images, of those looked at, in which it is found.
    n_corners
        Corners found in them.
    told
        How it differs from what was said, and what to change; empty when it does not.
    """

    board: Board
    n_images: int
    n_corners: int
    told: str = ""


def find_variant(images: Sequence[Image], board: Board) -> Variant | None:
    """Find out what board is in images in which another was looked for.

    Tried are, for markers: inverted, mirrored, all dictionaries, any number of squares, and the old
    pattern; for chessboards: any number of corners. At most eight images, evenly chosen, are looked
    at; seconds where there is no board, less where there is one.

    Parameters
    ----------
    images
        (h, w) grey, of which some show the board.
    board
        As it was described.

    Returns
    -------
    The board that fits best, or None when none does.
    """
    steps = np.linspace(0, len(images) - 1, min(len(images), _MOST_IMAGES))
    chosen = [images[i] for i in np.unique(np.rint(steps).astype(int))] if len(images) else []
    kinds = [_find_charuco, _find_chess]
    best: Variant | None = None
    for find in kinds if isinstance(board, CharucoBoard) else reversed(kinds):
        found = find(chosen, board)
        if found is not None and (best is None or found.n_corners > best.n_corners):
            best = found
        if best is not None and _is_clear(best):
            break
    return best


def _is_clear(found: Variant) -> bool:
    """Whether no other kind need be looked for.

    Noise is taken for a marker or two, and part of a ChArUco board for a chessboard.
    """
    if isinstance(found.board, Checkerboard) and found.told:
        return False
    return found.n_corners >= _CLEAR_CORNERS * found.n_images


@dataclass(frozen=True)
class _Look:
    """A way markers may look."""

    dictionary: str
    inverted: bool = False
    mirrored: bool = False


def _looks(board: Board) -> Iterator[_Look]:
    """All ways, likely ones first: as described, turned to negative or mirrored, other markers."""
    names = _largest_dictionaries()
    if isinstance(board, CharucoBoard):
        own = next(
            (
                name
                for name in names
                if dictionary_family(name) == dictionary_family(board.dictionary)
            ),
            names[0],
        )
        names = [own, *(name for name in names if name != own)]
        inverted, mirrored = board.inverted, board.mirrored
    else:
        inverted = mirrored = False
    turned = [(inverted, mirrored), (not inverted, mirrored), (inverted, not mirrored),
              (not inverted, not mirrored)]  # fmt: skip
    yield from (_Look(names[0], *turn) for turn in turned)
    yield from (_Look(name, *turn) for turn in turned for name in names[1:])


def _largest_dictionaries() -> list[str]:
    largest: dict[str, str] = {}
    for name in dictionary_names():
        size = len(opencv_dictionary(name).bytesList)
        kept = largest.get(dictionary_family(name))
        if kept is None or size > len(opencv_dictionary(kept).bytesList):
            largest[dictionary_family(name)] = name
    return list(largest.values())


def _find_charuco(images: Sequence[Image], board: Board) -> Variant | None:
    prefer = board.squares_across if isinstance(board, CharucoBoard) else board.corners_across + 1
    best: tuple[int, _Look, list[Layout]] = (0, _Look(""), [])
    for look in _looks(board):
        finder = MarkerFinder(opencv_dictionary(look.dictionary))
        layouts = []
        for image in images:
            seen = _as_looked_at(image, look)
            found = finder.markers(seen)
            layout = find_layout(found, (image.shape[1], image.shape[0]), prefer)
            layouts += [layout] if layout is not None else []
        score = sum(layout.n_markers for layout in layouts)
        if score > best[0]:
            best = (score, look, layouts)
        if score >= _ENOUGH_MARKERS:
            break
    score, look, layouts = best
    return _charuco_of(images, board, look, layouts) if score >= _LEAST_MARKERS else None


def _as_looked_at(image: Image, look: _Look) -> Image:
    seen = 255 - image if look.inverted else image
    return np.ascontiguousarray(seen[:, ::-1] if look.mirrored else seen, dtype=np.uint8)


def _charuco_of(
    images: Sequence[Image], stated: Board, look: _Look, layouts: Sequence[Layout]
) -> Variant | None:
    """The board of which most layouts are."""
    weights: Counter[tuple[int, bool]] = Counter()
    for layout in layouts:
        weights[layout.across, layout.starts_black] += layout.n_markers
    across, starts_black = weights.most_common(1)[0][0]
    down = max(layout.least_down for layout in layouts
               if (layout.across, layout.starts_black) == (across, starts_black))  # fmt: skip
    given = stated if isinstance(stated, CharucoBoard) else None
    if given is not None and given.squares_across == across and given.squares_down > down:
        down = given.squares_down  # the last rows may lie outside of all images
    if not starts_black and down % 2:
        down += 1  # a board that begins with white has even rows
    made = CharucoBoard(
        across, max(down, 2), stated.square_mm,
        given.marker_mm if given is not None else 0.75 * stated.square_mm,
        _dictionary(given, look, across * down // 2), legacy=not starts_black,
        inverted=look.inverted, mirrored=look.mirrored,
    )  # fmt: skip
    if given is not None:
        keeps = given.legacy and starts_black and down % 2 == 1  # there, both patterns are the same
        made = replace(
            made, legacy=made.legacy or keeps, two_sided=given.two_sided,
            thickness_mm=given.thickness_mm,
        )  # fmt: skip
    return _counted(images, made, stated)


def _dictionary(given: CharucoBoard | None, look: _Look, needed: int) -> str:
    """The described one where it serves, else the smallest of its family that has the markers."""

    def serves(name: str) -> bool:
        return (
            dictionary_family(name) == dictionary_family(look.dictionary)
            and len(opencv_dictionary(name).bytesList) >= needed
        )

    if given is not None and serves(given.dictionary):
        return given.dictionary
    return next((name for name in dictionary_names() if serves(name)), look.dictionary)


def _find_chess(images: Sequence[Image], board: Board) -> Variant | None:
    sizes: Counter[tuple[int, int]] = Counter()
    for image in images:
        is_there, _, meta = cv2.findChessboardCornersSBWithMeta(image, _LEAST_CHESS, _STOCK)
        if is_there and meta is not None and meta.ndim == 2:
            sizes[max(meta.shape), min(meta.shape)] += 1
    # where a part is hidden, fewer are counted: the largest that occurs again, else the largest
    often = [size for size, count in sizes.items() if 2 * count >= sizes.most_common(1)[0][1]]
    for across, down in sorted(often, key=lambda size: -size[0] * size[1]):
        if isinstance(board, Checkerboard) and board.corners_across < board.corners_down:
            across, down = down, across
        found = _counted(images, Checkerboard(across, down, board.square_mm), board)
        if found is not None:
            return found
    return None


def _counted(images: Sequence[Image], board: Board, stated: Board) -> Variant | None:
    """The board, if it is found in the images, and what is to be said of it."""
    finder = BoardFinder(board)
    found = [(image, finder.find(image)) for image in images]
    seen = [(image, sighting) for image, sighting in found if sighting is not None]
    if not seen:
        return None
    told = differences(stated, board)
    if isinstance(board, CharucoBoard) and isinstance(stated, CharucoBoard):
        shares = [marker_share(image, sighting, board) for image, sighting in seen]
        known = [share for share in shares if np.isfinite(share)]
        board, more = _with_markers(board, float(np.median(known)) if known else np.nan)
        told += more
    corners = sum(sighting.n_corners for _, sighting in seen)
    return Variant(board, len(seen), corners, "; ".join(told))


def _with_markers(board: CharucoBoard, share: float) -> tuple[CharucoBoard, list[str]]:
    """The board with markers of the size that they have, and what is to be said of that."""
    stated = board.marker_mm / board.square_mm
    if not np.isfinite(share) or abs(share - stated) < _SHARE_APART:
        return board, []
    marker = round(share * board.square_mm, 2)
    told = (
        f"its markers look {share:.2f} of a square wide, not {stated:.2f} (if the square was "
        f"measured: 'marker_mm = {marker:g}'; if the marker was: 'square_mm = "
        f"{board.marker_mm / share:.3g}')"
    )
    return replace(board, marker_mm=marker), [told]
