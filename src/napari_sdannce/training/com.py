"""Training of the COM network."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import torch

from napari_sdannce.models.checkpoint_info import CheckpointInfo
from napari_sdannce.models.com import ComConfig, ComNet, normalise_images
from napari_sdannce.models.com_images import common_size, stack_images
from napari_sdannce.models.devices import bare, device_of, mixed_precision
from napari_sdannce.models.image_peaks import local_peaks
from napari_sdannce.models.prepare_ahead import prepare_ahead
from napari_sdannce.training.com_examples import (
    ComExample,
    ImageWithTarget,
    n_examples,
    plain_image,
    random_image,
    read_examples,
)
from napari_sdannce.training.com_losses import focal_loss
from napari_sdannce.training.lesson import Lesson, teach
from napari_sdannce.training.losses import masked_mse
from napari_sdannce.training.measuring import Measured
from napari_sdannce.training.pictures import examples_to_show, marked, tiled
from napari_sdannce.training.start import check_same_names, example_rng, opened, shuffled_batches

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Sequence

    import numpy.typing as npt
    from torch import Tensor

    from napari_sdannce.settings.com import ComTrainSettings
    from napari_sdannce.settings.events import Event
    from napari_sdannce.training.experiments import Experiment

# predicted (B, C, H, W), target, and where there is a picture, to a number
_LOSSES: dict[str, Callable[[Tensor, Tensor, Tensor], Tensor]] = {
    "MSELoss": masked_mse,
    "FocalLoss": focal_loss,
}
_SHOWN = 12
_OF_LOGITS = {"FocalLoss"}


@dataclass(frozen=True, eq=False)
class ImageBatch:
    """Images with targets.

    Parameters
    ----------
    images
        (B, H, W, C) grey values.
    targets
        (B, C, H, W), C heatmaps.
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
    """A spot at each animal."""

    settings: ComTrainSettings
    train: Sequence[ComExample]
    validation: Sequence[ComExample]
    error_name: str = field(default="peak_distance_px", init=False)
    size: tuple[int, int] = field(init=False)

    def __post_init__(self) -> None:
        self.size = common_size(each.image.shape for each in (*self.train, *self.validation))

    @property
    def loss_names(self) -> tuple[str, ...]:
        """Names of the losses."""
        return (self.settings.loss,)

    @property
    def steps_per_epoch(self) -> int:
        """Batches of one pass over the training examples."""
        return -(-len(self.train) // self.settings.batch_size)

    def train_batches(
        self, epoch: int, first: int, share: Callable[[Sequence[int]], list[int]]
    ) -> Iterator[ImageBatch]:
        """Batches of freshly changed images."""
        s = self.settings

        def make(indices: Sequence[int]) -> ImageBatch:
            return collate(
                [random_image(self.train[i], s, example_rng(s.seed, epoch, i)) for i in indices],
                self.size,
            )

        batches = shuffled_batches(len(self.train), s.batch_size, s.seed, epoch)
        return prepare_ahead(make, [share(batch.tolist()) for batch in batches[first:]])

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
        images = normalise_images(batch.images.to(device, non_blocking=True))
        with mixed_precision(device, wanted=self.settings.mixed_precision):
            answers = network(images).float()
        targets, inside = batch.targets.to(device), batch.inside.to(device)
        loss = _LOSSES[self.settings.loss](answers, targets, inside)
        heights = bare(network).spots(answers.detach()).cpu().numpy()
        seen = np.where(batch.inside.numpy(), heights, -np.inf)
        errors = peak_errors(seen, batch.points.numpy()) * self.settings.image.downsample
        return Measured(loss, torch.from_numpy(errors), {self.settings.loss: loss})

    def picture(self, network: ComNet) -> npt.NDArray[np.uint8] | None:
        """Draw what is found in some images."""
        examples = self.validation or self.train
        shown = [examples[i] for i in examples_to_show(len(examples), _SHOWN)]
        batch = collate([plain_image(each, self.settings) for each in shown], self.size)
        device = device_of(network)
        network.eval()
        with torch.inference_mode():
            answers = network(normalise_images(batch.images.to(device))).float()
            heights = network.spots(answers).cpu().numpy()
        count = 1 if heights.shape[1] == batch.points.shape[1] else batch.points.shape[1]
        peaks, _ = local_peaks(np.where(batch.inside.numpy(), heights, -np.inf), count, radius=2)
        pictures = [
            marked(each.image, points, places.reshape(-1, 2))
            for each, points, places in zip(shown, batch.points.numpy(), peaks, strict=True)
        ]
        return tiled([pictures[i : i + 4] for i in range(0, len(pictures), 4)])

    def arrays(self) -> dict[str, npt.NDArray[np.float64]]:
        """Nothing belongs to the run but weights."""
        return {}

    def described(self, network: ComNet, info: CheckpointInfo) -> CheckpointInfo:
        """Nothing is to be added."""
        return info


def peak_errors(
    heatmaps: npt.NDArray[np.floating], points: npt.NDArray[np.floating]
) -> npt.NDArray[np.float64]:
    """Distances (n,) px of labelled animals from the peaks that the network shows.

    Of one heatmap an animal, its highest peak; of one that all share, the nearest of as many as
    there are animals. An image without any peak is as wrong as it is wide.

    Parameters
    ----------
    heatmaps
        (B, C, H, W).
    points
        (B, A, 2), NaN = not labelled.
    """
    n_heatmaps, n_animals = heatmaps.shape[1], points.shape[1]
    count = 1 if n_heatmaps == n_animals else n_animals
    peaks, _ = local_peaks(heatmaps, count, radius=2)  # (B, C, P, 2)
    away = np.linalg.norm(peaks - points[:, :, None], axis=-1)
    nearest = np.nan_to_num(away, nan=heatmaps.shape[-1]).min(axis=-1)
    return np.asarray(nearest[np.isfinite(points).all(axis=-1)], dtype=np.float64)


def collate(examples: Sequence[ImageWithTarget], size: tuple[int, int]) -> ImageBatch:
    """Stack examples, of different sizes perhaps, to a batch of images (height, width)."""
    images = stack_images([example.image for example in examples], size)
    count, (height, width) = len(examples), size
    targets = np.zeros((count, len(examples[0].target), height, width), dtype=np.float32)
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
    yield from teach(com_lesson(settings, experiments), settings)


def com_lesson(
    settings: ComTrainSettings, experiments: Sequence[Experiment] | None = None
) -> Lesson[ComExample]:
    """What is particular to a COM network.

    Raises
    ------
    FileNotFoundError, FileFormatError
        When something can not be read.
    ValueError
        When settings and recordings do not fit.
    """
    experiments = opened(experiments, settings, "com")
    check_same_names(experiments, "animals")
    return Lesson(
        folder="COM",
        unit="images",
        experiments=experiments,
        info=_describe_network(settings, experiments[0]),
        count=n_examples,
        read=lambda experiment, first: read_examples(experiment, settings, first),
        task=lambda train, validation, device: ComTask(settings, train, validation),
    )


def _describe_network(settings: ComTrainSettings, first: Experiment) -> CheckpointInfo:
    return CheckpointInfo(
        network=ComConfig(
            in_channels=1 if settings.image.mono else 3,
            n_animals=len(first.labels.animals),
            channels=settings.channels,
            logits=settings.loss in _OF_LOGITS,
            width=settings.width,
            norm=settings.norm,
        ),
        animals=first.labels.animals,
        cameras=first.recording.names,
        pixel_origin=first.recording.pixel_origin,
        image=settings.image,
    )
