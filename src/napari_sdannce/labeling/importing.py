"""Labels of other files, taken into a session."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from napari_sdannce.labeling.frame_labels import KEPT, FrameLabels
from napari_sdannce.labels import NOBODY, Labels, LabelState

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from napari_sdannce.labeling.session import Subject

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
        When keypoints, animals, cameras, moments or their frames are not those of the subject.
    """
    _check(labels, subject)
    labels = labels.select_views(subject.views)
    _check_frames(labels, subject)
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


def side_by_side(parts: Sequence[Labels]) -> Labels:
    """Labels of several files as those of several animals: DANNCE has a file for each.

    Raises
    ------
    ValueError
        When keypoints, cameras or the frames of a moment differ.
    """
    first = parts[0]
    for part in parts[1:]:
        if part.skeleton.keypoints != first.skeleton.keypoints:
            raise ValueError("the label files have different keypoints; begin with one of them")
        if set(part.views) != set(first.views):
            raise ValueError("the label files have different cameras; begin with one of them")
    parts = [part.select_views(first.views) for part in parts]
    keys = np.unique(np.concatenate([part.sample_ids for part in parts]))
    frames = np.full((len(first.views), len(keys)), -1, dtype=np.int64)
    names = [name for part in parts for name in part.animals]
    if len(set(names)) < len(names):
        names = [f"animal{number + 1}" for number in range(len(names))]
    joined = Labels.empty(first.views, first.skeleton, tuple(names), keys, frames)
    labeler_names: list[str] = []
    animal = 0
    for part in parts:
        rows = np.searchsorted(keys, part.sample_ids)
        if ((frames[:, rows] != part.frames) & (frames[:, rows] >= 0)).any():
            raise ValueError("the label files put the same moments at different frames")
        frames[:, rows] = part.frames
        animals = slice(animal, animal + len(part.animals))
        for name in ("points_2d", "states", "times"):
            getattr(joined, name)[:, rows, animals] = getattr(part, name)
        joined.points_3d[rows, animals] = part.points_3d
        known = part.labelers != NOBODY
        numbers = np.where(known, part.labelers + len(labeler_names), NOBODY)
        joined.labelers[:, rows, animals] = numbers
        labeler_names += part.labeler_names
        animal += len(part.animals)
    return replace(joined, frames=frames, labeler_names=tuple(labeler_names))


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


def _check_frames(labels: Labels, subject: Subject) -> None:
    """Refuse labels whose keys count otherwise: they would come to lie on other images."""
    keys = subject.sync.sample_ids
    order = np.argsort(keys, kind="stable")
    rows = order[np.searchsorted(keys, labels.sample_ids, sorter=order)]
    ours = subject.sync.frames[rows].T
    differs = (ours != labels.frames) & (ours >= 0) & (labels.frames >= 0)
    for view, row in np.argwhere(differs).tolist():
        raise ValueError(
            f"the labels of moment {labels.sample_ids[row]} are of frame {labels.frames[view, row]}"
            f" of {subject.views[view]}, the recording has frame {ours[view, row]} there: they "
            "count the moments otherwise"
        )


def _unknown(keys: npt.NDArray[np.int64], there: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    return keys[~np.isin(keys, there)]
