"""A calibration on disk: what of it is read before it is shown, in a thread."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from napari_sdannce.calibration.corners_file import FILE as CORNERS
from napari_sdannce.calibration.corners_file import read_corners
from napari_sdannce.calibration.detection.boards_found import FILE as BOARDS
from napari_sdannce.calibration.detection.boards_found import board_found
from napari_sdannce.calibration.report.saved_report import FILE as REPORT
from napari_sdannce.calibration.report.saved_report import read_report
from napari_sdannce.calibration.results import SETTINGS
from napari_sdannce.files.anipose import FILE as ANIPOSE
from napari_sdannce.files.calibration_file import read_calibration
from napari_sdannce.widgets.opening import FILE_ERRORS, Failed, in_plain_words

if TYPE_CHECKING:
    from pathlib import Path

    from napari_sdannce.calibration.boards.board_keys import Board
    from napari_sdannce.calibration.corners_file import CalibratedCorners
    from napari_sdannce.calibration.report.saved_report import SavedReport
    from napari_sdannce.geometry import Camera

PAGE = "report.html"
POINTS = "world_points.csv"
"""Points that were measured, and clicked in the panel."""


@dataclass(frozen=True, eq=False)
class OpenedCalibration:
    """A calibration.

    Parameters
    ----------
    folder
        Where it lies.
    report
        What it is worth.
    cameras
        The cameras.
    corners
        What it was made from; None: the file is not there.
    board
        The board; None where the boards that were found are not there.
    """

    folder: Path
    report: SavedReport
    cameras: tuple[Camera, ...]
    corners: CalibratedCorners | None
    board: Board | None = None

    @property
    def page(self) -> Path | None:
        """The report with figures, for a browser."""
        path = self.folder / PAGE
        return path if path.is_file() else None

    @property
    def settings(self) -> Path | None:
        """What was asked for, where it can be calibrated again from the boards that were found."""
        path = self.folder / SETTINGS
        return path if self.board is not None and path.is_file() else None

    @property
    def points(self) -> Path | None:
        """Points that were measured and clicked."""
        path = self.folder / POINTS
        return path if path.is_file() else None


def open_calibration(path: Path) -> OpenedCalibration | Failed:
    """Open the folder of a calibration, or a file in it. Touches no widget."""
    folder = path if path.is_dir() else path.parent
    if not (folder / REPORT).is_file():
        return Failed(f"{folder} holds no calibration: there is no {REPORT} in it.")
    try:
        report = read_report(folder / REPORT)
        one = folder / ANIPOSE
        cameras = _named(read_calibration(one if one.is_file() else folder).cameras, report)
        there = (folder / CORNERS).is_file()
        corners = read_corners(folder / CORNERS) if there else None
        found = folder / BOARDS
        board = board_found(found) if found.is_file() else None
    except FILE_ERRORS as error:
        return Failed(in_plain_words(error))
    return OpenedCalibration(folder, report, cameras, corners, board)


def _named(cameras: tuple[Camera, ...], report: SavedReport) -> tuple[Camera, ...]:
    """Cameras by their names; some formats have only their order."""
    names = tuple(report.cameras)
    if len(names) != len(cameras) or set(names) == {camera.name for camera in cameras}:
        return cameras
    return tuple(replace(each, name=name) for each, name in zip(cameras, names, strict=True))
