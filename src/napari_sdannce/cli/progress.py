"""How the events of a job are told."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn
from rich.progress import Progress as Bars

from napari_sdannce.cli.noting import Stopped, noted
from napari_sdannce.jobs.words import in_words, remaining
from napari_sdannce.settings.events import Event, JobDone, Message, Progress, TrainingStep

Report = Callable[[Event], None]

_QUIET_SECONDS = 15.0


@dataclass(frozen=True)
class _Stand:
    """How far a task is."""

    task: str
    done: int
    total: int
    unit: str
    note: str

    @classmethod
    def of(cls, event: Progress | TrainingStep) -> _Stand:
        left = remaining(event.seconds_left)
        if isinstance(event, Progress):
            return cls(event.task, event.done, event.total, event.unit, left)
        return cls("train", event.step, event.total, "steps", f"loss {event.loss:.4g}  {left}")


class Lines:
    """Tells events where there is no terminal: how far it is, in a line now and then.

    Parameters
    ----------
    write
        Takes a line.
    clock
        Seconds, rising.
    """

    def __init__(
        self, write: Callable[[str], None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._write = write
        self._clock = clock
        self._quiet_until: dict[str, float] = {}

    def report(self, event: Event) -> None:
        """Tell an event."""
        if not isinstance(event, Progress | TrainingStep):
            line = in_words(event)
            if line:
                self._write(line)
            return
        stand, now = _Stand.of(event), self._clock()
        if stand.done < stand.total and now < self._quiet_until.get(stand.task, 0.0):
            return
        self._quiet_until[stand.task] = now + _QUIET_SECONDS
        self._write(f"{stand.task} {stand.done}/{stand.total} {stand.unit}  {stand.note}".rstrip())


class _Told:
    """Tells events on a terminal: bars at the bottom, sentences above them."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.bars: Bars | None = None
        self.known: dict[str, TaskID] = {}

    def report(self, event: Event) -> None:
        if isinstance(event, Progress | TrainingStep):
            self.advance(_Stand.of(event))
        else:
            self.say(event)

    def advance(self, stand: _Stand) -> None:
        if self.bars is None:
            columns = (
                TextColumn("{task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                TextColumn("{task.fields[unit]}  {task.fields[note]}"),
            )
            self.bars = Bars(*columns, console=self.console)
            self.bars.start()
        if stand.task not in self.known:
            added = self.bars.add_task(stand.task, unit=stand.unit, note=stand.note)
            self.known[stand.task] = added
        self.bars.update(
            self.known[stand.task],
            completed=stand.done,
            total=stand.total,
            unit=stand.unit,
            note=stand.note,
        )

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
    console = Console(stderr=True)
    if not console.is_terminal:
        yield Lines(lambda line: click.echo(line, err=True)).report
        return
    told = _Told(console)
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

    Without a terminal, as in the log of a cluster, a bar is a line now and then.

    A command with ``--events`` notes them in its file, too.
    """
    with _REPORTERS[way]() as report:

        def both(event: Event) -> None:
            noted(event)
            report(event)

        yield both


def show(
    events: Generator[Event, None, None], way: str, *, if_stopped: str, if_nothing: str = ""
) -> None:
    """Run a job and tell its events.

    Parameters
    ----------
    events
        The job.
    way
        How they are told, see `reporter`.
    if_stopped
        What a person who stops it should know.
    if_nothing
        The same of a training that has not made a step.
    """
    has_begun = not if_nothing
    try:
        with reporter(way) as report, closing(events):
            for event in events:
                has_begun = has_begun or isinstance(event, TrainingStep)
                report(event)
    except KeyboardInterrupt as error:
        raise Stopped(if_stopped if has_begun else if_nothing) from error
