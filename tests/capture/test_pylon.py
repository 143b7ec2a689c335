"""Basler cameras, through pypylon and its emulated cameras."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest

from napari_sdannce.capture.back_ends.pixel_formats import FORMATS
from napari_sdannce.capture.back_ends.pylon import Pylon, PylonCamera
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

SERIALS = [f"0815-000{i}" for i in range(6)]
SMALL = {"width": 64, "height": 48, "exposure_us": 100}
"""So that the emulator is fast."""


@pytest.fixture(scope="module")
def basler() -> Pylon:
    """Searches once: pylon asks the network for a quarter of a second each time."""

    class Remembering(Pylon):
        def _devices(self) -> list[Any]:
            return found

    found = list(Pylon()._devices())
    return Remembering()


@pytest.fixture
def camera(basler: Pylon) -> Iterator[PylonCamera]:
    opened = basler.open(SERIALS[0])
    value(opened, "PixelFormat", "Mono8")
    yield opened
    opened.close()


def node(camera: PylonCamera, name: str) -> Any:
    return camera._device.GetNodeMap().GetNode(name)


def value(camera: PylonCamera, name: str, new: object = None) -> object:
    """What the camera itself holds, past our own code."""
    if new is not None:
        node(camera, name).SetValue(new)
    return node(camera, name).GetValue()


def unplug(camera: PylonCamera) -> None:
    node(camera, "FirePnPCallback").Execute()


def test_cameras_are_found_by_serial_number() -> None:
    found = Pylon().discover()
    assert [info.serial for info in found] == SERIALS
    assert {(info.back_end, info.model) for info in found} == {("basler", "Emulation")}


def test_a_wrong_serial_number_lists_those_there_are(basler: Pylon) -> None:
    with pytest.raises(CameraError, match=r"number 4711; there are: 0815-0000 \(Emulation\), 0815"):
        basler.open("4711")


def test_a_camera_that_another_program_has_is_told(
    basler: Pylon, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The emulator lets several have a camera, so that what pylon says is put into its mouth."""

    class Taken:
        def __init__(self, device: object) -> None: ...

        def Open(self) -> None:
            raise basler._genicam.RuntimeException(
                "The device is controlled by another application. Err: 0xE1018006 : "
                "RuntimeException thrown (file 'x.cpp', line 3)"
            )

    monkeypatch.setattr(basler._pylon, "InstantCamera", Taken)
    with pytest.raises(CameraError) as refused:
        basler.open(SERIALS[1])
    assert str(refused.value) == (
        "Basler camera 0815-0001 can not be opened; another program may have it: "
        "The device is controlled by another application. Err: 0xE1018006"
    )


def test_settings_arrive_in_the_camera(camera: PylonCamera, wanted: Wanted) -> None:
    settings = wanted(
        width=320,
        height=200,
        offset_x=16,
        offset_y=8,
        pixel_format="BayerRG8",
        exposure_us=1234.5,
        gain_db=3.37,
        gamma=0.45,
        output_line="Line2",
        features={"ReverseX": True, "TriggerActivation": "FallingEdge", "BlackLevel": 4},
        buffers=17,
    )
    shown = camera.configure(settings, 33.3333, Trigger.FREE)
    assert (shown.width, shown.height, shown.layout) == (320, 200, PixelLayout.BAYER_RG)
    assert shown.fps == pytest.approx(33.33)
    assert (value(camera, "OffsetX"), value(camera, "OffsetY")) == (16, 8)
    assert value(camera, "ExposureTime") == pytest.approx(1234.5, abs=1)  # it keeps whole ones
    assert value(camera, "Gain") == pytest.approx(3.37, abs=1e-3)
    assert value(camera, "Gamma") == pytest.approx(0.45, abs=1e-5)
    assert value(camera, "LineSource") == "ExposureActive"
    assert value(camera, "LineMode") == "Output"
    assert value(camera, "ReverseX") is True
    assert value(camera, "TriggerActivation") == "FallingEdge"
    assert camera._device.MaxNumBuffer.GetValue() == 17


def test_what_is_left_open_stays(camera: PylonCamera, wanted: Wanted) -> None:
    camera.configure(wanted(**SMALL, gain_db=6), 50, Trigger.FREE)
    shown = camera.configure(wanted(), 50, Trigger.FREE)
    assert (shown.width, shown.height) == (64, 48)
    assert value(camera, "Gain") == pytest.approx(6, abs=0.01)


