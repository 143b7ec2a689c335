"""Damaged files are usable up to the damage; no frame is ever shown under another's number."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import av
import numpy as np
import pytest
from numbered_clips import read_code, write_clip

from napari_sdannce.video import Encoding, VideoError, VideoReader, VideoWriter

if TYPE_CHECKING:
    from pathlib import Path

X264 = {"preset": "veryfast", "crf": "20", "sc_threshold": "0"}
N = 60

CLIPS = {
    "mp4": ("a.mp4", {"options": {**X264, "bf": "3", "g": "10"}}),
    "fragments": (
        "a.mp4",
        {
            "options": {**X264, "bf": "3", "g": "10"},
            "container_options": {"movflags": "frag_keyframe+empty_moov"},
        },
    ),
    "header first": (
        "a.mp4",
        {
            "options": {**X264, "bf": "3", "g": "10"},
            "container_options": {"movflags": "faststart"},
        },
    ),
    "matroska": ("a.mkv", {"options": {**X264, "bf": "3", "g": "10"}}),
    "ffv1": ("a.mkv", {"codec": "ffv1", "gop": 5, "options": {"slicecrc": "1", "level": "3"}}),
    "avi": ("a.avi", {"codec": "mpeg4", "gop": 10}),
    "mjpeg": ("a.avi", {"codec": "mjpeg", "pixels": "yuvj420p"}),
    "transport stream": ("a.ts", {"options": {**X264, "bf": "3", "g": "10"}}),
}


def readable(path: Path) -> tuple[set[int], VideoReader]:
    """Frames that can be read; each must carry its number."""
    video = VideoReader(path, color="gray", cache_bytes=1)
    good = set()
    for i in range(N):
        try:
            image = video.read(i)
        except (VideoError, IndexError):
            continue
        assert read_code(image) == i
        good.add(i)
    return good, video


@pytest.mark.parametrize("part", [0.3, 0.55, 0.8, 0.97])
@pytest.mark.parametrize("kind", CLIPS)
def test_a_truncated_file_is_right_up_to_its_end(tmp_path: Path, kind: str, part: float) -> None:
    name, arguments = CLIPS[kind]
    path = write_clip(tmp_path / name, N, **arguments)
    with av.open(str(path)) as container:
        packets = [p for p in container.demux(video=0) if p.size]
    end = packets[-1].pos + packets[-1].size
    cut = int(packets[0].pos + part * (end - packets[0].pos))
    path.write_bytes(path.read_bytes()[:cut])
    if kind == "mp4":
        with pytest.raises(VideoError, match="cut off before it was finished"):
            VideoReader(path)
        return
    good, video = readable(path)
    with video:
        assert good >= set(
            range(len(good) - 4)
        )  # of frames stored out of order a later one may last
        assert len(good) >= (N * part - 25 if kind != "transport stream" else N * part - 30)
        assert video.n_frames == max(good) + 1
        if len(good) < N and kind != "transport stream":
            assert f" {video.n_frames} frames" in video.problems[0]


def test_lost_frames_are_named(tmp_path: Path) -> None:
    arguments = CLIPS["header first"][1]
    path = write_clip(tmp_path / "a.mp4", N, **arguments)
    path.write_bytes(path.read_bytes()[:-600])
    good, video = readable(path)
    with video:
        n = video.n_frames
        assert 20 < n < N
        assert {i for r in video.missing for i in r} == set(range(N)) - good
        (problem,) = video.problems
        assert problem.startswith(f"holds {n} frames, the header promises {N}; missing: ")
        assert problem.endswith(f"{n}-{N - 1}")
        with pytest.raises(VideoError, match=f"frame {N - 1} is missing"):
            video.read(N - 1)
        with pytest.raises(IndexError, match="frame 60 asked for"):
            video.read(N)


def test_a_header_that_promises_too_much(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "a.avi", N, codec="mjpeg", pixels="yuvj420p")
    data = bytearray(path.read_bytes())
    at = data.index(b"strh") + 8 + 32
    assert int.from_bytes(data[at : at + 4], "little") == N
    data[at : at + 4] = (120).to_bytes(4, "little")
    path.write_bytes(data)
    with VideoReader(path) as video:
        assert video.n_frames_now == 120
        assert video.n_frames == N
        assert video.problems == ("holds 60 frames, the header promises 120; missing: 60-119",)
        assert video.missing == (range(60, 120),)
        with pytest.raises(VideoError, match="holds 60 frames, the header promises 120"):
            video.read(100)
        with pytest.raises(IndexError):
            video.read(120)


@pytest.mark.parametrize("kind", ["mp4", "matroska", "ffv1", "avi", "fragments"])
def test_a_damaged_packet_takes_only_what_leans_on_it(tmp_path: Path, kind: str) -> None:
    name, arguments = CLIPS[kind]
    path = write_clip(tmp_path / name, N, **arguments)
    with av.open(str(path)) as container:
        packets = [p for p in container.demux(video=0) if p.size]
        keys = [i for i, p in enumerate(packets) if p.is_keyframe]
        key = packets[keys[len(keys) // 2]]
    data = bytearray(path.read_bytes())
    start = key.pos + key.size // 3
    data[start : start + key.size // 2] = bytes(
        255 - b for b in data[start : start + key.size // 2]
    )
    path.write_bytes(data)
    good, video = readable(path)
    with video:
        bad = set(range(N)) - good
        first = keys[len(keys) // 2]
        assert first in bad
        assert bad <= set(range(first - 3, keys[len(keys) // 2 + 1]))
        assert {i for r in video.missing for i in r} == bad
        assert "do not decode" in video.problems[0]


def test_bytes_cut_out_of_the_middle_do_not_shift_the_numbers(tmp_path: Path) -> None:
    path = write_clip(
        tmp_path / "a.mkv", 120, codec="ffv1", gop=1, options={"slicecrc": "1", "level": "3"}
    )
    with av.open(str(path)) as container:
        packets = [p for p in container.demux(video=0) if p.size]
    data = bytearray(path.read_bytes())
    start, stop = packets[50].pos, packets[58].pos
    data[start:stop] = bytes(stop - start)
    path.write_bytes(data)
    with VideoReader(path, color="gray") as video:
        numbers = {}
        for i in range(120):
            try:
                numbers[i] = read_code(video.read(i))
            except (VideoError, IndexError):
                continue
        assert all(i == number for i, number in numbers.items())
        assert set(range(50)) <= set(numbers)
        assert video.problems


def test_zeros_in_the_middle_do_not_shift_the_numbers(tmp_path: Path) -> None:
    """A block whose own time is zeroed comes back as a last packet that falls behind."""
    name, arguments = CLIPS["matroska"]
    clip = write_clip(tmp_path / name, N, **arguments)
    whole = clip.read_bytes()
    with av.open(str(clip)) as container:
        places = [p.pos for p in container.demux(video=0) if p.size]
    for start in [place + offset for place in places[20:36] for offset in (1, 2)]:
        clip.write_bytes(whole[:start] + bytes(142) + whole[start + 142 :])
        good, video = readable(clip)
        video.close()
        assert good >= set(range(6)), start


@pytest.mark.parametrize("kind", ["matroska", "ffv1"])
def test_a_frame_whose_time_is_lost_keeps_its_place(tmp_path: Path, kind: str) -> None:
    """Zeros in the head of a block: the frame itself is whole, but shown at no known time."""
    name, arguments = CLIPS[kind]
    clip = write_clip(tmp_path / name, N, **arguments)
    whole = clip.read_bytes()
    with av.open(str(clip)) as container:
        places = [p.pos for p in container.demux(video=0) if p.size]
    for number in range(4, 50, 7):
        for offset, n in ((0, 6), (1, 5), (2, 4), (3, 2), (-10, 16)):
            start = places[number] + offset
            clip.write_bytes(whole[:start] + bytes(n) + whole[start + n :])
            good, video = readable(clip)
            video.close()
            assert good, (number, offset)


@pytest.mark.parametrize("kind", ["avi", "mjpeg"])
def test_strange_bytes_do_not_shift_the_numbers(tmp_path: Path, kind: str) -> None:
    """How many frames an AVI file lost shows at its end, but frames are asked for before."""
    name, arguments = CLIPS[kind]
    clip = write_clip(tmp_path / name, N, **arguments)
    whole = clip.read_bytes()
    with av.open(str(clip)) as container:
        places = [p.pos for p in container.demux(video=0) if p.size]
    for place in places[5:50:4]:
        clip.write_bytes(whole[:place] + bytes(700) + whole[place:])
        good, video = readable(clip)
        with video:
            assert len(good) > 30, place
            assert {i for r in video.missing for i in r} >= set(range(video.n_frames)) - good


def test_frames_behind_a_loss_are_not_counted_on(tmp_path: Path) -> None:
    """H.264 in AVI has no times: behind a lost frame there is nothing to tell the others by."""
    clip = write_clip(tmp_path / "a.avi", N, options={**X264, "bf": "3", "g": "10"})
    whole = clip.read_bytes()
    with av.open(str(clip)) as container:
        packets = [p for p in container.demux(video=0) if p.size]
    for packet in packets[20:40:3]:
        damaged = bytearray(whole)
        # with the head of its chunk, so that the demuxer passes over it
        damaged[packet.pos - 8 : packet.pos + packet.size] = bytes(packet.size + 8)
        clip.write_bytes(damaged)
        good, video = readable(clip)
        with video:
            assert good >= set(range(18))
            assert max(good) < 40
            assert video.problems


def test_threads_hide_no_damage(tmp_path: Path) -> None:
    """Decoding several frames at once, FFmpeg marks fewer of them as damaged.

    These packets are frames that others lean on; of a single one it sometimes says nothing at all.
    """
    path, n = tmp_path / "a.mp4", 36
    blocks = np.random.default_rng(0).integers(0, 256, (40, 80, 3), dtype=np.uint8)
    texture = blocks.repeat(8, axis=0).repeat(8, axis=1)
    encoding = Encoding(quality=20, keyframe_seconds=0.4, options={"bf": "3"})
    with VideoWriter(path, 320, 256, 30, encoding=encoding) as writer:
        for i in range(n):
            writer.write(texture[2 * i % 64 :, 4 * i :][:256, :320].copy())
    whole = path.read_bytes()
    with av.open(str(path)) as container:
        packets = [p for p in container.demux(video=0) if p.size]
    for packet in (packets[7], packets[17], packets[19]):
        damaged = bytearray(whole)
        middle = packet.pos + packet.size // 2
        damaged[middle : middle + 2] = bytes(255 - b for b in damaged[middle : middle + 2])
        path.write_bytes(damaged)
        assert _not_refused(path, n, threads=4) == _not_refused(path, n, threads=1)


def _not_refused(path: Path, n: int, *, threads: int) -> set[int]:
    good = set()
    with VideoReader(path, color="gray", threads=threads, cache_bytes=1) as video:
        for i in range(n):
            with contextlib.suppress(VideoError):
                video.read(i)
                good.add(i)
    return good


def test_two_losses_leave_what_lies_behind_them(tmp_path: Path) -> None:
    """The index of an AVI file tells how many frames each took."""
    name, arguments = CLIPS["mjpeg"]
    clip = write_clip(tmp_path / name, N, **arguments)
    with av.open(str(clip)) as container:
        packets = [p for p in container.demux(video=0) if p.size]
    damaged = bytearray(clip.read_bytes())
    for first, last in ((10, 12), (30, 31)):
        start, stop = packets[first].pos - 8, packets[last].pos + packets[last].size
        damaged[start:stop] = bytes(stop - start)
    clip.write_bytes(damaged)
    good, video = readable(clip)
    with video:
        assert good >= {*range(10), *range(14, 30), *range(33, N)}
        assert not good & {10, 11, 12, 30, 31}


def test_a_wrong_keyframe_mark_is_survived(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "a.mp4", 30, options={**X264, "bf": "0", "g": "10"})
    data = bytearray(path.read_bytes())
    at = data.index(b"stss") + 12
    assert int.from_bytes(data[at + 4 : at + 8], "big") == 11
    data[at + 4 : at + 8] = (13).to_bytes(4, "big")
    path.write_bytes(data)
    with VideoReader(path, color="gray", cache_bytes=1) as video:
        for i in (15, 14, 12, 11, 29, 13):
            assert read_code(video.read(i)) == i


def test_a_size_that_changes_is_an_error(tmp_path: Path) -> None:
    small = write_clip(tmp_path / "s.mjpeg", 3, codec="mjpeg", pixels="yuvj420p")
    large = write_clip(tmp_path / "l.mjpeg", 3, codec="mjpeg", pixels="yuvj420p", size=(192, 128))
    path = tmp_path / "a.mjpeg"
    path.write_bytes(small.read_bytes() + large.read_bytes())
    with VideoReader(path) as video:
        assert video.read(2).shape == (64, 96, 3)
        with pytest.raises(VideoError, match="frame 3 is 192x128; expected 96x64"):
            video.read(3)


def _audio(path: Path) -> Path:
    with av.open(str(path), "w") as output:
        stream = output.add_stream("pcm_s16le", rate=8000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), "s16", "mono")
        frame.sample_rate = 8000
        output.mux(stream.encode(frame))
        output.mux(stream.encode())
    return path


def test_files_without_any_video_are_named_errors(tmp_path: Path) -> None:
    (tmp_path / "empty.mp4").touch()
    (tmp_path / "text.mp4").write_text("not a video\n" * 50)
    (tmp_path / "folder.mp4").mkdir()
    _audio(tmp_path / "sound.wav")
    expected = {
        "empty.mp4": r"is empty \(0 bytes\)",
        "text.mp4": "cannot be read as a video",
        "folder.mp4": "is a folder",
        "gone.mp4": "is missing",
        "sound.wav": "holds audio but no video stream",
    }
    for name, message in expected.items():
        with pytest.raises(VideoError, match=message) as caught:
            VideoReader(tmp_path / name)
        assert caught.value.path == tmp_path / name
        assert str(tmp_path / name) in str(caught.value)


def test_a_file_that_vanishes_is_an_error(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "a.mkv", 20, codec="ffv1")
    with VideoReader(path) as video:
        path.unlink()
        with pytest.raises(VideoError, match="is missing"):
            video.read(0)
