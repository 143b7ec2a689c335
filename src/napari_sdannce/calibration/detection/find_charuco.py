"""ChArUco boards in an image: their markers say where corners must be, the image where they are."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import cv2
import numpy as np
import numpy.typing as npt

from napari_sdannce.calibration.boards.pattern import first_is_black, opencv_board

from .plane import SeenPlane, fit_plane, fits_plane, on_a_line
from .refine import GrayImage, Squares, refine_corners

if TYPE_CHECKING:
    from napari_sdannce.calibration.boards.board_kinds import CharucoBoard

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]
Image = npt.NDArray[np.uint8]

LEAST_CORNERS = 4
_SCALE = 2
_SHARPENING = 3.0
_SHARPENING_PX = 3.0
"""Standard deviation of the blur that sharpening takes away, px of the enlarged image."""
_WINDOWS = (11, 31)
"""Edges of windows, px of the enlarged image, whose means tell black from white: more corners are
found than with OpenCV's 3, 13 and 23, which are meant for images as they are."""
_MARKER_TOLERANCE = 0.2
_CORNER_TOLERANCE = 0.06
"""How far off a plane markers and corners may lie, in squares: what one lens number leaves."""
_LEAST_TOLERANCE_PX = 1.0
_NEAR = 1.6
"""How far from what was found corners are looked for, in squares."""
_ROUNDS = 12


@dataclass(frozen=True, eq=False)
class Markers:
    """Markers of a board that were found, and quadrilaterals that are none.

    Parameters
    ----------
    numbers
        (K,) which marker of the board.
    corners
        (K, 4, 2) px.
    n_rejected
        How many quadrilaterals were no marker.
    """

    numbers: IntArray
    corners: FloatArray
    n_rejected: int = 0

    def __len__(self) -> int:
        return len(self.numbers)


class MarkerFinder:
    """Finds markers of a dictionary in images; for one thread at a time.

    Parameters
    ----------
    dictionary
        OpenCV's.
    """

    def __init__(self, dictionary: cv2.aruco.Dictionary) -> None:
        self._detector = cv2.aruco.ArucoDetector(dictionary)
        own = cv2.aruco.DetectorParameters()
        own.adaptiveThreshWinSizeMin, own.adaptiveThreshWinSizeMax = _WINDOWS
        own.adaptiveThreshWinSizeStep = _WINDOWS[1] - _WINDOWS[0]
        self._detector_of_enlarged = cv2.aruco.ArucoDetector(dictionary, own)

    def markers(self, image: Image, *, enlarged: bool = False) -> Markers:
        """Markers in a grey image, those left out of which there seem to be two.

        Parameters
        ----------
        enlarged
            Look at the image enlarged and sharpened: finds smaller and more blurred ones, in
            several times as long.
        """
        if enlarged:
            found, numbers, rejected = self._detector_of_enlarged.detectMarkers(_enlarged(image))
        else:
            found, numbers, rejected = self._detector.detectMarkers(image)
        if numbers is None:
            return Markers(np.zeros(0, np.int64), np.zeros((0, 4, 2)), len(rejected))
        corners = np.array(found, dtype=np.float64).reshape(-1, 4, 2)
        if enlarged:
            corners = (corners + 0.5) / _SCALE - 0.5
        numbers = np.asarray(numbers, dtype=np.int64).ravel()
        once = np.array([np.sum(numbers == number) == 1 for number in numbers], dtype=bool)
        return Markers(numbers[once], corners[once], len(rejected))


