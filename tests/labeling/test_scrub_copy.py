"""Frames that are copied, so that jumps are quick."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from napari_sdannce.labeling.scrub_copy import Copied, ScrubCopy
from napari_sdannce.recording import Recording, Sync, VideoFile, View
from napari_sdannce.video import RecordingVideo, VideoWriter

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

N, SIZE = 30, (96, 64)


def write(path: Path, seed: int) -> None:
    """A clip whose frames are easily told apart."""
    shade = np.linspace(0, 60, SIZE[0])
    with VideoWriter(path, *SIZE, fps=25) as video:
        for number in range(N):
            level = 20 + (number * 37 + seed * 11) % 150
            image = np.broadcast_to((level + shade)[None, :, None], (SIZE[1], SIZE[0], 3))
            video.write((image * (1, 0.9, 0.7)).astype(np.uint8))


@pytest.fixture
def recording(tmp_path: Path) -> Recording:
    """Three cameras: two files of one, a frame missing of another, no video of the third."""
    for number in range(3):
        write(tmp_path / f"{number}.mp4", number)
    first = (VideoFile(tmp_path / "0.mp4"), VideoFile(tmp_path / "1.mp4", N))
    views = (View("one", first), View("two", (VideoFile(tmp_path / "2.mp4"),)), View("three"))
    frames = np.stack([np.arange(2 * N), np.arange(2 * N) % N, np.arange(2 * N)], axis=1)
    frames[12, 1] = -1
    return Recording(tmp_path, views, sync=Sync(np.arange(2 * N), frames))


def decoded(video: RecordingVideo) -> int:
    return sum(camera.n_packets_decoded for camera in video.cameras if camera is not None)


def same(copied: np.ndarray | None, image: np.ndarray | None) -> bool:
    """Whether two images are the same but for JPEG's losses."""
    if copied is None or image is None:
        return copied is image
    return copied.shape == image.shape and np.abs(copied.astype(int) - image).mean() < 2.5


@pytest.mark.parametrize("color", ["rgb", "gray"])
def test_copied_frames_are_those_of_the_videos(
    recording: Recording, tmp_path: Path, color: str
) -> None:
    with RecordingVideo(recording, color=color) as video:
        with ScrubCopy(tmp_path / "copy", video) as copy:
            steps = list(copy.make([12, 40], around=1))
            assert steps == [Copied(m, i + 1, 6) for i, m in enumerate((11, 12, 13, 39, 40, 41))]
            assert copy.has(41)
            assert not copy.has(42)
            # once more: nothing is left to do
            assert list(copy.make([12, 40], around=1)) == []
        images = {moment: video.read(moment) for moment in (11, 12, 41, 45)}
    again = RecordingVideo(recording, color=color)
    with again as video, ScrubCopy(tmp_path / "copy", video) as copy:
        for moment in (11, 12, 41):
            found = copy.read(moment)
            assert [same(a, b) for a, b in zip(found, images[moment], strict=True)] == [True] * 3
        assert decoded(video) == 0
        # not in the copy: from the videos, exactly
        for one, other in zip(copy.read(45), images[45], strict=True):
            np.testing.assert_array_equal(one, other)
        assert decoded(video) > 0
        assert copy.read(12)[1] is None
        assert len(copy.read(11, [1])) == 1


def other_content(path: Path) -> None:
    write(path, 5)


def other_time(path: Path) -> None:
    os.utime(path, ns=(1, 1))


@pytest.mark.parametrize("change", [other_content, other_time])
def test_a_changed_video_is_not_taken_from_the_copy(
    recording: Recording, tmp_path: Path, change: Callable[[Path], None]
) -> None:
    with RecordingVideo(recording) as video, ScrubCopy(tmp_path / "copy", video) as copy:
        list(copy.make([5], around=0))
    change(tmp_path / "2.mp4")
    with RecordingVideo(recording) as video, ScrubCopy(tmp_path / "copy", video) as copy:
        assert not copy.has(5)
        np.testing.assert_array_equal(copy.read_view(5, 1), video.read_view(5, 1))
        (tmp_path / "copy" / "mine").mkdir()
        assert copy.forget_others() == 1
        assert copy.forget_others() == 0
        assert (tmp_path / "copy" / "mine").is_dir()
        list(copy.make([5], around=0))
        assert copy.has(5)


