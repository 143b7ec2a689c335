"""Damaged and changed MATLAB files and calibrations: read, or refused with the one error."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_sdannce.files.mat import write_mat
from napari_sdannce.files.mat_values import cell_column, cell_row

FILES = "napari_sdannce.files"


def camera() -> dict[str, Any]:
    return {
        "K": np.array([[900.0, 0, 0], [0.5, 910, 0], [320, 240, 1]]),
        "RDistort": np.array([[-0.1, 0.02]]),
        "TDistort": np.zeros((1, 2), dtype=np.uint8),
        "r": np.eye(3),
        "t": np.array([[1.0, 2, 900]]),
    }


def frames(n: int, width: int) -> dict[str, Any]:
    return {
        "data_2d": np.arange(n * 2.0 * width).reshape(n, 2 * width),
        "data_3d": np.arange(n * 3.0 * width).reshape(n, 3 * width),
        "data_frame": np.arange(n, dtype=np.uint16)[:, None],
        "data_sampleID": np.arange(n, dtype=np.int32)[None] * 10 + 1,
    }


def dannce() -> dict[str, Any]:
    com = {"com3d": np.ones((5, 3)), "sampleID": np.arange(5, dtype=np.int32)[None]}
    return {
        "params": cell_column([camera(), camera()]),
        "labelData": cell_column([frames(3, 4), frames(3, 4)]),
        "sync": cell_column([frames(5, 1), frames(5, 1)]),
        "camnames": cell_row(["left", "right"]),
        "com": com,
        "handLabeled2D": np.ones((4, 2, 2, 3)),
    }


def label3d() -> dict[str, Any]:
    return {
        "data_3D": np.arange(36.0).reshape(3, 12),
        "status": np.full((4, 2, 3), 2, dtype=np.uint8),
        "skeleton": skeleton(),
        "imageSize": np.array([[480, 640], [480, 640]], dtype=np.uint16),
        "handLabeled2D": np.ones((4, 2, 2, 3)),
        "camParams": cell_column([camera(), camera()]),
        "sync": cell_column([frames(5, 1), frames(5, 1)]),
        "framesToLabel": np.array([[1, 3, 5]], dtype=np.uint8),
    }


def skeleton() -> dict[str, Any]:
    return {
        "joint_names": cell_row(["Nose", "EarL", "EarR", "Tail"]),
        "joints_idx": np.array([[1, 2], [1, 3], [1, 4]], dtype=np.uint8),
        "color": np.linspace(0, 1, 12).reshape(3, 4),
    }


def com() -> dict[str, Any]:
    return {
        "com": np.arange(24.0).reshape(4, 3, 2),
        "sampleID": np.arange(4)[None],
        "metadata": {"camnames": np.array(["left", "right"]), "loss": cell_row(["a", "b"])},
    }


def com_of_one() -> dict[str, Any]:
    return {"com": np.arange(12.0).reshape(4, 3), "sampleID": np.arange(4)[None]}


def poses() -> dict[str, Any]:
    return {
        "pred": np.arange(96.0).reshape(4, 2, 3, 4),
        "data": np.zeros((4, 2, 3, 4)),
        "p_max": np.ones((4, 2, 4)),
        "sampleID": np.arange(4.0)[None],
    }


def max_poses() -> dict[str, Any]:
    return {
        "pred": np.arange(48.0).reshape(4, 3, 4),
        "log_pmax": np.ones((4, 4)),
        "sampleID": np.arange(4.0)[None],
    }


READERS = [
    ("dannce_mat:read_dannce", dannce, "x_dannce.mat"),
    ("label_file:open_labels", dannce, "x_dannce.mat"),
    ("experiment:open_recording", dannce, "x_dannce.mat"),
    ("label3d:read_label3d_state", label3d, "x_Label3D.mat"),
    ("label_file:open_labels", label3d, "x_Label3D.mat"),
    ("experiment:open_recording", label3d, "x_Label3D.mat"),
    ("skeleton_mat:open_skeleton", skeleton, "skeleton.mat"),
    ("com_mat:read_com", com, "com3d.mat"),
    ("com_mat:read_com", dannce, "x_dannce.mat"),
    ("pose_mat:read_poses", poses, "save_data_AVG0.mat"),
    ("pose_mat:read_poses", max_poses, "save_data_MAX.mat"),
    ("hires_params:read_hires_params", camera, "hires_cam1_params.mat"),
]


@pytest.mark.parametrize("version", ["5", "7.3"])
@pytest.mark.parametrize(("reader", "make", "name"), READERS)
def test_changed_structures(fuzz, reader, make, name, version):
    options = {}
    if make is max_poses:
        options["com"] = str(write_mat(fuzz.path("com3d.mat"), com_of_one()))

    @fuzz.settings
    @given(fuzz.changed(make()))
    def check(variables):
        path = fuzz.path(name)
        write_mat(path, variables, version=version)
        fuzz.check(f"{FILES}.{reader}", path, **options)

    check()
    whole = write_mat(fuzz.path(name), make(), version=version)
    assert fuzz.check(f"{FILES}.{reader}", whole, **options) == "read"


@pytest.mark.parametrize("compress", [True, False])
@pytest.mark.parametrize("version", ["5", "7.3"])
def test_damaged_bytes(fuzz, version, compress):
    path = write_mat(fuzz.path("x_dannce.mat"), dannce(), version=version, compress=compress)
    content = path.read_bytes()

    @fuzz.settings
    @given(fuzz.damaged(content), st.sampled_from(["dannce_mat:read_dannce", "mat:read_mat"]))
    def check(damaged, reader):
        path = fuzz.path("x_dannce.mat")
        path.write_bytes(damaged)
        fuzz.check(f"{FILES}.{reader}", path)

    check()


def pickled_com() -> dict[str, Any]:
    cameras = ("left", "right", "top")
    moment = {
        name: {"pred_max": np.float32(0.9), "COM": np.array([3.0, 4.0], dtype=np.float32)}
        for name in cameras
    }
    pairs = {f"{a}_{b}": np.array([1.0, 2, 3]) for a in cameras for b in cameras if a < b}
    return {f"0_{i}": {**moment, "triangulation": pairs} for i in range(3)}


@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_pickles(fuzz, protocol):
    content = pickle.dumps(pickled_com(), protocol=protocol)
    changed = fuzz.changed(pickled_com()).map(lambda value: pickle.dumps(value, protocol=protocol))

    @fuzz.settings
    @given(fuzz.damaged(content) | changed)
    def check(damaged):
        path = fuzz.path("com3d.pickle")
        path.write_bytes(damaged)
        fuzz.check(f"{FILES}.com_mat:read_com", path)

    check()
