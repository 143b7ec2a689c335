"""The settings of a camera as features of GenICam, in the order in which cameras take them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_sdannce.capture.back_ends.features import (
    Tolerance,
    first_of,
    read_number,
    set_exactly,
    set_if_there,
)
from napari_sdannce.capture.back_ends.pixel_formats import FORMATS
from napari_sdannce.capture.cameras import SettingRefusedError, Trigger

if TYPE_CHECKING:
    from napari_sdannce.capture.back_ends.features import Features
    from napari_sdannce.settings.capture import CameraSettings

FPS_TOLERANCE = Tolerance(share=1e-3)
_EXPOSURE_TOLERANCE = Tolerance(share=0.01, absolute=1.0)
_GAIN_TOLERANCE = Tolerance(absolute=0.05)
_GAMMA_TOLERANCE = Tolerance(absolute=1e-3)

# newer names first: those of the standard, then those that older cameras have
_EXPOSURE = ("ExposureTime", "ExposureTimeAbs")
_RATE = ("AcquisitionFrameRate", "AcquisitionFrameRateAbs")
_RATE_SWITCH = ("AcquisitionFrameRateEnable", "AcquisitionFrameRateEnabled")
_REACHED_RATE = (
    "ResultingFrameRate",
    "BslResultingAcquisitionFrameRate",
    "ResultingFrameRateAbs",
    "AcquisitionResultingFrameRate",
)
_EXPOSURE_TRIGGERS = ("FrameStart", "ExposureStart")


def set_up(
    features: Features, wanted: CameraSettings, fps: float, trigger: Trigger
) -> float | None:
    """Set a camera up; the frame rate that it reaches then, None when it does not say.

    Raises
    ------
    SettingRefusedError
        When it does not take a setting, or can not keep up with `fps`.
    """
    _set_image(features, wanted)
    _set_light(features, wanted)
    _set_trigger(features, wanted, trigger)
    _set_rate(features, fps, trigger)
    if wanted.output_line is not None:
        _set_output(features, wanted.output_line)
    for name, value in wanted.features.items():
        set_exactly(features, name, [name], value)
    return _check_rate(features, fps, trigger)


def _set_image(features: Features, wanted: CameraSettings) -> None:
    _check_pixel_format(features, wanted.pixel_format)
    if wanted.pixel_format is not None:
        set_exactly(features, "pixel_format", ["PixelFormat"], wanted.pixel_format)
    _set_side(features, ("width", "Width", wanted.width), ("offset_x", "OffsetX", wanted.offset_x))
    _set_side(
        features, ("height", "Height", wanted.height), ("offset_y", "OffsetY", wanted.offset_y)
    )


def _check_pixel_format(features: Features, wanted: str | None) -> None:
    """Raise when images would come in a layout that can not be recorded."""
    feature = features.find("PixelFormat")
    if feature is None or (wanted or feature.read()) in FORMATS:
        return
    known = [word for word in feature.words() if word in FORMATS]
    raise SettingRefusedError(
        f"{features.camera}: pixel_format {wanted or feature.read()}: it can not be recorded; of "
        f"those that the camera has, {', '.join(known) or 'none'} can"
    )


def _set_side(
    features: Features,
    size: tuple[str, str, int | None],
    offset: tuple[str, str, int | None],
) -> None:
    """Set width and left edge, or height and upper edge: each limits the other."""
    if size[2] is None and offset[2] is None:
        return
    edge = read_number(features, [offset[1]])
    if size[2] is not None:
        if edge:
            set_exactly(features, offset[0], [offset[1]], 0)
        set_exactly(features, size[0], [size[1]], size[2])
    edge_wanted = offset[2] if offset[2] is not None else int(edge or 0)
    if offset[2] is not None or edge:
        set_exactly(features, offset[0], [offset[1]], edge_wanted)


def _set_light(features: Features, wanted: CameraSettings) -> None:
    if wanted.exposure_us is not None:
        set_if_there(features, ["ExposureAuto"], "Off")
        set_if_there(features, ["ExposureMode"], "Timed")
        set_exactly(features, "exposure_us", _EXPOSURE, wanted.exposure_us, _EXPOSURE_TOLERANCE)
    if wanted.gain_db is not None:
        set_if_there(features, ["GainAuto"], "Off")
        _check_gain_unit(features, wanted.gain_db)
        set_exactly(features, "gain_db", ["Gain"], wanted.gain_db, _GAIN_TOLERANCE)
    if wanted.gamma is not None:
        set_if_there(features, ["GammaEnable", "GammaEnabled"], value=True)
        set_if_there(features, ["GammaSelector"], "User")
        set_exactly(features, "gamma", ["Gamma"], wanted.gamma, _GAMMA_TOLERANCE)


def _check_gain_unit(features: Features, gain_db: float) -> None:
    gain = features.find("Gain")
    if gain is None:
        has_raw = features.find("GainRaw") is not None
        hint = "; set GainRaw under 'features'" if has_raw else ""
        raise SettingRefusedError(
            f"{features.camera}: gain_db {gain_db}: this camera has no gain in dB{hint}"
        )
    unit = gain.limits().unit
    if unit and unit.lower() != "db":
        raise SettingRefusedError(
            f"{features.camera}: gain_db {gain_db}: its gain is in {unit}; set Gain under "
            "'features'"
        )


def _set_trigger(features: Features, wanted: CameraSettings, trigger: Trigger) -> None:
    set_if_there(features, ["AcquisitionMode"], "Continuous")
    selector = features.find("TriggerSelector")
    for which in selector.words() if selector is not None else ():
        set_if_there(features, ["TriggerSelector"], which)
        set_if_there(features, ["TriggerMode"], "Off")
    if trigger is Trigger.FREE:
        return
    if features.find("TriggerMode") is None:
        raise SettingRefusedError(
            f"{features.camera}: trigger {trigger}: this camera can not wait for triggers"
        )
    if selector is not None:
        starts = [word for word in _EXPOSURE_TRIGGERS if word in selector.words()]
        set_exactly(features, "trigger", ["TriggerSelector"], starts[0] if starts else "FrameStart")
    source = "Software" if trigger is Trigger.SOFTWARE else wanted.trigger_line
    name = "trigger" if trigger is Trigger.SOFTWARE else "trigger_line"
    set_exactly(features, name, ["TriggerSource"], source)
    set_exactly(features, "trigger", ["TriggerMode"], "On")


def _set_rate(features: Features, fps: float, trigger: Trigger) -> None:
    set_if_there(features, ["AcquisitionFrameRateAuto"], "Off")
    set_if_there(features, _RATE_SWITCH, trigger is Trigger.FREE)
    if trigger is Trigger.FREE:
        set_exactly(features, "fps", _RATE, fps, FPS_TOLERANCE)


def _set_output(features: Features, line: str) -> None:
    set_exactly(features, "output_line", ["LineSelector"], line)
    set_if_there(features, ["LineMode"], "Output")
    set_exactly(features, "output_line", ["LineSource"], "ExposureActive")


def _check_rate(features: Features, fps: float, trigger: Trigger) -> float | None:
    """The rate that the camera reaches; raises when it is too slow."""
    exposure_us = read_number(features, _EXPOSURE)
    if exposure_us is not None and exposure_us > 1e6 / fps:
        raise SettingRefusedError(
            f"{features.camera}: fps {fps:g}: it exposes for {exposure_us:.7g} us, longer than the "
            f"{1e6 / fps:.7g} us from frame to frame; set a shorter exposure_us"
        )
    reached = read_number(features, _REACHED_RATE)
    if reached is not None and reached < fps * (1 - FPS_TOLERANCE.share):
        raise SettingRefusedError(
            f"{features.camera}: fps {fps:g}: it makes {reached:.5g} at most with this exposure, "
            "size, pixel format and link"
        )
    if reached is None and trigger is Trigger.FREE:
        return read_number(features, _RATE)
    return reached


def size_of(features: Features) -> tuple[int, int, str]:
    """Width, height (px) and pixel format of its images."""
    width, height = first_of(features, ["Width"]), first_of(features, ["Height"])
    layout = first_of(features, ["PixelFormat"])
    if width is None or height is None or layout is None:
        raise SettingRefusedError(f"{features.camera}: it does not say how large its images are")
    return int(width.read()), int(height.read()), str(layout.read())
