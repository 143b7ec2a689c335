"""``sdannce board``: boards to calibrate with, described and printed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from napari_sdannce.cli.default_command import DefaultGroup

if TYPE_CHECKING:
    from napari_sdannce.calibration.boards.board_kinds import CharucoBoard, Checkerboard

_MARKERS = {"dictionary": "DICT_4X4_100"}
FILE = click.Path(path_type=Path, dir_okay=False)


@click.group(cls=DefaultGroup, default="print")
def board() -> None:
    """Describe and print a calibration board.

    `sdannce board new BOARD.toml` writes the file of a ChArUco board; `sdannce board BOARD.toml`
    prints it at its true size, as PDF and SVG. Have it printed at 100 %, glue it to something flat,
    measure its squares and put what you measured into the file.
    """


@board.command("print")
@click.argument("file", type=FILE)
@click.option(
    "--out",
    type=FILE,
    multiple=True,
    help="File to write, .pdf or .svg; may be given several times. [both, beside FILE]",
)
@click.option("--page", default="a4", help="a4, a3, letter ..., or board: as large as it is. [a4]")
@click.option("--overwrite", is_flag=True, help="Replace files that are there.")
def print_(file: Path, out: tuple[Path, ...], page: str, overwrite: bool) -> None:
    """Print a board at its true size, with a ruler to check that the printer did so.

    FILE says which: keys of this program, of Anipose, caliscope or sleap-anipose.
    """
    from napari_sdannce.calibration.boards.board_file import read_board
    from napari_sdannce.calibration.boards.print_board import print_board
    from napari_sdannce.files.writing import check_free

    found = read_board(file)
    click.echo(f"{found}", err=True)
    goals = out or (file.with_suffix(".pdf"), file.with_suffix(".svg"))
    for goal in () if overwrite else goals:
        check_free(goal)
    for goal in goals:
        for path in print_board(goal, found.board, page=page, overwrite=overwrite):
            click.echo(str(path))


@board.command()
@click.argument("file", type=FILE, default=Path("board.toml"))
@click.option(
    "--kind",
    type=click.Choice(("charuco", "checkerboard")),
    default="charuco",
    help="charuco: every corner has a number, so that parts are enough. [charuco]",
)
@click.option("--across", type=int, help="Squares in a row; of a checkerboard: inner corners. [8]")
@click.option("--down", type=int, help="Rows of them. [11; of a checkerboard: 5]")
@click.option("--square-mm", type=float, default=20.0, help="Edge of a square, mm. [20]")
@click.option("--marker-mm", type=float, help="Edge of a marker, mm. [three quarters of a square]")
@click.option("--dictionary", help="Markers. [DICT_4X4_100]")
@click.option("--inverted", is_flag=True, default=None, help="White on black.")
@click.option(
    "--two-sided", is_flag=True, default=None, help="With the mirrored pattern on its back."
)
@click.option("--thickness-mm", type=float, help="From front to back, mm. [0]")
@click.option("--overwrite", is_flag=True, help="Replace a file that is there.")
def new(file: Path, overwrite: bool, **given: Any) -> None:
    """Write the file of a board.

    It goes to FILE [board.toml].
    """
    from napari_sdannce.calibration.boards.board_file import (
        board_of,
        board_toml,
        read_board,
        write_board,
    )

    made = _board(**given)
    board_of(board_toml(made))  # or say what is wrong with it
    write_board(file, made, overwrite=overwrite)
    click.echo(str(read_board(file)))


def _board(
    kind: str, across: int | None, down: int | None, square_mm: float, **markers: Any
) -> CharucoBoard | Checkerboard:  # fmt: skip
    from napari_sdannce.calibration.boards.board_kinds import CharucoBoard, Checkerboard

    given = {name: value for name, value in markers.items() if value is not None}
    across = 8 if across is None else across
    if kind == "checkerboard":
        if given:
            names = ", ".join(f"--{name.replace('_', '-')}" for name in given)
            raise click.UsageError(f"a checkerboard has no {names}: these are for charuco")
        return Checkerboard(across, 5 if down is None else down, square_mm)
    given.setdefault("marker_mm", 0.75 * square_mm)
    return CharucoBoard(across, 11 if down is None else down, square_mm, **_MARKERS | given)
