"""An mp4 in fragments is readable while it is written, and wherever it was cut off."""

from __future__ import annotations

import shutil
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np
import pytest
from numbered_clips import HEIGHT, WIDTH, frame_code, read_code

from napari_sdannce.video import Encoding, VideoReader
from napari_sdannce.video.output import Footage, VideoOutput
from napari_sdannce.video.uncoded_frames import UncodedFrames

if TYPE_CHECKING:
    from pathlib import Path

ENCODING = Encoding(crash_safe=True, options={"preset": "ultrafast", "tune": "zerolatency"})
MICROSECOND = Fraction(1, 1_000_000)
STEPS = [20_000, 20_001, 19_998, 60_000, 20_000, 500_000, 20_003, 20_000, 20_000]
TIMES = np.cumsum([0, *STEPS * 3])


def write_unfinished(folder: Path, *, still: bool = False) -> Path:
    """A copy, taken before the end, of a file; `still`: frames of a few bytes each."""
    footage = Footage(WIDTH, HEIGHT, Fraction(50), gray=True, tick=MICROSECOND, threads=1)
    output = VideoOutput(folder / "whole.mp4", footage, ENCODING)
    frames = UncodedFrames(output.pixel_format, ENCODING)
    for i, time in enumerate(TIMES.tolist()):
        frame = frames.make(frame_code(0 if still else i), "gray")
        frame.pts, frame.time_base = time, MICROSECOND
        output.encode(frame)
    shutil.copy(folder / "whole.mp4", folder / "cut.mp4")
    output.encode(None)
    output.close()
    return folder / "cut.mp4"


def test_pauses_in_an_unfinished_file_are_no_losses(tmp_path: Path) -> None:
    path = write_unfinished(tmp_path, still=True)
    with VideoReader(path) as video:
        assert video.n_frames >= len(TIMES) - 1
        assert video.missing == ()
        np.testing.assert_array_equal(np.rint(video.times * 1e6), TIMES[: video.n_frames])


def test_the_finished_file_has_a_table_of_its_frames(tmp_path: Path) -> None:
    write_unfinished(tmp_path)
    data = (tmp_path / "whole.mp4").read_bytes()
    assert b"moof" not in data[:40]
    with VideoReader(tmp_path / "whole.mp4") as video:
        assert video.header.counts_frames
        assert video.n_frames_now == len(TIMES)
        np.testing.assert_array_equal(np.rint(video.times * 1e6), TIMES)
        assert video.problems == ()


@pytest.mark.parametrize("back", [*range(1, 140, 9), 150, 300])
def test_what_lies_before_a_cut_can_be_read(tmp_path: Path, back: int) -> None:
    path = write_unfinished(tmp_path)
    data = path.read_bytes()
    last = data.rfind(b"moof") - 4
    for place in (last + back, len(data) - back):
        path.write_bytes(data[:place])
        with VideoReader(path) as video:
            assert video.n_frames >= len(TIMES) - 5
            assert all(read_code(video.read(i)) == i for i in range(video.n_frames))
