"""However and whenever a recording ends: nothing hangs, no thread stays, every frame is there."""

from __future__ import annotations

import _thread
import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from napari_sdannce.capture.recorder import grabbing, running, triggering
from napari_sdannce.capture.recorder.counts import CameraState, RecorderState
from napari_sdannce.capture.recorder.finishing import finish_recording
from napari_sdannce.capture.recorder.recorder import Recorder
from napari_sdannce.capture.recorder.rig import Rig

sys.path.insert(0, str(Path(__file__).parent))
from lab_cameras import LabCamera
from recording_hands import Session, counted, our_threads, recording, settings_of, stamps, until

if TYPE_CHECKING:
    from napari_sdannce.capture.cameras import Frame


@pytest.mark.parametrize("trigger", ["free", "software", "hardware"])
@pytest.mark.parametrize("after", [0, 1, 9])
def test_stopped_at_any_time_by_anybody(lab: Any, tmp_path: Path, trigger: str, after: int) -> None:
    with recording(settings_of(tmp_path / "rec", 2, trigger=trigger)) as going:
        going.until(lambda: going.pulsed(after))
        several = [threading.Thread(target=going.recorder.stop, args=(n,)) for n in "abcd"]
        for each in several:
            each.start()
    for each in several:
        each.join()
    going.recorder.stop("long ago")
    assert counted(going).file.ended_by in "abcd"
    assert going.recorder.status().ended_by in "abcd"
    assert going.recorder.status().state is RecorderState.ENDED


def test_a_reason_is_always_told(lab: Any, tmp_path: Path) -> None:
    with recording(settings_of(tmp_path / "rec", 1)) as going:
        going.recorder.stop("")
    assert counted(going).file.ended_by == "it was stopped"


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="there are no such signals here")
def test_a_signal_may_stop_it_whatever_it_does(lab: Any, tmp_path: Path) -> None:
    """A handler runs in the middle of anything, also of waiting for just this."""
    settings = settings_of(tmp_path / "rec", 2)
    n_signals = 0

    def handle(*_: object) -> None:
        nonlocal n_signals
        n_signals += 1
        recorder.stop("a signal")

    before = signal.signal(signal.SIGALRM, handle)
    try:
        with Rig(settings) as rig:
            recorder = Recorder(rig, settings)
            signal.setitimer(signal.ITIMER_REAL, 0.3, 0.001)
            recorder.run()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert n_signals > 1
    assert our_threads() == []
    found = counted(Session(rig, recorder))
    assert found.file.ended_by == "a signal"


def test_interrupted_it_is_finished_all_the_same(lab: Any, tmp_path: Path) -> None:
    settings = settings_of(tmp_path / "rec", 2)
    with Rig(settings) as rig:
        session = Session(rig, Recorder(rig, settings))

        def interrupt() -> None:
            session.until_grabbed(10)
            _thread.interrupt_main()

        before = signal.signal(signal.SIGINT, signal.default_int_handler)
        interrupting = threading.Thread(target=interrupt)
        interrupting.start()
        with pytest.raises(KeyboardInterrupt):
            session.recorder.run()
        interrupting.join()
        signal.signal(signal.SIGINT, before)
    assert our_threads() == []
    assert counted(session).file.ended_by == "the recorder failed: KeyboardInterrupt"


class Hanging(LabCamera):
    """Its SDK does not answer any more after some frames, until it is let go."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.let_go = threading.Event()

    def delivered(self, frame: Frame) -> Frame:
        if frame.block_id == 5:
            self.let_go.wait()
        return frame


def test_a_camera_that_hangs_does_not_keep_the_others(
    lab: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not even two of them; what one delivers after the end is not counted."""
    monkeypatch.setattr(running, "HANGS_S", 0.4)
    monkeypatch.setattr(running, "OTHERS_S", 0.2)
    lab.classes |= {"1": Hanging, "3": Hanging}
    settings = settings_of(tmp_path / "rec", 3, seconds=0.3)
    with Rig(settings) as rig:
        session = Session(rig, Recorder(rig, settings))
        session.recorder.run()
        assert session.recorder.status().seconds < 0.3 + 0.2 + 0.2 + 2 * 0.4
        for name in ("Camera1", "Camera3"):
            assert session.counts(name).state is CameraState.LOST
        for camera in (lab.opened[0], lab.opened[2]):
            camera.let_go.set()
        until(lambda: our_threads() == [])
    found = counted(session)
    assert [each.grabbed for each in found.counts.values()] == [5, 15, 5]
    assert found.told("trouble") == ["it failed: its SDK did not answer for 0.4 s"] * 2
    assert found.file.ended_by == "its length was reached, but not by Camera1, Camera3"


