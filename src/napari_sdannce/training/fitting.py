"""A training under way: its steps, its epochs, what is kept, and how it is restored."""

from __future__ import annotations

import math
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

import torch
from torch.nn.utils import clip_grad_norm_
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from napari_sdannce.models import CheckpointError
from napari_sdannce.settings.events import (
    CheckpointSaved,
    EpochDone,
    Event,
    TrainingStep,
)
from napari_sdannce.training.done import Done
from napari_sdannce.training.measuring import Means, validate
from napari_sdannce.training.schedules import schedule
from napari_sdannce.training.undisturbed import undisturbed

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Mapping
    from pathlib import Path

    from torch import nn
    from torch.optim import Optimizer
    from torch.optim.lr_scheduler import LRScheduler

    from napari_sdannce.models.checkpoint_info import CheckpointInfo
    from napari_sdannce.models.checkpoints import Network
    from napari_sdannce.settings.base import TrainSettings
    from napari_sdannce.training.measuring import Task
    from napari_sdannce.training.run_folder import RunFolder
    from napari_sdannce.training.workers import Workers

_ADAM_EPSILON = 1e-7  # as the reference program, whose learning rates then mean the same
# half precision leaves out a step now and then, where the gradients overflow
_HOPELESS = 10
_STEPS_THAT_TELL = 3


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
    workers
        The processes that learn together.
    examples
        Fingerprint of what trains and what validates.
    """

    network: Network
    task: Task
    settings: TrainSettings
    run: RunFolder
    info: CheckpointInfo
    workers: Workers
    done: Done = field(default_factory=Done)
    means: Means = field(default_factory=Means)
    saved: dict[str, Path] = field(default_factory=dict)
    examples: str = ""
    bad_steps: int = 0
    saved_step: int = 0
    began: float = field(default_factory=time.monotonic)
    warm: tuple[int, float] | None = None
    """Number and end of the first step of this run, which takes longer than others."""
    stopped: bool = False
    total: int = field(init=False)
    epochs: int = field(init=False)
    model: nn.Module = field(init=False)
    average: AveragedModel | None = field(init=False)
    optimiser: Optimizer = field(init=False)
    schedule: LRScheduler = field(init=False)
    scaler: torch.amp.GradScaler = field(init=False)

    def __post_init__(self) -> None:
        s = self.settings
        per_epoch = self.task.steps_per_epoch
        self.total = s.steps or s.epochs * per_epoch
        self.epochs = math.ceil(self.total / per_epoch)
        self.model = self.workers.together(self.network)
        self.average = (
            AveragedModel(self.network, multi_avg_fn=_averaging(s.average)) if s.average else None
        )
        self.optimiser = torch.optim.Adam(
            self.network.parameters(), s.learning_rate, eps=_ADAM_EPSILON
        )
        self.schedule = schedule(self.optimiser, s, self.total, per_epoch)
        halves = self.workers.device.type == "cuda" and s.mixed_precision
        self.scaler = torch.amp.GradScaler(self.workers.device.type, enabled=halves)

    @property
    def shown(self) -> Network:
        """The network that validates and is saved: the average where there is one."""
        return self.network if self.average is None else cast("Network", self.average.module)

    @property
    def seconds_left(self) -> float | None:
        """Time that the steps to come will take, if they go on like those of this run so far."""
        left = self.total - self.done.step
        if left == 0:
            return 0.0
        first, ended = self.warm or (self.done.step, 0.0)
        made = self.done.step - first
        return (time.monotonic() - ended) / made * left if made >= _STEPS_THAT_TELL else None

    @property
    def _seconds(self) -> float:
        return self.done.seconds + time.monotonic() - self.began

    @property
    def finished(self) -> bool:
        """Whether there are no more steps to make, or a reason not to make them."""
        patience = self.settings.stop_after
        waited = patience is not None and self.done.since_best >= patience
        return self.done.step >= self.total or waited or self.stopped

    @property
    def is_measured(self) -> bool:
        """Whether the epoch that ended last was measured and saved; it may have been stopped in."""
        return self.done.step < self.total or self.done.measured >= self.done.step

    def train_epoch(self) -> Generator[Event, None, None]:
        """Make the steps of one epoch that are left of it."""
        if self.done.step >= self.total:
            return
        self.network.train()
        batches = self.task.train_batches(self.done.epoch + 1, self.done.batch, self.workers.share)
        for batch in batches:
            self._step(batch)
            yield TrainingStep(
                step=self.done.step,
                total=self.total,
                loss=self.loss,
                seconds_left=self.seconds_left,
            )
            if self.done.step >= self.total:
                break
            self.stopped = self.workers.agree(self.run.stop_asked)
            if self.stopped:
                break

    def _step(self, batch: Any) -> None:
        s = self.settings
        with _own_chance(s.seed, self.done.step):
            measured = self.task.measure(self.model, batch)
        self.optimiser.zero_grad(set_to_none=True)
        self.scaler.scale(measured.loss).backward()  # type: ignore[no-untyped-call]
        if s.clip_gradient is not None:
            self.scaler.unscale_(self.optimiser)
            clip_grad_norm_(self.network.parameters(), s.clip_gradient)
        with undisturbed():
            self.scaler.step(self.optimiser)
            self.scaler.update()
            self.schedule.step()
            if self.average is not None:
                self.average.update_parameters(self.network)
            self.done.step += 1
            self.done.batch += 1
            self.means.add(measured)
        self.loss = float(measured.loss.detach())
        self.warm = self.warm or (self.done.step, time.monotonic())
        self._check(self.loss)

    def _check(self, loss: float) -> None:
        """Raise ValueError when the weights are beyond hope."""
        self.bad_steps = 0 if math.isfinite(loss) else self.bad_steps + 1
        if self.bad_steps == _HOPELESS:
            raise ValueError(
                f"{self.run.path}: the loss has been {loss} for {_HOPELESS} steps (at step "
                f"{self.done.step}); try a smaller learning_rate than "
                f"{self.settings.learning_rate:g}"
            )

    def finish_epoch(self) -> Generator[Event, None, None]:
        """Validate when it is time to, log, and keep the weights.

        Who is stopped meanwhile has the epoch still to finish.
        """
        metrics = self.means.metrics("train", self.task) | Means().metrics("val", self.task)
        epoch = self.done.epoch + 1
        validates = self.done.step >= self.total or epoch % self.settings.validate_every == 0
        if validates:
            metrics |= validate(self.shown, self.task).metrics("val", self.task)
        # before the state, which says that it is done: lines that are too new are taken back
        rate = float(self.schedule.get_last_lr()[0])
        others = {"learning_rate": rate, "seconds": round(self._seconds, 3)}
        self.run.log(epoch, self.done.step, metrics | others)
        # an epoch that the last step cut short is not done: with more steps, it goes on
        if self.done.batch >= self.task.steps_per_epoch:
            self.done.epoch, self.done.batch, self.means = epoch, 0, Means()
        self.done.measured = self.done.step
        if validates:
            yield from self._keep(epoch, metrics)
        yield EpochDone(
            epoch=epoch,
            total=self.epochs,
            metrics=_finite(metrics),
            seconds_left=self.seconds_left,
        )

    def _keep(self, epoch: int, metrics: Mapping[str, float]) -> Iterator[Event]:
        """Keep the weights as ``last``, and as ``best`` if their validation error is smallest."""
        if not self.is_sound:
            raise ValueError(
                f"{self.run.path}: the weights are no numbers any more at step {self.done.step}, "
                f"the loss is {self.loss}; try a smaller learning_rate than "
                f"{self.settings.learning_rate:g}"
            )
        error = metrics[f"val_{self.task.error_name}"]
        better = error < self.done.best_error
        self.done.best_error = error if better else self.done.best_error
        self.done.since_best = 0 if better else self.done.since_best + 1
        # before the state, which says what the best one is
        if better:
            self.saved["best"] = self.run.save("best", self.shown, self._about(epoch, metrics))
        self.keep_last(epoch, metrics)
        if better:
            yield CheckpointSaved(path=str(self.saved["best"]))
        picture = self.task.picture(self.shown)
        if picture is not None:
            self.run.picture(epoch, picture)

    def keep_last(self, epoch: int, metrics: Mapping[str, float]) -> None:
        """Write the checkpoint ``last`` and all that is needed to go on from here."""
        self.saved["last"] = self.run.save("last", self.shown, self._about(epoch, metrics))
        self.run.save_state(self._state())
        self.saved_step = self.done.step

    def _about(self, epoch: int, metrics: Mapping[str, float]) -> CheckpointInfo:
        return self.info.model_copy(update={"epoch": epoch, "metrics": _finite(metrics)})

    @property
    def is_sound(self) -> bool:
        """Whether all weights are numbers."""
        return all(bool(torch.isfinite(each).all()) for each in self.shown.state_dict().values())

    def stop(self) -> None:
        """Keep what was learned since the last checkpoint; a run without a step is discarded."""
        if not self.done.step:
            self.run.discard()
        elif self.done.step > self.saved_step and self.is_sound:
            self.keep_last(self.done.epoch, {})

    def _state(self) -> dict[str, Any]:
        done = {**vars(self.done), "seconds": self._seconds}
        return {
            "network": self.network.state_dict(),
            "average": None if self.average is None else self.average.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "schedule": self.schedule.state_dict(),
            "scaler": self.scaler.state_dict(),
            "done": done,
            "means": self.means.state(),
            "examples": self.examples,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on exactly where a run was.

        Raises
        ------
        CheckpointError
            When the state is of another network, or damaged.
        """
        try:
            self._restore(state)
        except (RuntimeError, LookupError, TypeError, ValueError, AttributeError) as error:
            raise CheckpointError(
                f"{self.run.path}: the saved state (state.pt) is damaged, or of another network "
                f"than the one the settings ask for: {error}"
            ) from error
        self.saved = self.run.saved()

    def _restore(self, state: Mapping[str, Any]) -> None:
        self.network.load_state_dict(state["network"])
        if self.average is not None and state["average"] is not None:
            self.average.load_state_dict(state["average"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.schedule.load_state_dict(state["schedule"])
        self.scaler.load_state_dict(state["scaler"])
        self.done, self.means = Done(**state["done"]), Means.restored(state["means"])
        self.saved_step = self.done.step


def _averaging(share: float) -> Any:
    return get_ema_multi_avg_fn(share)  # type: ignore[no-untyped-call]


@contextmanager
def _own_chance(seed: int, step: int) -> Iterator[None]:
    """Let what is left to chance (dropout) depend on seed and step alone."""
    with torch.random.fork_rng():
        torch.manual_seed(seed * 1_000_003 + step)
        yield


def _finite(metrics: Mapping[str, float]) -> dict[str, float]:
    """Return what was measured; JSON has no NaN."""
    return {name: value for name, value in metrics.items() if math.isfinite(value)}
