"""Mending the calibration of a recording whose cameras have moved."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from napari_sdannce.calibration.boards.board_file import read_board
from napari_sdannce.calibration.detection.check_board import check_board
from napari_sdannce.calibration.detection.find_boards import find_boards, moments_to_look_at
from napari_sdannce.calibration.errors import CalibrationError
from napari_sdannce.calibration.solver.known import check_sizes
from napari_sdannce.calibration.sources.board_source import image_size, open_source
from napari_sdannce.settings.events import Message
from napari_sdannce.video import RecordingVideo

from .check_drift import check_drift
from .check_recording import UNLIKE
from .repair import repair_by_board, repair_by_points
from .seen_points import seen_points

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence
    from pathlib import Path

    from napari_sdannce.calibration.detection.find_boards import FoundBoards
    from napari_sdannce.geometry import Camera
    from napari_sdannce.recording import Recording
    from napari_sdannce.settings.events import Event

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
    names = list(dict.fromkeys(moved))
    for name in names:
        recording.view(name)
    cameras = recording.cameras
    points = seen_points(recording, sources)
    if not names:
        drifts = check_drift(cameras, points)
        unlike = [each.name for each in drifts if not each.is_like]
        if unlike:
            raise CalibrationError(f"{recording.folder}: {', '.join(unlike)}: {UNLIKE}")
        names = [each.name for each in drifts if each.moved]
    if not names:
        raise CalibrationError(
            f"{recording.folder}: all cameras agree, none has moved; name those that have"
        )
    return repair_by_points(cameras, points, names)


def mend_by_clip(
    recording: Recording,
    clip: Path,
    board: Path,
    moved: Sequence[str] = (),
    tell: Callable[[Event], None] | None = None,
) -> Repair:
    """Place the cameras that have moved by a short clip of a board.

    Parameters
    ----------
    recording
        Calibrated.
    clip
        What `open_source` opens, with the cameras of the recording.
    board
        File of the board.
    moved
        Cameras that have moved; none: it is found out, if more than half have not.
    tell
        Takes what is told of the search.

    Raises
    ------
    CalibrationError
        When the clip is of other cameras or another resolution, shows another board, or not enough
        of it, none has moved, or nothing tells which.
    FileFormatError
        When a file can not be read.
    """
    for name in moved:
        recording.view(name)
    described = read_board(board).board
    source = open_source(clip)
    try:
        cameras, views = _views_of(recording, source.names, clip)
        looked_at = moments_to_look_at(source.n_moments, None, _MOST)
        sizes = [image_size(source, view, looked_at) for view in views]
        check_sizes(cameras, sizes, clip)
        found = _result(find_boards(source, described, looked_at), tell)
        unlike = check_board(source, described, found, looked_at)
    finally:
        source.close()
    if unlike and tell is not None:
        tell(Message(level="warning", text=f"the board is not as its file says: {unlike}"))
    mended = repair_by_board(cameras, found.detections.of_views(views), described, moved)
    if not mended.moved:
        raise CalibrationError(
            f"{clip}: as far as it tells, all cameras stand as they stood, none has moved"
        )
    return mended


def _views_of(
    recording: Recording, names: Sequence[str], clip: Path
) -> tuple[tuple[Camera, ...], list[int]]:
    """Cameras of a recording, for the images that they took, and which views of a clip they are."""
    missing = sorted(set(recording.names) - set(names))
    if missing:
        raise CalibrationError(f"{clip}: it has {', '.join(names)}, but not {', '.join(missing)}")
    with RecordingVideo(recording) as video:
        sizes = video.sizes
    # calibrations of MATLAB do not say for which images they are
    cameras = tuple(
        replace(camera, image_size=camera.image_size or size)
        for camera, size in zip(recording.cameras, sizes, strict=True)
    )
    return cameras, [names.index(name) for name in recording.names]


def _result(
    job: Generator[Event, None, FoundBoards], tell: Callable[[Event], None] | None
) -> FoundBoards:
    while True:
        try:
            event = next(job)
            if tell is not None:
                tell(event)
        except StopIteration as end:
            found: FoundBoards = end.value
            return found
