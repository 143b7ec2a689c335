"""Opening a recording from whatever lies there: a folder, a label file, a video."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from napari_sdannce.recording import (
    PixelOrigin,
    Problem,
    Recording,
    Sync,
    VideoFile,
    View,
)

from .anipose import read_anipose
from .dannce_mat import DannceFile, read_dannce
from .errors import FileFormatError
from .hires_params import hires_files, read_hires_params
from .video_folders import CameraFolder, find_cameras, is_video, natural_key, visible

if TYPE_CHECKING:
    import os

    from napari_sdannce.geometry.cameras import Camera

EXPECTED = (
    "an experiment folder (videos/<camera>/<first frame>.mp4), a Campy folder (<camera>/<first "
    "frame>.mp4), a folder with sdannce.yaml or *_dannce.mat, or one video a camera"
)
PROJECT_FILE = "sdannce.yaml"
_MOST_COM_COLUMNS = 9
_SEARCH_DEPTH = 3
_NOT_SEARCHED = ("videos", "npy_volumes")


def open_recording(
    path: str | os.PathLike[str], *, pixel_origin: PixelOrigin = PixelOrigin.MATLAB
) -> Recording:
    """Open a recording. No frame is read.

    Parameters
    ----------
    path
        A folder with ``sdannce.yaml``; an experiment folder of DANNCE; a folder of Campy; a folder
        of videos, one a camera; a ``*_dannce.mat`` beside its ``videos``; or one video.
    pixel_origin
        Where the first pixel lies in a MATLAB-layout calibration.

    Returns
    -------
    The recording; what could not be used is in its `problems`.

    Raises
    ------
    FileNotFoundError
        When the path does not exist.
    FileFormatError
        When there is nothing in it that could be opened.
    """
    place = Path(path).expanduser().absolute()
    if not place.exists():
        raise FileNotFoundError(f"{place} does not exist; expected {EXPECTED}")
    if place.is_dir():
        if (place / PROJECT_FILE).is_file():
            return _open_project(place / PROJECT_FILE, pixel_origin)
        return _open_folder(place, pixel_origin)
    if place.name == PROJECT_FILE:
        return _open_project(place, pixel_origin)
    if place.suffix.lower() == ".mat":
        return _open_folder(place.parent, pixel_origin, label_file=place)
    if is_video(place):
        view = View(_name_of_single(place), (VideoFile(place),))
        return Recording(place.parent, (view,))
    raise FileFormatError(place, f"a file of type '{place.suffix}'", EXPECTED)


def _open_project(path: Path, pixel_origin: PixelOrigin) -> Recording:
    from .project import open_project

    return open_project(path, pixel_origin=pixel_origin)


def _name_of_single(path: Path) -> str:
    """Camera of a lone video: its folder when the file is named by its first frame."""
    return path.parent.name if path.stem.isdecimal() and path.parent.name else path.stem


@dataclass(frozen=True)
class _Found:
    """What calibrates a recording, and in which order its cameras come."""

    names: tuple[str, ...]
    cameras: tuple[Camera, ...] = ()
    sync: Sync | None = None
    pixel_origin: PixelOrigin | None = None
    problems: tuple[Problem, ...] = ()


def _open_folder(
    folder: Path, pixel_origin: PixelOrigin, label_file: Path | None = None
) -> Recording:
    videos = folder / "videos"
    cameras, problems = find_cameras(videos if videos.is_dir() else folder)
    label_paths = [label_file] if label_file else label_files(folder)
    labels = _read_label_files(label_paths, problems, must=label_file is not None)
    if not cameras and not labels:
        raise FileFormatError(folder, "it has neither videos nor a label file", EXPECTED)
    found = _from_label_files(labels, cameras, pixel_origin)
    if found is None:
        problems += _label_files_do_not_fit(labels, cameras)
        found = _from_calibrations(folder, cameras, pixel_origin)
    by_name = {camera.name: camera for camera in cameras}
    calibrations = {camera.name: camera for camera in found.cameras}
    views = tuple(
        View(name, by_name[name].videos if name in by_name else (), calibrations.get(name))
        for name in found.names
    )
    chosen = [file.path for file in labels]
    return Recording(
        folder=folder,
        views=views,
        sync=found.sync,
        label_files=(*chosen, *(path for path in label_files(folder) if path not in chosen)),
        com_files=search(folder, ("com3d*.mat", "instance*com3d*.mat", "com3d*.pickle")),
        prediction_files=search(folder, ("save_data_*.mat", "init_save_data_*.mat")),
        pixel_origin=found.pixel_origin,
        fps=_common_fps(cameras, problems, folder),
        problems=(*problems, *found.problems, *_missing_videos(folder, views, bool(cameras))),
    )


def label_files(folder: Path) -> tuple[Path, ...]:
    """Label files of a folder: ``*dannce.mat``, sorted by name."""
    return tuple(
        path
        for path in visible(folder)
        if path.name.lower().endswith("dannce.mat") and path.is_file()
    )


def search(folder: Path, patterns: tuple[str, ...], depth: int = _SEARCH_DEPTH) -> tuple[Path, ...]:
    """Files by name, a few levels deep, not among videos and cached volumes."""
    found: list[Path] = []
    for path in visible(folder):
        if path.is_dir():
            if depth and path.name not in _NOT_SEARCHED:
                found += search(path, patterns, depth - 1)
        elif any(path.match(pattern) for pattern in patterns):
            found.append(path)
    return tuple(found)


def _read_label_files(
    paths: tuple[Path, ...] | list[Path], problems: list[Problem], *, must: bool
) -> list[DannceFile]:
    """Label files that can be read, the likeliest pose labels first."""
    files = []
    for path in paths:
        try:
            file = read_dannce(path)
            problems += [Problem(path, message) for message in file.problems()]
            files.append(file)
        except FileFormatError as error:
            if must:
                raise
            problems.append(Problem(path, f"not used: {error.found}; expected {error.expected}"))
    return sorted(files, key=_is_com_file)


def _is_com_file(file: DannceFile) -> bool:
    """Whether the labels are COMs: up to three keypoints, as DANNCE's tools take it."""
    table = file.label_table()
    return not len(table.sample_ids) or table.data_3d.shape[1] <= _MOST_COM_COLUMNS


