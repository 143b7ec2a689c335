"""The files of a calibration: written all or none."""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import contextmanager
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from napari_sdannce.files.anipose import FILE as ANIPOSE
from napari_sdannce.files.write_calibration import calibration_paths, write_calibration
from napari_sdannce.files.writing import naming
from napari_sdannce.recording import PixelOrigin

from .boards.board_file import describe
from .corners_file import FILE as CORNERS
from .corners_file import corners_of, write_corners
from .detection.boards_found import FILE as BOARDS
from .detection.boards_found import write_found
from .report.page import NAMES, write_report
from .report.saved_report import FILE as REPORT
from .report.saved_report import read_report
from .report.words import ReportNotes

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from napari_sdannce.settings.calibrate import CalibrateSettings

    from .boards.board_keys import Board
    from .detection.find_boards import FoundBoards
    from .findings import Verdict
    from .quality.calibration_report import CalibrationReport
    from .world import World

SETTINGS = "calibrate.yaml"
"""What was asked for; `sdannce calibrate` takes it in place of a folder."""
_ALWAYS = (*NAMES, CORNERS, BOARDS, SETTINGS)
"""Files that are written whatever formats are asked for."""
_HIDDEN = ".sdannce-"
_MOST_TOLD = 3
_PACKAGES = ("napari-sdannce", "opencv-python-headless", "numpy", "scipy")


def check_out(out: Path, *, overwrite: bool) -> None:
    """Raise when results can not go there: it is a file, is taken, or may not be written to.

    Raises
    ------
    FileExistsError, OSError
        Which.
    """
    _check_free(out, map(Path, (ANIPOSE, *_ALWAYS)), overwrite=overwrite)
    above = next(each for each in (out, *out.absolute().parents) if os.path.lexists(each))
    if not above.is_dir():
        raise NotADirectoryError(f"{above} is a file; name a folder for the calibration (--out)")
    if not os.access(above, os.W_OK):
        raise PermissionError(f"{above} may not be written to; name another folder (--out)")


def try_out(out: Path) -> None:
    """Raise OSError when no such folder can be made; nothing stays of the trial.

    Whether it can is not known before: names may be too long, disks full, or `/proc`.
    """
    above = next(each for each in (out, *out.parents) if each.is_dir())
    with _room(above, out) as place, naming(out, within=place):
        (place / out.relative_to(above)).mkdir(parents=True, exist_ok=True)


def check_files(out: Path, names: Sequence[str], settings: CalibrateSettings) -> None:
    """Raise when a file can not be written that a calibration of cameras of these names writes.

    Raises
    ------
    OSError
        When there is one, which is not to be replaced, or a folder of its name.
    ValueError
        When a camera can not be named so in a format that is asked for.
    """
    cameras = calibration_paths(out, names, settings.formats)
    files = (*(path.relative_to(out) for path in cameras), *map(Path, _ALWAYS))
    _check_free(out, files, overwrite=settings.overwrite)


def _check_free(out: Path, files: Iterable[Path], *, overwrite: bool) -> None:
    """Raise when one of these files in a folder is there, or a folder of its name is."""
    wanted = tuple(files)
    there = [file for file in wanted if os.path.lexists(out / file)]
    for path in (out / file for file in there):
        if path.is_dir():
            raise IsADirectoryError(
                f"{path} is a folder, and a file of this name is to be written; name another "
                "folder (--out)"
            )
    for folder in {out / file.parent for file in wanted} - {out}:
        if os.path.lexists(folder) and not folder.is_dir():
            raise NotADirectoryError(
                f"{folder} is a file, and a folder of this name is to be written; name another "
                "folder (--out)"
            )
    if there and not overwrite:
        known = [file.as_posix() for file in there if file.name in (ANIPOSE, REPORT)]
        holds = f"a calibration ({', '.join(known)})"
        if not known:
            holds = f"{', '.join(file.as_posix() for file in there[:_MOST_TOLD])} already"
        raise FileExistsError(
            f"{out} holds {holds}; name another folder (--out), or replace it (--overwrite)"
        )


