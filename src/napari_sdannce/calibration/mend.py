"""Mending the calibration of a recording whose cameras have moved."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .board_file import read_board
from .drift import check_drift
from .errors import CalibrationError
from .find_boards import find_boards, moments_to_look_at
from .repair import repair_by_board, repair_by_points
from .seen_points import seen_points
from .sources import open_source

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence
    from pathlib import Path

    from napari_sdannce.recording import Recording
    from napari_sdannce.settings.events import Event

    from .find_boards import FoundBoards
    from .repair import Repair

_MOST = 200


def mend_by_points(
    recording: Recording, sources: Sequence[Path], moved: Sequence[str] = ()
) -> Repair:
    """Place the cameras that have moved by points of animals.

    Parameters
    ----------
    recording
        Calibrated.
    sources
        As for `seen_points`.
    moved
        Cameras that have moved; none: it is found out.

    Raises
    ------
    CalibrationError
        When none has moved, or it can not be done with these points.
    ValueError
        When the recording has no camera of such a name.
    """
    points = seen_points(recording, sources)
    names = list(moved)
    if not names:
        names = [each.name for each in check_drift(recording.cameras, points) if each.moved]
    for name in names:
        recording.view(name)
    if not names:
        raise CalibrationError(
            f"{recording.folder}: all cameras agree, none has moved; name those that have"
        )
    return repair_by_points(recording.cameras, points, names)


def mend_by_clip(recording: Recording, clip: Path, board: Path) -> Repair:
    """Place all cameras by a short clip of a board.

    Raises
    ------
    CalibrationError
        When the clip is of other cameras, or does not show enough of the board.
    FileFormatError
        When a file can not be read.
    """
    described = read_board(board).board
    source = open_source(clip)
    try:
        missing = sorted(set(recording.names) - set(source.names))
        if missing:
            raise CalibrationError(
                f"{clip}: it has {', '.join(source.names)}, but not {', '.join(missing)}"
            )
        looked_at = moments_to_look_at(source.n_moments, None, _MOST)
        found = _result(find_boards(source, described, looked_at))
    finally:
        source.close()
    by_name = {camera.name: camera for camera in recording.cameras}
    cameras = [by_name[name] for name in source.names if name in by_name]
    kept = [i for i, name in enumerate(source.names) if name in by_name]
    return repair_by_board(cameras, found.detections.of_views(kept), described)


def _result(job: Generator[Event, None, FoundBoards]) -> FoundBoards:
    while True:
        try:
            next(job)
        except StopIteration as end:
            found: FoundBoards = end.value
            return found
