"""``hires_cam<i>_params.mat`` in and out."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.io

from napari_sdannce.files import FileFormatError
from napari_sdannce.files.hires_params import read_hires_params, write_hires_params
from napari_sdannce.files.mat import write_mat
from napari_sdannce.recording import PixelOrigin


@pytest.fixture
def folder(small, tmp_path):
    for i in (1, 2, 10):  # numbers, not letters, give the order
        write_mat(tmp_path / f"hires_cam{i}_params.mat", small.params()[i % 3])
    return tmp_path


def test_cameras_in_order_of_their_numbers(small, folder):
    cameras = read_hires_params(folder)
    assert [camera.name for camera in cameras] == ["Camera1", "Camera2", "Camera10"]
    assert cameras[0].matrix[0, 2] == pytest.approx(320.5)
    points = small.points()[0]
    for camera, params in zip(cameras, (small.params()[i] for i in (1, 2, 1)), strict=True):
        expected = small.project(params, points) - 1
        np.testing.assert_allclose(camera.project(points), expected, atol=1e-9)
    zero = read_hires_params(folder, ("a", "b", "c"), pixel_origin=PixelOrigin.ZERO)
    assert zero[0].name == "a"
    assert zero[0].matrix[0, 2] == pytest.approx(321.5)


def test_written_as_dannce_expects(small, folder, tmp_path):
    cameras = read_hires_params(folder)
    paths = write_hires_params(tmp_path / "out", cameras)
    assert [path.name for path in paths] == [f"hires_cam{i}_params.mat" for i in (1, 2, 3)]
    for path, index in zip(paths, (1, 2, 1), strict=True):
        stored = scipy.io.loadmat(path)
        for name, value in small.params()[index].items():
            assert stored[name].shape == value.shape
            np.testing.assert_allclose(stored[name], value, atol=1e-12)


def test_fisheyes_have_no_place(fisheye, tmp_path):
    with pytest.raises(ValueError, match=r"camera 'wide' is a fisheye.*write calibration\.toml"):
        write_hires_params(tmp_path / "out", [fisheye])
    assert not (tmp_path / "out").exists()


def test_refusals(folder, tmp_path):
    with pytest.raises(FileFormatError, match="3 files of camera parameters for 2 cameras"):
        read_hires_params(folder, ("a", "b"))
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileFormatError, match="no hires_cam"):
        read_hires_params(tmp_path / "empty")
    with pytest.raises(FileNotFoundError):
        read_hires_params(tmp_path / "none")
    write_mat(folder / "hires_cam2_params.mat", {"K": np.eye(3)}, overwrite=True)
    with pytest.raises(FileFormatError, match="hires_cam2_params"):
        read_hires_params(folder)
