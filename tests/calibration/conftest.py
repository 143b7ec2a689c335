"""Rendered boards, whose corners lie where the camera model says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from napari_sdannce.calibration.boards.board_kinds import CharucoBoard, Checkerboard
from napari_sdannce.geometry import Camera
from napari_sdannce.synthetic.boards import BoardPose

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Board = CharucoBoard | Checkerboard


@pytest.fixture(scope="session")
def lens() -> Camera:
    """A camera at the origin, with the distortion of a usual wide lens."""
    matrix = np.array([[700.0, 0, 319.5], [0, 703, 255.5], [0, 0, 1]])
    return Camera(
        "front", matrix, np.eye(3), np.zeros(3), np.array([-0.25, 0.08]), np.array([5e-4, -3e-4]),
        (640, 512),
    )  # fmt: skip


@pytest.fixture(scope="session")
def poses() -> Callable[..., Iterator[BoardPose]]:
    """Poses of a board at a distance from the origin, mm, tilted by up to 35 degrees and more."""

    def place(board: Board, n: int, distance: float, *, behind: bool = False, seed: int = 1):
        rng = np.random.default_rng(seed)
        middle = board.points[0].mean(axis=0)
        for _ in range(n):
            rotation = cv2.Rodrigues(rng.uniform(-0.6, 0.6, 3))[0]
            if behind:
                rotation = rotation @ np.diag([-1.0, 1, -1])
            aside = distance * np.array([rng.uniform(-0.1, 0.1), rng.uniform(-0.08, 0.08), 1])
            yield BoardPose(rotation, aside - rotation @ middle)

    return place
