"""Webcams and network cameras, with FFmpeg's test picture and a server in place of them."""

from __future__ import annotations

import sys
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import av
import cv2
import numpy as np
import pytest

from napari_sdannce.capture.back_ends import webcam
from napari_sdannce.capture.back_ends.webcam import Source, Webcam, Webcams
from napari_sdannce.capture.cameras import (
    CameraError,
    CameraInfo,
    CameraLostError,
    PixelLayout,
    SettingRefusedError,
    Trigger,
)
from napari_sdannce.synthetic.stamp import Stamp, draw_stamp, read_stamp

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from napari_sdannce.capture.cameras import Camera, Frame
    from napari_sdannce.settings.capture import CameraSettings

    Wanted = Callable[..., CameraSettings]
    Grab = Callable[[Camera, int], list[Frame]]

INFO = CameraInfo("webcam", "/dev/video7", "test picture")


def made_up(length: str = "") -> Webcam:
    """A camera that FFmpeg makes up: 64 x 48 px, 100 frames a second, brighter and brighter."""
    picture = f"nullsrc=size=64x48:rate=100{length},geq=lum=20+mod(N\\,200):cb=128:cr=128,realtime"
    return Webcam(INFO, Source(picture, "lavfi"))


@pytest.fixture
def camera() -> Iterator[Webcam]:
    made = made_up()
    yield made
    made.close()


def until_lost(camera: Webcam) -> list[Frame]:
    """All frames that come before a camera is lost."""
    frames = []
    try:
        while (frame := camera.grab(10)) is not None:
            frames.append(frame)
    except CameraLostError:
        return frames
    pytest.fail("it sends nothing, and is not lost")


def test_frames_arrive_with_their_times(camera: Webcam, wanted: Wanted, grab: Grab) -> None:
    shown = camera.configure(wanted(), 100, Trigger.FREE)
    assert (shown.width, shown.height, shown.layout) == (64, 48, PixelLayout.RGB)
    assert shown.fps == 100
    camera.arm()
    frames = grab(camera, 5)
    assert {frame.block_id for frame in frames} == {None}  # it does not count
    times = [frame.camera_ns for frame in frames if frame.camera_ns is not None]
    assert np.diff(times).tolist() == [10_000_000] * 4
    images = [frame.image for frame in frames if frame.image is not None]
    assert [image.shape for image in images] == [(48, 64, 3)] * 5
    assert np.diff([image.mean() for image in images]) == pytest.approx([255 / 219] * 4, abs=1)


def test_grey_is_the_luma(camera: Webcam, wanted: Wanted, grab: Grab) -> None:
    shown = camera.configure(wanted(pixel_format="Mono8"), 100, Trigger.FREE)
    assert shown.layout is PixelLayout.MONO
    camera.arm()
    (frame,) = grab(camera, 1)
    assert frame.image is not None
    assert frame.image.shape == (48, 64)


def test_only_what_arrives_while_armed_is_kept(camera: Webcam, wanted: Wanted, grab: Grab) -> None:
    camera.configure(wanted(), 100, Trigger.FREE)
    assert camera.grab(0.05) is None
    camera.arm()
    grab(camera, 2)
    camera.disarm()
    while camera.grab(0.05) is not None:
        pass
    camera.arm()
    grab(camera, 1)


def test_frames_without_a_buffer_are_told(
    camera: Webcam, wanted: Wanted, grab: Grab, until: Callable[[Callable[[], bool]], None]
) -> None:
    camera.configure(wanted(buffers=2), 100, Trigger.FREE)
    camera.arm()
    until(lambda: camera.health().values["no_buffer"] >= 2)
    frames = grab(camera, 4)
    assert [frame.image is None for frame in frames] == [False, False, True, True]
    assert frames[2].trouble == "all buffers were full"


def test_a_camera_that_ends_is_lost(wanted: Wanted, grab: Grab) -> None:
    camera = made_up(":duration=0.1")
    camera.configure(wanted(buffers=100), 100, Trigger.FREE)
    camera.arm()
    assert len(until_lost(camera)) <= 10
    with pytest.raises(CameraLostError, match="sends nothing any more: it ended"):
        camera.grab(5)
    assert camera.health().values == {}
    camera.configure(wanted(), 100, Trigger.FREE)  # plugged in again
    camera.arm()
    grab(camera, 1)
    camera.close()
    camera.close()


@pytest.mark.parametrize(
    ("settings", "fps", "trigger", "says"),
    [
        ({}, 30, Trigger.FREE, "webcam /dev/video7: fps 30: it sends 100 frames a second"),
        ({}, 100, Trigger.SOFTWARE, "trigger software: a camera of this kind can only be free"),
        ({"width": 320}, 100, Trigger.FREE, "of 320 x 48 px are wanted; they are 64 x 48"),
        ({"exposure_us": 5}, 100, Trigger.FREE, "exposure_us can not be set; of a camera of this"),
        ({"trigger_line": "Line3", "gamma": 1}, 100, Trigger.FREE, "gamma can not be set"),
        ({"pixel_format": "YUYV"}, 100, Trigger.FREE, "it takes Mono8 or RGB8"),
        ({"features": {"zoom": 3}}, 100, Trigger.FREE, "it has no feature 'zoom'"),
    ],
)
def test_what_it_can_not_do_is_refused(
    camera: Webcam,
    wanted: Wanted,
    settings: dict[str, object],
    fps: float,
    trigger: Trigger,
    says: str,
) -> None:
    with pytest.raises(SettingRefusedError) as refused:
        camera.configure(wanted(**settings), fps, trigger)
    assert says in str(refused.value)


