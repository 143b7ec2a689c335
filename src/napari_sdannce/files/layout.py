"""Recordings by the layout of their folder: DANNCE's, Campy's, or one video a camera."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from napari_sdannce.recording import Problem, Recording, View, missing_videos

from .choose_calibration import Choice, choose_calibration
from .errors import FileFormatError
from .label_file import read_label_source
from .project_file import PROJECT_FILE
from .video_folders import CameraFolder, find_cameras, holds_nothing, visible_files, visible_folders

if TYPE_CHECKING:
    from pathlib import Path

    from napari_sdannce.recording import PixelOrigin

    from .dannce_mat import DannceFile

EXPECTED = (
    "an experiment folder (videos/<camera>/<first frame>.mp4), a Campy folder (<camera>/<first "
    "frame>.mp4), a folder with sdannce.yaml or *_dannce.mat, or one video a camera"
)
_SEARCH_DEPTH = 3
_MOST_NAMED = 10
_NOT_SEARCHED = ("videos", "npy_volumes")
_COM_NAMES = ("com3d*.mat", "instance*com3d*.mat", "com3d*.pickle", "com*.zarr")
_PREDICTION_NAMES = ("save_data_*.mat", "init_save_data_*.mat", "poses*.zarr")
# what a prediction writes beside its store, for other programs
_TWINS_OF_COM = re.compile(r"(instance\d+)?com3d\d*\.mat")
_TWINS_OF_POSES = re.compile(r"save_data_AVG\d+\.mat|init_save_data_AVG\.mat|com3d_used\.mat")


def open_layout(
    folder: Path,
    pixel_origin: PixelOrigin,
    label_file: Path | None = None,
    videos: Path | None = None,
) -> Recording:
    """Open a folder by its layout, whatever its project file says.

    Parameters
    ----------
    folder
        Of DANNCE, of Campy, or of videos.
    pixel_origin
        Where the first pixel lies in a MATLAB-layout calibration.
    label_file
        The one to be used; None: the one that fits the videos.
    videos
        Folder of the videos; None: ``videos`` in the folder, or itself.

    Raises
    ------
    FileFormatError
        When there is nothing in it that could be opened.
    """
    cameras, problems = _videos_of(folder) if videos is None else find_cameras(videos)
    sources = _read_label_files(folder, label_file, problems)
    if not cameras and not sources:
        found = "it has neither videos nor a label file that can be read" + _recordings_in(folder)
        raise FileFormatError(folder, _with_problems(found, problems), EXPECTED)
    choice = choose_calibration(folder, cameras, sources, pixel_origin, must=label_file is not None)
    views = _views(choice, cameras)
    used = [choice.source.path] if choice.source else []
    com_files, prediction_files = find_predictions(folder)
    return Recording(
        folder=folder,
        views=views,
        sync=choice.sync,
        skeleton=choice.skeleton,
        label_files=(*used, *(path for path in label_files(folder) if path not in used)),
        com_files=com_files,
        prediction_files=prediction_files,
        pixel_origin=choice.pixel_origin,
        fps=_common_fps(cameras, problems, folder),
        problems=(
            *problems,
            *choice.problems,
            *missing_videos(folder, views),
            *_empty_folders(videos or folder / "videos", views),
        ),
        calibration_file=choice.calibration_file,
        sync_file=choice.source.path if choice.source and choice.sync else None,
    )


def _videos_of(folder: Path) -> tuple[list[CameraFolder], list[Problem]]:
    """Cameras in ``videos``, else in the folder itself."""
    inside = folder / "videos"
    if inside.is_dir():
        cameras, problems = find_cameras(inside)
        if cameras:
            return cameras, problems
    return find_cameras(folder)


def _recordings_in(folder: Path) -> str:
    """Say which subfolders are recordings; nothing when none is."""
    found = [
        path.name
        for path in visible_folders(folder)
        if (path / PROJECT_FILE).is_file() or label_files(path) or find_cameras(path / "videos")[0]
    ]
    if not found:
        return ""
    named = ", ".join([*found[:_MOST_NAMED], *(["..."] if len(found) > _MOST_NAMED else [])])
    return f", but subfolders that are recordings, each to be opened by itself: {named}"


def _with_problems(found: str, problems: list[Problem]) -> str:
    return "; ".join([found, *map(str, problems[:3])])


def label_files(folder: Path) -> tuple[Path, ...]:
    """Label files of a folder: ``*dannce.mat``, then ``*Label3D.mat``, each sorted by name."""
    return (*visible_files(folder, ("dannce.mat",)), *visible_files(folder, ("label3d.mat",)))


def find_predictions(folder: Path) -> tuple[tuple[Path, ...], tuple[Path, ...]]:
    """COM traces and poses below a folder: stores, and files of the reference program.

    The ``.mat`` twins that a prediction writes into the folder of its store are left out: the store
    holds all that they hold.
    """
    coms, poses = _search(folder, _COM_NAMES), _search(folder, _PREDICTION_NAMES)
    com_stores = {path.parent for path in coms if _is_store(path)}
    pose_stores = {path.parent for path in poses if _is_store(path)}

    def is_twin(path: Path) -> bool:
        return bool(
            (path.parent in com_stores and _TWINS_OF_COM.fullmatch(path.name))
            or (path.parent in pose_stores and _TWINS_OF_POSES.fullmatch(path.name))
        )

    return (
        tuple(path for path in coms if not is_twin(path)),
        tuple(path for path in poses if not is_twin(path)),
    )


def _is_store(path: Path) -> bool:
    return path.suffix == ".zarr" and (path / "zarr.json").is_file()


def _search(folder: Path, patterns: tuple[str, ...], depth: int = _SEARCH_DEPTH) -> list[Path]:
    """Files and stores by name, a few levels deep, not among videos and cached volumes."""

    def matches(path: Path) -> bool:
        return any(path.match(pattern) for pattern in patterns)

    found = [path for path in visible_files(folder, (".mat", ".pickle")) if matches(path)]
    for path in visible_folders(folder):
        if path.suffix == ".zarr":
            found += [path] if matches(path) else []
        elif depth and path.name not in _NOT_SEARCHED:
            found += _search(path, patterns, depth - 1)
    return found


def _read_label_files(folder: Path, must: Path | None, problems: list[Problem]) -> list[DannceFile]:
    """Label files that can be read; only the one that was asked for, if one was."""
    files = []
    for path in (must,) if must else label_files(folder):
        try:
            file = read_label_source(path)
            problems += [Problem(path, message) for message in file.problems()]
            files.append(file)
        except FileFormatError as error:
            if must:
                raise
            problems.append(Problem(path, f"not used: {error.found}; expected {error.expected}"))
    return files


def _views(choice: Choice, cameras: list[CameraFolder]) -> tuple[View, ...]:
    videos = {camera.name: camera.videos for camera in cameras}
    calibrations = {camera.name: camera for camera in choice.cameras}
    return tuple(View(name, videos.get(name, ()), calibrations.get(name)) for name in choice.names)


def _common_fps(cameras: list[CameraFolder], problems: list[Problem], folder: Path) -> float | None:
    known = {camera.name: camera.fps for camera in cameras if camera.fps}
    if not known:
        return None
    fps = sorted(known.values())[len(known) // 2]
    if max(known.values()) > 1.01 * min(known.values()):
        each = ", ".join(f"{name} {value:g}" for name, value in known.items())
        problems.append(Problem(folder, f"frame rates differ ({each}); {fps:g} is used"))
    return fps


def _empty_folders(videos: Path, views: tuple[View, ...]) -> list[Problem]:
    """Folders of cameras into which no video was put."""
    names = {view.name for view in views}
    return [
        Problem(path, f"holds nothing; there is no camera '{path.name}'")
        for path in visible_folders(videos)
        if path.name not in names and holds_nothing(path)
    ]
