"""Recordings that can not begin say why before the first frame, and leave nothing behind."""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from napari_sdannce.capture.cameras import CameraError
from napari_sdannce.capture.recorder.counts import RecorderState
from napari_sdannce.capture.recorder.prepare import PrepareError
from napari_sdannce.capture.recorder.recorder import Recorder
from napari_sdannce.capture.recorder.rig import Rig
from napari_sdannce.capture.recording_file import read_recording_file

sys.path.insert(0, str(Path(__file__).parent))
from lab_cameras import LabCamera
from recording_hands import our_threads, record, settings_of, stamps

if TYPE_CHECKING:
    from napari_sdannce.capture.cameras import Format


def left_in(folder: Path) -> dict[str, bytes]:
    """All that lies in a folder, with what it holds."""
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else b""
        for path in folder.rglob("*")
    }


def test_all_cameras_that_are_not_there_are_told(lab: Any, tmp_path: Path) -> None:
    differ = [
        {},
        {"back_end": "synthetic", "serial": "8"},
        {"back_end": "basler", "serial": "4711"},
        {"back_end": "polaroid"},
        {"back_end": "gentl", "serial": "1"},
    ]
    with pytest.raises(CameraError) as refused:
        Rig(settings_of(tmp_path / "rec", differ))
    told = str(refused.value)
    assert "Camera2: no synthetic camera has the serial number 8; there are: 1 (test pat" in told
    assert "Camera3: no Basler camera has the serial number 4711; there are: 0815-0000 (" in told
    assert "Camera4: no kind of camera is called 'polaroid'; there are basler, gentl, lab" in told
    assert "Camera5: GenTL cameras need their maker's software" in told
    assert "Camera1" not in told
    assert not lab.opened[0].is_open
    assert left_in(tmp_path) == {}


def test_settings_that_cameras_refuse_are_told_of_all(lab: Any, tmp_path: Path) -> None:
    basler = {"back_end": "basler", "serial": "0815-0001", "width": 64, "height": 48}
    differ = [{}, basler, {"width": 9000}]
    with pytest.raises(CameraError) as refused:
        Rig(settings_of(tmp_path / "rec", differ, fps=9000))
    assert "Camera2: Basler camera 0815-0001: fps 9000.0 (AcquisitionFrameRate): it takes" in str(
        refused.value
    )
    assert "Camera3: synthetic camera 3: width 9000: it takes 128 to 8192" in str(refused.value)
    assert not any(camera.is_open for camera in lab.opened)


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"encoding": {"codec": "h266"}}, "Camera1: no codec is called 'h266'; there are auto, h"),
        (
            {"encoding": {"codec": "libx264", "options": {"presto": "1"}}},
            r"Camera1: videos of 160x64 px: libx264: it has no option 'presto'; those that work",
        ),
        ({"keep_free_gb": 10**9}, r"rec: the disk has .* GB left; this recording needs 1000000000"),
        ({"seconds": 10**9}, r"rec: the disk has .* GB left; this recording needs"),
        ({"memory_mb": 10**9}, "memory_mb 1000000000 and .* only .* MB of memory are free"),
    ],
)
def test_what_this_computer_can_not_do_is_told_before(
    lab: Any, tmp_path: Path, settings: dict[str, Any], told: str
) -> None:
    with Rig(settings_of(tmp_path / "rec", 2, **settings)) as rig:
        with pytest.raises(PrepareError, match=told):
            Recorder(rig, rig.settings)
        assert left_in(tmp_path) == {}
        Recorder(rig, settings_of(tmp_path / "rec", 2, seconds=0.1)).run()
    assert stamps(tmp_path / "rec", "Camera2") == list(range(5))


@pytest.mark.parametrize("name", ["recording.yaml", "events.csv", "sync.csv", "videos/Rat/0.mp4"])
def test_a_folder_that_holds_a_recording_stays_as_it_is(
    lab: Any, tmp_path: Path, name: str
) -> None:
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / name).write_text("of somebody")
    before = left_in(tmp_path)
    with Rig(settings_of(tmp_path, 1)) as rig, pytest.raises(FileExistsError, match="holds a reco"):
        Recorder(rig, rig.settings)
    assert left_in(tmp_path) == before


def test_a_project_with_cameras_is_not_replaced(lab: Any, tmp_path: Path) -> None:
    project = tmp_path / "sdannce.yaml"
    with Rig(settings_of(tmp_path, 1, seconds=0.1)) as rig:
        project.write_text("cameras: [{name: Camera1, videos: [old.mp4]}]")
        with pytest.raises(FileExistsError, match=r"sdannce\.yaml exists"):
            Recorder(rig, rig.settings)
        project.write_text("skeletton: mouse22")
        with pytest.raises(PrepareError, match=r"sdannce\.yaml: line 1: 'skeletton' is not known"):
            Recorder(rig, rig.settings)
        project.write_text("skeleton: mouse22")
        Recorder(rig, rig.settings).run()
    assert yaml.safe_load(project.read_text())["skeleton"] == "mouse22"
    assert len(stamps(tmp_path, "Camera1")) == 5


