"""Which label files of an experiment a training learns from."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal

from napari_sdannce.files.guess_skeleton import MOST_COM_POINTS, numbered_skeleton

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from napari_sdannce.labels import Labels
    from napari_sdannce.settings import ExperimentSettings

_MOST_UNCLEAR = 8
_SAYS_COM = re.compile(r"(?<![a-z])com(?![a-z])", re.IGNORECASE)


def choose_labels(
    settings: ExperimentSettings,
    found: Sequence[Path],
    kind: Literal["com", "dannce"],
    read: Callable[[Path, str | None], Labels],
) -> list[tuple[Path, Labels]]:
    """Read those label files of an experiment that fit the job.

    Some are of COMs, one point an animal (`holds_coms`); others are of poses. Poses may lie in
    several files: each adds animals, or other moments of the same one, which is all the same to
    the DANNCE network. For the COM network, to which each animal is a channel, it must be clear
    which file is meant.

    Parameters
    ----------
    settings
        Files and skeleton that a person chose.
    found
        Label files that lie in the experiment.
    kind
        The network.
    read
        Opens a file with a skeleton, or with the one that the file tells.

    Raises
    ------
    FileNotFoundError, FileFormatError
        When a file can not be read.
    ValueError
        When it is not clear which file is meant, or what its points are.
    """
    paths = settings.labels or tuple(found)
    if not paths:
        raise ValueError("has no label file (*dannce.mat); choose one")
    opened = [(path, _opened(path, settings.skeleton, read)) for path in paths]
    fitting = opened if settings.labels else _fitting(opened, kind)
    if kind == "com":
        for path, labels in fitting:
            _check_clear(path, labels)
    return fitting


def holds_coms(labels: Labels, path: Path) -> bool:
    """Whether labels are of COMs, one point an animal, and not of poses.

    They are when each animal has one keypoint, or there are up to three points in all (as DANNCE's
    tools take it), or the points have no names and the file's name says COM.
    """
    n_each = len(labels.skeleton.keypoints)
    if n_each == 1 or n_each * len(labels.animals) <= MOST_COM_POINTS:
        return True
    return _has_no_names(labels) and _SAYS_COM.search(path.stem) is not None


def _opened(path: Path, skeleton: str | None, read: Callable[[Path, str | None], Labels]) -> Labels:
    """Labels of a file; the skeleton of poses does not count for COMs."""
    labels = read(path, None)
    if skeleton is None or (skeleton != "com" and holds_coms(labels, path)):
        return labels
    return read(path, skeleton)


def _fitting(
    opened: Sequence[tuple[Path, Labels]], kind: Literal["com", "dannce"]
) -> list[tuple[Path, Labels]]:
    of_coms = [(path, each) for path, each in opened if holds_coms(each, path)]
    of_poses = [(path, each) for path, each in opened if not holds_coms(each, path)]
    fitting = (of_coms or of_poses) if kind == "com" else of_poses
    if not fitting:
        names = ", ".join(path.name for path, _ in opened)
        raise ValueError(f"no label file holds poses, only COMs: {names}")
    if kind == "com" and len(fitting) > 1:
        names = ", ".join(path.name for path, _ in fitting)
        raise ValueError(
            f"several label files could name the animals ({names}); choose with 'labels'"
        )
    return fitting


def _check_clear(path: Path, labels: Labels) -> None:
    """Raise ValueError when nobody can tell whether points are animals or keypoints of one."""
    count = len(labels.skeleton.keypoints)
    if _has_no_names(labels) and count <= _MOST_UNCLEAR and not holds_coms(labels, path):
        raise ValueError(
            f"{path.name} has {count} points without names: say skeleton 'com' if they are {count} "
            "animals, else the skeleton whose keypoints they are"
        )


def _has_no_names(labels: Labels) -> bool:
    keypoints = labels.skeleton.keypoints
    return keypoints == numbered_skeleton(len(keypoints)).keypoints
