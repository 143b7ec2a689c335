"""The files of a recording that begins; all of them, or none."""

from __future__ import annotations

import shutil
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from napari_sdannce.capture.codecs import footage_of
from napari_sdannce.capture.frame_records import FrameRecordFile
from napari_sdannce.capture.recorder.events import EVENTS_FILE
from napari_sdannce.capture.recorder.prepare import is_taken
from napari_sdannce.capture.recorder.reserve import RESERVE_FILE
from napari_sdannce.capture.recorder.writing import Output
from napari_sdannce.capture.recording_file import (
    RECORDING_FILE,
    CameraEntry,
    RecordingFile,
    software_versions,
    write_recording_file,
)
from napari_sdannce.capture.recording_folder import VIDEOS, camera_folder
from napari_sdannce.capture.video_file import CameraVideoWriter

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from pathlib import Path

    from napari_sdannce.capture.recorder.rig import Rig, RigCamera
    from napari_sdannce.settings.capture import CaptureSettings
    from napari_sdannce.video import Encoding

_MB = 1_000_000


@dataclass(frozen=True, eq=False, slots=True)
class Files:
    """The files of a recording that has begun.

    Parameters
    ----------
    outputs
        Of the cameras.
    made
        What takes back all that was made for it.
    """

    outputs: tuple[Output, ...]
    made: ExitStack

    def remove(self) -> None:
        """Remove them, and the folders that were made for them: the recording could not begin."""
        self.made.close()


def begin_files(
    settings: CaptureSettings, rig: Rig, encodings: Sequence[Encoding], began: datetime
) -> Files:
    """Make the folder and the files of all cameras; none stays when one can not be made.

    Raises
    ------
    FileExistsError
        When another recording has taken the folder meanwhile.
    VideoError, OSError
        When one can not be made.
    """
    with ExitStack() as made:
        _take_folder(settings.folder, made)
        outputs = tuple(
            _begin_output(settings, rig, camera, encoding, made)
            for camera, encoding in zip(rig.cameras, encodings, strict=True)
        )
        entries = tuple(map(_entry, rig.cameras, encodings))
        recording = RecordingFile(
            began=began, settings=settings, software=software_versions(), cameras=entries
        )
        write_recording_file(settings.folder, recording)
        return Files(outputs, made.pop_all())


def _take_folder(folder: Path, made: ExitStack) -> None:
    """Make the folder; only one recording can make the one of the videos in it."""
    for each in reversed([folder, *folder.parents]):
        if not each.exists():
            each.mkdir(exist_ok=True)
            made.callback(_remove_if_empty, each)
    try:
        (folder / VIDEOS).mkdir()
    except FileExistsError:
        raise is_taken(folder / VIDEOS) from None
    for name in (RECORDING_FILE, EVENTS_FILE, RESERVE_FILE):
        made.callback((folder / name).unlink, missing_ok=True)
    made.callback(shutil.rmtree, folder / VIDEOS, ignore_errors=True)


def _begin_output(
    settings: CaptureSettings, rig: Rig, camera: RigCamera, encoding: Encoding, made: ExitStack
) -> Output:
    folder = camera_folder(settings.folder, camera.name)
    folder.mkdir()
    records = made.enter_context(FrameRecordFile(folder))
    footage = footage_of(camera.format, settings.fps)
    video = made.enter_context(
        CameraVideoWriter(
            folder,
            camera.format.layout,
            footage,
            encoding,
            frames_per_file=frames_per_file(settings),
        )
    )
    share = camera.format.bytes_per_frame * settings.fps / rig.bytes_per_second
    return Output(video, records, round(settings.memory_mb * _MB * share))


def frames_per_file(settings: CaptureSettings) -> int | None:
    """Frames after which a camera's next file begins; None: never."""
    return None if settings.split_s is None else max(1, round(settings.split_s * settings.fps))


def _entry(camera: RigCamera, encoding: Encoding) -> CameraEntry:
    entry = CameraEntry.of(camera.name, camera.info, camera.format)
    return entry.model_copy(update={"codec": encoding.codec, "options": dict(encoding.options)})


def _remove_if_empty(folder: Path) -> None:
    with suppress(OSError):
        folder.rmdir()