def test_colour_is_not_taken_from_a_gray_copy(recording: Recording, tmp_path: Path) -> None:
    in_gray = RecordingVideo(recording, color="gray")
    with in_gray as video, ScrubCopy(tmp_path / "copy", video) as copy:
        list(copy.make([5], around=0))
    with RecordingVideo(recording) as video, ScrubCopy(tmp_path / "copy", video) as copy:
        assert not copy.has(5)
        image = copy.read_view(5, 0)
        assert image is not None
        assert image.ndim == 3
        # the copies of both are of the same videos, in one colour each
        assert copy.forget_others() == 2


def test_a_copy_that_was_stopped_goes_on(recording: Recording, tmp_path: Path) -> None:
    with RecordingVideo(recording) as video, ScrubCopy(tmp_path / "copy", video) as copy:
        going = copy.make(range(10), around=0)
        next(going)
        next(going)
        going.close()
        assert copy.has(1)
        assert not copy.has(5)
        assert next(copy.make(range(10), around=0)) == Copied(2, 3, 10)
        assert not list((tmp_path / "copy").rglob(".*"))


def test_damaged_and_lost_files_are_read_from_the_videos(
    recording: Recording, tmp_path: Path
) -> None:
    with RecordingVideo(recording) as video, ScrubCopy(tmp_path / "copy", video) as copy:
        list(copy.make([3, 4, 6], around=0))
        for number, content in ((3, b""), (4, b"no picture")):
            for file in (tmp_path / "copy").rglob(f"{number}.jpg"):
                file.write_bytes(content)
        for moment in (3, 4):
            for one, other in zip(copy.read(moment), video.read(moment), strict=True):
                np.testing.assert_array_equal(one, other)
        assert list((tmp_path / "copy").rglob("6.jpg"))


def test_a_full_disk_is_told(recording: Recording, tmp_path: Path, small_disk) -> None:
    rng = np.random.default_rng(0)
    size = (640, 512)
    with VideoWriter(tmp_path / "large.mp4", *size, fps=25) as video:
        video.write(rng.integers(0, 255, (size[1], size[0], 3), dtype=np.uint8))
    large = replace(
        recording, views=(View("one", (VideoFile(tmp_path / "large.mp4"),)),), sync=None
    )
    with RecordingVideo(large) as video, ScrubCopy(tmp_path / "copy", video) as copy:
        with small_disk(), pytest.raises(OSError, match=r"0\.jpg"):
            list(copy.make([0]))
        assert not copy.has(0)
        assert not list((tmp_path / "copy").rglob(".*"))


def test_a_video_that_is_replaced_while_open_is_not_copied(
    recording: Recording, tmp_path: Path
) -> None:
    with RecordingVideo(recording) as video, ScrubCopy(tmp_path / "copy", video) as copy:
        write(tmp_path / "2.mp4", 5)
        list(copy.make([5], around=0))
        assert len(list((tmp_path / "copy").rglob("5.jpg"))) == 1


def test_frames_that_no_video_has_are_asked_for_once(recording: Recording, tmp_path: Path) -> None:
    sync = Sync(np.arange(2), np.array([[3, 3, 3], [4, N + 50, 4]]))
    short = RecordingVideo(replace(recording, sync=sync))
    with short as video, ScrubCopy(tmp_path / "copy", video) as copy:
        assert len(list(copy.make([0, 1]))) == 2
        assert list(copy.make([0, 1])) == []
        assert copy.read(1)[1] is None


def test_a_session_that_was_removed_does_not_come_back(
    recording: Recording, tmp_path: Path
) -> None:
    session = tmp_path / "mine"
    with (
        RecordingVideo(recording) as video,
        ScrubCopy(session / "frames", video) as copy,
        pytest.raises(FileNotFoundError),
    ):
        list(copy.make([12]))
    assert not session.exists()
