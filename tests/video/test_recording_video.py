"""All cameras of a recording, moment by moment."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import TYPE_CHECKING

import av
import numpy as np
import pytest
from numbered_clips import read_code, write_clip

from napari_sdannce.recording import Recording, Sync, VideoFile, View
from napari_sdannce.synthetic import camera_ring
from napari_sdannce.video import RecordingVideo, VideoError, VideoReader

if TYPE_CHECKING:
    from pathlib import Path

LENGTHS = (40, 40, 35, 20, 40, 38)


@pytest.fixture
def recording(tmp_path: Path) -> Recording:
    """Six cameras of different lengths and sizes, one of them without videos."""
    views = []
    for number, n in enumerate(LENGTHS):
        size = (96, 64) if number % 2 else (128, 96)
        path = write_clip(tmp_path / f"{number}.mp4", n, gop=10)
        if size != (96, 64):
            path = write_clip(tmp_path / f"{number}.mkv", n, gop=10, codec="ffv1", pixels="gray")
        views.append(View(f"Camera{number + 1}", (VideoFile(path),)))
    return Recording(tmp_path, (*views, View("Camera7")))


def codes(images: list[np.ndarray | None]) -> list[int | None]:
    return [None if image is None else read_code(image) for image in images]


def expected(moment: int) -> list[int | None]:
    return [*(moment if moment < n else None for n in LENGTHS), None]


def test_moments_without_sync_are_frames_of_every_camera(recording: Recording) -> None:
    with RecordingVideo(recording) as video:
        assert video.n_moments == len(video) == 40
        np.testing.assert_array_equal(video.sample_ids, np.arange(40))
        assert video.sizes == ((96, 64),) * 6 + (None,)
        for moment in (0, 39, 25, 36):
            assert codes(video.read(moment)) == expected(moment)
        assert codes(video.read(3, views=[4, 1])) == [3, 3]
        with pytest.raises(IndexError, match="moment 40 asked for; there are 40"):
            video.read(40)
        assert video.problems == ()


def test_sync_says_which_frames_belong_together(recording: Recording) -> None:
    rng = np.random.default_rng(0)
    frames = np.stack([rng.integers(0, n, 15) for n in LENGTHS] + [np.zeros(15, int)], axis=1)
    frames[4, 2] = -1
    recording = replace(recording, sync=Sync(np.arange(15) * 20 + 1000, frames))
    with RecordingVideo(recording) as video:
        assert video.n_moments == 15
        assert video.sample_ids[3] == 1060
        for moment, images in enumerate(video.frames(range(15))):
            wanted = [None if f < 0 else int(f) for f in frames[moment, :6]]
            assert codes(images) == [*wanted, None]
        assert codes(video.read(4))[2] is None


def test_frames_come_in_the_order_asked_for(recording: Recording) -> None:
    moments = [5, 6, 7, 30, 2, 39, 39, 0]
    with RecordingVideo(recording) as video:
        assert [codes(images) for images in video.frames(moments, ahead=2)] == [
            expected(moment) for moment in moments
        ]
        assert list(video.frames([])) == []


def test_frames_of_another_colour(recording: Recording) -> None:
    with RecordingVideo(recording) as video:
        (gray,) = video.frames([7], color="gray")
        assert [image.ndim for image in gray if image is not None] == [2] * 6
        assert codes(gray) == expected(7)
        assert all(image.ndim == 3 for image in video.read(7) if image is not None)


def test_a_loop_left_early_leaves_no_threads(recording: Recording) -> None:
    with RecordingVideo(recording) as video:
        before = threading.active_count()
        frames = video.frames(range(40))
        next(frames)
        frames.close()
        assert threading.active_count() <= before


def test_decoding_ahead_is_bounded(recording: Recording) -> None:
    with RecordingVideo(recording) as video:
        frames = video.frames(range(40), views=[0], ahead=3)
        next(frames)
        video.read(39)
        camera = video.cameras[0]
        assert camera is not None
        frames.close()
        assert read_code(camera.read(2)) == 2


def test_a_closed_recording_says_so(recording: Recording) -> None:
    video = RecordingVideo(recording)
    array = video.lazy("Camera1")
    video.close()
    for views in (None, [0]):
        with pytest.raises(VideoError, match="is closed; expected an open recording"):
            video.read(3, views)
    with pytest.raises(VideoError, match="is closed"):
        video.frames([3])
    # what a viewer may still ask for is black
    assert not np.asarray(array[3]).any()
    video.prefetch([3])
    video.close()


def test_prefetched_moments_are_read_without_decoding(recording: Recording) -> None:
    with RecordingVideo(recording) as video:
        video.prefetch([33, 12])
        video.wait_for_prefetch()
        for camera in video.cameras:
            if camera is not None:
                camera.close()
        assert codes(video.read(33)) == expected(33)
        assert codes(video.read(12)) == expected(12)
        image = video.read(12)[0]
        assert image is not None
        image[:] = 0
        assert codes(video.read(12)) == expected(12)


def test_a_new_prefetch_takes_the_place_of_the_old(recording: Recording) -> None:
    with RecordingVideo(recording, prefetch_bytes=6 * 96 * 64 * 3 * 4) as video:
        video.prefetch(range(40))
        video.prefetch([7])
        video.wait_for_prefetch()
        assert codes(video.read(7)) == expected(7)


def test_problems_name_camera_file_and_frames(recording: Recording, tmp_path: Path) -> None:
    (tmp_path / "broken.mp4").write_bytes(b"nothing")
    cut = write_clip(tmp_path / "cut.mp4", 40, gop=5, container_options={"movflags": "faststart"})
    cut.write_bytes(cut.read_bytes()[:-600])
    views = (
        recording.views[0],
        View("Broken", (VideoFile(tmp_path / "broken.mp4"),)),
        View("Cut", (VideoFile(cut),)),
    )
    with RecordingVideo(replace(recording, views=views)) as video:
        done = threading.Event()
        video.inspect_in_background(done.set)
        assert done.wait(20)
        by_file = {problem.path.name: problem.message for problem in video.problems}
        assert by_file["broken.mp4"].startswith("camera 'Broken': cannot be read")
        assert by_file["cut.mp4"].startswith("camera 'Cut': holds ")
        assert "missing: " in by_file["cut.mp4"]
        assert video.missing("Cut")
        assert video.missing("Camera1") == ()
        assert codes(video.read(39)) == [39, None, None]
        assert codes(video.read(0)) == [0, None, 0]
        with pytest.raises(VideoError, match="camera 'Broken' has no video"):
            video.lazy("Broken")


def test_a_calibration_for_other_images_is_a_problem(recording: Recording, tmp_path: Path) -> None:
    cameras = camera_ring(4, image_size=(96, 64), radius_mm=500, height_mm=400)
    sizes = ((96, 64), (320, 200), (48, 32), None)
    views = tuple(
        replace(view, camera=replace(camera, name=view.name, image_size=size))
        for view, camera, size in zip(recording.views, cameras, sizes, strict=False)
    )
    path = tmp_path / "calibration.toml"
    with RecordingVideo(Recording(tmp_path, views, calibration_file=path)) as video:
        half, other = video.problems
    assert half.path == other.path == path
    assert "the calibration of Camera2 is for images of 320 x 200 px" in other.message
    assert "the videos have 96 x 64 px" in other.message
    assert "Camera3 is for images of 48 x 32 px" in half.message
    assert "the shape is the same, but nothing is rescaled" in half.message
    assert "the same" not in other.message


def test_a_sync_past_the_end_of_the_videos_is_a_problem(
    recording: Recording, tmp_path: Path
) -> None:
    path = tmp_path / "labels_dannce.mat"
    frames = np.repeat(np.arange(30)[:, None], 7, axis=1)
    frames[29, 0], frames[29, 1] = 39, 40
    frames[:, 3] = -1  # a camera of 20 frames, none of which is named
    with RecordingVideo(
        replace(recording, sync=Sync(np.arange(30), frames), sync_file=path)
    ) as video:
        (problem,) = video.problems
    assert problem.path == path
    said = "its sync table names frames up to 40 of Camera2, whose videos hold 40"
    assert problem.message == said
    sync = Sync.identity(18000, 7)
    with RecordingVideo(replace(recording, sync=sync)) as video:
        video.inspect()
        found = [problem.message for problem in video.problems]
    assert "its sync table names frames up to 17999 of Camera4, whose videos hold 20" in found
    said = "its sync table names frames up to 17999 of Camera1, Camera2, Camera5, whose videos hold"
    assert f"{said} 40" in found


def test_a_file_that_vanishes_is_a_problem(tmp_path: Path) -> None:
    files = [write_clip(tmp_path / f"{i}.mkv", 20, codec="ffv1") for i in (0, 20)]
    views = (View("Camera1", (VideoFile(files[0]), VideoFile(files[1], 20))),)
    with RecordingVideo(Recording(tmp_path, views)) as video:
        assert video.n_moments == 40
        files[0].unlink()
        done = threading.Event()
        video.inspect_in_background(done.set)
        assert done.wait(20)
        why, which = video.problems
        assert why.path == which.path == files[0]
        assert "could not be read through (is missing" in why.message
        assert "frames 0-19 are missing" in which.message
        assert video.missing("Camera1") == (range(20),)
        assert codes(video.read(3)) == [None]
        assert video.read(23)[0] is not None


def test_threads_read_moments_at_once(recording: Recording) -> None:
    wrong: list[int] = []
    with RecordingVideo(recording) as video:

        def work(seed: int) -> None:
            for moment in np.random.default_rng(seed).integers(0, 40, 25).tolist():
                if codes(video.read(moment)) != expected(moment):
                    wrong.append(moment)

        threads = [threading.Thread(target=work, args=(seed,)) for seed in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert wrong == []


@pytest.mark.realdata
@pytest.mark.parametrize("name", ["mouse4cam/videos/top/0.mp4", "charuco4cam/*1*.mp4"])
def test_real_frames_are_those_of_ffmpeg(shared_data: Path, name: str) -> None:
    path = next(shared_data.glob(name))
    with VideoReader(path, cache_bytes=1) as video, av.open(str(path)) as container:
        wanted = {0, 1, 17, 58, 80, video.n_frames - 1}
        expected = {
            i: frame.to_ndarray(format="rgb24")
            for i, frame in enumerate(container.decode(video=0))
            if i in wanted
        }
        for i in (80, 17, 0, 58, 1, video.n_frames - 1):
            np.testing.assert_array_equal(video.read(i), expected[i])
        assert container.streams.video[0].frames == video.n_frames


@pytest.mark.realdata
def test_a_real_recording_of_four_cameras(shared_data: Path) -> None:
    folder = shared_data / "mouse4cam" / "videos"
    names = ("back", "mid", "side", "top")
    views = tuple(View(name, (VideoFile(folder / name / "0.mp4"),)) for name in names)
    with RecordingVideo(Recording(folder, views), color="gray") as video:
        assert video.n_moments == 120
        assert video.sizes == ((1280, 1024),) * 4
        forward = {m: images for m, images in enumerate(video.frames(range(120))) if m % 17 == 3}
        for moment in (105, 20, 71):
            for jumped, passed in zip(video.read(moment), forward[moment], strict=True):
                assert jumped is not None
                assert passed is not None
                np.testing.assert_array_equal(jumped, passed)
        assert video.problems == ()
