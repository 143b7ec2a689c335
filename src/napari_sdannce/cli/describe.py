"""``sdannce info``: what a folder or file is."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import numpy as np

from napari_sdannce.cli.describe_calibrated import board, boards, corners, report, several
from napari_sdannce.files import FileFormatError, open_labels, open_recording, open_skeleton
from napari_sdannce.recording import PixelOrigin, Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import numpy.typing as npt

    from napari_sdannce.geometry import Camera
    from napari_sdannce.labels import Labels
    from napari_sdannce.recording import Recording, View
    from napari_sdannce.video import CameraVideo, RecordingVideo

_MATLAB_FILES = {"params": "labels", "camParams": "labels", "pred": "poses", "com": "com",
                 "joints_idx": "skeleton", "joint_names": "skeleton", "K": "camera"}  # fmt: skip
"""Variables that tell what a MATLAB file is, the surest first."""
_FIRST_PIXEL = {
    PixelOrigin.MATLAB: "from files that count pixels from 1, as MATLAB does",
    PixelOrigin.ZERO: "from files that count pixels from 0",
    PixelOrigin.REFERENCE: "from files read as s-DANNCE reads them",
}

_CONFIDENCE = {
    "probability": "the probability that a keypoint is right, learned in validation (probability)",
    "peak": "the height of each heatmap's peak, not a probability (peak)",
    None: "raw maxima of the heatmaps, not probabilities",
}


def describe(path: Path) -> Iterator[str]:
    """Lines about a recording, labels, predictions, calibration, skeleton, settings or network.

    Raises
    ------
    FileNotFoundError
        When there is nothing at `path`.
    FileFormatError
        When it is nothing that we know.
    """
    by_suffix: dict[str, Callable[[Path], Iterator[str]]] = {
        ".safetensors": _checkpoint,
        ".pth": _checkpoint,
        ".mat": _matlab_file,
        ".pickle": _com,
        ".pkl": _com,
        ".toml": _toml_file,
        ".xml": _calibration,
        ".json": _json_file,
        ".npz": _npz_file,
        ".h5": _points_2d,
        ".csv": _points_2d,
    }
    if path.is_file() and path.suffix.lower() in by_suffix:
        yield from by_suffix[path.suffix.lower()](path)
    elif path.is_file() and path.name.endswith((".yaml", ".yml")) and path.stem != "sdannce":
        yield from _yaml_file(path)
    elif (path / "zarr.json").is_file():
        yield from _store(path)
    elif (path / "report.json").is_file():
        yield from _results(path)
    elif _is_calibration(path):
        yield from _calibration(path)
    else:
        yield from _recording(path)


def _yaml_file(path: Path) -> Iterator[str]:
    """Cameras, settings, or a skeleton."""
    from napari_sdannce.files.opencv_file import is_opencv
    from napari_sdannce.files.settings_file import jobs_that_know
    from napari_sdannce.files.yaml_file import read_yaml

    if is_opencv(path):
        yield from _calibration(path)
        return
    try:
        content = read_yaml(path, "a file of settings").content
    except FileFormatError:
        content = {}  # it may be a skeleton nevertheless, or tells what it is not
    jobs = jobs_that_know(content) if content else ()
    if not jobs:
        yield from _skeleton(path)
        return
    yield f"{path}: settings of {' or '.join(jobs)}"
    yield from (f"  {key}: {value}" for key, value in content.items())


def _matlab_file(path: Path) -> Iterator[str]:
    from napari_sdannce.files.mat import read_mat

    names = read_mat(path, only=()).names
    kind = next((kind for name, kind in _MATLAB_FILES.items() if name in names), "labels")
    tell = {
        "labels": _recording,
        "poses": _poses,
        "com": _com,
        "skeleton": _skeleton,
        "camera": _calibration,
    }
    yield from tell[kind](path)


def _is_calibration(path: Path) -> bool:
    """Whether a folder holds cameras, and is no recording."""
    from napari_sdannce.files.calibration_file import read_calibration

    try:
        open_recording(path)
    except FileFormatError:
        try:
            read_calibration(path)
        except FileFormatError:
            return False
        return True
    except FileNotFoundError:
        return False
    return False


def _toml_file(path: Path) -> Iterator[str]:
    """A calibration, or a board."""
    try:
        lines = list(_calibration(path))
    except FileFormatError as error:
        try:
            lines = list(board(path))
        except FileFormatError as other:
            found = f"it is no calibration ({error.found}), and no board ({other.found})"
            raise FileFormatError(path, found, f"{error.expected}; or {other.expected}") from error
    yield from lines


def _json_file(path: Path) -> Iterator[str]:
    """A report of `sdannce calibrate`, or cameras."""
    yield from report(path) if path.name == "report.json" else _calibration(path)


def _results(folder: Path) -> Iterator[str]:
    """What `sdannce calibrate` has written into a folder."""
    yield from _calibration(folder)
    yield from (f"  {line.removeprefix('  ')}" for line in report(folder / "report.json"))


def _npz_file(path: Path) -> Iterator[str]:
    """Corners or boards of `sdannce calibrate`, or 2D keypoints."""
    known = {"corners.npz": corners, "boards.npz": boards}
    yield from known.get(path.name, _points_2d)(path)


def _recording(path: Path) -> Iterator[str]:
    from napari_sdannce.video import RecordingVideo

    recording = open_recording(path)
    yield f"{recording.folder}: a recording of {several(len(recording.views), 'camera')}"
    with RecordingVideo(recording) as video:
        video.inspect()
        yield f"  frames: {_frames(recording, video)}"
        for view, camera in zip(recording.views, video.cameras, strict=True):
            yield f"  {view.name}: {_view(view, camera)}"
        problems = list(video.all_problems)
    yield f"  calibration: {_calibrated(recording)}"
    for file in recording.label_files:
        labels = _labels(file)
        if isinstance(labels, Problem):
            # the layout may have said so already
            problems += [] if any(each.path == file for each in problems) else [labels]
        else:
            yield f"  labels: {_relative(file, recording)}: {labels}"
            problems += [Problem(file, note) for note in _label_notes(file, recording)]
    for what, files in (("COM", recording.com_files), ("poses", recording.prediction_files)):
        for file in files:
            yield f"  {what}: {_relative(file, recording)}"
    yield from (f"  problem: {_problem(problem, recording)}" for problem in problems)


def _frames(recording: Recording, video: RecordingVideo) -> str:
    """How many frames, how fast, and how those of different cameras belong together."""
    if not video.n_moments:
        return "not known without videos"
    count = str(video.n_moments)
    fps = video.fps
    if fps:
        count += f" at {fps:.4g} a second ({video.n_moments / fps:.4g} s)"
    if len(recording.views) == 1:
        return count
    if recording.sync is None:
        return f"{count}; no sync: frame 0 of each camera is taken to be the same moment"
    return f"{count}, matched between cameras by a sync table"


def _view(view: View, camera: CameraVideo | None) -> str:
    if not view.videos:
        return "no videos"
    files = several(len(view.videos), "video file")
    if camera is None:
        return f"{files} that cannot be read"
    return f"{camera.n_frames} frames of {camera.width} x {camera.height} px in {files}"


def _calibrated(recording: Recording) -> str:
    missing = [view.name for view in recording.views if view.camera is None]
    if len(missing) == len(recording.views):
        return "none"
    of = f"all but {', '.join(missing)}" if missing else "all cameras"
    origin = recording.pixel_origin
    return of if origin is None else f"{of}, {_FIRST_PIXEL[origin]} (pixel_origin: {origin})"


def _labels(path: Path) -> str | Problem:
    try:
        labels = open_labels(path)
    except FileFormatError as error:
        return Problem(path, f"no labels: {error.found}")
    return f"{', '.join(labels.animals)}; {_keypoints(labels)}; {_labelled(labels)}"


def _keypoints(labels: Labels) -> str:
    count = len(labels.skeleton.keypoints)
    return f"{several(count, 'keypoint')} ({labels.skeleton.name})"


def _labelled(labels: Labels) -> str:
    frames = several(len(labels), "frame")
    complete = int(labels.complete.all(axis=1).sum())
    return f"{frames}, {'all' if complete == len(labels) else complete or 'none'} complete in 3D"


def _relative(path: Path, recording: Recording) -> str:
    """Path from the folder on; the whole path of what lies elsewhere."""
    inside = path.is_relative_to(recording.folder)
    return os.path.relpath(path, recording.folder) if inside else str(path)


def _problem(problem: Problem, recording: Recording) -> str:
    place = _relative(problem.path, recording)
    return f"{'the folder' if place == '.' else place}: {problem.message}"


def _checkpoint(path: Path) -> Iterator[str]:
    from napari_sdannce.models.checkpoints import read_info

    info = read_info(path)
    yield f"{path}: a {info.network.kind} network"
    known = {"format", "version"}
    for name, value in info.model_dump(mode="json", exclude=known, exclude_none=True).items():
        if value not in (None, [], {}):
            yield f"  {name}: {_in_words(value)}"


def _in_words(value: object) -> str:
    """Value of JSON without its brackets."""
    if isinstance(value, dict):
        return ", ".join(f"{name} {_in_words(each)}" for name, each in value.items())
    if isinstance(value, list):
        return ", ".join(map(_in_words, value))
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _store(path: Path) -> Iterator[str]:
    from napari_sdannce.predictions.job import read_store_attributes

    yield from _poses(path) if read_store_attributes(path).kind == "poses" else _com(path)


def _label_notes(path: Path, recording: Recording) -> tuple[str, ...]:
    """In what labels contradict the cameras in their file."""
    from napari_sdannce.files.check_reprojection import read_check

    return read_check(path).notes(recording.pixel_origin or PixelOrigin.MATLAB)


def _poses(path: Path) -> Iterator[str]:
    from napari_sdannce.predictions import open_predictions

    poses = open_predictions(path)
    found = np.asarray(np.isfinite(poses.positions).all(axis=(-1, -2)))
    yield f"{path}: poses of {', '.join(poses.animals)} in {several(len(poses), 'frame')}"
    if poses.fps:
        yield f"  frames a second: {poses.fps:.4g}"
    yield f"  complete: {_share(found)}"
    yield f"  keypoints: {', '.join(poses.keypoints)}"
    yield f"  confidence: {_CONFIDENCE[poses.confidence_kind]}"


def _com(path: Path) -> Iterator[str]:
    from napari_sdannce.predictions import read_com_trace

    trace = read_com_trace(path)
    found = np.asarray(np.isfinite(trace.positions).all(axis=-1))
    frames = several(len(trace), "frame")
    yield f"{path}: centres of mass (COM) of {', '.join(trace.animals)} in {frames}"
    yield f"  found: {_share(found)}"


def _share(found: npt.NDArray[np.bool_]) -> str:
    share = f" ({found.mean():.1%})" if found.size else ""
    return f"{int(found.sum())} of {found.size}{share}"


def _calibration(path: Path) -> Iterator[str]:
    from napari_sdannce.files.calibration_file import read_calibration

    found = read_calibration(path)
    yield f"{path}: a calibration of {several(len(found.cameras), 'camera')}, {found.told}"
    for camera in found.cameras:
        has_pose = camera.name not in found.without_pose
        yield f"  {camera.name}: {_camera(camera, has_pose=has_pose)}"
    yield from (f"  note: {note}" for note in found.notes)


def _camera(camera: Camera, *, has_pose: bool) -> str:
    place = camera.centre
    size = "" if camera.image_size is None else "{} x {} px, ".format(*camera.image_size)
    where = ", ".join(f"{value:.0f}" for value in place)
    focal = ", ".join(f"{value:.0f}" for value in camera.matrix.diagonal()[:2])
    fisheye = "fisheye, " if camera.fisheye else ""
    stands = f"stands at {where} mm" if has_pose else "no pose"
    return f"{size}{fisheye}focal length {focal} px, {stands}"


def _points_2d(path: Path) -> Iterator[str]:
    from napari_sdannce.files.points_sources import read_points

    found = read_points(path)
    yield f"{path}: 2D keypoints, to be made labels with 'sdannce import'"
    for points in found:
        name = points.camera or "one camera"
        seen = _share(np.asarray(np.isfinite(points.points).all(axis=-1)))
        frames = several(len(points.frames), "frame")
        yield f"  {name}: {', '.join(points.animals)}; {frames}; points seen: {seen}"
    names = dict.fromkeys(name for points in found for name in points.keypoints)
    yield f"  keypoints: {', '.join(names)}"


def _skeleton(path: Path) -> Iterator[str]:
    skeleton = open_skeleton(path)
    keypoints = several(len(skeleton.keypoints), "keypoint")
    yield f"{path}: the skeleton '{skeleton.name}' of {keypoints}"
    yield f"  keypoints: {', '.join(skeleton.keypoints)}"
    yield f"  bones: {len(skeleton.bones)}, left/right pairs: {len(skeleton.pairs)}"
