"""What others labelled of a recording, read from their session and arranged as ours is."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING

import numpy as np

from napari_sdannce.labeling.frame_labels import FrameLabels
from napari_sdannce.labeling.session_folder import read_about, read_session

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from napari_sdannce.labeling.journal import Author
    from napari_sdannce.labeling.session import Subject
    from napari_sdannce.recording import Recording


@dataclass(frozen=True, eq=False)
class OthersLabels:
    """Labels of another session of the same recording.

    Parameters
    ----------
    name
        Of the session.
    recording
        What the recording was called when the session was made.
    frames
        By sample id; views, animals and keypoints in our order.
    authors
        Who labelled, as the numbers in `frames` count.
    """

    name: str
    recording: str
    frames: Mapping[int, FrameLabels]
    authors: tuple[Author, ...]


def read_others(path: Path, recording: Recording, subject: Subject) -> OthersLabels:
    """Read the labels of another session; nothing is written to it.

    Parameters
    ----------
    path
        Its folder.
    recording, subject
        What our own session is of.

    Raises
    ------
    FileFormatError
        When it is no session, is damaged, or has moments that the recording does not have.
    ValueError
        When cameras, keypoints or animals are others than ours.
    """
    about = read_about(path)
    views, animals, keypoints = (
        _order(path.name, what, ours, theirs)
        for what, ours, theirs in (
            ("cameras", subject.views, about.views),
            ("animals", subject.animals, about.animals),
            ("keypoints", subject.skeleton.keypoints, about.skeleton.keypoints),
        )
    )
    # the moments are known: the videos need not be opened again to count them
    session = read_session(path, replace(recording, sync=subject.sync))
    frames = {
        key: _arranged(labels, views, animals, keypoints) for key, labels in session.frames.items()
    }
    return OthersLabels(path.name, about.recording, frames, tuple(session.authors))


def _order(name: str, what: str, ours: Sequence[str], theirs: Sequence[str]) -> list[int]:
    """Where each of ours is among theirs."""
    if sorted(ours) != sorted(theirs):
        lacks, has = (
            [each for each in these if each not in those]
            for these, those in ((ours, theirs), (theirs, ours))
        )
        said = [f"without {', '.join(lacks)}"] if lacks else []
        said += [f"with {', '.join(has)}"] if has else []
        raise ValueError(f"{name} has other {what} than these labels: {', '.join(said)}")
    return [theirs.index(each) for each in ours]


def _arranged(
    labels: FrameLabels, views: list[int], animals: list[int], keypoints: list[int]
) -> FrameLabels:
    cells, places = np.ix_(views, animals, keypoints), np.ix_(animals, keypoints)
    return FrameLabels(
        **{
            each.name: getattr(labels, each.name)[places if each.name == "accepted" else cells]
            for each in fields(FrameLabels)
        }
    )
