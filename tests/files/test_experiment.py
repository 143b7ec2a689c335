"""Opening recordings from every layout; no video is ever opened, so empty files will do."""

from __future__ import annotations

import re
import time

import numpy as np
import pytest

from napari_sdannce.files import FileFormatError, open_recording
from napari_sdannce.files.anipose import write_anipose
from napari_sdannce.files.dannce_mat import read_dannce
from napari_sdannce.files.hires_params import write_hires_params
from napari_sdannce.files.mat import write_mat
from napari_sdannce.files.mat_values import cell_column, cell_row
from napari_sdannce.files.save_project import save_project
from napari_sdannce.recording import PixelOrigin

NAMES = ("left", "right", "top_view")


def videos(folder, *paths):
    for path in paths:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(b"not a video")


def messages(recording):
    return " | ".join(map(str, recording.problems))


@pytest.fixture
def experiment(small, tmp_path):
    """A DANNCE experiment folder with labels."""
    folder = tmp_path / "exp"
    videos(folder, *(f"videos/{name}/{start}.mp4" for name in NAMES for start in (0, 3500, 900)))
    write_mat(folder / "labels_dannce.mat", small.dannce())
    return folder


def test_experiment_folder(experiment):
    recording = open_recording(experiment)
    assert recording.folder == experiment
    assert recording.names == NAMES
    starts = [video.first_frame for video in recording.view("top_view").videos]
    assert starts == [0, 900, 3500]
    assert recording.is_calibrated
    assert recording.pixel_origin == PixelOrigin.MATLAB
    assert len(recording.sync) == 20
    assert recording.label_files == (experiment / "labels_dannce.mat",)
    assert recording.problems == ()
    video, index = recording.views[0].locate(1000)
    assert (video.path.name, index) == ("900.mp4", 100)


def test_pixel_origin_is_passed_on(experiment):
    recording = open_recording(experiment, pixel_origin=PixelOrigin.ZERO)
    assert recording.pixel_origin == PixelOrigin.ZERO
    assert recording.cameras[0].matrix[0, 2] == 321.5


def test_nothing_depends_on_the_current_folder(experiment, monkeypatch, tmp_path):
    monkeypatch.chdir(experiment.parent)
    recording = open_recording("exp")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    paths = [video.path for view in recording.views for video in view.videos]
    assert all(path.is_absolute() and path.exists() for path in paths)
    assert recording.folder.is_absolute()


def test_the_label_file_or_the_videos_folder_stand_for_the_experiment(experiment):
    assert open_recording(experiment / "labels_dannce.mat").names == NAMES
    by_videos = open_recording(experiment / "videos")
    assert by_videos.folder == experiment
    assert by_videos.is_calibrated


def test_order_of_cameras_is_that_of_the_label_file(small, experiment):
    content = small.dannce()
    content["camnames"] = cell_column(["top_view", "left", "right"])
    write_mat(experiment / "labels_dannce.mat", content, overwrite=True)
    assert open_recording(experiment).names == ("top_view", "left", "right")


def test_natural_order_without_label_file(tmp_path):
    videos(tmp_path, *(f"videos/Camera{i}/0.mp4" for i in (10, 2, 1)))
    recording = open_recording(tmp_path)
    assert recording.names == ("Camera1", "Camera2", "Camera10")
    assert not recording.is_calibrated
    assert recording.pixel_origin is None


def test_one_more_folder_level_and_other_suffixes(tmp_path):
    videos(tmp_path, "videos/a/20200101/0.avi", "videos/b/x/0.MP4", "videos/b/y/0.mp4")
    recording = open_recording(tmp_path)
    assert recording.names == ("a", "b")
    assert recording.view("a").videos[0].path.name == "0.avi"
    assert recording.view("b").videos[0].path.parent.name == "x"
    assert "not y" in messages(recording)


