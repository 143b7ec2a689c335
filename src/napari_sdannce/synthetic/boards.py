"""Pictures of calibration boards, whose corners lie where the camera model says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np
import numpy.typing as npt

from napari_sdannce.calibration.boards.pattern import board_origin, board_squares, is_black

if TYPE_CHECKING:
    from napari_sdannce.calibration.boards.board_kinds import CharucoBoard, Checkerboard
    from napari_sdannce.geometry import Camera

FloatArray = npt.NDArray[np.float64]
Image = npt.NDArray[np.uint8]

_PAPER_SQUARES = 0.7
"""Width of the empty rim round the squares, in squares."""


@dataclass(frozen=True, eq=False)
class BoardPose:
    """Where a board is.

    Parameters
    ----------
    rotation
        (3, 3) from the frame of the board to the world.
    translation
        (3,) origin of the board in the world, mm.
    """

    rotation: FloatArray
    translation: FloatArray

    def place(self, points: FloatArray) -> FloatArray:
        """Move points (..., 3) of the board into the world, mm."""
        return np.asarray(points @ self.rotation.T + self.translation)


@dataclass(frozen=True)
class Picture:
    """How a board is photographed.

    Parameters
    ----------
    black, white, background
        Grey values of ink, of paper, and of all round the board.
    blur_px
        Standard deviation of the blur of the lens.
    motion_px
        (x, y) how far the image moves while the shutter is open.
    noise
        Standard deviation of the noise of the sensor, grey values.
    samples
        Rays for each pixel.
    """

    black: float = 35.0
    white: float = 215.0
    background: float = 110.0
    blur_px: float = 0.6
    motion_px: tuple[float, float] = (0.0, 0.0)
    noise: float = 0.0
    samples: int = 32


def render_board(
    board: CharucoBoard | Checkerboard,
    camera: Camera,
    pose: BoardPose,
    picture: Picture | None = None,
    *,
    rng: np.random.Generator | None = None,
) -> Image:
    """Draw a board as a camera sees it, (h, w) uint8.

    Seen from behind, a two-sided board shows its back, and a ``mirrored`` one the front through
    glass; any other shows blank paper.

    Parameters
    ----------
    rng
        For the noise; None: always the same.

    Raises
    ------
    ValueError
        When the camera has no image size.
    """
    how = picture or Picture()
    if camera.image_size is None:
        raise ValueError(f"camera '{camera.name}': its image size is not known")
    width, height = camera.image_size
    # corners of all pixels; between them the mapping is as good as linear
    y, x = np.mgrid[: height + 1, : width + 1] - 0.5
    side = _side_seen(board, camera, pose)
    place = _on_board(camera, pose, np.stack([x, y], axis=-1), _depth(board, side))
    light = np.full((height, width), how.background)
    rows, columns = _part_with_paper(board, place)
    place = place[rows.start : rows.stop + 1, columns.start : columns.stop + 1]
    samples = _sample_places(how.samples)
    if place.size:
        shades = (_shade(board, side, how, _inside_pixels(place, *at)) for at in samples)
        light[rows, columns] = sum(shades) / how.samples
    return _expose(light, how, rng or np.random.default_rng(0))


def _part_with_paper(board: CharucoBoard | Checkerboard, place: FloatArray) -> tuple[slice, slice]:
    """Rows and columns of the pixels that show some of the paper."""
    low, high = _paper(board)
    on_paper = np.asarray(((place >= low) & (place < high)).all(axis=-1))
    parts = []
    for axis in (1, 0):
        some = np.flatnonzero(on_paper.any(axis=axis))
        first, last = (some[0] - 1, some[-1] + 1) if len(some) else (0, 0)
        parts.append(slice(max(first, 0), min(last, place.shape[1 - axis] - 1)))
    return parts[0], parts[1]


def _paper(board: CharucoBoard | Checkerboard) -> tuple[FloatArray, FloatArray]:
    """Upper left and lower right corner of the paper, mm, in the frame of the board."""
    rim = _PAPER_SQUARES * board.square_mm
    low = board_origin(board) - rim
    return low, low + np.array(board_squares(board)) * board.square_mm + 2 * rim


def _side_seen(board: CharucoBoard | Checkerboard, camera: Camera, pose: BoardPose) -> int | None:
    """0 front, 1 back, None: paper."""
    from_front = float((camera.centre - pose.translation) @ pose.rotation[:, 2]) < 0
    if getattr(board, "two_sided", False):
        return 0 if from_front else 1
    return 0 if from_front != getattr(board, "mirrored", False) else None


def _depth(board: CharucoBoard | Checkerboard, side: int | None) -> float:
    return float(board.points[side or 0, 0, 2])


def _on_board(camera: Camera, pose: BoardPose, pixels: FloatArray, depth: float) -> FloatArray:
    """(..., 2) where lines of sight meet the plane of the board, mm; NaN where behind."""
    rays = camera.rays(pixels) @ pose.rotation
    start = (camera.centre - pose.translation) @ pose.rotation
    along = (depth - start[2]) / rays[..., 2]
    along = np.where(along > 0, along, np.nan)
    return np.asarray(start[:2] + along[..., None] * rays[..., :2])


def _inside_pixels(place: FloatArray, right: float, down: float) -> FloatArray:
    """What lies that far from the upper left corner of every pixel."""
    upper = (1 - right) * place[:-1, :-1] + right * place[:-1, 1:]
    lower = (1 - right) * place[1:, :-1] + right * place[1:, 1:]
    return np.asarray((1 - down) * upper + down * lower)


def _shade(
    board: CharucoBoard | Checkerboard, side: int | None, how: Picture, place: FloatArray
) -> FloatArray:
    inverted = bool(getattr(board, "inverted", False))
    ink = np.zeros(place.shape[:-1], dtype=bool) if side is None else is_black(board, place)
    low, high = _paper(board)
    on_paper = ((place >= low) & (place < high)).all(axis=-1)
    dark, light = (how.white, how.black) if inverted else (how.black, how.white)
    return np.where(on_paper, np.where(ink, dark, light), how.background)


def _sample_places(n: int) -> FloatArray:
    """(n, 2) places in a pixel, 0 to 1, spread so that no row or column holds two of them.

    The R2 sequence: http://extremelearning.com.au/unreasonable-effectiveness-of-quasirandom-sequences
    """
    plastic = 1.324717957244746
    steps = np.array([1 / plastic, 1 / plastic**2])
    places = (0.5 + np.arange(n)[:, None] * steps) % 1
    # about the centre of the pixel, lest the whole image be shifted
    return np.asarray(places - places.mean(axis=0) + 0.5)


def _expose(light: FloatArray, how: Picture, rng: np.random.Generator) -> Image:
    if how.blur_px:
        light = np.asarray(cv2.GaussianBlur(light, (0, 0), how.blur_px), dtype=np.float64)
    length = float(np.hypot(*how.motion_px))
    if length:
        light = _smear(light, how.motion_px, length)
    light = light + how.noise * rng.standard_normal(light.shape)
    return np.clip(np.rint(light), 0, 255).astype(np.uint8)


def _smear(light: FloatArray, motion: tuple[float, float], length: float) -> FloatArray:
    """Average of the image moved along, symmetric about where it is."""
    steps = np.linspace(-0.5, 0.5, max(3, 2 * int(np.ceil(length)) + 1))
    size = (light.shape[1], light.shape[0])
    moved = [
        cv2.warpAffine(
            light, np.array([[1.0, 0, motion[0] * s], [0, 1.0, motion[1] * s]]), size,
            flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE,
        )
        for s in steps
    ]  # fmt: skip
    return np.asarray(np.mean(moved, axis=0))
