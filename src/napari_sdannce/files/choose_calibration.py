"""Which of the files in a folder calibrates and synchronises its cameras."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from napari_sdannce.recording import PixelOrigin, Problem, Sync

from .anipose import read_anipose
from .compare_calibrations import calibration_difference, sync_difference
from .dannce_mat import default_camera_names
from .errors import FileFormatError
from .guess_skeleton import MOST_COM_POINTS
from .hires_params import hires_files, read_hires_params
from .mat_fields import reading
from .mat_values import cell_row
from .skeleton_mat import skeleton_inside
from .video_folders import natural_key

if TYPE_CHECKING:
    from pathlib import Path

    from napari_sdannce.geometry.cameras import Camera
    from napari_sdannce.skeletons import Skeleton

    from .dannce_mat import DannceFile
    from .video_folders import CameraFolder


@dataclass(frozen=True, eq=False)
class Choice:
    """What calibrates a recording.

    Parameters
    ----------
    names
        Cameras in the order of the recording.
    cameras
        Their calibrations, as far as there are some.
    sync, skeleton, source
        Sync, skeleton and the label file they come from, if from one.
    pixel_origin
        How a MATLAB-layout calibration was read, None when it is not from one.
    problems
        What could not be used, and what was preferred to what.
    calibration_file
        Where `cameras` come from: a file, or a folder of ``hires_cam<i>_params.mat``.
    """

    names: tuple[str, ...]
    cameras: tuple[Camera, ...] = ()
    sync: Sync | None = None
    skeleton: Skeleton | None = None
    source: DannceFile | None = None
    pixel_origin: PixelOrigin | None = None
    problems: tuple[Problem, ...] = ()
    calibration_file: Path | None = None


def choose_calibration(
    folder: Path,
    cameras: list[CameraFolder],
    sources: list[DannceFile],
    pixel_origin: PixelOrigin,
    *,
    must: bool,
) -> Choice:
    """Choose by content: the label file with the cameras of the videos, else a calibration file.

    Of several such label files one with pose labels comes before one with COM labels.

    Parameters
    ----------
    folder
        The experiment folder.
    cameras
        Cameras with videos.
    sources
        Label files that can be read.
    pixel_origin
        Where the first pixel lies in a MATLAB-layout calibration.
    must
        Whether the (only) label file was asked for, so that its cameras count and not the videos'.
    """
    there = {camera.name for camera in cameras}
    folders = _order_of_names([camera.name for camera in cameras], sources)
    named = [_named(source, folders) for source in sources]
    fitting = [source for source in named if must or not there or there & set(source.camnames)]
    problems = [
        Problem(
            source.path,
            f"not used: its cameras are {', '.join(source.camnames)}, those of the videos "
            f"{', '.join(camera.name for camera in cameras)}",
        )
        for source in named
        if source not in fitting
    ]
    names = tuple(camera.name for camera in cameras)
    choice = Choice(names, problems=tuple(problems))
    if fitting:
        fitting.sort(key=lambda source: _rank(source, there))
        choice = _from_label_file(choice, fitting, there, pixel_origin)
        guessed = choice.source in named and choice.source not in sources
        if guessed and choice.names != default_camera_names(len(choice.names)):
            order = ", ".join(choice.names)
            problem = Problem(fitting[0].path, f"does not name its cameras; taken to be {order}")
            choice = replace(choice, problems=(*choice.problems, problem))
    if len(choice.cameras) < len(choice.names):
        choice = _from_calibration_file(choice, folder, pixel_origin)
    return choice


def _order_of_names(folders: list[str], sources: list[DannceFile]) -> list[str]:
    """Names of the video folders in the order of a label file that has them all, if one has."""
    for source in sources:
        if "camnames" in source.variables and sorted(source.camnames) == sorted(folders):
            return list(source.camnames)
    return folders


def _named(source: DannceFile, folders: list[str]) -> DannceFile:
    """Give a label file without camera names those of as many video folders."""
    if "camnames" in source.variables or len(folders) != len(source.params):
        return source
    return replace(source, variables={**source.variables, "camnames": cell_row(list(folders))})


def _rank(source: DannceFile, there: set[str]) -> tuple[int, bool, bool]:
    """Sorting key: most cameras in common, pose before COM labels, labels before none."""
    table = source.label_table()
    n_columns = table.data_3d.shape[1]
    return (
        -len(there & set(source.camnames)),
        n_columns <= 3 * MOST_COM_POINTS,
        not len(table.sample_ids),
    )


def _from_label_file(
    choice: Choice, fitting: list[DannceFile], there: set[str], pixel_origin: PixelOrigin
) -> Choice:
    best, problems = fitting[0], list(choice.problems)
    left_out = sorted(there - set(best.camnames), key=natural_key)
    if left_out:
        problems.append(
            Problem(best.path, f"has no camera {', '.join(left_out)}; their videos are left out")
        )
    calibrations: tuple[Camera, ...] = ()
    skeleton = None
    try:
        calibrations = best.cameras(pixel_origin)
        with reading(best.path, "a skeleton"):
            _, skeleton = skeleton_inside(best.variables, best.path.stem) or (1, None)
    except FileFormatError as error:
        problems.append(Problem(best.path, f"not all of it is used: {error.found}"))
    for other in fitting[1:]:
        problems += _disagreements(best, calibrations, other, pixel_origin)
    return Choice(
        names=best.camnames,
        cameras=calibrations,
        sync=best.sync_table(),
        skeleton=skeleton,
        source=best,
        pixel_origin=pixel_origin if calibrations else None,
        problems=tuple(problems),
        calibration_file=best.path if calibrations else None,
    )


def _disagreements(
    best: DannceFile,
    calibrations: tuple[Camera, ...],
    other: DannceFile,
    pixel_origin: PixelOrigin,
) -> list[Problem]:
    """In what a label file differs from the one that is used; nothing when they agree."""
    try:
        found = {
            "calibration": calibration_difference(calibrations, other.cameras(pixel_origin)),
            "sync": sync_difference(
                best.sync_table(), best.camnames, other.sync_table(), other.camnames
            ),
        }
    except FileFormatError as error:
        return [Problem(other.path, f"not all of it can be used: {error.found}")]
    return [
        Problem(other.path, f"its {what} is not used; it differs from {best.path.name}: {by}")
        for what, by in found.items()
        if by
    ]


def _from_calibration_file(choice: Choice, folder: Path, pixel_origin: PixelOrigin) -> Choice:
    """Take the calibration of ``calibration.toml``, else of ``hires_cam<i>_params.mat``."""
    for place in (folder, folder / "calibration", folder / "videos"):
        toml = place / "calibration.toml"
        try:
            if toml.is_file():
                return _from_toml(choice, toml)
            if place.is_dir() and hires_files(place):
                cameras = read_hires_params(place, choice.names, pixel_origin=pixel_origin)
                return replace(
                    choice, cameras=cameras, pixel_origin=pixel_origin, calibration_file=place
                )
        except FileFormatError as error:
            problem = Problem(error.path, f"no calibration: {error.found}")
            choice = replace(choice, problems=(*choice.problems, problem))
    return choice


def _from_toml(choice: Choice, path: Path) -> Choice:
    cameras = read_anipose(path)
    names = [camera.name for camera in cameras]
    missing = [name for name in choice.names if name not in names]
    problems = choice.problems
    if missing:
        problem = f"has the cameras {', '.join(names)}, but not {', '.join(missing)}"
        problems = (*problems, Problem(path, problem))
    return replace(
        choice, cameras=cameras, pixel_origin=None, problems=problems, calibration_file=path
    )
