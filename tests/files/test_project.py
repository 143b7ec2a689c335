from __future__ import annotations

import shutil
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from napari_sdannce.files import open_recording
from napari_sdannce.files.anipose import write_anipose
from napari_sdannce.files.compare_calibrations import calibration_difference
from napari_sdannce.files.errors import FileFormatError
from napari_sdannce.files.open_project import open_project
from napari_sdannce.files.project_file import (
    PROJECT_FILE,
    Project,
    read_project,
    write_project,
)
from napari_sdannce.files.registration import register, register_if_project
from napari_sdannce.files.save_project import project_of, save_project
from napari_sdannce.files.sync_csv import read_sync_csv, write_sync_csv
from napari_sdannce.geometry import Camera
from napari_sdannce.predictions.hashes import cameras_hash
from napari_sdannce.recording import PixelOrigin, Recording, Sync, VideoFile, View
from napari_sdannce.skeletons import Skeleton, load_skeleton

if TYPE_CHECKING:
    from pathlib import Path


def camera(name: str) -> Camera:
    matrix = np.array([[601.25, 0.5, 320.125], [0, 599, 240], [0, 0, 1]])
    turn = np.array([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]])
    return Camera(
        name, matrix, turn, np.array([1.0, 2, 900]), np.array([-0.1, 0.02, 1e-7]),
        np.array([1e-4, -2e-5]), (640, 480),
    )  # fmt: skip