def _from_label_files(
    files: list[DannceFile], cameras: list[CameraFolder], pixel_origin: PixelOrigin
) -> _Found | None:
    """Calibration and sync of the first label file whose cameras are those of the videos."""
    there = {camera.name for camera in cameras}
    fitting = [file for file in files if not there or there & set(file.camnames)]
    if not fitting:
        return None
    best = max(fitting, key=lambda file: len(there & set(file.camnames)))
    problems = []
    if len(fitting) > 1:
        others = ", ".join(file.path.name for file in fitting if file is not best)
        problems.append(
            Problem(best.path, f"calibration and sync are taken from this file, not from {others}")
        )
    left_out = sorted(there - set(best.camnames), key=natural_key)
    if left_out:
        problems.append(
            Problem(best.path, f"has no camera {', '.join(left_out)}; their videos are left out")
        )
    calibrations: tuple[Camera, ...] = ()
    try:
        calibrations = best.cameras(pixel_origin)
    except FileFormatError as error:
        problems.append(Problem(best.path, f"no calibration: {error.found}"))
    return _Found(best.camnames, calibrations, best.sync_table(), pixel_origin, tuple(problems))


def _label_files_do_not_fit(files: list[DannceFile], cameras: list[CameraFolder]) -> list[Problem]:
    there = ", ".join(camera.name for camera in cameras)
    return [
        Problem(
            file.path, f"not used: its cameras are {', '.join(file.camnames)}, the videos' {there}"
        )
        for file in files
    ]


def _from_calibrations(
    folder: Path, cameras: list[CameraFolder], pixel_origin: PixelOrigin
) -> _Found:
    """Calibration from ``calibration.toml``, else ``hires_cam<i>_params.mat``, else none."""
    found = _Found(tuple(camera.name for camera in cameras))
    problems: list[Problem] = []
    for place in (folder, folder / "calibration", folder / "videos"):
        toml = place / "calibration.toml"
        try:
            if toml.is_file():
                return _named(found, toml, read_anipose(toml))
            if place.is_dir() and hires_files(place):
                read = read_hires_params(place, found.names, pixel_origin=pixel_origin)
                return replace(found, cameras=read, pixel_origin=pixel_origin)
        except FileFormatError as error:
            problems.append(Problem(error.path, f"no calibration: {error.found}"))
    return replace(found, problems=tuple(problems))


def _named(found: _Found, path: Path, read: tuple[Camera, ...]) -> _Found:
    """Calibrations by camera name."""
    missing = [name for name in found.names if name not in {camera.name for camera in read}]
    problems = found.problems
    if missing:
        names = ", ".join(camera.name for camera in read)
        problems = (
            *problems,
            Problem(path, f"has the cameras {names}, but not {', '.join(missing)}"),
        )
    return replace(found, cameras=read, problems=problems)


def _common_fps(cameras: list[CameraFolder], problems: list[Problem], folder: Path) -> float | None:
    known = {camera.name: camera.fps for camera in cameras if camera.fps}
    if not known:
        return None
    fps = sorted(known.values())[len(known) // 2]
    if max(known.values()) > 1.01 * min(known.values()):
        each = ", ".join(f"{name} {value:g}" for name, value in known.items())
        problems.append(Problem(folder, f"frame rates differ ({each}); {fps:g} is used"))
    return fps


def _missing_videos(folder: Path, views: tuple[View, ...], any_videos: bool) -> list[Problem]:
    if not any_videos:
        return [Problem(folder, "has no videos")]
    return [
        Problem(folder, f"has no videos of camera '{view.name}'")
        for view in views
        if not view.videos
    ]
