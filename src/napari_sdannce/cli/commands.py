"""The commands of ``sdannce``; each imports the heavy rooms it needs when it runs."""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any

import click

from napari_sdannce.cli.board import board
from napari_sdannce.cli.calibrate import calibrate
from napari_sdannce.cli.cameras import cameras
from napari_sdannce.cli.capture import capture
from napari_sdannce.cli.jobs import jobs
from napari_sdannce.cli.noting import as_job
from napari_sdannce.cli.options import (
    OPTIONS,
    add_options,
    given_options,
    merged,
    options_of,
    validated,
)
from napari_sdannce.cli.progress import WAYS, reporter, show
from napari_sdannce.cli.reference_options import add_aliases, in_words
from napari_sdannce.cli.render import render
from napari_sdannce.cli.sources import predict_settings, train_settings
from napari_sdannce.settings import (
    ComPredictSettings,
    ComTrainSettings,
    DanncePredictSettings,
    DannceTrainSettings,
    ExperimentSettings,
    PredictSettings,
    SdannceTrainSettings,
    TrainSettings,
)
from napari_sdannce.settings.import_2d import ImportSettings

PROGRESS = click.option(
    "--progress",
    type=click.Choice(WAYS),
    default="bar",
    help="How progress is told: a bar, one JSON object a line, or not at all. [bar]",
)
SOURCES_HELP = """SOURCE is an experiment folder, a YAML file of these settings, or a configuration
of the reference program. What an option says wins over the file."""

TRAINING_STOPPED = (
    "what it learned is in the checkpoint 'last' of its folder; 'sdannce train continue FOLDER' "
    "goes on from there"
)
NOTHING_LEARNED = "it had not begun to learn, and left nothing behind"
PREDICTION_STOPPED = "the same command goes on where it was"


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(version("napari-sdannce"), prog_name="sdannce")
def cli() -> None:
    """From several cameras to 3D poses of interacting animals."""


cli.add_command(board)
cli.add_command(calibrate)
cli.add_command(cameras)
cli.add_command(capture)
cli.add_command(jobs)
cli.add_command(render)


@cli.group()
def train() -> None:
    """Train a network on labelled recordings."""


@cli.group()
def predict() -> None:
    """Predict over a recording."""


def _add_training(name: str, model: type[TrainSettings], job: str, about: str) -> None:
    """Add ``sdannce train <name>``, whose options are the settings of `model`."""

    @train.command(name, epilog=f"{SOURCES_HELP}\n\n{in_words(model)}", help=about)
    @click.argument("sources", nargs=-1, required=True, metavar="SOURCE...")
    @add_options(options_of(model, without=("experiments",)))
    @add_options(options_of(ExperimentSettings, without=("folder",)))
    @add_aliases(model)
    @PROGRESS
    @as_job
    def run(sources: tuple[str, ...], progress: str, **given: Any) -> None:
        settings = train_settings(model, sources, given, progress)
        teach = getattr(import_module("napari_sdannce.training"), job)
        show(teach(settings), progress, if_stopped=TRAINING_STOPPED, if_nothing=NOTHING_LEARNED)


def _add_prediction(name: str, model: type[PredictSettings], job: str, about: str) -> None:
    """Add ``sdannce predict <name>``, whose options are the settings of `model`."""

    @predict.command(name, epilog=f"{SOURCES_HELP}\n\n{in_words(model)}", help=about)
    @click.argument("source")
    @add_options(options_of(model, without=("experiment",)))
    @add_aliases(model)
    @PROGRESS
    @as_job
    def run(source: str, progress: str, **given: Any) -> None:
        settings = predict_settings(model, source, given, progress)
        rooms = import_module("napari_sdannce.inference")
        recording = rooms.open_to_predict(settings)
        show(getattr(rooms, job)(recording, settings), progress, if_stopped=PREDICTION_STOPPED)


