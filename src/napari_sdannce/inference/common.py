"""What every prediction has in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import numpy as np
import numpy.typing as npt

from napari_sdannce.files import open_labels, open_recording
from napari_sdannce.files.registration import register_if_project
from napari_sdannce.models.checkpoints import read_info
from napari_sdannce.predictions.job import OtherJobError
from napari_sdannce.recording import PixelOrigin
from napari_sdannce.settings.base import Settings
from napari_sdannce.settings.events import Message

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Sequence
    from pathlib import Path
    from typing import Literal

    from napari_sdannce.labels import Labels
    from napari_sdannce.models.checkpoint_info import CheckpointInfo
    from napari_sdannce.predictions.twins import Twin
    from napari_sdannce.recording import Recording
    from napari_sdannce.settings.base import IfUsed, PredictSettings
    from napari_sdannce.video import RecordingVideo

Model = TypeVar("Model", bound=Settings)
Store = TypeVar("Store")


def open_to_predict(settings: PredictSettings) -> Recording:
    """Open the recording that settings name, its calibration read as the network learned it.

    Raises
    ------
    FileNotFoundError, FileFormatError
        When it can not be opened.
    ValueError
        When the settings name none.
    """
    if settings.experiment is None:
        raise ValueError("there is nothing to predict: the settings name no experiment")
    origin = settings.pixel_origin or read_info(settings.checkpoint).pixel_origin
    return open_recording(
        settings.experiment,
        pixel_origin=PixelOrigin(origin or PixelOrigin.MATLAB),
        videos=settings.videos,
    )


def completed(given: Model | None, trained: Model | None) -> Model | None:
    """Settings that were given; what they leave open is as in training."""
    if given is None or trained is None:
        return given or trained
    values = trained.model_dump() | given.model_dump(exclude_unset=True)
    return type(given).model_validate(values)


def chosen_moments(video: RecordingVideo, settings: PredictSettings) -> npt.NDArray[np.int64]:
    """Moments (n,) of the recording that the settings ask for.

    Raises
    ------
    ValueError
        When there are none.
    FileFormatError
        When a label file can not be read.
    """
    moments = np.asarray(moments_to_predict(video, settings), dtype=np.int64)
    return labelled_of(moments, video) if settings.labelled_only else moments


def fewer(video: RecordingVideo, settings: PredictSettings) -> Iterator[Message]:
    """Warn when the recording ends before as many moments as are asked for."""
    there = video.n_moments - settings.start
    if settings.count is not None and there < settings.count:
        yield Message(
            level="warning",
            text=f"{settings.count} frames from {settings.start} on are asked for; the recording "
            f"ends after {there}",
        )


def moments_to_predict(video: RecordingVideo, settings: PredictSettings) -> range:
    """Moments in a row, of which the settings may want only the labelled ones.

    Raises
    ------
    ValueError
        When there are none.
    """
    end = video.n_moments if settings.count is None else settings.start + settings.count
    moments = range(settings.start, min(end, video.n_moments))
    if not moments:
        raise ValueError(
            f"{video.recording.folder}: nothing to predict from moment {settings.start} on; the "
            f"recording has {video.n_moments}"
        )
    return moments


def labelled_of(moments: npt.NDArray[np.int64], video: RecordingVideo) -> npt.NDArray[np.int64]:
    """Those of some moments that have a label in one of the recording's label files.

    Raises
    ------
    ValueError
        When there are none.
    FileFormatError
        When a label file can not be read.
    """
    files = video.recording.label_files
    keys = [_labelled_keys(open_labels(file)) for file in files]
    known = np.isin(video.sample_ids[moments], np.concatenate([np.zeros(0, np.int64), *keys]))
    if not known.any():
        names = ", ".join(file.name for file in files) or "there is no label file"
        raise ValueError(
            f"{video.recording.folder}: none of the {len(moments)} frames to predict is labelled "
            f"({names})"
        )
    return moments[known]


def _labelled_keys(labels: Labels) -> npt.NDArray[np.int64]:
    """Sample ids (n,) of moments where something is labelled."""
    in_2d = np.isfinite(labels.points_2d).any(axis=(0, 2, 3, 4))
    return labels.sample_ids[labels.any_3d | in_2d]


def opened_store(
    wanted: Path,
    name: str,
    twins: Sequence[str],
    if_used: IfUsed,
    open_at: Callable[[Path], Store],
) -> Store:
    """Open the store for results, in the folder that was wanted or the next one that is free.

    Parameters
    ----------
    wanted
        Folder where results go; it need not exist.
    name, twins
        As for `store_in`.
    if_used
        What to do when the folder holds other results.
    open_at
        Opens or makes the store at a path; `OtherJobError` when it is of another job.

    Raises
    ------
    NotADirectoryError, FileExistsError
        As `store_in`; the latter not where the next folder will do.
    OtherJobError
        When the store is of another job, and the next folder will not do.
    """
    folder, number = wanted, 2
    while True:
        try:
            return open_at(store_in(folder, name, twins))
        except (FileExistsError, OtherJobError):
            if if_used == "stop":
                raise
        folder, number = wanted.with_name(f"{wanted.name}-{number}"), number + 1


def moved(wanted: Path, store: Path) -> Iterator[Message]:
    """Tell when results go elsewhere than was wanted."""
    if store.parent != wanted.absolute():
        yield Message(
            level="warning",
            text=f"{wanted} holds other results, so these go to {store.parent}",
        )


def store_in(folder: Path, name: str, twins: Sequence[str]) -> Path:
    """Path of a store in the folder for results.

    Parameters
    ----------
    folder
        Where results go; it need not exist.
    name
        Of the store.
    twins
        Patterns of the files that will be written beside it.

    Raises
    ------
    NotADirectoryError
        When the folder is a file.
    FileExistsError
        When the folder has no store yet, but such files: another program's results.
    """
    place = folder.absolute()
    if place.exists() and not place.is_dir():
        raise NotADirectoryError(f"{place} is a file, expected a folder for the results")
    foreign = [path for pattern in twins for path in sorted(place.glob(pattern))]
    if foreign and not (place / name).exists():
        raise FileExistsError(
            f"{foreign[0]} is there, and not from this prediction: choose another folder with "
            "'output'"
        )
    return place / name


def origin_warning(recording: Recording, info: CheckpointInfo) -> Iterator[Message]:
    """Warn when the calibration is read with another pixel origin than in training."""
    ours, theirs = recording.pixel_origin, info.pixel_origin
    if None not in (ours, theirs) and ours != theirs:
        yield Message(
            level="warning",
            text=f"the network learned with pixel origin '{theirs}', this calibration is read with "
            f"'{ours}': positions may be off by a pixel; set pixel_origin to '{theirs}'",
        )


def video_warnings(video: RecordingVideo, told: set[str]) -> Iterator[Message]:
    """Tell what is known to be wrong with recording and videos, and not among what was `told`."""
    for text in map(str, video.all_problems):
        if text not in told:
            told.add(text)
            yield Message(level="warning", text=text)


def that_fit(twins: Sequence[Twin], store: Path) -> Generator[Message, None, tuple[Twin, ...]]:
    """Warn of twins that can not be written, and return the others."""
    for twin in twins:
        if not twin.fits:
            yield Message(
                level="warning",
                text=f"{twin.name} is not written: it would need more than 2 GiB for a variable, "
                f"which a MATLAB v5 file can not hold; {store} holds everything",
            )
    return tuple(twin for twin in twins if twin.fits)


def registered(
    recording: Recording, kind: Literal["com", "predictions"], store: Path
) -> Iterator[Message]:
    """Note a store in the project file of the recording, when it has one."""
    problem = register_if_project(recording.folder, kind, store)
    if problem is not None:
        yield Message(level="warning", text=str(problem))
