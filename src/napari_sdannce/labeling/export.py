"""Label files for training, made of a session: what is incomplete is told, never left as NaN."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from napari_sdannce.files.dannce_labels import dannce_from_labels
from napari_sdannce.files.dannce_mat import write_dannce
from napari_sdannce.files.io_registration import note_in_io
from napari_sdannce.files.label3d import write_label3d_state
from napari_sdannce.files.label3d_labels import label3d_from_labels
from napari_sdannce.files.registration import register
from napari_sdannce.files.writing import check_free
from napari_sdannce.labeling.frame_labels import PROPOSED
from napari_sdannce.labels import LabelState
from napari_sdannce.predictions.find_com import find_com
from napari_sdannce.recording import PixelOrigin

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from napari_sdannce.geometry import Camera
    from napari_sdannce.labeling.session import LabelingSession, Subject
    from napari_sdannce.labels import Labels
    from napari_sdannce.recording import Recording

_MOST_KEYPOINTS_OF_COM = 3


class Incomplete(StrEnum):
    """What becomes of an animal at a moment when some of its keypoints have no position."""

    REFUSE = "refuse"
    """Nothing is written."""
    LEAVE_OUT = "leave out"
    """The animal is not labelled at that moment."""
    IN_PART = "in part"
    """The keypoints that are there are labelled; training ignores the others."""


@dataclass(frozen=True, slots=True)
class Gap:
    """An animal that is labelled at a moment, though not whole."""

    sample_id: int
    animal: str
    missing: tuple[str, ...]

    def __str__(self) -> str:
        return f"moment {self.sample_id}, {self.animal}: {', '.join(self.missing)}"


class IncompleteError(ValueError):
    """Labels that are not whole, and it was not said what shall become of them."""

    def __init__(self, gaps: Sequence[Gap]) -> None:
        more = f" and {len(gaps) - 3} more" if len(gaps) > 3 else ""
        super().__init__(
            f"{len(gaps)} labelled animals are incomplete ({'; '.join(map(str, gaps[:3]))}{more}); "
            f"choose what becomes of them: {', '.join(Incomplete)}"
        )
        self.gaps = tuple(gaps)


def labelled_animals(labels: Labels) -> npt.NDArray[np.bool_]:
    """(F, A) whether a person said something of an animal: proposals alone are no labels."""
    known = np.asarray(np.isfinite(labels.points_3d).all(axis=-1))
    said = ~np.isin(labels.states, (LabelState.NONE, *PROPOSED))
    return np.asarray(known.any(axis=-1) | said.any(axis=(0, 3)))


def gaps_of(labels: Labels) -> list[Gap]:
    """Animals of which something is labelled, but not every keypoint has a position in space."""
    known = np.asarray(np.isfinite(labels.points_3d).all(axis=-1))
    touched = labelled_animals(labels)
    names = labels.skeleton.keypoints
    return [
        Gap(
            int(labels.sample_ids[frame]),
            labels.animals[animal],
            tuple(name for name, is_known in zip(names, known[frame, animal], strict=True)
                  if not is_known),
        )
        for frame, animal in np.argwhere(touched & ~known.all(axis=-1))
    ]  # fmt: skip


def ready(labels: Labels, incomplete: Incomplete) -> Labels:
    """Labels to export, those that are not whole dealt with as asked.

    Raises
    ------
    IncompleteError
        When there are such, and they are to be refused.
    ValueError
        When nothing is left.
    """
    gaps = gaps_of(labels)
    if gaps and incomplete is Incomplete.REFUSE:
        raise IncompleteError(gaps)
    points_3d = labels.points_3d
    if incomplete is Incomplete.LEAVE_OUT:
        points_3d = np.where(labels.complete[..., None, None], points_3d, np.nan)
    kept = replace(labels, points_3d=points_3d)
    kept = kept.select_frames(kept.any_3d)
    if not len(kept):
        raise ValueError("there is nothing to export: no keypoint has a position in space")
    return kept


def export_dannce(
    session: LabelingSession,
    recording: Recording,
    folder: Path,
    *,
    incomplete: Incomplete = Incomplete.REFUSE,
    when: float | None = None,
) -> list[Path]:
    """Write ``*_dannce.mat`` files, and note them in the project of the recording.

    COMs (skeletons of up to three keypoints) of all animals go into one file, poses into one file
    an animal, as training takes them. Nothing that is there is replaced.

    Parameters
    ----------
    session
        What is labelled.
    recording
        Where it belongs; its pixel origin decides how pixels are counted in the files.
    folder
        Where the files go.
    incomplete
        What becomes of animals that are not whole.
    when
        Seconds since 1970, for the names; default: now.

    Returns
    -------
    The files.
    """
    labels = ready(session.labels(), incomplete)
    cameras = _calibrated(session.subject)
    origin = recording.pixel_origin or PixelOrigin.MATLAB
    stamp = time.strftime("%Y%m%d_%H%M%S", time.localtime(when))
    parts = _parts(labels)
    paths = [folder / f"{stamp}_{_file_name(name)}" for name in parts]
    for path in paths:
        check_free(path)
    for path, part in zip(paths, parts.values(), strict=True):
        file = dannce_from_labels(path, part, cameras, session.subject.sync, pixel_origin=origin)
        write_dannce(path, file)
        register(recording.folder, "labels", path)
    return paths


def note_for_reference(recording: Recording, paths: Sequence[Path]) -> Path:
    """Add files that were exported together to ``io.yaml``, which the reference program trains by.

    Poses get the COMs that were predicted, where there is a file for each of them; else the program
    looks for COMs inside the label files, and these hold none.
    """
    if any(path.name.endswith(_file_name("COM")) for path in paths):
        return note_in_io(recording.folder, "com_exp", paths)
    coms = _com_files(recording)
    return note_in_io(recording.folder, "exp", paths, coms if len(coms) == len(paths) else None)


def _com_files(recording: Recording) -> list[Path]:
    """Files of the recording's COM trace as the reference program reads them, one an animal."""
    try:
        trace = find_com(recording)
    except ValueError:
        return []
    folder = trace if trace.is_dir() else trace.parent
    return sorted(folder.glob("instance*com3d.mat")) or list(folder.glob("com3d.mat"))


