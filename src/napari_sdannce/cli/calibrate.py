"""``sdannce calibrate``: cameras from recordings of a board."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from napari_sdannce.cli.default_command import DefaultGroup
from napari_sdannce.cli.noting import as_job
from napari_sdannce.cli.options import (
    OPTIONS,
    add_options,
    given_options,
    merged,
    options_of,
    validated,
)
from napari_sdannce.cli.progress import WAYS, show
from napari_sdannce.settings.calibrate import CalibrateSettings

if TYPE_CHECKING:
    from collections.abc import Mapping

STOPPED = "nothing was written"
YAML = (".yaml", ".yml")


@click.group(cls=DefaultGroup, default="run")
def calibrate() -> None:
    """Calibrate cameras from a recording of a board.

    `sdannce calibrate SOURCE --board BOARD.toml --out DIR` writes the cameras in the files of other
    programs, too, and a report that says what they are worth.
    """


@calibrate.command()
@click.argument("source", type=click.Path(path_type=Path))
@add_options(options_of(CalibrateSettings, without=("source",)))
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
