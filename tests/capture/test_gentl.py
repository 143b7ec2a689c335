"""Cameras behind GenTL producers, with the simulated ones that the package genicam brings."""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from napari_sdannce.capture.back_ends.gentl import Gentl, GentlCamera
from napari_sdannce.capture.back_ends.gentl_producers import PATH_VARIABLE, producer_files
from napari_sdannce.capture.cameras import (
    CameraError,
    CameraLostError,
    PixelLayout,
    SettingRefusedError,
    Trigger,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from napari_sdannce.capture.cameras import Camera, Frame
    from napari_sdannce.settings.capture import CameraSettings

    Wanted = Callable[..., CameraSettings]
    Grab = Callable[[Camera, int], list[Frame]]
    Drain = Callable[[Camera], list[Frame]]

SMALL = {"width": 200, "height": 100, "pixel_format": "Mono8", "buffers": 4}


@pytest.fixture
def makers(viky: Path) -> Gentl:
    return Gentl([viky])


@pytest.fixture
def camera(makers: Gentl) -> Iterator[GentlCamera]:
    opened = makers.open("0")
    yield opened
    opened.close()


def test_cameras_are_found_also_while_one_is_open(
    makers: Gentl, camera: GentlCamera, wanted: Wanted, grab: Grab
) -> None:
    camera.configure(wanted(**SMALL), 200, Trigger.FREE)
    camera.arm()
    grab(camera, 1)
    found = makers.discover()
    assert [(info.back_end, info.serial, info.model) for info in found] == [
        ("gentl", "0", "Viky"),
        ("gentl", "1", "Viky"),
        ("gentl", "2", "Viky"),
    ]
    assert grab(camera, 1)[0].block_id == 1


def test_a_second_back_end_shares_the_producer(viky: Path, camera: GentlCamera) -> None:
    """A producer can be open once in a process."""
    assert len(Gentl([viky]).discover()) == 3


def test_a_wrong_serial_number_lists_those_there_are(makers: Gentl) -> None:
    with pytest.raises(CameraError, match=r"number 9; there are: 0 \(Viky\), 1 \(Viky\), 2 \(V"):
        makers.open("9")


def test_a_camera_that_somebody_has_is_told(makers: Gentl, camera: GentlCamera) -> None:
    with pytest.raises(CameraError, match=r"can not be opened; another .* already in use"):
        makers.open("0")
    camera.close()
    makers.open("0").close()


@pytest.mark.parametrize(
    ("settings", "fps", "says"),
    [
        ({"width": 50}, 50, "GenTL camera 0: width 50 (Width): it takes 100 to 800"),
        ({}, 33.3, "fps 33.3 (AcquisitionFrameRate): the camera makes 33 of it; it takes 1 to 200"),
        ({}, 500, "it takes 1 to 200 Hz in steps of 1"),
        ({"exposure_us": 10}, 50, "this camera has no feature ExposureTime or ExposureTimeAbs"),
        ({"pixel_format": "Mono12"}, 50, "it takes RGBa8, Mono8"),
        ({"features": {"BouncingBallSize": 41}}, 50, "BouncingBallSize 41: it takes 1 to 40"),
        ({"feature_file": "rig.pfs"}, 50, "GenTL knows no such files"),
    ],
)
def test_what_it_does_not_take_is_refused(
    camera: GentlCamera, wanted: Wanted, settings: dict[str, object], fps: float, says: str
) -> None:
    with pytest.raises(SettingRefusedError) as refused:
        camera.configure(wanted(**settings), fps, Trigger.FREE)
    assert says in str(refused.value)


@pytest.mark.parametrize("trigger", [Trigger.SOFTWARE, Trigger.HARDWARE])
def test_it_says_that_it_can_not_be_triggered(
    camera: GentlCamera, wanted: Wanted, trigger: Trigger
) -> None:
    with pytest.raises(SettingRefusedError, match="this camera can not wait for triggers"):
        camera.configure(wanted(), 50, trigger)
    camera.configure(wanted(), 50, Trigger.FREE)
    camera.arm()
    with pytest.raises(CameraError, match="not started by this program"):
        camera.trigger()


def test_frames_are_counted_from_arming(
    camera: GentlCamera, wanted: Wanted, grab: Grab, drain: Drain
) -> None:
    shown = camera.configure(wanted(**SMALL), 200, Trigger.FREE)
    assert (shown.width, shown.height, shown.layout) == (200, 100, PixelLayout.MONO)
    assert shown.fps == 200
    for _ in range(2):
        camera.arm()
        frames = grab(camera, 4)
        assert [frame.block_id for frame in frames] == [0, 1, 2, 3]
        assert {frame.camera_ns for frame in frames} == {None}  # it has no clock
        images = [frame.image for frame in frames if frame.image is not None]
        assert [image.shape for image in images] == [(100, 200)] * 4
        assert not any(np.shares_memory(images[0], image) for image in images[1:])
        camera.disarm()
        left = [frame.block_id for frame in drain(camera)]
        assert left == list(range(4, 4 + len(left)))
    assert camera.health().values["num_underrun"] == 0


@pytest.mark.parametrize(("serial", "channel"), [("0", 0), ("1", 1), ("2", 2)])
def test_colours_are_where_they_belong(
    makers: Gentl, wanted: Wanted, grab: Grab, serial: str, channel: int
) -> None:
    """The three cameras show a red, a green and a blue ball on white."""
    camera = makers.open(serial)
    shown = camera.configure(wanted(**SMALL | {"pixel_format": "RGBa8"}), 200, Trigger.FREE)
    assert shown.layout is PixelLayout.RGB
    camera.arm()
    (frame,) = grab(camera, 1)
    camera.close()
    assert frame.image is not None
    assert frame.image.shape == (100, 200, 3)
    brightness = frame.image.reshape(-1, 3).mean(axis=0)
    assert brightness.argmax() == channel
    assert brightness[channel] == 255


def test_buffers_that_are_not_whole_count(
    camera: GentlCamera, wanted: Wanted, grab: Grab, monkeypatch: pytest.MonkeyPatch
) -> None:
    camera.configure(wanted(**SMALL), 100, Trigger.FREE)
    answers = iter([True, False, True, True])
    monkeypatch.setattr(camera._gentl.Buffer, "is_complete", lambda _: next(answers))
    camera.arm()
    frames = grab(camera, 4)
    assert [frame.block_id for frame in frames] == [0, 1, 2, 3]
    assert [frame.image is None for frame in frames] == [False, True, False, False]
    assert frames[1].trouble == "the buffer was incompletely filled"


def test_a_camera_that_does_not_answer_is_lost(
    camera: GentlCamera, wanted: Wanted, grab: Grab, drain: Drain, monkeypatch: pytest.MonkeyPatch
) -> None:
    camera.configure(wanted(**SMALL), 100, Trigger.FREE)
    camera.arm()
    grab(camera, 2)
    camera.disarm()
    drain(camera)

    def silent(*_: object) -> None:
        raise camera._gentl.IoException("no answer")

    with monkeypatch.context() as patch:
        patch.setattr(camera._gentl.Port, "read", silent)
        with pytest.raises(CameraLostError, match=r"camera 0 is not there any more.*no answer"):
            camera.grab(0.01)
        with pytest.raises(CameraLostError):
            camera.configure(wanted(width=1), 100, Trigger.FREE)
        camera.disarm()
        camera.close()
    assert camera.health().values == {}


def test_producers_are_those_of_the_environment(
    tmp_path: Path, viky: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("b.cti", "a.cti", "notes.txt"):
        (tmp_path / name).touch()
    places = [tmp_path, viky, tmp_path / "gone", tmp_path / "a.cti"]
    monkeypatch.setenv(PATH_VARIABLE, os.pathsep.join(map(str, places)))
    found = [tmp_path / "a.cti", tmp_path / "b.cti", viky]
    assert producer_files() == [file.resolve() for file in found]


def test_without_producers_it_says_what_to_get(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("genicam")
    monkeypatch.delenv(PATH_VARIABLE, raising=False)
    with pytest.raises(CameraError, match="maker's software, which brings a producer"):
        Gentl()


def test_a_broken_producer_does_not_hide_the_others(
    tmp_path: Path, viky: Path, caplog: pytest.LogCaptureFixture
) -> None:
    broken = tmp_path / "broken.cti"
    broken.write_bytes(b"no library")
    with pytest.raises(CameraError, match=r"no GenTL producer can be used: .*broken\.cti"):
        Gentl([broken])
    with caplog.at_level(logging.WARNING):
        assert len(Gentl([broken, viky]).discover()) == 3
    assert "broken.cti" in caplog.text


def test_three_cameras_at_once(makers: Gentl, wanted: Wanted, grab: Grab) -> None:
    cameras: list[Any] = [makers.open(serial) for serial in "012"]
    for camera in cameras:
        camera.configure(wanted(**SMALL), 100, Trigger.FREE)
        camera.arm()
    for camera in cameras:
        assert [frame.block_id for frame in grab(camera, 3)] == [0, 1, 2]
    for camera in cameras:
        camera.close()


class Waiting:
    """Features of a camera that becomes ready for a trigger after a while."""

    def __init__(self, not_ready: int) -> None:
        self.camera = "camera"
        self.not_ready = not_ready
        self.triggered_after: list[int] = []
        self.asked = 0

    def find(self, name: str) -> Any:
        known = {
            "AcquisitionStatusSelector": self,
            "AcquisitionStatus": self._Status(self),
            "TriggerSoftware": self._Trigger(self),
        }
        return known.get(name)

    is_writable = False

    def read(self) -> str:
        return "FrameTriggerWait"

    class _Status:
        def __init__(self, camera: Waiting) -> None:
            self.camera = camera

        def read(self) -> bool:
            self.camera.asked += 1
            return self.camera.asked > self.camera.not_ready

    class _Trigger:
        is_writable = True

        def __init__(self, camera: Waiting) -> None:
            self.camera = camera

        def write(self, value: object) -> None:
            self.camera.triggered_after.append(self.camera.asked)


def test_a_trigger_waits_until_the_camera_is_ready(
    camera: GentlCamera, monkeypatch: pytest.MonkeyPatch
) -> None:
    features = Waiting(not_ready=2)
    monkeypatch.setattr(camera, "_features", features)
    monkeypatch.setattr(camera, "_trigger", Trigger.SOFTWARE)
    camera.trigger()
    camera.trigger()
    assert features.triggered_after == [3, 4]
    features.not_ready = 1000
    monkeypatch.setattr("napari_sdannce.capture.back_ends.gentl.READY_S", 0.0)
    with pytest.raises(CameraError, match="was not ready for a trigger within 0 s"):
        camera.trigger()
