from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from typer.testing import CliRunner

import napari_sdannce
from napari_sdannce.files import open_labels
from napari_sdannce.files.anipose import read_anipose
from napari_sdannce.labels import LabelState
from napari_sdannce.recording import PixelOrigin
from napari_sdannce.synthetic import random_scene, render_frame, write_recording
from napari_sdannce.synthetic.__main__ import app
from napari_sdannce.video import VideoReader

if TYPE_CHECKING:
    from pathlib import Path

    from napari_sdannce.synthetic import Scene

N_FRAMES = 6


def _truth(folder: Path) -> dict[str, np.ndarray]:
    with np.load(folder / "truth.npz") as found:
        return dict(found)


@pytest.fixture(scope="module")
def small() -> Scene:
    return random_scene(N_FRAMES, 2, 2, image_size=(160, 128), seed=8)


@pytest.fixture(scope="module")
def written(small: Scene, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("synthetic") / "recording"
    return write_recording(folder, small, n_labels=3)


def test_the_folder_opens_as_a_recording(small: Scene, written: Path) -> None:
    recording = napari_sdannce.open_recording(written)
    assert recording.names == ("Camera1", "Camera2")
    assert recording.sync is not None
    assert len(recording.sync) == N_FRAMES
    assert len(recording.label_files) == 3
    points = small.motion.keypoints[0, 0]
    for mine, found in zip(small.cameras, recording.cameras, strict=True):
        assert np.allclose(mine.project(points), found.project(points), atol=1e-6)


def test_calibration_toml_holds_the_cameras(small: Scene, written: Path) -> None:
    points = small.motion.keypoints[0, 0]
    for mine, found in zip(small.cameras, read_anipose(written / "calibration.toml"), strict=True):
        assert found.name == mine.name
        assert found.image_size == mine.image_size
        assert np.allclose(mine.project(points), found.project(points), atol=1e-6)


def test_labels_are_the_truth(small: Scene, written: Path) -> None:
    truth = _truth(written)
    chosen = [0, 2, 5]
    for a in range(2):
        path = next(written.glob(f"*_rat{a + 1}_dannce.mat"))
        labels = open_labels(path)
        assert labels.sample_ids.tolist() == chosen
        assert np.allclose(labels.points_3d[:, 0], truth["keypoints"][chosen, a], atol=1e-9)
        for v, camera in enumerate(small.cameras):
            pixels = camera.project(truth["keypoints"][chosen, a])
            assert np.allclose(labels.points_2d[v, :, 0], pixels, atol=1e-6)
            # placed by hand just where the camera saw them
            seen = labels.states[v, :, 0] == LabelState.HUMAN
            assert np.array_equal(seen, truth["visibility"][v, chosen, a])
        raw = open_labels(path, pixel_origin=PixelOrigin.ZERO)
        assert np.allclose(raw.points_2d[0] - labels.points_2d[0], 1)


def test_com_labels_hold_one_point_an_animal(small: Scene, written: Path) -> None:
    labels = open_labels(next(written.glob("*_COM_*.mat")))
    assert labels.animals == ("rat1", "rat2")
    assert labels.skeleton.name == "com"
    assert np.allclose(labels.points_3d[:, :, 0], small.motion.com[[0, 2, 5]], atol=1e-9)


def test_videos_show_the_scene(small: Scene, written: Path) -> None:
    for v, camera in enumerate(small.cameras):
        with VideoReader(written / "videos" / camera.name / "0.mp4") as video:
            assert video.n_frames == N_FRAMES
            assert video.fps == pytest.approx(50)
            shown = video.read(3).astype(float)
        drawn = render_frame(small, 3).images[v].astype(float)
        assert np.abs(shown - drawn).mean() < 6


def test_written_twice_is_the_same(small: Scene, written: Path, tmp_path: Path) -> None:
    again = write_recording(tmp_path / "again", small, n_labels=3)
    for path in (*written.rglob("*.mp4"), written / "truth.npz"):
        assert path.read_bytes() == (again / path.relative_to(written)).read_bytes()


def test_a_folder_in_use_is_left_alone(small: Scene, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(FileExistsError, match="not empty"):
        write_recording(tmp_path, small)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_command_line_makes_recordings(tmp_path: Path) -> None:
    command = ["recording", str(tmp_path / "out"), "--frames", "2", "--cameras", "2"]
    result = CliRunner().invoke(app, [*command, "--animals", "1", "--seed", "3", "--labels", "1"])
    assert result.exit_code == 0, result.output
    truth = _truth(tmp_path / "out")
    assert truth["keypoints"].shape == (2, 1, 23, 3)
    expected = random_scene(2, 1, 2, seed=3).motion.keypoints
    assert np.array_equal(truth["keypoints"], expected)
