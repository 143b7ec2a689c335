"""``sdannce info`` on each kind of file."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from napari_sdannce.cli import main
from napari_sdannce.files.anipose import write_anipose
from napari_sdannce.files.com_mat import write_com
from napari_sdannce.files.hires_params import write_hires_params
from napari_sdannce.files.opencv_file import write_opencv
from napari_sdannce.files.pose_mat import write_poses
from napari_sdannce.files.skeleton_mat import write_skeleton_mat
from napari_sdannce.files.sync_csv import write_sync_csv
from napari_sdannce.poses import Poses
from napari_sdannce.predictions import ComChunk, ComStore, Job, PoseChunk, PoseStore
from napari_sdannce.recording import Sync
from napari_sdannce.settings import ComImageSettings
from napari_sdannce.skeletons import load_skeleton

if TYPE_CHECKING:
    from pathlib import Path

Tell = Callable[[object], str]


@pytest.fixture
def tell(capsys: pytest.CaptureFixture[str]) -> Tell:
    def text(path: object) -> str:
        main(["info", str(path)])
        return capsys.readouterr().out

    return text


def test_recording(disc_scene, tell: Tell) -> None:
    text = tell(disc_scene.folder)
    assert "a recording of 4 cameras" in text
    assert "frames: 48 at 25 a second (1.92 s), matched between cameras by a sync table" in text
    assert "Camera1: 48 frames of 160 x 128 px in 1 video file" in text
    assert "calibration: all cameras, from files that count pixels from 1" in text
    assert "pose0_dannce.mat: animal; 4 keypoints (discs); 48 frames, all complete in 3D" in text
    assert "problem" not in text


def test_recording_without_calibration_and_sync(disc_scene, tell: Tell, tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    source = disc_scene.folder / "videos" / "Camera1" / "0.mp4"
    (tmp_path / "a" / "0.mp4").write_bytes(source.read_bytes())
    (tmp_path / "b" / "0.mp4").write_bytes(source.read_bytes()[:200])
    text = tell(tmp_path)
    assert "frames: 48 at 25 a second (1.92 s); no sync" in text
    assert "b: 1 video file that cannot be read" in text
    assert "problem: b/0.mp4: " in text.replace("\\", "/")
    assert "calibration: none" in text


def test_labels_without_videos(disc_scene, tell: Tell, tmp_path: Path) -> None:
    path = tmp_path / "com_dannce.mat"
    path.write_bytes(disc_scene.com_labels.read_bytes())
    text = tell(path)
    assert "Camera4: no videos" in text
    assert "problem: the folder: has no videos of its cameras" in text


def test_what_does_not_fit_the_videos(disc_scene, tell: Tell, tmp_path: Path) -> None:
    shutil.copytree(disc_scene.folder / "videos", tmp_path / "videos")
    cameras = disc_scene.recording.cameras
    small = [replace(camera, image_size=(320, 200)) for camera in cameras]
    write_anipose(tmp_path / "calibration.toml", small)
    write_sync_csv(tmp_path / "s.csv", disc_scene.recording.names, Sync.identity(18000, 4))
    (tmp_path / "sdannce.yaml").write_text("sync: s.csv\n")
    text = tell(tmp_path)
    every = ", ".join(disc_scene.recording.names)
    assert (
        f"problem: calibration.toml: the calibration of {every} is for images of 320 x 200 px, the "
        "videos have 160 x 128 px: positions would be wrong\n"
    ) in text
    said = f"names frames up to 17999 of {every}, whose videos hold 48\n"
    assert f"problem: s.csv: its sync table {said}" in text


def test_label_files_that_cannot_be_read_are_problems(
    disc_scene, tell: Tell, tmp_path: Path
) -> None:
    shutil.copytree(disc_scene.folder / "videos", tmp_path / "exp" / "videos")
    (tmp_path / "exp" / "bad_dannce.mat").write_text("hello\n" * 100)
    assert "problem: bad_dannce.mat: not used: not readable: it is a text" in tell(tmp_path / "exp")
    (tmp_path / "other.mat").write_text("hello\n" * 100)
    (tmp_path / "exp" / "sdannce.yaml").write_text(
        f"cameras: [{{name: Camera1}}]\ncalibration: []\nsync: none.csv\n"
        f"labels: ['{(tmp_path / 'other.mat').as_posix()}']\n"
    )
    text = tell(tmp_path / "exp")
    assert f"problem: {tmp_path / 'other.mat'}: no labels: not readable: it is a text" in text
    assert "problem: bad_dannce.mat: no labels: " in text
    assert "  labels: " not in text


def test_poses_and_coms(tell: Tell, tmp_path: Path) -> None:
    xyz = np.zeros((3, 2, 4, 3))
    xyz[1, 0, 2] = np.nan
    ids = np.arange(3)
    names = ("nose", "left", "right", "tail")
    poses = Poses(xyz, np.ones((3, 2, 4)), ids, ("Ann", "Bob"), names)
    text = tell(write_poses(tmp_path, poses))
    assert "poses of animal1, animal2 in 3 frames" in text
    assert "complete: 5 of 6 (83.3%)" in text
    com, *_ = write_com(tmp_path, xyz[:, :, 2], ids)
    assert "centres of mass (COM) of animal1, animal2 in 3 frames" in tell(com)
    assert "found: 5 of 6" in tell(com)


def test_stores(tell: Tell, tmp_path: Path) -> None:
    job = Job(animals=("Ann",), keypoints=("nose", "tail"), cameras=("A", "B"), fps=50)
    store = PoseStore.create(tmp_path / "poses.zarr", np.arange(5), job, chunk=4)
    store.write(4, PoseChunk(np.ones((1, 1, 2, 3)), np.ones((1, 1, 2)), np.ones((1, 1, 3))))
    text = tell(store.path)
    assert "poses of Ann in 5 frames" in text
    assert "frames a second: 50" in text
    assert "complete: 1 of 5" in text
    coms = ComStore.create(tmp_path / "com.zarr", np.arange(1), job)
    coms.write(
        0,
        ComChunk(np.ones((1, 1, 3)), np.ones((1, 1)), np.ones((1, 2, 1, 2)), np.ones((1, 2, 1))),
    )
    assert "centres of mass (COM) of Ann in 1 frame" in tell(coms.path)


def test_calibrations(disc_scene, tell: Tell, tmp_path: Path) -> None:
    cameras = disc_scene.recording.cameras
    text = tell(write_anipose(tmp_path / "calibration.toml", cameras))
    assert "a calibration of 4 cameras" in text
    assert "Camera3: 160 x 128 px, focal length" in text
    assert "of aniposelib, poses in mm, pixels from 0" in text
    assert "a calibration of 1 camera" in tell(write_hires_params(tmp_path, cameras)[0])
    text = tell(write_opencv(tmp_path / "cameras.yml", cameras))
    assert "a calibration of 4 cameras, of opencv, poses in mm" in text
    path = tmp_path / "lens.yaml"
    path.write_text("K: [[90, 0, 5], [0, 90, 5], [0, 0, 1]]\nfisheye: 1\nD: [0.1, 0, 0, 0]\n")
    text = tell(path)
    assert "lenses alone, no poses" in text
    assert "lens: fisheye, focal length 90, 90 px, no pose" in text


def test_skeletons(tell: Tell, tmp_path: Path) -> None:
    skeleton = load_skeleton("rat23")
    text = tell(write_skeleton_mat(skeleton, tmp_path / "mine.mat"))
    assert "the skeleton 'rat23' of 23 keypoints" in text
    assert "bones: 23, left/right pairs: 9" in text


def test_points_in_2d(tell: Tell, tmp_path: Path) -> None:
    points = np.zeros((2, 5, 3, 2))
    points[1, :4, 0] = np.nan
    keypoints = np.array(["nose", "back", "tail"])
    np.savez(tmp_path / "p.npz", points=points, cameras=np.array(["l", "r"]), keypoints=keypoints)
    text = tell(tmp_path / "p.npz")
    assert "l: animal1; 5 frames; points seen: 15 of 15" in text
    assert "r: animal1; 5 frames; points seen: 11 of 15" in text
    assert "keypoints: nose, back, tail" in text


def test_networks(tell: Tell, tmp_path: Path) -> None:
    pytest.importorskip("torch")
    from napari_sdannce.models import CheckpointInfo, ComConfig, build_network, save_checkpoint

    network = ComConfig(n_animals=2, width=2)
    info = CheckpointInfo(network=network, image=ComImageSettings(downsample=4))
    text = tell(save_checkpoint(tmp_path / "com", build_network(network, 0), info))
    assert "a com network" in text
    assert "image: downsample 4, method" in text


@pytest.mark.parametrize("name", ["x.mat", "x.npz", "x.toml", "x.pickle", "x.yaml", "x.txt"])
def test_what_is_none_of_them(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / name).write_text("hello")
    with pytest.raises(SystemExit) as stopped:
        main(["info", str(tmp_path / name)])
    assert stopped.value.code == 2
    told = capsys.readouterr()
    assert not told.out
    assert name in told.err
    assert "expected" in told.err
    assert len(told.err.splitlines()) == 1


@pytest.fixture(scope="module")
def calibrated(filmed, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `sdannce calibrate` has written."""
    out = tmp_path_factory.mktemp("calibrated") / "calibration"
    words = ["calibrate", str(filmed.folder), "--board", str(filmed.board_file), "--out", str(out)]
    main(words)
    return out


