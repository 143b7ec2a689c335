"""Training of the COM network."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import torch

from napari_sdannce.models.checkpoint_info import CheckpointInfo
from napari_sdannce.models.com import ComConfig, ComNet, normalise_images
from napari_sdannce.models.com_images import common_size, stack_images
from napari_sdannce.models.devices import device_of
from napari_sdannce.models.heatmaps import subpixel_peaks
from napari_sdannce.models.prepare_ahead import prepare_ahead
from napari_sdannce.training.com_examples import (
    ComExample,
    ImageWithTarget,
    n_examples,
    plain_image,
    random_image,
    read_examples,
)
from napari_sdannce.training.lesson import Lesson, teach
from napari_sdannce.training.loop import Measured
from napari_sdannce.training.losses import masked_mse, point_errors
from napari_sdannce.training.start import check_same_names, example_rng, opened, shuffled_batches

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Sequence

    from torch import Tensor

    from napari_sdannce.settings.com import ComTrainSettings
    from napari_sdannce.settings.events import Event
    from napari_sdannce.training.experiments import Experiment


@dataclass(frozen=True, eq=False)
class ImageBatch:
    """Images with targets.

    Parameters
    ----------
    images
        (B, H, W, C) grey values.
    targets
        (B, A, H, W).
    inside
        (B, 1, H, W) False beyond the picture.
    points
        (B, A, 2) px of the prepared image; NaN where it is not in the picture.
    """

    images: Tensor
    targets: Tensor
    inside: Tensor
    points: Tensor


@dataclass(eq=False)
class ComTask:
    """A spot at each animal: masked mean squared error of heatmaps."""

    settings: ComTrainSettings
    train: Sequence[ComExample]
    validation: Sequence[ComExample]
    loss_name: str = field(default="MSELoss", init=False)
    error_name: str = field(default="peak_distance_px", init=False)
    size: tuple[int, int] = field(init=False)

    def __post_init__(self) -> None:
        self.size = common_size(each.image.shape for each in (*self.train, *self.validation))

    @property
    def steps_per_epoch(self) -> int:
        """Batches of one pass over the training examples."""
        return -(-len(self.train) // self.settings.batch_size)

    def train_batches(self, epoch: int) -> Iterator[ImageBatch]:
        """Batches of freshly changed images."""
        s = self.settings

        def make(indices: Sequence[int]) -> ImageBatch:
            return collate(
                [random_image(self.train[i], s, example_rng(s.seed, epoch, i)) for i in indices],
                self.size,
            )

        batches = shuffled_batches(len(self.train), s.batch_size, s.seed, epoch)
        return prepare_ahead(make, [batch.tolist() for batch in batches])

    def validation_batches(self) -> Iterator[ImageBatch]:
        """Batches of the validation images as they are."""
        s = self.settings

        def make(start: int) -> ImageBatch:
            chosen = self.validation[start : start + s.batch_size]
            return collate([plain_image(example, s) for example in chosen], self.size)

        return prepare_ahead(make, range(0, len(self.validation), s.batch_size))

    def measure(self, network: ComNet, batch: ImageBatch) -> Measured:
        """Loss, and distances of peaks from the truth in px of the full frame."""
        device = device_of(network)
        heatmaps = network(normalise_images(batch.images.to(device, non_blocking=True)))
        loss = masked_mse(heatmaps.float(), batch.targets.to(device), batch.inside.to(device))
        outside = ~batch.inside.numpy()
        seen = np.where(outside, -np.inf, heatmaps.detach().float().cpu().numpy())
        peaks = torch.from_numpy(subpixel_peaks(seen)[0]).to(batch.points.dtype)
        errors = point_errors(peaks, batch.points) * self.settings.image.downsample
        return Measured(loss, errors)


def collate(examples: Sequence[ImageWithTarget], size: tuple[int, int]) -> ImageBatch:
    """Stack examples, of different sizes perhaps, to a batch of images (height, width)."""
    images = stack_images([example.image for example in examples], size)
    count, (height, width) = len(examples), size
    n_animals = len(examples[0].target)
    targets = np.zeros((count, n_animals, height, width), dtype=np.float32)
    inside = np.zeros((count, 1, height, width), dtype=bool)
    points = np.stack([example.points for example in examples]).astype(np.float32)
    for i, example in enumerate(examples):
        h, w = example.image.shape[:2]
        targets[i, :, :h, :w] = example.target
        inside[i, :, :h, :w] = True
        points[i][((points[i] < 0) | (points[i] > (w - 1, h - 1))).any(axis=-1)] = np.nan
    return ImageBatch(*(torch.from_numpy(each) for each in (images, targets, inside, points)))


def train_com(
    settings: ComTrainSettings, experiments: Sequence[Experiment] | None = None
) -> Generator[Event, None, None]:
    """Train a COM network on labelled recordings.

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
    experiments = opened(experiments, settings, "com")
    check_same_names(experiments, "animals")
    lesson = Lesson(
        folder="COM",
        unit="images",
        info=_describe_network(settings, experiments[0]),
        count=n_examples,
        read=lambda experiment, first: read_examples(experiment, settings, first),
        task=lambda train, validation, device: ComTask(settings, train, validation),
    )
    yield from teach(lesson, experiments, settings)


def _describe_network(settings: ComTrainSettings, first: Experiment) -> CheckpointInfo:
    return CheckpointInfo(
        network=ComConfig(
            in_channels=1 if settings.image.mono else 3,
            n_animals=len(first.labels.animals),
            width=settings.width,
            norm=settings.norm,
        ),
        animals=first.labels.animals,
        cameras=first.recording.names,
        pixel_origin=first.recording.pixel_origin,
        image=settings.image,
    )
