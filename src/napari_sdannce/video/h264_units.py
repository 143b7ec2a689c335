"""The units inside an H.264 packet of an mp4 or Matroska file (ITU-T H.264, 7.3.1 and 7.4.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ZEROS = bytes(8)
"""No unit ends with so many zeros unless a disk filled it up; a few are padding of some writers."""


def length_size(codec: str, extradata: bytes | None) -> int:
    """Bytes of the length before each unit; 0 where units are stored in another way."""
    if codec != "h264" or not extradata or len(extradata) < 5 or extradata[0] != 1:
        return 0
    return (extradata[4] & 3) + 1


def is_unreferenced(packet: memoryview, size: int) -> bool:
    """Whether no other frame leans on this one."""
    first = next(_pictures(packet, size), None)
    return first is not None and first[0] & 0x60 == 0


def is_torn(packet: memoryview, size: int) -> bool:
    """Whether part of a picture was overwritten with zeros, which can decode without complaint."""
    return any(unit[-len(ZEROS) :] == ZEROS for unit in _pictures(packet, size))


def _pictures(packet: memoryview, size: int) -> Iterator[memoryview]:
    """Units that hold a part of the picture."""
    start = 0
    while start + size < len(packet):
        stop = start + size + int.from_bytes(packet[start : start + size], "big")
        if 1 <= packet[start + size] & 31 <= 5:
            yield packet[start + size : stop]
        start = stop
