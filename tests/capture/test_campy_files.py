"""What Campy would have left beside a video, for programs that read it."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

import numpy as np
import pytest
import scipy.io

from napari_sdannce.capture.cameras import CameraInfo, Format, PixelLayout
from napari_sdannce.capture.campy_files import metadata_of, times_in_video, write_campy_files
from napari_sdannce.capture.frame_records import FrameRecord, records_of
from napari_sdannce.files.video_folders import find_cameras
from napari_sdannce.settings.capture import CaptureSettings

if TYPE_CHECKING:
    from pathlib import Path

SETTINGS = CaptureSettings.model_validate(
    {
        "folder": "/data/day 1",
        "cameras": [
            {"name": "Camera1", "serial": "40012345"},
            {"name": "Camera2", "serial": "40012346", "feature_file": "mono.pfs"},
        ],
        "fps": 59.94,
        "seconds": 30,
    }
)
INFO = CameraInfo("basler", "40012346", "acA1920-150uc")
FORMAT = Format(1152, 1024, PixelLayout.BAYER_RG)


def test_the_files_are_those_of_campy(tmp_path: Path) -> None:
    folder = tmp_path / "Camera2"
    folder.mkdir()
    times = np.array([0.0, 0.01, 0.0202, 0.04])
    rows = metadata_of(SETTINGS, SETTINGS.cameras[1], INFO, FORMAT, "libx264")
    write_campy_files(folder, times, rows)

    stored = np.load(folder / "frametimes.npy")
    assert stored.dtype == np.float64
    np.testing.assert_array_equal(stored, [[1, 2, 3, 4], times])
    mat = scipy.io.loadmat(folder / "frametimes.mat")
    assert mat["frameNumber"].shape == mat["timeStamp"].shape == (1, 4)
    np.testing.assert_array_equal(mat["frameNumber"], [[1, 2, 3, 4]])
    np.testing.assert_array_equal(mat["timeStamp"], times[None])

    text = (folder / "metadata.csv").read_text()
    assert all(line.startswith('"') and line.endswith('"') for line in text.splitlines())
    found = dict(csv.reader(text.splitlines()))
    assert found["cameraName"] == "Camera2"
    assert found["cameraModel"] == "acA1920-150uc"
    assert found["cameraSerialNo"] == "40012346"
    assert (found["frameWidth"], found["frameHeight"]) == ("1152", "1024")
    assert (found["totalFrames"], found["totalTime"]) == ("4", "0.04")
    assert found["cameraSettings"] == "mono.pfs"


def test_the_rate_is_found_where_it_is_looked_for(tmp_path: Path) -> None:
    folder = tmp_path / "Camera1"
    folder.mkdir()
    (folder / "0.mp4").write_bytes(b"")
    rows = metadata_of(SETTINGS, SETTINGS.cameras[0], INFO, FORMAT, "ffv1")
    write_campy_files(folder, np.arange(3.0), rows)
    cameras, problems = find_cameras(tmp_path)
    assert problems == []
    assert cameras[0].fps == 59.94


def test_files_are_not_replaced_unasked(tmp_path: Path) -> None:
    write_campy_files(tmp_path, np.arange(2.0), ())
    with pytest.raises(FileExistsError):
        write_campy_files(tmp_path, np.arange(3.0), ())
    write_campy_files(tmp_path, np.arange(3.0), (), overwrite=True)
    assert np.load(tmp_path / "frametimes.npy").shape == (2, 3)
    write_campy_files(tmp_path, np.empty(0), (), overwrite=True)
    assert np.load(tmp_path / "frametimes.npy").shape == (2, 0)


def test_times_are_those_of_frames_in_the_video() -> None:
    start = 10**15
    frames = [
        FrameRecord(
            i, None if i == 3 else i - (i > 3), i, i * 10_000_000, start + i * 10_000_000, 0
        )
        for i in range(30)
    ]
    times = times_in_video(records_of(frames))
    assert len(times) == 29
    np.testing.assert_allclose(times[:5], [0, 0.01, 0.02, 0.04, 0.05], atol=1e-8)