def make_videos(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


def write(folder: Path, text: str) -> Path:
    (folder / PROJECT_FILE).write_text(text, encoding="utf-8")
    return folder / PROJECT_FILE


def test_a_recording_comes_back_after_a_move(tmp_path):
    folder = tmp_path / "here"
    make_videos(folder, "videos/left/0.mp4", "videos/left/3500.mp4", "films/r.avi")
    skeleton = Skeleton("tiny", ("a", "b"), ((0, 1),))
    recording = Recording(
        folder=folder,
        views=(
            View("right", (VideoFile(folder / "films/r.avi", 0),), camera("right")),
            View(
                "left",
                (
                    VideoFile(folder / "videos/left/0.mp4", 0),
                    VideoFile(folder / "videos/left/3500.mp4", 3500),
                ),
                camera("left"),
            ),
        ),
        sync=Sync(np.array([1, 11, 21]), np.array([[0, 5], [1, -1], [2, 7]])),
        skeleton=skeleton,
        pixel_origin=PixelOrigin.REFERENCE,
        fps=50.0,
    )
    save_project(recording)
    shutil.move(folder, tmp_path / "there")
    moved = open_recording(tmp_path / "there")
    assert moved.problems == ()
    assert moved.names == ("right", "left")
    assert moved.folder == tmp_path / "there"
    assert [v.path.relative_to(moved.folder).as_posix() for v in moved.view("left").videos] == [
        "videos/left/0.mp4",
        "videos/left/3500.mp4",
    ]
    assert [video.first_frame for video in moved.view("left").videos] == [0, 3500]
    assert moved.skeleton == skeleton
    assert (moved.fps, moved.pixel_origin) == (50.0, PixelOrigin.REFERENCE)
    assert moved.sync is not None
    np.testing.assert_array_equal(moved.sync.frames, [[0, 5], [1, -1], [2, 7]])
    np.testing.assert_array_equal(moved.sync.sample_ids, [1, 11, 21])
    for expected, found in zip(recording.cameras, moved.cameras, strict=True):
        for name in ("matrix", "rotation", "translation", "radial", "tangential"):
            np.testing.assert_array_equal(getattr(found, name), getattr(expected, name))
        assert found.image_size == (640, 480)
    # and it says the same again
    assert project_of(moved) == read_project(tmp_path / "there")


def test_fisheyes_come_back(tmp_path, fisheye):
    make_videos(tmp_path, "videos/wide/0.mp4", "videos/left/0.mp4")
    views = tuple(
        View(each.name, (VideoFile(tmp_path / f"videos/{each.name}/0.mp4", 0),), each)
        for each in (fisheye, camera("left"))
    )
    path = save_project(Recording(folder=tmp_path, views=views))
    assert path.read_text(encoding="utf-8").count("fisheye") == 1  # others need not say it
    moved = open_recording(tmp_path)
    assert moved.problems == ()
    assert [each.fisheye for each in moved.cameras] == [True, False]
    np.testing.assert_array_equal(moved.cameras[0].radial, fisheye.radial)
    assert calibration_difference(moved.cameras, [fisheye, camera("left")]) is None
    text = path.read_text(encoding="utf-8").replace("fisheye: true", "fisheye: false")
    path.write_text(text, encoding="utf-8")
    with pytest.raises(FileFormatError, match=r"camera 'wide': radial has shape \(4,\)"):
        open_recording(tmp_path)


def test_lenses_of_two_kinds_differ(fisheye):
    straight = Camera("wide", fisheye.matrix, fisheye.rotation, fisheye.translation)
    told = calibration_difference([fisheye], [straight])
    assert told == "only one of the two takes the lens for a fisheye (wide)"
    moved = replace(fisheye, radial=fisheye.radial + np.array([0, 0, 0, 1e-3]))
    assert calibration_difference([fisheye], [moved]) == "distortion by 0.001 (wide)"
    hashes = {cameras_hash([each]) for each in (fisheye, straight, moved)}
    assert len(hashes) == 3


def test_a_file_that_says_little_leaves_the_rest_to_the_layout(tmp_path):
    make_videos(tmp_path, "videos/A/0.mp4", "videos/B/0.mp4")
    write_anipose(tmp_path / "calibration.toml", [camera("A"), camera("B")])
    write(tmp_path, "skeleton: rat23\nfps: 30\n")
    recording = open_recording(tmp_path)
    assert recording.names == ("A", "B")
    assert recording.is_calibrated
    assert recording.skeleton == load_skeleton("rat23")
    assert recording.fps == 30


def test_calibration_and_sync_by_reference(tmp_path):
    make_videos(tmp_path, "a.mp4", "b.mp4")
    (tmp_path / "rig").mkdir()
    write_anipose(tmp_path / "rig" / "c.toml", [camera("A"), camera("B"), camera("C")])
    sync = Sync(np.arange(4), np.arange(12).reshape(4, 3))
    write_sync_csv(tmp_path / "s.csv", ["A", "C", "B"], sync)
    write(
        tmp_path,
        "cameras:\n- {name: B, videos: [b.mp4]}\n- {name: A, videos: [a.mp4]}\n"
        "calibration: rig\\c.toml\nsync: ./s.csv\n",
    )
    recording = open_project(tmp_path / PROJECT_FILE)
    assert recording.names == ("B", "A")
    assert recording.is_calibrated
    assert recording.sync is not None
    np.testing.assert_array_equal(recording.sync.frames, sync.frames[:, [2, 0]])
    assert recording.problems == ()


def test_windows_paths_are_read_and_never_written(tmp_path):
    make_videos(tmp_path, "videos/A/0.mp4")
    path = write(tmp_path, "cameras:\n- name: A\n  videos:\n  - videos\\A\\0.mp4\n")
    project = read_project(path)
    assert open_project(path).view("A").videos[0].path == tmp_path / "videos" / "A" / "0.mp4"
    write_project(path, project.registered("labels", "sub/x_dannce.mat"), overwrite=True)
    assert "\\" not in path.read_text()


def test_missing_files_are_problems(tmp_path):
    write(
        tmp_path,
        "cameras:\n- {name: A, videos: [a.mp4, 500.mp4]}\n- {name: B, videos: ['C:\\x\\b.mp4']}\n"
        "calibration: none.toml\nsync: none.csv\nskeleton: unicorn\nlabels: [none_dannce.mat]\n",
    )
    recording = open_recording(tmp_path)
    assert recording.names == ("A", "B")
    assert recording.view("A").videos == ()
    told = "\n".join(map(str, recording.problems))
    for word in ("a.mp4", "500.mp4", "b.mp4", "none.toml", "none.csv", "unicorn", "none_dannce"):
        assert word in told
    for kind, name in (("calibration", "none.toml"), ("sync", "none.csv")):
        said = f"{tmp_path / name}: named under '{kind}' in sdannce.yaml, but missing"
        assert said in told.splitlines()


def test_registering(tmp_path):
    make_videos(tmp_path, "videos/A/0.mp4")
    predictions = tmp_path / "DANNCE" / "predict" / "poses"
    predictions.mkdir(parents=True)
    register(tmp_path, "predictions", predictions)
    register(tmp_path, "predictions", "DANNCE/predict/poses")
    project = register(tmp_path / PROJECT_FILE, "runs", tmp_path.parent / "elsewhere")
    assert project == read_project(tmp_path)
    assert project.predictions == ("DANNCE/predict/poses",)
    assert project.runs == ("../elsewhere",)
    recording = open_recording(tmp_path)
    assert recording.prediction_files == (predictions,)
    assert recording.names == ("A",)
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


PLAIN = "# rig 2\nfps: 50  # nominal\n"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (PLAIN, PLAIN + "com:\n- new.zarr\n"),
        ("fps: 50", "fps: 50\ncom:\n- new.zarr\n"),
        (
            "com:\n  - a.mat  # old\n# end\nfps: 3\n",
            "com:\n  - a.mat  # old\n  - new.zarr\n# end\nfps: 3\n",
        ),
        ("com: [a.mat]  # one\nfps: 3\n", "com: [a.mat, new.zarr]  # one\nfps: 3\n"),
        # written anew
        ("{fps: 3, com: [a.mat]}\n", "version: 1\nfps: 3.0\ncom: [a.mat, new.zarr]\n"),
        ("com: []  # none\n", "version: 1\ncom: [new.zarr]\n"),
    ],
)
def test_registering_leaves_what_a_person_wrote(tmp_path, before, after):
    path = write(tmp_path, before)
    register(tmp_path, "com", "new.zarr")
    assert path.read_text() == after
    register(tmp_path, "com", "new.zarr")
    assert path.read_text() == after


