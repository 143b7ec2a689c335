"""``sdannce render``: videos with what is known drawn over them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from napari_sdannce.cli.options import (
    OPTIONS,
    add_options,
    given_options,
    merged,
    options_of,
    validated,
)
from napari_sdannce.cli.place_paths import file_of
from napari_sdannce.cli.progress import WAYS, show
from napari_sdannce.settings.render import RenderSettings

STOPPED = "no video was written"
_OF_RECORDING = ("predictions", "labels", "com")


@click.command()
@click.argument("recording", type=click.Path(path_type=Path))
@add_options(options_of(RenderSettings))
@click.option(
    "--progress",
    type=click.Choice(WAYS),
    default="bar",
    help="How progress is told: a bar, one JSON object a line, or not at all. [bar]",
)
def render(recording: Path, progress: str, **given: Any) -> None:
    """Make a video of poses or labels drawn over every camera.

    RECORDING is the experiment folder.
    """
    from napari_sdannce.files import open_recording
    from napari_sdannce.overlay import render as job

    options = given_options(given)
    for name in _OF_RECORDING:
        if (name,) in options:
            options[(name,)] = file_of(name, options[(name,)], recording.absolute())
    settings = validated(RenderSettings, merged({}, options), OPTIONS)
    show(job(open_recording(recording), settings), progress, if_stopped=STOPPED)
