"""``camera_array.toml`` of caliscope."""

from __future__ import annotations

import tomllib

import numpy as np
import pytest

from napari_sdannce.files import FileFormatError
from napari_sdannce.files.caliscope import read_caliscope, write_caliscope
from napari_sdannce.geometry import Camera

CONTENT = """
[cameras.0]
cam_id = 0
rotation_count = 1
size = [1280, 720]
matrix = [[903.5, 0.0, 618.3], [0.0, 907.8, 394.2], [0.0, 0.0, 1.0]]
distortions = [-0.33, 0.04, -0.004, 0.005, 0.06]
translation = [0.123, -0.209, 0.668]
rotation = [0.0, 1.5707963267948966, 0.0]
fisheye = false

[cameras.3]
cam_id = 3
size = [1280, 720]
matrix = [[760.0, 0.0, 630.0], [0.0, 761.0, 372.0], [0.0, 0.0, 1.0]]
distortions = [0.03, -0.01, 0.005, -0.001]
translation = [0.3, -0.1, 0.8]
rotation = [[0.0, 0.0, 1.0], [0.0, 1.0, 0.0], [-1.0, 0.0, 0.0]]
fisheye = true
"""
OLDER = """
creation_date = 2023-01-01
[charuco]
columns = 4
[cam_0]
port = 0
size = [1280, 720]
rotation_count = 0
matrix = [[903.5, 0.0, 618.3], [0.0, 907.8, 394.2], [0.0, 0.0, 1.0]]
distortions = [-0.33, 0.04, -0.004, 0.005, 0.06]
[cam_1]
port = 1
size = [1280, 720]
"""


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "camera_array.toml"
    path.write_text(CONTENT, encoding="utf-8")
    return path


def test_metres_become_mm(path):
    found = read_caliscope(path)
    assert str(found) == ("camera_array.toml: 2 cameras of caliscope, poses in m, pixels from 0")
    first, wide = found.cameras
    assert [first.name, wide.name] == ["cam_0", "cam_3"]
    np.testing.assert_allclose(first.translation, [123, -209, 668])
    np.testing.assert_allclose(first.rotation @ [1, 0, 0], [0, 0, -1], atol=1e-12)
    np.testing.assert_allclose(wide.rotation @ [1, 0, 0], [0, 0, -1])
    assert first.radial.tolist() == [-0.33, 0.04, 0.06]
    assert (wide.fisheye, wide.radial.tolist()) == (True, [0.03, -0.01, 0.005, -0.001])
    assert first.image_size == (1280, 720)
    assert found.notes == ()


def test_cameras_that_are_not_calibrated_yet(tmp_path):
    path = tmp_path / "config.toml"
    path.write_text(OLDER, encoding="utf-8")
    found = read_caliscope(path)
    assert [camera.name for camera in found.cameras] == ["cam_0"]
    assert found.without_pose == ("cam_0",)
    assert found.notes == ("not calibrated: cam_1",)
    path.write_text(CONTENT.replace("translation = [0.123, -0.209, 0.668]\n", ""))
    with pytest.raises(FileFormatError, match=r"\[cameras.0\]: it has no 'translation'"):
        read_caliscope(path)
    path.write_text("[other]\na = 1\n")
    with pytest.raises(FileFormatError, match="no cameras"):
        read_caliscope(path)


def test_written_and_read_again(path, tmp_path, fisheye):
    cameras = read_caliscope(path).cameras
    out = write_caliscope(tmp_path / "out.toml", cameras)
    tables = tomllib.loads(out.read_text(encoding="utf-8"))["cameras"]
    assert list(tables) == ["0", "3"]
    assert tables["3"]["cam_id"] == 3
    np.testing.assert_allclose(tables["0"]["translation"], [0.123, -0.209, 0.668])
    np.testing.assert_allclose(tables["0"]["rotation"], [0, np.pi / 2, 0], atol=1e-12)
    for one, other in zip(read_caliscope(out).cameras, cameras, strict=True):
        assert (one.name, one.fisheye) == (other.name, other.fisheye)
        np.testing.assert_allclose(one.project([9, 8, 700]), other.project([9, 8, 700]))
    out = write_caliscope(out, [fisheye, *cameras], overwrite=True)
    assert [each.name for each in read_caliscope(out).cameras] == ["wide", "cam_0", "cam_3"]
    unknown = Camera("a", fisheye.matrix, np.eye(3), np.zeros(3))
    with pytest.raises(ValueError, match="image size of a"):
        write_caliscope(tmp_path / "none.toml", [unknown])


@pytest.mark.realdata
def test_a_rig_of_theirs(shared_data):
    found = read_caliscope(shared_data / "charuco4cam" / "given_intrinsics.toml")
    assert [camera.name for camera in found.cameras] == ["cam_0", "cam_1", "cam_2", "cam_3"]
    assert found.has_poses
    centres = np.array([camera.centre for camera in found.cameras])
    assert 500 < np.ptp(centres, axis=0).max() < 3000
