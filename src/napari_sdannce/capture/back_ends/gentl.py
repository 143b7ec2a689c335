"""Cameras of any maker whose software brings a GenTL producer (.cti)."""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from napari_sdannce.capture.back_ends.block_ids import BlockIds
from napari_sdannce.capture.back_ends.features import first_line, set_if_there
from napari_sdannce.capture.back_ends.gentl_features import GentlFeatures, connect
from napari_sdannce.capture.back_ends.gentl_producers import (
    PATH_VARIABLE,
    description_of,
    open_producers,
    producer_files,
)
from napari_sdannce.capture.back_ends.gentl_stream import Filled, Stream
from napari_sdannce.capture.back_ends.loading import loading
from napari_sdannce.capture.back_ends.pixel_formats import FORMATS, eight_bits, pixels
from napari_sdannce.capture.back_ends.refusing import no_such_camera, refuse_to_start
from napari_sdannce.capture.back_ends.set_up import set_up, size_of
from napari_sdannce.capture.cameras import (
    CameraError,
    CameraInfo,
    CameraLostError,
    Capabilities,
    Format,
    Frame,
    Health,
    Level,
    SettingRefusedError,
    Trigger,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from napari_sdannce.capture.back_ends.gentl_producers import Device
    from napari_sdannce.capture.cameras import Image
    from napari_sdannce.settings.capture import CameraSettings

READY_S = 5.0
"""How long a camera may take to become ready for the next trigger."""
_POLL_S = 0.0005
_IMAGES = (1, 11)
"""Payloads of one image: alone, and with chunks of other data."""


class Gentl:
    """Cameras behind GenTL producers.

    Parameters
    ----------
    producers
        Files (.cti); by default those of the folders in ``GENICAM_GENTL64_PATH``.

    Raises
    ------
    CameraError
        When the package genicam is not installed, or there is no producer.
    """

    name = "gentl"
    serials = "on the label of the camera"
    capabilities = Capabilities(
        software_trigger=Level.FULL,
        hardware_trigger=Level.FULL,
        camera_clock=Level.BEST_EFFORT,
        frame_count=Level.BEST_EFFORT,
        exact_fps=Level.FULL,
    )

    def __init__(self, producers: Sequence[Path] | None = None) -> None:
        with loading("GenTL", "genicam", "gentl"):
            from genicam import genapi, gentl
        self._gentl: Any = gentl
        self._genapi: Any = genapi
        files = producer_files() if producers is None else [file.resolve() for file in producers]
        if not files:
            raise CameraError(
                "GenTL cameras need their maker's software, which brings a producer (.cti) and "
                f"puts its folder into {PATH_VARIABLE}"
            )
        self._producers = open_producers(gentl, files)

    def discover(self) -> Sequence[CameraInfo]:
        """Cameras that are there now; those that are open stay so."""
        return [self._info(device) for device in self._devices()]

    def open(self, serial: str) -> GentlCamera:
        """Take hold of a camera."""
        devices = self._devices()
        device = next((each for each in devices if each.serial == serial), None)
        if device is None:
            raise no_such_camera("GenTL", serial, map(self._info, devices))
        try:
            opened = device.handle.create_device()
            opened.open(self._gentl.DEVICE_ACCESS_FLAGS_LIST.DEVICE_ACCESS_EXCLUSIVE)
        except self._gentl.GenericException as error:
            raise CameraError(
                f"GenTL camera {serial} can not be opened; another program may have it: "
                f"{first_line(error)}"
            ) from error
        return GentlCamera(self._info(device), device.link, opened, self._gentl, self._genapi)

    def _devices(self) -> list[Device]:
        try:
            return [device for each in self._producers for device in each.devices()]
        except self._gentl.GenericException as error:
            raise CameraError(f"GenTL cameras: {first_line(error)}") from error

    def _info(self, device: Device) -> CameraInfo:
        return CameraInfo(self.name, device.serial, device.model)


class GentlCamera:
    """One camera that is open."""

    def __init__(self, info: CameraInfo, link: str, device: Any, gentl: Any, genapi: Any) -> None:
        self.info = info
        self._device = device
        self._gentl = gentl
        self._errors = (gentl.GenericException, genapi.GenericException)
        try:
            self._port = device.remote_port
            self._description = description_of(self._port)
            nodes = connect(genapi, self._port, self._description.xml)
            self._stream = Stream(gentl, device)
        except (CameraError, *self._errors) as error:
            device.close()
            raise CameraError(f"{self}: {first_line(error)}") from error
        self._features = GentlFeatures(str(self), genapi, nodes)
        self._ids = BlockIds.of_link(link)
        self._size = (0, 0)
        self._pixel_format = FORMATS["Mono8"]
        self._trigger = Trigger.FREE
        self._buffers = 2
        self._closing = threading.Lock()
        self._closed = False

    def __str__(self) -> str:
        return f"GenTL camera {self.info.serial}"

    def configure(self, wanted: CameraSettings, fps: float, trigger: Trigger) -> Format:
        """Set it up; what it then delivers."""
        if wanted.feature_file is not None:
            raise SettingRefusedError(
                f"{self}: feature_file {wanted.feature_file}: GenTL knows no such files; name the "
                "settings under 'features'"
            )
        self._stop()
        try:
            reached = set_up(self._features, wanted, fps, trigger)
            width, height, name = size_of(self._features)
        except CameraError:
            self._check_it_is_there()
            raise
        except self._errors as error:
            raise self._failure(error) from error
        self._size, self._pixel_format = (width, height), FORMATS[name]
        self._trigger, self._buffers = trigger, wanted.buffers
        return Format(width, height, self._pixel_format.layout, reached)

    def arm(self) -> None:
        """Make it ready; of a triggered camera, wait until it is."""
        try:
            self._stop()
            self._ids.restart()
            self._stream.start(self._features, self._buffers)
            set_if_there(self._features, ["TLParamsLocked"], 1)
            self._do("AcquisitionStart")
            if self._trigger is not Trigger.FREE:
                self._wait_until_ready()
        except self._errors as error:
            raise self._failure(error) from error

    def trigger(self) -> None:
        """Start one exposure, as soon as the camera is ready for it."""
        refuse_to_start(str(self), self._trigger)
        try:
            self._wait_until_ready()
            self._do("TriggerSoftware")
        except self._errors as error:
            raise self._failure(error) from error

    def grab(self, timeout_s: float) -> Frame | None:
        """Next frame in the order of exposure; None when there was none in time."""
        try:
            filled = self._stream.wait(timeout_s)
            host_ns, utc_ns = time.monotonic_ns(), time.time_ns()
            if filled is None:
                self._check_it_is_there()
                return None
            try:
                return self._frame(filled, host_ns, utc_ns)
            finally:
                self._stream.give_back(filled)
        except self._errors as error:
            raise self._failure(error) from error

    def disarm(self) -> None:
        """Stop exposing; frames that were exposed can still be grabbed."""
        if self._stream.is_running:
            with suppress(CameraError, *self._errors):
                self._do("AcquisitionStop")

    def health(self) -> Health:
        """Temperature and what the producer counts; nothing of a camera that is lost."""
        with self._closing:
            if self._closed:
                return Health()
            temperature = None
            with suppress(CameraError, *self._errors):
                feature = self._features.find("DeviceTemperature")
                temperature = None if feature is None else float(feature.read())
            return Health(temperature, self._stream.counters())

    def close(self) -> None:
        """Let go of it."""
        with self._closing:
            if self._closed:
                return
            self._closed = True
            self._stop()
            self._stream.close()
            with suppress(*self._errors):
                self._device.close()

    def _frame(self, filled: Filled, host_ns: int, utc_ns: int) -> Frame:
        buffer = filled.buffer
        block_id = self._ids.since_arming(self._stream.told(lambda: buffer.frame_id, 2**64 - 1))
        image, trouble = self._image(filled)
        return Frame(image, block_id, self._camera_ns(buffer), host_ns, utc_ns, trouble)

    def _image(self, filled: Filled) -> tuple[Image | None, str]:
        """The image of a buffer, or why there is none."""
        buffer, told = filled.buffer, self._stream.told
        if not told(buffer.is_complete, otherwise=False):
            return None, "the buffer was incompletely filled"
        if told(lambda: int(buffer.payload_type), 1) not in _IMAGES:
            return None, "the buffer holds no single image"
        width, height = told(lambda: (buffer.width, buffer.height), self._size)
        if (width, height) != self._size:
            return None, f"the image is {width} x {height} px, not as it was set up"
        kind = self._pixel_format
        padding, offset = told(lambda: buffer.padding_x, 0), told(lambda: buffer.image_offset, 0)
        try:
            values = pixels(filled.memory, self._size, kind, padding=padding, offset=offset)
        except ValueError:
            return None, "the buffer is too short for an image"
        image = eight_bits(values, kind)
        return (image.copy() if image is values else image), ""

    def _camera_ns(self, buffer: Any) -> int | None:
        told = self._stream.told
        nanoseconds = told(lambda: buffer.timestamp_ns, 0)
        if nanoseconds:
            return int(nanoseconds)
        ticks = told(lambda: buffer.timestamp, 0)
        rate = told(lambda: self._device.timestamp_frequency, 0)
        return round(ticks * 1_000_000_000 / rate) if ticks and rate else None

    def _do(self, command: str) -> None:
        feature = self._features.find(command)
        if feature is None or not feature.is_writable:
            raise CameraError(f"{self}: {command} can not be done now")
        feature.write(value=True)

    def _wait_until_ready(self) -> None:
        """Wait until it takes a trigger, where it tells that."""
        set_if_there(self._features, ["AcquisitionStatusSelector"], "FrameTriggerWait")
        selector = self._features.find("AcquisitionStatusSelector")
        status = self._features.find("AcquisitionStatus")
        if selector is None or selector.read() != "FrameTriggerWait" or status is None:
            return
        deadline = time.monotonic() + READY_S
        while not status.read():
            if time.monotonic() > deadline:
                raise CameraError(f"{self} was not ready for a trigger within {READY_S:g} s")
            time.sleep(_POLL_S)

    def _stop(self) -> None:
        if not self._stream.is_running:
            return
        self.disarm()
        with suppress(CameraError, *self._errors):
            set_if_there(self._features, ["TLParamsLocked"], 0)
        self._stream.stop()

    def _check_it_is_there(self) -> None:
        """Raise when the camera does not answer: few producers tell that one was unplugged."""
        if self._description.address is None:
            return
        try:
            self._port.read(self._description.address, 4)
        except self._errors as error:
            raise CameraLostError(
                f"{self} is not there any more: unplugged, or without power ({first_line(error)})"
            ) from error

    def _failure(self, error: Exception) -> CameraError:
        try:
            self._check_it_is_there()
        except CameraLostError as lost:
            return lost
        return CameraError(f"{self}: {first_line(error)}")