def test_it_is_never_triggered(camera: Webcam) -> None:
    with pytest.raises(CameraError, match="not started by this program"):
        camera.trigger()
    with pytest.raises(CameraError, match="is not set up"):
        camera.arm()


@dataclass
class FakeDevice:
    name: str
    description: str
    media_types: list[str] = field(default_factory=lambda: ["video"])


def plug_in(monkeypatch: pytest.MonkeyPatch, system: str, kind: str, *devices: FakeDevice) -> None:
    def listed(name: str) -> list[FakeDevice]:
        assert name == kind
        return list(devices)

    monkeypatch.setattr(sys, "platform", system)
    monkeypatch.setattr(av, "enumerate_input_devices", listed)


def test_webcams_keep_their_name_at_any_socket(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    device = tmp_path / "video0"
    device.touch()
    names = tmp_path / "by-id"
    names.mkdir()
    (names / "usb-Logitech_C920_1234-video-index0").symlink_to(device)
    monkeypatch.setattr(webcam, "_NAMES", names)
    plug_in(
        monkeypatch,
        "linux",
        "v4l2",
        FakeDevice(str(device), "C920"),
        FakeDevice("/dev/video4", ""),
        FakeDevice("hw:0", "microphone", ["audio"]),
    )
    assert [(info.serial, info.model) for info in Webcams().discover()] == [
        (str(names / "usb-Logitech_C920_1234-video-index0"), "C920"),
        ("/dev/video4", "webcam"),
    ]
    with pytest.raises(CameraError, match=r"no webcam is called /dev/video9; there are: .*C920"):
        Webcams().open("/dev/video9")


@pytest.mark.parametrize(
    ("system", "kind", "url"),
    [("linux", "v4l2", "cam"), ("win32", "dshow", "video=cam"), ("darwin", "avfoundation", "cam")],
)
def test_size_and_rate_are_asked_of_a_device(
    wanted: Wanted, monkeypatch: pytest.MonkeyPatch, system: str, kind: str, url: str
) -> None:
    asked: dict[str, Any] = {}

    def opening(url: str, **more: Any) -> Any:
        asked.update(more, url=url)
        raise OSError("no such device")

    plug_in(monkeypatch, system, kind, FakeDevice("cam", "Cam"))
    monkeypatch.setattr(av, "open", opening)
    camera = Webcams().open("cam")
    with pytest.raises(CameraError, match=r"webcam cam can not be opened with .*no such device"):
        camera.configure(wanted(width=640, height=480), 29.97, Trigger.FREE)
    assert (asked["url"], asked["format"]) == (url, kind)
    assert asked["options"] == {"framerate": "29.97", "video_size": "640x480"}


N_SENT = 60
N_FIRST = 30
"""So many come before somebody wants them; FFmpeg takes some to see what they are."""


@dataclass
class Served:
    """A network camera that sends JPEGs whose stamps say which they are, in two halves."""

    address: str
    second_half: threading.Event = field(default_factory=threading.Event)


@pytest.fixture
def served() -> Iterator[Served]:
    class Sending(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None: ...

        def do_GET(self) -> None:
            if self.path != "/live":
                self.send_error(404)
                return
            self.send_response(200)
            self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=next")
            self.end_headers()
            for number in range(N_SENT):
                if number == N_FIRST:
                    camera.second_half.wait()
                self.wfile.write(part(number))

    server = ThreadingHTTPServer(("127.0.0.1", 0), Sending)
    camera = Served(f"http://127.0.0.1:{server.server_port}/live")
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield camera
    camera.second_half.set()
    server.shutdown()
    thread.join()
    server.server_close()


def part(number: int) -> bytes:
    """An image of a stream; two are damaged."""
    image = np.full((64, 160, 3), 90, dtype=np.uint8)
    draw_stamp(image, Stamp(3, number))
    data = cv2.imencode(".jpg", image)[1].tobytes()
    if number in (40, 41):
        data = data[:20] + bytes(40)
    head = f"--next\r\nContent-Type: image/jpeg\r\nContent-Length: {len(data)}\r\n\r\n"
    return head.encode() + data + b"\r\n"


def number_in(frame: Frame) -> int | None:
    stamp = None if frame.image is None else read_stamp(frame.image)
    return None if stamp is None else stamp.exposure


def test_a_network_camera_is_named_by_its_address(served: Served, wanted: Wanted) -> None:
    camera = Webcams().open(served.address)
    shown = camera.configure(wanted(buffers=100), 50, Trigger.FREE)
    assert (shown.width, shown.height, shown.fps) == (160, 64, None)
    camera.arm()
    served.second_half.set()
    frames = until_lost(camera)
    numbers = [number_in(frame) for frame in frames]
    assert numbers[-30:] == [None if n in (40, 41) else n for n in range(30, 60)]
    assert [frame.trouble for frame in frames[-20:]] == ["what arrived can not be decoded"] * 2 + [
        ""
    ] * 18
    camera.close()


def test_an_address_where_nothing_is_is_told(served: Served, wanted: Wanted) -> None:
    camera = Webcams().open(served.address.replace("live", "dead"))
    with pytest.raises(CameraError, match=r"can not be opened with no options: .*/dead"):
        camera.configure(wanted(), 50, Trigger.FREE)
