"""Everything that can be known to go wrong before the first frame."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import psutil

from napari_sdannce.capture.codecs import CodecError, choose_encoding, footage_of
from napari_sdannce.capture.recorder.events import EVENTS_FILE
from napari_sdannce.capture.recorder.guards import gb
from napari_sdannce.capture.recording_file import RECORDING_FILE
from napari_sdannce.capture.recording_folder import VIDEOS
from napari_sdannce.files.errors import FileFormatError
from napari_sdannce.files.project_file import PROJECT_FILE, read_project
from napari_sdannce.files.save_project import SYNC_FILE

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from napari_sdannce.capture.recorder.rig import Rig, RigCamera
    from napari_sdannce.files.project_file import Project
    from napari_sdannce.settings.capture import CaptureSettings
    from napari_sdannce.video import Encoding

_GB = 1e9
_MB = 1_000_000
_BYTES_PER_PIXEL = {"mjpeg": 0.03, "ffv1": 0.25}
"""What quiet videos of animals take at least, by codec; of the others, much less."""
_LEAST_BYTES_PER_PIXEL = 0.003


class PrepareError(ValueError):
    """A recording that can not begin as it is asked for; the message says why."""


def prepare(settings: CaptureSettings, rig: Rig) -> tuple[Encoding, ...]:
    """Check all that can be, and choose how each camera is encoded.

    Raises
    ------
    PrepareError, FileExistsError
        What is in the way, and what is possible.
    """
    check_folder(settings.folder)
    check_memory(settings, rig)
    encodings = choose_encodings(settings, rig)
    check_disk(settings, rig, encodings)
    return encodings


def n_frames_of(settings: CaptureSettings) -> int | None:
    """Exposures of a recording; None: until it is stopped."""
    return None if settings.seconds is None else max(1, round(settings.seconds * settings.fps))


def check_folder(folder: Path) -> None:
    """Raise when there is something that a recording would be mixed up with.

    A project file that names no cameras, but a skeleton or a calibration, may be there already.

    Raises
    ------
    FileExistsError
        When the folder holds a recording, or something of one.
    PrepareError
        When it is no folder, may not be written to, or its project file can not be read.
    """
    there = _nearest_that_exists(folder)
    if not there.is_dir():
        raise PrepareError(f"{there} is a file; a recording needs a folder")
    if not os.access(there, os.W_OK):
        raise PrepareError(f"{there} may not be written to; choose another folder")
    for name in (RECORDING_FILE, VIDEOS, EVENTS_FILE, SYNC_FILE):
        if (folder / name).exists():
            raise is_taken(folder / name)
    if (folder / PROJECT_FILE).exists() and _project(folder).cameras:
        raise is_taken(folder / PROJECT_FILE)


def _project(folder: Path) -> Project:
    try:
        return read_project(folder)
    except FileFormatError as error:
        raise PrepareError(str(error)) from error


def check_memory(settings: CaptureSettings, rig: Rig) -> None:
    """Raise when frames that wait would not fit into the memory.

    Raises
    ------
    PrepareError
        How much there is.
    """
    buffers = sum(each.settings.buffers * each.format.bytes_per_frame for each in rig.cameras)
    wanted = settings.memory_mb * _MB + buffers
    there = psutil.virtual_memory().available
    if wanted > there:
        raise PrepareError(
            f"memory_mb {settings.memory_mb} and {buffers / _MB:.0f} MB of buffers of the cameras: "
            f"only {there / _MB:.0f} MB of memory are free"
        )


def check_disk(settings: CaptureSettings, rig: Rig, encodings: Sequence[Encoding]) -> None:
    """Raise when the disk is too full, for what can be told before.

    Raises
    ------
    PrepareError
        How much room there is, and how much is needed at least.
    """
    free = shutil.disk_usage(_nearest_that_exists(settings.folder)).free
    needed = settings.keep_free_gb * _GB
    if settings.seconds is not None:
        rate = least_bytes_per_second(settings.fps, rig.cameras, encodings)
        needed += settings.seconds * rate
    if free < needed:
        raise PrepareError(
            f"{settings.folder}: the disk has {gb(free)} GB left; this recording needs "
            f"{gb(needed)} GB at least, with the {settings.keep_free_gb:g} GB that keep_free_gb "
            "leaves free"
        )


def least_bytes_per_second(
    fps: float, cameras: Sequence[RigCamera], encodings: Sequence[Encoding]
) -> float:
    """How fast the videos will grow at least."""
    return sum(
        fps
        * camera.format.width
        * camera.format.height
        * _BYTES_PER_PIXEL.get(encoding.codec, _LEAST_BYTES_PER_PIXEL)
        for camera, encoding in zip(cameras, encodings, strict=True)
    )


def choose_encodings(settings: CaptureSettings, rig: Rig) -> tuple[Encoding, ...]:
    """How each camera is encoded; the encoders of all were open at the same time.

    Raises
    ------
    PrepareError
        When an encoder does not work with the images of a camera.
    """
    chosen: dict[tuple[object, ...], Encoding] = {}
    found = []
    for camera in rig.cameras:
        footage = footage_of(camera.format, settings.fps)
        key = (footage.width, footage.height, footage.gray)
        if key not in chosen:
            try:
                chosen[key] = choose_encoding(settings.encoding, footage, len(rig.cameras))
            except CodecError as error:
                raise PrepareError(f"{camera.name}: {error}") from error
        found.append(chosen[key])
    return tuple(found)


def is_taken(file: Path) -> FileExistsError:
    """The error when there is a file of a recording already."""
    return FileExistsError(
        f"{file} exists: this folder holds a recording, and nothing is overwritten; choose another "
        "one"
    )


def _nearest_that_exists(folder: Path) -> Path:
    return next(each for each in (folder.absolute(), *folder.absolute().parents) if each.exists())
