"""The recorder in a process of its own: windows may go, recording goes on and is found again."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from multiprocessing import AuthenticationError
from multiprocessing.connection import Client
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from napari_sdannce.capture.recorder.counts import RecorderState
from napari_sdannce.capture.recorder.finishing import finish_recording
from napari_sdannce.capture.recorder_process.client import (
    RecorderError,
    RecorderGoneError,
    RemoteRecorder,
    start_recorder,
)
from napari_sdannce.capture.recorder_process.notes import (
    notes_folder,
    read_note,
    running_recorders,
)
from napari_sdannce.capture.recording_file import read_recording_file
from napari_sdannce.files.experiment import open_recording
from napari_sdannce.settings.capture import CaptureSettings
from napari_sdannce.synthetic.stamp import read_stamp

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

Until = "Callable[[Callable[[], bool]], None]"
N_CAMERAS = 3
NAMES = [f"Camera{n}" for n in range(1, N_CAMERAS + 1)]
WIDTHS = dict.fromkeys(NAMES, 100)
FULL = dict.fromkeys(NAMES, 1000)


@pytest.fixture(autouse=True)
def own_notes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Recorders of a test are found by nobody else, and none of them stays."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    yield
    for note in running_recorders():
        psutil.Process(note.pid).kill()


@pytest.fixture
def settings(tmp_path: Path) -> Callable[..., CaptureSettings]:
    """Settings of three synthetic cameras."""

    def make(**more: Any) -> CaptureSettings:
        cameras = [
            {"name": f"Camera{n}", "back_end": "synthetic", "serial": str(n), "width": 256}
            for n in range(1, N_CAMERAS + 1)
        ]
        values = {"folder": tmp_path / "rec", "fps": 50, "trigger": "software", "keep_free_gb": 0}
        return CaptureSettings.model_validate({**values, "cameras": cameras, **more})

    return make


def is_looking(recorder: RemoteRecorder) -> bool:
    return recorder.status().now.state is RecorderState.LOOKING


def test_what_cameras_see_is_shown_and_recorded(
    settings: Callable[..., CaptureSettings], until: Any
) -> None:
    with start_recorder() as recorder:
        assert recorder.connected() is None
        assert recorder.pictures(WIDTHS) == {}
        found = recorder.discover()
        assert {"synthetic", "basler"} <= {each.back_end for each in found.cameras}
        assert "replay" in {each.name for each in found.kinds}
        shown = recorder.connect(settings())
        assert [each.width for each in shown.formats] == [256] * N_CAMERAS
        until(lambda: len(recorder.pictures(WIDTHS)) == N_CAMERAS)
        assert {each.image.shape[1] for each in recorder.pictures(WIDTHS).values()} == {100}
        assert list(recorder.pictures({"Camera2": 50})) == ["Camera2"]
        assert recorder.status().last is None

        recorder.record(settings())
        seen = _sets(recorder, 20)
        assert seen == sorted(set(seen))
        recorder.stop("enough")
        until(lambda: is_looking(recorder))
        last = recorder.status().last
        assert last is not None
        assert (last.ended_by, last.ended_badly) == ("enough", False)
        assert all(each.encoded == each.grabbed >= 20 for each in last.cameras)
        assert _sets(recorder, 3)[0] < 1000  # they are shown again
        recorder.quit()
        gone = recorder
    with pytest.raises(RecorderGoneError, match="does not answer any more"):
        until(lambda: not gone.status())
    assert len(open_recording(settings().folder).sync) == last.cameras[0].encoded


def test_a_recorder_ends_when_the_last_one_asks(until: Any) -> None:
    with start_recorder() as first, RemoteRecorder(first.note) as second:
        first.quit()
        first.close()
        threading.Event().wait(1.5)  # longer than it takes to end
        assert second.connected() is None
        second.quit()
        until(lambda: not first.note.is_alive)


@pytest.mark.parametrize(
    "note",
    [
        {"pid": "x", "process_started": 1.0, "address": "a", "key": "aa"},
        {"pid": -4, "process_started": 1.0, "address": "a", "key": "aa"},
        {"pid": 1, "process_started": "no", "address": "a", "key": "aa"},
        {"pid": 1, "process_started": 1.0, "address": 5, "key": "aa"},
        {"pid": 1, "process_started": 1.0, "address": "a", "key": "zz"},
        [1],
    ],
)
def test_notes_that_are_damaged_are_removed(note: object) -> None:
    path = notes_folder() / "1.json"
    path.write_text(json.dumps(note))
    assert read_note(path) is None
    assert running_recorders() == []
    assert not path.exists()


def _sets(recorder: RemoteRecorder, count: int) -> list[int]:
    """Moments of some sets of frames, each of which shows one exposure of all cameras."""
    moments: list[int] = []
    while len(moments) < count:
        found = recorder.newest_set(moments[-1] if moments else -1)
        assert found is not None
        stamps = [read_stamp(frame.image) for frame in found.frames]
        assert [stamp.camera for stamp in stamps] == list(range(1, N_CAMERAS + 1))
        assert {stamp.exposure for stamp in stamps} == {found.moment}
        moments.append(found.moment)
    return moments


def test_a_recording_outlives_the_program_that_began_it(
    settings: Callable[..., CaptureSettings], until: Any
) -> None:
    program = f"""
