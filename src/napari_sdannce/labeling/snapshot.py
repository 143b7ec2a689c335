"""Snapshots of a labeling session: so that opening one follows few steps of its journal."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

import h5py
import numpy as np
from pydantic import ValidationError

from napari_sdannce.files.errors import FileFormatError
from napari_sdannce.labeling.frame_labels import KEPT, FrameLabels
from napari_sdannce.labeling.journal import Author

if TYPE_CHECKING:
    from pathlib import Path

    from napari_sdannce.labeling.session import LabelingSession

SNAPSHOT = "labels.h5"
FITTING = "labels of this recording, step by step"
_EXPECTED = "a snapshot of labels"
_ARRAYS = ("points", "states", "locked", "authors", "times", "accepted")


@dataclass(frozen=True, slots=True)
class Summary:
    """What a snapshot says of its session at once.

    Parameters
    ----------
    n_frames
        Moments of which something is said.
    labelers
        Who opened it, the last one last.
    """

    n_frames: int
    labelers: tuple[str, ...]


def read_summary(path: Path) -> Summary | None:
    """Summary of a snapshot; None where it can not be read."""
    try:
        with h5py.File(path, "r") as file:
            authors = [Author.model_validate_json(text) for text in file.attrs["authors"]]
            names = tuple(dict.fromkeys(author.name for author in reversed(authors)))[::-1]
            return Summary(len(file["sample_ids"]), names)
    except (OSError, KeyError, ValidationError):
        return None


def write_snapshot(path: Path, session: LabelingSession) -> None:
    """Write the labels of a session as they are now."""
    # in memory first: HDF5 that finds the disk full takes the whole program down with it
    image = _snapshot(session)
    with path.open("wb") as file:
        file.write(image)
        file.flush()
        os.fsync(file.fileno())


def _snapshot(session: LabelingSession) -> bytes:
    """Content of an HDF5 file."""
    keys = sorted(session.frames)
    with h5py.File(SNAPSHOT, "w", driver="core", backing_store=False) as file:
        file.attrs["n_entries"] = session.n_entries
        file.attrs["authors"] = [author.model_dump_json() for author in session.authors]
        file["sample_ids"] = np.array(keys, dtype=np.int64)
        empty = FrameLabels.empty(*session.subject.shape)
        for name in _ARRAYS:
            like = getattr(empty, name)
            array = np.zeros((len(keys), *like.shape), like.dtype)
            for row, key in enumerate(keys):
                array[row] = getattr(session.frames[key], name)
            file.create_dataset(name, data=array, compression="gzip" if keys else None)
        file.flush()
        return bytes(file.id.get_file_image())


def read_snapshot(path: Path, session: LabelingSession) -> None:
    """Fill a session with the labels of a snapshot.

    Raises
    ------
    FileFormatError
        When it is none, or not of this recording; the session is as it was.
    """
    try:
        with h5py.File(path, "r") as file:
            arrays = {name: file[name][:] for name in _ARRAYS}
            keys = file["sample_ids"][:].tolist()
            n_entries = int(file.attrs["n_entries"])
            authors = [Author.model_validate_json(text) for text in file.attrs["authors"]]
    except (OSError, KeyError, ValidationError) as error:
        raise FileFormatError(path, f"not readable: {error}", _EXPECTED) from error
    unknown = np.setdiff1d(keys, session.subject.sync.sample_ids)
    if len(unknown):
        raise FileFormatError(path, f"the recording has no moment {unknown[0]}", FITTING)
    like = FrameLabels.empty(*session.subject.shape)
    for name, array in arrays.items():
        shape = (len(keys), *getattr(like, name).shape)
        if array.shape != shape:
            raise FileFormatError(
                path, f"'{name}' has the shape {array.shape}, not {shape}", _EXPECTED
            )
    if not np.isin(arrays["states"], KEPT).all():
        raise FileFormatError(path, "it has points in states that are not known", _EXPECTED)
    session.n_entries, session.authors = n_entries, authors
    for row, key in enumerate(keys):
        session.frames[key] = FrameLabels(**{name: arrays[name][row] for name in _ARRAYS})
