"""Opening a recording from whatever lies there: a folder, a project file, a label file, a video."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from napari_sdannce.recording import PixelOrigin, Problem, Recording, VideoFile, View

from .errors import FileFormatError
from .layout import EXPECTED, open_layout
from .open_project import open_project
from .project_file import PROJECT_FILE
from .video_folders import VIDEO_SUFFIXES, find_cameras

if TYPE_CHECKING:
    import os

RECORDING_FILE = "recording.yaml"
"""How a recording was made, which the recorder writes when it begins."""


def open_recording(
    path: str | os.PathLike[str],
    *,
    pixel_origin: PixelOrigin = PixelOrigin.MATLAB,
    videos: Path | None = None,
) -> Recording:
    """Open a recording. No frame is read.

    Parameters
    ----------
    path
        A folder with ``sdannce.yaml``; an experiment folder of DANNCE; a folder of Campy; a folder
        of videos, one a camera; a ``*_dannce.mat`` or ``*_Label3D.mat`` beside its ``videos``; or
        one video.
    pixel_origin
        Where the first pixel lies in a MATLAB-layout calibration.
    videos
        Folder of the videos, when they do not lie where they are looked for in `path`.

    Returns
    -------
    The recording. Calibration and sync are those of the label file whose cameras are the folder's
    (pose labels before COM labels), else of ``calibration.toml``, else of
    ``hires_cam<i>_params.mat``. What could not be used is in its `problems`.

    Raises
    ------
    FileNotFoundError
        When the path, or the folder of videos, does not exist.
    FileFormatError
        When there is nothing in it that could be opened.
    """
    place = Path(path).expanduser().absolute()
    if not place.exists():
        raise FileNotFoundError(f"{place} does not exist; expected {EXPECTED}")
    if videos is not None and not videos.is_dir():
        raise FileNotFoundError(f"{videos} is no folder; expected one of videos, a folder a camera")
    if place.is_dir():
        if (place / PROJECT_FILE).is_file():
            return open_project(place / PROJECT_FILE, pixel_origin=pixel_origin, videos=videos)
        is_videos = place.name == "videos" and bool(find_cameras(place)[0])
        folder = place.parent if is_videos else place
        return _told_if_unfinished(open_layout(folder, pixel_origin, videos=videos))
    if place.name == PROJECT_FILE:
        return open_project(place, pixel_origin=pixel_origin, videos=videos)
    if place.suffix.lower() == ".mat":
        return open_layout(place.parent, pixel_origin, label_file=place, videos=videos)
    if place.suffix.lower() in VIDEO_SUFFIXES:
        return Recording(place.parent, (View(_name_of_single(place), (VideoFile(place),)),))
    found = (
        f"a file of type '{place.suffix}'" if place.suffix else "a file of a type that is not known"
    )
    raise FileFormatError(place, found, EXPECTED)


def _told_if_unfinished(recording: Recording) -> Recording:
    """The same; one that was recorded has a project file from its end on."""
    path = recording.folder / RECORDING_FILE
    if not path.is_file():
        return recording
    told = (
        "it was not finished, so that frames of one number need not belong together; "
        f"`sdannce capture finish {recording.folder.name}` mends that"
    )
    return replace(recording, problems=(*recording.problems, Problem(path, told)))


def _name_of_single(path: Path) -> str:
    """Camera of a lone video: its folder when the file is named by its first frame."""
    return path.parent.name if path.stem.isdecimal() and path.parent.name else path.stem
