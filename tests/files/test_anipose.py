"""``calibration.toml`` in and out."""

from __future__ import annotations

import tomllib

import numpy as np
import pytest

from napari_sdannce.files import FileFormatError
from napari_sdannce.files.anipose import read_anipose, read_anipose_metadata, write_anipose
from napari_sdannce.geometry.cameras import Camera

CONTENT = """
[cam_0]
name = "front"
size = [640, 480]
matrix = [[900.0, 0.5, 320.0], [0.0, 910.0, 240.0], [0.0, 0.0, 1.0]]
distortions = [0.1, 0.02, 0.001, -0.002, 0.003]
rotation = [0.0, 1.5707963267948966, 0.0]
translation = [1.0, 2.0, 900.0]

[cam_1]
name = "back"
matrix = [[900.0, 0.0, 320.0], [0.0, 900.0, 240.0], [0.0, 0.0, 1.0]]
distortions = [0.1, 0.0, 0.0, 0.0, 0.0]
rotation = [0.0, 0.0, 0.0]
translation = [0.0, 0.0, 900.0]

[metadata]
adjusted = false
error = 0.36
"""


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "calibration.toml"
    path.write_text(CONTENT, encoding="utf-8")
    return path


def test_fields(path):
    front, back = read_anipose(path)
    assert front.name == "front"
    assert front.image_size == (640, 480)
    assert front.matrix[0].tolist() == [900, 0.5, 320]
    # OpenCV's order is k1 k2 p1 p2 k3
    assert front.radial.tolist() == [0.1, 0.02, 0.003]
    assert front.tangential.tolist() == [0.001, -0.002]
    # a quarter turn round y takes x to -z
    np.testing.assert_allclose(front.rotation @ [1, 0, 0], [0, 0, -1], atol=1e-12)
    assert front.translation.tolist() == [1, 2, 900]
    assert back.image_size is None
    assert back.radial.tolist() == [0.1, 0]
    assert read_anipose_metadata(path) == {"adjusted": False, "error": 0.36}


def test_written_and_read_again(path, tmp_path):
    cameras = read_anipose(path)
    out = write_anipose(tmp_path / "out.toml", cameras, metadata=read_anipose_metadata(path))
    for one, other in zip(read_anipose(out), cameras, strict=True):
        assert (one.name, one.image_size) == (other.name, other.image_size)
        for what in ("matrix", "radial", "tangential", "translation"):
            np.testing.assert_array_equal(getattr(one, what), getattr(other, what))
        np.testing.assert_allclose(one.rotation, other.rotation, atol=1e-12)
    tables = tomllib.loads(out.read_text(encoding="utf-8"))
    assert tables["metadata"] == {"adjusted": False, "error": 0.36}
    assert list(tables["cam_0"]) == [
        "name", "size", "matrix", "distortions", "rotation", "translation", "fisheye",
    ]  # fmt: skip
    with pytest.raises(FileExistsError):
        write_anipose(out, cameras)


def test_rotations_by_half_a_turn_survive(tmp_path):
    matrix = np.array([[500.0, 0, 320], [0, 500, 240], [0, 0, 1]])
    for axis in np.eye(3):
        rotation = 2 * np.outer(axis, axis) - np.eye(3)
        camera = Camera("c", matrix, rotation, np.zeros(3))
        out = write_anipose(tmp_path / "c.toml", [camera], overwrite=True)
        np.testing.assert_allclose(read_anipose(out)[0].rotation, rotation, atol=1e-9)


@pytest.mark.parametrize(
    ("old", "new", "match"),
    [
        ("[cam_0]", "[cam_0", "no TOML file"),
        (
            "distortions = [0.1, 0.02, 0.001, -0.002, 0.003]",
            "distortions = [1.0]",
            r"\[cam_0\].*1 ",
        ),
        ("translation = [1.0, 2.0, 900.0]", "", "no 'translation'"),
        ('name = "back"', 'name = "front"', "more than once"),
        ("[900.0, 0.5, 320.0]", "[900.0, 0.5]", "something else than numbers"),
        ("size = [640, 480]", "fisheye = true", r"\[cam_0\]: it is a fisheye with 5 .*, not 4"),
        (
            "0.003]",
            "0.003, 0.0, 0.02, 0.0]",
            r"_0\].*\(rational model\).*: k5 = 0.02; possible",
        ),
        ("size = [640, 480]", "size = [-1, 480]", "size"),
    ],
)
def test_refusals(path, old, new, match):
    path.write_text(CONTENT.replace(old, new), encoding="utf-8")
    with pytest.raises(FileFormatError, match=match):
        read_anipose(path)


def test_terms_that_are_zero_are_no_terms(path):
    path.write_text(CONTENT.replace("0.003]", "0.003, 0.0, 0.0, 0.0]"), encoding="utf-8")
    assert read_anipose(path)[0].radial.tolist() == [0.1, 0.02, 0.003]


def test_fisheyes(path, tmp_path, fisheye):
    out = write_anipose(tmp_path / "out.toml", [fisheye, *read_anipose(path)])
    table = tomllib.loads(out.read_text(encoding="utf-8"))["cam_0"]
    assert table["fisheye"] is True
    assert table["distortions"] == fisheye.radial.tolist()
    found, front, _ = read_anipose(out)
    assert found.fisheye
    assert not front.fisheye
    np.testing.assert_allclose(found.project([[30, 40, 9]]), fisheye.project([[30, 40, 9]]))


def test_no_cameras_and_no_file(tmp_path):
    (tmp_path / "a.toml").write_text("x = 1", encoding="utf-8")
    with pytest.raises(FileFormatError, match="no cameras"):
        read_anipose(tmp_path / "a.toml")
    with pytest.raises(FileNotFoundError):
        read_anipose(tmp_path / "b.toml")


@pytest.mark.realdata
def test_real_calibration(shared_data, tmp_path):
    """The labels of four people-proofread views meet in space to a few px."""
    path = shared_data / "mouse4cam" / "calibration.toml"
    cameras = read_anipose(path)
    assert [camera.name for camera in cameras] == ["back", "mid", "side", "top"]
    assert all(camera.image_size == (1280, 1024) for camera in cameras)
    out = write_anipose(tmp_path / "c.toml", cameras, metadata=read_anipose_metadata(path))
    before = tomllib.loads(path.read_text(encoding="utf-8"))
    after = tomllib.loads(out.read_text(encoding="utf-8"))
    for i in range(4):
        for key in ("matrix", "distortions", "translation", "rotation", "size", "name"):
            expected, found = before[f"cam_{i}"][key], after[f"cam_{i}"][key]
            if key == "name":
                assert found == expected
            else:
                np.testing.assert_allclose(found, expected, atol=1e-9)
