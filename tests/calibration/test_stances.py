"""How a board stands in an image, told without knowing the camera's lens."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from napari_sdannce.calibration.boards.board_kinds import CharucoBoard
from napari_sdannce.calibration.detection.coverage import Coverage
from napari_sdannce.calibration.detection.detect import Sighting
from napari_sdannce.calibration.detection.stance import stance_seen

if TYPE_CHECKING:
    from napari_sdannce.geometry import Camera

BOARD = CharucoBoard(8, 6, 25.0, 18.0)
SHEET = BOARD.points[0]


def seen(lens: Camera, tilt: float, distance: float, seed: int = 1) -> np.ndarray:
    """Corners of a board near the line of sight, turned in its plane by a random angle."""
    rng = np.random.default_rng(seed)
    turn = cv2.Rodrigues(np.array([0, 0, rng.uniform(-np.pi, np.pi)]))[0]
    axis = rng.normal(size=2)
    lean = cv2.Rodrigues(np.radians(tilt) * np.array([*axis, 0]) / np.linalg.norm(axis))[0]
    place = (SHEET - SHEET.mean(axis=0)) @ (lean @ turn).T + [0, 0, distance]
    return lens.project(place) + rng.normal(0, 0.1, (len(SHEET), 2))


@pytest.mark.parametrize("tilt", [0, 20, 45, 60])
def test_tilt_and_distance_are_those_of_the_board(lens: Camera, tilt: float) -> None:
    for seed in range(5):
        told, distance = stance_seen(SHEET, seen(lens, tilt, 600, seed))
        assert told == pytest.approx(tilt, abs=6)
        # in focal lengths (700 px) of mm a px; the nearer half of a tilted board looks larger
        assert distance * 700 == pytest.approx(600, rel=0.06)


def test_too_little_tells_nothing(lens: Camera) -> None:
    corners = seen(lens, 30, 600)
    few, line = corners.copy(), corners.copy()
    few[5:] = np.nan
    line[7:] = np.nan  # the first row
    for part in (few, line, np.full_like(corners, np.nan)):
        assert np.isnan(stance_seen(SHEET, part)).all()


def test_what_some_boards_reached_counts_and_not_what_one_did(lens: Camera) -> None:
    counted = Coverage(("front",), BOARD.points)
    for moment, (tilt, distance) in enumerate([(5, 600)] * 6 + [(50, 1500)] * 2):
        counted.add(0, moment, Sighting(seen(lens, tilt, distance, moment)), (640, 512))
    assert counted.event().tilts[0] < 12
    assert counted.event().depths[0] < 1.1
    counted.add(0, 8, Sighting(seen(lens, 50, 1500)), (640, 512))
    assert counted.event().tilts[0] == pytest.approx(50, abs=4)
    assert counted.event().depths[0] == pytest.approx(2.5, rel=0.1)
