"""Opening files for the panel and the readers: what runs in a thread, and errors in plain words."""

from __future__ import annotations

import re
import zipfile
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from napari_sdannce.widgets.add_layers import image_layers_data, open_video

if TYPE_CHECKING:
    from pathlib import Path

    from napari_sdannce.labels import Labels
    from napari_sdannce.overlay.marks import Marks
    from napari_sdannce.poses import Poses
    from napari_sdannce.recording import Recording
    from napari_sdannce.skeletons import Skeleton
    from napari_sdannce.video import RecordingVideo
    from napari_sdannce.widgets.layer_data import LayerData
    from napari_sdannce.widgets.recording_layers import RecordingLayers

FILE_ERRORS = (ValueError, OSError, KeyError, ImportError)
"""What reading a foreign file may raise; anything else is a mistake of ours and is to be seen."""

SEARCH_DEPTH = 4
NOT_SEARCHED = ("videos", "npy_volumes")
_PREDICTION = re.compile(r"(poses|com)\.zarr|save_data_(AVG|MAX)\d*\.mat|com3d\d*\.mat")


class Kind(StrEnum):
    """What a file that can be drawn over the cameras holds."""

    LABELS = "labels"
    POSES = "predictions"
    COM = "COM"
    POINTS_2D = "2D keypoints"


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A file of a recording that can be drawn over its cameras."""

    path: Path
    kind: Kind


@dataclass(frozen=True, eq=False, slots=True)
class Opened:
    """A recording ready to be shown."""

    recording: Recording
    video: RecordingVideo
    images: list[LayerData]
    files: tuple[FoundFile, ...]


@dataclass(frozen=True, slots=True)
class Failed:
    """Why something could not be opened, in one sentence."""

    message: str


def open_shown(path: Path) -> Opened | Failed:
    """Open a recording with its videos and all that napari needs to show it.

    Reads no more than the first frames, and touches no widget, so it may run in a thread.
    """
    from napari_sdannce.files import open_recording

    try:
        recording = open_recording(path)
        video = open_video(recording, "rgb")
        images = image_layers_data(recording, video)
    except FILE_ERRORS as error:
        return Failed(in_plain_words(error))
    video.prefetch([0])
    return Opened(recording, video, images, found_files(recording))


def open_marks(found: FoundFile, shown: RecordingLayers) -> Poses | Labels | Failed:
    """Open labels, predictions or COMs of a recording that is shown. Touches no widget."""
    recording = shown.recording
    try:
        if found.kind is Kind.LABELS:
            from napari_sdannce.files import open_labels

            return open_labels(found.path)
        if found.kind is Kind.POINTS_2D:
            from napari_sdannce.files.import_2d import import_points

            return import_points(recording, found.path)
        if found.kind is Kind.COM:
            return _open_com(found.path)
        from napari_sdannce.predictions import open_predictions

        return open_predictions(found.path, skeleton=_fitting_skeleton(found, recording))
    except FILE_ERRORS as error:
        return Failed(in_plain_words(error))


def _fitting_skeleton(found: FoundFile, recording: Recording) -> Skeleton | None:
    """The project's skeleton, for a file without names of as many keypoints."""
    from napari_sdannce.files.mat import read_mat

    if recording.skeleton is None or found.path.suffix.lower() != ".mat":
        return None
    pred = read_mat(found.path, only=("pred",)).variables.get("pred")
    fits = getattr(pred, "shape", (0,))[-1] == len(recording.skeleton.keypoints)
    return recording.skeleton if fits else None


def _open_com(path: Path) -> Poses:
    from napari_sdannce.poses import Poses
    from napari_sdannce.predictions.opening import read_com_trace

    com = read_com_trace(path)
    n_animals = com.positions.shape[1]
    return Poses(
        positions=com.positions[:, :, None],
        confidence=com.confidence[:, :, None],
        sample_ids=com.sample_ids,
        animals=tuple(f"animal{i + 1}" for i in range(n_animals)),
        keypoints=("COM",),
    )


