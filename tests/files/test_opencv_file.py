"""Cameras in files of OpenCV's FileStorage, and of JARVIS."""

from __future__ import annotations

import json

import cv2
import numpy as np
import pytest

from napari_sdannce.files import FileFormatError
from napari_sdannce.files.calibration import CalibrationFormat
from napari_sdannce.files.jarvis import write_jarvis
from napari_sdannce.files.opencv_file import read_opencv, write_opencv
from napari_sdannce.geometry import Camera

TURN = np.array([[0.36, 0.48, -0.8], [-0.8, 0.6, 0], [0.48, 0.64, 0.6]])
MATRIX = np.array([[901.25, 0, 320.5], [0, 905, 240], [0, 0, 1]])
LENS = np.array([[-0.1, 0.02, 1e-3, -2e-3, 0.003]])
SHIFT = np.array([[1.5], [-2], [900]])


def stored(path, **entries):
    """A file that OpenCV itself writes, of the kind its suffix says."""
    file = cv2.FileStorage(str(path), cv2.FILE_STORAGE_WRITE)
    for key, value in entries.items():
        file.write(key, value)
    file.release()
    return path


def same(found: Camera, *, pose: bool = True) -> None:
    np.testing.assert_allclose(found.matrix, MATRIX)
    assert found.radial.tolist() == [-0.1, 0.02, 0.003]
    assert found.tangential.tolist() == [1e-3, -2e-3]
    np.testing.assert_allclose(found.rotation, TURN if pose else np.eye(3), atol=1e-12)
    np.testing.assert_allclose(found.translation, SHIFT[:, 0] if pose else 0)


@pytest.mark.parametrize("suffix", ["yml", "yaml", "xml", "json"])
def test_what_opencv_writes_is_read(tmp_path, suffix):
    path = stored(
        tmp_path / f"left.{suffix}", calibration_time="Sat Nov 28", image_width=640,
        image_height=480, camera_matrix=MATRIX, distortion_coefficients=LENS, R=TURN, T=SHIFT,
    )  # fmt: skip
    found = read_opencv(path)
    (camera,) = found.cameras
    same(camera)
    assert (camera.name, camera.image_size) == ("left", (640, 480))
    assert (found.format, found.has_poses, found.notes) == (CalibrationFormat.OPENCV, True, ())


@pytest.mark.parametrize(
    ("matrix", "lens", "turn", "shift"),
    [
        ("cameraMatrix", "distCoeffs", "rvec", "tvec"),
        ("K", "D", "R", "T"),
        ("camera-matrix", "dist_coeffs", "rotation_matrix", "translation_vector"),
        ("Camera_Matrix", "Distortion_Coefficients", "Rotation", "Translation"),
        ("mtx", "dist", "rvec", "tvec"),
        ("M", "distortion", "R", "t"),
    ],
)
def test_names_that_mean_the_same(tmp_path, matrix, lens, turn, shift):
    value = cv2.Rodrigues(TURN)[0] if "vec" in turn else TURN
    path = stored(tmp_path / "a.json", **{lens.replace("-", "_"): LENS})
    content = json.loads(path.read_text())
    entry = {"type_id": "opencv-matrix", "dt": "d"}
    for key, array in ((matrix, MATRIX), (turn, value), (shift, SHIFT)):
        rows, cols = array.shape
        content[key] = entry | {"rows": rows, "cols": cols, "data": array.ravel().tolist()}
    path.write_text(json.dumps(content))
    same(read_opencv(path).cameras[0])


def test_lenses_alone(tmp_path):
    found = read_opencv(stored(tmp_path / "a.yml", camera_matrix=MATRIX, dist_coeffs=LENS.T))
    same(found.cameras[0], pose=False)
    assert found.without_pose == ("a",)
    assert str(found) == "a.yml: 1 camera of opencv, lenses alone, no poses, pixels from 0"


def test_numbers_as_lists_and_as_ros_writes_them(tmp_path):
    path = tmp_path / "ros.yaml"
    path.write_text(
        "image_width: 640\nimage_height: 480\ncamera_name: narrow\n"
        "camera_matrix: {rows: 3, cols: 3, data: [901.25, 0, 320.5, 0, 905, 240, 0, 0, 1]}\n"
        "distortion_model: plumb_bob\n"
        "distortion_coefficients: {rows: 1, cols: 5, data: [-0.1, 0.02, 1e-3, -2e-3, 0.003]}\n"
    )
    same(read_opencv(path).cameras[0], pose=False)
    assert read_opencv(path).cameras[0].name == "narrow"
    path.write_text(
        "K: [[901.25, 0, 320.5], [0, 905, 240], [0, 0, 1]]\nD: [-0.1, 0.02, 0.001, -0.002, 0.003]\n"
        f"R: {TURN.tolist()}\nT: [1.5, -2, 900]\nimage_size: [640, 480]\n"
    )
    same(read_opencv(path).cameras[0])


