"""Training examples of pose networks: one animal at one moment, seen by all cameras."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from napari_sdannce.geometry.reach import cube_in_image
from napari_sdannce.training.masks import read_masks
from napari_sdannce.training.moments import labelled_frames
from napari_sdannce.training.wanted import lacking, uncentred, wanted_examples
from napari_sdannce.video import RecordingVideo

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from napari_sdannce.geometry import Camera
    from napari_sdannce.settings.dannce import DannceTrainSettings
    from napari_sdannce.training.experiments import Experiment
    from napari_sdannce.training.wanted import Wanted

FloatArray = npt.NDArray[np.float64]
Image = npt.NDArray[np.uint8]


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
        Index of the labelled moment among those of all experiments; -1 without labels.
    moment
        Number of the experiment's first labelled moment, and the sample id: two animals that have
        the same were there together.
    chunk
        Moments in a row, of one animal, have the same; it begins with the experiment's number too.
    masks
        Of the animals, cut as the images; None without masks.
    """

    images: tuple[Image, ...]
    cameras: tuple[Camera, ...]
    com: FloatArray
    points: FloatArray
    frame: int
    moment: tuple[int, int]
    chunk: tuple[int, int]
    masks: tuple[Image, ...] | None = None

    @property
    def nbytes(self) -> int:
        """Memory its images take."""
        return sum(image.nbytes for image in (*self.images, *(self.masks or ())))

    @property
    def truth(self) -> Sequence[FloatArray]:
        """Labels, centre and calibration."""
        own = [each for camera in self.cameras for each in _numbers(camera)]
        return (self.points, self.com, *own)

    @property
    def is_labelled(self) -> bool:
        """Whether a keypoint is labelled."""
        return bool(np.isfinite(self.points).all(axis=-1).any())


def _numbers(camera: Camera) -> tuple[FloatArray, ...]:
    # the four radial coefficients of a fisheye, alone, tell it from the two or three of others
    return (
        camera.matrix,
        camera.rotation,
        camera.translation,
        camera.radial,
        camera.tangential,
    )


def read_examples(
    experiment: Experiment, settings: DannceTrainSettings, first_frame: int = 0
) -> Iterator[DannceExample | None]:
    """Decode the moments to learn from and keep the parts of the images that training needs.

    Parameters
    ----------
    experiment
        Recording, labels and COMs.
    settings
        Size of the volume, how far it is moved, and which moments without labels are wanted.
    first_frame
        Index of the experiment's first labelled moment among those of all.

    Yields
    ------
    One an animal and moment, in order of time; None where a camera's frame can not be read.
    """
    with RecordingVideo(experiment.recording) as video:
        wanted = wanted_examples(experiment, settings, video.sample_ids, first_frame)
        ids = np.unique([each.sample_id for each in wanted])
        place = {int(key): i for i, key in enumerate(ids)}
        by_moment: list[list[Wanted]] = [[] for _ in ids]
        for each in wanted:
            by_moment[place[each.sample_id]].append(each)
        for together, images in zip(by_moment, labelled_frames(video, ids), strict=True):
            readable = [image for image in images if image is not None]
            if len(readable) < len(images):
                yield from [None] * len(together)
                continue
            masks = read_masks(experiment, together[0].sample_id, readable)
            for each in together:
                yield _example(each, readable, masks, experiment, settings, first_frame)


def n_wanted(experiment: Experiment, settings: DannceTrainSettings) -> int:
    """How many examples an experiment has if all its frames can be read."""
    with RecordingVideo(experiment.recording) as video:
        return len(wanted_examples(experiment, settings, video.sample_ids, 0))


def what_is_lacking(experiment: Experiment, settings: DannceTrainSettings) -> Iterator[str]:
    """Say so when there are fewer examples than are labelled, or than the settings ask for."""
    yield from uncentred(experiment)
    with RecordingVideo(experiment.recording) as video:
        yield from lacking(experiment, settings, video.sample_ids)


def _example(
    wanted: Wanted,
    images: Sequence[Image],
    masks: Sequence[Image] | None,
    experiment: Experiment,
    settings: DannceTrainSettings,
    first_frame: int,
) -> DannceExample:
    reach = settings.reach_mm
    own = experiment.recording.cameras
    parts = [
        cut_to_reach(image, camera, wanted.com, reach)
        for image, camera in zip(images, own, strict=True)
    ]
    cut_masks = [
        cut_to_reach(mask, camera, wanted.com, reach)[0]
        for mask, camera in zip(masks or (), own, strict=bool(masks))
    ]
    return DannceExample(
        images=tuple(image for image, _ in parts),
        cameras=tuple(camera for _, camera in parts),
        com=wanted.com,
        points=wanted.points,
        frame=wanted.frame,
        moment=(first_frame, wanted.sample_id),
        chunk=(first_frame, wanted.chunk),
        masks=tuple(cut_masks) if masks else None,
    )


def cut_to_reach(
    image: Image, camera: Camera, com: FloatArray, reach: float
) -> tuple[Image, Camera]:
    """Cut an image to what a cube can show, turned or not, and the camera with it.

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
    height, width = image.shape[:2]
    left, top, right, bottom = cube_in_image(camera, com, reach, (width, height))
    # a copy, so that the full frame can be forgotten
    part = np.ascontiguousarray(image[top:bottom, left:right])
    return part, camera.cropped(left, top, right - left, bottom - top)
