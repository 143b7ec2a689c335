"""What can be told of a packet without decoding it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import ffv1_crc, h264_units

if TYPE_CHECKING:
    from av.packet import Packet
    from av.video.codeccontext import VideoCodecContext
    from av.video.stream import VideoStream


class PacketChecks:
    """Finds damage that the decoder of one stream would pass over.

    Parameters
    ----------
    context
        The stream's decoder.
    """

    def __init__(self, context: VideoCodecContext) -> None:
        self._unit_length = h264_units.length_size(context.name, context.extradata)
        self._is_ffv1 = context.name == "ffv1"
        self._has_sums = False

    def is_damaged(self, packet: Packet[VideoStream]) -> bool:
        """Whether the packet is cut off, overwritten or fails its check sum.

        A file is taken to have check sums once a packet has shown a right one.
        """
        if self._is_ffv1:
            whole = ffv1_crc.slices_are_whole(bytes(packet))
            self._has_sums |= whole
            return self._has_sums and not whole
        return bool(self._unit_length) and h264_units.is_torn(memoryview(packet), self._unit_length)

    def is_unreferenced(self, packet: Packet[VideoStream]) -> bool:
        """Whether no other frame is known to lean on this one."""
        return bool(self._unit_length) and h264_units.is_unreferenced(
            memoryview(packet), self._unit_length
        )
