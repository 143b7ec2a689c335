"""Finding, making and opening the labelling sessions of a recording."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from napari_sdannce.files import open_labels
from napari_sdannce.labeling.importing import frames_of, side_by_side
from napari_sdannce.labeling.session_folder import (
    ABOUT,
    create_session,
    open_session,
    read_about,
    subject_of,
)
from napari_sdannce.labeling.snapshot import SNAPSHOT, read_summary
from napari_sdannce.recording import PixelOrigin

if TYPE_CHECKING:
    from pathlib import Path

    from napari_sdannce.labeling.session_folder import SessionFolder
    from napari_sdannce.recording import Recording
    from napari_sdannce.skeletons import Skeleton

_MOST_NAMED = 3
FOLDER = "labels"
"""Folder of a recording that holds its sessions."""


@dataclass(frozen=True)
class WantedSession:
    """A session that a person wants to work on.

    Parameters
    ----------
    path
        Its folder.
    labeler
        Who labels; empty: the name of the account.
    skeleton, animals
        Of a new one; None: it is there already.
    start
        Label files whose labels a new one begins with; of several, those with the most keypoints,
        each of other animals.
    """

    path: Path
    labeler: str = ""
    skeleton: Skeleton | None = None
    animals: tuple[str, ...] = ()
    start: tuple[Path, ...] = ()


def sessions_of(recording: Recording) -> list[Path]:
    """Folders of the sessions of a recording, the one worked on last first."""
    found = (recording.folder / FOLDER).glob(f"*/{ABOUT}")
    return sorted((path.parent for path in found), key=_age, reverse=True)


def _age(folder: Path) -> float:
    ages = [0.0]
    for path in folder.iterdir():
        with suppress(FileNotFoundError):  # somebody is writing, and this was a draft
            ages.append(path.lstat().st_mtime)
    return max(ages)


def session_in_words(path: Path) -> str:
    """What a session is of."""
    about = read_about(path)
    animals = "1 animal" if len(about.animals) == 1 else f"{len(about.animals)} animals"
    said = [about.skeleton.name, animals]
    found = read_summary(path / SNAPSHOT)
    if found is not None:
        said += [f"{found.n_frames} frames", *found.labelers[-_MOST_NAMED:]]
    when = time.strftime("%d %b %Y %H:%M", time.localtime(_age(path)))
    return f"{path.name}: {', '.join([*said, when])}"


def opened_session(recording: Recording, wanted: WantedSession) -> SessionFolder:
    """Open a session, or make it.

    Raises
    ------
    FileExistsError, FileFormatError, SessionInUseError, ValueError
        When it can not be.
    """
    if wanted.skeleton is None and not wanted.start:
        return open_session(wanted.path, recording, wanted.labeler)
    if not wanted.start:
        assert wanted.skeleton is not None
        return create_session(
            wanted.path, recording, wanted.skeleton, wanted.animals, wanted.labeler
        )
    origin = recording.pixel_origin or PixelOrigin.MATLAB
    opened = [
        open_labels(path, skeleton=wanted.skeleton, pixel_origin=origin) for path in wanted.start
    ]
    most = max(len(each.skeleton.keypoints) for each in opened)
    # beside poses there are often centres of mass of the same animals
    labels = side_by_side([each for each in opened if len(each.skeleton.keypoints) == most])
    fits = len(wanted.animals) == len(labels.animals)
    animals = wanted.animals if fits else labels.animals
    # what does not fit is refused before anything is made
    frames = frames_of(labels, subject_of(recording, labels.skeleton, animals))
    folder = create_session(wanted.path, recording, labels.skeleton, animals, wanted.labeler)
    try:
        names = ", ".join(path.name for path in wanted.start)
        folder.session.change(f"labels of {names}", frames)
    except OSError:
        folder.close()
        raise
    return folder