@pytest.mark.parametrize(
    ("settings", "fps", "says"),
    [
        ({"width": 5000}, 50, "width 5000 (Width): it takes 1 to 4096"),
        ({"width": 4000, "offset_x": 97}, 50, "offset_x 97 (OffsetX): it takes 0 to 96"),
        ({"pixel_format": "Mono9"}, 50, "Mono8, Mono10, Mono12, Mono16, BGRA8Packed"),
        ({"pixel_format": "RGB16Packed"}, 50, "can not be recorded; of those"),
        ({"exposure_us": 1e9}, 50, "exposure_us 1000000000.0 (ExposureTime): it takes 1 to 10000"),
        ({"exposure_us": 30000}, 50, "it exposes for 30000 us, longer than the 20000 us"),
        ({"gain_db": 49}, 50, "gain_db 49.0 (Gain): it takes 0 to 48 dB"),
        ({"gamma": 5}, 50, "gamma 5.0 (Gamma): it takes 0 to 4"),
        ({"output_line": "Line7"}, 50, "(LineSelector): it takes Line1, Line2, Line3"),
        ({}, 9999, "fps 9999 (AcquisitionFrameRate): it takes 0.01 to 5000 Hz"),
        ({"features": {"BinningHorizontal": 9}}, 50, "BinningHorizontal 9: it takes 1 to 4"),
        ({"features": {"Binning": 2}}, 50, "this camera has no feature Binning"),
        ({"features": {"LineMode": "Up"}}, 50, "LineMode Up: it takes Input, Output, InOut"),
    ],
)
def test_what_it_does_not_take_is_refused(
    camera: PylonCamera, wanted: Wanted, settings: dict[str, object], fps: float, says: str
) -> None:
    with pytest.raises(SettingRefusedError) as refused:
        camera.configure(wanted(**SMALL | settings), fps, Trigger.FREE)
    assert says in str(refused.value)
    assert str(refused.value).startswith("Basler camera 0815-0000: ")


def test_an_unknown_line_is_refused(camera: PylonCamera, wanted: Wanted) -> None:
    with pytest.raises(SettingRefusedError, match=r"trigger_line Line9 .*it takes Software, Line1"):
        camera.configure(wanted(**SMALL, trigger_line="Line9"), 50, Trigger.HARDWARE)


def test_six_cameras_armed_and_then_triggered_count_alike(
    basler: Pylon, wanted: Wanted, grab: Grab
) -> None:
    cameras = [basler.open(serial) for serial in SERIALS]
    try:
        for camera in cameras:
            camera.configure(wanted(**SMALL, pixel_format="Mono8"), 20, Trigger.SOFTWARE)
        for camera in cameras:
            camera.arm()
        for _ in range(5):
            for camera in cameras:
                camera.trigger()
        for camera in cameras:
            camera.disarm()
            assert [frame.block_id for frame in grab(camera, 5)] == [0, 1, 2, 3, 4]
            assert camera.grab(0.02) is None
    finally:
        for camera in cameras:
            camera.close()


def test_a_trigger_comes_while_another_thread_waits(
    camera: PylonCamera, wanted: Wanted, grab: Grab
) -> None:
    camera.configure(wanted(**SMALL), 20, Trigger.SOFTWARE)
    camera.arm()
    found: list[Frame] = []
    waiting = threading.Thread(target=lambda: found.extend(grab(camera, 3)))
    waiting.start()
    for _ in range(3):
        camera.trigger()
    waiting.join()
    assert [frame.block_id for frame in found] == [0, 1, 2]


def test_a_free_camera_is_not_triggered(camera: PylonCamera, wanted: Wanted) -> None:
    camera.configure(wanted(**SMALL), 50, Trigger.FREE)
    camera.arm()
    with pytest.raises(CameraError, match="not started by this program"):
        camera.trigger()


def test_without_pulses_nothing_comes(camera: PylonCamera, wanted: Wanted) -> None:
    camera.configure(wanted(**SMALL, trigger_line="Line2"), 50, Trigger.HARDWARE)
    camera.arm()
    assert camera.grab(0.05) is None
    assert (value(camera, "TriggerMode"), value(camera, "TriggerSource")) == ("On", "Line2")


