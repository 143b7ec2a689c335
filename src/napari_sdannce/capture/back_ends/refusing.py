"""What back-ends say alike when they can not do what is asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_sdannce.capture.cameras import (
    CameraError,
    PixelLayout,
    SettingRefusedError,
    Trigger,
)
from napari_sdannce.settings.capture import CameraSettings

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from napari_sdannce.capture.cameras import CameraInfo

_ANYWHERE = {"name", "back_end", "serial", "trigger_line", "buffers"}
"""Settings that every camera takes, or that tell which one it is."""
GREY_OR_COLOUR = {"Mono8": PixelLayout.MONO, "RGB8": PixelLayout.RGB}
"""Pixel formats of images that FFmpeg has decoded."""


def no_such_camera(kind: str, serial: str, found: Iterable[CameraInfo]) -> CameraError:
    """The error when there is no camera of a serial number."""
    there = ", ".join(f"{info.serial} ({info.model})" for info in found)
    return CameraError(
        f"no {kind} camera has the serial number {serial}; "
        + (f"there are: {there}" if there else "there is none at all")
    )


def refuse_others(camera: str, wanted: CameraSettings, takes: Collection[str]) -> None:
    """Raise when something is set that such a camera does not take.

    Raises
    ------
    SettingRefusedError
        Which, and what it takes.
    """
    for name in CameraSettings.model_fields:
        is_set = getattr(wanted, name) != CameraSettings.model_fields[name].get_default()
        if is_set and name not in _ANYWHERE and name not in takes:
            raise SettingRefusedError(
                f"{camera}: {name} can not be set; of a camera of this kind, "
                f"{', '.join(sorted(takes))} can"
            )


def refuse_features(camera: str, wanted: CameraSettings, takes: Sequence[str]) -> None:
    """Raise when a feature is set that such a camera does not have.

    Raises
    ------
    SettingRefusedError
        Which, and which it has.
    """
    for name in wanted.features:
        if name not in takes:
            raise SettingRefusedError(
                f"{camera}: it has no feature '{name}'; it has {', '.join(takes) or 'none'}"
            )


def refuse_trigger(camera: str, trigger: Trigger, takes: Collection[Trigger]) -> None:
    """Raise when a camera can not wait for this.

    Raises
    ------
    SettingRefusedError
        What it can wait for.
    """
    if trigger not in takes:
        raise SettingRefusedError(
            f"{camera}: trigger {trigger}: a camera of this kind can only be "
            f"{' or '.join(sorted(takes))}"
        )


def refuse_to_start(camera: str, trigger: Trigger) -> None:
    """Raise when an exposure is to be started of a camera that does not wait for that.

    Raises
    ------
    CameraError
        What starts its exposures.
    """
    if trigger is not Trigger.SOFTWARE:
        raise CameraError(f"{camera}: its exposures are not started by this program ({trigger})")


def refuse_other_size(camera: str, wanted: CameraSettings, width: int, height: int) -> None:
    """Raise when images of another size are wanted than there are.

    Raises
    ------
    SettingRefusedError
        How large they are.
    """
    if (wanted.width or width, wanted.height or height) != (width, height):
        raise SettingRefusedError(
            f"{camera}: images of {wanted.width or width} x {wanted.height or height} px are "
            f"wanted; they are {width} x {height}"
        )


def choose_layout(camera: str, wanted: CameraSettings, *, is_gray: bool) -> PixelLayout:
    """Grey or colour: as wanted, else as the images are.

    Raises
    ------
    SettingRefusedError
        When another layout is wanted.
    """
    if wanted.pixel_format is None:
        return PixelLayout.MONO if is_gray else PixelLayout.RGB
    if wanted.pixel_format not in GREY_OR_COLOUR:
        raise SettingRefusedError(
            f"{camera}: pixel_format {wanted.pixel_format}: it takes {' or '.join(GREY_OR_COLOUR)}"
        )
    return GREY_OR_COLOUR[wanted.pixel_format]
