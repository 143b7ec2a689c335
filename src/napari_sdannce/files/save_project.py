"""Project files (``sdannce.yaml``) from recordings."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from napari_sdannce.skeletons import Skeleton, builtin_skeletons, load_skeleton, write_skeleton_yaml

from .project_file import (
    PROJECT_FILE,
    CalibrationEntry,
    CameraEntry,
    Project,
    VideoEntry,
    relative_path,
    write_project,
)
from .sync_csv import write_sync_csv
from .writing import check_free

if TYPE_CHECKING:
    from pathlib import Path

    from napari_sdannce.geometry import Camera
    from napari_sdannce.recording import Recording

SYNC_FILE = "sync.csv"


def project_of(recording: Recording) -> Project:
    """Describe a recording as a project in its folder, calibration included.

    Its sync becomes a reference to ``sync.csv``, and a skeleton that is no built-in to
    ``<name>.skeleton.yaml``; `save_project` writes both.
    """
    folder = recording.folder
    cameras = tuple(
        CameraEntry(
            name=view.name,
            videos=tuple(
                VideoEntry(file=relative_path(folder, video.path), first_frame=video.first_frame)
                for video in view.videos
            ),
        )
        for view in recording.views
    )
    calibrated = [view.camera for view in recording.views if view.camera is not None]
    skeleton = recording.skeleton
    return Project(
        fps=recording.fps,
        pixel_origin=recording.pixel_origin,
        skeleton=None if skeleton is None else _skeleton_name(skeleton),
        cameras=cameras,
        calibration=tuple(map(calibration_entry, calibrated)) or None,
        sync=None if recording.sync is None else SYNC_FILE,
        labels=tuple(relative_path(folder, path) for path in recording.label_files),
        com=tuple(relative_path(folder, path) for path in recording.com_files),
        predictions=tuple(relative_path(folder, path) for path in recording.prediction_files),
    )


def _skeleton_name(skeleton: Skeleton) -> str:
    builtin = skeleton.name in builtin_skeletons() and load_skeleton(skeleton.name) == skeleton
    if builtin:
        return skeleton.name
    return re.sub(r"[^\w .()-]", "_", skeleton.name)[:100] + ".skeleton.yaml"


def calibration_entry(camera: Camera) -> CalibrationEntry:
    """What a project file says of a camera."""
    return CalibrationEntry.model_validate(
        {
            "name": camera.name,
            "matrix": camera.matrix.tolist(),
            "rotation": camera.rotation.tolist(),
            "translation": camera.translation.tolist(),
            "radial": camera.radial.tolist(),
            "tangential": camera.tangential.tolist(),
            "image_size": camera.image_size,
            "fisheye": camera.fisheye,
        }
    )


def save_project(recording: Recording, *, overwrite: bool = False) -> Path:
    """Write the project file of a recording into its folder, and what it refers to.

    Raises
    ------
    FileExistsError
        When a file exists and may not be overwritten.
    """
    project, folder = project_of(recording), recording.folder
    own_skeleton = recording.skeleton is not None and project.skeleton not in builtin_skeletons()
    goals = (PROJECT_FILE, project.sync, project.skeleton if own_skeleton else None)
    if not overwrite:
        for goal in goals:
            if goal is not None:
                check_free(folder / goal)
    if recording.sync is not None:
        write_sync_csv(folder / SYNC_FILE, recording.names, recording.sync, overwrite=overwrite)
    if recording.skeleton is not None and own_skeleton:
        path = folder / str(project.skeleton)
        write_skeleton_yaml(recording.skeleton, path, overwrite=overwrite)
    return write_project(folder, project, overwrite=overwrite)
