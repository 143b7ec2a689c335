"""Basler cameras, by pypylon. ``PYLON_CAMEMU=6`` in the environment gives six emulated ones."""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from napari_sdannce.capture.back_ends.block_ids import BlockIds
from napari_sdannce.capture.back_ends.features import first_line
from napari_sdannce.capture.back_ends.loading import loading
from napari_sdannce.capture.back_ends.pixel_formats import FORMATS, eight_bits, pixels
from napari_sdannce.capture.back_ends.pylon_features import PylonFeatures
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

    from napari_sdannce.capture.cameras import Image
    from napari_sdannce.settings.capture import CameraSettings

READY_S = 5
"""How long a camera may take to become ready for the next trigger."""
_GIGE = "BaslerGigE"
_TEMPERATURES = ("DeviceTemperature", "TemperatureAbs")


class Pylon:
    """Cameras of Basler.

    Raises
    ------
    CameraError
        When pypylon is not installed.
    """

    name = "basler"
    serials = "on the label of the camera"
    capabilities = Capabilities(*[Level.FULL] * 5)

    def __init__(self) -> None:
        with loading("Basler", "pypylon", "basler"):
            from pypylon import genicam, pylon
        self._pylon: Any = pylon
        self._genicam: Any = genicam

    def discover(self) -> Sequence[CameraInfo]:
        """Cameras that are there now; none is opened."""
        return [self._info(device) for device in self._devices()]

    def open(self, serial: str) -> PylonCamera:
        """Take hold of a camera."""
        devices = self._devices()
        device = next((each for each in devices if each.GetSerialNumber() == serial), None)
        if device is None:
            raise no_such_camera("Basler", serial, map(self._info, devices))
        try:
            factory = self._pylon.TlFactory.GetInstance()
            camera = self._pylon.InstantCamera(factory.CreateDevice(device))
            camera.Open()
        except self._genicam.GenericException as error:
            raise CameraError(
                f"Basler camera {serial} can not be opened; another program may have it: "
                f"{first_line(error)}"
            ) from error
        return PylonCamera(self._info(device), camera, self._pylon, self._genicam)

    def _devices(self) -> Sequence[Any]:
        try:
            return list(self._pylon.TlFactory.GetInstance().EnumerateDevices())
        except self._genicam.GenericException as error:
            raise CameraError(f"Basler cameras: {first_line(error)}") from error

    def _info(self, device: Any) -> CameraInfo:
        return CameraInfo(self.name, device.GetSerialNumber(), device.GetModelName())


