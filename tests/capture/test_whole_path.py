"""From emulated cameras that are served frames to poses: recorded, opened, labelled, predicted."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from napari_sdannce.capture.recorder.recorder import Recorder
from napari_sdannce.capture.recorder.rig import Rig
from napari_sdannce.demo_data import predict_sample, read_summary, sample_folder, sample_weights
from napari_sdannce.files import open_recording
from napari_sdannce.geometry import triangulate
from napari_sdannce.labeling.commands import place
from napari_sdannce.labeling.session_folder import create_session
from napari_sdannce.settings.capture import CaptureSettings
from napari_sdannce.skeletons import Skeleton
from napari_sdannce.video import CameraVideo

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from napari_sdannce.recording import Recording, View

FPS = 5


def serve(views: Sequence[View], frames: Sequence[int], folder: Path) -> list[Path]:
    """Write frames of each view as pictures, for the emulator to show; a folder a view."""
    folders = []
    for view in views:
        place = folder / view.name
        place.mkdir(parents=True)
        with CameraVideo(view) as video:
            for number, frame in enumerate(frames):
                image = cv2.cvtColor(video.read(frame), cv2.COLOR_RGB2BGR)
                assert cv2.imwrite(str(place / f"{number:03d}.png"), image)
        folders.append(place)
    return folders


def record(folder: Path, names: Sequence[str], pictures: Sequence[Path], count: int) -> Path:
    """Record these pictures with emulated Basler cameras that are triggered together."""
    cameras = []
    for number, (name, shown) in enumerate(zip(names, pictures, strict=True)):
        height, width = cv2.imread(str(next(shown.iterdir()))).shape[:2]
        features = {
            "TestImageSelector": "Off", "ImageFilename": str(shown), "ImageFileMode": "On",
        }  # fmt: skip
        cameras.append(
            {"name": name, "back_end": "basler", "serial": f"0815-{number:04d}", "width": width,
             "height": height, "pixel_format": "RGB8Packed", "features": features}
        )  # fmt: skip
    settings = CaptureSettings.model_validate(
        {"folder": folder, "fps": FPS, "seconds": count / FPS, "trigger": "software",
         "cameras": cameras, "keep_free_gb": 0}
    )  # fmt: skip
    with Rig(settings) as rig:
        recording = Recorder(rig, settings).run()
    assert all(check.passed for check in recording.checks), recording.checks
    return folder


def decibels(view: View, original: View, frames: Sequence[int]) -> float:
    """How near recorded frames are to those that were served, the worst of them."""
    with CameraVideo(view) as found, CameraVideo(original) as truth:
        errors = [
            np.mean((found.read(i).astype(float) - truth.read(frame)) ** 2)
            for i, frame in enumerate(frames)
        ]
    return float(10 * np.log10(255**2 / max(errors)))


def write_truth(recording: Recording, source: Path) -> None:
    """Write the truth of a recording, of which the first moments were recorded again."""
    truth = dict(np.load(source))
    keys = recording.sync.sample_ids
    for name in ("keypoints", "com"):
        again = np.full((keys[-1] + 1, *truth[name].shape[1:]), np.nan)
        again[keys] = truth[name][: len(keys)]
        truth[name] = again
    np.savez(recording.folder / "truth.npz", **truth)


def test_poses_are_found_in_what_was_recorded(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    count = 4
    sample = open_recording(sample_folder())
    pictures = serve(sample.views, range(count), tmp_path / "pictures")
    names = [view.name for view in sample.views]
    folder = record(tmp_path / "rec", names, pictures, count)
    shutil.copy(sample_folder() / "calibration.toml", folder)
    recording = open_recording(folder)
    write_truth(recording, sample_folder() / "truth.npz")
    assert len(recording.sync) == count
    assert all(view.camera is not None for view in recording.views)
    for view, original in zip(recording.views, sample.views, strict=True):
        assert decibels(view, original, range(count)) > 30

    out = tmp_path / "out"
    for _ in predict_sample(folder, sample_weights(), out, count, "cpu"):
        pass
    summary = read_summary(out)
    assert summary.found == 1
    assert summary.mean_error_mm < 12  # of the sample itself: 7 over all of its frames


@pytest.mark.realdata
def test_a_real_mouse_is_recorded_and_labelled(shared_data: Path, tmp_path: Path) -> None:
    source = shared_data / "mouse4cam"
    clicks = np.load(source / "labels_2d.npz")
    rows = [0, 20, 40, 60]
    frames = clicks["frames"][rows].tolist()
    original = open_recording(source)
    names = [view.name for view in original.views]
    pictures = serve(original.views, frames, tmp_path / "pictures")
    folder = record(tmp_path / "rec", names, pictures, len(frames))
    shutil.copy(source / "calibration.toml", folder)
    recording = open_recording(folder)
    for view, before in zip(recording.views, original.views, strict=True):
        assert decibels(view, before, frames) > 30

    skeleton = Skeleton("mouse", tuple(map(str, clicks["keypoints"])))
    order = [list(clicks["cameras"]).index(name) for name in names]
    with create_session(tmp_path / "labels", recording, skeleton, ("mouse",), "anna") as labels:
        session = labels.session
        each = clicks["points"][order][:, rows].swapaxes(0, 1)
        for sample_id, pixels in zip(recording.sync.sample_ids.tolist(), each, strict=True):
            made = session.at(sample_id)
            for view, keypoint in np.argwhere(np.isfinite(pixels).all(axis=-1)).tolist():
                made = place(made, view, 0, keypoint, pixels[view, keypoint], session.by)
            session.change("click", {sample_id: made})
            expected = triangulate(original.cameras, pixels[:, None]).points
            np.testing.assert_allclose(session.solution(sample_id).points_3d, expected, atol=1e-6)
            assert np.isfinite(expected).all(axis=-1).sum() >= 10


@pytest.mark.realdata
def test_boards_are_found_where_they_were(shared_data: Path, tmp_path: Path) -> None:
    """What was recorded is as good for calibration as what was served."""
    source = shared_data / "mouse4cam" / "board"
    names = sorted(each.name for each in source.iterdir())
    numbers = range(0, 20, 5)
    pictures = []
    for name in names:
        shown = tmp_path / "pictures" / name
        shown.mkdir(parents=True)
        for number in numbers:
            (file,) = (source / name).glob(f"*-{number}.jpg")
            assert cv2.imwrite(str(shown / f"{number:03d}.png"), cv2.imread(str(file)))
        pictures.append(shown)
    folder = record(tmp_path / "rec", names, pictures, len(numbers))
    away: list[float] = []
    n_before = n_after = 0
    for view, shown in zip(open_recording(folder).views, pictures, strict=True):
        with CameraVideo(view) as video:
            for i, file in enumerate(sorted(shown.iterdir())):
                before = corners(cv2.imread(str(file)))
                after = corners(cv2.cvtColor(video.read(i), cv2.COLOR_RGB2BGR))
                both = before.keys() & after.keys()
                away += [float(np.linalg.norm(after[k] - before[k])) for k in both]
                n_before, n_after = n_before + len(before), n_after + len(after)
    assert n_before > 300
    assert n_after > 0.97 * n_before
    assert np.median(away) < 0.05
    assert np.percentile(away, 95) < 0.3


def corners(image: np.ndarray) -> dict[int, np.ndarray]:
    """Corners of the board by their number (px)."""
    dictionary = cv2.aruco.getPredefinedDictionary(cv2.aruco.DICT_4X4_1000)
    board = cv2.aruco.CharucoBoard((8, 11), 24.0, 18.75, dictionary)
    points, ids, _, _ = cv2.aruco.CharucoDetector(board).detectBoard(image)
    if ids is None:
        return {}
    return dict(zip(ids.ravel().tolist(), points.reshape(-1, 2), strict=True))