def marks_of(
    result: Poses | Labels, shown: RecordingLayers, name: str, *, hollow: bool = False
) -> Marks:
    """Marks of labels, or of poses (hollow or not), over a recording that is shown."""
    from napari_sdannce.labels import Labels
    from napari_sdannce.overlay.marks import LabelMarks, PoseMarks

    if isinstance(result, Labels):
        return LabelMarks(shown.recording, shown.video.sample_ids, result, name)
    return PoseMarks(shown.recording, shown.video.sample_ids, result, name, hollow=hollow)


def kind_of(path: Path) -> Kind | None:
    """What a file may be drawn as; None when it looks like a recording."""
    from napari_sdannce.predictions.opening import is_store, stores_in

    name = path.name.lower()
    if path.is_dir():
        if not is_store(path):
            return None
        return Kind.COM if path in stores_in(path.parent, "com") else Kind.POSES
    if "com3d" in name and path.suffix.lower() in (".mat", ".pickle", ".pkl"):
        return Kind.COM
    if "save_data_" in name and name.endswith(".mat"):
        return Kind.POSES
    return {".mat": Kind.LABELS, ".npz": Kind.POINTS_2D}.get(path.suffix.lower())


def short_name(path: Path, experiment: Path | None = None) -> str:
    """What to call the marks of a file: its name without date and format.

    Predictions are all called alike: inside an experiment, their folder tells one from another.
    """
    if experiment is not None and _PREDICTION.fullmatch(path.name):
        folder = path.parent.absolute()
        if folder.is_relative_to(experiment) and folder != experiment:
            named = folder.relative_to(experiment).as_posix()
            return named if path.suffix == ".zarr" else f"{named} {path.stem}"
    name = re.sub(r"^\d{8}_\d{6}_", "", path.stem)
    for format_name in ("DANNCE", "Label3D", "dannce"):
        name = re.sub(rf"(^|_){format_name}(?=_|$)", "", name)
    return name.strip("_") or "labels"


def found_files(recording: Recording) -> tuple[FoundFile, ...]:
    """Everything in the folder that can be drawn over the cameras."""
    found = (
        *(FoundFile(path, Kind.LABELS) for path in recording.label_files),
        *(FoundFile(path, Kind.POINTS_2D) for path in _points_files(recording.folder)),
        *_stores(recording.folder, SEARCH_DEPTH),
        *(FoundFile(path, Kind.POSES) for path in recording.prediction_files),
        *(FoundFile(path, Kind.COM) for path in recording.com_files),
    )
    # a store may be found in its folder, and be named in the project file
    return tuple({each.path.resolve(): each for each in reversed(found)}.values())[::-1]


def _points_files(folder: Path) -> list[Path]:
    """2D keypoints of all cameras in one file, as our own exports are."""
    found = []
    for path in sorted(folder.glob("*.npz")):
        try:
            names = zipfile.ZipFile(path).namelist()
        except (zipfile.BadZipFile, OSError):
            continue
        if {"points.npy", "cameras.npy", "keypoints.npy"} <= set(names):
            found.append(path)
    return found


def _stores(folder: Path, depth: int) -> list[FoundFile]:
    from napari_sdannce.predictions.opening import is_store, stores_in

    if not folder.is_dir():
        return []
    found = [FoundFile(path, Kind.POSES) for path in stores_in(folder, "poses")]
    found += [FoundFile(path, Kind.COM) for path in stores_in(folder, "com")]
    for path in sorted(folder.iterdir()) if depth else ():
        hidden = path.name.startswith(".") or path.name in NOT_SEARCHED
        if path.is_dir() and not hidden and not is_store(path):
            found += _stores(path, depth - 1)
    return found


def in_plain_words(error: BaseException) -> str:
    """One sentence about an error, for people."""
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror.lower()}"
    if isinstance(error, KeyError) and error.args:
        return str(error.args[0])
    return str(error) or type(error).__name__
