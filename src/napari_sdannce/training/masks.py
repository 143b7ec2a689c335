"""Masks of the animals in the images, for the silhouette losses."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from napari_sdannce.training.experiments import Experiment


Image = npt.NDArray[np.uint8]


def read_masks(
    experiment: Experiment, sample_id: int, images: Sequence[Image]
) -> list[Image] | None:
    """Masks of one moment, one a camera: 0 outside of the animals, 255 inside.

    They lie in ``<masks>/<camera>/<frame>.png``, by the number of the camera's video frame. None
    when the experiment has no masks. They must be as large as the images, one a camera.

    Raises
    ------
    FileNotFoundError, ValueError
        When a mask is missing, no grey image, or does not fit.
    """
    if experiment.masks is None:
        return None
    sync = experiment.recording.sync
    masks = []
    for view, name in enumerate(experiment.recording.names):
        frame = sample_id
        if sync is not None:
            row = int(np.flatnonzero(sync.sample_ids == sample_id)[0])
            frame = int(sync.frames[row, view])
        masks.append(_read(experiment.masks / name / f"{frame}.png", images[view].shape[:2]))
    return masks


def _read(path: Path, size: tuple[int, ...]) -> Image:
    if not path.is_file():
        raise FileNotFoundError(f"no mask {path}; expected a grey image, 255 inside of the animals")
    mask = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    if mask is None:
        raise ValueError(f"{path}: not readable as an image, expected a mask (grey .png)")
    if mask.shape != size:
        raise ValueError(
            f"{path}: the mask is {mask.shape[1]} x {mask.shape[0]} px, the video "
            f"{size[1]} x {size[0]}"
        )
    if mask.max() == 1:
        raise ValueError(f"{path}: the mask is 1 inside of the animals, expected 255")
    return np.asarray(mask, dtype=np.uint8)
