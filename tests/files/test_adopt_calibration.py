"""Labels from elsewhere bring the cameras of a recording that has none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from napari_sdannce.files import open_recording
from napari_sdannce.files.adopt_calibration import adopt_calibration
from napari_sdannce.files.dannce_mat import read_dannce
from napari_sdannce.files.mat import write_mat

if TYPE_CHECKING:
    from pathlib import Path

NAMES = ("left", "right", "top_view")


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """Videos of three cameras, and nothing else."""
    folder = tmp_path / "exp"
    for name in NAMES:
        (folder / "videos" / name).mkdir(parents=True)
        (folder / "videos" / name / "0.mp4").write_bytes(b"not a video")
    return folder


def test_a_label_file_with_names_calibrates_by_name(small: Any, bare: Path, tmp_path: Path) -> None:
    source = tmp_path / "labels_dannce.mat"
    write_mat(source, small.dannce())
    expected = read_dannce(source).cameras()
    adopted = adopt_calibration(open_recording(bare), source)
    assert adopted is not None
    assert adopted.by_name
    found = open_recording(bare)
    assert found.names == NAMES
    for view, camera in zip(found.views, expected, strict=True):
        assert view.camera is not None
        assert view.name == camera.name
        np.testing.assert_allclose(view.camera.matrix, camera.matrix)
        np.testing.assert_allclose(view.camera.translation, camera.translation)
    # calibrated now: the next file changes nothing
    before = (bare / "calibration.toml").read_bytes()
    assert adopt_calibration(found, source) is None
    assert (bare / "calibration.toml").read_bytes() == before


def test_a_state_of_label3d_does_not_name_its_cameras(
    small: Any, bare: Path, tmp_path: Path
) -> None:
    source = tmp_path / "labels1.mat"
    write_mat(source, small.label3d())
    adopted = adopt_calibration(open_recording(bare), source)
    assert adopted is not None
    assert str(adopted).endswith("it does not name them: left, right, top_view")
    assert open_recording(bare).is_calibrated


def test_another_number_of_cameras_is_left_alone(small: Any, bare: Path, tmp_path: Path) -> None:
    source = tmp_path / "labels1.mat"
    write_mat(source, small.label3d())
    (bare / "videos" / "fourth").mkdir()
    (bare / "videos" / "fourth" / "0.mp4").write_bytes(b"not a video")
    assert adopt_calibration(open_recording(bare), source) is None
    assert not (bare / "calibration.toml").exists()
