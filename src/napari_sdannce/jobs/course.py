"""How a job went so far: what is drawn of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from napari_sdannce.jobs.words import in_words
from napari_sdannce.settings.events import (
    BoardCoverage,
    CheckpointSaved,
    EpochDone,
    JobDone,
    JobFailed,
    JobStopped,
    Progress,
    TrainingStep,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from napari_sdannce.settings.events import Event


@dataclass(frozen=True)
class Curve:
    """Values over training steps."""

    steps: list[float] = field(default_factory=list)
    values: list[float] = field(default_factory=list)

    def add(self, step: float, value: float) -> None:
        """Append a value; what came after a job that goes on from earlier did not happen."""
        while self.steps and self.steps[-1] >= step:
            self.steps.pop()
            self.values.pop()
        self.steps.append(step)
        self.values.append(value)


@dataclass
class Course:
    """Everything a job told, folded together event by event.

    Parameters
    ----------
    task, done, total, unit
        What it is doing and how far that is.
    seconds_left
        As it estimates; None: not known.
    losses
        Loss of single steps.
    curves
        What each epoch measured, by name, e.g. ``val_L1Loss``.
    lines
        What it said, in words.
    best
        Checkpoint with the smallest validation error.
    coverage
        Where a board was found so far.
    end
        How it ended, once it has.
    """

    task: str = ""
    done: int = 0
    total: int = 0
    unit: str = ""
    seconds_left: float | None = None
    epoch: int = 0
    epochs: int = 0
    losses: Curve = field(default_factory=Curve)
    curves: dict[str, Curve] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)
    best: str | None = None
    coverage: BoardCoverage | None = None
    end: JobDone | JobStopped | JobFailed | None = None

    def add(self, events: Iterable[Event]) -> None:
        """Take in events, in the order they came."""
        for event in events:
            self._add(event)

    def _add(self, event: Event) -> None:
        if isinstance(event, Progress):
            self.task, self.unit = event.task, event.unit
            self.done, self.total, self.seconds_left = event.done, event.total, event.seconds_left
        elif isinstance(event, TrainingStep):
            self.task, self.unit = "train", "steps"
            self.done, self.total, self.seconds_left = event.step, event.total, event.seconds_left
            self.losses.add(event.step, event.loss)
        elif isinstance(event, EpochDone):
            self._add_epoch(event)
        elif isinstance(event, CheckpointSaved):
            self.best = event.path
        elif isinstance(event, BoardCoverage):
            self.coverage = event
        elif isinstance(event, JobDone | JobStopped | JobFailed):
            self.end, self.seconds_left = event, None
        if not isinstance(event, CheckpointSaved):
            self.lines += in_words(event).splitlines()

    def _add_epoch(self, event: EpochDone) -> None:
        self.epoch, self.epochs = event.epoch, event.total
        for name, value in event.metrics.items():
            self.curves.setdefault(name, Curve()).add(self.done, value)

    @property
    def warnings(self) -> list[str]:
        """What it warned of."""
        return [line for line in self.lines if line.startswith("warning: ")]

    @property
    def error(self) -> tuple[str, float] | None:
        """Name and last value of the validation error; None before it was measured."""
        for name, curve in self.curves.items():
            if name.startswith("val_") and not is_loss(name):
                return name.removeprefix("val_"), curve.values[-1]
        return None


def is_loss(name: str) -> bool:
    """Whether a metric is a loss (else it is an error)."""
    return "loss" in name.lower()
