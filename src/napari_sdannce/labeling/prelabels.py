"""Predictions as proposals: a person accepts or corrects them instead of starting with nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from napari_sdannce.labeling import commands
from napari_sdannce.labels import LabelState

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from napari_sdannce.geometry import Camera
    from napari_sdannce.labeling.commands import By
    from napari_sdannce.labeling.frame_labels import FrameLabels
    from napari_sdannce.labeling.session import LabelingSession
    from napari_sdannce.poses import Poses

FloatArray = npt.NDArray[np.float64]


def prelabel(
    session: LabelingSession, poses: Poses, sample_ids: Iterable[int]
) -> dict[int, FrameLabels]:
    """Labels of some moments with the predictions proposed in them; changes nothing by itself.

    Parameters
    ----------
    session
        The labels so far.
    poses
        Predictions; animals are matched as by `matched_animals`.
    sample_ids
        Moments; those without a prediction are left out.

    Returns
    -------
    Labels by sample id, for `LabelingSession.change`; only those that are different. A person
    accepts them with `commands.accept`.

    Raises
    ------
    ValueError
        When the keypoints are others than those of the session.
    KeyError
        When the recording has no such moment.

    Examples
    --------
    >>> after = prelabel(session, poses, [100, 200])  # doctest: +SKIP
    >>> session.change("pre-label", after)  # doctest: +SKIP
    >>> labels = commands.accept(session.at(100), session.solution(100))  # doctest: +SKIP
    >>> session.change("accept the frame", {100: labels})  # doctest: +SKIP
    """
    subject = session.subject
    check_keypoints(poses, subject.skeleton.keypoints)
    columns = matched_animals(poses.animals, subject.animals)
    rows = {key: row for row, key in enumerate(poses.sample_ids.tolist())}
    moments = {key: row for row, key in enumerate(subject.sync.sample_ids.tolist())}
    by, changed = session.by, {}
    for key in sample_ids:
        if key not in moments:
            raise KeyError(f"the recording has no moment {key}")
        if key not in rows:
            continue
        frames = subject.sync.frames[moments[key]]
        pose = np.full((*subject.shape[1:], 3), np.nan)
        for column, animal in enumerate(columns):
            if animal is not None:
                pose[animal] = poses.positions[rows[key], column]
        # a view without a frame shows nothing that could be accepted or corrected
        cameras = [
            camera if frame >= 0 else None
            for camera, frame in zip(subject.cameras, frames, strict=True)
        ]
        before = session.at(key)
        after = with_prediction(before, pose, cameras, by)
        if not after.equals(before):
            changed[key] = after
    return changed


def with_prediction(
    labels: FrameLabels, pose: FloatArray, cameras: Sequence[Camera | None], by: By
) -> FrameLabels:
    """Propose a pose in every view that shows it, never over what a person said.

    An earlier prediction gives way, also where the new one lies outside of the image; where there
    is no new one, it stays.

    Parameters
    ----------
    labels
        Of the moment.
    pose
        (A, K, 3) mm, NaN where nothing is predicted.
    cameras
        One a view, None where nothing is to be proposed. One whose image size is not known is
        taken to show all.
    by
        Who asks for it.
    """
    points = project_inside(pose, cameras)
    mine = (labels.states == LabelState.PREDICTED) & ~labels.accepted
    gone = mine & np.isfinite(pose).all(axis=-1) & np.isnan(points).any(axis=-1)
    if gone.any():
        labels = commands.clear(labels, *(index.tolist() for index in np.nonzero(gone)))
    # the same again is no step
    points[mine & (points == labels.points).all(axis=-1)] = np.nan
    return commands.propose(labels, points, by)


def project_inside(pose: FloatArray, cameras: Sequence[Camera | None]) -> FloatArray:
    """Pixels (V, A, K, 2) of a pose (A, K, 3) mm; NaN outside of the image and without a camera."""
    points = np.full((len(cameras), *pose.shape[:-1], 2), np.nan)
    for view, camera in enumerate(cameras):
        if camera is None:
            continue
        pixels = camera.project(pose)
        if camera.image_size is not None:
            pixels[~camera.sees(pixels)] = np.nan
        points[view] = pixels
    return points


def matched_animals(theirs: Sequence[str], ours: Sequence[str]) -> tuple[int | None, ...]:
    """Which of our animals each of theirs is: by name where names are equal, the rest by order.

    None where they have more than we.

    Examples
    --------
    >>> matched_animals(("rat2", "a", "b"), ("rat1", "rat2"))
    (1, 0, None)
    """
    left = [index for index, name in enumerate(ours) if name not in theirs]
    rest = iter(left)
    return tuple(ours.index(name) if name in ours else next(rest, None) for name in theirs)


def check_keypoints(poses: Poses, keypoints: tuple[str, ...]) -> None:
    """Raise ValueError when poses are of other keypoints."""
    if poses.keypoints != keypoints:
        raise ValueError(
            f"the predictions have the keypoints {', '.join(poses.keypoints)}, the session "
            f"{', '.join(keypoints)}"
        )
