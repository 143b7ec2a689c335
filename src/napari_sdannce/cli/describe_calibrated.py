"""Lines of ``sdannce info`` about what `sdannce calibrate` reads and writes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def several(count: int, what: str) -> str:
    """Say how many."""
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def board(path: Path) -> Iterator[str]:
    """A board in a TOML file."""
    from napari_sdannce.calibration.boards.board_file import read_board

    yield str(read_board(path))


def report(path: Path) -> Iterator[str]:
    """``report.json``."""
    from napari_sdannce.calibration.report.saved_report import read_report
    from napari_sdannce.calibration.report.words import HEADLINES

    found = read_report(path)
    yield f"{path}: the report of a calibration of {several(len(found.cameras), 'camera')}"
    yield f"  {HEADLINES[found.grade]}"
    if found.error_px is not None:
        yield f"  half of the corners are closer than {found.error_px:.2f} px"
    yield from (f"  {finding.grade}: {finding.text}" for finding in found.told)


def corners(path: Path) -> Iterator[str]:
    """``corners.npz``."""
    from napari_sdannce.calibration.corners_file import read_corners

    found = read_corners(path)
    count = int(np.isfinite(found.corners).all(axis=-1).sum())
    yield f"{path}: the {count} corners that a calibration was made from, and their errors"
    yield f"  cameras: {', '.join(found.names)}"
    yield f"  the board at {several(len(found.moments), 'moment')}"


def boards(path: Path) -> Iterator[str]:
    """``boards.npz``."""
    from napari_sdannce.calibration.boards.board_file import describe
    from napari_sdannce.calibration.detection.boards_found import board_found, read_found

    looked_for = board_found(path)
    found = read_found(path, looked_for).detections
    yield f"{path}: the boards that were found for a calibration (`sdannce calibrate again`)"
    yield f"  {describe(looked_for)}"
    yield f"  cameras: {', '.join(found.names)}"
    yield f"  seen {several(len(found), 'time')} at {several(len(found.moments), 'moment')}"