def test_frames_of_a_free_camera(camera: PylonCamera, wanted: Wanted, grab: Grab) -> None:
    camera.configure(wanted(**SMALL), 200, Trigger.FREE)
    camera.arm()
    frames = grab(camera, 5)
    assert [frame.block_id for frame in frames] == [0, 1, 2, 3, 4]
    assert {frame.camera_ns for frame in frames} == {None}  # the emulator says 0
    times = [frame.host_ns for frame in frames]
    assert times == sorted(times)
    assert np.ptp([frame.utc_ns - frame.host_ns for frame in frames]) < 1e8
    images = [frame.image for frame in frames if frame.image is not None]
    assert len(images) == 5
    assert not any(np.shares_memory(images[0], image) for image in images[1:])
    assert images[0].flags.writeable


def test_disarmed_it_exposes_no_more_but_hands_out_what_it_has(
    camera: PylonCamera, wanted: Wanted, grab: Grab, drain: Drain
) -> None:
    camera.configure(wanted(**SMALL), 200, Trigger.FREE)
    camera.arm()
    grab(camera, 2)
    camera.disarm()
    left = [frame.block_id for frame in drain(camera)]
    assert left == list(range(2, 2 + len(left)))
    camera.arm()
    assert grab(camera, 1)[0].block_id == 0


def test_failed_buffers_count(camera: PylonCamera, wanted: Wanted, grab: Grab) -> None:
    camera.configure(wanted(**SMALL), 20, Trigger.SOFTWARE)
    camera.arm()
    frames = []
    for is_failing in (False, True, True, False):
        if is_failing:
            value(camera, "ForceFailedBufferCount", 1)
            node(camera, "ForceFailedBuffer").Execute()
        camera.trigger()
        frames += grab(camera, 1)
    assert [frame.block_id for frame in frames] == [0, 1, 2, 3]
    assert [frame.image is None for frame in frames] == [False, True, True, False]
    assert [bool(frame.trouble) for frame in frames] == [False, True, True, False]
    assert "incompletely grabbed" in frames[1].trouble


def test_skipped_images_leave_a_gap(
    basler: Pylon, wanted: Wanted, grab: Grab, until: Callable[[Callable[[], bool]], None]
) -> None:
    """A camera whose SDK throws old images away, as one does whose buffers are all full."""

    class Forgetful(PylonCamera):
        def _strategy(self) -> Any:
            return self._pylon.GrabStrategy_LatestImageOnly

    opened = basler.open(SERIALS[2])
    camera = Forgetful(opened.info, opened._device, basler._pylon, basler._genicam)
    camera.configure(wanted(**SMALL), 200, Trigger.FREE)
    camera.arm()
    until(lambda: camera.health().values["Total_Buffer_Count"] >= 5)
    first = grab(camera, 1)[0].block_id
    assert first is not None
    assert first >= 4
    assert camera.health().values["Skipped_Images"] == first
    camera.close()


def test_an_unplugged_camera_is_lost(camera: PylonCamera, wanted: Wanted, grab: Grab) -> None:
    camera.configure(wanted(**SMALL), 20, Trigger.SOFTWARE)
    camera.arm()
    camera.trigger()
    grab(camera, 1)
    unplug(camera)
    for use in (
        lambda: camera.grab(0.05),
        camera.trigger,
        camera.arm,
        lambda: camera.configure(wanted(), 20, Trigger.FREE),
    ):
        with pytest.raises(CameraLostError, match="0815-0000 is not there any more"):
            use()
    camera.disarm()
    assert camera.health().values == {}
    camera.close()


def test_the_one_that_waits_hears_that_it_is_lost(camera: PylonCamera, wanted: Wanted) -> None:
    camera.configure(wanted(**SMALL), 20, Trigger.SOFTWARE)
    camera.arm()
    heard: list[Exception] = []

    def wait() -> None:
        try:
            while True:
                camera.grab(0.05)
        except CameraError as error:
            heard.append(error)

    waiting = threading.Thread(target=wait)
    waiting.start()
    unplug(camera)
    waiting.join()
    assert [type(error) for error in heard] == [CameraLostError]