class PylonCamera:
    """One camera of Basler that is open."""

    def __init__(self, info: CameraInfo, device: Any, pylon: Any, genicam: Any) -> None:
        self.info = info
        self._device = device
        self._pylon = pylon
        self._genicam = genicam
        self._features = PylonFeatures(str(self), device.GetNodeMap(), genicam)
        self._statistics = _statistics(device, genicam)
        is_gige = device.GetDeviceInfo().GetDeviceClass() == _GIGE
        self._ids = BlockIds.of_gige() if is_gige else BlockIds(0)
        self._ticks_a_second = self._tick_rate()
        self._pixel_format = FORMATS["Mono8"]
        self._trigger = Trigger.FREE
        self._skipped = 0
        # asking a device for its health when it is destroyed ends the whole process
        self._closing = threading.Lock()
        self._closed = False

    def __str__(self) -> str:
        return f"Basler camera {self.info.serial}"

    def configure(self, wanted: CameraSettings, fps: float, trigger: Trigger) -> Format:
        """Set it up; what it then delivers."""
        try:
            self._device.StopGrabbing()
            if wanted.feature_file is not None:
                self._load(wanted.feature_file)
            reached = set_up(self._features, wanted, fps, trigger)
            self._device.MaxNumBuffer.SetValue(wanted.buffers)
            width, height, name = size_of(self._features)
        except CameraError:
            self._check_it_is_there()
            raise
        except self._genicam.GenericException as error:
            raise self._failure(error) from error
        self._trigger, self._pixel_format = trigger, FORMATS[name]
        return Format(width, height, self._pixel_format.layout, reached)

    def arm(self) -> None:
        """Make it ready; of a triggered camera, wait until it is."""
        try:
            self._device.StopGrabbing()
            self._ids.restart()
            self._skipped = 0
            self._device.StartGrabbing(self._strategy())
            if self._trigger is not Trigger.FREE:
                self._wait_until_ready()
        except self._genicam.GenericException as error:
            raise self._failure(error) from error

    def trigger(self) -> None:
        """Start one exposure, as soon as the camera is ready for it."""
        self._check_it_is_there()
        refuse_to_start(str(self), self._trigger)
        try:
            self._wait_until_ready()
            self._device.ExecuteSoftwareTrigger()
        except self._genicam.GenericException as error:
            raise self._failure(error) from error

    def grab(self, timeout_s: float) -> Frame | None:
        """Next frame in the order of exposure; None when there was none in time."""
        try:
            result = self._device.RetrieveResult(
                max(1, round(timeout_s * 1000)), self._pylon.TimeoutHandling_Return
            )
            host_ns, utc_ns = time.monotonic_ns(), time.time_ns()
            if not result.IsValid():
                self._check_it_is_there()
                return None
            with result:
                return self._frame(result, host_ns, utc_ns)
        except self._genicam.GenericException as error:
            raise self._failure(error) from error

    def disarm(self) -> None:
        """Stop exposing; frames that were exposed can still be grabbed."""
        if not self._device.IsGrabbing() or self._device.IsCameraDeviceRemoved():
            return
        try:
            # StopGrabbing would throw away what waits
            self._device.GetNodeMap().GetNode("AcquisitionStop").Execute()
        except self._genicam.GenericException as error:
            raise self._failure(error) from error

    def health(self) -> Health:
        """Temperature and what pylon counts of the stream; nothing of a camera that is lost."""
        with self._closing:
            if self._closed or self._device.IsCameraDeviceRemoved():
                return Health()
            values = {"Skipped_Images": float(self._skipped)}
            for name, node in self._statistics.items():
                with suppress(self._genicam.GenericException):
                    values[name] = float(node.GetValue())
            return Health(self._temperature(), values)

    def close(self) -> None:
        """Let go of it."""
        with self._closing:
            self._closed = True
            with suppress(self._genicam.GenericException):
                self._device.Close()
            with suppress(self._genicam.GenericException):
                self._device.DestroyDevice()

    def _strategy(self) -> Any:
        """Every frame in its order; when all buffers are full, the camera loses new ones."""
        return self._pylon.GrabStrategy_OneByOne

    def _frame(self, result: Any, host_ns: int, utc_ns: int) -> Frame:
        self._skipped += result.GetNumberOfSkippedImages()
        block_id = self._ids.since_arming(result.GetBlockID())
        camera_ns = self._camera_ns(result.GetTimeStamp())
        image, trouble = self._image(result)
        return Frame(image, block_id, camera_ns, host_ns, utc_ns, trouble)

    def _image(self, result: Any) -> tuple[Image | None, str]:
        """The image of a result, or why there is none."""
        if not result.GrabSucceeded():
            return None, result.GetErrorDescription() or f"error {result.GetErrorCode():#x}"
        try:
            # not GetArray, which does not know all formats; both make the one copy that is needed
            values = pixels(
                result.GetImageBuffer(),
                (result.GetWidth(), result.GetHeight()),
                self._pixel_format,
                padding=result.GetPaddingX(),
            )
        except ValueError:
            return None, "the buffer is too short for an image"
        return eight_bits(values, self._pixel_format), ""

    def _camera_ns(self, ticks: int) -> int | None:
        """Time by the camera's clock; emulated cameras have none, and say 0."""
        return None if not ticks else round(ticks * 1_000_000_000 / self._ticks_a_second)

    def _tick_rate(self) -> int:
        """Ticks of its clock a second: GigE cameras say it, others count nanoseconds."""
        feature = self._features.find("GevTimestampTickFrequency")
        return 1_000_000_000 if feature is None else int(feature.read()) or 1_000_000_000

    def _wait_until_ready(self) -> None:
        if not self._device.CanWaitForFrameTriggerReady():
            return
        # second by second: a computer that was asleep has not waited
        for _ in range(READY_S):
            if self._device.WaitForFrameTriggerReady(1000, self._pylon.TimeoutHandling_Return):
                return
        self._check_it_is_there()
        raise CameraError(f"{self} was not ready for a trigger within {READY_S} s")

    def _load(self, file: Path) -> None:
        """Load a file of settings, each checked against what the camera holds afterwards."""
        try:
            self._pylon.FeaturePersistence.Load(str(file), self._device.GetNodeMap(), True)
        except self._genicam.GenericException as error:
            raise SettingRefusedError(
                f"{self}: feature_file {file}: {first_line(error)}"
            ) from error

    def _temperature(self) -> float | None:
        for name in _TEMPERATURES:
            feature = self._features.find(name)
            if feature is not None:
                with suppress(CameraError):
                    return float(feature.read())
        return None

    def _check_it_is_there(self) -> None:
        if self._device.IsCameraDeviceRemoved():
            raise CameraLostError(f"{self} is not there any more: unplugged, or without power")

    def _failure(self, error: Exception) -> CameraError:
        if self._device.IsCameraDeviceRemoved():
            return CameraLostError(f"{self} is not there any more: unplugged, or without power")
        return CameraError(f"{self}: {first_line(error)}")


def _statistics(device: Any, genicam: Any) -> dict[str, Any]:
    """What pylon counts of a stream, by its name."""
    nodes = {}
    for node in device.GetStreamGrabberNodeMap().GetNodes():
        name = node.GetNode().GetName()
        if name.startswith("Statistic_") and isinstance(node, genicam.IInteger):
            nodes[name.removeprefix("Statistic_")] = node
    return nodes
