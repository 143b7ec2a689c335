"""Labelled recordings, as training takes them."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt
from scipy.optimize import linear_sum_assignment

from napari_sdannce.files import open_labels, open_recording
from napari_sdannce.files.choose_labels import choose_labels, holds_coms
from napari_sdannce.files.guess_skeleton import animal_names
from napari_sdannce.labels import Labels, mean_keypoint
from napari_sdannce.predictions import read_com_trace
from napari_sdannce.predictions.com_repair import usable_trace
from napari_sdannce.predictions.find_com import find_com
from napari_sdannce.recording import PixelOrigin
from napari_sdannce.skeletons import Skeleton

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from napari_sdannce.predictions import ComTrace
    from napari_sdannce.recording import Recording
    from napari_sdannce.settings.base import ComRepairSettings, ExperimentSettings

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Experiment:
    """One recording with labels of its animals.

    Parameters
    ----------
    recording
        Calibrated.
    labels
        Their views are those of the recording, in the same order.
    coms
        (F, A, 3) mm, centre of each animal at each labelled moment, NaN = not known.
    trace
        Centres at other moments; None when they are not known.
    masks
        Folder of masks of the animals.
    """

    recording: Recording
    labels: Labels
    coms: FloatArray
    trace: ComTrace | None = None
    masks: Path | None = None

    def __post_init__(self) -> None:
        if self.labels.views != self.recording.names:
            raise ValueError(
                f"{self.recording.folder}: the labels have the cameras "
                f"{', '.join(self.labels.views)}, the recording {', '.join(self.recording.names)}"
            )
        expected = (len(self.labels), len(self.labels.animals), 3)
        if self.coms.shape != expected:
            raise ValueError(
                f"{self.recording.folder}: COMs have the shape {self.coms.shape}, expected "
                f"{expected}"
            )

    @classmethod
    def of(
        cls,
        recording: Recording,
        labels: Labels,
        com: ComTrace | None = None,
        masks: Path | None = None,
    ) -> Experiment:
        """Pair a recording with labels, in order of time.

        Without a trace, the COM of an animal is the mean of its keypoints. With one, it is the
        nearest that is no other animal's.

        Raises
        ------
        ValueError
            When cameras differ, nothing is labelled in 3D, or the trace is of fewer animals.
        """
        with _about(recording.folder):
            labels = labels.select_views(recording.names).select_frames(labels.any_3d)
        if not len(labels):
            raise ValueError(f"{recording.folder}: nothing is labelled in 3D")
        labels = labels.select_frames(np.argsort(labels.sample_ids, kind="stable"))
        means = mean_keypoint(labels.points_3d)
        if com is None:
            return cls(recording, labels, means, masks=masks)
        if com.n_animals < len(labels.animals):
            raise ValueError(
                f"{recording.folder}: the COM trace is of {com.n_animals} animals, the labels of "
                f"{len(labels.animals)}"
            )
        coms = nearest_coms(means, com.at(labels.sample_ids).positions)
        return cls(recording, labels, coms, com, masks)


def other_frames(experiment: Experiment) -> Iterator[str]:
    """Say so when labels name other frames of their moments than the recording's sync."""
    sync, labels = experiment.recording.sync, experiment.labels
    if sync is None or not len(sync):
        return
    order = np.argsort(sync.sample_ids, kind="stable")
    place = order[np.searchsorted(sync.sample_ids, labels.sample_ids, sorter=order) % len(sync)]
    known = sync.sample_ids[place] == labels.sample_ids
    differs = (sync.frames[place] != labels.frames.T) & known[:, None] & (labels.frames.T >= 0)
    if differs.any():
        row, view = np.argwhere(differs)[0]
        count = int(differs.any(axis=1).sum())
        yield (
            f"{experiment.recording.folder}: the labels put moment {labels.sample_ids[row]} at "
            f"frame {labels.frames[view, row]} of {labels.views[view]}, the sync at frame "
            f"{sync.frames[place[row], view]}; the sync counts ({count} of "
            f"{len(labels)} labelled frames differ)"
        )


def without_keypoints(experiment: Experiment, dropped: Sequence[int]) -> Experiment:
    """The same experiment, some keypoints as if they were not labelled in 3D.

    Raises
    ------
    ValueError
        When there is no such keypoint.
    """
    labels = experiment.labels
    beyond = [each for each in dropped if each >= len(labels.skeleton.keypoints)]
    if beyond:
        raise ValueError(
            f"drop_keypoints: there is no keypoint {beyond[0]}, only 0 to "
            f"{len(labels.skeleton.keypoints) - 1} ({', '.join(labels.skeleton.keypoints)})"
        )
    points = labels.points_3d.copy()
    points[:, :, list(dropped)] = np.nan
    return replace(experiment, labels=replace(labels, points_3d=points))


def nearest_coms(means: FloatArray, positions: FloatArray) -> FloatArray:
    """Share out the animals of a trace among those of labels, moment by moment.

    Parameters
    ----------
    means
        (F, A, 3) mean keypoint of each labelled animal, NaN = not labelled.
    positions
        (F, B, 3) centres at the same moments, B at least A.

    Returns
    -------
    (F, A, 3) the centre that is each animal's; in order where a moment does not tell.
    """
    n_animals = means.shape[1]
    chosen = positions[:, :n_animals].copy()
    if positions.shape[1] == 1:
        return chosen
    apart = np.linalg.norm(means[:, :, None] - positions[:, None], axis=-1)
    for row in np.flatnonzero(np.isfinite(apart).any(axis=(1, 2))):
        # an animal or centre that is not there may have what the others leave
        ours, theirs = linear_sum_assignment(np.where(np.isnan(apart[row]), 1e9, apart[row]))
        chosen[row, ours] = positions[row, theirs]
    return chosen


