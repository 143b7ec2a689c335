"""States of Label3D sessions: kept as they are, and what they mean."""

from __future__ import annotations

import numpy as np
import pytest

from napari_sdannce.files import FileFormatError, open_labels
from napari_sdannce.files.label3d import read_label3d_state, write_label3d_state
from napari_sdannce.files.label3d_labels import label3d_from_labels, labels_from_label3d
from napari_sdannce.files.mat import write_mat
from napari_sdannce.files.mat_values import cell_row, equal_values
from napari_sdannce.labels import LabelState
from napari_sdannce.recording import PixelOrigin


def saved(folder, content, version="5"):
    return write_mat(folder / "x_Label3D.mat", content, version=version)


@pytest.mark.parametrize("version", ["5", "7.3"])
def test_everything_is_written_back(small, tmp_path, version):
    state = read_label3d_state(saved(tmp_path, small.label3d(), version))
    again = read_label3d_state(write_label3d_state(tmp_path / "again.mat", state))
    for name, value in small.label3d().items():
        assert equal_values(again.variables[name], value), name


@pytest.mark.parametrize("version", ["5", "7.3"])
def test_labels(small, tmp_path, version):
    labels = open_labels(saved(tmp_path, small.label3d(), version))
    assert labels.views == ("Camera1", "Camera2", "Camera3")
    assert labels.skeleton.keypoints == ("Nose", "EarL", "EarR", "Tail")
    # framesToLabel counts from 1, along the sync
    assert labels.sample_ids.tolist() == [21, 71, 111]
    assert labels.frames.tolist() == [[2, 7, 11]] * 3
    assert (labels.states[:, 0, 0, 0] == LabelState.HUMAN).all()
    assert (labels.states[:, 2, 0, 1] == LabelState.NONE).all()
    others = labels.states[:, 0, 0, 1:]
    assert (others == LabelState.REPROJECTED).all()
    for view, params in enumerate(small.params()):
        projected = small.project(params, small.points()[0]) - 1
        np.testing.assert_allclose(labels.points_2d[view, 0, 0, 1:], projected[1:], atol=1e-9)
        np.testing.assert_allclose(labels.points_2d[view, 0, 0, 0], projected[0] + 0.5, atol=1e-9)


def test_initialized_points_are_predictions(small, tmp_path):
    content = small.label3d()
    content["status"][3] = 1
    labels = open_labels(saved(tmp_path, content))
    assert (labels.states[:, :, 0, 3] == LabelState.PREDICTED).all()
    assert not np.isnan(labels.points_2d[:, :, 0, 3]).any()


def test_image_sizes(small, tmp_path):
    cameras = read_label3d_state(saved(tmp_path, small.label3d())).cameras()
    assert [camera.image_size for camera in cameras] == [(640, 480), (640, 480), (800, 600)]


def test_sessions_saved_with_their_videos(small, tmp_path):
    """The videos are not read."""
    content = {**small.label3d(), "videos": cell_row([np.zeros((4, 4, 3, 2), np.uint8)])}
    path = saved(tmp_path, content, "7.3")
    assert "videos" in read_label3d_state(path).variables
    assert len(open_labels(path)) == 3


def test_older_files_without_clicks_sync_and_frames(small, tmp_path):
    content = small.label3d()
    for name in ("handLabeled2D", "sync", "framesToLabel", "imageSize"):
        del content[name]
    labels = open_labels(saved(tmp_path, content))
    assert labels.sample_ids.tolist() == [0, 1, 2]
    assert not (labels.states == LabelState.HUMAN).any()


def test_several_animals_by_their_names(small, tmp_path):
    content = small.label3d()
    content["skeleton"] = {
        "joint_names": cell_row(["Nose_1", "Tail_1", "Nose_2", "Tail_2"]),
        "joints_idx": np.array([[1, 2], [3, 4]], dtype=np.uint8),
        "color": np.ones((2, 3)),
    }
    labels = open_labels(saved(tmp_path, content))
    assert labels.animals == ("animal1", "animal2")
    assert labels.skeleton.keypoints == ("Nose", "Tail")
    assert labels.skeleton.edges == ((0, 1),)
    np.testing.assert_array_equal(labels.points_3d[0, 1], small.points()[0, 2:])


def test_a_state_without_a_skeleton(small, tmp_path):
    content = small.label3d()
    del content["skeleton"]
    assert open_labels(saved(tmp_path, content)).skeleton.keypoints == ("kp1", "kp2", "kp3", "kp4")


@pytest.mark.parametrize(
    ("name", "value", "match"),
    [
        ("status", np.ones((4, 3, 2)), "status"),
        ("framesToLabel", np.array([[1, 2]]), "framesToLabel"),
        ("framesToLabel", np.array([[0, 1, 2]]), "counts from 1"),
        ("framesToLabel", np.array([[1, 2, 900]]), "900"),
        ("data_3D", np.ones((3, 11)), "11 columns"),
        ("handLabeled2D", np.ones((4, 3, 2, 2)), "handLabeled2D"),
        ("imageSize", np.ones((2, 2)), "imageSize"),
        ("camParams", np.zeros((0, 0)), "camParams"),
    ],
)
def test_refusals(small, tmp_path, name, value, match):
    with pytest.raises(FileFormatError, match=match):
        open_labels(saved(tmp_path, {**small.label3d(), name: value}))