def test_a_folder_needs_a_place(lab: Any, tmp_path: Path) -> None:
    (tmp_path / "notes").write_text("")
    for folder in (tmp_path / "notes", tmp_path / "notes" / "today" / "rec"):
        with (
            Rig(settings_of(folder, 1)) as rig,
            pytest.raises(PrepareError, match="notes is a file; a recording needs a folder"),
        ):
            Recorder(rig, rig.settings)


def test_a_recording_is_never_made_twice(lab: Any, tmp_path: Path) -> None:
    """Whatever was recorded before, or meanwhile by somebody else, is not touched."""
    settings = settings_of(tmp_path / "rec", 2, seconds=0.1)
    with Rig(settings) as rig:
        first, second = Recorder(rig, settings), Recorder(rig, settings)
        first.run()
        before = left_in(tmp_path)
        for late in (second, first):
            with pytest.raises(FileExistsError, match="this folder holds a recording"):
                late.run()
            assert left_in(tmp_path) == before
    assert stamps(tmp_path / "rec", "Camera1") == list(range(5))


def test_when_a_camera_can_not_be_armed_nothing_stays(lab: Any, tmp_path: Path) -> None:
    (tmp_path / "rats").mkdir()
    settings = settings_of(tmp_path / "rats" / "monday" / "rec", 3, seconds=0.1)
    for error, told in (
        (CameraError("camera 2 is asleep"), "camera 2 is asleep"),
        (KeyError("no such register"), "KeyError: 'no such register'"),
    ):
        with Rig(settings) as rig:
            lab.opened[-2].raises["arm"] = error
            recorder = Recorder(rig, settings)
            with pytest.raises(CameraError, match=told):
                recorder.run()
            assert recorder.status().state is RecorderState.ENDED
            assert not any(camera._is_armed for camera in lab.opened)
        assert our_threads() == []
        assert left_in(tmp_path) == {"rats": b""}
        assert not any(camera.is_open for camera in lab.opened)
    record(settings)


@pytest.mark.skipif(sys.platform != "linux", reason="how long a path may be differs")
def test_when_files_can_not_be_made_nothing_stays(lab: Any, tmp_path: Path) -> None:
    """The folder of the last camera has too long a path, of 4096 bytes and more."""
    folder = tmp_path
    while len(str(folder)) < 3800:
        folder /= "x" * 100
    folder /= "r" * (3999 - len(str(folder)))
    folder.parent.mkdir(parents=True)
    before = left_in(tmp_path)
    with Rig(settings_of(folder, [{}, {"name": "ü" * 64}])) as rig:
        recorder = Recorder(rig, rig.settings)
        with pytest.raises(OSError, match="name too long"):
            recorder.run()
    assert left_in(tmp_path) == before
    assert our_threads() == []


def test_drivers_that_raise_what_they_like_are_told_by_camera(lab: Any, tmp_path: Path) -> None:
    class Broken(LabCamera):
        def configure(self, *_: Any) -> Format:
            raise AttributeError("'NoneType' object has no attribute 'Width'")

    class Gone(LabCamera):
        def __init__(self, *_: Any) -> None:
            raise ZeroDivisionError

    lab.classes["2"] = Broken
    with pytest.raises(
        CameraError, match=r"^Camera2: AttributeError: 'NoneType' object has no att"
    ):
        Rig(settings_of(tmp_path, 3))
    lab.classes["1"] = Gone
    with pytest.raises(CameraError, match=r"^Camera1: ZeroDivisionError$"):
        Rig(settings_of(tmp_path, 3))
    assert len(lab.opened) == 5
    assert not any(camera.is_open for camera in lab.opened)


def test_a_camera_that_fails_when_it_is_closed_does_not_keep_the_others(
    lab: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING), Rig(settings_of(tmp_path, 3)):
        lab.opened[1].raises["close"] = RuntimeError("handle is invalid")
    assert not any(camera.is_open for camera in lab.opened)
    assert "can not be closed: RuntimeError: handle is invalid" in caplog.text


def test_stopped_before_it_begins_it_ends_at_once(lab: Any, tmp_path: Path) -> None:
    settings = settings_of(tmp_path / "rec", 2)
    with Rig(settings) as rig:
        recorder = Recorder(rig, settings)
        recorder.stop("never mind")
        recorder.stop("again")
        assert recorder.run().ended_by == "never mind"
    assert our_threads() == []
    assert read_recording_file(tmp_path / "rec").is_finished
