"""Skeletons in MATLAB files."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.io

from napari_sdannce.files import FileFormatError, open_skeleton
from napari_sdannce.files.mat import read_mat, write_mat
from napari_sdannce.files.mat_values import cell_column
from napari_sdannce.files.skeleton_mat import read_skeleton_mat, write_skeleton_mat
from napari_sdannce.skeletons import builtin_skeletons, load_skeleton, write_skeleton_yaml


@pytest.mark.parametrize("name", builtin_skeletons())
def test_builtin_ones_survive(tmp_path, name):
    skeleton = load_skeleton(name)
    found = open_skeleton(write_skeleton_mat(skeleton, tmp_path / f"{name}.mat"))
    assert found.keypoints == skeleton.keypoints
    assert found.edges == skeleton.edges
    np.testing.assert_allclose(found.colors, skeleton.colors)
    assert set(found.pairs) == set(skeleton.pairs)


def test_layout_is_that_of_label3d(tmp_path):
    path = write_skeleton_mat(load_skeleton("rat23"), tmp_path / "rat23.mat")
    stored = scipy.io.loadmat(path)
    assert stored["joint_names"].shape == (1, 23)
    assert stored["joints_idx"].dtype == np.uint8
    assert stored["joints_idx"][0].tolist() == [1, 2]
    assert stored["color"].shape == (23, 4)


@pytest.mark.parametrize("version", ["5", "7.3"])
def test_columns_and_rgb(small, tmp_path, version):
    content = small.skeleton()
    content["joint_names"] = content["joint_names"].T
    content["color"] = content["color"][:, :3]
    found = open_skeleton(write_mat(tmp_path / "mine.mat", content, version=version))
    assert found.name == "mine"
    assert found.keypoints == ("Nose", "EarL", "EarR", "Tail")
    assert found.edges == ((0, 1), (0, 2), (0, 3))
    assert found.pairs == ((1, 2),)
    assert all(color[3] == 1 for color in found.colors)


def test_inside_a_session(small, tmp_path):
    path = write_mat(tmp_path / "x_Label3D.mat", small.label3d())
    assert read_skeleton_mat(path).keypoints[0] == "Nose"


def test_names_that_only_matlab_can_read(tmp_path):
    """What is left of string objects: nothing."""
    lost = cell_column([np.zeros((0, 0))])
    content = {
        "joint_names": lost,
        "joints_idx": np.ones((1, 2), np.uint8),
        "color": np.ones((1, 3)),
    }
    assert open_skeleton(write_mat(tmp_path / "com.mat", content)).keypoints == ("COM",)
    edges = np.array([[1, 2], [2, 3]], dtype=np.uint8)
    content = {"joints_idx": edges, "color": np.ones((2, 3))}
    found = open_skeleton(write_mat(tmp_path / "three.mat", content))
    assert found.keypoints == ("kp1", "kp2", "kp3")


def test_one_edge_or_none(tmp_path, small):
    content = {**small.skeleton(), "joints_idx": np.array([[1], [2]]), "color": np.ones((1, 3))}
    assert open_skeleton(write_mat(tmp_path / "a.mat", content)).edges == ((0, 1),)
    content = {**small.skeleton(), "joints_idx": np.zeros((0, 2)), "color": np.zeros((0, 3))}
    assert open_skeleton(write_mat(tmp_path / "b.mat", content)).edges == ()


def test_names_of_builtins_and_files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("rat23", "rat23.mat", "skeletons/rat23.mat"):
        assert open_skeleton(name) == load_skeleton("rat23")
    mine = load_skeleton("com").renamed("mine")
    write_skeleton_yaml(mine, tmp_path / "mine.yaml")
    assert open_skeleton(tmp_path / "mine.yaml") == mine
    # a file that exists comes before the built-in of its name
    write_skeleton_mat(load_skeleton("mouse22"), tmp_path / "rat23.mat")
    assert len(open_skeleton("rat23.mat").keypoints) == 22


@pytest.mark.parametrize(
    ("name", "value", "match"),
    [
        ("joints_idx", np.array([[0, 1]]), "counts from 1"),
        ("joints_idx", np.array([[1, 9], [1, 2], [1, 3]]), "outside its 4"),
        ("joints_idx", np.ones((3, 3)), "shape"),
        ("joint_names", np.eye(4), "not text"),
        ("color", np.ones((2, 3)), "2 rows for 3"),
        ("color", np.full((3, 3), 255.0), "0 to 1"),
    ],
)
def test_refusals(small, tmp_path, name, value, match):
    path = write_mat(tmp_path / "a.mat", {**small.skeleton(), name: value})
    with pytest.raises(FileFormatError, match=match):
        open_skeleton(path)


def test_what_is_no_skeleton(tmp_path):
    path = write_mat(tmp_path / "a.mat", {"x": np.eye(2)})
    with pytest.raises(FileFormatError, match="joint_names"):
        open_skeleton(path)
    (tmp_path / "b.yaml").write_text("keypoints: 3", encoding="utf-8")
    with pytest.raises(FileFormatError):
        open_skeleton(tmp_path / "b.yaml")
    with pytest.raises(FileNotFoundError, match="rat23"):
        open_skeleton("no_such_animal")
    assert read_mat(path).variables["x"].shape == (2, 2)
