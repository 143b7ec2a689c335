"""What a calibration would be made from, and what stands in its way: looked at before it begins."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_sdannce.calibration.boards.board_file import describe, read_board
from napari_sdannce.calibration.calibrating import FOLDER
from napari_sdannce.calibration.detection.boards_found import FILE as BOARDS
from napari_sdannce.calibration.detection.boards_found import board_found, without_lengths
from napari_sdannce.calibration.detection.variants import find_variant
from napari_sdannce.calibration.results import SETTINGS, check_out
from napari_sdannce.calibration.sources.board_source import StillSource, open_source
from napari_sdannce.files.settings_file import absolute_paths
from napari_sdannce.files.yaml_file import read_yaml
from napari_sdannce.jobs.checks import Check, bad, careful, good, inside, sentence
from napari_sdannce.jobs.starting import start_job

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from napari_sdannce.calibration.boards.board_keys import Board
    from napari_sdannce.calibration.sources.board_source import BoardSource, Image
    from napari_sdannce.jobs.background import BackgroundJob
    from napari_sdannce.settings.calibrate import CalibrateSettings, Match

UNREADABLE = (ValueError, OSError, KeyError)
WHAT = ("calibrate", "run")
"""Words of the command."""
_TRIED = 8
"""Images in which a board is looked for before."""
_FEW_MOMENTS = 10
_MOST_TOLD = 4


@dataclass(frozen=True)
class Asked:
    """What was chosen so far; None: nothing yet.

    Parameters
    ----------
    source
        Folder with the images of the board.
    board
        File of the board.
    match
        Which frames belong together.
    settings
        All of it, once it is whole.
    """

    source: Path | None
    board: Path | None
    match: Match = "auto"
    settings: CalibrateSettings | None = None


def check_calibration(asked: Asked) -> Iterator[tuple[Check, ...]]:
    """Look at what is there: yields what is known so far, at once and then with the board tried."""
    source, found = _open(asked)
    board, about = _board(asked.board)
    known = (*found, *about, *_where(asked))
    try:
        yield known
        if source is not None and board is not None:
            yield (*known, _tried(source, board))
    finally:
        if source is not None:
            source.close()


def new_results(source: Path) -> Path:
    """Folder for results: ``calibration``, or the next that holds none."""
    first = source / FOLDER
    candidate, number = first, 2
    while candidate.exists() and (not candidate.is_dir() or any(candidate.iterdir())):
        candidate, number = first.with_name(f"{FOLDER}-{number}"), number + 1
    return candidate


def values_again(folder: Path) -> dict[str, Any]:
    """Settings to calibrate again with, from the boards that were found; results go elsewhere.

    Raises
    ------
    FileFormatError, OSError
        When what was asked for is not there.
    """
    content = read_yaml(folder / SETTINGS, "settings of a calibration").content
    return absolute_paths(content, folder) | {"found": folder}


def start_calibration(settings: CalibrateSettings) -> BackgroundJob:
    """Start a calibration in a process of its own; its notes lie with the images, if they do.

    Raises
    ------
    OSError
        When they can not be written there.
    """
    source, out = settings.source, settings.out
    assert out is not None
    place = source if source.is_dir() else source.parent
    return start_job(WHAT, settings, (place if place.is_dir() else out,), output=out)


def _open(asked: Asked) -> tuple[BoardSource | None, tuple[Check, ...]]:
    if asked.source is None:
        return None, (careful("Choose the folder with the images of the board."),)
    if asked.settings is not None and asked.settings.found is not None:
        return None, (_found_before(asked.settings.found),)
    try:
        chosen = None if asked.settings is None else asked.settings.cameras
        source = open_source(asked.source, asked.match, cameras=chosen)
    except UNREADABLE as error:
        return None, (bad(sentence(error)),)
    what = "still images" if isinstance(source, StillSource) else "videos"
    n, names = source.n_moments, source.names
    cameras = f"{len(names)} camera{'s' * (len(names) != 1)}"
    lines = [good(f"{cameras} with {what}: {', '.join(names)}")]
    told = source.told
    moments = f"{n:,} moment{'s' * (n != 1)}; {told[0]}" if told else f"{n:,} moments"
    lines.append(good(moments) if n >= _FEW_MOMENTS else careful(f"{moments}. That is few"))
    lines += [careful(each) for each in told[1 : 1 + _MOST_TOLD]]
    if len(names) == 1:
        lines.append(careful("A single camera: its lens is calibrated, but not where it stands"))
    return source, tuple(lines)


def _found_before(folder: Path) -> Check:
    """Whether there are boards that were found before."""
    try:
        board_found(folder / BOARDS)
    except UNREADABLE as error:
        return bad(sentence(error))
    return good(f"The boards that were found before are used (of {folder.name}); no image is read")


def _board(path: Path | None) -> tuple[Board | None, tuple[Check, ...]]:
    if path is None:
        return None, (careful("Choose the file of the board, or make one."),)
    try:
        file = read_board(path)
    except UNREADABLE as error:
        return None, (bad(sentence(error)),)
    told = describe(file.board)
    return file.board, (good(f"{told[:1].upper()}{told[1:]}"),)


def _where(asked: Asked) -> Iterator[Check]:
    """Where results will go."""
    if asked.source is None:
        return
    settings = asked.settings
    if settings is None or settings.out is None:
        yield good(f"Results go to {inside(new_results(asked.source), asked.source)}")
        return
    try:
        check_out(settings.out, overwrite=settings.overwrite)
    except OSError as error:
        yield bad(str(error))
    else:
        yield good(f"Results go to {inside(settings.out, asked.source)}")


def _tried(source: BoardSource, board: Board) -> Check:
    """Whether the board that was named is the one in the images."""
    try:
        images = list(_some_images(source))
        found = find_variant(images, board) if images else None
    except UNREADABLE as error:
        return bad(sentence(error))
    if not images:
        return bad("No image can be read.")
    if found is None:
        return careful(
            f"The board was not found in {len(images)} images. Is it the right file, and is the "
            "board sharp and whole somewhere?"
        )
    where = f"in {found.n_images} of {len(images)} images tried"
    if found.told and without_lengths(board) == without_lengths(found.board):
        return careful(f"The board is found {where}, but {found.told}")
    if found.told:
        return bad(f"Another board is {where}: {found.told}")
    return good(f"The board is found {where}")


def _some_images(source: BoardSource) -> Iterator[Image]:
    """Images of the cameras in turn, evenly over the moments."""
    moments = _evenly(source.n_moments)
    for number, moment in enumerate(moments):
        image = source.read(moment, number % len(source.names))
        if image is not None:
            yield image


def _evenly(n: int) -> Sequence[int]:
    """Up to so many numbers below n, none at the very ends: the board is carried in and out."""
    return [int(i) for i in np.unique(((np.arange(_TRIED) + 0.5) * n / _TRIED).astype(int))]
