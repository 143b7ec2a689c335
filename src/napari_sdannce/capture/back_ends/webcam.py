"""Webcams and network cameras, through FFmpeg: as well as they can, which is not exactly."""

from __future__ import annotations

import sys
import threading
import time
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import av
import av.error

from napari_sdannce.capture.back_ends.refusing import (
    choose_layout,
    refuse_features,
    refuse_other_size,
    refuse_others,
    refuse_to_start,
    refuse_trigger,
)
from napari_sdannce.capture.back_ends.set_up import FPS_TOLERANCE
from napari_sdannce.capture.cameras import (
    CameraError,
    CameraInfo,
    CameraLostError,
    Capabilities,
    Format,
    Frame,
    Health,
    Level,
    PixelLayout,
    SettingRefusedError,
    Trigger,
)
from napari_sdannce.video.pixels import FrameConverter, PixelError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from av.packet import Packet
    from av.video.frame import VideoFrame

    from napari_sdannce.capture.cameras import Image
    from napari_sdannce.settings.capture import CameraSettings

_TAKES = ("width", "height", "pixel_format", "features")
_OPEN_S = 10.0
_SILENT_S = 10.0
"""A network camera that sends nothing for so long is lost."""
_GUESSED = ("mpjpeg", "mjpeg")
# FFmpeg keeps silent about options that it does not know
_OPTIONS = {
    None: ("rtsp_transport", "fflags", "max_delay", "buffer_size", "user_agent", "headers"),
    "v4l2": ("input_format", "standard", "channel"),
    "dshow": ("rtbufsize", "vcodec", "pixel_format", "video_device_number"),
    "avfoundation": ("pixel_format",),
}
_SYSTEMS = {"linux": "v4l2", "win32": "dshow", "darwin": "avfoundation"}
_NAMES = Path("/dev/v4l/by-id")


@dataclass(frozen=True, slots=True)
class Source:
    """What FFmpeg opens.

    Parameters
    ----------
    url
        File, address or name of a device.
    format
        FFmpeg's name of the kind of device, of which size and rate can be asked for; None: a
        stream.
    """

    url: str
    format: str | None = None


class Webcams:
    """Webcams of this computer, and network cameras (rtsp://..., http://...)."""

    name = "webcam"
    serials = "as listed, or the address of a network camera (rtsp://..., http://...)"
    capabilities = Capabilities(
        camera_clock=Level.BEST_EFFORT,
        exact_fps=Level.BEST_EFFORT,
    )

    def discover(self) -> Sequence[CameraInfo]:
        """Webcams that are plugged in."""
        return [CameraInfo(self.name, *each) for each in _devices()]

    def open(self, serial: str) -> Webcam:
        """Take hold of a camera."""
        if "://" in serial:
            return Webcam(CameraInfo(self.name, serial, "network camera"), Source(serial))
        found = self.discover()
        info = next((each for each in found if each.serial == serial), None)
        if info is None:
            there = ", ".join(f"{each.serial} ({each.model})" for each in found)
            raise CameraError(
                f"no webcam is called {serial}; "
                + (f"there are: {there}" if there else "there is none at all")
            )
        kind = _SYSTEMS.get(sys.platform, "v4l2")
        device = info.serial
        return Webcam(info, Source(f"video={device}" if kind == "dshow" else device, kind))