def test_results_of_a_calibration(calibrated: Path, tell: Tell) -> None:
    text = tell(calibrated)
    assert "calibration.toml: 3 cameras of aniposelib" in text or "calibration of 3 cameras" in text
    assert "Camera2: 400 x 320 px, focal length" in text
    assert "half of the corners are closer than 0." in text
    assert "not read, though there: calibration\n" in text  # the MATLAB files
    text = tell(calibrated / "report.json")
    assert "the report of a calibration of 3 cameras" in text
    assert "usable: The board was seen at 14 moments only" in text
    assert "corners that a calibration was made from" in tell(calibrated / "corners.npz")
    text = tell(calibrated / "boards.npz")
    assert "a ChArUco board of 7 x 5 squares" in text
    assert "cameras: Camera1, Camera2, Camera3" in text


def test_a_folder_of_cameras_alone(calibrated: Path, tell: Tell, tmp_path: Path) -> None:
    for path in calibrated.glob("hires_cam*"):
        shutil.copy(path, tmp_path)
    assert "a calibration of 3 cameras" in tell(tmp_path)


def test_a_board(filmed, tell: Tell, tmp_path: Path, capsys) -> None:
    assert "a ChArUco board of 7 x 5 squares of 40 mm" in tell(filmed.board_file)
    (tmp_path / "what.toml").write_text("a = 1")
    with pytest.raises(SystemExit):
        tell(tmp_path / "what.toml")
    assert "no calibration (it has no cameras), and no board (its keys are a)" in (
        capsys.readouterr().err
    )


def test_settings_say_what_they_are_for(tell: Tell, tmp_path: Path) -> None:
    path = tmp_path / "calibrate.yaml"
    path.write_text("source: there\nboard: board.toml\nworld_frames: [3, 5]\n")
    assert tell(path).splitlines()[1:] == [
        "  source: there",
        "  board: board.toml",
        "  world_frames: [3, 5]",
    ]
    assert f"{path}: settings of 'calibrate'\n" in tell(path)
    path.write_text("output: out\nwidth: 16\n")
    assert "'train com' or 'train dannce'" in tell(path)


def test_a_file_of_no_settings_is_said_to_be_no_skeleton(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "odd.yaml"
    path.write_text("board: board.toml\ncolour: red\n")
    with pytest.raises(SystemExit):
        main(["info", str(path)])
    assert "not a skeleton" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["", "- 1\n", "source: [a, b\n", "1: 2\n", "\x00"])
def test_odd_yaml_is_named_once(
    text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "odd.yaml"
    path.write_text(text)
    with pytest.raises(SystemExit):
        main(["info", str(path)])
    assert capsys.readouterr().err.count(str(path)) == 1