def test_what_is_hidden_or_set_aside_is_skipped(tmp_path):
    videos(
        tmp_path, "videos/a/0.mp4", "videos/a/_old.mp4", "videos/a/.1.mp4", "videos/_b/0.mp4",
        "videos/.c/0.mp4", "videos/notes/readme.txt",
    )  # fmt: skip
    recording = open_recording(tmp_path)
    assert recording.names == ("a",)
    assert [video.path.name for video in recording.views[0].videos] == ["0.mp4"]
    assert recording.problems == ()


def test_a_camera_folder_without_anything_is_told(experiment):
    (experiment / "videos" / "B").mkdir()
    assert messages(open_recording(experiment)) == (
        f"{experiment / 'videos' / 'B'}: holds nothing; there is no camera 'B'"
    )


def test_recordings_in_subfolders_are_told(experiment):
    (experiment.parent / "notes").mkdir()
    with pytest.raises(FileFormatError, match=r"each to be opened by itself: exp; expected"):
        open_recording(experiment.parent)


def test_first_frames_that_are_too_large(tmp_path):
    videos(tmp_path, "videos/a/0.mp4", f"videos/a/{10**21 - 1}.mp4", "videos/b/20240131123000.mp4")
    recording = open_recording(tmp_path)
    assert [video.first_frame for view in recording.views for video in view.videos] == [0, 0]
    found = messages(recording)
    assert "not used: its name is no first frame, which is at most 2147483647" in found
    assert "its name is no first frame, which is at most 2147483647; taken to be 0" in found


def test_where_calibration_and_sync_come_from(experiment):
    recording = open_recording(experiment)
    assert recording.calibration_file == recording.sync_file == experiment / "labels_dannce.mat"
    assert recording.calibrated(recording.cameras).calibration_file is None
    write_anipose(experiment / "calibration.toml", recording.cameras)
    write_hires_params(experiment, recording.cameras)
    (experiment / "labels_dannce.mat").unlink()
    assert open_recording(experiment).calibration_file == experiment / "calibration.toml"
    assert open_recording(experiment).sync_file is None
    (experiment / "calibration.toml").unlink()
    assert open_recording(experiment).calibration_file == experiment
    (experiment / "sdannce.yaml").write_text("calibration: hires_cam1_params.mat\n")
    path = experiment / "hires_cam1_params.mat"
    assert open_recording(experiment).calibration_file == path


def test_names_that_are_no_frame_numbers(tmp_path):
    videos(tmp_path, "videos/a/0.mp4", "videos/a/0.avi", "videos/a/take2.mp4", "videos/b/all.mp4")
    recording = open_recording(tmp_path)
    assert [len(view.videos) for view in recording.views] == [1, 1]
    assert recording.view("a").videos[0].path.suffix == ".mp4"
    found = messages(recording)
    assert "take2.mp4: not used" in found
    assert "0.avi: not used: '0.mp4' starts at the same frame" in found
    assert "all.mp4: its name is not the number of its first frame" in found


def test_campy_folder(tmp_path):
    for name, rate in (("Camera1", "50"), ("Camera2", "50.0")):
        videos(tmp_path, f"{name}/0.mp4")
        text = f'"frameRate","{rate}"\r\n"cameraModel","a2A1920"\r\n'
        (tmp_path / name / "metadata.csv").write_text(text, encoding="utf-8")
    recording = open_recording(tmp_path)
    assert recording.names == ("Camera1", "Camera2")
    assert recording.fps == 50
    assert recording.problems == ()


def test_rate_from_frame_times(tmp_path):
    for name, fps in (("a", 30), ("b", 60)):
        videos(tmp_path, f"{name}/0.mp4")
        seconds = np.arange(100) / fps
        np.save(tmp_path / name / "frametimes.npy", np.stack([np.arange(100) + 1.0, seconds]))
    recording = open_recording(tmp_path)
    assert recording.fps == pytest.approx(60)
    assert "frame rates differ (a 30, b 60)" in messages(recording)
    (tmp_path / "b" / "frametimes.npy").write_bytes(b"\x93NUMPY nonsense")
    assert "frametimes.npy: not readable" in messages(open_recording(tmp_path))


