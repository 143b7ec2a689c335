"""A calibration board in one image."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import numpy.typing as npt

from napari_sdannce.calibration.boards.board_kinds import CharucoBoard, Checkerboard

from .blur import edge_blur
from .find_charuco import CharucoFinder, Markers
from .find_checkerboard import find_checkerboard
from .refine import GrayImage

if TYPE_CHECKING:
    from collections.abc import Iterator

FloatArray = npt.NDArray[np.float64]
Image = npt.NDArray[np.uint8]

_LITTLE = 0.5
"""Share of its markers below which a board is looked for in the enlarged image."""
_LEAST_REJECTED = 3
"""Without so many quadrilaterals in an image there are no markers seen mirrored."""
_LEAST_EDGE_PX = 32
"""Images smaller than that show no board, and some detectors fail on them."""


@dataclass(frozen=True, eq=False)
class Sighting:
    """A board in one image.

    Parameters
    ----------
    corners
        (M, 2) px, distorted, the centre of the first pixel is (0, 0); NaN where not found.
    side
        Side of the board: 0 front, 1 back.
    blur_px
        Standard deviation of the blur of its edges, px; NaN when not known.
    """

    corners: FloatArray
    side: int = 0
    blur_px: float = float("nan")

    @property
    def n_corners(self) -> int:
        """How many corners were found."""
        return int(np.isfinite(self.corners[:, 0]).sum())


def find_board(
    image: Image, board: CharucoBoard | Checkerboard, *, thorough: bool = True
) -> Sighting | None:
    """Find a board in one image.

    Parameters
    ----------
    image
        (h, w) grey or (h, w, 3) RGB, uint8.
    board
        Which.
    thorough
        Look for small and blurred boards, too, which takes several times as long where there is
        none.

    Returns
    -------
    None without a board: fewer than four corners, or all on one line, or none that a camera could
    see of a flat board.

    Raises
    ------
    ValueError
        When the image is none, or OpenCV knows no such board.

    Examples
    --------
    >>> import cv2
    >>> from napari_sdannce.calibration.boards.pattern import opencv_board
    >>> board = CharucoBoard(4, 5, 20.0, 15.0)
    >>> drawn = opencv_board(board).generateImage((400, 500), marginSize=20)
    >>> sighting = find_board(drawn, board)
    >>> sighting.n_corners, sighting.side
    (12, 0)
    """
    return BoardFinder(board).find(image, thorough=thorough)


class BoardFinder:
    """Finds one board in many images; for one thread at a time.

    Parameters
    ----------
    board
        Which.

    Raises
    ------
    ValueError
        When OpenCV knows no such board.
    """

    def __init__(self, board: CharucoBoard | Checkerboard) -> None:
        self.board = board
        self._charuco = None
        if isinstance(board, CharucoBoard):
            plain = replace(board, two_sided=False, mirrored=False, inverted=False)
            self._charuco = CharucoFinder(plain)

    def find(self, image: Image, *, thorough: bool = True) -> Sighting | None:
        """As `find_board`."""
        gray = _gray(image)
        if min(gray.shape) < _LEAST_EDGE_PX:
            return None
        if self._charuco is not None:
            return self._find_charuco(gray, self._charuco, thorough)
        assert isinstance(self.board, Checkerboard)
        smooth = GrayImage(gray)
        corners = find_checkerboard(gray, smooth, self.board, thorough=thorough)
        if corners is None:
            return None
        return Sighting(corners, 0, edge_blur(smooth, corners, self.board.corners_across))

    def _find_charuco(self, gray: Image, finder: CharucoFinder, thorough: bool) -> Sighting | None:
        assert isinstance(self.board, CharucoBoard)
        seen = np.asarray(255 - gray if self.board.inverted else gray, dtype=np.uint8)
        flips = [self.board.mirrored]
        if self.board.two_sided:
            flips.append(not self.board.mirrored)
        for markers, side in self._tries(finder, seen, flips, thorough):
            if not len(markers):
                continue
            turned = _flipped(seen) if flips[side] else seen
            smooth = GrayImage(turned)
            corners = finder.corners(smooth, markers)
            if corners is not None:
                blur = edge_blur(smooth, corners, self.board.squares_across - 1)
                if flips[side]:
                    corners[:, 0] = seen.shape[1] - 1 - corners[:, 0]
                return Sighting(corners, side, blur)
        return None

    def _tries(
        self, finder: CharucoFinder, seen: Image, flips: list[bool], thorough: bool
    ) -> Iterator[tuple[Markers, int]]:
        """Markers of the sides of the board, likely and cheap ones first."""
        images = {side: _flipped(seen) if flip else seen for side, flip in enumerate(flips)}
        quick = {0: finder.markers(images[0])}
        enough = _LITTLE * finder.n_markers
        if 1 in images and len(quick[0]) < enough and quick[0].n_rejected >= _LEAST_REJECTED:
            quick[1] = finder.markers(images[1])
        for side in sorted(quick, key=lambda side: -len(quick[side])):
            found = quick[side]
            if thorough and len(found) < enough:
                more = finder.markers(images[side], enlarged=True)
                yield (more if len(more) > len(found) else found), side
            yield found, side


def _flipped(image: Image) -> Image:
    return np.asarray(cv2.flip(image, 1), dtype=np.uint8)


def _gray(image: npt.NDArray[Any]) -> Image:
    if image.dtype != np.uint8 or image.ndim not in (2, 3) or min(image.shape) < 1:
        raise ValueError(
            f"an image must be (h, w) or (h, w, 3) uint8, got {image.shape} {image.dtype}"
        )
    if image.ndim == 2:
        return np.ascontiguousarray(image)
    if image.shape[2] != 3:
        raise ValueError(f"a colour image must be RGB, (h, w, 3), got {image.shape}")
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), dtype=np.uint8)
