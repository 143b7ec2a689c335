"""The buffers of a GenTL camera: announced, filled by its producer, read, given back."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from napari_sdannce.capture.cameras import CameraError

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_sdannce.capture.back_ends.features import Features

_COUNTERS = ("num_delivered", "num_underrun", "num_queued", "num_awaiting_delivery")


@dataclass(frozen=True, eq=False, slots=True)
class Filled:
    """A buffer that a producer has filled.

    Parameters
    ----------
    buffer
        As the SDK gives it.
    memory
        What it holds.
    """

    buffer: Any
    memory: bytes


class Stream:
    """What a camera sends.

    Parameters
    ----------
    gentl
        The module ``genicam.gentl``.
    device
        The camera, opened.
    """

    def __init__(self, gentl: Any, device: Any) -> None:
        self._gentl = gentl
        self._stream = device.create_data_stream()
        self._stream.open(device.data_stream_ids[0])
        token = self._stream.register_event(gentl.EVENT_TYPE_LIST.EVENT_NEW_BUFFER)
        self._event = gentl.EventManagerNewBuffer(token)
        self._memory: list[bytes] = []
        self._buffers: list[Any] = []

    @property
    def is_running(self) -> bool:
        """Whether buffers are with the producer."""
        return bool(self._buffers)

    def start(self, features: Features, count: int) -> None:
        """Give the producer `count` buffers, or as many as it needs, to fill."""
        size = self._payload_size(features)
        with suppress(self._gentl.GenericException):
            count = max(count, self._stream.buffer_announce_min)
        self._memory = [bytes(size) for _ in range(count)]
        for i, memory in enumerate(self._memory):
            token = self._gentl.BufferToken(memory, i)
            self._buffers.append(self._stream.announce_buffer(token))
        for buffer in self._buffers:
            self._stream.queue_buffer(buffer)
        self._stream.start_acquisition(self._gentl.ACQ_START_FLAGS_LIST.ACQ_START_FLAGS_DEFAULT, -1)

    def stop(self) -> None:
        """Take all buffers back, whatever is in them."""
        flags = self._gentl.ACQ_STOP_FLAGS_LIST.ACQ_STOP_FLAGS_KILL
        everything = self._gentl.ACQ_QUEUE_TYPE_LIST.ACQ_QUEUE_ALL_DISCARD
        for step in (
            lambda: self._stream.stop_acquisition(flags),
            lambda: self._stream.flush_buffer_queue(everything),
            self._event.flush_event_queue,
            *(self._revoking(buffer) for buffer in self._buffers),
        ):
            # a camera that is lost refuses some; the others are to be done all the same
            with suppress(self._gentl.GenericException):
                step()
        self._buffers.clear()

    def wait(self, timeout_s: float) -> Filled | None:
        """The next buffer; None when there is none in time."""
        try:
            self._event.update_event_data(max(1, round(timeout_s * 1000)))
        except self._gentl.TimeoutException:
            return None
        buffer = self._event.buffer
        return Filled(buffer, self._memory[buffer.context])

    def give_back(self, filled: Filled) -> None:
        """Let the producer fill a buffer again."""
        self._stream.queue_buffer(filled.buffer)

    def told(self, ask: Callable[[], Any], otherwise: Any) -> Any:
        """What a producer tells; many do not know everything."""
        try:
            return ask()
        except self._gentl.GenericException:
            return otherwise

    def counters(self) -> dict[str, float]:
        """What the producer counts, by its name."""
        found = {}
        for name in _COUNTERS:
            value = self.told(partial(getattr, self._stream, name), None)
            if value is not None:
                found[name] = float(value)
        return found

    def close(self) -> None:
        """Let go of it."""
        if self.is_running:
            self.stop()
        with suppress(self._gentl.GenericException):
            self._event.unregister_event()
        with suppress(self._gentl.GenericException):
            self._stream.close()

    def _payload_size(self, features: Features) -> int:
        if self.told(self._stream.defines_payload_size, otherwise=False):
            return int(self._stream.payload_size)
        feature = features.find("PayloadSize")
        if feature is None:
            raise CameraError(f"{features.camera}: it does not say how large its buffers are")
        return int(feature.read())

    def _revoking(self, buffer: Any) -> Callable[[], None]:
        return lambda: self._stream.revoke_buffer(buffer)
