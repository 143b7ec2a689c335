"""Recordings from project files (``sdannce.yaml``)."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from napari_sdannce.geometry import Camera
from napari_sdannce.recording import PixelOrigin, Problem, Recording, Sync, VideoFile, View

from .anipose import read_anipose
from .errors import FileFormatError
from .hires_params import read_hires_params
from .label_file import read_label_source
from .layout import find_predictions, label_files, open_layout
from .mat_fields import reading
from .project_file import (
    EXPECTED,
    PROJECT_FILE,
    CalibrationEntry,
    Project,
    absolute_path,
    read_project,
)
from .skeleton_mat import open_skeleton
from .sync_csv import read_sync_csv
from .video_folders import find_cameras

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

    from napari_sdannce.skeletons import Skeleton


def open_project(
    path: str | os.PathLike[str],
    *,
    pixel_origin: PixelOrigin = PixelOrigin.MATLAB,
    videos: Path | None = None,
) -> Recording:
    """Open the recording that a project file describes.

    What the file does not say is found by the layout of its folder. Files it names that are missing
    or cannot be read are `problems` of the recording.

    Parameters
    ----------
    path
        The ``sdannce.yaml``.
    pixel_origin
        Where the first pixel lies in MATLAB-layout files, when the project does not say.
    videos
        Folder of the videos, in place of those that the project names.

    Raises
    ------
    FileNotFoundError
        When there is no such file.
    FileFormatError
        When it is no project file, or neither it nor the folder tells the cameras.
    """
    file = Path(path).expanduser().absolute()
    project = read_project(file)
    opening = _Opening(file, project, project.pixel_origin or pixel_origin, videos)
    with reading(file, EXPECTED):
        return opening.recording()


@dataclass
class _Opening:
    """A project on its way to a recording."""

    file: Path
    project: Project
    origin: PixelOrigin
    videos: Path | None = None
    problems: list[Problem] = field(default_factory=list)

    @property
    def folder(self) -> Path:
        return self.file.parent

    def recording(self) -> Recording:
        project, layout = self.project, self._layout()
        calibrations = self._calibrations()
        names = self._names(layout, calibrations)
        if layout is not None and project.cameras is None:
            self.problems += layout.problems
        views = tuple(self._view(name, layout, calibrations) for name in names)
        named = {kind: self._existing(kind) for kind in ("labels", "com", "predictions")}
        com_files, prediction_files = find_predictions(self.folder)
        own_origin = None if isinstance(project.calibration, tuple) else self.origin
        return Recording(
            folder=self.folder,
            views=views,
            sync=self._sync(names, layout),
            skeleton=self._skeleton() or (layout.skeleton if layout else None),
            label_files=_unique(named["labels"], label_files(self.folder)),
            com_files=_unique(named["com"], com_files),
            prediction_files=_unique(named["predictions"], prediction_files),
            pixel_origin=project.pixel_origin or (layout.pixel_origin if layout else own_origin),
            fps=project.fps or (layout.fps if layout else None),
            problems=tuple(self.problems),
            calibration_file=self._calibration_file(layout),
            sync_file=self._sync_file(layout),
        )

    def _layout(self) -> Recording | None:
        """Recording by the layout of the folder, when the project leaves something to it."""
        project = self.project
        if None not in (project.cameras, project.calibration, project.sync):
            return None
        try:
            return open_layout(self.folder, self.origin, videos=self.videos)
        except FileFormatError:
            if project.cameras is None and project.calibration is None:
                raise
            return None

    def _names(self, layout: Recording | None, calibrations: dict[str, Camera]) -> tuple[str, ...]:
        if self.project.cameras is not None:
            return tuple(entry.name for entry in self.project.cameras)
        return layout.names if layout is not None else tuple(calibrations)

    def _view(self, name: str, layout: Recording | None, calibrations: dict[str, Camera]) -> View:
        by_layout = {view.name: view for view in layout.views} if layout else {}
        videos = self._videos(name)
        if videos is None:
            videos = by_layout[name].videos if name in by_layout else ()
        camera = calibrations.get(name)
        if self.project.calibration is None and name in by_layout:
            camera = by_layout[name].camera
        elif camera is None and calibrations:
            self._problem(self.file, f"camera '{name}' has no calibration in it")
        return View(name, videos, camera)

    def _videos(self, name: str) -> tuple[VideoFile, ...] | None:
        """Videos of a camera that the project or the caller names; None when neither does."""
        if self.videos is not None:
            there = {camera.name: camera.videos for camera in find_cameras(self.videos)[0]}
            return there.get(name, ())
        entries = {entry.name: entry.videos for entry in self.project.cameras or ()}
        if not entries.get(name):
            return None
        found = []
        for position, entry in enumerate(entries[name]):
            path = absolute_path(self.folder, entry.file)
            if path.is_file():
                found.append(VideoFile(path, entry.first(position)))
            else:
                self._problem(path, f"video of camera '{name}' is missing")
        return tuple(sorted(found, key=lambda video: video.first_frame))

    def _calibrations(self) -> dict[str, Camera]:
        source = self.project.calibration
        if source is None:
            return {}
        if isinstance(source, tuple):
            return {entry.name: camera_of_entry(entry) for entry in source}
        path = absolute_path(self.folder, source)
        try:
            return {camera.name: camera for camera in self._read_calibration(path)}
        except (FileFormatError, FileNotFoundError) as error:
            self._unread(path, "calibration", error)
            return {}

    def _calibration_file(self, layout: Recording | None) -> Path | None:
        source = self.project.calibration
        if source is None:
            return layout.calibration_file if layout is not None else None
        return self.file if isinstance(source, tuple) else absolute_path(self.folder, source)

    def _sync_file(self, layout: Recording | None) -> Path | None:
        if self.project.sync is None:
            return layout.sync_file if layout is not None else None
        return absolute_path(self.folder, self.project.sync)

    def _read_calibration(self, path: Path) -> Sequence[Camera]:
        if path.suffix.lower() == ".toml":
            return read_anipose(path)
        if path.suffix.lower() == ".mat":
            return read_label_source(path).cameras(self.origin)
        names = [entry.name for entry in self.project.cameras or ()]
        return read_hires_params(path, names or None, pixel_origin=self.origin)

    def _sync(self, names: tuple[str, ...], layout: Recording | None) -> Sync | None:
        if self.project.sync is None:
            if layout is None or layout.sync is None:
                return None
            return _columns(layout.sync, layout.names, names)
        path = absolute_path(self.folder, self.project.sync)
        try:
            if path.suffix.lower() == ".csv":
                cameras, sync = read_sync_csv(path)
            else:
                source = read_label_source(path)
                cameras, found = source.camnames, source.sync_table()
                if found is None:
                    raise FileFormatError(path, "it has no 'sync'", "a label file with sync")
                sync = found
        except (FileFormatError, FileNotFoundError) as error:
            self._unread(path, "sync", error)
            return None
        missing = [name for name in names if name not in cameras]
        if missing:
            self._problem(path, f"no sync: it has no camera {', '.join(missing)}")
            return None
        return _columns(sync, cameras, names)

    def _skeleton(self) -> Skeleton | None:
        named = self.project.skeleton
        if named is None:
            return None
        path = absolute_path(self.folder, named)
        try:
            return open_skeleton(path if path.is_file() else named)
        except (ValueError, FileNotFoundError) as error:
            self._unread(path if path.exists() else self.file, "skeleton", error)
            return None

    def _existing(self, kind: str) -> tuple[Path, ...]:
        paths = [absolute_path(self.folder, each) for each in getattr(self.project, kind)]
        for path in paths:
            if not path.exists():
                self._missing(path, kind)
        return tuple(path for path in paths if path.exists())

    def _unread(self, path: Path, kind: str, error: ValueError | FileNotFoundError) -> None:
        """Say why a file that the project names is not used."""
        if isinstance(error, FileNotFoundError) and path != self.file:
            self._missing(path, kind)
        else:
            why = error.found if isinstance(error, FileFormatError) else str(error)
            self._problem(path, f"no {kind}: {why}")

    def _missing(self, path: Path, kind: str) -> None:
        self._problem(path, f"named under '{kind}' in {PROJECT_FILE}, but missing")

    def _problem(self, path: Path, message: str) -> None:
        self.problems.append(Problem(path, message))


def _unique(*groups: Sequence[Path]) -> tuple[Path, ...]:
    return tuple(dict.fromkeys(path for group in groups for path in group))


def _columns(sync: Sync, cameras: Sequence[str], names: Sequence[str]) -> Sync | None:
    """Sync of these cameras in their order; None when one has none."""
    if any(name not in cameras for name in names):
        return None
    return Sync(sync.sample_ids, sync.frames[:, [list(cameras).index(name) for name in names]])


def camera_of_entry(entry: CalibrationEntry) -> Camera:
    """Camera that a project file describes; ValueError when it describes none."""
    return Camera(
        name=entry.name,
        matrix=np.array(entry.matrix),
        rotation=np.array(entry.rotation),
        translation=np.array(entry.translation),
        radial=np.array(entry.radial),
        tangential=np.array(entry.tangential),
        image_size=entry.image_size,
        fisheye=entry.fisheye,
    )
