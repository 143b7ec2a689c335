"""Poses in the files of DANNCE and s-DANNCE."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.io

from napari_sdannce.files import FileFormatError
from napari_sdannce.files.com_mat import ComFile, write_com
from napari_sdannce.files.mat import write_mat
from napari_sdannce.files.pose_mat import read_poses, write_com3d_used, write_poses
from napari_sdannce.skeletons import load_skeleton


@pytest.mark.parametrize("version", ["5", "7.3"])
def test_several_animals(small, tmp_path, version):
    content = small.poses()
    poses = read_poses(write_mat(tmp_path / "a.mat", content, version=version), fps=50)
    assert poses.positions.shape == (4, 2, 4, 3)
    assert poses.positions[1, 1, 3].tolist() == content["pred"][1, 1, :, 3].tolist()
    np.testing.assert_array_equal(poses.confidence, content["p_max"])
    assert poses.sample_ids.tolist() == [5, 6, 7, 8]
    assert poses.animals == ("animal1", "animal2")
    assert poses.keypoints == ("kp1", "kp2", "kp3", "kp4")
    assert poses.fps == 50


def test_without_an_axis_of_animals(tmp_path):
    content = {
        "pred": np.arange(138.0).reshape(2, 3, 23),
        "p_max": np.ones((2, 23)),
        "sampleID": np.array([[1.0, 11]]),
    }
    poses = read_poses(write_mat(tmp_path / "a.mat", content))
    assert poses.positions.shape == (2, 1, 23, 3)
    assert poses.positions[1, 0, 2].tolist() == content["pred"][1, :, 2].tolist()
    assert poses.keypoints == load_skeleton("rat23").keypoints


def test_relative_positions_need_the_com(tmp_path):
    content = {
        "pred": np.zeros((3, 3, 4)),
        "log_pmax": np.full((3, 4), -2.0),
        "sampleID": np.array([[1.0, 2, 3]]),
    }
    path = write_mat(tmp_path / "save_data_MAX.mat", content)
    with pytest.raises(FileFormatError, match="relative to the COM"):
        read_poses(path)
    com = ComFile(path, np.array([[[7.0, 8, 9]], [[1, 2, 3]]]), np.array([3, 1]))
    poses = read_poses(path, com=com)
    assert poses.positions[0, 0, 0].tolist() == [1, 2, 3]
    assert poses.positions[2, 0, 3].tolist() == [7, 8, 9]
    assert np.isnan(poses.positions[1]).all()
    assert (poses.confidence == -2).all()
    file = write_com(tmp_path, com.positions, com.sample_ids)[0]
    np.testing.assert_array_equal(read_poses(path, com=file).positions, poses.positions)


@pytest.mark.parametrize(
    ("name", "value", "match"),
    [
        ("pred", np.ones((4, 2, 4, 4)), r"shape \(4, 2, 4, 4\)"),
        ("p_max", np.ones((4, 2, 3)), "p_max"),
        ("sampleID", np.arange(3)[None], "4 moments, 'sampleID' 3"),
        ("sampleID", np.full((1, 4), np.nan), "NaN"),
    ],
)
def test_refusals(small, tmp_path, name, value, match):
    path = write_mat(tmp_path / "a.mat", {**small.poses(), name: value})
    with pytest.raises(FileFormatError, match=match):
        read_poses(path)


def test_what_holds_no_poses(tmp_path):
    path = write_mat(tmp_path / "a.mat", {"com": np.ones((2, 3)), "x": np.ones((1, 1))})
    with pytest.raises(FileFormatError, match=r"no 'pred' \(there is com, x"):
        read_poses(path)


def test_names_must_fit(small, tmp_path):
    path = write_mat(tmp_path / "a.mat", small.poses())
    assert read_poses(path, animals=("ann", "bob")).animals == ("ann", "bob")
    with pytest.raises(FileFormatError, match="1 names"):
        read_poses(path, animals=("ann",))
    with pytest.raises(FileFormatError, match="the skeleton 23"):
        read_poses(path, skeleton=load_skeleton("rat23"))


def test_written_and_read_again(small, tmp_path):
    poses = read_poses(write_mat(tmp_path / "a.mat", small.poses()))
    path = write_poses(tmp_path / "out", poses, start=3)
    assert path.name == "save_data_AVG3.mat"
    again = read_poses(path)
    np.testing.assert_array_equal(again.positions, poses.positions)
    np.testing.assert_array_equal(again.confidence, poses.confidence)
    assert write_poses(tmp_path / "out", poses, start=None).name == "save_data_AVG.mat"
    assert write_poses(tmp_path / "out", poses, initial=True).name == "init_save_data_AVG.mat"
    with pytest.raises(FileExistsError):
        write_poses(path, poses)


@pytest.mark.parametrize(("animals", "shape"), [(1, (4, 3)), (2, (4, 3, 2))])
def test_com_used(tmp_path, animals, shape):
    positions = np.arange(12.0 * animals).reshape(4, animals, 3)
    stored = scipy.io.loadmat(write_com3d_used(tmp_path, positions, np.arange(4)))
    assert stored["com"].shape == shape
    assert stored["sampleID"].shape == (1, 4)


@pytest.mark.golden
@pytest.mark.parametrize("name", ["save_data_AVG0", "init_save_data_AVG"])
def test_layout_of_the_reference(golden, tmp_path, name):
    path = golden / f"infer_inst1_{name}.mat"
    poses = read_poses(path)
    assert poses.positions.shape == (3, 1, 23, 3)
    ours = write_poses(tmp_path, poses, initial=name.startswith("init"))
    assert ours.stem == name
    before, after = scipy.io.loadmat(path), scipy.io.loadmat(ours)
    for key in ("pred", "data", "p_max", "sampleID"):
        assert before[key].dtype == after[key].dtype
        np.testing.assert_array_equal(before[key], after[key])
    assert set(before) == set(after)


@pytest.mark.realdata
def test_real_prediction(shared_data, tmp_path):
    """1000 frames of the TensorFlow era: no axis of animals, probabilities."""
    path = shared_data / "label3d" / "markerless_mouse_1_save_data_AVG.mat"
    poses = read_poses(path)
    assert poses.positions.shape == (1000, 1, 22, 3)
    assert poses.keypoints == load_skeleton("mouse22").keypoints
    assert poses.sample_ids[:3].tolist() == [1, 11, 21]
    assert ((poses.confidence > 0) & (poses.confidence <= 1)).all()
    stored = scipy.io.loadmat(path)["pred"]
    np.testing.assert_array_equal(poses.positions[:, 0], np.transpose(stored, (0, 2, 1)))
    again = read_poses(write_poses(tmp_path, poses))
    np.testing.assert_array_equal(again.positions, poses.positions)
