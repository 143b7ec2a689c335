"""How the events of a job are told."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn
from rich.progress import Progress as Bars

from napari_sdannce.settings.events import (
    CheckpointSaved,
    EpochDone,
    Event,
    JobDone,
    Message,
    Progress,
    TrainingStep,
)

Report = Callable[[Event], None]


@contextmanager
def _as_bars() -> Iterator[Report]:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[unit]}  {task.fields[note]}"),
    )
    with Bars(*columns, console=Console(stderr=True)) as bars:
        known: dict[str, TaskID] = {}

        def advance(name: str, done: int, total: int, unit: str, note: str) -> None:
            if name not in known:
                known[name] = bars.add_task(name, unit=unit, note=note)
            bars.update(known[name], completed=done, total=total, unit=unit, note=note)

        left = ""

        def report(event: Event) -> None:
            nonlocal left
            if isinstance(event, Progress):
                note = remaining(event.seconds_left)
                advance(event.task, event.done, event.total, event.unit, note)
            elif isinstance(event, TrainingStep):
                note = f"loss {event.loss:.4g}  {left}"
                advance("train", event.step, event.total, "steps", note)
            else:
                if isinstance(event, EpochDone):
                    left = remaining(event.seconds_left)
                line = in_words(event)
                if line:
                    bars.console.print(line, markup=False, highlight=False, soft_wrap=True)

        yield report


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


def reporter(way: str) -> AbstractContextManager[Report]:
    """What tells events: as a ``bar``, as ``json`` lines, or ``none`` (warnings only)."""
    return _REPORTERS[way]()


def show(events: Iterator[Event], way: str) -> None:
    """Run a job and tell its events."""
    with reporter(way) as report:
        for event in events:
            report(event)


def in_words(event: Event) -> str:
    """One line for a person; empty for events that a bar shows."""
    if isinstance(event, Message):
        return f"warning: {event.text}" if event.level == "warning" else event.text
    if isinstance(event, EpochDone):
        numbers = "  ".join(f"{name} {value:.4g}" for name, value in event.metrics.items())
        return f"epoch {event.epoch}/{event.total}  {numbers}"
    if isinstance(event, CheckpointSaved):
        return f"best so far: {event.path}"
    if isinstance(event, JobDone):
        return "\n".join([f"done in {duration(event.seconds)}", *event.outputs])
    return ""


def remaining(seconds: float | None) -> str:
    """How long something still takes, in words."""
    return "" if seconds is None else f"{duration(seconds)} left"


def duration(seconds: float) -> str:
    """Seconds as hours, minutes and seconds."""
    whole = round(seconds)
    hours, minutes = whole // 3600, whole // 60 % 60
    if hours:
        return f"{hours} h {minutes:02} min"
    return f"{minutes} min {whole % 60:02} s" if minutes else f"{whole} s"