class Deaf(LabCamera):
    """Its SDK does not come back from a trigger, until it is let go."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.let_go = threading.Event()
        self.hangs = threading.Event()

    def trigger(self) -> None:
        if self._count == 5:
            self.hangs.set()
            self.let_go.wait()
        super().trigger()


def test_a_camera_that_hangs_when_it_is_triggered_does_not_keep_the_end(
    lab: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(triggering, "HANGS_S", 0.3)
    monkeypatch.setattr(running, "LAST_PULSE_S", 0.1)
    lab.classes["2"] = Deaf
    settings = settings_of(tmp_path / "rec", 2, trigger="software")
    with Rig(settings) as rig:
        session = Session(rig, Recorder(rig, settings))

        def stop() -> None:
            lab.opened[1].hangs.wait()
            session.recorder.stop("enough")

        stopping = threading.Thread(target=stop)
        stopping.start()
        session.recorder.run()
        stopping.join()
        lab.opened[1].let_go.set()
        until(lambda: our_threads() == [])
    found = counted(session)
    assert found.told("trouble") == ["its SDK did not answer to a trigger for 0.3 s"]
    assert found.exposures("Camera2") == [0, 1, 2, 3, 4]


def test_a_trigger_that_can_not_be_stopped_does_not_keep_the_cameras(
    lab: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A board that was unplugged, say."""

    class Unplugged(triggering.Elsewhere):
        def stop(self) -> None:
            raise OSError(5, "Input/output error", "/dev/ttyACM0")

    monkeypatch.setattr(running, "trigger_of", lambda *_: Unplugged())
    with recording(settings_of(tmp_path / "rec", 2)) as going:
        going.until_grabbed(5)
        going.recorder.stop("enough")
    found = counted(going)
    assert found.told("trouble") == ["[Errno 5] Input/output error: '/dev/ttyACM0'"]


class Endless(LabCamera):
    """It goes on to deliver though it was told to stop."""

    def disarm(self) -> None: ...


def test_a_camera_that_does_not_stop_is_left(
    lab: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(grabbing, "MORE_S", 0.5)
    lab.classes["1"] = Endless
    with recording(settings_of(tmp_path / "rec", 2)) as going:
        going.until_grabbed(5)
        going.recorder.stop("enough")
    found = counted(going)
    assert found.told("trouble") == [
        "it failed: it goes on to deliver frames though it was told to stop"
    ]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows keeps folders that are in use")
def test_a_disk_that_is_gone_ends_it(lab: Any, tmp_path: Path) -> None:
    """Its folder is taken away, as is a drive that is unplugged."""
    settings = settings_of(tmp_path / "rec", 2)
    with Rig(settings) as rig:
        session = Session(rig, Recorder(rig, settings))

        def unplug() -> None:
            session.until_grabbed(5)
            settings.folder.rename(tmp_path / "gone")

        unplugging = threading.Thread(target=unplug)
        unplugging.start()
        with pytest.raises(FileNotFoundError):
            session.recorder.run()
        unplugging.join()
    assert our_threads() == []
    assert session.recorder.status().ended_by.startswith("the disk does not answer: ")
    assert session.recorder.status().state is RecorderState.ENDED
    (tmp_path / "gone").rename(settings.folder)
    finish_recording(settings.folder)
    for name in ("Camera1", "Camera2"):
        assert len(stamps(settings.folder, name)) == session.counts(name).encoded