class CharucoFinder:
    """Finds the front of one ChArUco board in images; for one thread at a time.

    Parameters
    ----------
    board
        Which; whether it is mirrored, inverted or two-sided does not matter here.
    """

    def __init__(self, board: CharucoBoard) -> None:
        self.board = board
        self._finder = MarkerFinder(opencv_board(board).getDictionary())
        self._squares = Squares.of(board)

    @property
    def n_markers(self) -> int:
        """How many markers the board has."""
        return len(self._marker_xy)

    @cached_property
    def _marker_xy(self) -> FloatArray:
        """(K, 4, 2) corners of the markers, mm."""
        points = np.array(opencv_board(self.board).getObjPoints(), dtype=np.float64)
        return points[..., :2]

    @cached_property
    def _colors(self) -> FloatArray:
        """(M,) 1 where the square left of and above the corner is black, -1 where it is white."""
        y, x = np.mgrid[: self.board.squares_down - 1, : self.board.squares_across - 1]
        even = (x + y).ravel() % 2 == 0
        return np.where(even == first_is_black(self.board), 1.0, -1.0)

    def markers(self, image: Image, *, enlarged: bool = False) -> Markers:
        """Markers of the board in a grey image; see `MarkerFinder.markers`."""
        return self._finder.markers(image, enlarged=enlarged)

    def corners(self, image: GrayImage, markers: Markers) -> FloatArray | None:
        """(M, 2) corners of the squares, px, NaN where not found; None without a board."""
        xy, seen = self._marker_xy[markers.numbers].reshape(-1, 2), markers.corners.reshape(-1, 2)
        if len(markers) == 0:
            return None
        edges = np.linalg.norm(np.diff(markers.corners, axis=1), axis=-1)
        square_px = float(np.median(edges)) * self.board.square_mm / self.board.marker_mm
        tolerance = np.full(len(xy), max(2.0, _MARKER_TOLERANCE * square_px))
        good, plane = fits_plane(xy, seen, image.size, tolerance)
        if plane is None:
            return None
        return self._grow(image, plane, xy[good], seen[good])

    def _grow(
        self, image: GrayImage, plane: SeenPlane, xy: FloatArray, seen: FloatArray
    ) -> FloatArray | None:
        """Corners near what is known, then near those, and so on."""
        grid = self.board.points[0, :, :2]
        found = np.full(grid.shape, np.nan)
        tried = np.zeros(len(grid), dtype=bool)
        for _ in range(_ROUNDS):
            have = np.isfinite(found[:, 0])
            known = np.concatenate([xy, grid[have]])
            gaps = np.linalg.norm(grid[:, None] - known[None], axis=-1).min(axis=1)
            new = ~tried & (gaps < _NEAR * self.board.square_mm)
            new &= image.holds(plane.project(grid))
            if not new.any():
                break
            tried |= new
            self._accept(image, plane, np.flatnonzero(new), found)
            plane = self._plane(found, xy, seen, image.size) or plane
        return self._checked(image, plane, found)

    def _accept(
        self, image: GrayImage, plane: SeenPlane, which: IntArray, found: FloatArray
    ) -> None:
        """Put those corners into `found` that the image shows where the plane has them."""
        xy = self.board.points[0, which, :2]
        start = np.where(np.isfinite(found[which]), found[which], plane.project(xy))
        refined = refine_corners(image, start, xy, plane, self._squares)
        good = refined.good & (refined.saddle * self._colors[which] > 0)
        found[which] = np.where(good[:, None], refined.corners, np.nan)

    def _plane(
        self, found: FloatArray, xy: FloatArray, seen: FloatArray, size: tuple[int, int]
    ) -> SeenPlane | None:
        """Plane of the corners; of the markers, too, where those are few."""
        have = np.isfinite(found[:, 0])
        grid = self.board.points[0, :, :2]
        if have.sum() < 3 * LEAST_CORNERS:
            return fit_plane(
                np.concatenate([xy, grid[have]]), np.concatenate([seen, found[have]]), size
            )
        tolerance = self._tolerance(found)
        good, plane = fits_plane(grid, found, size, tolerance)
        found[~good] = np.nan
        return plane

    def _tolerance(self, found: FloatArray) -> FloatArray:
        """(M,) how far off the plane corners may lie, px."""
        grid = found.reshape(self.board.squares_down - 1, -1, 2)
        edges = np.concatenate(
            [np.linalg.norm(np.diff(grid, axis=axis), axis=-1).ravel() for axis in (0, 1)]
        )
        edges = edges[np.isfinite(edges)]
        square_px = float(np.median(edges)) if len(edges) else 0.0
        return np.full(len(found), max(_LEAST_TOLERANCE_PX, _CORNER_TOLERANCE * square_px))

    def _checked(self, image: GrayImage, plane: SeenPlane, found: FloatArray) -> FloatArray | None:
        """Corners refined once more, now that the plane is known; None when too few are left."""
        which = np.flatnonzero(np.isfinite(found[:, 0]))
        if len(which) < LEAST_CORNERS:
            return None
        self._accept(image, plane, which, found)
        good = np.isfinite(found[:, 0])
        grid = self.board.points[0, :, :2]
        if good.sum() > LEAST_CORNERS:
            good, checked = fits_plane(grid, found, image.size, self._tolerance(found))
            if checked is None or checked.is_mirrored(grid[good].mean(axis=0)):
                return None
        if good.sum() < LEAST_CORNERS or on_a_line(grid[good]):
            return None
        return np.where(good[:, None], found, np.nan)


def _enlarged(image: Image) -> Image:
    large = cv2.resize(image, None, fx=_SCALE, fy=_SCALE, interpolation=cv2.INTER_CUBIC)
    blurred = cv2.GaussianBlur(large, (0, 0), _SHARPENING_PX)
    return np.asarray(
        cv2.addWeighted(large, 1 + _SHARPENING, blurred, -_SHARPENING, 0), dtype=np.uint8
    )
