"""``sdannce info``: what a folder or file is."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import numpy as np

from napari_sdannce.files import FileFormatError, open_labels, open_recording

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from napari_sdannce.recording import Recording, View


def describe(path: Path) -> Iterator[str]:
    """Lines about a recording, label file, checkpoint or prediction.

    Raises
    ------
    FileNotFoundError
        When there is nothing at `path`.
    FileFormatError
        When it is nothing that we know.
    """
    if path.suffix in (".safetensors", ".pth"):
        yield from _checkpoint(path)
    elif (path / "zarr.json").is_file() or path.name.startswith("save_data_"):
        yield from _predictions(path)
    else:
        yield from _recording(path)


def _recording(path: Path) -> Iterator[str]:
    recording = open_recording(path)
    yield f"{recording.folder}: a recording of {len(recording.views)} cameras"
    moments = "not listed: as many as the videos have frames"
    if recording.sync is not None:
        moments = str(len(recording.sync))
    yield f"  moments: {moments}"
    if recording.fps:
        yield f"  frames a second: {recording.fps:g}"
    for view in recording.views:
        yield f"  {view.name}: {_view(view)}"
    origin = f", pixel origin '{recording.pixel_origin}'" if recording.pixel_origin else ""
    yield f"  calibrated: {'yes' if recording.is_calibrated else 'no'}{origin}"
    for file in recording.label_files:
        yield f"  labels: {os.path.relpath(file, recording.folder)}: {_labels(file)}"
    for what, files in (("COM", recording.com_files), ("poses", recording.prediction_files)):
        for file in files:
            yield f"  {what}: {os.path.relpath(file, recording.folder)}"
    yield from (f"  problem: {problem}" for problem in _problems(recording))


def _view(view: View) -> str:
    from napari_sdannce.video import CameraVideo, VideoError

    if not view.videos:
        return "no videos"
    files = f"{len(view.videos)} video{'s' if len(view.videos) > 1 else ''}"
    try:
        with CameraVideo(view) as video:
            return f"{files}, {video.n_frames} frames of {video.width} x {video.height} px"
    except VideoError as error:
        return f"{files}, can not be read: {error}"


def _labels(path: Path) -> str:
    try:
        labels = open_labels(path)
    except FileFormatError as error:
        return f"can not be read: {error}"
    complete = int(labels.complete.any(axis=1).sum())
    return (
        f"{len(labels)} moments ({complete} complete), {len(labels.animals)} animals, "
        f"{len(labels.skeleton.keypoints)} keypoints ({labels.skeleton.name})"
    )


def _problems(recording: Recording) -> list[str]:
    return [str(problem) for problem in recording.problems]


def _checkpoint(path: Path) -> Iterator[str]:
    from napari_sdannce.models.checkpoints import read_info

    info = read_info(path)
    yield f"{path}: a {info.network.kind} network"
    for name, value in info.model_dump(mode="json", exclude={"format", "version"}).items():
        if value not in (None, [], {}):
            yield f"  {name}: {value}"


def _predictions(path: Path) -> Iterator[str]:
    from napari_sdannce.predictions import open_predictions, read_com_trace

    try:
        poses = open_predictions(path)
    except FileFormatError:
        trace = read_com_trace(path)
        found = int(np.isfinite(trace.positions).all(axis=-1).sum())
        yield f"{path}: centres of mass of {trace.n_animals} animals at {len(trace)} moments"
        yield f"  found: {found} of {trace.positions[..., 0].size}"
        return
    found = int(np.isfinite(poses.positions).all(axis=(-1, -2)).sum())
    yield f"{path}: poses of {len(poses.animals)} animals at {len(poses)} moments"
    yield f"  complete: {found} of {len(poses) * len(poses.animals)}"
    yield f"  keypoints: {', '.join(poses.keypoints)}"
