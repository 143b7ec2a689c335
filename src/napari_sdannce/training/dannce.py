"""Training of the DANNCE network."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import torch

from napari_sdannce.models.checkpoint_info import CheckpointInfo
from napari_sdannce.models.dannce import DannceConfig, DannceNet, normalise_volumes
from napari_sdannce.models.devices import device_of
from napari_sdannce.models.heatmaps import soft_argmax
from napari_sdannce.models.prepare_ahead import prepare_ahead
from napari_sdannce.training.dannce_examples import (
    DannceExample,
    VolumeMaker,
    VolumeWithPoints,
    read_examples,
    usable,
)
from napari_sdannce.training.lesson import Lesson, teach
from napari_sdannce.training.loop import Measured
from napari_sdannce.training.losses import l1_loss, point_errors
from napari_sdannce.training.start import check_same_names, example_rng, opened, shuffled_batches

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Sequence

    from torch import Tensor

    from napari_sdannce.settings.dannce import DannceTrainSettings
    from napari_sdannce.settings.events import Event
    from napari_sdannce.training.experiments import Experiment


@dataclass(frozen=True, eq=False)
class VolumeBatch:
    """Volumes (B, C, y, x, z) of grey values, keypoints (B, K, 3) in mm from their centres."""

    volumes: Tensor
    points: Tensor


@dataclass(eq=False)
class DannceTask:
    """Keypoints in volumes: masked L1 of the expected positions."""

    settings: DannceTrainSettings
    train: Sequence[DannceExample]
    validation: Sequence[DannceExample]
    maker: VolumeMaker
    loss_name: str = field(default="L1Loss", init=False)
    error_name: str = field(default="euclidean_distance_3D", init=False)

    @property
    def steps_per_epoch(self) -> int:
        """Batches of one pass over the training examples."""
        return -(-len(self.train) // self.settings.batch_size)

    def train_batches(self, epoch: int) -> Iterator[VolumeBatch]:
        """Batches of freshly moved, turned and drawn examples."""
        s = self.settings

        def make(indices: Sequence[int]) -> VolumeBatch:
            return collate(
                [self.maker.random(self.train[i], example_rng(s.seed, epoch, i)) for i in indices]
            )

        batches = shuffled_batches(len(self.train), s.batch_size, s.seed, epoch)
        return prepare_ahead(make, [batch.tolist() for batch in batches])

    def validation_batches(self) -> Iterator[VolumeBatch]:
        """Batches of the validation examples as prediction would see them."""
        s = self.settings

        def make(start: int) -> VolumeBatch:
            chosen = self.validation[start : start + s.batch_size]
            return collate([self.maker.plain(example) for example in chosen])

        return prepare_ahead(make, range(0, len(self.validation), s.batch_size))

    def measure(self, network: DannceNet, batch: VolumeBatch) -> Measured:
        """Loss and errors of a batch, in mm."""
        device = device_of(network)
        logits = network(normalise_volumes(batch.volumes.to(device, non_blocking=True)))
        predicted = soft_argmax(logits, self.settings.volume.voxel_mm)
        truth = batch.points.to(device)
        return Measured(l1_loss(predicted, truth), point_errors(predicted, truth))


def collate(examples: Sequence[VolumeWithPoints]) -> VolumeBatch:
    """Stack examples to a batch, its channels last in memory as the network wants them."""
    return VolumeBatch(
        torch.stack([example.volume.movedim(0, -1) for example in examples]).movedim(-1, 1),
        torch.from_numpy(np.stack([example.points for example in examples])).float(),
    )


def train_dannce(
    settings: DannceTrainSettings, experiments: Sequence[Experiment] | None = None
) -> Generator[Event, None, None]:
    """Train a DANNCE network on labelled recordings.

    Parameters
    ----------
    settings
        What to learn from, how, and where results go.
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
    experiments = opened(experiments, settings, "dannce")
    check_same_names(experiments, "keypoints")
    if settings.views != "with_replacement" or settings.n_views is None:
        check_same_names(experiments, "cameras")
    lesson = Lesson(
        folder="DANNCE",
        unit="poses",
        info=_describe_network(settings, experiments[0]),
        count=lambda experiment: int(usable(experiment).sum()),
        read=lambda experiment, first: read_examples(experiment, settings, first),
        task=lambda train, validation, device: DannceTask(
            settings, train, validation, VolumeMaker(settings, device)
        ),
    )
    yield from teach(lesson, experiments, settings)


def _describe_network(settings: DannceTrainSettings, first: Experiment) -> CheckpointInfo:
    names = first.recording.names
    if settings.views == "without_replacement" and (settings.n_views or 0) > len(names):
        raise ValueError(
            f"n_views {settings.n_views} can not be drawn without replacement from {len(names)} "
            "cameras"
        )
    skeleton = first.labels.skeleton
    return CheckpointInfo(
        network=DannceConfig(
            n_views=settings.n_views or len(names),
            channels_per_view=1 if settings.mono else 3,
            n_keypoints=len(skeleton.keypoints),
            width=settings.width,
            norm=settings.norm,
        ),
        keypoints=skeleton.keypoints,
        skeleton=skeleton.name,
        cameras=names,
        pixel_origin=first.recording.pixel_origin,
        volume=settings.volume,
    )