@pytest.mark.parametrize("before", [PLAIN, "com: [a.mat]  # x\n", "com:\n- a.mat  # x\n"])
@pytest.mark.parametrize("name", ["it's new: #1, [two].zarr", "日本.zarr", "- x", "null", "{0}"])
def test_registering_odd_names(tmp_path, before, name):
    path = write(tmp_path, before)
    register(tmp_path, "com", name)
    register(tmp_path, "runs", name)
    project = read_project(path)
    assert project.com[-1:] == project.runs == (name,)
    assert "  # " in path.read_text(encoding="utf-8")
    assert [each.name for each in tmp_path.iterdir()] == [PROJECT_FILE]


def test_results_are_registered_where_there_is_a_project(tmp_path):
    assert register_if_project(tmp_path, "com", tmp_path / "com.zarr") is None
    assert list(tmp_path.iterdir()) == []
    path = write(tmp_path, PLAIN)
    assert register_if_project(tmp_path, "com", tmp_path / "out" / "com.zarr") is None
    assert read_project(path).com == ("out/com.zarr",)
    path.write_text("fps: fast\n")
    problem = register_if_project(tmp_path, "com", tmp_path / "b.zarr")
    assert problem is not None
    assert "b.zarr is not registered in it" in str(problem)
    assert path.read_text() == "fps: fast\n"


def test_nothing_is_overwritten_unasked(tmp_path):
    path = write(tmp_path, "fps: 3\n# a person's comment\n")
    with pytest.raises(FileExistsError):
        write_project(tmp_path, Project(fps=4))
    assert "comment" in path.read_text()
    recording = Recording(tmp_path, (View("A"),), Sync.identity(3, 1))
    with pytest.raises(FileExistsError):
        save_project(recording)
    assert not (tmp_path / "sync.csv").exists()


