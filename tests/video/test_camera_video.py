"""Several files of a camera as one."""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING

import numpy as np
import pytest
from numbered_clips import read_code, write_clip

from napari_sdannce.recording import VideoFile, View
from napari_sdannce.video import CameraVideo, VideoError

if TYPE_CHECKING:
    from pathlib import Path


def clip(folder: Path, start: int, n: int, **arguments: object) -> VideoFile:
    path = write_clip(folder / f"{start}.mp4", n, first=start, gop=5, **arguments)
    return VideoFile(path, start)


@pytest.fixture
def view(tmp_path: Path) -> View:
    """0-19 whole, 20-49 with a gap from 32, 50-79 too long, 60-69 over it."""
    files = (
        clip(tmp_path, 0, 20),
        clip(tmp_path, 20, 12),
        clip(tmp_path, 50, 30),
        clip(tmp_path, 60, 10),
    )
    return View("Camera1", files)


def test_frames_are_found_across_files(view: View) -> None:
    with CameraVideo(view) as camera:
        assert (camera.width, camera.height, camera.fps) == (96, 64, 30)
        assert camera.n_frames == 70
        for frame in (0, 19, 20, 31, 50, 59, 60, 69, 5, 25):
            assert read_code(camera.read(frame)) == frame


def test_gaps_are_named(view: View) -> None:
    with CameraVideo(view) as camera:
        with pytest.raises(VideoError, match=r"camera 'Camera1'.*next file begins at 50; frame 40"):
            camera.read(40)
        with pytest.raises(IndexError, match="camera 'Camera1', frame 70"):
            camera.read(70)
        with pytest.raises(IndexError, match="negative"):
            camera.read(-1)
        camera.inspect()
        assert camera.missing == (range(32, 50),)
        (problem,) = camera.problems
        assert problem.path == view.videos[1].path
        assert "frames 32-49 are missing" in problem.message


def test_a_camera_may_begin_late(tmp_path: Path) -> None:
    with CameraVideo(View("Camera1", (clip(tmp_path, 10, 5),))) as camera:
        assert camera.n_frames == 15
        assert read_code(camera.read(12)) == 12
        assert camera.missing == (range(10),)
        with pytest.raises(VideoError, match="begins at frame 10; frame 3 is missing"):
            camera.read(3)


def test_unusable_files_leave_the_others(tmp_path: Path, view: View) -> None:
    view.videos[1].path.write_bytes(b"")
    view.videos[3].path.unlink()
    with CameraVideo(view) as camera:
        camera.inspect()
        assert camera.n_frames == 60
        assert read_code(camera.read(55)) == 55
        with pytest.raises(VideoError, match=r"camera 'Camera1', frame 25: is empty"):
            camera.read(25)
        messages = [problem.message for problem in camera.problems]
        assert any("is empty" in m and "frames 20-49 are missing" in m for m in messages)
        assert any("is missing" in m and "frames from 60 on" in m for m in messages)
        assert camera.missing == (range(20, 50),)


def test_a_camera_without_any_usable_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(VideoError, match="camera 'Camera1': is missing"):
        CameraVideo(View("Camera1", (VideoFile(tmp_path / "0.mp4"),)))
    with pytest.raises(ValueError, match="camera 'Camera1' has no videos"):
        CameraVideo(View("Camera1"))


def test_another_size_in_a_later_file_is_an_error(tmp_path: Path) -> None:
    files = (clip(tmp_path, 0, 5), clip(tmp_path, 5, 5, size=(64, 32)))
    with CameraVideo(View("Camera1", files)) as camera:
        assert camera.read(4).shape == (64, 96, 3)
        with pytest.raises(VideoError, match="images are 64x32; expected 96x64"):
            camera.read(6)


def test_many_files_keep_few_open(tmp_path: Path) -> None:
    files = tuple(clip(tmp_path, 5 * i, 5) for i in range(12))
    with CameraVideo(View("Camera1", files)) as camera:
        for frame in range(59, -1, -7):
            assert read_code(camera.read(frame)) == frame
        assert camera.n_open_files <= 4


def test_a_camera_goes_to_another_process(view: View) -> None:
    with CameraVideo(view, color="gray") as camera, pickle.loads(pickle.dumps(camera)) as again:
        np.testing.assert_array_equal(again.read(55), camera.read(55))
