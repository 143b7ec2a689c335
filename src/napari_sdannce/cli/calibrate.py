"""``sdannce calibrate``: cameras from recordings of a board."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from napari_sdannce.cli.default_command import DefaultGroup
from napari_sdannce.cli.noting import as_job
from napari_sdannce.cli.options import (
    OPTIONS,
    Option,
    add_options,
    given_options,
    merged,
    options_of,
    validated,
)
from napari_sdannce.cli.progress import WAYS, show
from napari_sdannce.settings.calibrate import CalibrateSettings

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_FIRST = ("board", "out", "overwrite")
_SEARCHED = ("source", "found", "every", "most", "match")
"""What is about the search for boards."""
STOPPED = "nothing was written"
YAML = (".yaml", ".yml")


@click.group(cls=DefaultGroup, default="run")
def calibrate() -> None:
    """Calibrate cameras from a recording of a board.

    `sdannce calibrate SOURCE --board BOARD.toml --out DIR` writes the cameras in the files of other
    programs, too, and a report that says what they are worth. All its options: `sdannce calibrate
    run --help`.
    """


def _ordered(options: Iterator[Option]) -> Iterator[Option]:
    """Options in the order in which most people need them."""
    return iter(sorted(options, key=lambda option: option.name not in _FIRST))


@calibrate.command()
@click.argument("source", type=click.Path(path_type=Path))
@add_options(_ordered(options_of(CalibrateSettings, without=("source",))))
@click.option(
    "--progress",
    type=click.Choice(WAYS),
    default="bar",
    help="How progress is told: a bar, one JSON object a line, or not at all. [bar]",
)
@as_job
def run(source: Path, progress: str, **given: Any) -> None:
    """Calibrate the cameras of a recording.

    SOURCE is a folder with a video a camera, or with a folder of videos or of still images a
    camera; or a YAML file of these settings.
    """
    from napari_sdannce.calibration.calibrating import calibrate as job

    show(job(_settings(source, given)), progress, if_stopped=STOPPED)


@calibrate.command()
@click.argument("calibration", type=click.Path(path_type=Path))
@add_options(_ordered(options_of(CalibrateSettings, without=_SEARCHED)))
@as_job
def again(calibration: Path, **given: Any) -> None:
    """Calibrate again from the boards that were found, in seconds.

    CALIBRATION is the folder of an earlier calibration. No image is read; options say what is to be
    other than it was: the world, the lens, the size of the squares (in the file of the board).
    Results replace it with --overwrite, or go elsewhere with --out.
    """
    from napari_sdannce.calibration.calibrating import calibrate as job
    from napari_sdannce.calibration.results import SETTINGS

    folder = calibration.expanduser().absolute()
    given |= {"found": folder, "out": given["out"] or folder}
    show(job(_settings(folder / SETTINGS, given)), "bar", if_stopped=STOPPED)


def _settings(source: Path, given: Mapping[str, Any]) -> CalibrateSettings:
    """Settings of a file, or for a folder, with the options put over them; all paths absolute."""
    from napari_sdannce.files.settings_file import absolute_paths
    from napari_sdannce.files.yaml_file import read_yaml

    here, place = Path.cwd(), source.expanduser().absolute()
    if place.suffix.lower() in YAML and place.is_file():
        content = read_yaml(place, "a file of settings").content
        values, where = absolute_paths(content, place.parent), str(place)
    else:
        values, where = {"source": place}, OPTIONS
    options = {
        path: absolute_paths({path[-1]: value}, here)[path[-1]]
        for path, value in given_options(given).items()
    }
    return validated(CalibrateSettings, merged(values, options), where)


@calibrate.command()
@click.argument("recording", type=click.Path(path_type=Path))
@click.option(
    "--points",
    type=click.Path(path_type=Path),
    multiple=True,
    help="Label file, or 2D keypoints of a tracker (.npz, or a .csv or .h5 a camera); may be "
    "given several times. [the label files of the recording]",
)
def check(recording: Path, points: tuple[Path, ...]) -> None:
    """Tell whether cameras have moved since they were calibrated.

    By keypoints of animals that several cameras see in RECORDING. A push is told from careless
    points by whether it mends points in another part of the volume, too; a few keypoints of an
    animal that hardly moves do not tell. The exit code is 1 when a camera has moved.
    """
    from napari_sdannce.calibration.drift import check_drift
    from napari_sdannce.calibration.seen_points import seen_points
    from napari_sdannce.files import open_recording

    opened = open_recording(recording)
    drifts = check_drift(opened.cameras, seen_points(opened, points))
    for each in drifts:
        x, y = each.shift_px
        says = f"HAS MOVED, by {x:+.1f}, {y:+.1f} px" if each.moved else "has not moved"
        says = says if each.points else "shares no points with the others"
        click.echo(f"{each.name}: {says} ({each.median_px:.1f} px off at {each.points} points)")
    moved = [each.name for each in drifts if each.moved]
    if moved:
        click.echo(
            f"mend it by `sdannce calibrate repair {recording}`, or record the board again",
            err=True,
        )
        sys.exit(1)


@calibrate.command()
@click.argument("recording", type=click.Path(path_type=Path))
@click.option(
    "--out", type=click.Path(path_type=Path), required=True, help="File to write (.toml)."
)
@click.option(
    "--points",
    type=click.Path(path_type=Path),
    multiple=True,
    help="As for `check`. [the label files of the recording]",
)
@click.option(
    "--moved", multiple=True, help="Camera that has moved; may be given several times. [found out]"
)
@click.option(
    "--clip", type=click.Path(path_type=Path), help="Short recording of a board, instead of points."
)
@click.option("--board", type=click.Path(path_type=Path), help="File of that board (.toml).")
@click.option("--overwrite", is_flag=True, help="Replace a file that is there.")
def repair(
    recording: Path,
    out: Path,
    points: tuple[Path, ...],
    moved: tuple[str, ...],
    clip: Path | None,
    board: Path | None,
    overwrite: bool,
) -> None:
    """Place cameras of RECORDING anew; their lenses stay.

    By keypoints of animals that two or more cameras see which have not moved; or by a short clip of
    a board, which tells all cameras.
    """
    from napari_sdannce.calibration.mend import mend_by_clip, mend_by_points
    from napari_sdannce.files import open_recording
    from napari_sdannce.files.anipose import write_anipose

    opened = open_recording(recording)
    if (clip is None) != (board is None):
        raise click.UsageError("--clip needs --board, and --board needs --clip")
    if clip is not None and board is not None:
        mended = mend_by_clip(opened, clip, board)
    else:
        mended = mend_by_points(opened, points, moved)
    for camera, before, after in zip(
        mended.cameras, mended.before_px, mended.after_px, strict=True
    ):
        click.echo(f"{camera.name}: {before:.2f} px before, {after:.2f} px now")
    click.echo(str(write_anipose(out, mended.cameras, overwrite=overwrite)))