def test_several_cameras_as_a_map_and_a_list(tmp_path):
    one = {"K": MATRIX.tolist(), "D": LENS.tolist(), "R": TURN.tolist(), "T": SHIFT.tolist()}
    path = tmp_path / "all.json"
    for content, names in (
        ({"left": one, "right": one, "note": {"a": 1}}, ["left", "right"]),
        ({"cameras": {"left": one, "right": one}}, ["left", "right"]),
        ({"cameras": [one | {"name": "top"}, one]}, ["top", "Camera2"]),
    ):
        path.write_text(json.dumps(content))
        found = read_opencv(path)
        assert [camera.name for camera in found.cameras] == names
        same(found.cameras[1])


def test_numbered_cameras_and_stereo_pairs(tmp_path):
    turned = np.diag([1.0, -1, -1])
    pair = {"K1": MATRIX, "D1": LENS, "K2": MATRIX, "D2": LENS}
    rectified = {"R1": turned, "R2": turned, "P1": np.eye(3, 4), "P2": np.eye(3, 4)}
    found = read_opencv(stored(tmp_path / "s.yml", **pair, R=TURN, T=SHIFT, **rectified))
    assert [camera.name for camera in found.cameras] == ["Camera1", "Camera2"]
    assert found.has_poses
    same(found.cameras[0], pose=False)
    same(found.cameras[1])
    found = read_opencv(stored(tmp_path / "n.yml", **pair, **rectified))
    assert found.without_pose == ("Camera1", "Camera2")
    one = {"K": MATRIX, "dist": LENS, "R": cv2.Rodrigues(TURN)[0], "T": SHIFT}
    many = {f"{key}_{i:02d}": value for i in (1, 2, 3) for key, value in one.items()}
    found = read_opencv(stored(tmp_path / "m.yml", **many))
    assert [camera.name for camera in found.cameras] == ["Camera01", "Camera02", "Camera03"]
    same(found.cameras[2])
    found = read_opencv(
        stored(tmp_path / "l.yml", cameraMatrixL=MATRIX, distCoeffsL=LENS, cameraMatrixR=MATRIX,
               distCoeffsR=LENS, R=TURN, T=SHIFT)
    )  # fmt: skip
    assert [camera.name for camera in found.cameras] == ["left", "right"]


def test_fisheyes(tmp_path, fisheye):
    lens = np.array([fisheye.radial])
    for key, value in (("fisheye_model", 1), ("distortion_model", "equidistant"), ("fisheye", 1)):
        entries = {"K": fisheye.matrix, "D": lens, key: value}
        camera = read_opencv(stored(tmp_path / "a.yml", **entries)).cameras[0]
        assert camera.fisheye
        assert camera.radial.tolist() == fisheye.radial.tolist()
    camera = read_opencv(stored(tmp_path / "a.yml", K=MATRIX, D=lens, fisheye_model=0)).cameras[0]
    assert not camera.fisheye


def test_written_files_are_read_by_both(tmp_path, fisheye):
    straight = Camera('le "ft\\', MATRIX, TURN, SHIFT[:, 0], [-0.1, 0.02, 0.003], [1e-3, -2e-3])
    path = write_opencv(tmp_path / "cameras.yml", [straight, fisheye])
    found = read_opencv(path)
    assert [camera.name for camera in found.cameras] == [straight.name, "wide"]
    same(found.cameras[0])
    wide = found.cameras[1]
    assert (wide.fisheye, wide.image_size) == (True, (640, 512))
    np.testing.assert_array_equal(wide.project([30, 40, 50]), fisheye.project([30, 40, 50]))
    storage = cv2.FileStorage(str(path), cv2.FILE_STORAGE_READ)
    theirs = storage.getNode("cameras")
    assert theirs.size() == 2
    assert theirs.at(0).getNode("camera_name").string() == straight.name
    np.testing.assert_array_equal(theirs.at(0).getNode("camera_matrix").mat(), MATRIX)
    np.testing.assert_array_equal(theirs.at(1).getNode("T").mat()[:, 0], fisheye.translation)
    with pytest.raises(FileExistsError):
        write_opencv(path, [straight])


