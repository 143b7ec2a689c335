"""How much memory the pictures take that a training keeps."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_sdannce.geometry.reach import cube_in_image
from napari_sdannce.labels import mean_keypoint

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_sdannce.labels import Labels
    from napari_sdannce.recording import Recording
    from napari_sdannce.settings import ComTrainSettings, DannceTrainSettings

_COLOURS = 3
_USUAL_SIZE = (1920, 1200)
_LOOKED_AT = 20


def image_pixels(recording: Recording, settings: ComTrainSettings) -> float:
    """Pixels of a COM network's image, as far as the calibration tells the size of frames."""
    sizes = [view.camera.image_size for view in recording.views if view.camera is not None]
    known = [size[0] * size[1] for size in sizes if size is not None]
    return max(known, default=_USUAL_SIZE[0] * _USUAL_SIZE[1]) / settings.image.downsample**2


def of_coms(recording: Recording, labels: Sequence[Labels], settings: ComTrainSettings) -> float:
    """Bytes of the images of an experiment's labelled frames."""
    n_frames = max(int(each.any_3d.sum()) for each in labels)
    return n_frames * len(recording.views) * _COLOURS * image_pixels(recording, settings)


def of_poses(
    recording: Recording, labels: Sequence[Labels], settings: DannceTrainSettings
) -> float:
    """Bytes of what cubes may show of an experiment's images, by a look at some of the poses."""
    means = [mean_keypoint(each.points_3d[each.any_3d]).reshape(-1, 3) for each in labels]
    centres = np.concatenate(means)
    centres = centres[np.isfinite(centres).all(axis=-1)]
    cameras = [view.camera for view in recording.views if view.camera is not None]
    areas = [
        (right - left) * (bottom - top)
        for camera in cameras
        for centre in centres[:: max(1, len(centres) // _LOOKED_AT)]
        for left, top, right, bottom in [
            cube_in_image(camera, centre, settings.reach_mm, camera.image_size or _USUAL_SIZE)
        ]
    ]
    n_examples = len(centres) + _n_unlabelled(settings.unlabelled, len(centres))
    return n_examples * len(cameras) * _COLOURS * float(np.mean(areas)) if areas else 0.0


def _n_unlabelled(amount: str, n_labelled: int) -> float:
    """How many examples without labels come to so many with."""
    if amount in ("none", "equal"):
        return n_labelled if amount == "equal" else 0
    share = float(amount)
    return share if share >= 1 else n_labelled * share / (1 - share)
