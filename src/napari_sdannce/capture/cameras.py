"""What the recorder asks of a camera, whoever made it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from napari_sdannce.settings.capture import CameraSettings

Image = npt.NDArray[np.uint8]


class Level(StrEnum):
    """How well a back-end does something."""

    NONE = "not supported"
    BEST_EFFORT = "best effort"
    FULL = "supported"


class PixelLayout(StrEnum):
    """How the values of an image are laid out; colours are made of raw ones when it is encoded."""

    MONO = "mono"
    RGB = "rgb"
    BGR = "bgr"
    BAYER_RG = "bayer_rg"
    BAYER_BG = "bayer_bg"
    BAYER_GR = "bayer_gr"
    BAYER_GB = "bayer_gb"

    @property
    def channels(self) -> int:
        """Values of a pixel."""
        return 3 if self in (PixelLayout.RGB, PixelLayout.BGR) else 1


class Trigger(StrEnum):
    """What starts an exposure."""

    FREE = "free"
    """The camera's own clock."""
    SOFTWARE = "software"
    """A call of `Camera.trigger`."""
    HARDWARE = "hardware"
    """A pulse at one of its lines."""


class CameraError(RuntimeError):
    """A camera that can not be used, or stopped being one; the message names it."""


class CameraLostError(CameraError):
    """A camera that is not there any more: unplugged, or without power."""


class SettingRefusedError(CameraError):
    """A setting that a camera does not take; the message says what it takes."""


@dataclass(frozen=True, slots=True)
class CameraInfo:
    """A camera that was found.

    Parameters
    ----------
    back_end
        Name of the back-end that found it.
    serial
        What tells it from all others, whatever the order in which they are found.
    model
        In the words of its maker.
    """

    back_end: str
    serial: str
    model: str


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a back-end can do.

    Parameters
    ----------
    software_trigger, hardware_trigger
        Whether exposures start together.
    camera_clock
        Whether frames carry the time of the camera's own clock.
    frame_count
        Whether frames carry the camera's own count, by which lost ones are known.
    exact_fps
        Whether the camera keeps a frame rate that is asked for.
    """

    software_trigger: Level = Level.NONE
    hardware_trigger: Level = Level.NONE
    camera_clock: Level = Level.NONE
    frame_count: Level = Level.NONE
    exact_fps: Level = Level.NONE


@dataclass(frozen=True, slots=True)
class Format:
    """Images as a camera delivers them.

    Parameters
    ----------
    width, height
        px.
    layout
        Of the values of a pixel.
    fps
        Frames a second; of triggered cameras the most that exposure and link allow. None: the
        camera does not say.
    """

    width: int
    height: int
    layout: PixelLayout
    fps: float | None = None

    @property
    def bytes_per_frame(self) -> int:
        """Size of an image."""
        return self.width * self.height * self.layout.channels


@dataclass(frozen=True, eq=False, slots=True)
class Frame:
    """What a camera delivered.

    Parameters
    ----------
    image
        (H, W) or (H, W, 3) uint8, the receiver's own. None: the buffer was not whole.
    block_id
        The camera's own count of exposures since it was armed, from 0; None when it does not count.
    camera_ns
        Time of the exposure by the camera's clock; None when it has none.
    host_ns
        Monotonic time of this computer when the frame arrived.
    utc_ns
        The same since 1970.
    trouble
        Why it is not whole, in words; empty when it is.
    """

    image: Image | None
    block_id: int | None
    camera_ns: int | None
    host_ns: int
    utc_ns: int
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class Health:
    """How a camera is.

    Parameters
    ----------
    temperature_c
        Degrees Celsius; None when it does not say.
    values
        What else the SDK tells of link and buffers, by name.
    """

    temperature_c: float | None = None
    values: Mapping[str, float] = field(default_factory=dict)


class Camera(Protocol):
    """One camera.

    Its methods are called from one thread at a time, but for `trigger` and `health`: any thread may
    call these while another waits in `grab`.
    """

    @property
    def info(self) -> CameraInfo:
        """Which camera it is."""
        ...

    def configure(self, wanted: CameraSettings, fps: float, trigger: Trigger) -> Format:
        """Set it up; what it then delivers.

        Parameters
        ----------
        wanted
            What is left open stays as the camera has it.
        fps
            Frames a second; of a triggered camera how fast triggers will come.
        trigger
            What starts an exposure.

        Raises
        ------
        SettingRefusedError
            When it does not take a setting, or can not keep up with `fps`; nothing is rounded to
            what it could.
        """
        ...

    def arm(self) -> None:
        """Make it ready: from here on every exposure is counted, the first one as 0."""
        ...

    def trigger(self) -> None:
        """Start one exposure, as soon as the camera is ready for it.

        Raises
        ------
        CameraError
            When it does not become ready, or does not wait for this.
        """
        ...

    def grab(self, timeout_s: float) -> Frame | None:
        """Next frame in the order of exposure; None when there was none in time.

        Raises
        ------
        CameraLostError
            When the camera is not there any more.
        """
        ...

    def disarm(self) -> None:
        """Stop exposing; frames that were exposed can still be grabbed until it is armed again.

        Of a camera that is lost, this and `close` do nothing.
        """
        ...

    def health(self) -> Health:
        """How it is, also while it is armed; nothing of a camera that is lost."""
        ...

    def close(self) -> None:
        """Let go of it."""
        ...


class BackEnd(Protocol):
    """Cameras of one SDK."""

    @property
    def name(self) -> str:
        """As it stands in a configuration."""
        ...

    @property
    def serials(self) -> str:
        """What its serial numbers are, in words: not every kind of camera can be found."""
        ...

    @property
    def capabilities(self) -> Capabilities:
        """What it can do."""
        ...

    def discover(self) -> Sequence[CameraInfo]:
        """Cameras that are there now."""
        ...

    def open(self, serial: str) -> Camera:
        """Take hold of a camera.

        Raises
        ------
        CameraError
            When there is none of this serial number (the message lists those there are), or another
            program has it.
        """
        ...
