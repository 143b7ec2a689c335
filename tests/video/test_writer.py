"""What is written is read back, under its name only when it is whole."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from numbered_clips import frame_code, read_code

from napari_sdannce.video import Encoding, VideoError, VideoReader, VideoWriter


def scene(width: int = 96, height: int = 64) -> np.ndarray:
    """A smooth coloured picture."""
    y, x = np.mgrid[:height, :width] / 20.0
    channels = [np.sin(x + y), np.cos(x - y), np.sin(y)]
    return np.stack([np.rint(127 + 100 * c) for c in channels], axis=-1).astype(np.uint8)


@pytest.mark.parametrize("codec", ["ffv1", "libx264rgb"])
@pytest.mark.parametrize("size", [(96, 64), (93, 61)])
def test_lossless_codecs_keep_every_value(
    tmp_path: Path, codec: str, size: tuple[int, int]
) -> None:
    images = [np.roll(scene(*size), i, axis=1) for i in range(5)]
    with VideoWriter(tmp_path / "a.mkv", *size, 30, encoding=Encoding(codec=codec)) as writer:
        for image in images:
            writer.write(image)
    with VideoReader(tmp_path / "a.mkv") as video:
        assert video.n_frames == 5
        for i, image in enumerate(images):
            np.testing.assert_array_equal(video.read(i), image)


@pytest.mark.parametrize(
    ("name", "codec"),
    [("a.mp4", "libx264"), ("a.avi", "mjpeg"), ("a.avi", "mpeg4"), ("a.mp4", "libx265")],
)
@pytest.mark.parametrize("gray", [False, True])
def test_lossy_codecs_keep_colour_and_range(
    tmp_path: Path, name: str, codec: str, gray: bool
) -> None:
    image = scene()[..., 0].copy() if gray else scene()
    image[:16, :16], image[:16, 16:32] = 0, 255
    options = {"x265-params": "log-level=none:pools=1"} if codec == "libx265" else {}
    encoding = Encoding(codec, quality=6, options=options)
    path = tmp_path / name
    with VideoWriter(path, 96, 64, 30, gray=gray, encoding=encoding) as w:
        for _ in range(4):
            w.write(image)
    with VideoReader(path, color="gray" if gray else "rgb") as video:
        got = video.read(2).astype(int)
        error = np.abs(got - image)
        assert error.mean() < (1.5 if gray else 5)
        # swscale's quick way to RGB is one level dark
        assert abs((got - image).mean()) < (0.5 if gray else 1.5)
        assert got[4:12, 4:12].max() <= 3
        assert got[4:12, 20:28].min() >= 252


@pytest.mark.parametrize(
    ("name", "codec"), [("a.mp4", "libx264"), ("a.avi", "mjpeg"), ("a.avi", "mpeg4")]
)
def test_a_higher_number_of_quality_makes_smaller_files(
    tmp_path: Path, name: str, codec: str
) -> None:
    sizes = []
    for quality in (6, 18, 36):
        with VideoWriter(tmp_path / name, 96, 64, 30, encoding=Encoding(codec, quality)) as writer:
            for i in range(10):
                writer.write(np.roll(scene(), i, axis=0))
        sizes.append((tmp_path / name).stat().st_size)
    assert sizes == sorted(set(sizes), reverse=True)


@pytest.mark.parametrize("fps", [30, 29.97, Fraction(30000, 1001), 50, 7.5])
def test_times_are_exact(tmp_path: Path, fps: float) -> None:
    with VideoWriter(tmp_path / "a.mp4", 96, 64, fps, gray=True) as writer:
        for i in range(40):
            writer.write(frame_code(i))
        rate = writer.fps
    with VideoReader(tmp_path / "a.mp4") as video:
        np.testing.assert_allclose(video.times, np.arange(40) / float(rate), atol=1e-4)
        assert [read_code(video.read(i)) for i in (0, 39, 17)] == [0, 39, 17]
    if not isinstance(fps, Fraction):
        assert abs(float(rate) - fps) < 0.001


def test_there_is_a_keyframe_every_second(tmp_path: Path) -> None:
    with VideoWriter(tmp_path / "a.mp4", 96, 64, 10, gray=True) as writer:
        for _ in range(45):
            writer.write(frame_code(1))
    with av.open(str(tmp_path / "a.mp4")) as container:
        keys = [i for i, p in enumerate(container.demux(video=0)) if p.size and p.is_keyframe]
    assert keys[0] == 0
    assert max(np.diff([*keys, 45])) <= 10


def test_the_name_appears_with_the_whole_file(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(b"before")
    writer = VideoWriter(path, 96, 64, 30, gray=True)
    writer.write(frame_code(3))
    assert path.read_bytes() == b"before"
    writer.close()
    writer.close()
    with VideoReader(path) as video:
        assert read_code(video.read(0)) == 3
    assert [p.name for p in tmp_path.iterdir()] == ["a.mp4"]


def test_an_error_leaves_the_file_that_was_there(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(b"before")
    with (
        pytest.raises(ValueError, match="expected"),
        VideoWriter(path, 96, 64, 30, gray=True) as writer,
    ):
        writer.write(scene())
    assert path.read_bytes() == b"before"


def test_wrong_images_and_codecs_are_named(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    with VideoWriter(path, 96, 64, 30) as writer:
        with pytest.raises(ValueError, match=r"\(64, 96\) uint8, expected \(64, 96, 3\)"):
            writer.write(frame_code(0))
        with pytest.raises(ValueError, match="float64, expected"):
            writer.write(np.zeros((64, 96, 3)))
        writer.write(scene())
    with pytest.raises(VideoError, match="is closed"):
        writer.write(scene())
    with pytest.raises(VideoError, match="cannot be written with 'nonsense'"):
        VideoWriter(path, 96, 64, 30, encoding=Encoding("nonsense"))
    with pytest.raises(VideoError, match="cannot be written"):
        VideoWriter(tmp_path / "none" / "a.mp4", 96, 64, 30)
    with pytest.raises(ValueError, match="cannot write 0x64 px"):
        VideoWriter(path, 0, 64, 30)


CRASH = """
import os, signal, sys
from numbered_clips import frame_code
from napari_sdannce.video import Encoding, VideoWriter
writer = VideoWriter(sys.argv[1], 96, 64, 10, gray=True,
                     encoding=Encoding(crash_safe=True, options={"tune": "zerolatency"}))
for i in range(65):
    writer.write(frame_code(i))
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
@pytest.mark.parametrize("name", ["a.mp4", "a.mkv"])
def test_what_was_written_survives_a_kill(tmp_path: Path, name: str) -> None:
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent)}
    result = subprocess.run(
        [sys.executable, "-c", CRASH, str(tmp_path / name)],
        check=False,
        env=environment,
        timeout=60,
    )
    assert result.returncode == -signal.SIGKILL
    (part,) = tmp_path.iterdir()
    with VideoReader(part) as video:
        assert video.n_frames >= 50
        assert all(read_code(video.read(i)) == i for i in range(video.n_frames))
