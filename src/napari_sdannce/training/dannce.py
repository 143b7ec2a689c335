"""Training of the networks that find keypoints: DANNCE and s-DANNCE."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch

from napari_sdannce.models.checkpoint_info import CheckpointInfo
from napari_sdannce.models.dannce import DannceConfig
from napari_sdannce.models.devices import device_of
from napari_sdannce.models.heatmaps import spread
from napari_sdannce.models.poses import find_poses
from napari_sdannce.models.prepare_ahead import prepare_ahead
from napari_sdannce.models.reliability import learn_reliability
from napari_sdannce.models.sdannce import SdannceConfig
from napari_sdannce.settings.dannce import SdannceTrainSettings
from napari_sdannce.training.batches import BatchPlan, VolumeBatch, collate, make_batch
from napari_sdannce.training.dannce_examples import DannceExample, n_wanted, read_examples
from napari_sdannce.training.lesson import Lesson, teach
from napari_sdannce.training.losses import (
    Outcome,
    PoseKnowledge,
    Term,
    check_losses,
    l1_loss,
    make_terms,
    point_errors,
)
from napari_sdannce.training.measuring import Measured
from napari_sdannce.training.pictures import examples_to_show, pose_picture, tiled
from napari_sdannce.training.start import check_same_names, example_rng, opened
from napari_sdannce.training.volume_maker import VolumeMaker

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Sequence

    from torch import Tensor, nn

    from napari_sdannce.models.poses import Found, PoseNetwork
    from napari_sdannce.settings.dannce import DannceTrainSettings
    from napari_sdannce.settings.events import Event
    from napari_sdannce.training.experiments import Experiment

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
        spreads, errors = self._spreads_and_errors(network)
        learned = learn_reliability(spreads, errors)
        return info.model_copy(update={"reliability": learned})

    def _spreads_and_errors(self, network: PoseNetwork) -> tuple[FloatArray, FloatArray]:
        """Spread (n,) and error (n,), mm, of labelled keypoints in differently moved volumes."""
        device, voxel = device_of(network), self.settings.volume.voxel_mm
        spreads, errors = [np.zeros(0)], [np.zeros(0)]
        network.eval()
        for number, example in enumerate(self.validation):
            rngs = [example_rng(self.settings.seed, 0, number, i) for i in range(_LOOKS)]
            batch = collate([self.maker.random(example, rng) for rng in rngs])
            with torch.inference_mode():
                found = find_poses(
                    network, batch.volumes.to(device), voxel, batch.centres.to(device)
                )
            labelled = torch.isfinite(batch.points).all(dim=-1)
            spreads.append(spread(found.covariance(voxel)).cpu()[labelled].double().numpy())
            errors.append(point_errors(found.positions.cpu(), batch.points).double().numpy())
        return np.concatenate(spreads), np.concatenate(errors)


def _not_supervised(name: str) -> bool:
    # the reference's log begins with the loss of the labels
    return name != "L1DiffLoss"


def train_dannce(
    settings: DannceTrainSettings, experiments: Sequence[Experiment] | None = None
) -> Generator[Event, None, None]:
    """Train a DANNCE network on labelled recordings, or with its settings an s-DANNCE network.

    Parameters
    ----------
    settings
        What to learn from, how, and where results go: `DannceTrainSettings`, or
        `SdannceTrainSettings`.
    experiments
        Opened already; default: those of the settings.

    Yields
    ------
    Event
        Progress of reading, then steps, epochs and checkpoints, at last `JobDone`.

    Raises
    ------
    FileNotFoundError, FileExistsError, FileFormatError, CheckpointError
        When a file can not be read or would be overwritten.
    ValueError
        When settings and recordings do not fit.
    """
    yield from teach(pose_lesson(settings, experiments), settings)


def pose_lesson(
    settings: DannceTrainSettings, experiments: Sequence[Experiment] | None = None
) -> Lesson[DannceExample]:
    """What is particular to a pose network.

    Raises
    ------
    FileNotFoundError, FileFormatError
        When something can not be read.
    ValueError
        When settings and recordings do not fit.
    """
    experiments = opened(experiments, settings, "dannce")
    check_same_names(experiments, "keypoints")
    if settings.views != "with_replacement" or settings.n_views is None:
        check_same_names(experiments, "cameras")
    skeleton = experiments[0].labels.skeleton
    known = PoseKnowledge(
        skeleton,
        np.zeros((0, len(skeleton.keypoints), 3)),
        head=settings.head,
        sigma_mm=settings.sigma_mm,
        refines=isinstance(settings, SdannceTrainSettings),
        n_animals=max(len(each.labels.animals) for each in experiments),
        has_masks=all(each.masks is not None for each in experiments),
    )
    check_losses(settings.losses, known)

    def task(
        train: Sequence[DannceExample], validation: Sequence[DannceExample], device: torch.device
    ) -> PoseTask:
        poses = [example.points for example in train if example.is_labelled]
        terms = make_terms(settings.losses, known.of_poses(np.stack(poses)))
        maker = VolumeMaker(settings, device, skeleton.swapped())
        return PoseTask(settings, train, validation, maker, terms, skeleton.name)

    return Lesson(
        folder="SDANNCE" if known.refines else "DANNCE",
        unit="poses",
        experiments=experiments,
        info=_describe_network(settings, experiments[0]),
        count=lambda experiment: n_wanted(experiment, settings),
        read=lambda experiment, first: read_examples(experiment, settings, first),
        task=task,
    )


def _describe_network(settings: DannceTrainSettings, first: Experiment) -> CheckpointInfo:
    names = first.recording.names
    if settings.views == "without_replacement" and (settings.n_views or 0) > len(names):
        raise ValueError(
            f"n_views {settings.n_views} can not be drawn without replacement from {len(names)} "
            "cameras"
        )
    skeleton = first.labels.skeleton
    shared: dict[str, Any] = {
        "n_views": settings.n_views or len(names),
        "channels_per_view": 1 if settings.mono else 3,
        "n_keypoints": len(skeleton.keypoints),
        "width": settings.width,
        "norm": settings.norm,
    }
    network: DannceConfig | SdannceConfig = DannceConfig(**shared, head=settings.head)
    if isinstance(settings, SdannceTrainSettings):
        graph = settings.graph.model_dump()
        network = SdannceConfig(
            **shared, bones=skeleton.bones, graph_norm=graph.pop("norm"), **graph
        )
    return CheckpointInfo(
        network=network,
        keypoints=skeleton.keypoints,
        skeleton=skeleton.name,
        cameras=names,
        pixel_origin=first.recording.pixel_origin,
        volume=settings.volume,
    )
