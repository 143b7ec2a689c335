"""Finding the videos of each camera in a folder, by names alone: no video is opened."""

from __future__ import annotations

import csv
import math
import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_sdannce.recording import MAX_FRAME, Problem, VideoFile

from .errors import NPY_ERRORS

if TYPE_CHECKING:
    from pathlib import Path

VIDEO_SUFFIXES = (".mp4", ".avi", ".mov", ".mkv", ".m4v")
_PREFERRED = {suffix: rank for rank, suffix in enumerate(VIDEO_SUFFIXES)}
_MAX_METADATA_BYTES = 1_000_000
_MOST_DIGITS = 100


@dataclass(frozen=True, slots=True)
class CameraFolder:
    """Videos of one camera."""

    name: str
    videos: tuple[VideoFile, ...]
    fps: float | None = None


def natural_key(text: str) -> list[tuple[int, int, str]]:
    """Sorting key that puts ``Camera2`` before ``Camera10``."""
    return [
        (0, int(part), "") if part.isdecimal() else (1, 0, part.casefold())
        for part in re.split(r"(\d{1,18})", text)
        if part
    ]


def visible_folders(folder: Path) -> list[Path]:
    """Subfolders that are neither hidden nor set aside (``.name``, ``_name``), in natural order."""
    return _sorted(folder, [entry for entry in _entries(folder) if _is_folder(entry)])


def visible_files(folder: Path, suffixes: tuple[str, ...]) -> list[Path]:
    """Files of these types that are neither hidden nor set aside, in natural order.

    A link to a file that is gone counts: whoever opens it will say so.
    """
    found = [entry for entry in _entries(folder) if entry.name.lower().endswith(suffixes)]
    return _sorted(folder, [entry for entry in found if not _is_folder(entry)])


def holds_nothing(folder: Path) -> bool:
    """Whether there is nothing in a folder that is neither hidden nor set aside."""
    return not _entries(folder)


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return [entry for entry in entries if entry.name[:1] not in (".", "_")]
    except OSError:
        return []


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False


def _sorted(folder: Path, entries: list[os.DirEntry[str]]) -> list[Path]:
    return [folder / name for name in sorted((entry.name for entry in entries), key=natural_key)]


def find_cameras(folder: Path) -> tuple[list[CameraFolder], list[Problem]]:
    """Find the cameras below a folder.

    Either one subfolder a camera, its files named by their first frame (DANNCE, Campy), perhaps one
    level deeper; or, when there are none, the video files of the folder itself, one a camera (with
    a ``0.mp4`` among them, it is the folder of one camera).
    """
    cameras: list[CameraFolder] = []
    problems: list[Problem] = []
    for entry in visible_folders(folder):
        camera = _camera_folder(entry, problems)
        if camera is not None:
            cameras.append(camera)
    if cameras:
        return cameras, problems
    loose = visible_files(folder, VIDEO_SUFFIXES)
    if any(path.stem == "0" for path in loose):  # the folder of one camera
        return [CameraFolder(folder.name, _numbered(folder, loose, problems))], problems
    names = [path.stem for path in loose]
    for path in loose:
        name = path.stem if names.count(path.stem) == 1 else path.name
        cameras.append(CameraFolder(name, (VideoFile(path),)))
    return cameras, problems


def _camera_folder(folder: Path, problems: list[Problem]) -> CameraFolder | None:
    place, paths = folder, visible_files(folder, VIDEO_SUFFIXES)
    if not paths:
        deeper = [
            (sub, found)
            for sub in visible_folders(folder)
            if (found := visible_files(sub, VIDEO_SUFFIXES))
        ]
        if not deeper:
            return None
        place, paths = deeper[0]
        if len(deeper) > 1:
            others = ", ".join(sub.name for sub, _ in deeper[1:])
            problems.append(
                Problem(
                    folder, f"has videos in several folders; '{place.name}' is used, not {others}"
                )
            )
    videos = _numbered(folder, paths, problems)
    return CameraFolder(folder.name, videos, _fps(place, problems)) if videos else None


def _numbered(folder: Path, paths: list[Path], problems: list[Problem]) -> tuple[VideoFile, ...]:
    """Videos by their first frame, which is their name."""
    by_start: dict[int, Path] = {}
    unnumbered = []
    no_number = "its name is not the number of its first frame"
    for path in sorted(paths, key=lambda path: _PREFERRED[path.suffix.lower()]):
        if not re.fullmatch(r"\d+", path.stem, re.ASCII):
            unnumbered.append((path, no_number))
        elif len(path.stem) > _MOST_DIGITS or int(path.stem) > MAX_FRAME:
            unnumbered.append((path, f"its name is no first frame, which is at most {MAX_FRAME}"))
        elif int(path.stem) in by_start:
            kept = by_start[int(path.stem)].name
            problems.append(Problem(path, f"not used: '{kept}' starts at the same frame"))
        else:
            by_start[int(path.stem)] = path
    if not by_start and len(unnumbered) == 1:
        path, why = unnumbered[0]
        problems.append(Problem(path, f"{why}; taken to be 0"))
        return (VideoFile(path, 0),)
    problems += [Problem(path, f"not used: {why}") for path, why in unnumbered]
    if not by_start:
        problems.append(Problem(folder, "none of its videos is named by its first frame"))
    return tuple(VideoFile(by_start[start], start) for start in sorted(by_start))


def _fps(folder: Path, problems: list[Problem]) -> float | None:
    """Frames a second that Campy noted beside the videos, None when it did not."""
    metadata = folder / "metadata.csv"
    if metadata.is_file():
        try:
            return _metadata_fps(metadata)
        except (OSError, ValueError, csv.Error) as error:
            problems.append(Problem(metadata, f"not readable: {error}"))
    times = folder / "frametimes.npy"
    if times.is_file():
        try:
            return _measured_fps(times)
        except NPY_ERRORS as error:
            problems.append(Problem(times, f"not readable: {error}"))
    return None


def _metadata_fps(path: Path) -> float | None:
    if path.stat().st_size > _MAX_METADATA_BYTES:
        raise ValueError(f"it has {path.stat().st_size} bytes")
    with path.open(encoding="utf-8", errors="replace", newline="") as stream:
        rows = {row[0].strip(): row[1].strip() for row in csv.reader(stream) if len(row) >= 2}
    if "frameRate" not in rows:
        return None
    fps = float(rows["frameRate"])
    if not (math.isfinite(fps) and fps > 0):
        raise ValueError(f"its frameRate is {rows['frameRate']}")
    return fps


def _measured_fps(path: Path) -> float | None:
    """From (2, N): counter, seconds since the first frame."""
    times = np.load(path, mmap_mode="r", allow_pickle=False)
    if times.ndim != 2 or times.shape[0] != 2 or times.dtype.kind not in "iuf":
        raise ValueError(f"it holds a {times.dtype} array of shape {times.shape}, not (2, frames)")
    if times.shape[1] < 2:
        return None
    step = float(np.median(np.diff(times[1])))
    return 1 / step if math.isfinite(step) and step > 0 else None
