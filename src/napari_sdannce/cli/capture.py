"""``sdannce capture``: recording from the command line."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from napari_sdannce.cli.default_command import DefaultGroup
from napari_sdannce.cli.noting import stopping_on_sigterm
from napari_sdannce.cli.options import add_options, given_options, merged, options_of
from napari_sdannce.settings.capture import CaptureSettings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from napari_sdannce.capture.recorder_process.session import Session
    from napari_sdannce.cli.capture_progress import Silence

PROGRESS = ("line", "json", "none")
_LOOK_S = 0.5
FOLDER = click.Path(path_type=Path, exists=True, file_okay=False, resolve_path=True)


@click.group(cls=DefaultGroup, default="run")
def capture() -> None:
    """Record with several cameras.

    `sdannce capture CONFIG.yaml` records what a configuration says: one of this program, or one of
    Campy. `sdannce capture new` writes one for the cameras that are there.
    """


@capture.command()
@click.argument("config", type=click.Path(path_type=Path))
@add_options(
    option
    for option in options_of(CaptureSettings, without=("cameras", "board"))
    if option.path != ("encoding", "options")  # several names and values are for a file
)
@click.option(
    "--self-test", is_flag=True, help="Record 10 s, judge each camera, and keep nothing of it."
)
@click.option(
    "--progress",
    type=click.Choice(PROGRESS),
    default="line",
    help="How progress is told: a line, one JSON object a line, or not at all. [line]",
)
def run(config: Path, self_test: bool, progress: str, **given: Any) -> None:
    """Record until the time is over, or Ctrl-C is pressed.

    The exit code is 0 when every frame is there, 1 when some are missing or it ended by itself
    before its time (what is there is whole), 2 when it could not begin.
    """
    from napari_sdannce.capture.configuration import read_configuration
    from napari_sdannce.files.reference_ignored import told

    configuration = read_configuration(config, merged({}, given_options(given)))
    for text in told(configuration.ignored):
        click.echo(f"warning: {text}", err=True)
    with stopping_on_sigterm():
        if self_test:
            _test(configuration.settings)
        else:
            _record(configuration.settings, progress)


@capture.command()
@click.argument("file", type=click.Path(path_type=Path), default=Path("capture.yaml"))
@click.option("--fps", type=float, default=30.0, help="Frames a second. [30]")
@click.option("--kind", "kinds", multiple=True, help="Only cameras of this kind (back_end).")
def new(file: Path, fps: float, kinds: tuple[str, ...]) -> None:
    """Write a configuration of the cameras there are.

    It goes to FILE [capture.yaml], to be edited.
    """
    from napari_sdannce.capture.configuration import new_configuration, write_configuration
    from napari_sdannce.capture.find_cameras import find_cameras

    found = [
        camera
        for camera in find_cameras().cameras
        if camera.back_end in kinds or (not kinds and camera.back_end != "synthetic")
    ]
    if not found:
        raise ValueError("no cameras were found; `sdannce cameras` tells of each kind")
    write_configuration(file, new_configuration(found, Path("recording"), fps))
    click.echo(f"{file}: {len(found)} cameras; edit it, then: sdannce capture {file} --self-test")


@capture.command()
@click.argument("folder", type=FOLDER)
def finish(folder: Path) -> None:
    """Finish a recording whose program was killed.

    Sync, times and Campy's files are made of its videos and frame times.
    """
    from napari_sdannce.capture.recorder.finishing import finish_recording
    from napari_sdannce.capture.recorder.words import summary
    from napari_sdannce.capture.recording_file import read_recording_file

    if read_recording_file(folder).is_finished:
        raise ValueError(f"{folder}: this recording is finished already")
    _refuse_if_it_runs(folder)
    for line in summary(finish_recording(folder), folder):
        click.echo(line)


@capture.command()
@click.argument("folder", type=FOLDER)
@click.option(
    "--least-cameras",
    type=click.IntRange(1),
    help="A moment counts when so many cameras have a frame of it. [all]",
)
@click.option(
    "--missing",
    type=click.Choice(["mark", "nearest"]),
    default="mark",
    help="What stands for a frame that a camera lacks: nothing, or the nearest it has. [mark]",
)
@click.option(
    "--most-skew-ms", type=click.FloatRange(0), help="Leave out moments of frames farther apart."
)
def sync(folder: Path, least_cameras: int | None, missing: Any, most_skew_ms: float | None) -> None:
    """Say anew which frames belong together.

    By other rules; the videos stay as they are.
    """
    from napari_sdannce.capture.recorder.resync import resync
    from napari_sdannce.capture.recorder.words import sync_lines

    _refuse_if_it_runs(folder)
    for line in sync_lines(resync(folder, least_cameras, missing, most_skew_ms)):
        click.echo(line)


@capture.command()
def status() -> None:
    """List the recorders that run on this computer.

    Those of panels are among them.
    """
    from napari_sdannce.capture.recorder.words import status_line
    from napari_sdannce.capture.recorder_process.client import RecorderGoneError, RemoteRecorder
    from napari_sdannce.capture.recorder_process.notes import running_recorders

    notes = running_recorders()
    for note in notes:
        try:
            with RemoteRecorder(note) as recorder:
                click.echo(f"{note.pid}  {status_line(recorder.status().now)}")
        except RecorderGoneError as error:
            click.echo(f"{note.pid}  {error}")
    if not notes:
        click.echo("no recorder runs")


@capture.command()
@click.argument("pid", type=int, required=False)
def stop(pid: int | None) -> None:
    """End a recording, wherever it was started.

    PID is as `status` lists it; it may be left out where only one recorder runs.
    """
    from napari_sdannce.capture.recorder_process.client import RemoteRecorder
    from napari_sdannce.capture.recorder_process.notes import running_recorders

    notes = [note for note in running_recorders() if pid in (None, note.pid)]
    if len(notes) != 1:
        there = ", ".join(str(note.pid) for note in running_recorders()) or "none"
        raise ValueError(f"name one recorder; those that run: {there}")
    with RemoteRecorder(notes[0]) as recorder:
        recorder.stop("`sdannce capture stop`")
    click.echo(f"{notes[0].pid}: asked to end; it finishes its files")


def _refuse_if_it_runs(folder: Path) -> None:
    """Raise when a recorder still writes to a folder."""
    from napari_sdannce.capture.recorder_process.client import RecorderGoneError, RemoteRecorder
    from napari_sdannce.capture.recorder_process.notes import running_recorders

    for note in running_recorders():
        try:
            with RemoteRecorder(note) as recorder:
                now = recorder.status().now
        except RecorderGoneError:
            continue
        if now.folder is not None and now.folder.resolve() == folder:
            raise ValueError(f"{folder}: recorder {note.pid} still records into it")


def _test(settings: CaptureSettings) -> None:
    from napari_sdannce.capture.recorder.rig import Rig
    from napari_sdannce.capture.recorder.self_test import SECONDS, self_test
    from napari_sdannce.capture.recorder.words import self_test_lines

    click.echo(f"recording for {SECONDS:g} s ...", err=True)
    with Rig(settings) as rig:
        found = self_test(rig, settings, SECONDS)
    for line in self_test_lines(found):
        click.echo(line)
    if not found.passed:
        raise click.exceptions.Exit(1)


def _record(settings: CaptureSettings, progress: str) -> None:
    from napari_sdannce.capture.recorder.words import summary
    from napari_sdannce.capture.recording_file import read_recording_file

    with _serving() as session:
        session.record(settings)
        teller = _teller(progress)
        try:
            while not session.join(_LOOK_S):
                teller.tell(session.status().now)
        except KeyboardInterrupt:
            session.stop("it was stopped at the terminal")
            teller.finishing()
            session.join()
        done = session.status()
        last = done.last
        assert last is not None
        teller.done(last)
    if done.failure:
        raise ValueError(f"{last.folder}: the recording is there, but not finished: {done.failure}")
    assert last.folder is not None
    recording = read_recording_file(last.folder)
    for line in summary(recording, last.folder):
        click.echo(line)
    if last.ended_badly or not all(check.passed for check in recording.checks):
        raise click.exceptions.Exit(1)


def _teller(progress: str) -> Silence:
    from napari_sdannce.cli.capture_progress import Json, Line, Silence

    return {"line": Line, "json": Json, "none": Silence}[progress]()


@contextmanager
def _serving() -> Iterator[Session]:
    """A session to which panels can connect."""
    from napari_sdannce.capture.recorder_process.serving import Server
    from napari_sdannce.capture.recorder_process.session import Session

    session = Session()
    server = Server(session)
    try:
        yield session
    finally:
        session.close()
        server.close()
