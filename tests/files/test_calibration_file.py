"""Calibrations of any format, told by what is in them."""

from __future__ import annotations

import doctest
import shutil
from dataclasses import replace

import numpy as np
import pytest
import scipy.io

from napari_sdannce.files import FileFormatError, calibration_file
from napari_sdannce.files.calibration import CalibrationFormat, ReadCalibration
from napari_sdannce.files.calibration_file import read_calibration
from napari_sdannce.files.compare_calibrations import calibration_difference
from napari_sdannce.files.dannce_mat import read_dannce
from napari_sdannce.files.dannce_params import write_dannce_params
from napari_sdannce.files.mat import write_mat
from napari_sdannce.files.project_file import Project, write_project
from napari_sdannce.files.save_project import calibration_entry
from napari_sdannce.files.write_calibration import WRITABLE, write_calibration
from napari_sdannce.geometry import Camera
from napari_sdannce.recording import PixelOrigin


@pytest.fixture
def rig(small, tmp_path):
    """Three cameras, named as every format can name them."""
    file = read_dannce(write_mat(tmp_path / "rig_dannce.mat", small.dannce()))
    return tuple(
        replace(camera, name=f"cam_{i}", image_size=(640, 480), matrix=camera.matrix * unskewed)
        for i, camera in enumerate(file.cameras())
        for unskewed in [np.array([[1, 0, 1], [1, 1, 1], [1, 1, 1]])]
    )


def same(found: ReadCalibration, cameras) -> None:
    assert calibration_difference(found.cameras, cameras) is None
    assert len(found.cameras) == len(cameras)


@pytest.mark.parametrize("kind", WRITABLE)
def test_written_and_recognised(kind, rig, tmp_path):
    out = tmp_path / "out"
    paths = write_calibration(out, rig, [kind])
    assert all(path.is_file() for path in paths)
    # the names of the files say nothing about what they are
    if kind is CalibrationFormat.HIRES:
        rig = [replace(camera, name=f"Camera{i}") for i, camera in enumerate(rig, start=1)]
    for place in {CalibrationFormat.JARVIS: [out / "jarvis"]}.get(kind, [out]):
        found = read_calibration(place)
        same(found, rig)
        assert (found.format, found.has_poses, found.notes) == (kind, True, ())
    lone = paths[0].rename(tmp_path / f"cam_0{paths[0].suffix}")
    found = read_calibration(lone)
    assert found.format is kind
    one = replace(found.cameras[0], name=rig[0].name)
    assert calibration_difference([one], rig) is None
    is_mat = kind in (CalibrationFormat.HIRES, CalibrationFormat.DANNCE)
    assert found.pixel_origin == (PixelOrigin.MATLAB if is_mat else None)
    assert found.mm_per_unit == (1000 if kind is CalibrationFormat.CALISCOPE else 1)


def test_all_at_once_or_nothing(rig, tmp_path, fisheye):
    out = tmp_path / "out"
    paths = write_calibration(out, rig, WRITABLE)
    assert len(paths) == len(set(paths)) == 4 + 3 + 3
    found = read_calibration(out)
    assert found.format is CalibrationFormat.ANIPOSE
    assert found.notes == (
        "not read, though there: camera_array.toml, out, calibration_dannce.mat, cameras.yml",
    )
    before = {path: path.read_bytes() for path in paths}
    (out / "calibration.toml").unlink()
    with pytest.raises(FileExistsError):
        write_calibration(out, rig, WRITABLE)
    assert not (out / "calibration.toml").exists()
    write_calibration(out, rig[:2], WRITABLE, overwrite=True)
    assert before != {path: path.read_bytes() for path in paths}
    other = tmp_path / "other"
    with pytest.raises(
        ValueError, match="'hires' cannot hold a fisheye, which wide is; write anip"
    ):
        write_calibration(other, [*rig, fisheye], ["aniposelib", "hires"])
    with pytest.raises(ValueError, match="'label3d' cannot be written; possible are"):
        write_calibration(other, rig, ["label3d"])
    with pytest.raises(ValueError, match="got none"):
        write_calibration(other, [], ["hires"])
    assert not other.exists()
    write_calibration(other, [*rig, fisheye], ["aniposelib", "opencv", "caliscope"])
    same(read_calibration(other / "cameras.yml"), [*rig, fisheye])


def test_first_pixels(rig, tmp_path):
    for origin in PixelOrigin:
        paths = write_calibration(tmp_path / origin, rig, ["dannce", "hires"], pixel_origin=origin)
        stored = scipy.io.loadmat(paths[1])["K"][2, 0]
        assert stored - rig[0].matrix[0, 2] == (1 if origin is PixelOrigin.MATLAB else 0)
        found = read_calibration(paths[0], pixel_origin=origin)
        same(found, rig)
        assert f"pixels as pixel_origin '{origin}' says" in str(found)


def test_params_alone_are_a_label_file(rig, tmp_path):
    path = write_dannce_params(tmp_path / "a_dannce.mat", rig)
    stored = scipy.io.loadmat(path, simplify_cells=False)
    assert stored["params"].shape == (3, 1)
    assert {"K", "r", "t", "RDistort", "TDistort"} == set(stored["params"][0, 0].dtype.names)
    file = read_dannce(path)
    assert file.camnames == ("cam_0", "cam_1", "cam_2")
    assert file.problems() == ()
    assert calibration_difference(file.cameras(), rig) is None
    assert file.cameras()[0].image_size == (640, 480)
    with pytest.raises(ValueError, match="got none"):
        write_dannce_params(tmp_path / "b_dannce.mat", [])