class Webcam:
    """A camera that FFmpeg reads.

    A thread of its own takes what arrives, as FFmpeg itself keeps nothing: what finds all buffers
    full is delivered without its image.
    """

    def __init__(self, info: CameraInfo, source: Source) -> None:
        self.info = info
        self._source = source
        self._shown = Format(0, 0, PixelLayout.RGB)
        self._converter = FrameConverter(gray=False)
        self._reader: threading.Thread | None = None
        self._buffers = 2
        self._waiting: deque[Frame] = deque()
        self._changed = threading.Condition()
        self._is_armed = False
        self._is_closing = False
        self._end: str | None = None
        self._n_full = 0

    def __str__(self) -> str:
        return f"webcam {self.info.serial}"

    def configure(self, wanted: CameraSettings, fps: float, trigger: Trigger) -> Format:
        """Open it so; what it then delivers."""
        refuse_trigger(str(self), trigger, [Trigger.FREE])
        refuse_others(str(self), wanted, _TAKES)
        refuse_features(str(self), wanted, _OPTIONS.get(self._source.format, ()))
        self.close()
        container = self._open(wanted, fps)
        try:
            shown = self._check(wanted, fps, container)
        except SettingRefusedError:
            container.close()
            raise
        self._shown, self._buffers = shown, wanted.buffers
        self._converter = FrameConverter(gray=shown.layout is PixelLayout.MONO)
        self._is_closing, self._end = False, None
        self._reader = threading.Thread(
            target=self._read, args=(container,), name=str(self), daemon=True
        )
        self._reader.start()
        return shown

    def arm(self) -> None:
        """Keep what arrives from here on."""
        with self._changed:
            if self._reader is None:
                raise CameraError(f"{self} is not set up")
            self._check_it_is_there()
            self._waiting.clear()
            self._n_full = 0
            self._is_armed = True

    def trigger(self) -> None:
        """Raise: it waits for nobody."""
        refuse_to_start(str(self), Trigger.FREE)

    def grab(self, timeout_s: float) -> Frame | None:
        """Next frame that arrived; None when there was none in time."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._end is not None, timeout_s)
            if self._waiting:
                return self._waiting.popleft()
            self._check_it_is_there()
            return None

    def disarm(self) -> None:
        """Keep nothing any more; what was kept can still be grabbed."""
        with self._changed:
            self._is_armed = False

    def health(self) -> Health:
        """How many frames wait, and how many found no buffer."""
        values = {"waiting": float(len(self._waiting)), "no_buffer": float(self._n_full)}
        return Health(values=values if self._end is None else {})

    def close(self) -> None:
        """Let go of it."""
        with self._changed:
            self._is_armed = False
            self._is_closing = True
        if self._reader is not None:
            self._reader.join()
            self._reader = None

    def _open(self, wanted: CameraSettings, fps: float) -> Any:
        options = {}
        if self._source.format is not None:
            options["framerate"] = f"{fps:g}"
            if wanted.width is not None and wanted.height is not None:
                options["video_size"] = f"{wanted.width}x{wanted.height}"
        options |= {name: str(value) for name, value in wanted.features.items()}
        try:
            container = av.open(
                self._source.url,
                format=self._source.format,
                options=options,
                timeout=(_OPEN_S, _SILENT_S),
            )
        except (av.error.FFmpegError, OSError, ValueError) as error:
            raise CameraError(
                f"{self} can not be opened with {options or 'no options'}: {error}"
            ) from error
        if not container.streams.video:
            container.close()
            raise CameraError(f"{self} sends no video")
        return container

    def _check(self, wanted: CameraSettings, fps: float, container: Any) -> Format:
        """What it sends; raises when that is not what is wanted."""
        stream = container.streams.video[0]
        width, height = stream.codec_context.width, stream.codec_context.height
        refuse_other_size(str(self), wanted, width, height)
        rate = _rate(container)
        if rate is not None and not FPS_TOLERANCE.allows(rate, fps):
            raise SettingRefusedError(f"{self}: fps {fps:g}: it sends {rate:.5g} frames a second")
        is_gray = str(stream.codec_context.pix_fmt).startswith("gray")
        return Format(width, height, choose_layout(str(self), wanted, is_gray=is_gray), rate)

    def _read(self, container: Any) -> None:
        """Take frames until the camera is closed or lost; runs in a thread of its own."""
        end = "it ended"
        try:
            for packet in container.demux(video=0):
                if self._is_closing:
                    break
                self._take(packet)
        except (av.error.FFmpegError, OSError, ValueError) as error:
            end = str(error)
        finally:
            with suppress(av.error.FFmpegError, OSError):
                container.close()
            with self._changed:
                self._end = end
                self._changed.notify_all()

    def _take(self, packet: Packet[Any]) -> None:
        """Keep the frames of a packet, or that one was damaged on its way."""
        host_ns, utc_ns = time.monotonic_ns(), time.time_ns()
        try:
            frames = packet.decode()
        except av.error.InvalidDataError:
            trouble = "what arrived can not be decoded"
            self._keep(Frame(None, None, _nanoseconds(packet), host_ns, utc_ns, trouble))
            return
        for frame in frames if self._is_armed else ():
            image, trouble = self._image(frame)
            self._keep(Frame(image, None, _nanoseconds(frame), host_ns, utc_ns, trouble))

    def _image(self, frame: VideoFrame) -> tuple[Image | None, str]:
        """The image of a frame, or why there is none."""
        if len(self._waiting) >= self._buffers:
            self._n_full += 1
            return None, "all buffers were full"
        if (frame.width, frame.height) != (self._shown.width, self._shown.height):
            return None, f"the image is {frame.width} x {frame.height} px, not as it was set up"
        try:
            return self._converter.convert(frame), ""
        except PixelError as error:
            return None, str(error)

    def _keep(self, frame: Frame) -> None:
        with self._changed:
            if self._is_armed:
                self._waiting.append(frame)
                self._changed.notify_all()

    def _check_it_is_there(self) -> None:
        if self._end is not None:
            raise CameraLostError(f"{self} sends nothing any more: {self._end}")


def _rate(container: Any) -> float | None:
    """Frames a second, where the source says so: of single JPEGs FFmpeg only guesses."""
    if container.format.name in _GUESSED:
        return None
    stream = container.streams.video[0]
    rate = stream.average_rate or stream.base_rate
    return float(rate) if rate else None


def _nanoseconds(sent: VideoFrame | Packet[Any]) -> int | None:
    """Time that the source gives; of a webcam that of this computer's driver."""
    if sent.pts is None or sent.time_base is None:
        return None
    return int(sent.pts * Fraction(sent.time_base) * 1_000_000_000)


def _devices() -> list[tuple[str, str]]:
    """Serial and model of each webcam; on Linux one keeps its serial whichever socket it is in."""
    stable = {link.resolve(): link for link in sorted(_NAMES.glob("*"))} if _NAMES.is_dir() else {}
    found = []
    with suppress(av.error.FFmpegError, ValueError, OSError):
        for each in av.enumerate_input_devices(_SYSTEMS.get(sys.platform, "v4l2")):
            if "video" in each.media_types:
                serial = str(stable.get(Path(each.name), each.name))
                found.append((serial, each.description or "webcam"))
    return found
