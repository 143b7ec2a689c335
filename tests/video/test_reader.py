"""Every frame of every kind of file is the one with its number, however it is reached."""

from __future__ import annotations

import random
import threading
from typing import TYPE_CHECKING

import av
import numpy as np
import pytest
from numbered_clips import HEIGHT, WIDTH, frame_code, read_code, write_clip, wrong_frames

from napari_sdannce.video import VideoError, VideoReader

if TYPE_CHECKING:
    from pathlib import Path

X264 = {"preset": "veryfast", "crf": "20", "sc_threshold": "0"}
UNEVEN = [i * 33 + (i % 5) * 6 + (200 if i > 20 else 0) for i in range(40)]

KINDS = {
    "B-frames": ("a.mp4", {"options": {**X264, "bf": "3", "g": "10"}}),
    "one keyframe": ("a.mp4", {"options": {**X264, "bf": "3", "g": "250"}}),
    "no B-frames": ("a.mp4", {"options": {**X264, "bf": "0", "g": "10"}}),
    "open groups": (
        "a.mp4",
        {"options": {**X264, "bf": "3", "g": "8", "x264-params": "open-gop=1:scenecut=0"}},
    ),
    "many B-frames": (
        "a.mp4",
        {"options": {**X264, "g": "20", "x264-params": "bframes=8:b-pyramid=2:b-adapt=0"}},
    ),
    "no real keyframes": (
        "a.mp4",
        {"options": {**X264, "bf": "0", "x264-params": "intra-refresh=1:keyint=10"}},
    ),
    "variable rate": ("a.mp4", {"options": {**X264, "bf": "3", "g": "10"}, "times_ms": UNEVEN}),
    "late start": (
        "a.mp4",
        {"options": {**X264, "bf": "2"}, "times_ms": [5000 + 33 * i for i in range(40)]},
    ),
    "fragments": (
        "a.mp4",
        {
            "options": {**X264, "bf": "3", "g": "10"},
            "container_options": {"movflags": "frag_keyframe+empty_moov"},
        },
    ),
    "mov": ("a.mov", {"options": {**X264, "bf": "3", "g": "10"}}),
    "matroska": ("a.mkv", {"options": {**X264, "bf": "3", "g": "10"}}),
    "variable rate in matroska": (
        "a.mkv",
        {"options": {**X264, "bf": "3", "g": "10"}, "times_ms": UNEVEN},
    ),
    "transport stream": ("a.ts", {"options": {**X264, "bf": "3", "g": "10"}}),
    "program stream": ("a.mpg", {"codec": "mpeg2video", "gop": 10, "bframes": 2}),
    "windows media": ("a.wmv", {"codec": "wmv2", "gop": 10}),
    "flash": ("a.flv", {"options": {**X264, "bf": "2", "g": "10"}}),
    "hidden frames": (
        "a.webm",
        {
            "codec": "libvpx-vp9",
            "gop": 20,
            "options": {
                "deadline": "good",
                "cpu-used": "5",
                "auto-alt-ref": "1",
                "lag-in-frames": "16",
            },
        },
    ),
    "raw stream": ("a.h264", {"options": {**X264, "bf": "3", "g": "10"}, "container": "h264"}),
    "h264 in avi": ("a.avi", {"options": {**X264, "bf": "3", "g": "10"}}),
    "mpeg4 in avi": ("a.avi", {"codec": "mpeg4", "gop": 10}),
    "mpeg4 with B-frames in avi": ("a.avi", {"codec": "mpeg4", "gop": 12, "bframes": 2}),
    "mpeg4 in mp4": ("a.mp4", {"codec": "mpeg4", "gop": 10, "bframes": 2}),
    "mjpeg": ("a.avi", {"codec": "mjpeg", "pixels": "yuvj420p"}),
    "mjpeg 444 in mp4": ("a.mp4", {"codec": "mjpeg", "pixels": "yuvj444p"}),
    "ffv1": ("a.mkv", {"codec": "ffv1"}),
    "ffv1 grey": ("a.mkv", {"codec": "ffv1", "pixels": "gray"}),
    "ffv1 16-bit grey": ("a.mkv", {"codec": "ffv1", "pixels": "gray16le"}),
    "10 bit": ("a.mp4", {"pixels": "yuv420p10le", "options": {**X264, "bf": "2"}}),
    "hevc": ("a.mp4", {"codec": "libx265", "options": {"x265-params": "log-level=none:pools=1"}}),
    "lossless rgb": ("a.mp4", {"codec": "libx264rgb", "pixels": "rgb24", "options": {"qp": "0"}}),
    "odd size, halved colour": (
        "a.mkv",
        {"codec": "ffv1", "size": (WIDTH - 3, HEIGHT - 3)},
    ),
    "odd size": ("a.mp4", {"pixels": "yuv444p", "size": (WIDTH - 3, HEIGHT - 3), "options": X264}),
}


