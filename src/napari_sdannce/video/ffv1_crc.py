"""The check sums of FFV1 packets, which FFmpeg's decoder only logs.

A slice ends with its size (3 bytes), a status byte and a CRC-32 that makes the CRC of the whole
slice zero (RFC 9043, 4.8).
"""

from __future__ import annotations

import zlib

TRAILER = 8
_REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))
_ONES = 0xFFFFFFFF


def slices_are_whole(packet: bytes) -> bool:
    """Whether every slice of a packet agrees with its check sum; False if there are none."""
    stop = len(packet)
    if not stop:
        return False
    while stop > 0:
        if stop < TRAILER:
            return False
        start = stop - TRAILER - int.from_bytes(packet[stop - TRAILER : stop - TRAILER + 3], "big")
        if start < 0 or not _crc_is_zero(packet[start:stop]):
            return False
        stop = start
    return True


def _crc_is_zero(data: bytes) -> bool:
    # zlib's CRC runs from the lowest bit of a byte, FFV1's from the highest, starting from zero
    return zlib.crc32(data.translate(_REVERSED), _ONES) == _ONES