def test_loose_videos_are_one_a_camera(tmp_path):
    videos(tmp_path, "side.mp4", "top.avi", "top.mp4", "notes.txt")
    recording = open_recording(tmp_path)
    assert recording.names == ("side", "top.avi", "top.mp4")
    assert all(view.videos[0].first_frame == 0 for view in recording.views)


def test_folder_of_one_camera_and_single_video(tmp_path):
    videos(tmp_path, "Camera1/0.mp4", "Camera1/500.mp4", "clip.mp4")
    one = open_recording(tmp_path / "Camera1")
    assert one.names == ("Camera1",)
    assert [video.first_frame for video in one.views[0].videos] == [0, 500]
    assert open_recording(tmp_path / "Camera1" / "0.mp4").names == ("Camera1",)
    single = open_recording(tmp_path / "clip.mp4")
    assert single.names == ("clip",)
    assert single.views[0].videos[0].path == tmp_path / "clip.mp4"


class TestChoice:
    """Which file calibrates."""

    def test_pose_labels_before_com_labels_whatever_their_names(self, small, experiment):
        coms = small.dannce()
        for each in coms["labelData"].flat:
            each["data_2d"], each["data_3d"] = each["data_2d"][:, :4], each["data_3d"][:, :6]
        for each in coms["sync"].flat:
            for name in ("data_frame", "data_sampleID"):
                each[name] = each[name][:, :10]
        write_mat(experiment / "a_COM_dannce.mat", coms)
        recording = open_recording(experiment)
        assert len(recording.sync) == 20
        assert [path.name for path in recording.label_files] == [
            "labels_dannce.mat",
            "a_COM_dannce.mat",
        ]
        assert messages(recording) == (
            f"{experiment / 'a_COM_dannce.mat'}: its sync is not used; it differs from "
            "labels_dannce.mat: 10 moments, not 20"
        )
        # asked for, the other is used
        assert len(open_recording(experiment / "a_COM_dannce.mat").sync) == 10

    def test_files_that_agree_are_no_problem(self, small, experiment):
        content = small.dannce()
        for each in content["params"].flat:
            for name in ("r", "t"):  # as some tools write them
                each[name] = each[name].astype(np.float32)
        order = [2, 0, 1]
        for name in ("params", "labelData", "sync"):
            content[name] = cell_column([content[name][i, 0] for i in order])
        content["camnames"] = cell_row([NAMES[i] for i in order])
        write_mat(experiment / "more_dannce.mat", content)
        recording = open_recording(experiment)
        assert len(recording.label_files) == 2
        assert recording.problems == ()

    def test_files_that_differ_are_listed_with_the_difference(self, small, experiment):
        content = small.dannce()
        # 3 mm along the axis of the first camera, 2 px in the second, and a turn of the third
        content["params"][0, 0]["t"] = content["params"][0, 0]["t"] + [[0, 0, 3.0]]
        content["params"][1, 0]["K"] = content["params"][1, 0]["K"] + np.diag([2.0, 0, 0])
        content["sync"][1, 0]["data_frame"] = content["sync"][1, 0]["data_frame"] + np.eye(1, 20, 3)
        write_mat(experiment / "more_dannce.mat", content)
        recording = open_recording(experiment, pixel_origin=PixelOrigin.ZERO)
        found = [problem.message for problem in recording.problems]
        assert found == [
            "its calibration is not used; it differs from labels_dannce.mat: position by 3 mm, "
            "matrix by 2 px (left, right)",
            "its sync is not used; it differs from labels_dannce.mat: 1 of 20 moments",
        ]
        angle = np.radians(0.5)
        turn = np.array(
            [[1, 0, 0], [0, np.cos(angle), -np.sin(angle)], [0, np.sin(angle), np.cos(angle)]]
        )
        content = small.dannce()
        content["params"][2, 0]["r"] = content["params"][2, 0]["r"] @ turn.T
        content["params"][2, 0]["RDistort"] = content["params"][2, 0]["RDistort"] + 0.01
        write_mat(experiment / "more_dannce.mat", content, overwrite=True)
        found = messages(open_recording(experiment))
        # the camera's place is -R^T t, so it turns with it: 2 sin(0.25 deg) of its 900 mm
        assert re.search(r"position by 7\.85 mm, direction by 0\.5 degrees, distortion", found)

    def test_label_file_of_other_cameras(self, small, experiment):
        content = {**small.dannce(), "camnames": cell_row(["x", "y", "z"])}
        write_mat(experiment / "a_dannce.mat", content)
        recording = open_recording(experiment)
        assert recording.names == NAMES
        assert "a_dannce.mat: not used: its cameras are x, y, z" in messages(recording)
        (experiment / "labels_dannce.mat").unlink()
        recording = open_recording(experiment)
        assert recording.names == NAMES
        assert not recording.is_calibrated
        assert recording.sync is None

    def test_cameras_without_videos_and_videos_without_cameras(self, experiment):
        for path in (experiment / "videos" / "left").iterdir():
            path.unlink()
        videos(experiment, "videos/extra/0.mp4")
        recording = open_recording(experiment)
        assert recording.names == NAMES
        assert recording.view("left").videos == ()
        assert "has no videos of left" in messages(recording)
        assert "has no camera extra; their videos are left out" in messages(recording)

    def test_label_file_alone(self, small, tmp_path):
        path = write_mat(tmp_path / "a_dannce.mat", small.dannce())
        recording = open_recording(path)
        assert recording.is_calibrated
        assert "no videos" in messages(recording)
        assert open_recording(tmp_path).names == NAMES

    def test_label_file_without_names_takes_those_of_the_folders(self, small, experiment):
        content = small.dannce()
        del content["camnames"]
        write_mat(experiment / "labels_dannce.mat", content, overwrite=True)
        recording = open_recording(experiment)
        assert recording.names == NAMES
        assert recording.is_calibrated
        assert "does not name its cameras; taken to be left, right, top_view" in messages(recording)

    def test_order_of_names_is_that_of_another_label_file(self, small, experiment):
        """Sessions of Label3D do not name cameras; here their order is not the folders'."""
        content = small.dannce()
        for name in ("params", "labelData", "sync"):
            content[name] = content[name][::-1]
        content["camnames"] = content["camnames"][:, ::-1]
        write_mat(experiment / "labels_dannce.mat", content, overwrite=True)
        session = small.label3d()
        session["camParams"], session["sync"] = content["params"], content["sync"]
        session["status"] = session["status"][:, ::-1]
        write_mat(experiment / "20200101_120000_Label3D.mat", session)
        recording = open_recording(experiment)
        assert recording.names == NAMES[::-1]
        assert not recording.problems

    def test_session_of_label3d(self, small, experiment):
        (experiment / "labels_dannce.mat").unlink()
        write_mat(experiment / "20200101_120000_Label3D.mat", small.label3d())
        recording = open_recording(experiment)
        assert recording.is_calibrated
        assert recording.cameras[2].image_size == (800, 600)
        assert recording.skeleton.keypoints[0] == "Nose"
        assert len(recording.sync) == 20

    def test_calibration_toml(self, experiment):
        cameras = read_dannce(experiment / "labels_dannce.mat").cameras()
        (experiment / "labels_dannce.mat").unlink()
        write_anipose(experiment / "calibration.toml", cameras[::-1])
        recording = open_recording(experiment)
        assert recording.names == NAMES
        assert recording.is_calibrated
        assert recording.pixel_origin is None
        write_anipose(experiment / "calibration.toml", cameras[:2], overwrite=True)
        recording = open_recording(experiment)
        assert recording.view("top_view").camera is None
        assert "but not top_view" in messages(recording)

    def test_hires_params(self, experiment):
        cameras = read_dannce(experiment / "labels_dannce.mat").cameras()
        (experiment / "labels_dannce.mat").unlink()
        write_hires_params(experiment / "calibration", cameras)
        recording = open_recording(experiment)
        assert recording.is_calibrated
        assert recording.pixel_origin == PixelOrigin.MATLAB
        np.testing.assert_allclose(recording.cameras[1].matrix, cameras[1].matrix)

    def test_damaged_files_are_listed(self, small, experiment):
        (experiment / "b_dannce.mat").write_bytes(b"nothing")
        recording = open_recording(experiment)
        assert recording.is_calibrated
        assert "b_dannce.mat: not used: not readable" in messages(recording)
        content = small.dannce()
        content["params"][0, 0]["K"] = np.zeros((3, 3))
        write_mat(experiment / "labels_dannce.mat", content, overwrite=True)
        recording = open_recording(experiment)
        assert not recording.is_calibrated
        assert len(recording.sync) == 20
        with pytest.raises(FileFormatError, match=r"b_dannce\.mat"):
            open_recording(experiment / "b_dannce.mat")


