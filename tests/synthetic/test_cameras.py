"""Synthetic cameras: which frame is where can be read from the pixels."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from napari_sdannce.capture.cameras import (
    CameraError,
    CameraInfo,
    PixelLayout,
    SettingRefusedError,
    Trigger,
)
from napari_sdannce.settings.capture import CameraSettings
from napari_sdannce.synthetic.cameras import SyntheticCamera, SyntheticCameras, pattern
from napari_sdannce.synthetic.stamp import Stamp, read_stamp

if TYPE_CHECKING:
    from napari_sdannce.capture.cameras import Frame

DEBAYER = {
    # OpenCV names these filters by the pixels of the second row and column
    PixelLayout.BAYER_RG: cv2.COLOR_BayerBG2RGB,
    PixelLayout.BAYER_BG: cv2.COLOR_BayerRG2RGB,
    PixelLayout.BAYER_GR: cv2.COLOR_BayerGB2RGB,
    PixelLayout.BAYER_GB: cv2.COLOR_BayerGR2RGB,
}


def wanted(**settings: object) -> CameraSettings:
    return CameraSettings.model_validate(
        {"name": "Camera1", "serial": "1", "features": {"paced": False}} | settings
    )


def next_frame(camera: SyntheticCamera) -> Frame:
    frame = camera.grab(5)
    assert frame is not None
    return frame


def stamp_of(frame: Frame) -> Stamp | None:
    return None if frame.image is None else read_stamp(frame.image)


def test_there_are_six() -> None:
    found = SyntheticCameras().discover()
    assert [info.serial for info in found] == ["1", "2", "3", "4", "5", "6"]
    with pytest.raises(CameraError, match="number 7; there are: 1"):
        SyntheticCameras().open("7")


@pytest.mark.parametrize(
    ("name", "layout"),
    [
        ("Mono8", PixelLayout.MONO),
        ("RGB8", PixelLayout.RGB),
        ("BGR8", PixelLayout.BGR),
        ("BayerRG8", PixelLayout.BAYER_RG),
        ("BayerBG8", PixelLayout.BAYER_BG),
        ("BayerGR8", PixelLayout.BAYER_GR),
        ("BayerGB8", PixelLayout.BAYER_GB),
    ],
)
def test_every_frame_says_which_it_is(name: str, layout: PixelLayout) -> None:
    camera = SyntheticCameras().open("4")
    settings = wanted(pixel_format=name, width=320, height=200)
    shown = camera.configure(settings, 100, Trigger.FREE)
    assert (shown.width, shown.height, shown.layout, shown.fps) == (320, 200, layout, 100)
    camera.arm()
    for number in range(5):
        frame = next_frame(camera)
        assert frame.image is not None
        assert frame.image.nbytes == shown.bytes_per_frame
        assert frame.block_id == number
        assert read_stamp(frame.image) == Stamp(4, number)


@pytest.mark.parametrize("layout", list(DEBAYER))
def test_colour_filters_are_what_they_are_called(layout: PixelLayout) -> None:
    colours = pattern(96, 64, PixelLayout.RGB)
    found = cv2.cvtColor(pattern(96, 64, layout), DEBAYER[layout])
    inside = np.s_[8:-8, 8:24]  # red, away from the edges
    for third in range(3):
        part = np.s_[8:-8, 32 * third + 8 : 32 * third + 24]
        assert np.abs(found[part].astype(int) - colours[part]).max() <= 8
    assert found[inside][..., 0].mean() > 100


def test_bgr_is_rgb_from_behind() -> None:
    rgb, bgr = pattern(96, 64, PixelLayout.RGB), pattern(96, 64, PixelLayout.BGR)
    np.testing.assert_array_equal(rgb[..., ::-1], bgr)
    assert rgb[-1, 0].tolist() == [255, 0, 0]


def test_pulses_before_arming_are_not_counted() -> None:
    camera = SyntheticCamera(CameraInfo("synthetic", "2", "test pattern"))
    camera.configure(wanted(), 100, Trigger.HARDWARE)
    camera.pulse()
    camera.arm()
    assert camera.grab(0) is None
    camera.pulse()
    camera.pulse()
    assert [stamp_of(next_frame(camera)) for _ in range(2)] == [Stamp(2, 0), Stamp(2, 1)]
    camera.disarm()
    camera.pulse()
    assert camera.grab(0) is None


def test_lost_frames_are_missing_in_the_pictures() -> None:
    class Losing(SyntheticCamera):
        def arrives(self, number: int) -> bool:
            return number not in (1, 2)

    camera = Losing(CameraInfo("synthetic", "3", "test pattern"))
    camera.configure(wanted(), 100, Trigger.FREE)
    camera.arm()
    frames = [next_frame(camera) for _ in range(3)]
    assert [frame.block_id for frame in frames] == [0, 3, 4]
    assert [stamp_of(frame) for frame in frames] == [Stamp(3, 0), Stamp(3, 3), Stamp(3, 4)]


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"width": 100}, "synthetic camera 1: width 100: it takes 128 to 8192"),
        ({"height": 9000}, "height 9000: it takes 32 to 8192"),
        ({"pixel_format": "BayerRG8", "width": 321}, "it takes 128 to 8192 in steps of 2"),
        ({"pixel_format": "Mono12"}, "it takes Mono8, RGB8, BGR8, BayerRG8"),
        ({"gain_db": 3}, "gain_db can not be set"),
        ({"features": {"zoom": 2}}, "no feature 'zoom'; it has paced"),
    ],
)
def test_what_it_does_not_take_is_refused(settings: dict[str, object], says: str) -> None:
    camera = SyntheticCameras().open("1")
    with pytest.raises(SettingRefusedError) as refused:
        camera.configure(wanted(**settings), 100, Trigger.FREE)
    assert says in str(refused.value)
