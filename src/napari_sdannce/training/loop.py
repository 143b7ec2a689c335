"""The training loop: the same for every network."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import torch

from napari_sdannce.models.devices import device_of, mixed_precision, shared_cores
from napari_sdannce.settings.events import CheckpointSaved, EpochDone, Event, TrainingStep

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Mapping
    from pathlib import Path

    from torch import Tensor
    from torch.optim import Optimizer
    from torch.optim.lr_scheduler import LRScheduler

    from napari_sdannce.models.checkpoint_info import CheckpointInfo
    from napari_sdannce.models.checkpoints import Network
    from napari_sdannce.settings.base import TrainSettings
    from napari_sdannce.training.run_folder import RunFolder

_ADAM_EPSILON = 1e-7  # as the reference program, whose learning rates then mean the same
_SMALLEST = 0.01
# half precision leaves out a step now and then, where the gradients overflow
_HOPELESS = 10


@dataclass(frozen=True, eq=False)
class Measured:
    """What one batch gave.

    Parameters
    ----------
    loss
        Scalar to minimise.
    errors
        (n,) distance of each labelled point from the truth.
    """

    loss: Tensor
    errors: Tensor


class Task(Protocol):
    """What a network learns: batches, their loss, and names for the numbers."""

    loss_name: str
    error_name: str

    @property
    def steps_per_epoch(self) -> int:
        """Batches of one pass over the training examples."""

    def train_batches(self, epoch: int) -> Iterator[Any]:
        """Batches of one pass over the training examples, drawn by seed and epoch alone."""

    def validation_batches(self) -> Iterator[Any]:
        """Batches of the validation examples."""

    def measure(self, network: Any, batch: Any) -> Measured:
        """Run the network on a batch."""


@dataclass
class _Mean:
    """Mean loss over batches and mean error over points."""

    losses: list[float] = field(default_factory=list)
    error_sum: float = 0.0
    n_errors: int = 0

    def add(self, measured: Measured) -> None:
        self.losses.append(float(measured.loss.detach()))
        self.error_sum += float(measured.errors.detach().sum())
        self.n_errors += len(measured.errors)

    def metrics(self, stage: str, task: Task) -> dict[str, float]:
        loss = sum(self.losses) / len(self.losses) if self.losses else math.nan
        error = self.error_sum / self.n_errors if self.n_errors else math.nan
        return {f"{stage}_{task.loss_name}": loss, f"{stage}_{task.error_name}": error}


@dataclass
class Fitting:
    """A training under way.

    Parameters
    ----------
    network, task, settings
        What learns what, how long and how fast.
    run
        Where results go.
    info
        What the checkpoints say of themselves; epoch and metrics are filled in.
    """

    network: Network
    task: Task
    settings: TrainSettings
    run: RunFolder
    info: CheckpointInfo
    epoch: int = 0
    step: int = 0
    saved_step: int = 0
    started: float = 0.0
    bad_steps: int = 0
    best_error: float = math.inf
    saved: dict[str, Path] = field(default_factory=dict)
    total: int = field(init=False)
    epochs: int = field(init=False)
    device: torch.device = field(init=False)
    optimiser: Optimizer = field(init=False)
    schedule: LRScheduler = field(init=False)
    scaler: torch.amp.GradScaler = field(init=False)

    def __post_init__(self) -> None:
        s = self.settings
        self.total = s.steps or s.epochs * self.task.steps_per_epoch
        self.epochs = math.ceil(self.total / self.task.steps_per_epoch)
        self.device = device_of(self.network)
        self.optimiser = torch.optim.Adam(
            self.network.parameters(), s.learning_rate, eps=_ADAM_EPSILON
        )
        self.schedule = _schedule(self.optimiser, s.schedule, self.total)
        self.scaler = torch.amp.GradScaler(self.device.type, enabled=self.device.type == "cuda")

    @property
    def seconds(self) -> float:
        """Time since the first step began."""
        return time.monotonic() - self.started

    @property
    def seconds_left(self) -> float:
        """Time that the steps to come will take, if they go on like this."""
        return self.seconds / self.step * (self.total - self.step)

    def train_epoch(self, epoch: int) -> Generator[Event, None, dict[str, float]]:
        """One pass over the training examples, or what is left of the steps."""
        mean = _Mean()
        self.network.train()
        for batch in self.task.train_batches(epoch):
            with mixed_precision(self.device):
                measured = self.task.measure(self.network, batch)
            self.optimiser.zero_grad(set_to_none=True)
            self.scaler.scale(measured.loss).backward()  # type: ignore[no-untyped-call]
            self.scaler.step(self.optimiser)
            self.scaler.update()
            self.schedule.step()
            self.step += 1
            mean.add(measured)
            self._check(mean.losses[-1])
            yield TrainingStep(
                step=self.step,
                total=self.total,
                loss=mean.losses[-1],
                seconds_left=self.seconds_left,
            )
            if self.step == self.total:
                break
        self.epoch = epoch
        return mean.metrics("train", self.task)

    def _check(self, loss: float) -> None:
        """Raise ValueError when the weights are beyond hope."""
        self.bad_steps = 0 if math.isfinite(loss) else self.bad_steps + 1
        if self.bad_steps == _HOPELESS:
            raise ValueError(
                f"{self.run.path}: the loss has been {loss} for {_HOPELESS} steps (at step "
                f"{self.step}); try a smaller learning_rate than {self.settings.learning_rate:g}"
            )

    def stop(self) -> None:
        """Keep what was learned since the last checkpoint; a run without a step is discarded."""
        if not self.step:
            self.run.discard()
        elif self.step > self.saved_step:
            self.keep_last({})

    def keep_last(self, metrics: Mapping[str, float]) -> CheckpointInfo:
        """Write the checkpoint ``last``; returns what it says of itself."""
        self.saved_step = self.step
        about = self.info.model_copy(update={"epoch": self.epoch, "metrics": _finite(metrics)})
        self.saved["last"] = self.run.save("last", self.network, about)
        return about

    def keep(self, metrics: Mapping[str, float]) -> Iterator[Event]:
        """Write the checkpoint ``last``, and ``best`` when its validation error is the smallest."""
        about = self.keep_last(metrics)
        error = metrics[f"val_{self.task.error_name}"]
        if error < self.best_error:
            self.best_error = error
            self.saved["best"] = self.run.save("best", self.network, about)
            yield CheckpointSaved(path=str(self.saved["best"]))


def fit(fitting: Fitting) -> Generator[Event, None, tuple[Path, ...]]:
    """Train a network; returns its checkpoints.

    Each epoch's numbers go to the run folder; the checkpoint ``last`` follows every validation and
    is written when a person stops the training, ``best`` has the smallest validation error.

    Raises
    ------
    ValueError
        When the loss is not finite any more.
    """
    with shared_cores(fitting.device):
        try:
            yield from _epochs(fitting)
        except (KeyboardInterrupt, GeneratorExit):
            fitting.stop()
            raise
    return tuple(fitting.saved.values())


def _epochs(fitting: Fitting) -> Iterator[Event]:
    fitting.started = time.monotonic()
    for epoch in range(1, fitting.epochs + 1):
        metrics = yield from fitting.train_epoch(epoch)
        metrics |= _Mean().metrics("val", fitting.task)
        if epoch == fitting.epochs or epoch % fitting.settings.validate_every == 0:
            metrics |= validate(fitting.network, fitting.task).metrics("val", fitting.task)
            yield from fitting.keep(metrics)
        rate = float(fitting.schedule.get_last_lr()[0])
        others = {"learning_rate": rate, "seconds": round(fitting.seconds, 3)}
        fitting.run.log(epoch, fitting.step, metrics | others)
        yield EpochDone(
            epoch=epoch,
            total=fitting.epochs,
            metrics=_finite(metrics),
            seconds_left=fitting.seconds_left,
        )


def _finite(metrics: Mapping[str, float]) -> dict[str, float]:
    """Return what was measured; JSON has no NaN."""
    return {name: value for name, value in metrics.items() if math.isfinite(value)}


def validate(network: Network, task: Task) -> _Mean:
    """Measure the network on the validation examples."""
    device = device_of(network)
    mean = _Mean()
    network.eval()
    with torch.inference_mode():
        for batch in task.validation_batches():
            with mixed_precision(device):
                mean.add(task.measure(network, batch))
    return mean


def _schedule(optimiser: Optimizer, name: str, total: int) -> LRScheduler:
    """Step size over time, as a factor of the first."""
    factors = {
        "constant": lambda step: 1.0,
        "cosine": lambda step: (
            _SMALLEST + (1 - _SMALLEST) * (1 + math.cos(math.pi * min(step / total, 1))) / 2
        ),
        "step": lambda step: 1.0 if step < 2 * total / 3 else 0.1,
    }
    return torch.optim.lr_scheduler.LambdaLR(optimiser, factors[name])