@pytest.fixture(params=KINDS)
def clip(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    name, arguments = KINDS[request.param]
    return write_clip(tmp_path / name, **arguments)


@pytest.mark.parametrize("threads", [1, 3])
def test_every_frame_is_the_right_one_in_any_order(clip: Path, threads: int) -> None:
    with VideoReader(clip, threads=threads, cache_bytes=1) as video:
        assert video.n_frames == 40
        jumps = random.Random(1).sample(range(40), 40)
        frames = [*range(40), *jumps, *range(39, 20, -1), 0, 39]
        assert wrong_frames(video.read, frames) == []
        assert video.problems == ()
        assert video.missing == ()


def test_gray_and_rgb_show_the_same_values(clip: Path) -> None:
    with VideoReader(clip, color="gray") as gray, VideoReader(clip) as rgb:
        assert gray.read(7).shape == gray.frame_shape == rgb.frame_shape[:2]
        assert rgb.read(7).shape == rgb.frame_shape
        difference = np.abs(gray.read(7).astype(int) - rgb.read(7).astype(int)[..., 1])
        assert difference.mean() < 2
        assert np.abs(gray.read(7).astype(int) - frame_code(7, gray.width, gray.height)).mean() < 6


def test_times_are_those_of_the_file(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "a.mp4", options={**X264, "bf": "3"}, times_ms=UNEVEN)
    with VideoReader(path) as video:
        expected = np.array(UNEVEN) / 1000
        np.testing.assert_allclose(video.times - video.times[0], expected - expected[0], atol=1e-3)


def test_stepping_forward_decodes_each_packet_once(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "a.mp4", 60, options={**X264, "bf": "3", "g": "250"})
    with VideoReader(path, cache_bytes=1) as video:
        for i in range(60):
            video.read(i)
        assert video.n_packets_decoded <= 60


def test_stepping_back_uses_the_frames_passed(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "a.mp4", 60, options={**X264, "bf": "0", "g": "250"})
    with VideoReader(path) as video:
        video.read(50)
        before = video.n_packets_decoded
        for i in range(50, 40, -1):
            assert read_code(video.read(i)) == i
        assert video.n_packets_decoded == before


def test_a_jump_leaves_out_frames_nobody_leans_on(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "a.mp4", 100, options={**X264, "bf": "3", "g": "250"})
    with VideoReader(path, cache_bytes=1) as video:
        assert read_code(video.read(90)) == 90
        assert video.n_packets_decoded < 75
        assert wrong_frames(video.read, [10, 11, 12, 50, 51, 40, 91, 92]) == []


def test_a_jump_costs_the_same_in_a_long_file(tmp_path: Path) -> None:
    counts = []
    for n in (60, 600):
        path = write_clip(tmp_path / f"{n}.mp4", n, options={**X264, "bf": "2", "g": "10"})
        with VideoReader(path, cache_bytes=1, threads=1) as video:
            for i in (5, n - 5, n // 2 + 5):
                assert read_code(video.read(i)) == i
            counts.append(video.n_packets_decoded)
    assert counts[1] <= counts[0] + 6


def test_only_gray_files_are_gray_on_auto(tmp_path: Path) -> None:
    gray = write_clip(tmp_path / "gray.mkv", 3, codec="ffv1", pixels="gray")
    color = write_clip(tmp_path / "color.mkv", 3, codec="ffv1", pixels="yuv420p")
    with VideoReader(gray, color="auto") as video:
        assert video.is_gray
        np.testing.assert_array_equal(video.read(1), frame_code(1))
    with VideoReader(gray) as video:
        np.testing.assert_array_equal(video.read(1), np.stack([frame_code(1)] * 3, axis=-1))
    with VideoReader(color, color="auto") as video:
        assert not video.is_gray
        assert video.read(1).shape == (HEIGHT, WIDTH, 3)


@pytest.mark.parametrize("pixels", ["yuv420p", "yuvj420p", "yuv444p", "yuv422p10le", "gray10le"])
def test_rgb_is_what_swscale_makes(tmp_path: Path, pixels: str) -> None:
    codec = "mjpeg" if pixels == "yuvj420p" else "ffv1"
    path = write_clip(tmp_path / "a.mkv", 5, codec=codec, pixels=pixels)
    with av.open(str(path)) as container:
        expected = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    with VideoReader(path) as video:
        for i in range(5):
            np.testing.assert_array_equal(video.read(i), expected[i])


@pytest.mark.parametrize(("code", "full"), [(16, 0), (235, 255), (126, 128)])
def test_limited_range_is_stretched(tmp_path: Path, code: int, full: int) -> None:
    path = tmp_path / "a.mkv"
    with av.open(str(path), "w") as output:
        stream = output.add_stream("ffv1", rate=30)
        stream.width, stream.height, stream.pix_fmt = 32, 32, "yuv420p"
        planes = np.full((48, 32), 128, np.uint8)
        planes[:32] = code
        output.mux(stream.encode(av.VideoFrame.from_ndarray(planes, format="yuv420p")))
        output.mux(stream.encode())
    with VideoReader(path, color="gray") as gray, VideoReader(path) as rgb:
        assert set(gray.read(0).ravel().tolist()) == {full}
        assert np.abs(rgb.read(0).astype(int) - full).max() <= 1


@pytest.mark.parametrize("turn", [90, 180, -90])
def test_a_rotated_file_is_shown_upright(tmp_path: Path, turn: int) -> None:
    def rotate(stream: av.VideoStream) -> None:
        stream.set_display_rotation(turn)

    path = write_clip(tmp_path / "a.mp4", 4, options={**X264}, prepare=rotate)
    with av.open(str(path)) as container:
        shown = next(container.decode(video=0))
        stored = shown.to_ndarray(format="gray")
        assert (shown.rotation - turn) % 360 == 0
    with VideoReader(path, color="gray") as video:
        image = video.read(0)
        assert (video.height, video.width) == image.shape
        expected = np.rot90(stored, turn // 90)
        assert np.abs(image.astype(int) - expected).mean() < 3


def test_threads_read_the_right_frames_at_once(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "a.mp4", 80, options={**X264, "bf": "3", "g": "20"})
    wrong: list[int] = []
    with VideoReader(path, cache_bytes=200_000) as video:

        def work(seed: int) -> None:
            frames = random.Random(seed).choices(range(80), k=60)
            wrong.extend(wrong_frames(video.read, frames))

        threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert wrong == []


def test_twins_have_positions_of_their_own(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "a.mkv", 40, options={**X264, "g": "10"})
    with VideoReader(path) as one, one.twin() as two:
        assert two.index is one.index
        assert [read_code(v.read(i)) for i in (3, 30) for v in (one, two)] == [3, 3, 30, 30]


def test_the_image_is_the_callers_own(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "a.mkv", 3, codec="ffv1", pixels="gray")
    for color in ("rgb", "gray"):
        with VideoReader(path, color=color) as video:
            video.read(1)[:] = 0
            assert read_code(video.read(1)) == 1


def test_a_closed_reader_says_so(tmp_path: Path) -> None:
    video = VideoReader(write_clip(tmp_path / "a.mp4", 3))
    video.read(1)
    video.close()
    with pytest.raises(VideoError, match="is closed"):
        video.read(2)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_nobody_waits_for_an_index_that_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("napari_sdannce.video.frame_index.final_table", lambda *_: 1 / 0)
    with VideoReader(write_clip(tmp_path / "a.mkv", 3)) as video:
        with pytest.raises(VideoError, match="could not be read through"):
            video.read(2)
        assert video.problems == ("could not be read through",)


def test_frames_out_of_range_are_index_errors(tmp_path: Path) -> None:
    with VideoReader(write_clip(tmp_path / "a.mp4", 3)) as video:
        for frame in (-1, 3, 10**9):
            with pytest.raises(IndexError, match=str(frame)):
                video.read(frame)


def test_an_unknown_color_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="possible: rgb, gray, auto"):
        VideoReader(tmp_path / "a.mp4", color="blue")  # type: ignore[arg-type]


def test_files_are_let_go(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "a.mkv", 3)
    handles = tmp_path.parent.__class__("/proc/self/fd")
    if not handles.is_dir():
        pytest.skip("needs /proc")
    before = len(list(handles.iterdir()))
    for _ in range(5):
        with VideoReader(path) as video:
            video.read(2)
            video.read(0)
    assert len(list(handles.iterdir())) <= before
