"""The files of a calibration: written all or none."""

from __future__ import annotations

import shutil
import tempfile
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from napari_sdannce.files.anipose import FILE as ANIPOSE
from napari_sdannce.files.write_calibration import write_calibration
from napari_sdannce.files.writing import naming
from napari_sdannce.recording import PixelOrigin

from .board_file import describe
from .boards_found import FILE as BOARDS
from .boards_found import write_found
from .corners_file import FILE as CORNERS
from .corners_file import corners_of, write_corners
from .report_page import write_report
from .report_words import ReportNotes

if TYPE_CHECKING:
    from napari_sdannce.settings.calibrate import CalibrateSettings

    from .board_keys import Board
    from .find_boards import FoundBoards
    from .report import CalibrationReport
    from .verdict import Verdict
    from .world import World

SETTINGS = "calibrate.yaml"
"""What was asked for; `sdannce calibrate` takes it in place of a folder."""
_PACKAGES = ("napari-sdannce", "opencv-python-headless", "numpy", "scipy")


def check_out(out: Path, *, overwrite: bool) -> None:
    """Raise when results can not go there: it is a file, or holds a calibration.

    Raises
    ------
    FileExistsError
        Which.
    """
    if out.exists() and not out.is_dir():
        raise FileExistsError(f"{out} is a file; name a folder for the calibration")
    there = [name for name in (ANIPOSE, "report.json") if (out / name).exists()]
    if there and not overwrite:
        raise FileExistsError(
            f"{out} holds a calibration ({', '.join(there)}); name another folder, or overwrite it"
        )


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
        When there is no room; nothing is left behind then, and older files stay.
    """
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}-") as place:
        made = Path(place) / out.name
        with naming(out, within=made):
            cameras = world.frame.move(report.solution.cameras)
            made.mkdir()
            write_calibration(
                made, cameras, settings.formats, pixel_origin=PixelOrigin(settings.pixel_origin)
            )
            write_corners(made / CORNERS, corners_of(report.solution, world.frame))
            write_found(made / BOARDS, found, board)
            _write_settings(made / SETTINGS, settings)
            write_report(made, report, verdict, extra=_notes(settings, board, world))
            files = [path.relative_to(made) for path in made.rglob("*") if path.is_file()]
            if not out.exists():
                made.rename(out)
            else:
                for file in files:
                    (out / file.parent).mkdir(parents=True, exist_ok=True)
                    shutil.move(made / file, out / file)
    return tuple(out / file for file in sorted(files))


def _write_settings(path: Path, settings: CalibrateSettings) -> None:
    """Write what was asked for, for another time: that goes elsewhere, and replaces nothing."""
    given = settings.model_dump(
        mode="json", exclude_unset=True, exclude={"out", "overwrite", "found"}
    )
    path.write_text(yaml.safe_dump(given, sort_keys=False, allow_unicode=True), encoding="utf-8")


def _notes(settings: CalibrateSettings, board: Board, world: World) -> ReportNotes:
    """What the calibration was made from."""
    given = settings.model_dump(mode="json", exclude_unset=True, exclude={"source", "board"})
    return ReportNotes(
        board=f"{describe(board)} ({settings.board.name})",
        source=str(settings.source),
        settings=tuple((name, str(value)) for name, value in given.items()),
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