import os, signal
from napari_sdannce.capture.recorder_process.client import start_recorder
from napari_sdannce.settings.capture import CaptureSettings
recorder = start_recorder()
recorder.record(CaptureSettings.model_validate_json({settings().model_dump_json()!r}))
os.kill(os.getpid(), signal.SIGKILL)
"""
    ended = subprocess.run([sys.executable, "-c", program], check=False)
    assert ended.returncode == -signal.SIGKILL
    (note,) = running_recorders()
    with RemoteRecorder(note) as recorder:
        before = recorder.status().now
        assert before.state is RecorderState.RECORDING
        until(lambda: recorder.status().now.cameras[0].encoded > before.cameras[0].encoded + 10)
        assert recorder.connected().settings.folder == settings().folder
        recorder.stop()
        until(lambda: is_looking(recorder))
        recorder.quit()
    assert read_recording_file(settings().folder).is_finished


def test_what_is_refused_is_told_and_the_cameras_stay(
    settings: Callable[..., CaptureSettings], until: Any
) -> None:
    with start_recorder() as recorder:
        before = recorder.connect(settings())
        with pytest.raises(RecorderError, match="Camera1: synthetic camera 1: width 1: it takes"):
            recorder.connect(_with(settings(), width=1))
        assert recorder.connected() == before
        until(lambda: len(recorder.pictures(WIDTHS)) == N_CAMERAS)
        settings().folder.mkdir()
        (settings().folder / "videos").mkdir()
        with pytest.raises(RecorderError, match="nothing is overwritten"):
            recorder.record(settings())
        until(lambda: is_looking(recorder) and len(recorder.pictures(WIDTHS)) == N_CAMERAS)
        with pytest.raises(RecorderError, match="no synthetic camera has the serial number 9"):
            recorder.connect(_with(settings(), serial="9"))
        assert recorder.connected() == before
        with pytest.raises(RecorderError, match="knows no 'dance'"):
            recorder._ask("dance")

        other = settings(folder=settings().folder.parent / "other")
        recorder.record(other)
        for refused in (recorder.quit, recorder.disconnect, lambda: recorder.record(settings())):
            with pytest.raises(RecorderError, match="stop the recording first"):
                refused()
        recorder.stop()
        until(lambda: is_looking(recorder))


def _with(settings: CaptureSettings, **changes: Any) -> CaptureSettings:
    """The same with other settings of the first camera."""
    first, *others = settings.cameras
    return settings.model_copy(update={"cameras": (first.model_copy(update=changes), *others)})


def test_cameras_are_set_up_anew_while_they_are_shown(
    settings: Callable[..., CaptureSettings], until: Any
) -> None:
    with start_recorder() as recorder:
        recorder.connect(settings())
        recorder.connect(_with(settings(), width=512))
        until(lambda: len(recorder.pictures(FULL)) == N_CAMERAS)
        assert recorder.pictures(FULL)["Camera1"].width == 512
        recorder.disconnect()
        assert recorder.connected() is None


def test_nobody_gets_in_without_the_key(settings: Callable[..., CaptureSettings]) -> None:
    with start_recorder() as recorder:
        with pytest.raises(AuthenticationError):
            Client(recorder.note.address, authkey=b"guess")
        assert recorder.connected() is None  # and the others are answered as before
        mode = (notes_folder() / f"{recorder.note.pid}.json").stat().st_mode
        assert mode & 0o077 == 0


def test_a_recorder_that_is_killed_is_told_and_its_recording_finished(
    settings: Callable[..., CaptureSettings], until: Any
) -> None:
    with start_recorder() as recorder:
        recorder.record(settings())
        until(lambda: recorder.status().now.cameras[0].encoded > 30)
        os.kill(recorder.note.pid, signal.SIGKILL)
        with pytest.raises(RecorderGoneError):
            until(lambda: not recorder.status())
    assert running_recorders() == []
    folder = settings().folder
    assert not read_recording_file(folder).is_finished
    assert "`sdannce capture finish rec` mends" in open_recording(folder).problems[-1].message
    finished = finish_recording(folder)
    assert finished.is_finished
    assert "killed" in finished.ended_by
    opened = open_recording(folder)
    assert opened.problems == ()
    assert len(opened.sync) >= 30 - 2


def test_a_recorder_that_is_asked_to_end_finishes_its_files(
    settings: Callable[..., CaptureSettings], until: Any
) -> None:
    with start_recorder() as recorder:
        recorder.record(settings())
        until(lambda: recorder.status().now.cameras[0].encoded > 10)
        process = psutil.Process(recorder.note.pid)
        process.terminate()
        until(lambda: not process.is_running() or process.status() == psutil.STATUS_ZOMBIE)
    recording = read_recording_file(settings().folder)
    assert recording.ended_by == "the recorder got SIGTERM"
    assert running_recorders() == []


def test_a_recorder_that_nobody_needs_ends() -> None:
    command = [sys.executable, "-m", "napari_sdannce.capture.recorder_process", "0.1"]
    assert subprocess.run(command, timeout=30, check=False).returncode == 0
    assert running_recorders() == []
