"""Points that several cameras of a recording see: from its labels, or from 2D trackers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from napari_sdannce.calibration.errors import CalibrationError
from napari_sdannce.files import open_labels
from napari_sdannce.files.import_2d import place_points
from napari_sdannce.labels import LabelState
from napari_sdannce.settings.import_2d import ImportSettings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_sdannce.labels import Labels
    from napari_sdannce.recording import Recording

FloatArray = npt.NDArray[np.float64]

_SEEN = (LabelState.HUMAN, LabelState.TRACKED, LabelState.PREDICTED, LabelState.UNCERTAIN)
"""Points that were placed in an image. Where a calibration projects something says nothing of it.
Rejected ones count as well: a camera that has moved is why views are rejected."""
_SURE = ImportSettings(min_likelihood=0.3)
"""Trackers place each keypoint in every image, those that are hidden anywhere."""


def points_of_labels(labels: Labels, names: Sequence[str]) -> FloatArray:
    """(V, N, 2) px of what was placed in images, for cameras of these names; NaN where nothing."""
    kinds = [*_SEEN, LabelState.REJECTED]
    placed = np.where(np.isin(labels.states, kinds)[..., None], labels.points_2d, np.nan)
    flat = placed.reshape(len(labels.views), -1, 2)
    found = np.full((len(names), flat.shape[1], 2), np.nan)
    for view, name in enumerate(names):
        if name in labels.views:
            found[view] = flat[labels.views.index(name)]
    return found


def seen_points(recording: Recording, sources: Sequence[Path] = ()) -> FloatArray:
    """(V, N, 2) px of points of a recording, NaN where not seen.

    Parameters
    ----------
    recording
        Calibrated.
    sources
        Label files (``.mat``), or 2D keypoints of other programs, of which those count that they
        are sure of; none: the label files of the recording.

    Raises
    ------
    CalibrationError
        When there are none, or only ones that a calibration projected.
    FileFormatError
        When a file can not be read.
    """
    paths = tuple(map(Path, sources)) or recording.label_files
    if not paths:
        raise CalibrationError(
            f"{recording.folder}: it has no labels; name label files, or 2D keypoints of a tracker"
        )
    mats = [path for path in paths if path.suffix.lower() == ".mat"]
    others = [path for path in paths if path not in mats]
    parts = [points_of_labels(open_labels(path), recording.names) for path in mats]
    if others:
        placed = place_points(recording, others, _SURE).points_2d
        parts.append(placed.reshape(len(recording.names), -1, 2))
    points = np.concatenate(parts, axis=1)
    shared = np.isfinite(points).all(axis=2).sum(axis=0) >= 2
    if not shared.any():
        raise CalibrationError(
            f"{', '.join(path.name for path in paths)}: no point was placed in two images; "
            "exported labels are where the calibration projects them, and say nothing of it"
        )
    return points[:, shared]