def test_export_and_back(small, tmp_path):
    state = read_label3d_state(saved(tmp_path, small.label3d()))
    labels = labels_from_label3d(state)
    sync = state.as_dannce().sync_table()
    made = label3d_from_labels(tmp_path / "y.mat", labels, state.cameras(), sync)
    written = read_label3d_state(write_label3d_state(tmp_path / "y.mat", made))
    np.testing.assert_array_equal(written.variables["data_3D"], small.label3d()["data_3D"])
    np.testing.assert_array_equal(written.variables["status"], small.label3d()["status"])
    np.testing.assert_array_equal(written.variables["framesToLabel"], [[3, 8, 12]])
    np.testing.assert_array_equal(written.variables["imageSize"], small.label3d()["imageSize"])
    hand = written.variables["handLabeled2D"]
    np.testing.assert_allclose(hand, small.label3d()["handLabeled2D"], atol=1e-9)
    again = labels_from_label3d(written)
    np.testing.assert_array_equal(again.states, labels.states)
    np.testing.assert_allclose(again.points_2d, labels.points_2d, atol=1e-9)
    assert again.skeleton == labels.skeleton.renamed(again.skeleton.name)


def test_nothing_labelled(small, tmp_path):
    state = read_label3d_state(saved(tmp_path, small.label3d()))
    labels = labels_from_label3d(state).select_frames([])
    made = label3d_from_labels(tmp_path / "y.mat", labels, state.cameras())
    again = open_labels(write_label3d_state(tmp_path / "y.mat", made))
    assert again.points_2d.shape == (3, 0, 1, 4, 2)


def test_only_what_a_person_accepted_is_labeled(small, tmp_path):
    state = read_label3d_state(saved(tmp_path, small.label3d()))
    labels = labels_from_label3d(state)
    labels.states[:] = LabelState.PREDICTED
    labels.states[1, :, :, 2] = LabelState.UNCERTAIN
    made = label3d_from_labels(tmp_path / "y.mat", labels, state.cameras())
    status = made.variables["status"]
    assert (status[2] == 2).all()
    assert (status[[0, 1, 3]] == 1).all()
    kept = np.isfinite(made.variables["data_3D"].reshape(3, 4, 3)).all(axis=2)
    assert kept.tolist() == [[False, False, True, False]] * 3


def test_export_needs_the_moments_in_the_sync(small, tmp_path):
    state = read_label3d_state(saved(tmp_path, small.label3d()))
    labels = labels_from_label3d(state)
    sync = state.as_dannce().sync_table()
    labels.sample_ids[0] = 22
    with pytest.raises(ValueError, match="sync"):
        label3d_from_labels(tmp_path / "y.mat", labels, state.cameras(), sync)


@pytest.mark.realdata
@pytest.mark.parametrize("name", ["labels1.mat", "labels2.mat"])
def test_real_files_are_written_back_the_same(shared_data, tmp_path, name):
    state = read_label3d_state(shared_data / "label3d" / name)
    again = read_label3d_state(write_label3d_state(tmp_path / name, state))
    assert list(again.variables) == list(state.variables)
    for key, value in state.variables.items():
        assert equal_values(again.variables[key], value), key
    assert not again.dropped


@pytest.mark.realdata
def test_real_files(shared_data):
    state = read_label3d_state(shared_data / "label3d" / "labels1.mat")
    assert state.dropped == ("cameraPoses (table)",)
    labels = labels_from_label3d(state, pixel_origin=PixelOrigin.MATLAB)
    assert labels.points_2d.shape == (6, 3, 1, 16, 2)
    assert labels.skeleton.name == "rat16"
    # frame 1: joints 1-6 are labeled in all cameras, nothing else
    labelled = labels.states[:, 0, 0] == LabelState.REPROJECTED
    assert labelled[:, :6].all()
    assert not labelled[:, 6:].any()
    for view, camera in enumerate(state.cameras()):
        assert camera.image_size == (1152, 1024)
        assert camera.sees(labels.points_2d[view, 0, 0, :6]).all()
    coms = read_label3d_state(shared_data / "label3d" / "labels2.mat")
    assert coms.dropped == ("skeleton.joint_names{1} (string)", "cameraPoses (table)")
    assert labels_from_label3d(coms).skeleton.keypoints == ("COM",)
    assert labels_from_label3d(coms).skeleton.name == "com"
    found = labels_from_label3d(coms)
    assert found.sample_ids.tolist() == [1, 11, 21]
    assert found.frames[0].tolist() == [0, 1, 2]
    assert found.skeleton.keypoints == ("COM",)
