"""How the events of a job are told."""

from __future__ import annotations

import sys
from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager, closing, contextmanager

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn
from rich.progress import Progress as Bars

from napari_sdannce.cli.noting import Stopped, noted
from napari_sdannce.jobs.words import in_words, remaining
from napari_sdannce.settings.events import Event, JobDone, Message, Progress, TrainingStep

Report = Callable[[Event], None]


class _Told:
    """Tells events on a terminal: bars at the bottom, sentences above them."""

    def __init__(self) -> None:
        self.console = Console(stderr=True)
        self.bars: Bars | None = None
        self.known: dict[str, TaskID] = {}

    def report(self, event: Event) -> None:
        if isinstance(event, Progress):
            note = remaining(event.seconds_left)
            self.advance(event.task, event.done, event.total, event.unit, note)
        elif isinstance(event, TrainingStep):
            note = f"loss {event.loss:.4g}  {remaining(event.seconds_left)}"
            self.advance("train", event.step, event.total, "steps", note)
        else:
            self.say(event)

    def advance(self, task: str, done: int, total: int, unit: str, note: str) -> None:
        if self.bars is None:
            columns = (
                TextColumn("{task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                TextColumn("{task.fields[unit]}  {task.fields[note]}"),
            )
            self.bars = Bars(*columns, console=self.console)
            self.bars.start()
        if task not in self.known:
            self.known[task] = self.bars.add_task(task, unit=unit, note=note)
        self.bars.update(self.known[task], completed=done, total=total, unit=unit, note=note)

    def say(self, event: Event) -> None:
        if isinstance(event, JobDone):
            self.stop()
        line = in_words(event)
        if line:
            self.console.print(line, markup=False, highlight=False, soft_wrap=True)

    def stop(self) -> None:
        """Leave the bars as they stand; the next progress begins new ones."""
        if self.bars is not None:
            self.bars.stop()
        self.bars, self.known = None, {}


@contextmanager
def _as_bars() -> Iterator[Report]:
    told = _Told()
    try:
        yield told.report
    finally:
        told.stop()


@contextmanager
def _as_json() -> Iterator[Report]:
    def report(event: Event) -> None:
        sys.stdout.write(event.model_dump_json() + "\n")
        sys.stdout.flush()

    yield report


@contextmanager
def _as_nothing() -> Iterator[Report]:
    def report(event: Event) -> None:
        if isinstance(event, Message) and event.level == "warning":
            click.echo(in_words(event), err=True)

    yield report


_REPORTERS: dict[str, Callable[[], AbstractContextManager[Report]]] = {
    "bar": _as_bars,
    "json": _as_json,
    "none": _as_nothing,
}
WAYS = tuple(_REPORTERS)


@contextmanager
def reporter(way: str) -> Iterator[Report]:
    """What tells events: as a ``bar``, as ``json`` lines, or ``none`` (warnings only).

    A command with ``--events`` notes them in its file, too.
    """
    with _REPORTERS[way]() as report:

        def both(event: Event) -> None:
            noted(event)
            report(event)

        yield both


def show(events: Generator[Event, None, None], way: str, *, if_stopped: str) -> None:
    """Run a job and tell its events.

    Parameters
    ----------
    events
        The job.
    way
        How they are told, see `reporter`.
    if_stopped
        What a person who stops it should know.
    """
    try:
        with reporter(way) as report, closing(events):
            for event in events:
                report(event)
    except KeyboardInterrupt as error:
        raise Stopped(if_stopped) from error
