"""What long jobs say while they run: small frozen values, one class an event.

Training and inference are generators of these. The command line prints them, as a progress bar or
as one JSON object a line; panels draw them.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict


class Event(BaseModel):
    """Anything a job reports."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    event: str


class Message(Event):
    """A sentence for the person who waits."""

    event: Literal["message"] = "message"
    level: Literal["info", "warning"] = "info"
    text: str


class Progress(Event):
    """`done` of `total` pieces of work."""

    event: Literal["progress"] = "progress"
    task: str
    done: int
    total: int
    unit: str = "frames"
    seconds_left: float | None = None


class TrainingStep(Event):
    """One optimiser step."""

    event: Literal["step"] = "step"
    step: int
    total: int
    loss: float
    seconds_left: float | None = None


class EpochDone(Event):
    """One pass over the training examples, with what was measured.

    Metrics are keyed by their name, e.g. ``train_L1Loss`` or ``val_error_mm``.
    """

    event: Literal["epoch"] = "epoch"
    epoch: int
    total: int
    metrics: dict[str, float]
    seconds_left: float | None = None


class CheckpointSaved(Event):
    """Weights were written."""

    event: Literal["checkpoint"] = "checkpoint"
    path: str


class BoardCoverage(Event):
    """Where a board was found so far.

    `cells` are corners found in each camera's image, row by row of `CELLS` x `CELLS` cells;
    `shared` are moments that cameras share, a row a camera, on the diagonal how often each saw it.
    `tilts` are degrees by which each camera saw it tilted, and `depths` how many times as far from
    it as near; both as far as images tell without knowing the lens.
    """

    event: Literal["coverage"] = "coverage"
    cameras: tuple[str, ...]
    cells: tuple[tuple[int, ...], ...]
    shared: tuple[tuple[int, ...], ...]
    tilts: tuple[float, ...]
    depths: tuple[float, ...]


class JobDone(Event):
    """The job ended well; `outputs` are the files and folders it made."""

    event: Literal["done"] = "done"
    seconds: float
    outputs: tuple[str, ...] = ()


class JobStopped(Event):
    """A person stopped the job; `text` says what is left of it."""

    event: Literal["stopped"] = "stopped"
    text: str


class JobFailed(Event):
    """The job could not go on; `text` says why."""

    event: Literal["failed"] = "failed"
    text: str
