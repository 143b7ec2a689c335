"""Jobs and answers as boards, detections and cameras of napari-sdannce."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_sdannce.calibration.boards.board_kinds import CharucoBoard
from napari_sdannce.calibration.detection.detections import Detections
from napari_sdannce.files.opencv_lens import lens_from_opencv
from napari_sdannce.geometry import Camera

if TYPE_CHECKING:
    from .job import Board, Lens, Posed, Sighting


def board_of(given: Board) -> CharucoBoard:
    size = (given.squares_across, given.squares_down)
    return CharucoBoard(
        *size, given.square_mm, given.marker_mm, given.dictionary, inverted=given.inverted
    )


def detections_of(
    names: list[str], image_sizes: list[list[int]], board: CharucoBoard, found: list[Sighting]
) -> Detections:
    corners = np.full((len(found), board.points.shape[1], 2), np.nan)
    for row, sighting in zip(corners, found, strict=True):
        row[sighting.ids] = sighting.corners
    return Detections(
        tuple(names),
        tuple((width, height) for width, height in image_sizes),
        np.array([sighting.view for sighting in found]),
        np.array([sighting.moment for sighting in found]),
        corners,
    )


def camera_of(name: str, size: list[int], posed: Posed) -> Camera:
    rotation, translation = np.array(posed.rotation), np.array(posed.translation)
    return _camera(name, size, posed.lens, rotation, translation)


def unposed(name: str, size: list[int], lens: Lens) -> Camera:
    return _camera(name, size, lens, np.eye(3), np.zeros(3))


def _camera(
    name: str, size: list[int], lens: Lens, rotation: np.ndarray, translation: np.ndarray
) -> Camera:
    bend = lens_from_opencv(np.array(lens.distortion), fisheye=False)
    return Camera(name, np.array(lens.matrix), rotation, translation, *bend, (size[0], size[1]))