_add_training(
    "com", ComTrainSettings, "train_com", "Train the network that finds each animal's COM."
)
_add_training(
    "dannce",
    DannceTrainSettings,
    "train_dannce",
    "Train the network that finds keypoints in a cube of voxels round each animal.",
)
_add_training(
    "sdannce",
    SdannceTrainSettings,
    "train_dannce",
    "Train the network that refines DANNCE's poses by a graph over the skeleton.",
)
_add_prediction(
    "com", ComPredictSettings, "predict_com", "Find each animal's centre of mass at every moment."
)
for _name in ("dannce", "sdannce"):
    _add_prediction(
        _name,
        DanncePredictSettings,
        "predict_dannce",
        "Find the keypoints of each animal at every moment (DANNCE and s-DANNCE: the checkpoint "
        "says which).",
    )


@train.command("continue")
@click.argument("run", type=click.Path(path_type=Path))
@click.option(
    "--epochs", type=click.IntRange(1), help="Passes over the examples in all; default: as before."
)
@click.option("--steps", type=click.IntRange(1), help="Optimiser steps in all; default: as before.")
@PROGRESS
@as_job
def continue_run(run: Path, epochs: int | None, steps: int | None, progress: str) -> None:
    """Go on with a training that was stopped or killed, exactly where it was.

    RUN is its folder. With more epochs or steps, one that ended goes on, too.
    """
    from napari_sdannce.training.resume import continue_training

    events = continue_training(run, epochs=epochs, steps=steps)
    show(events, progress, if_stopped=TRAINING_STOPPED)


@cli.command()
@click.argument("path", type=click.Path(path_type=Path))
def info(path: Path) -> None:
    """Tell what a folder or file is: cameras, frames, calibration, labels, problems."""
    from napari_sdannce.cli.describe import describe

    for line in describe(path):
        click.echo(line)


@cli.command("import")
@click.argument("recording", type=click.Path(path_type=Path))
@click.argument("sources", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--output", type=click.Path(path_type=Path), help="Label file to write.")
@click.option("--skeleton", help="Skeleton of the result: a built-in name or a file.")
@add_options(options_of(ImportSettings))
def import_points(
    recording: Path,
    sources: tuple[Path, ...],
    output: Path | None,
    skeleton: str | None,
    **given: Any,
) -> None:
    """Make a label file of 2D keypoints of other programs (SLEAP, DeepLabCut, .npz).

    RECORDING is the experiment folder; SOURCES are one .npz of all cameras, or one file a camera.
    """
    from napari_sdannce.files import open_recording, open_skeleton
    from napari_sdannce.files.dannce_labels import dannce_from_labels
    from napari_sdannce.files.dannce_mat import write_dannce
    from napari_sdannce.files.import_2d import import_points as read
    from napari_sdannce.files.registration import register_if_project

    if output is not None and output.suffix.lower() != ".mat":
        raise ValueError(f"--output: {output} is to be a MATLAB file, named *_dannce.mat")
    settings = validated(ImportSettings, merged({}, given_options(given)), OPTIONS)
    opened = open_recording(recording)
    labels = read(
        opened,
        sources[0] if len(sources) == 1 else sources,
        settings,
        skeleton=None if skeleton is None else open_skeleton(skeleton),
    )
    target = output or opened.folder / f"{opened.name}_dannce.mat"
    write_dannce(target, dannce_from_labels(target, labels, opened.cameras, opened.sync))
    problem = register_if_project(opened.folder, "labels", target)
    if problem is not None:
        click.echo(f"warning: {problem}", err=True)
    count = int(labels.any_3d.sum())
    click.echo(f"{target}: {count} frames with keypoints in 3D, {len(labels.animals)} animals")


@cli.command()
@click.option(
    "--headless", is_flag=True, help="Without a window: predict, measure, write a picture."
)
@click.option("--out", type=click.Path(path_type=Path), help="Folder for the results.")
@click.option("--frames", type=click.IntRange(min=1), help="Predict only the first frames.")
@PROGRESS
def demo(headless: bool, out: Path | None, frames: int | None, progress: str) -> None:
    """Predict the poses of the sample recording and show them beside the truth."""
    from napari_sdannce.demo_data import run_demo

    with reporter(progress) as report:
        run_demo(headless=headless, out=out, frames=frames, report=report)