@contextmanager
def _room(above: Path, out: Path) -> Iterator[Path]:
    """A hidden folder within `above`, gone at the end; errors name what it is for."""
    try:
        made = tempfile.TemporaryDirectory(dir=above, prefix=_HIDDEN)
    except OSError as error:
        raise OSError(error.errno, os.strerror(error.errno or 0), str(out)) from error
    with made as place:
        yield Path(place)


def write_results(
    out: Path,
    settings: CalibrateSettings,
    report: CalibrationReport,
    verdict: Verdict,
    world: World,
    found: FoundBoards,
    board: Board,
) -> tuple[Path, ...]:
    """Write cameras in the formats that are asked for, and the report.

    Raises
    ------
    OSError
        When there is no room, or a file has come to be there that is not to be replaced; nothing is
        left behind then, and older files stay.
    """
    out.parent.mkdir(parents=True, exist_ok=True)
    with _room(out if out.is_dir() else out.parent, out) as place:
        made = place / "made"
        with naming(out, within=made):
            cameras = world.frame.move(report.solution.cameras)
            made.mkdir()
            origin = PixelOrigin(settings.pixel_origin)
            written = write_calibration(made, cameras, settings.formats, pixel_origin=origin)
            write_corners(made / CORNERS, corners_of(report.solution, world.frame))
            write_found(made / BOARDS, found, board)
            _write_settings(made / SETTINGS, settings)
            notes = _notes(settings, found, board, world)
            files = sorted({*(path.relative_to(made) for path in written), *map(Path, _ALWAYS)})
            names = tuple(path.as_posix() for path in files)
            write_report(made, report, verdict, extra=replace(notes, files=names))
            # somebody may have written there meanwhile
            check_files(out, report.solution.detections.names, settings)
            if not out.exists():
                made.rename(out)
            else:
                _take_place(made, out, files, place / "before")
    return tuple(out / file for file in files)


def _take_place(made: Path, out: Path, files: Sequence[Path], aside: Path) -> None:
    """Put new files where those of an earlier calibration are, which go, others stay.

    Raises
    ------
    OSError
        When it can not be done; all is then as it was.
    """
    moved: list[tuple[Path, Path]] = []
    try:
        for file in dict.fromkeys((*_files_of(out), *files)):
            if (out / file).is_file():
                _move(out / file, aside / file, moved)
        for file in files:
            _move(made / file, out / file, moved)
    except BaseException:
        for source, goal in reversed(moved):
            shutil.move(goal, source)
        raise


def _move(source: Path, goal: Path, moved: list[tuple[Path, Path]]) -> None:
    goal.parent.mkdir(parents=True, exist_ok=True)
    shutil.move(source, goal)
    moved.append((source, goal))


def _files_of(out: Path) -> tuple[Path, ...]:
    """Files that an earlier calibration says it has written; none where it does not say."""
    try:
        names = read_report(out / REPORT).files
    except (OSError, ValueError):
        return ()
    return tuple(
        Path(name) for name in names if (out / name).resolve().is_relative_to(out.resolve())
    )


def _write_settings(path: Path, settings: CalibrateSettings) -> None:
    """Write what was asked for, for another time: that goes elsewhere, and replaces nothing."""
    given = settings.model_dump(
        mode="json", exclude_unset=True, exclude={"out", "overwrite", "found"}
    )
    path.write_text(yaml.safe_dump(given, sort_keys=False, allow_unicode=True), encoding="utf-8")


def _notes(
    settings: CalibrateSettings, found: FoundBoards, board: Board, world: World
) -> ReportNotes:
    """What the calibration was made from."""
    given = settings.model_dump(
        mode="json", exclude_none=True, exclude={"source", "board", "found", "out", "overwrite"}
    )
    given["files"] = settings.formats
    shown = {
        name: ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
        for name, value in given.items()
    }
    return ReportNotes(
        board=f"{describe(board)} ({settings.board.name})",
        source=str(settings.source),
        settings=(
            ("matched", found.matched),
            *((name, value) for name, value in shown.items() if value),
        ),
        versions=tuple((name, version(name)) for name in _PACKAGES if is_installed(name)),
        world=world.frame if world.is_chosen else None,
        measured=world.measured,
    )


def is_installed(package: str) -> bool:
    """Whether a package is there, under this name."""
    try:
        version(package)
    except PackageNotFoundError:
        return False
    return True
