"""What pose networks learn: losses and errors of batches, sample pictures, confidence."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import torch

from napari_sdannce.models.devices import device_of
from napari_sdannce.models.heatmaps import spread
from napari_sdannce.models.poses import find_poses
from napari_sdannce.models.prepare_ahead import prepare_ahead
from napari_sdannce.models.reliability import learn_reliability
from napari_sdannce.settings.dannce import SdannceTrainSettings
from napari_sdannce.training.batches import BatchPlan, VolumeBatch, collate, make_batch
from napari_sdannce.training.losses import (
    Outcome,
    Term,
    l1_loss,
    point_errors,
)
from napari_sdannce.training.measuring import Measured
from napari_sdannce.training.pictures import examples_to_show, pose_picture, tiled
from napari_sdannce.training.start import example_rng

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from torch import Tensor, nn

    from napari_sdannce.models.checkpoint_info import CheckpointInfo
    from napari_sdannce.models.poses import Found, PoseNetwork
    from napari_sdannce.settings.dannce import DannceTrainSettings
    from napari_sdannce.training.dannce_examples import DannceExample
    from napari_sdannce.training.volume_maker import VolumeMaker

_SHOWN = 4
_LOOKS = 4
_INITIAL = "InitialL1Loss"


FloatArray = npt.NDArray[np.float64]


@dataclass(eq=False)
class PoseTask:
    """Keypoints in volumes.

    Parameters
    ----------
    settings
        Losses, batches, changes of examples.
    train, validation
        Examples; those that validate are labelled.
    maker
        Fills their volumes.
    terms
        The losses.
    skeleton
        Name of it.
    """

    settings: DannceTrainSettings
    train: Sequence[DannceExample]
    validation: Sequence[DannceExample]
    maker: VolumeMaker
    terms: tuple[Term, ...]
    skeleton: str
    error_name: str = field(default="euclidean_distance_3D", init=False)

    @property
    def loss_names(self) -> tuple[str, ...]:
        """Names of the losses, in the order of logs."""
        first = (_INITIAL,) if self._initial_weight else ()
        return tuple(sorted((term.name for term in self.terms), key=_not_supervised)) + first

    @property
    def _initial_weight(self) -> float:
        s = self.settings
        return s.initial_weight if isinstance(s, SdannceTrainSettings) else 0.0

    @cached_property
    def _plan(self) -> BatchPlan:
        return BatchPlan(self.train, self.settings)

    @property
    def steps_per_epoch(self) -> int:
        """Batches of one pass over the training examples."""
        return self._plan.n_batches()

    def train_batches(
        self, epoch: int, first: int, share: Callable[[Sequence[int]], list[int]]
    ) -> Iterator[VolumeBatch]:
        """Batches of freshly moved, turned and drawn examples."""
        batches = self._plan.epoch(epoch)[first:]
        return prepare_ahead(
            lambda entries: make_batch(self._plan, entries, epoch, self.maker),
            [share(batch) for batch in batches],
        )

    def validation_batches(self) -> Iterator[VolumeBatch]:
        """Batches of the validation examples as prediction would see them."""
        size = self.settings.batch_size

        def make(start: int) -> VolumeBatch:
            chosen = self.validation[start : start + size]
            return collate([self.maker.plain(example) for example in chosen])

        return prepare_ahead(make, range(0, len(self.validation), size))

    def measure(self, network: nn.Module, batch: VolumeBatch) -> Measured:
        """Losses and errors of a batch; errors in mm."""
        device = device_of(network)
        found = find_poses(
            network,
            batch.volumes.to(device, non_blocking=True),
            self.settings.volume.voxel_mm,
            batch.centres.to(device),
            mixed=self.settings.mixed_precision,
        )
        truth = batch.points.to(device)
        terms = dict(self._measured(found, truth, batch))
        loss = sum(terms.values(), start=found.positions.sum() * 0)
        return Measured(loss, point_errors(found.positions, truth), terms)

    def _measured(
        self, found: Found, truth: Tensor, batch: VolumeBatch
    ) -> Iterator[tuple[str, Tensor]]:
        silhouettes = batch.silhouettes
        outcome = Outcome(
            predicted=found.positions,
            truth=truth,
            world=batch.in_world(found.positions, self.maker.swapped),
            logits=found.logits,
            voxel_mm=self.settings.volume.voxel_mm,
            unit=None if found.initial is None else found.unit,
            rows=batch.rows,
            silhouettes=None if silhouettes is None else silhouettes.to(truth.device),
        )
        for term in self.terms:
            value = term.measure(outcome)
            if value is not None:
                yield term.name, term.weight * value
        if self._initial_weight and found.initial is not None:
            initial = l1_loss(found.initial / found.unit, truth / found.unit)
            yield _INITIAL, self._initial_weight * initial

    def picture(self, network: PoseNetwork) -> npt.NDArray[np.uint8] | None:
        """Draw what is found of some examples."""
        examples = self.validation or [each for each in self.train if each.is_labelled]
        shown = [examples[i] for i in examples_to_show(len(examples), _SHOWN)]
        batch = collate([self.maker.plain(each) for each in shown])
        device = device_of(network)
        network.eval()
        with torch.inference_mode():
            voxel = self.settings.volume.voxel_mm
            found = find_poses(network, batch.volumes.to(device), voxel, batch.centres.to(device))
            places = batch.in_world(found.positions, self.maker.swapped).cpu().double().numpy()
        return tiled(
            [
                pose_picture(each.images[:_SHOWN], each.cameras[:_SHOWN], each.points, place)
                for each, place in zip(shown, places, strict=True)
            ]
        )

    def arrays(self) -> dict[str, npt.NDArray[np.float64]]:
        """Bone lengths that were computed or read, under the name of the skeleton."""
        return {
            f"{self.skeleton}_priors": term.priors.table
            for term in self.terms
            if term.priors is not None
        }

    def described(self, network: PoseNetwork, info: CheckpointInfo) -> CheckpointInfo:
        """Add how far the network's own spread tells its errors, as validation shows."""
        learned = learn_reliability(*self._spreads_and_errors(network)) if self.validation else None
        return info.model_copy(update={"reliability": learned})

    def _spreads_and_errors(self, network: PoseNetwork) -> tuple[FloatArray, FloatArray]:
        """Spread (n, K) and error (n, K) of keypoints in differently moved volumes, mm.

        What is not labelled has an error of NaN.
        """
        device, voxel = device_of(network), self.settings.volume.voxel_mm
        spreads, errors = [], []
        network.eval()
        for number, example in enumerate(self.validation):
            rngs = [example_rng(self.settings.seed, 0, number, i) for i in range(_LOOKS)]
            batch = collate([self.maker.random(example, rng) for rng in rngs])
            with torch.inference_mode():
                found = find_poses(
                    network, batch.volumes.to(device), voxel, batch.centres.to(device)
                )
            spreads.append(spread(found.covariance(voxel)).cpu().double().numpy())
            away = (found.positions.cpu() - batch.points).norm(dim=-1)
            errors.append(away.double().numpy())
        return np.concatenate(spreads), np.concatenate(errors)


def _not_supervised(name: str) -> bool:
    # the reference's log begins with the loss of the labels
    return name != "L1DiffLoss"
