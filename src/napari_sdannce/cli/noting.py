"""The option ``--events``: what a job says goes to a file, and how it ended."""

from __future__ import annotations

import functools
import signal
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from napari_sdannce.cli.errors import in_one_line
from napari_sdannce.settings.events import Event, JobFailed, JobStopped, Progress, TrainingStep

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_KEY = "napari_sdannce.events"
_QUIET_SECONDS = 0.2


class Stopped(click.ClickException):
    """A person stopped a job."""

    exit_code = 130

    def show(self, file: object = None) -> None:
        """Say so."""
        click.echo(f"stopped; {self.message}", err=True)


class EventFile:
    """Events as JSON lines, each written at once.

    Of steps and progress only a few a second are kept, and the last: there are millions in a long
    job.

    Parameters
    ----------
    path
        Lines are appended to it.
    clock
        Seconds, rising.
    """

    def __init__(self, path: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self._file = path.open("a", encoding="utf-8")
        self._clock = clock
        self._quiet_until = 0.0

    def note(self, event: Event) -> None:
        """Append an event."""
        if isinstance(event, Progress | TrainingStep):
            now = self._clock()
            if now < self._quiet_until and not _is_last(event):
                return
            self._quiet_until = now + _QUIET_SECONDS
        self._file.write(event.model_dump_json() + "\n")
        self._file.flush()

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()


def _is_last(event: Progress | TrainingStep) -> bool:
    done = event.done if isinstance(event, Progress) else event.step
    return done >= event.total


def noted(event: Event) -> None:
    """Note an event where the running command has a file for them."""
    context = click.get_current_context(silent=True)
    file = None if context is None else context.meta.get(_KEY)
    if file is not None:
        file.note(event)


def as_job(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the option ``--events``, and let SIGTERM end it as Ctrl-C does."""

    @functools.wraps(command)
    def run(*arguments: Any, events: Path | None, **given: Any) -> None:
        with stopping_on_sigterm(), _noting(events):
            command(*arguments, **given)

    return click.option(
        "--events",
        type=click.Path(path_type=Path, dir_okay=False),
        help="File to which progress is appended, one JSON object a line, with how it ended.",
    )(run)


@contextmanager
def _noting(path: Path | None) -> Iterator[None]:
    """Note the events of the running command in a file, and at last how it ended otherwise."""
    if path is None:
        yield
        return
    file = EventFile(path)
    click.get_current_context().meta[_KEY] = file
    try:
        yield
    except BaseException as error:
        file.note(_end(error))
        raise
    finally:
        file.close()


def _end(error: BaseException) -> Event:
    if isinstance(error, Stopped):
        return JobStopped(text=error.message)
    if isinstance(error, KeyboardInterrupt | click.Abort):
        return JobStopped(text="it had not begun")
    if isinstance(error, click.ClickException):
        return JobFailed(text=error.format_message())
    said = in_one_line(error) if isinstance(error, Exception) else None
    return JobFailed(text=said or f"a mistake of the program, {type(error).__name__}: {error}")


@contextmanager
def stopping_on_sigterm() -> Iterator[None]:
    """Let SIGTERM interrupt the block as Ctrl-C does; what is being saved is then not disturbed."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(number: int, frame: object) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