def test_nothing_is_written_when_one_file_is_in_the_way(tmp_path):
    skeleton = Skeleton("a/b: c", ("x", "y"))
    recording = Recording(tmp_path, (View("A"),), Sync.identity(3, 1), skeleton)
    mine = tmp_path / "a_b_ c.skeleton.yaml"
    mine.write_text("mine")
    with pytest.raises(FileExistsError, match="skeleton"):
        save_project(recording)
    assert [path.name for path in tmp_path.iterdir()] == [mine.name]
    save_project(recording, overwrite=True)
    assert open_recording(tmp_path).skeleton == skeleton


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("fps: 50\ncamera: []\n", ["line 2", "'camera' is not known"]),
        ("fps: fast\n", ["line 1", "'fps'", "got 'fast'"]),
        ("fps: -1\n", ["'fps'", "greater than 0"]),
        ("version: 7\n", ["'version'", "got 7"]),
        ("cameras:\n- name: A\n  video: x\n", ["line 3", "'cameras.0.video' is not known"]),
        ("cameras:\n- videos: []\n", ["line 2", "'cameras.0.name' is missing"]),
        ("cameras: [{name: A}, {name: A}]\n", ["occur more than once"]),
        ("cameras: []\n", ["'cameras'"]),
        ("cameras: Camera1\n", ["'cameras'", "should be a list, got 'Camera1'"]),
        ("cameras: [7]\n", ["'cameras.0'", "should be keys with values, got 7"]),
        ("fps: [50]\n", ["'fps'", "got [50]"]),
        ("null\n", ["it is empty"]),
        ("12\n", ["it holds a number, not keys with values"]),
        (
            f"cameras: [{{name: A, videos: [{{file: x.mp4, first_frame: {10**21 - 1}}}]}}]\n",
            ["'cameras.0.videos.0.first_frame'", "2147483647", f"got {10**21 - 1}"],
        ),
        (
            f"cameras: [{{name: A, videos: [{10**21 - 1}.mp4]}}]\n",
            [f"'{10**21 - 1}.mp4' needs 'first_frame'", "above 2147483647"],
        ),
        ("labels: [x, '']\n", ["'labels.1'"]),
        ("fps: 50\nfps: 60\n", ["line 2", "occurs twice"]),
        ("fps: [50\n", ["line"]),
        ("a: &x 1\nb: *x\n", ["line 2", "anchors"]),
        ("- a\n- b\n", ["list"]),
        ("fps: !!python/object:os.system {}\n", ["line 1"]),
        (
            "cameras: [{name: A, videos: [x.mp4, y.mp4]}]\ncalibration: []\nsync: s.csv\n",
            ["needs 'first_frame'"],
        ),
        (
            "calibration:\n- name: A\n  matrix: [[1,0,0],[0,1,0],[0,0,1]]\n"
            "  rotation: [[1,0,0],[0,1,0]]\n  translation: [0,0,0]\n",
            ["'calibration.0.rotation"],
        ),
        (
            "calibration:\n- name: A\n  matrix: [[1,0,0],[0,1,0],[0,0,1]]\n"
            "  rotation: [[2,0,0],[0,1,0],[0,0,1]]\n  translation: [0,0,0]\n",
            ["not a rotation matrix"],
        ),
    ],
)
def test_what_is_wrong_is_named(tmp_path, text, words):
    path = write(tmp_path, text)
    make_videos(tmp_path, "x.mp4", "y.mp4", f"{10**21 - 1}.mp4")
    with pytest.raises(FileFormatError) as error:
        open_project(path)
    for word in (PROJECT_FILE, *words):
        assert word in str(error.value)


def test_numbers_may_be_names(tmp_path):
    make_videos(tmp_path, "1.mp4")
    path = write(tmp_path, "cameras:\n- name: 1\n  videos: [1.mp4]\n")
    assert open_project(path).names == ("1",)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "header"),
        ("frame,A\n1,2\n", "header"),
        ("sample_id,A\n1,2,3\n", "line 2 has 3 fields"),
        ("sample_id,A\n1,x\n", "line 2"),
        ("sample_id,A\n1,2\n1,3\n", "repeat"),
        ("sample_id,A\n1,99999999999999999999\n", "too large"),
    ],
)
def test_sync_tables_that_do_not_fit(tmp_path, text, words):
    (tmp_path / "s.csv").write_text(text)
    with pytest.raises(FileFormatError, match=words):
        read_sync_csv(tmp_path / "s.csv")


def test_no_project(tmp_path):
    with pytest.raises(FileNotFoundError):
        open_project(tmp_path / PROJECT_FILE)
    write(tmp_path, "fps: 50\n")
    with pytest.raises(FileFormatError):
        open_project(tmp_path / PROJECT_FILE)


@pytest.mark.realdata
def test_real_recording(shared_data, tmp_path):
    real = open_recording(shared_data / "mouse4cam")
    (tmp_path / "mouse4cam").mkdir()
    shutil.copytree(shared_data / "mouse4cam" / "videos", tmp_path / "mouse4cam" / "videos")
    copy = Recording(
        tmp_path / "mouse4cam",
        tuple(
            View(
                view.name,
                tuple(
                    VideoFile(
                        tmp_path / "mouse4cam" / video.path.relative_to(real.folder),
                        video.first_frame,
                    )
                    for video in view.videos
                ),
                view.camera,
            )
            for view in real.views
        ),
        fps=30.0,
    )
    save_project(copy)
    again = open_recording(tmp_path / "mouse4cam")
    assert again.problems == ()
    xyz = np.array([10.0, 20, 400])
    for one, other in zip(real.cameras, again.cameras, strict=True):
        np.testing.assert_array_equal(one.project(xyz), other.project(xyz))
