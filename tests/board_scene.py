"""A board carried through a ring of cameras, with known truth: quick to draw."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from napari_sdannce.calibration.boards.board_file import write_board
from napari_sdannce.calibration.boards.board_kinds import CharucoBoard
from napari_sdannce.synthetic.boards import BoardPose, Picture, render_board
from napari_sdannce.synthetic.rig import camera_ring

if TYPE_CHECKING:
    from pathlib import Path

    from napari_sdannce.geometry import Camera


@dataclass(frozen=True, eq=False)
class Filmed:
    """A board filmed by a ring of cameras, as stills on disk.

    Parameters
    ----------
    folder
        With a folder of stills a camera.
    board_file
        File of the board.
    board
        The board.
    cameras
        The true cameras.
    poses
        Where the board was at each moment.
    """

    folder: Path
    board_file: Path
    board: CharucoBoard
    cameras: tuple[Camera, ...]
    poses: tuple[BoardPose, ...]


def film_board(folder: Path) -> Filmed:
    """Three cameras, 14 moments, the last with the board on the floor; small images."""
    board = CharucoBoard(7, 5, 40.0, 30.0, "DICT_4X4_50")
    cameras = camera_ring(3, image_size=(400, 320), radius_mm=600, height_mm=700, seed=2)
    rng = np.random.default_rng(4)
    middle, poses = board.points[0].mean(axis=0), []
    for t in range(14):
        on_floor = t == 13
        tilt = np.zeros(3) if on_floor else rng.uniform(-0.5, 0.5, 3)
        turn = np.array([0, 0, rng.uniform(-np.pi, np.pi)])
        face_up = np.diag([1.0, -1, -1])
        rotation = cv2.Rodrigues(tilt)[0] @ cv2.Rodrigues(turn)[0] @ face_up
        aside = rng.uniform(-90, 90, 3) * [1, 1, 0] + [
            0,
            0,
            0 if on_floor else 60 + 60 * rng.random(),
        ]
        poses.append(BoardPose(rotation, aside - rotation @ middle))
        for camera in cameras:
            image = render_board(board, camera, poses[-1], Picture(noise=2, samples=4), rng=rng)
            path = folder / camera.name / f"{t:03}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(path), image)
    file = write_board(folder.parent / "board.toml", board)
    return Filmed(folder, file, board, cameras, tuple(poses))
