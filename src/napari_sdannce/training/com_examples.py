"""Training examples of the COM network: one image of one camera at one moment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from napari_sdannce.models.com_images import prepare_image, to_frame_pixels, to_image_pixels
from napari_sdannce.training.augmentation import ImageChange
from napari_sdannce.training.com_targets import com_targets, shared_target
from napari_sdannce.training.moments import labelled_frames
from napari_sdannce.video import RecordingVideo

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

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
    def truth(self) -> Sequence[FloatArray]:
        """Where the animals are in the image, which tells labels and calibration."""
        return (self.points,)

    @property
    def is_labelled(self) -> bool:
        """Whether an animal is labelled: one is, or this is no example."""
        return True

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
        (A, h, w), or (1, h, w) for all animals; NaN where it is not known.
    points
        (A, 2) px of the prepared image.
    """

    image: npt.NDArray[Any]
    target: npt.NDArray[np.float32]
    points: FloatArray


def plain_image(example: ComExample, settings: ComTrainSettings) -> ImageWithTarget:
    """Return an example as prediction would see it."""
    return _with_target(example.image, to_image_pixels(example.points, settings.image), settings)


def random_image(
    example: ComExample, settings: ComTrainSettings, rng: np.random.Generator
) -> ImageWithTarget:
    """Return an example mirrored, turned, moved, scaled, brightened or darkened at random."""
    if not settings.augment:
        return plain_image(example, settings)
    image, points = example.image, to_image_pixels(example.points, settings.image)
    size = (image.shape[1], image.shape[0])
    change = ImageChange.draw(size, settings, rng)
    if settings.augment_flip and rng.random() < 0.5:
        image, points = mirrored(image, points)
    return _with_target(change.image(image), change.points(points), settings)


def mirrored(image: npt.NDArray[Any], points: FloatArray) -> tuple[npt.NDArray[Any], FloatArray]:
    """Mirror an image (h, w, C) left to right, and the points (A, 2) in it.

    An animal stays who it is: centres have no left and right.
    """
    across = image.shape[1] - 1 - points[..., 0]
    return np.ascontiguousarray(image[:, ::-1]), np.stack([across, points[..., 1]], axis=-1)


def _with_target(
    image: npt.NDArray[Any], points: FloatArray, settings: ComTrainSettings
) -> ImageWithTarget:
    """Image and points (A, 2) px of it, with what the network shall answer."""
    size = (image.shape[1], image.shape[0])
    in_frame = to_frame_pixels(points, settings.image)
    spots = com_targets(in_frame, size, settings.image, settings.sigma_px)
    target = shared_target(spots) if settings.channels == "shared" else spots
    return ImageWithTarget(image, target, points)