def test_lenses_alone(rig, tmp_path):
    for path in write_calibration(tmp_path / "hires", rig[:2], ["hires"]):
        stored = scipy.io.loadmat(path)
        kept = {key: stored[key] for key in ("K", "RDistort", "TDistort")}
        write_mat(path, kept, overwrite=True)
    found = read_calibration(tmp_path / "hires")
    assert found.without_pose == ("Camera1", "Camera2")
    assert not found.has_poses
    np.testing.assert_array_equal(found.cameras[1].matrix, rig[1].matrix)
    cut = tmp_path / "lenses.toml"
    text = "".join(
        f'[{camera.name}]\nname = "{camera.name}"\nmatrix = {camera.matrix.tolist()}\n'
        for camera in rig
    )
    cut.write_text(text, encoding="utf-8")
    found = read_calibration(cut)
    assert found.without_pose == ("cam_0", "cam_1", "cam_2")
    assert "lenses alone, no poses" in str(found)
    cut.write_text(text + "rotation = [0, 0, 0]\ntranslation = [0, 0, 0]\n", encoding="utf-8")
    assert "but none of cam_0, cam_1" in str(read_calibration(cut))


def test_units(rig, tmp_path):
    metres = [replace(camera, translation=camera.translation / 1000) for camera in rig]
    (path,) = write_calibration(tmp_path, metres, ["opencv"])
    found = read_calibration(path)
    assert len(found.notes) == 1
    assert "if its lengths are metres" in found.notes[0]
    found = read_calibration(path, mm_per_unit=1000)
    same(found, rig)
    assert found.notes == ()
    assert ", poses in m, " in str(found)
    with pytest.raises(ValueError, match="mm_per_unit must be positive"):
        read_calibration(path, mm_per_unit=0)


def test_projects(rig, tmp_path, fisheye):
    entries = tuple(map(calibration_entry, (*rig, fisheye)))
    path = write_project(tmp_path, Project(calibration=entries))
    for place in (path, tmp_path):
        found = read_calibration(place)
        same(found, [*rig, fisheye])
        assert found.format is CalibrationFormat.PROJECT
    write_calibration(tmp_path / "cal", rig, ["caliscope"])
    write_project(tmp_path, Project(calibration="cal"), overwrite=True)
    assert read_calibration(tmp_path).format is CalibrationFormat.CALISCOPE
    write_project(tmp_path, Project(calibration="."), overwrite=True)
    # the label file beside it, not the project again
    assert read_calibration(tmp_path).format is CalibrationFormat.DANNCE
    for named, match in (("sdannce.yaml", "another one names"), ("gone", "'gone' does not exist")):
        write_project(tmp_path, Project(calibration=named), overwrite=True)
        with pytest.raises(FileFormatError, match=match):
            read_calibration(path)
    write_project(tmp_path, Project(), overwrite=True)
    with pytest.raises(FileFormatError, match="no 'calibration'"):
        read_calibration(path)


def test_label3d_states(small, tmp_path):
    path = write_mat(tmp_path / "x_Label3D.mat", small.label3d())
    found = read_calibration(path)
    assert found.format is CalibrationFormat.LABEL3D
    assert len(found.cameras) == 3


def test_one_opencv_file_a_camera(rig, tmp_path):
    for camera in rig[:2]:
        (path,) = write_calibration(tmp_path / camera.name, [camera], ["opencv"])
        shutil.move(path, tmp_path / f"{camera.name}.yml")
        shutil.rmtree(tmp_path / camera.name)
    (tmp_path / "rig_dannce.mat").unlink()
    (tmp_path / "other.yaml").write_text("a: 1\n")
    (tmp_path / "notes.json").write_text("no json")
    same(read_calibration(tmp_path), rig[:2])
    write_calibration(tmp_path, rig[2:], ["jarvis"])
    shutil.move(tmp_path / "jarvis" / "cam_2.yaml", tmp_path / "cam_2.yaml")
    with pytest.raises(FileFormatError, match="files of jarvis and opencv: cam_0"):
        read_calibration(tmp_path)


def test_what_is_none(tmp_path):
    with pytest.raises(FileNotFoundError, match="expected a calibration"):
        read_calibration(tmp_path / "none")
    with pytest.raises(FileFormatError, match="it holds no calibration"):
        read_calibration(tmp_path)
    for name, content, match in (
        ("a.txt", b"\xff\xfe", "not readable as text"),
        ("a.mat", b"MATLAB 5.0 nothing", "a.mat"),
        ("a.toml", b"[cam_0]\nname = 'x'", "no cameras; expected a calibration: "),
        ("a.yml", b"x: 1", "no camera matrix"),
        ("a", b"[cameras.0]\nsize = [1, 2]", "no cameras"),
    ):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(FileFormatError, match=match):
            read_calibration(tmp_path / name)


def test_cameras_must_differ():
    camera = Camera("a", np.eye(3), np.eye(3), np.zeros(3))
    with pytest.raises(ValueError, match="more than once"):
        ReadCalibration((camera, camera), CalibrationFormat.OPENCV, None)


def test_the_example_is_true():
    assert doctest.testmod(calibration_file).failed == 0
