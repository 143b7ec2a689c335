"""Recording with a trigger board: its real program makes the pulses, and cameras see them."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest

from napari_sdannce.capture.recorder.recorder import Recorder
from napari_sdannce.capture.recorder.rig import Rig
from napari_sdannce.capture.trigger_board import TriggerBoardError
from napari_sdannce.files.experiment import open_recording
from napari_sdannce.settings.capture import CaptureSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from plugged_board import Plugged

N_CAMERAS = 2


@pytest.fixture
def settings(tmp_path: Path) -> Callable[..., CaptureSettings]:
    """Settings of two cameras that wait for the pulses of a board."""

    def make(port: str, **more: Any) -> CaptureSettings:
        cameras = [
            {"name": f"Camera{n}", "back_end": "synthetic", "serial": str(n), "width": 256}
            for n in range(1, N_CAMERAS + 1)
        ]
        values = {"folder": tmp_path / "rec", "fps": 50, "keep_free_gb": 0, "cameras": cameras,
                  "trigger": "hardware", "board": {"port": port, "pins": (2, 3)}}  # fmt: skip
        return CaptureSettings.model_validate({**values, **more})

    return make


class Wires:
    """Lead the pulses of a board to synthetic cameras."""

    def __init__(self, board: Plugged, rig: Rig) -> None:
        self._board, self._rig = board, rig
        self._led = 0
        self._cut = threading.Event()
        self._thread = threading.Thread(target=self._lead)
        self._thread.start()

    def cut(self) -> None:
        self._cut.set()
        self._thread.join()

    def _lead(self) -> None:
        while not self._cut.wait(0.002):
            for _ in range(self._board.rises() - self._led):
                self._led += 1
                for camera in self._rig.cameras:
                    camera.camera.pulse()


@pytest.fixture
def wired() -> Iterator[Callable[[Plugged, Rig], Wires]]:
    made = []

    def wire(board: Plugged, rig: Rig) -> Wires:
        made.append(Wires(board, rig))
        return made[-1]

    yield wire
    for each in made:
        each.cut()


def begun(rig: Rig, wanted: CaptureSettings) -> tuple[Recorder, threading.Thread]:
    """A recording that goes on in a thread."""
    recorder = Recorder(rig, wanted)
    thread = threading.Thread(target=recorder.run)
    thread.start()
    return recorder, thread


def test_every_pulse_is_a_frame(plug: Any, settings: Any, wired: Any) -> None:
    board = plug()
    wanted = settings(board.port, seconds=0.6)
    with Rig(wanted) as rig:
        wired(board, rig)
        recorder = Recorder(rig, wanted)
        recording = recorder.run()
    status = recorder.status()
    assert (status.pulses, board.rises()) == (30, 30)
    assert [each.encoded for each in status.cameras] == [30] * N_CAMERAS
    assert all(check.passed for check in recording.checks), recording.checks
    assert len(open_recording(wanted.folder).sync) == 30


def test_pulses_end_when_the_recording_is_stopped(
    plug: Any, settings: Any, wired: Any, until: Any
) -> None:
    board = plug()
    wanted = settings(board.port)
    with Rig(wanted) as rig:
        wired(board, rig)
        recorder, thread = begun(rig, wanted)
        until(lambda: board.rises() > 20)
        recorder.stop("enough")
        thread.join()
        sent = board.rises()
        assert recorder.status().pulses == sent
    assert [each.encoded for each in recorder.status().cameras] == [sent] * N_CAMERAS


def test_a_board_that_is_unplugged_ends_the_recording(
    plug: Any, settings: Any, wired: Any, until: Any
) -> None:
    board = plug()
    wanted = settings(board.port)
    with Rig(wanted) as rig:
        wired(board, rig)
        recorder, thread = begun(rig, wanted)
        until(lambda: board.rises() > 20)
        board.unplug()
        thread.join()
    status = recorder.status()
    assert status.ended_badly
    assert "was it unplugged?" in status.ended_by
    assert all(each.encoded == each.grabbed > 0 for each in status.cameras)
    assert len(open_recording(wanted.folder).sync)


def test_what_a_board_does_not_take_is_told_before_anything_is_written(
    plug: Any, settings: Any
) -> None:
    board = plug()
    wanted = settings(board.port, fps=5000)
    with Rig(wanted) as rig, pytest.raises(TriggerBoardError, match="refuses"):
        Recorder(rig, wanted).run()
    assert not wanted.folder.exists()
    with pytest.raises(TriggerBoardError, match="no serial port"):
        Rig(settings("/dev/nothing"))