def open_experiment(settings: ExperimentSettings, kind: Literal["com", "dannce"]) -> Experiment:
    """Open a recording with its labels and COMs.

    Parameters
    ----------
    settings
        Where they lie.
    kind
        Decides which label file counts when the folder has several: one of COMs, or of poses.

    Raises
    ------
    FileNotFoundError, FileFormatError
        When something can not be read.
    ValueError
        When it is not clear which label file is meant, or things do not fit together.
    """
    origin = PixelOrigin(settings.pixel_origin)
    recording = open_recording(settings.folder, pixel_origin=origin, videos=settings.videos)
    if settings.cameras:
        recording = recording.select(settings.cameras)
    recording.cameras  # noqa: B018  raises when one is not calibrated
    with _about(settings.folder):
        fitting = choose_labels(
            settings,
            recording.label_files,
            kind,
            lambda path, skeleton: open_labels(path, skeleton=skeleton, pixel_origin=origin),
        )
        labels = merge_animals([each for _, each in fitting], [path.name for path, _ in fitting])
        if all(holds_coms(each, path) for path, each in fitting):
            labels = one_point_an_animal(labels)
    trace = _trace(settings.com, recording, settings) if settings.com else None
    experiment = Experiment.of(recording, labels, trace, settings.masks)
    if trace or kind == "com":
        return experiment
    try:
        found = find_com(recording)
    except ValueError:
        return experiment  # it is not clear which trace is meant, and perhaps none is needed
    return replace(experiment, trace=_trace(found, recording, settings))


def _trace(path: Path, recording: Recording, repair: ComRepairSettings) -> ComTrace:
    """COM trace of a recording, smoothed and with its short gaps filled."""
    trace = read_com_trace(path)
    recorded = trace.sample_ids if recording.sync is None else recording.sync.sample_ids
    return usable_trace(trace, recorded, recorded, repair).trace


@contextmanager
def _about(folder: Path) -> Iterator[None]:
    """Name the folder in what is wrong with its labels."""
    try:
        yield
    except ValueError as error:
        raise ValueError(f"{folder}: {error}") from error


def one_point_an_animal(labels: Labels) -> Labels:
    """Take each point of COM labels as an animal, named by the point where there is one animal."""
    if len(labels.skeleton.keypoints) == 1:
        return labels
    names = labels.skeleton.keypoints
    if len(labels.animals) > 1:
        names = tuple(f"{animal} {point}" for animal in labels.animals for point in names)
    n_views, n_frames = labels.frames.shape
    per_view = (n_views, n_frames, len(names), 1)
    return replace(
        labels,
        animals=names,
        skeleton=Skeleton("com", ("com",)),
        points_3d=labels.points_3d.reshape(n_frames, len(names), 1, 3),
        points_2d=labels.points_2d.reshape(*per_view, 2),
        states=labels.states.reshape(per_view),
        labelers=labels.labelers.reshape(per_view),
        times=labels.times.reshape(per_view),
    )


def merge_animals(parts: Sequence[Labels], files: Sequence[str] = ()) -> Labels:
    """Labels of several files, each of other animals of the same recording, as one.

    Animals keep their names when no two have the same.

    Parameters
    ----------
    parts
        Labels of each file.
    files
        Their names, for errors.

    Raises
    ------
    ValueError
        When skeletons differ, or the same moment lies at different frames.
    """
    first = parts[0]
    if len(parts) == 1:
        return first
    called = [f" ({name})" for name in files] or [""] * len(parts)
    for other, name in zip(parts[1:], called[1:], strict=True):
        if other.skeleton.keypoints != first.skeleton.keypoints:
            raise ValueError(
                f"labels of skeleton '{other.skeleton.name}'{name} can not be joined with those of "
                f"'{first.skeleton.name}'{called[0]}"
            )
    parts = [part.select_views(first.views) for part in parts]
    ids = np.unique(np.concatenate([part.sample_ids for part in parts]))
    places = [np.searchsorted(ids, part.sample_ids) for part in parts]
    frames = np.full((len(first.views), len(ids)), -1, dtype=np.int64)
    for part, place in zip(parts, places, strict=True):
        before = frames[:, place]
        if ((before >= 0) & (before != part.frames)).any():
            raise ValueError("label files put the same sample id at different frames")
        frames[:, place] = part.frames
    names = tuple(name for part in parts for name in part.animals)
    if len(set(names)) < len(names):
        names = animal_names(len(names))
    merged = Labels.empty(first.views, first.skeleton, names, ids, frames)
    column = 0
    for part, place in zip(parts, places, strict=True):
        stop = column + len(part.animals)
        merged.points_3d[place, column:stop] = part.points_3d
        merged.points_2d[:, place, column:stop] = part.points_2d
        merged.states[:, place, column:stop] = part.states
        column = stop
    return merged
