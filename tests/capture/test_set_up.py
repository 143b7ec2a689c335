"""Settings become features of GenICam: in the order cameras need, exactly, or refused."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from napari_sdannce.capture.back_ends.features import Kind, Limits
from napari_sdannce.capture.back_ends.set_up import set_up
from napari_sdannce.capture.cameras import CameraError, SettingRefusedError, Trigger

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_sdannce.capture.back_ends.features import Value
    from napari_sdannce.settings.capture import CameraSettings

SENSOR = 1024


@dataclass
class FakeFeature:
    camera: FakeCamera
    name: str
    kind: Kind
    choices: tuple[str, ...] = ()
    low: float = 0
    high: float = 0
    step: float | None = None
    unit: str = ""
    is_writable: bool = True

    def read(self) -> Value:
        return self.camera.values[self.name]

    def write(self, value: Value) -> None:
        self.camera.write(self, value)

    def limits(self) -> Limits:
        other = {"Width": "OffsetX", "OffsetX": "Width"}.get(self.name)
        high = SENSOR - int(self.camera.values[other]) if other else self.high
        return Limits(self.low, high, self.step, self.unit)

    def words(self) -> tuple[str, ...]:
        return self.choices


@dataclass
class FakeCamera:
    """A camera of 2012: old names, steps of 16 px, width and offset that limit each other."""

    camera: str = "old camera 7"
    features: dict[str, FakeFeature] = field(default_factory=dict)
    values: dict[str, Value] = field(default_factory=dict)
    done: list[tuple[str, Value]] = field(default_factory=list)

    def add(self, name: str, kind: Kind, value: Value, **more: object) -> None:
        self.features[name] = FakeFeature(self, name, kind, **more)  # type: ignore[arg-type]
        self.values[name] = value

    def find(self, name: str) -> FakeFeature | None:
        return self.features.get(name)

    def write(self, feature: FakeFeature, value: Value) -> None:
        limits = feature.limits()
        if feature.kind in (Kind.WHOLE, Kind.NUMBER) and not (
            limits.low <= float(value) <= limits.high
        ):
            raise CameraError("out of range")
        self.done.append((feature.name, value))
        if feature.name == "ExposureTimeAbs":
            value = round(float(value) / 35) * 35.0  # in steps of lines, which it does not tell
        self.values[feature.name] = value


@pytest.fixture
def camera() -> FakeCamera:
    camera = FakeCamera()
    for name in ("Width", "Height"):
        camera.add(name, Kind.WHOLE, 1024, low=16, high=SENSOR, step=16)
    for name in ("OffsetX", "OffsetY"):
        camera.add(name, Kind.WHOLE, 0, low=0, high=SENSOR, step=2)
    camera.add("PixelFormat", Kind.WORD, "Mono8", choices=("Mono8", "YUV422Packed", "Mono12"))
    camera.add("ExposureTimeAbs", Kind.NUMBER, 2000.0, low=35, high=1e6)
    camera.add("ExposureAuto", Kind.WORD, "Continuous", choices=("Off", "Continuous"))
    camera.add("GainRaw", Kind.WHOLE, 10, low=0, high=100)
    camera.add("AcquisitionFrameRateEnable", Kind.FLAG, value=False)
    camera.add("AcquisitionFrameRateAbs", Kind.NUMBER, 30.0, low=1, high=500)
    camera.add("ResultingFrameRateAbs", Kind.NUMBER, 120.0, is_writable=False)
    camera.add(
        "TriggerSelector", Kind.WORD, "FrameStart", choices=("AcquisitionStart", "FrameStart")
    )
    camera.add("TriggerMode", Kind.WORD, "Off", choices=("Off", "On"))
    camera.add("TriggerSource", Kind.WORD, "Line1", choices=("Line1", "Line2", "Software"))
    return camera


def test_older_names_are_found(camera: FakeCamera, wanted: Callable[..., CameraSettings]) -> None:
    reached = set_up(camera, wanted(exposure_us=3500), 100, Trigger.FREE)
    assert reached == 120
    assert camera.values["ExposureTimeAbs"] == 3500
    assert camera.values["ExposureAuto"] == "Off"
    assert camera.values["AcquisitionFrameRateAbs"] == 100
    assert camera.values["AcquisitionFrameRateEnable"] is True


def test_width_and_offset_do_not_stand_in_each_others_way(
    camera: FakeCamera, wanted: Callable[..., CameraSettings]
) -> None:
    for width, offset in ((320, 704), (1024, 0), (512, 512)):
        set_up(camera, wanted(width=width, offset_x=offset), 100, Trigger.FREE)
        assert (camera.values["Width"], camera.values["OffsetX"]) == (width, offset)
    set_up(camera, wanted(width=256), 100, Trigger.FREE)
    assert (camera.values["Width"], camera.values["OffsetX"]) == (256, 512)  # the edge stays
    with pytest.raises(SettingRefusedError, match=r"offset_x 512 \(OffsetX\): it takes 0 to 256"):
        set_up(camera, wanted(width=768), 100, Trigger.FREE)


def test_triggers_are_off_before_one_is_on(
    camera: FakeCamera, wanted: Callable[..., CameraSettings]
) -> None:
    set_up(camera, wanted(trigger_line="Line2"), 100, Trigger.HARDWARE)
    triggers = [step for step in camera.done if step[0].startswith("Trigger")]
    assert triggers == [
        ("TriggerSelector", "AcquisitionStart"),
        ("TriggerMode", "Off"),
        ("TriggerSelector", "FrameStart"),
        ("TriggerMode", "Off"),
        ("TriggerSelector", "FrameStart"),
        ("TriggerSource", "Line2"),
        ("TriggerMode", "On"),
    ]
    assert camera.values["AcquisitionFrameRateEnable"] is False  # it would swallow pulses


@pytest.mark.parametrize(
    ("settings", "fps", "says"),
    [
        ({"width": 100}, 100, "width 100 (Width): it takes 16 to 1024 in steps of 16: 96 or 112"),
        ({"width": 2000}, 100, "it takes 16 to 1024 in steps of 16"),
        ({"exposure_us": 100}, 100, "the camera makes 105 of it; it takes 35 to 1000000"),
        ({"gain_db": 3}, 100, "this camera has no gain in dB; set GainRaw under 'features'"),
        ({"gamma": 1}, 100, "this camera has no feature Gamma"),
        ({"pixel_format": "YUV422Packed"}, 100, "can not be recorded; of those that the camera"),
        ({"output_line": "Line3"}, 100, "this camera has no feature LineSelector"),
        ({}, 130, "fps 130: it makes 120 at most with this exposure"),
        ({"exposure_us": 10500}, 100, "it exposes for 10500 us, longer than the 10000 us from"),
        ({"features": {"GainRaw": 1.5}}, 100, "GainRaw 1.5: it takes 0 to 100"),
        ({"features": {"GainRaw": "much"}}, 100, "GainRaw much: it takes 0 to 100"),
        ({"features": {"TriggerMode": 3}}, 100, "TriggerMode 3: it takes Off, On"),
        ({"features": {"AcquisitionFrameRateEnable": 1}}, 100, "it takes true or false"),
        ({"features": {"Zoom": 1}}, 100, "old camera 7: Zoom 1: this camera has no feature Zoom"),
        ({"features": {"ResultingFrameRateAbs": 9}}, 100, "it takes 0 to 0"),
    ],
)
def test_what_it_does_not_take_is_refused_with_what_it_does(
    camera: FakeCamera,
    wanted: Callable[..., CameraSettings],
    settings: dict[str, object],
    fps: float,
    says: str,
) -> None:
    with pytest.raises(SettingRefusedError) as refused:
        set_up(camera, wanted(**settings), fps, Trigger.FREE)
    assert says in str(refused.value)
    assert str(refused.value).startswith("old camera 7: ")


def test_gain_in_another_unit_is_refused(
    camera: FakeCamera, wanted: Callable[..., CameraSettings]
) -> None:
    camera.add("Gain", Kind.NUMBER, 1.0, low=1, high=8, unit="x")
    with pytest.raises(SettingRefusedError, match="its gain is in x; set Gain under 'features'"):
        set_up(camera, wanted(gain_db=3), 100, Trigger.FREE)


def test_words_of_yaml_mean_words(
    camera: FakeCamera, wanted: Callable[..., CameraSettings]
) -> None:
    """YAML reads Off as false, and 20.0 may be meant as 20."""
    set_up(camera, wanted(features={"ExposureAuto": False, "GainRaw": 20.0}), 100, Trigger.FREE)
    assert camera.values["ExposureAuto"] == "Off"
    assert camera.done[-1] == ("GainRaw", 20)
    assert isinstance(camera.done[-1][1], int)


def test_what_can_not_be_changed_may_be_right_already(
    camera: FakeCamera, wanted: Callable[..., CameraSettings]
) -> None:
    camera.features["TriggerSource"].is_writable = False
    set_up(camera, wanted(trigger_line="Line1"), 100, Trigger.HARDWARE)
    with pytest.raises(SettingRefusedError, match="it is Line1 and can not be changed now"):
        set_up(camera, wanted(trigger_line="Line2"), 100, Trigger.HARDWARE)


def test_a_camera_without_triggers_only_runs_free(
    camera: FakeCamera, wanted: Callable[..., CameraSettings]
) -> None:
    del camera.features["TriggerMode"], camera.features["TriggerSelector"]
    set_up(camera, wanted(), 100, Trigger.FREE)
    with pytest.raises(SettingRefusedError, match="can not wait for triggers"):
        set_up(camera, wanted(), 100, Trigger.SOFTWARE)