def export_label3d(
    session: LabelingSession, recording: Recording, folder: Path, *, when: float | None = None
) -> Path:
    """Write a state of Label3D, with everything that it can hold; nothing is replaced."""
    cameras = _calibrated(session.subject)
    stamp = time.strftime("%Y%m%d_%H%M%S", time.localtime(when))
    path = folder / f"{stamp}_Label3D.mat"
    check_free(path)
    origin = recording.pixel_origin or PixelOrigin.MATLAB
    state = label3d_from_labels(
        path, session.labels(), cameras, session.subject.sync, pixel_origin=origin
    )
    return write_label3d_state(path, state)


def _file_name(part: str) -> str:
    return f"{part}_Label3D_dannce.mat"


def _parts(labels: Labels) -> dict[str, Labels]:
    """Labels of each file, by what it is called."""
    if len(labels.skeleton.keypoints) <= _MOST_KEYPOINTS_OF_COM:
        return {"COM": labels}
    if len(labels.animals) == 1:
        return {"DANNCE": labels}
    alone = [labels.select_animal(index) for index in range(len(labels.animals))]
    parts = [one.select_frames(one.any_3d) for one in alone]
    names = _plain_names(labels.animals)
    return {f"DANNCE_{name}": part for name, part in zip(names, parts, strict=True) if len(part)}


def _plain_names(animals: Sequence[str]) -> list[str]:
    """Names that every file system takes; numbered where these would not tell animals apart."""
    plain = [re.sub(r"[^A-Za-z0-9]+", "-", name).strip("-") for name in animals]
    if all(plain) and len({name.lower() for name in plain}) == len(plain):
        return plain
    return [f"{number}-{name}".strip("-") for number, name in enumerate(plain, start=1)]


def _calibrated(subject: Subject) -> list[Camera]:
    missing = [
        name for name, camera in zip(subject.views, subject.cameras, strict=True) if camera is None
    ]
    if missing:
        raise ValueError(f"no calibration for {', '.join(missing)}; label files need it")
    return [camera for camera in subject.cameras if camera is not None]
