"""What people stumble over in the reference program, and need not here."""

from __future__ import annotations

import numpy as np
import pytest
import yaml

from napari_sdannce.files import open_recording
from napari_sdannce.files.reference_config import read_reference_config
from napari_sdannce.files.reference_prediction import (
    to_dannce_predict_settings,
)
from napari_sdannce.video import Encoding, RecordingVideo, VideoWriter

NAMES = ("Camera1", "Camera10", "Camera11", "left_Camera1", "left_Camera_1")


def test_names_of_cameras_may_resemble_one_another(tmp_path):
    for number, name in enumerate(NAMES):
        path = tmp_path / "videos" / name / "0.mp4"
        path.parent.mkdir(parents=True)
        with VideoWriter(path, 32, 32, 25, encoding=Encoding(quality=5)) as video:
            for _ in range(3):
                video.write(np.full((32, 32, 3), 40 * (number + 1), dtype=np.uint8))
    recording = open_recording(tmp_path)
    assert set(recording.names) == set(NAMES)
    with RecordingVideo(recording) as video:
        first = video.cameras[recording.names.index("Camera1")]
        assert first is not None
        video.read(0)
        first.close()
        for name, image in zip(recording.names, video.read(2), strict=True):
            if name != "Camera1":
                assert image is not None
                assert abs(float(image.mean()) - 40 * (NAMES.index(name) + 1)) < 3


@pytest.mark.parametrize(
    ("keys", "size"),
    [
        ({"vmin": -60.25, "vmax": 60.25}, 120.5),
        ({"vol_size": 90.5}, 90.5),
        ({"vmin": -10, "vmax": 10, "vol_size": 90.5}, 90.5),
    ],
)
def test_sizes_of_cubes_need_not_be_whole(tmp_path, keys, size):
    path = tmp_path / "main.yaml"
    path.write_text(yaml.safe_dump({**keys, "dannce_predict_model": "w.pth"}))
    settings = to_dannce_predict_settings(read_reference_config(path)).settings
    assert settings.volume is not None
    assert settings.volume.size_mm == size
