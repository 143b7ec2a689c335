"""Training examples of the DANNCE network: one animal at one moment, seen by all cameras."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from napari_sdannce.models.volume_samplers import sampler_for
from napari_sdannce.training.augmentation import choose_views, take_views, turn_points, turn_volume
from napari_sdannce.training.moments import labelled_frames
from napari_sdannce.video import RecordingVideo

if TYPE_CHECKING:
    from collections.abc import Iterator

    import torch
    from torch import Tensor

    from napari_sdannce.geometry import Camera
    from napari_sdannce.settings.dannce import DannceTrainSettings
    from napari_sdannce.training.experiments import Experiment

FloatArray = npt.NDArray[np.float64]
Image = npt.NDArray[np.uint8]

_MARGIN_PX = 4
_POINTS_ALONG_EDGE = 9


@dataclass(frozen=True, eq=False)
class DannceExample:
    """One animal at one moment.

    Parameters
    ----------
    images
        One a camera, cut to what the volume can reach.
    cameras
        Calibrations of the cut images.
    com
        (3,) mm.
    points
        (K, 3) mm, NaN = not labelled.
    frame
        Index of the labelled moment among those of all experiments.
    """

    images: tuple[Image, ...]
    cameras: tuple[Camera, ...]
    com: FloatArray
    points: FloatArray
    frame: int

    @property
    def nbytes(self) -> int:
        """Memory its images take."""
        return sum(image.nbytes for image in self.images)


def read_examples(
    experiment: Experiment, settings: DannceTrainSettings, first_frame: int = 0
) -> Iterator[DannceExample | None]:
    """Decode the labelled moments and keep the parts of the images that training needs.

    Parameters
    ----------
    experiment
        Recording, labels and COMs.
    settings
        Size of the volume and how far it is moved.
    first_frame
        Index of the experiment's first labelled moment among those of all.

    Yields
    ------
    One a labelled animal and moment, in order; None where a camera's frame can not be read.
    """
    chosen = usable(experiment)
    rows = np.flatnonzero(chosen.any(axis=1))
    reach = settings.volume.size_mm / 2 + settings.com_jitter_mm
    with RecordingVideo(experiment.recording) as video:
        moments = labelled_frames(video, experiment.labels.sample_ids[rows])
        for row, images in zip(rows, moments, strict=True):
            readable = [image for image in images if image is not None]
            for animal in np.flatnonzero(chosen[row]):
                if len(readable) < len(images):
                    yield None
                    continue
                com = experiment.coms[row, animal]
                parts = [
                    cut_to_reach(image, camera, com, reach)
                    for image, camera in zip(readable, experiment.recording.cameras, strict=True)
                ]
                yield DannceExample(
                    images=tuple(image for image, _ in parts),
                    cameras=tuple(camera for _, camera in parts),
                    com=com,
                    points=experiment.labels.points_3d[row, animal],
                    frame=first_frame + int(row),
                )


def usable(experiment: Experiment) -> npt.NDArray[np.bool_]:
    """Tell which animals (F, A) have a COM and a keypoint."""
    labelled = np.isfinite(experiment.labels.points_3d).all(axis=-1).any(axis=-1)
    centred = np.isfinite(experiment.coms).all(axis=-1)
    return np.asarray(centred & labelled)


def cut_to_reach(
    image: Image, camera: Camera, com: FloatArray, reach: float
) -> tuple[Image, Camera]:
    """Cut an image to what a cube can show, and the camera with it.

    Pixels read for points outside of the image are those of its border; the cut keeps the border
    wherever the cube leaves the image, so sampling gives the same.

    Parameters
    ----------
    image
        (H, W) or (H, W, 3).
    com
        (3,) centre of the cube, mm.
    reach
        Half its edge length, mm.
    """
    steps = np.linspace(-reach, reach, _POINTS_ALONG_EDGE)
    cube = np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(-1, 3)
    pixels = camera.project(com + cube)
    height, width = image.shape[:2]
    if not np.isfinite(pixels).all():
        return image, camera
    low = np.floor(pixels.min(axis=0)).astype(int) - _MARGIN_PX
    high = np.ceil(pixels.max(axis=0)).astype(int) + _MARGIN_PX + 1
    left, top = low.clip(0, (width - 1, height - 1))
    right, bottom = np.maximum(high.clip(0, (width, height)), (left + 1, top + 1))
    # a copy, so that the full frame can be forgotten
    part = np.ascontiguousarray(image[top:bottom, left:right])
    return part, camera.cropped(int(left), int(top), int(right - left), int(bottom - top))


@dataclass(frozen=True, eq=False)
class VolumeWithPoints:
    """A volume and the keypoints in it.

    Parameters
    ----------
    volume
        (V * channels, y, x, z) uint8, or float32 of brightness.
    points
        (K, 3) mm relative to the volume's centre, NaN = not labelled.
    """

    volume: Tensor
    points: FloatArray


@dataclass(frozen=True, eq=False)
class VolumeMaker:
    """Makes volumes of examples for a network on some device."""

    settings: DannceTrainSettings
    device: torch.device

    def plain(self, example: DannceExample) -> VolumeWithPoints:
        """Fill the volume of an example as prediction would: at its COM, unturned.

        All views are in order, or evenly spread ones when the network takes fewer than there are.
        """
        wanted = self.settings.n_views or len(example.images)
        views = np.arange(wanted) * len(example.images) // wanted
        volume = self._fill(example, views, example.com)
        return VolumeWithPoints(volume, example.points - example.com)

    def random(self, example: DannceExample, rng: np.random.Generator) -> VolumeWithPoints:
        """Fill the volume of an example moved, turned and with drawn views."""
        jitter = self.settings.com_jitter_mm
        com = example.com + rng.uniform(-jitter, jitter, size=3)
        views = choose_views(len(example.images), self.settings, rng)
        quarters = int(rng.integers(4)) if self.settings.rotate else 0
        volume = turn_volume(self._fill(example, views, com), quarters)
        return VolumeWithPoints(volume, turn_points(example.points - com, quarters))

    def _fill(
        self, example: DannceExample, views: npt.NDArray[np.int64], com: FloatArray
    ) -> Tensor:
        """Volume (V * channels, y, x, z); views that occur twice are sampled once."""
        needed, order = np.unique(views, return_inverse=True)
        sampler = sampler_for(
            tuple(example.cameras[view] for view in needed),
            self.settings.volume,
            self.device,
            mono=self.settings.mono,
        )
        volume = sampler.fill([example.images[view] for view in needed], com[None])[0]
        if np.array_equal(order, np.arange(len(needed))):
            return volume
        return take_views(volume, order, len(volume) // len(needed))
