"""Training examples of the COM network: one image of one camera at one moment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from napari_sdannce.models.com_images import prepare_image, to_frame_pixels, to_image_pixels
from napari_sdannce.training.augmentation import ImageChange
from napari_sdannce.training.com_targets import com_targets
from napari_sdannce.training.moments import labelled_frames
from napari_sdannce.video import RecordingVideo

if TYPE_CHECKING:
    from collections.abc import Iterator

    from napari_sdannce.settings.com import ComTrainSettings
    from napari_sdannce.training.experiments import Experiment

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class ComExample:
    """One image and where the animals are in it.

    Parameters
    ----------
    image
        (h, w, C) as `prepare_image` makes it.
    points
        (A, 2) px of the video frame, NaN = not known.
    frame
        Index of the labelled moment among those of all experiments.
    """

    image: npt.NDArray[Any]
    points: FloatArray
    frame: int

    @property
    def nbytes(self) -> int:
        """Memory its image takes."""
        return self.image.nbytes


def read_examples(
    experiment: Experiment, settings: ComTrainSettings, first_frame: int = 0
) -> Iterator[ComExample | None]:
    """Decode and prepare the images of the labelled moments.

    Where an animal is in an image is the projection of its COM, so all cameras mean the same point.

    Yields
    ------
    One a camera and moment with an animal, in order; None where the frame can not be read.
    """
    rows = located(experiment)
    points = np.stack([camera.project(experiment.coms) for camera in experiment.recording.cameras])
    with RecordingVideo(experiment.recording) as video:
        moments = labelled_frames(video, experiment.labels.sample_ids[rows])
        for row, images in zip(rows, moments, strict=True):
            for view, image in enumerate(images):
                if image is None:
                    yield None
                    continue
                prepared = prepare_image(image, settings.image)
                yield ComExample(prepared, points[view, row], first_frame + int(row))


def n_examples(experiment: Experiment) -> int:
    """How many examples an experiment has if all its frames can be read."""
    return len(located(experiment)) * len(experiment.recording.views)


def located(experiment: Experiment) -> npt.NDArray[np.int64]:
    """Rows of the labelled moments at which an animal has a COM."""
    return np.flatnonzero(np.isfinite(experiment.coms).all(axis=-1).any(axis=-1))


@dataclass(frozen=True, eq=False)
class ImageWithTarget:
    """An image and what the network shall answer.

    Parameters
    ----------
    image
        (h, w, C).
    target
        (A, h, w), NaN for an animal that is not labelled.
    points
        (A, 2) px of the prepared image.
    """

    image: npt.NDArray[Any]
    target: npt.NDArray[np.float32]
    points: FloatArray


def plain_image(example: ComExample, settings: ComTrainSettings) -> ImageWithTarget:
    """Return an example as prediction would see it."""
    size = (example.image.shape[1], example.image.shape[0])
    target = com_targets(example.points, size, settings.image, settings.sigma_px)
    points = to_image_pixels(example.points, settings.image)
    return ImageWithTarget(example.image, target, points)


def random_image(
    example: ComExample, settings: ComTrainSettings, rng: np.random.Generator
) -> ImageWithTarget:
    """Return an example turned, moved, scaled, brightened or darkened at random."""
    if not settings.augment:
        return plain_image(example, settings)
    size = (example.image.shape[1], example.image.shape[0])
    change = ImageChange.draw(size, settings, rng)
    points = change.points(to_image_pixels(example.points, settings.image))
    target = com_targets(
        to_frame_pixels(points, settings.image), size, settings.image, settings.sigma_px
    )
    return ImageWithTarget(change.image(example.image), target, points)