def test_closed_it_is_quiet(basler: Pylon) -> None:
    """Asked for the statistics of a device that is destroyed, pylon ends the process."""
    camera = basler.open(SERIALS[3])
    assert "Total_Buffer_Count" in camera.health().values
    camera.close()
    camera.close()
    assert camera.health().values == {}
    basler.open(SERIALS[3]).close()


@pytest.mark.parametrize(
    ("pixel_format", "layout", "is_colour"),
    [
        ("Mono8", PixelLayout.MONO, False),
        ("Mono12", PixelLayout.MONO, False),
        ("BayerBG8", PixelLayout.BAYER_BG, False),
        ("RGB8Packed", PixelLayout.RGB, True),
        ("BGR8Packed", PixelLayout.BGR, True),
        ("BGRA8Packed", PixelLayout.BGR, True),
    ],
)
def test_images_come_through_the_sdk_exactly(
    camera: PylonCamera,
    wanted: Wanted,
    grab: Grab,
    tmp_path: Path,
    pixel_format: str,
    layout: PixelLayout,
    is_colour: bool,
) -> None:
    shape = (48, 64, 3) if is_colour else (48, 64)
    pictures = np.random.default_rng(0).integers(0, 256, (3, *shape), dtype=np.uint8)
    for i, picture in enumerate(pictures):
        bgr = picture[..., ::-1] if layout is PixelLayout.RGB else picture
        assert cv2.imwrite(str(tmp_path / f"{i}.png"), bgr)
    served = {"TestImageSelector": "Off", "ImageFilename": str(tmp_path), "ImageFileMode": "On"}
    settings = wanted(**SMALL, pixel_format=pixel_format, features=served)
    assert camera.configure(settings, 20, Trigger.SOFTWARE).layout is layout
    camera.arm()
    for picture in (*pictures, pictures[0]):
        camera.trigger()
        np.testing.assert_array_equal(grab(camera, 1)[0].image, picture)


def test_all_formats_that_it_has_and_we_know(
    camera: PylonCamera, wanted: Wanted, grab: Grab
) -> None:
    known = [word for word in node(camera, "PixelFormat").Symbolics if word in FORMATS]
    assert len(known) == 23
    for name in known:
        settings = wanted(**SMALL, pixel_format=name)
        shown = camera.configure(settings, 50, Trigger.SOFTWARE)
        camera.arm()
        camera.trigger()
        (frame,) = grab(camera, 1)
        assert frame.image is not None
        assert frame.image.dtype == np.uint8
        assert frame.image.nbytes == shown.bytes_per_frame


def test_a_feature_file_is_read_first(camera: PylonCamera, wanted: Wanted, tmp_path: Path) -> None:
    file = tmp_path / "rig.pfs"
    camera.configure(wanted(width=640, height=480, gain_db=6), 50, Trigger.FREE)
    persistence = camera._pylon.FeaturePersistence
    persistence.Save(str(file), camera._device.GetNodeMap())
    camera.configure(wanted(**SMALL, gain_db=0), 50, Trigger.FREE)
    shown = camera.configure(wanted(feature_file=file, height=400), 50, Trigger.FREE)
    assert (shown.width, shown.height) == (640, 400)
    assert value(camera, "Gain") == pytest.approx(6, abs=0.01)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (("Gain\t", "Gian\t"), "'Gian' not found"),
        (("Width\t64\n", "Width\t64000\n"), "Error while verifying the value of node"),
        (("# {05D8C294", "# {00000000"), "not a GenApi feature stream"),
    ],
)
def test_a_feature_file_that_does_not_fit_is_refused(
    camera: PylonCamera, wanted: Wanted, tmp_path: Path, change: tuple[str, str], says: str
) -> None:
    camera.configure(wanted(**SMALL), 50, Trigger.FREE)
    file = tmp_path / "rig.pfs"
    camera._pylon.FeaturePersistence.Save(str(file), camera._device.GetNodeMap())
    text = file.read_text()
    assert change[0] in text
    file.write_text(text.replace(*change))
    with pytest.raises(SettingRefusedError, match=r"feature_file .*rig\.pfs") as refused:
        camera.configure(wanted(feature_file=file), 50, Trigger.FREE)
    assert says in str(refused.value)
    with pytest.raises(SettingRefusedError, match=r"other\.pfs: .*could not opened for reading"):
        camera.configure(wanted(feature_file=tmp_path / "other.pfs"), 50, Trigger.FREE)
