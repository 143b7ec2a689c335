"""Damaged and changed calibrations of every kind: read, or refused."""

from __future__ import annotations

import json

import cv2
import numpy as np
import pytest
import tomli_w
import yaml
from hypothesis import given
from hypothesis import strategies as st

from napari_sdannce.files.anipose import write_anipose
from napari_sdannce.files.mat import write_mat
from napari_sdannce.files.write_calibration import WRITABLE, write_calibration
from napari_sdannce.geometry import Camera

READER = "napari_sdannce.files.calibration_file:read_calibration"
CAMERA = Camera(
    "a", np.array([[600.0, 0, 320], [0, 600, 240], [0, 0, 1]]), np.eye(3), np.array([0.0, 0, 900]),
    np.array([0.1, 0.2]), image_size=(640, 480),
)  # fmt: skip
TABLE = {
    "cam_id": 0, "size": [640, 480], "matrix": CAMERA.matrix.tolist(), "rotation": [0.1, 0, 0],
    "distortions": [0.1, 0.2, 0, 0, 0], "translation": [0.0, 0, 1], "fisheye": False,
}  # fmt: skip
STORAGE = {
    "camera_name": "a", "image_width": 640, "image_height": 480, "fisheye_model": 0,
    "K": CAMERA.matrix.tolist(), "D": [0.1, 0.2, 0, 0, 0], "R": np.eye(3).tolist(), "T": [0, 0, 9],
    "K1": CAMERA.matrix.tolist(), "extra": {"rows": 1, "cols": 2, "data": [1, 2]},
}  # fmt: skip
HOSTILE = st.sampled_from(
    [
        b"<" * 9000, b"<a>" * 9000, b"{" * 9000, b"[" * 9000, b"%YAML:1.0\n---\n" + b"- " * 9000,
        b"<?xml version='1.0'?><!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>", b"<?xml version='1.0'?>",
        b"K: !!opencv-matrix [1]", b"K: !!opencv-matrix {rows: 99999999, cols: 9, data: []}",
        b"K: !!opencv-nd-matrix {sizes: [1]}", b"K: " + b"9" * 9000, b"\x00" * 600, b"\xef\xbb\xbf",
        b"[cameras]\na = 1", b"[[cameras]]\na = 1", b"[cameras.0]\nmatrix = []\nsize = [1, 1]",
        b"MATLAB 5.0 MAT-file" + b" " * 600, b"\x89HDF\r\n\x1a\n" + b"x" * 600,
    ]
)  # fmt: skip


def opencv_bytes(folder, suffix):
    path = folder / f"seed.{suffix}"
    file = cv2.FileStorage(str(path), cv2.FILE_STORAGE_WRITE)
    for key in ("K", "D", "R", "T"):
        file.write(key, np.atleast_2d(np.array(STORAGE[key], dtype=float)))
    file.release()
    return path.read_bytes()


def check_bytes(fuzz, path, values):
    @fuzz.settings
    @given(values)
    def check(value):
        path.write_bytes(value)
        fuzz.check(READER, path)

    check()


@pytest.mark.parametrize("suffix", ["yml", "xml", "json"])
def test_files_of_opencv(fuzz, tmp_path, suffix):
    content = opencv_bytes(tmp_path, suffix)
    path = tmp_path / f"a.{suffix}"
    check_bytes(fuzz, path, fuzz.damaged(content) | HOSTILE)
    path.write_bytes(content)
    assert fuzz.check(READER, path) == "read"


def test_other_values_in_files_of_opencv(fuzz, tmp_path):
    def dumped(value):
        return json.dumps(value, default=repr).encode()

    check_bytes(fuzz, tmp_path / "a.json", fuzz.changed(STORAGE).map(dumped))
    path = tmp_path / "a.yml"

    @fuzz.settings
    @given(fuzz.changed({"cameras": [STORAGE, STORAGE]}))
    def check(value):
        try:
            path.write_bytes(yaml.safe_dump(value).encode())
        except yaml.YAMLError:
            return
        fuzz.check(READER, path)

    check()


def test_tables_of_caliscope_and_aniposelib(fuzz, tmp_path):
    path = tmp_path / "a.toml"

    @fuzz.settings
    @given(fuzz.changed({"cameras": {"0": TABLE, "1": TABLE}}) | fuzz.changed({"cam_0": TABLE}))
    def check(value):
        try:
            path.write_text(tomli_w.dumps(value), encoding="utf-8")
        except (TypeError, ValueError, OverflowError):
            return
        fuzz.check(READER, path)

    check()
    content = write_anipose(tmp_path / "b.toml", [CAMERA]).read_bytes()
    check_bytes(fuzz, path, fuzz.damaged(content) | HOSTILE)


def test_matlab_files(fuzz, small, tmp_path):
    path = tmp_path / "a_dannce.mat"
    content = small.dannce()
    content["handLabeled2D"] = np.ones((4, 3, 2, 3))

    @fuzz.settings
    @given(fuzz.changed(content))
    def check(value):
        try:
            write_mat(path, value, overwrite=True)
        except (TypeError, ValueError, OverflowError, KeyError):
            return
        fuzz.check(READER, path)

    check()
    check_bytes(fuzz, path, fuzz.damaged(path.read_bytes()) | HOSTILE)


def test_folders(fuzz, tmp_path):
    """One damaged file among those of every format."""
    paths = write_calibration(tmp_path / "all", [CAMERA], WRITABLE)

    @fuzz.settings
    @given(st.sampled_from(paths), HOSTILE)
    def check(path, value):
        before = path.read_bytes()
        path.write_bytes(value)
        fuzz.check(READER, tmp_path / "all")
        path.write_bytes(before)

    check()
