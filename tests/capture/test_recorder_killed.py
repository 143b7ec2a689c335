"""A recording whose program is killed loses less than a second, and can be finished afterwards."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from napari_sdannce.capture.recorder.finishing import (
    INTERRUPTED,
    finish_recording,
)
from napari_sdannce.capture.recorder.reserve import RESERVE_FILE
from napari_sdannce.capture.recording_file import read_recording_file
from napari_sdannce.capture.recording_folder import camera_folder, read_camera_records
from napari_sdannce.files.experiment import open_recording

sys.path.insert(0, str(Path(__file__).parent))
from recording_hands import read_events, stamps, until, video_files

if TYPE_CHECKING:
    from collections.abc import Iterator

PROGRAM = Path(__file__).parent / "record_until_killed.py"
NAMES = ("Camera1", "Camera2", "Camera3")
KILL = getattr(signal, "SIGKILL", signal.SIGTERM)


def n_rows(folder: Path, name: str) -> int:
    """Frames noted of a camera so far."""
    path = camera_folder(folder, name) / "frametimes.csv"
    return max(0, path.read_bytes().count(b"\n") - 1) if path.exists() else 0


@contextmanager
def recording_program(folder: Path, trigger: str) -> Iterator[subprocess.Popen[bytes]]:
    """A program that records in a folder; killed after the block."""
    program = subprocess.Popen([sys.executable, str(PROGRAM), str(folder), trigger])
    try:
        yield program
    finally:
        program.send_signal(KILL)
        program.wait()


@pytest.mark.parametrize("trigger", ["software", "free"])
def test_killed_it_can_be_finished(tmp_path: Path, trigger: str) -> None:
    folder = tmp_path / "rec"
    with recording_program(folder, trigger):
        until(lambda: all(n_rows(folder, name) > 100 for name in NAMES))
        killed_ns = time.monotonic_ns()
    assert not read_recording_file(folder).is_finished
    kept = {}
    for name in NAMES:
        records = read_camera_records(folder, name)  # it raises where a row is not whole
        assert records.recorder_index.tolist() == list(range(len(records)))
        assert records.file_frame.tolist() == list(range(len(records)))
        assert killed_ns - records.host_ns[-1] < 1e9
        kept[name] = len(stamps_of(folder, name))
        assert abs(len(records) - kept[name]) <= 1
        assert video_files(folder, name)[:3] == ["0.mp4", "30.mp4", "60.mp4"]
    finished = finish_recording(folder)
    assert finished.ended_by == INTERRUPTED
    assert finished.ended is not None
    assert finished.ended > finished.began
    assert [event.what for event in finished.events] == [row["what"] for row in read_events(folder)]
    assert finished.events[0].what == "recording began: 3 cameras, 60 frames a second, 15 MB/s"
    assert not (folder / RESERVE_FILE).exists()
    passed = {check.name: check.passed for check in finished.checks}
    assert not passed["Camera1: every frame is accounted for"]
    assert passed["Camera1: nothing is missing"]
    opens_with_its_sync(folder, trigger, min(kept.values()))
    assert finish_recording(folder) == finished


def stamps_of(folder: Path, name: str) -> list[int]:
    """What the frames of a camera show that can be read, before anything is finished."""
    found = stamps(folder, name)
    assert found == list(range(len(found)))
    return found


def opens_with_its_sync(folder: Path, trigger: str, fewest: int) -> None:
    """Whether each moment holds frames of one exposure."""
    recording = open_recording(folder)
    assert recording.problems == ()
    assert recording.sync is not None
    frames = recording.sync.frames
    assert fewest - 2 <= len(frames) <= fewest
    if trigger == "software":
        assert (frames == frames[:, :1]).all()
    assert (np.diff(frames, axis=0) == 1).all()


def test_killed_before_its_first_frame_it_can_be_finished(tmp_path: Path) -> None:
    folder = tmp_path / "rec"
    with recording_program(folder, "hardware"):
        until(lambda: "recording began" in text_of(folder / "events.csv"))
    finished = finish_recording(folder)
    assert [camera.frames for camera in finished.cameras] == [{}] * 3
    assert finished.sync is not None
    assert finished.sync.problems == tuple(f"{name} recorded nothing" for name in NAMES)
    assert open_recording(folder).names == NAMES


def text_of(path: Path) -> str:
    return path.read_text("utf-8") if path.exists() else ""
