"""The folder of a recording: what makes it open with its sync, also after a crash.

``videos/<camera>/0.mp4`` and further files, ``frametimes.csv`` beside them; above, ``sync.csv`` and
``sdannce.yaml``.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from napari_sdannce.capture.frame_records import NONE, RECORDS_FILE, read_frame_records
from napari_sdannce.capture.sync_table import sync_cameras
from napari_sdannce.files.project_file import (
    PROJECT_FILE,
    CameraEntry,
    Project,
    VideoEntry,
    read_project,
    relative_path,
    write_project,
)
from napari_sdannce.files.save_project import SYNC_FILE
from napari_sdannce.files.sync_csv import write_sync_csv
from napari_sdannce.files.video_folders import find_cameras
from napari_sdannce.recording import View
from napari_sdannce.video import CameraVideo, VideoError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from napari_sdannce.capture.frame_records import FrameRecords
    from napari_sdannce.capture.sync_report import SyncReport
    from napari_sdannce.capture.sync_table import SyncRules
    from napari_sdannce.recording import VideoFile

VIDEOS = "videos"


def camera_folder(folder: Path, camera: str) -> Path:
    """Folder of the files of a camera."""
    return folder / VIDEOS / camera


def write_sync(folder: Path, cameras: Sequence[str], rules: SyncRules) -> SyncReport:
    """Synchronise what lies in the folder, and write ``sync.csv`` and ``sdannce.yaml``.

    May be done again, by other rules or after a crash; what else the project file says stays.

    Parameters
    ----------
    folder
        Of the recording.
    cameras
        Their names, in the order that the recording shall have.
    rules
        What makes a moment.

    Raises
    ------
    FileNotFoundError
        When a camera has no ``frametimes.csv``.
    FileFormatError
        When one is damaged, or the project file is.
    """
    videos = _videos(folder)
    records = {name: readable_records(folder, name) for name in cameras}
    sync, report = sync_cameras(records, rules)
    if len(sync):
        write_sync_csv(folder / SYNC_FILE, cameras, sync, overwrite=True)
    entries = tuple(_entry(folder, name, videos.get(name, ())) for name in cameras)
    known = read_project(folder) if (folder / PROJECT_FILE).is_file() else Project()
    changes = {"fps": rules.fps, "cameras": entries, "sync": SYNC_FILE if len(sync) else None}
    write_project(folder, known.model_copy(update=changes), overwrite=True)
    return report


def read_camera_records(folder: Path, camera: str) -> FrameRecords:
    """Frames of a camera, as they were noted.

    Raises
    ------
    FileNotFoundError
        When it has no ``frametimes.csv``.
    FileFormatError
        When that is damaged.
    """
    return read_frame_records(camera_folder(folder, camera) / RECORDS_FILE)


def readable_records(folder: Path, camera: str) -> FrameRecords:
    """The same; frames that the video lost when the program was killed are in no file."""
    records = read_camera_records(folder, camera)
    there = np.isin(records.file_frame, _frames_of(camera, _videos(folder).get(camera, ())))
    return replace(records, file_frame=np.where(there, records.file_frame, NONE))


def _videos(folder: Path) -> dict[str, tuple[VideoFile, ...]]:
    """Files of the cameras, in the order of their frames."""
    return {each.name: each.videos for each in find_cameras(folder / VIDEOS)[0]}


def _frames_of(camera: str, videos: Sequence[VideoFile]) -> np.ndarray:
    """Numbers of the frames that can be read."""
    if not videos:
        return np.empty(0, dtype=np.int64)
    try:
        with CameraVideo(View(camera, tuple(videos))) as video:
            video.inspect()
            frames = np.arange(video.n_frames)
            for lost in video.missing:
                frames = frames[(frames < lost.start) | (frames >= lost.stop)]
            return frames
    except VideoError:
        return np.empty(0, dtype=np.int64)


def _entry(folder: Path, camera: str, videos: Sequence[VideoFile]) -> CameraEntry:
    files = tuple(VideoEntry(file=relative_path(folder, each.path)) for each in videos)
    return CameraEntry(name=camera, videos=files)