def test_predictions_and_coms_are_found(experiment):
    made = ["COM/predict00/com3d.mat", "COM/predict00/com3d.pickle", "DANNCE/p/save_data_AVG0.mat"]
    made += ["DANNCE/p/com3d_used.mat", "DANNCE/p/poses.zarr/c/com3d.mat", "COM/b/com.zarr/x"]
    videos(experiment, *made, "DANNCE/p/deep/er/and/deeper/save_data_AVG0.mat")
    recording = open_recording(experiment)
    found = [str(path.relative_to(experiment)) for path in recording.com_files]
    assert found == ["COM/b/com.zarr", *made[:2], made[3]]
    store = experiment / "DANNCE" / "p" / "poses.zarr"
    assert recording.prediction_files == (experiment / made[2], store)


def test_twins_of_a_store_are_not_listed_beside_it(experiment):
    twins = ["COM/p/com3d.mat", "COM/p/instance0com3d.mat", "COM/p/instance1com3d.mat"]
    twins += ["DANNCE/p/save_data_AVG0.mat", "DANNCE/p/save_data_AVG120.mat"]
    twins += ["DANNCE/p/init_save_data_AVG.mat", "DANNCE/p/com3d_used.mat"]
    others = ["COM/p/com3d.pickle", "COM/q/com3d.mat"]
    others += ["DANNCE/p/save_data_AVG.mat", "DANNCE/p/save_data_MAX.mat"]
    videos(experiment, *twins, *others, "COM/p/com.zarr/zarr.json", "DANNCE/p/poses.zarr/zarr.json")
    recording = open_recording(experiment)
    found = [str(path.relative_to(experiment)) for path in recording.com_files]
    assert found == ["COM/p/com3d.pickle", "COM/p/com.zarr", "COM/q/com3d.mat"]
    found = [str(path.relative_to(experiment)) for path in recording.prediction_files]
    assert found == [*others[2:], "DANNCE/p/poses.zarr"]
    save_project(recording)
    again = open_recording(experiment)
    assert sorted(again.com_files) == sorted(recording.com_files)
    assert again.prediction_files == recording.prediction_files


def test_refusals(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        open_recording(tmp_path / "nowhere")
    with pytest.raises(FileFormatError, match="neither videos nor a label file"):
        open_recording(tmp_path)
    (tmp_path / "a.txt").write_text("x", encoding="utf-8")
    with pytest.raises(FileFormatError, match=r"a\.txt"):
        open_recording(tmp_path / "a.txt")
    (tmp_path / "b_dannce.mat").write_bytes(b"")
    with pytest.raises(FileFormatError, match="it is empty"):
        open_recording(tmp_path)


@pytest.mark.realdata
def test_real_folders(shared_data):
    mouse = open_recording(shared_data / "mouse4cam")
    assert mouse.names == ("back", "mid", "side", "top")
    assert mouse.is_calibrated
    assert mouse.problems == ()
    boards = open_recording(shared_data / "charuco4cam")
    assert boards.names == ("cam_0", "cam_1", "cam_2", "cam_3")
    assert not boards.is_calibrated
    start = time.perf_counter()
    social = open_recording(shared_data / "label3d" / "test_social_com_dannce.mat")
    assert time.perf_counter() - start < 2
    assert len(social.sync) == 120_000
    assert social.is_calibrated
