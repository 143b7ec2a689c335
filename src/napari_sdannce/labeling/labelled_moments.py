"""Moments of a session: which can be labelled, which are, and how far others are from these."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from napari_sdannce.labeling.session import LabelingSession

FloatArray = npt.NDArray[np.floating]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]

_ENOUGH_VIEWS = 2


def have_frames(session: LabelingSession) -> BoolArray:
    """(moments,) whether enough views have a frame for positions in space."""
    frames = session.subject.sync.frames
    enough = min(_ENOUGH_VIEWS, frames.shape[1])
    return np.asarray((frames >= 0).sum(axis=1) >= enough)


def labelled_moments(session: LabelingSession) -> IntArray:
    """Moments at which a person clicked or accepted anything, rising."""
    rows = {key: row for row, key in enumerate(session.subject.sync.sample_ids.tolist())}
    said = (
        rows[key]
        for key, labels in session.frames.items()
        if labels.clicked.any() or labels.accepted.any()
    )
    return np.array(sorted(said), dtype=np.int64)


def away_from(moments: IntArray, labelled: IntArray) -> FloatArray:
    """(n,) how far each moment is from the nearest labelled one; infinite of nothing labelled."""
    if not len(labelled):
        return np.full(len(moments), np.inf)
    after = np.searchsorted(labelled, moments).clip(0, len(labelled) - 1)
    before = (after - 1).clip(0)
    away = np.minimum(np.abs(labelled[after] - moments), np.abs(labelled[before] - moments))
    return np.asarray(away, dtype=np.float64)
