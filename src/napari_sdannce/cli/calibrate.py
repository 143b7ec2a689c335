"""``sdannce calibrate``: cameras from recordings of a board."""

from __future__ import annotations

import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from napari_sdannce.cli.default_command import DefaultGroup
from napari_sdannce.cli.errors import in_one_line
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
from napari_sdannce.cli.progress import WAYS, reporter, show
from napari_sdannce.settings.calibrate import CalibrateSettings

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from napari_sdannce.calibration.drift.repair import Repair

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
@click.argument("recordings", type=click.Path(path_type=Path), nargs=-1, required=True)
@click.option(
    "--points",
    type=click.Path(path_type=Path),
    multiple=True,
    help="Label file, or 2D keypoints of a tracker (.npz, or a .csv or .h5 a camera); may be "
    "given several times. [the label files of the recording]",
)
def check(recordings: tuple[Path, ...], points: tuple[Path, ...]) -> None:
    """Tell whether cameras have moved since they were calibrated.

    By keypoints of animals that several cameras see in each of RECORDINGS. A push is told from
    careless points by whether it mends points in another part of the volume, too; a few keypoints
    of an animal that hardly moves do not tell. Of several recordings, each gets a line. The exit
    code is 1 when a camera has moved, or is another one, else 2 when of a recording nothing can be
    told, else 0.
    """
    if len(recordings) == 1:
        _check_one(recordings[0], points)
        return
    if points:
        raise click.UsageError("--points are those of one RECORDING; name one")
    codes = [_check_in_a_line(recording) for recording in recordings]
    sys.exit(1 if 1 in codes else max(codes))


def _check_one(recording: Path, points: tuple[Path, ...]) -> None:
    """Tell of each camera; exit with 1 when one has moved, or is another one."""
    from napari_sdannce.calibration.drift.check_recording import (
        UNLIKE,
        check_recording,
        drift_in_words,
    )
    from napari_sdannce.files import open_recording

    drifts = check_recording(open_recording(recording), points)
    for each in drifts:
        click.echo(f"{each.name}: {drift_in_words(each)}")
    if not all(each.is_like for each in drifts):
        click.echo(UNLIKE, err=True)
        sys.exit(1)
    if any(each.moved for each in drifts):
        click.echo(
            f"mend it by `sdannce calibrate repair {recording} --out FILE.toml`, or record the "
            "board again",
            err=True,
        )
        sys.exit(1)


def _check_in_a_line(recording: Path) -> int:
    """Tell of a recording; 1 when a camera has moved, or is another, 2 when it can not be told."""
    from napari_sdannce.calibration.drift.check_recording import check_recording, drifts_in_a_line
    from napari_sdannce.files import open_recording

    try:
        drifts = check_recording(open_recording(recording))
    except (ValueError, OSError) as error:
        line = in_one_line(error)
        if line is None:
            raise
        click.echo(f"{recording}: NOT TOLD: {line}")
        return 2
    click.echo(f"{recording}: {drifts_in_a_line(drifts)}")
    return int(any(each.moved or not each.is_like for each in drifts))


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
    """Place cameras of RECORDING anew that have moved; their lenses stay, and the other cameras.

    By keypoints of animals that two or more cameras see which have not moved; or by a short clip of
    a board, which needs one such camera that is named, or more than half that are found.
    """
    from napari_sdannce.calibration.drift.mend import mend_by_clip, mend_by_points
    from napari_sdannce.files import open_recording
    from napari_sdannce.files.anipose import write_anipose

    if (clip is None) != (board is None):
        raise click.UsageError("--clip needs --board, and --board needs --clip")
    if clip is not None and points:
        raise click.UsageError("cameras are placed by --points or by --clip, not by both")
    _check_out(out, overwrite=overwrite)
    opened = open_recording(recording)
    if clip is not None and board is not None:
        with reporter("bar") as tell:
            mended = mend_by_clip(opened, clip, board, moved, tell)
    else:
        mended = mend_by_points(opened, points, moved)
    _tell(mended)
    click.echo(str(write_anipose(out, mended.cameras, overwrite=overwrite)))


def _check_out(out: Path, *, overwrite: bool) -> None:
    """Raise when cameras can not be written there."""
    from napari_sdannce.files.writing import check_goal

    if out.suffix.lower() != ".toml":
        raise ValueError(f"--out: {out} is to be a .toml file, in aniposelib's layout")
    check_goal(out, overwrite=overwrite)


def _tell(mended: Repair) -> None:
    """Say which cameras have moved, and how far off each was and is."""
    for camera, shift, before, after, sigma in zip(
        mended.cameras, mended.shift_px, mended.before_px, mended.after_px, mended.sigma_mm,
        strict=True,
    ):  # fmt: skip
        says = "stays as it is"
        if camera.name in mended.moved:
            says = f"HAS MOVED, by {shift[0]:+.1f}, {shift[1]:+.1f} px"
        off = f"{before:.2f} px off before, {after:.2f} px now"
        if math.isnan(before):
            off = "it sees none of the points"
        known = "" if math.isnan(sigma) else f"; its place is known to ±{sigma:.1f} mm"
        click.echo(f"{camera.name}: {says} ({off}{known})")
