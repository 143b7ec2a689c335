"""Labels of other files, taken into a session."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_sdannce.labeling.frame_labels import KEPT, FrameLabels
from napari_sdannce.labels import NOBODY, LabelState

if TYPE_CHECKING:
    import numpy.typing as npt

    from napari_sdannce.labeling.session import Subject
    from napari_sdannce.labels import Labels

_ENOUGH = 2


def frames_of(
    labels: Labels, subject: Subject, authors: dict[str, int] | None = None
) -> dict[int, FrameLabels]:
    """Labels of a session from those of a file, by sample id.

    What a person clicked is a click again. A position in space that does not come from clicks is
    proposed in each view and accepted, so that it stays where it is until somebody clicks.

    Parameters
    ----------
    labels
        From a file.
    subject
        What the session is of.
    authors
        Numbers of authors in the session, by name.

    Raises
    ------
    ValueError
        When keypoints, animals, cameras or moments are not those of the subject.
    """
    _check(labels, subject)
    labels = labels.select_views(subject.views)
    numbers = np.full(len(labels.labeler_names) + 1, NOBODY, np.int16)
    for index, name in enumerate(labels.labeler_names):
        numbers[index] = (authors or {}).get(name, NOBODY)
    points, states = labels.points_2d.copy(), labels.states.copy()
    states[labels.states == LabelState.REJECTED] = LabelState.HUMAN
    clicks = np.isin(states, (LabelState.HUMAN, LabelState.UNCERTAIN)).sum(axis=0)
    is_known = np.isfinite(labels.points_3d).all(axis=-1)
    follows = labels.states == LabelState.REPROJECTED
    proposed = follows & (clicks < _ENOUGH)
    states[follows] = LabelState.NONE
    states[proposed] = LabelState.PREDICTED
    has_place = np.isfinite(points).all(axis=-1)
    states[~has_place & np.isin(states, (LabelState.PREDICTED, LabelState.TRACKED))] = 0
    points[~has_place | (states == LabelState.NONE)] = np.nan
    accepted = is_known & (clicks < _ENOUGH) & proposed.any(axis=0)
    assert np.isin(states, KEPT).all()
    found = {}
    for row, key in enumerate(labels.sample_ids.tolist()):
        one = FrameLabels(
            points=points[:, row].copy(),
            states=states[:, row].copy(),
            locked=np.zeros(states[:, row].shape, bool),
            authors=numbers[labels.labelers[:, row]],
            times=labels.times[:, row].copy(),
            accepted=accepted[row].copy(),
        )
        if not one.is_empty:
            found[key] = one
    return found


def _check(labels: Labels, subject: Subject) -> None:
    ours, theirs = subject.skeleton.keypoints, labels.skeleton.keypoints
    if ours != theirs:
        raise ValueError(
            f"the labels have the keypoints {', '.join(theirs)}, the session {', '.join(ours)}"
        )
    if len(labels.animals) != len(subject.animals):
        raise ValueError(
            f"the labels are of {len(labels.animals)} animals, the session of "
            f"{len(subject.animals)}"
        )
    unknown = _unknown(labels.sample_ids, subject.sync.sample_ids)
    if len(unknown):
        raise ValueError(
            f"{len(unknown)} labelled moments are not in the recording, the first is {unknown[0]}"
        )


def _unknown(keys: npt.NDArray[np.int64], there: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    return keys[~np.isin(keys, there)]
