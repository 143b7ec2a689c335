"""Rigs that saw a board, with the truth known: detections without rendering a picture.

Cameras stand round a volume and look into it; a board is carried through it and tilted. Corners get
noise, wrong corners, and all that goes wrong with calibrations.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from scipy.interpolate import CubicSpline

from napari_sdannce.calibration.boards.board_kinds import CharucoBoard
from napari_sdannce.calibration.detection.detections import Detections
from napari_sdannce.calibration.solver.bundle import Rig
from napari_sdannce.calibration.solver.lenses import N_PINHOLE, BrownLens, FisheyeLens, to_pixels
from napari_sdannce.calibration.solver.rigid import Motions, exp, stack

if TYPE_CHECKING:
    from napari_sdannce.calibration.boards.board_kinds import Board
    from napari_sdannce.calibration.solver.lenses import Lens

FloatArray = npt.NDArray[np.float64]

_VOLUME_MM = 250.0
_STEEPEST = np.cos(np.radians(68))
_MARGIN_PX = 4.0


@dataclass(frozen=True)
class BoardRigSettings:
    """What a rig is like.

    Parameters
    ----------
    cameras, moments
        How many.
    lens
        Kind of lens.
    board
        The board.
    noise_px
        Sigma of a corner's coordinate.
    outliers
        Share of corners that are somewhere else.
    moved
        Whether one camera was pushed after two thirds of the moments.
    flipped
        Whether every sighting has its corners in any order that looks the same.
    missed
        Share of sightings that the detector missed.
    delays
        Frames by which each camera is late; the board then moves smoothly. None: it is anywhere at
        each moment.
    """

    cameras: int = 4
    moments: int = 40
    lens: Lens = field(default_factory=BrownLens)
    board: Board = field(default_factory=lambda: CharucoBoard(8, 6, 25.0, 18.0))
    noise_px: float = 0.2
    outliers: float = 0.0
    moved: bool = False
    flipped: bool = False
    missed: float = 0.1
    delays: tuple[float, ...] | None = None


@dataclass(frozen=True, eq=False)
class BoardRig:
    """A rig, what it saw, and the truth.

    Parameters
    ----------
    detections
        What was seen.
    truth
        Intrinsic numbers, cameras in the frame of the first, and boards at every moment. Of a
        camera that was pushed: where it was before.
    pushed
        Camera that was pushed, None: none.
    """

    detections: Detections
    truth: Rig
    pushed: int | None


def board_rig(settings: BoardRigSettings, seed: int) -> BoardRig:
    """Make a rig; the same seed, the same rig."""
    rng = np.random.default_rng([seed, settings.cameras, settings.moments])
    size = (1280, 1024) if rng.random() < 0.5 else (1152, 1024)
    numbers = np.stack([_numbers(settings.lens, size, rng) for _ in range(settings.cameras)])
    cameras = _ring(numbers, size, rng)
    boards, late_boards = _carried(settings, rng)
    pushed = int(rng.integers(settings.cameras)) if settings.moved else None
    rows = []
    for t in range(settings.moments):
        late = pushed is not None and t >= 2 * settings.moments // 3
        for view in range(settings.cameras):
            camera = cameras[view]
            if late and view == pushed:
                push = rng_push(seed)
                camera = camera.stepped(push)
            if rng.random() < settings.missed:
                continue
            board = boards[t] if settings.delays is None else late_boards[view][t]
            corners = _seen(settings, numbers[view], camera, board, size)
            if corners is not None:
                rows.append((view, t, corners))
    corners = np.stack([row[2] for row in rows])
    names = tuple(f"Camera{i + 1}" for i in range(settings.cameras))
    detections = Detections(
        names,
        (size,) * settings.cameras,
        np.array([row[0] for row in rows]),
        np.array([row[1] for row in rows]),
        corners,
    )
    first = cameras[0]
    used = np.asarray(np.isin(np.arange(settings.moments), detections.moments))
    world = Motions(
        np.repeat(first.rotation[None], settings.moments, axis=0),
        np.repeat(first.translation[None], settings.moments, axis=0),
    )
    relative = stack([cameras[i] @ first.inverse for i in range(settings.cameras)])
    truth = Rig(numbers, relative, (world @ boards)[used])
    return BoardRig(_disturbed(detections, settings, rng), truth, pushed)


def rng_push(seed: int) -> FloatArray:
    """(6,) how a camera is pushed: by degrees and centimetres."""
    rng = np.random.default_rng([seed, 77])
    turn, shift = rng.normal(size=3), rng.normal(size=3)
    return np.concatenate(
        [turn / np.linalg.norm(turn) * np.radians(2), shift / np.linalg.norm(shift) * 15]
    )


def _numbers(lens: Lens, size: tuple[int, int], rng: np.random.Generator) -> FloatArray:
    """(P,) of one camera, as real ones are."""
    fisheye = isinstance(lens, FisheyeLens)
    focal = size[0] * (rng.uniform(0.32, 0.45) if fisheye else rng.uniform(0.65, 1.3))
    square = focal * (1 + rng.normal(scale=0.003))
    axis = (np.array(size) - 1) / 2 + rng.normal(scale=0.015 * size[0], size=2)
    if fisheye:
        terms = rng.normal(scale=[0.03, 0.01, 0.004, 0.001])
    else:
        radius = float(np.hypot(*size)) / 2 / focal
        usual = lens.usual(radius)
        terms = 0.4 * usual * rng.normal(size=len(usual))
        terms[0] = -abs(terms[0])
        terms[1] = abs(terms[1])
        terms[2:4] = rng.normal(scale=1e-3, size=2)
    return np.array([focal, square, *axis, 0.0, *terms])


def _ring(numbers: FloatArray, size: tuple[int, int], rng: np.random.Generator) -> Motions:
    """Cameras round the volume, each as far away as its lens asks for, looking into it."""
    placed = []
    for i, own in enumerate(numbers):
        azimuth = 2 * np.pi * (i + rng.uniform(-0.2, 0.2)) / len(numbers)
        elevation = rng.uniform(0.35, 1.0)
        reach = 1.5 * _VOLUME_MM * own[0] / (size[1] / 2) + _VOLUME_MM
        away = np.array(
            [
                np.cos(azimuth) * np.cos(elevation),
                np.sin(azimuth) * np.cos(elevation),
                np.sin(elevation),
            ]
        )
        z = -away
        x = np.cross(z, [0, 0, 1.0])
        x /= np.linalg.norm(x)
        rotation = exp(rng.normal(scale=0.05, size=3)) @ np.stack([x, np.cross(z, x), z])
        placed.append(Motions(rotation, -rotation @ (away * reach)))
    return stack(placed)


_STILL = 8
"""Frames from one place to the next, of a board that moves smoothly."""


def _carried(settings: BoardRigSettings, rng: np.random.Generator) -> tuple[Motions, list[Motions]]:
    """The board at each moment, and as each camera has it when it is late.

    Face up, tilted and turned, anywhere in the volume.
    """
    n = settings.moments
    if settings.delays is None:
        return _laid(settings, _places(n, rng)), []
    knots = CubicSpline(np.arange(n // _STILL + 3) * _STILL, _places(n // _STILL + 3, rng))
    times = np.arange(n) + _STILL / 2
    return _laid(settings, knots(times)), [
        _laid(settings, knots(times + delay)) for delay in settings.delays
    ]


def _places(n: int, rng: np.random.Generator) -> FloatArray:
    """(n, 7) tilt (3), turn (1), place (3) mm."""
    rows = [
        [*rng.normal(scale=0.45, size=3), rng.uniform(-np.pi, np.pi),
         *rng.uniform(-0.7, 0.7, size=3) * _VOLUME_MM]
        for _ in range(n)
    ]  # fmt: skip
    return np.array(rows)


def _laid(settings: BoardRigSettings, places: FloatArray) -> Motions:
    middle = settings.board.points[0].mean(axis=0)
    turns = np.zeros((len(places), 3))
    turns[:, 2] = places[:, 3]
    # the board's z points away from who looks at it: down
    rotation = exp(places[:, :3]) @ exp(turns) @ np.diag([1.0, -1.0, -1.0])
    return Motions(rotation, places[:, 4:] - rotation @ middle)


def _seen(
    settings: BoardRigSettings,
    numbers: FloatArray,
    camera: Motions,
    board: Motions,
    size: tuple[int, int],
) -> FloatArray | None:
    """(M, 2) corners in the image, None where there are too few or the board is too steep."""
    pose = camera @ board
    there = pose.apply(settings.board.points[0])
    middle = there.mean(axis=0)
    if (there[:, 2] <= 0).any() or pose.rotation[:, 2] @ middle < _STEEPEST * np.linalg.norm(
        middle
    ):
        return None
    lens = settings.lens
    ideal = there[:, :2] / there[:, 2:]
    pixels = to_pixels(lens.bend(ideal, numbers[N_PINHOLE:]), numbers)
    inside = np.asarray(
        ((pixels > _MARGIN_PX) & (pixels < np.array(size) - 1 - _MARGIN_PX)).all(axis=1)
    )
    if len(settings.board.symmetries) > 1 and not inside.all():
        return None  # a checkerboard is found whole or not at all
    if inside.sum() < 6:
        return None
    return np.where(inside[:, None], pixels, np.nan)


def _disturbed(
    detections: Detections, settings: BoardRigSettings, rng: np.random.Generator
) -> Detections:
    corners = detections.corners + rng.normal(
        scale=settings.noise_px, size=detections.corners.shape
    )
    wrong = rng.random(corners.shape[:2]) < settings.outliers
    direction = rng.uniform(0, 2 * np.pi, size=wrong.sum())
    far = rng.uniform(3, 60, size=wrong.sum())
    corners[wrong] += np.stack([np.cos(direction), np.sin(direction)], axis=-1) * far[:, None]
    if settings.flipped:
        orders = settings.board.symmetries
        for i, k in enumerate(rng.integers(len(orders), size=len(corners))):
            corners[i] = corners[i][orders[k]]
    return replace(detections, corners=corners)
