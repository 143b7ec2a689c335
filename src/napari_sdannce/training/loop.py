"""The training loop: the same for every network."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import torch

from napari_sdannce.models.devices import mixed_precision
from napari_sdannce.settings.events import CheckpointSaved, EpochDone, Event, JobDone, TrainingStep

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor
    from torch.optim import Optimizer
    from torch.optim.lr_scheduler import LRScheduler

    from napari_sdannce.models.checkpoints import CheckpointInfo, Network
    from napari_sdannce.settings.base import TrainSettings
    from napari_sdannce.training.run_folder import RunFolder

_ADAM_EPSILON = 1e-7
_SMALLEST = 0.01


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

    @property
    def has_validation(self) -> bool:
        """Whether there is anything to validate on."""

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


def fit(
    network: Network, task: Task, settings: TrainSettings, run: RunFolder, info: CheckpointInfo
) -> Iterator[Event]:
    """Train a network.

    Each epoch's numbers go to the run folder; the checkpoint ``last`` follows every validation,
    ``best`` the one with the smallest validation error.

    Parameters
    ----------
    network
        On its device.
    task
        What it shall learn.
    settings
        How long and how fast.
    run
        Where results go.
    info
        What the checkpoints say of themselves; epoch and metrics are filled in.
    """
    started = time.monotonic()
    total = settings.steps or settings.epochs * task.steps_per_epoch
    epochs = math.ceil(total / task.steps_per_epoch)
    device = next(network.parameters()).device
    optimiser = torch.optim.Adam(network.parameters(), settings.learning_rate, eps=_ADAM_EPSILON)
    schedule = _schedule(optimiser, settings.schedule, total)
    scaler = torch.amp.GradScaler(device.type, enabled=device.type == "cuda")
    best, step, saved = math.inf, 0, {}
    for epoch in range(1, epochs + 1):
        network.train()
        mean = _Mean()
        for batch in task.train_batches(epoch):
            with mixed_precision(device):
                measured = task.measure(network, batch)
            optimiser.zero_grad(set_to_none=True)
            scaler.scale(measured.loss).backward()  # type: ignore[no-untyped-call]
            scaler.step(optimiser)
            scaler.update()
            schedule.step()
            step += 1
            mean.add(measured)
            yield TrainingStep(step=step, total=total, loss=mean.losses[-1])
            if step == total:
                break
        metrics = mean.metrics("train", task) | _Mean().metrics("val", task)
        metrics["learning_rate"] = float(schedule.get_last_lr()[0])
        is_last = epoch == epochs
        if is_last or epoch % settings.validate_every == 0:
            if task.has_validation:
                metrics |= validate(network, task).metrics("val", task)
            known = {name: value for name, value in metrics.items() if math.isfinite(value)}
            about = info.model_copy(update={"epoch": info.epoch + epoch, "metrics": known})
            saved["last"] = run.save("last", network, about)
            error = known.get(f"val_{task.error_name}", math.inf)
            if error < best:
                best = error
                saved["best"] = run.save("best", network, about)
                yield CheckpointSaved(path=str(saved["best"]))
        elapsed = time.monotonic() - started
        run.log(epoch, step, {**metrics, "seconds": round(elapsed, 3)})
        left = elapsed / step * (total - step)
        yield EpochDone(epoch=epoch, total=epochs, metrics=metrics, seconds_left=left)
    outputs = tuple(str(path) for path in saved.values())
    yield JobDone(seconds=time.monotonic() - started, outputs=(str(run.path), *outputs))


def validate(network: Network, task: Task) -> _Mean:
    """Measure the network on the validation examples."""
    device = next(network.parameters()).device
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
