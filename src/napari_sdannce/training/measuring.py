"""What batches gave, and their means."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import torch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    import numpy as np
    import numpy.typing as npt
    from torch import Tensor, nn

    from napari_sdannce.models.checkpoint_info import CheckpointInfo


@dataclass(frozen=True, eq=False)
class Measured:
    """What one batch gave.

    Parameters
    ----------
    loss
        Scalar to minimise.
    errors
        (n,) distance of each labelled point from the truth.
    terms
        What the loss is the sum of, by name; those that the batch has nothing for are absent.
    """

    loss: Tensor
    errors: Tensor
    terms: Mapping[str, Tensor]


class Task(Protocol):
    """What a network learns: batches, their loss, and names for the numbers."""

    error_name: str

    @property
    def loss_names(self) -> tuple[str, ...]:
        """Names of the losses, in the order of logs."""

    @property
    def steps_per_epoch(self) -> int:
        """Batches of one pass over the training examples."""

    def train_batches(
        self, epoch: int, first: int, share: Callable[[Sequence[Any]], list[Any]]
    ) -> Iterator[Any]:
        """Batches of one pass over the training examples, drawn by seed and epoch alone.

        From batch `first` on; of each, what `share` makes of the list of its examples.
        """

    def validation_batches(self) -> Iterator[Any]:
        """Batches of the validation examples."""

    def measure(self, network: Any, batch: Any) -> Measured:
        """Run the network on a batch."""

    def picture(self, network: Any) -> npt.NDArray[np.uint8] | None:
        """Image (H, W, 3) of some examples with what the network finds in them; None of none."""

    def arrays(self) -> Mapping[str, npt.NDArray[np.float64]]:
        """Numbers that belong to the run, by the name of the file they go to."""

    def described(self, network: Any, info: CheckpointInfo) -> CheckpointInfo:
        """Complete what a checkpoint says of itself when training is done."""


@dataclass
class Means:
    """Mean losses over the batches that have them, and mean error over points."""

    losses: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    error_sum: float = 0.0
    n_errors: int = 0

    def add(self, measured: Measured) -> None:
        """Count a batch."""
        for name, value in measured.terms.items():
            self.losses[name].append(float(value.detach()))
        self.error_sum += float(measured.errors.detach().cpu().double().sum())
        self.n_errors += len(measured.errors)

    def metrics(self, stage: str, task: Task) -> dict[str, float]:
        """Return the means by name, e.g. ``train_L1Loss``; NaN where nothing was counted."""
        found = {f"{stage}_{name}": _mean(self.losses.get(name, [])) for name in task.loss_names}
        error = self.error_sum / self.n_errors if self.n_errors else math.nan
        return {**found, f"{stage}_{task.error_name}": error}

    def state(self) -> dict[str, Any]:
        """Return what `restored` needs."""
        return {"losses": dict(self.losses), "error_sum": self.error_sum, "n": self.n_errors}

    @classmethod
    def restored(cls, state: Mapping[str, Any]) -> Means:
        """Return the means as they were."""
        losses: dict[str, list[float]] = defaultdict(list, state["losses"])
        return cls(losses, state["error_sum"], state["n"])


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else math.nan


def validate(network: nn.Module, task: Task) -> Means:
    """Measure the network on the validation examples."""
    means = Means()
    network.eval()
    with torch.inference_mode():
        for batch in task.validation_batches():
            means.add(task.measure(network, batch))
    return means