def test_jarvis_and_back(tmp_path, fisheye):
    """A point is a row: [X Y Z 1] [R; T] intrinsicMatrix is its pixel times its depth."""
    camera = Camera("Camera_B", MATRIX, TURN, SHIFT[:, 0], [-0.1, 0.02, 0.003], [1e-3, -2e-3])
    (path,) = write_jarvis(tmp_path, [camera])
    assert path.name == "Camera_B.yaml"
    nodes = cv2.FileStorage(str(path), cv2.FILE_STORAGE_READ)
    theirs = {key: nodes.getNode(key).mat() for key in ("intrinsicMatrix", "R", "T")}
    point = np.array([10.0, 20, 30, 1])
    straight = Camera("s", MATRIX, TURN, SHIFT[:, 0])
    pixel = point @ np.vstack([theirs["R"], theirs["T"].reshape(1, 3)]) @ theirs["intrinsicMatrix"]
    np.testing.assert_allclose(pixel[:2] / pixel[2], straight.project(point[:3]))
    np.testing.assert_array_equal(nodes.getNode("distortionCoefficients").mat(), LENS)
    found = read_opencv(path)
    assert (found.format, found.notes) == (CalibrationFormat.JARVIS, ())
    assert found.cameras[0].name == "Camera_B"
    same(found.cameras[0])
    with pytest.raises(FileExistsError):
        write_jarvis(tmp_path, [camera])
    with pytest.raises(ValueError, match="camera 'wide' is a fisheye, which JARVIS does not have"):
        write_jarvis(tmp_path / "none", [camera, fisheye])
    assert not (tmp_path / "none").exists()
    odd = Camera("a/b", MATRIX, TURN, SHIFT[:, 0])
    with pytest.raises(ValueError, match="'a/b' cannot name a file"):
        write_jarvis(tmp_path, [odd])


def test_other_transposed_matrices_are_told(tmp_path):
    found = read_opencv(stored(tmp_path / "a.yml", K=MATRIX.T, D=LENS, R=TURN.T, T=SHIFT))
    same(found.cameras[0])
    assert found.notes == ("read as transposed, as MATLAB's are: a",)


HEADER = "%YAML:1.0\n---\n"
GOOD = HEADER + "K: [[900, 0, 320], [0, 900, 240], [0, 0, 1]]\n"


@pytest.mark.parametrize(
    ("content", "match"),
    [
        (HEADER + "a: 1\n", "no camera matrix .there is a"),
        (GOOD + "R: [0, 0, 0]\n", "'a' has a rotation alone"),
        (GOOD + "D: [0, 0, 0, 0, 0, 0.1, 0, 0]\n", "camera 'a': .*rational model.*k4 = 0.1"),
        (GOOD + "distortion_model: mei\n", "distortion model is 'mei'"),
        (GOOD + "D: [1, x]\n", "something else than numbers"),
        (HEADER + "K: [[900, 0], [0, 900]]\n", r"shape \(2, 2\), not \(3, 3\)"),
        (HEADER + "K: [[900, 0, 9], [0, 900, 9], [9, 9, 1]]\n", "matrix must be"),
        (HEADER + "K: !!opencv-matrix {rows: 3, cols: 3, dt: d, data: [1]}\n", "3 x 3 has 1 num"),
        (HEADER + "K: !!opencv-matrix {rows: -1, cols: -9, dt: d, data: [1]}\n", "has 1 num"),
        (HEADER + "K: !!opencv-matrix {rows: 3, cols: 3, dt: '9', data: []}\n", "unknown type"),
        (HEADER + "K: !!python/object/apply:os.system [ls]\n", "could not determine"),
        (HEADER + "a: &a [1]\nb: *a\n", "anchors"),
        ("<!DOCTYPE x [<!ENTITY a 'b'>]><opencv_storage><K>&a;</K></opencv_storage>", "document"),
        ("<opencv_storage>" + "<a>" * 60 + "</a>" * 60 + "</opencv_storage>", "nested deeper"),
        ("{" * 10, "JSON"),
        ('{"K": ' + "[" * 50_000, "JSON"),
        ("", "empty"),
    ],
)  # fmt: skip
def test_refusals(tmp_path, content, match):
    path = tmp_path / "a.yml"
    path.write_text(content)
    with pytest.raises(FileFormatError, match=match) as info:
        read_opencv(path)
    assert str(path) in str(info.value)


def test_too_large_and_missing(tmp_path):
    path = tmp_path / "a.yml"
    path.write_bytes(b" " * 16_000_001)
    with pytest.raises(FileFormatError, match="more than 16000000 bytes"):
        read_opencv(path)
    with pytest.raises(FileNotFoundError):
        read_opencv(tmp_path / "b.yml")
