"""What a file lost, so that the frames after it keep their numbers."""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from .matroska_end import is_cut_off
from .mp4_tables import are_boxes

if TYPE_CHECKING:
    from .header import VideoHeader
    from .index import PacketList

IntArray = npt.NDArray[np.int64]
Lost = tuple[list[tuple[int, int]], list[int]]

OVERHEAD = 64
"""Bytes between two packets that are only headers."""
NONE = np.empty(0, dtype=np.int64)


def tick_of(pts: IntArray) -> float:
    """Usual time between two frames (ticks)."""
    gaps = np.diff(np.sort(pts))
    gaps = gaps[gaps > 0]
    return float(np.median(gaps)) if len(gaps) else 1.0


def ends_early(header: VideoHeader, packets: PacketList, pts: IntArray) -> bool:
    """Whether the file stops before what its header or its index says."""
    if header.counts_frames:
        return len(pts) < (header.promised or 0)
    if header.is_mp4:
        return len(pts) < packets.indexed
    if "matroska" in header.container:
        return is_cut_off(header.path) or _is_short(header, pts)
    return bool(header.reorder) and has_gap(header, pts)


def has_gap(header: VideoHeader, pts: IntArray) -> bool:
    """Whether a frame is missing among the last ones, which then are not counted rightly."""
    reorder = header.reorder
    tick = float(1 / (header.rate * header.time_base)) if header.rate else np.inf
    tail = np.diff(np.sort(pts)[-reorder - 2 :])
    return bool(len(tail) and tail.max() > 1.5 * min(tick_of(pts), tick))


def _is_short(header: VideoHeader, pts: IntArray) -> bool:
    """Whether the last frame would have to last longer than any other to fill the duration."""
    if header.duration is None or len(pts) < 2:
        return False
    longest = max(1.5 * tick_of(pts), float(np.diff(np.sort(pts)).max()))
    return (int(pts.max()) + longest) * float(header.time_base) < header.duration


def wrong_times(dts: IntArray) -> IntArray:
    """Packets whose decode time falls back behind one before, while the next, if any, goes on."""
    if len(dts) < 3:
        return NONE
    before = np.maximum.accumulate(dts)[:-1]
    back = dts[1:] < before
    goes_on = np.append(dts[2:] > before[:-1], True)
    return 1 + np.flatnonzero(back & goes_on)


def losses(header: VideoHeader, packets: PacketList, pts: IntArray, wrong: IntArray = NONE) -> Lost:
    """Frames lost to damage in the middle; `wrong` holds packets of unknown time.

    Returns
    -------
    tuple
        (packet, count): so many frames are missing before the frame of that packet; and packets
        from which on nothing can be decoded until the next keyframe.
    """
    if len(pts) < 3:
        return [], []
    if header.container == "avi":
        return _lost_chunks(header, packets)
    return _lost_times(header, packets, pts, wrong)


def _lost_times(header: VideoHeader, packets: PacketList, pts: IntArray, wrong: IntArray) -> Lost:
    """Frames lost where time jumps and bytes were skipped, or a packet lost its time.

    A jump alone is a camera that paused; skipped bytes alone are headers. In a transport stream,
    which has no places, every jump on the beat of a steady rate is a loss.
    """
    tick = tick_of(pts)
    usual = float(np.median(packets.size))
    order = np.argsort(pts, kind="stable")
    steps = np.diff(pts[order])
    steady = header.container == "mpegts" and _is_steady(steps, tick)
    strays = wrong.tolist()
    lost: list[tuple[int, int]] = []
    torn: list[int] = []
    for at in np.flatnonzero(steps > 1.5 * tick):
        count = round(float(steps[at]) / tick) - 1
        before, after = int(order[at]), int(order[at + 1])
        low = max(1, min(before, after) - header.reorder)
        high = min(len(pts), max(before, after) + header.reorder + 1)
        where = low + int(np.argmax(packets.skipped[low:high])) if high > low else after
        group = bisect_right(packets.keys, min(before, after)) - 1
        start = packets.keys[group] if group >= 0 else 0
        near = [n for n in strays if start <= n < high]
        torn_out = packets.skipped[where] >= OVERHEAD + 0.25 * usual * count
        if steady or (torn_out and not _are_heads(header, packets, where)):
            lost.append((after, count))
            torn.append(min(before, after) + 1 if steady else where)
        elif near:
            # each stray is one of the frames that the jump lacks
            taken = near[:count]
            lost.append((after, len(taken)))
            strays = [n for n in strays if n not in taken]
    return lost, torn


def _are_heads(header: VideoHeader, packets: PacketList, packet: int) -> bool:
    """Whether the bytes before a packet are the heads of fragments of an mp4 file."""
    if not header.is_mp4 or packet == 0:
        return False
    before = packets.pos[packet - 1] + packets.size[packet - 1]
    return are_boxes(header.path, before, packets.pos[packet])


def _is_steady(steps: IntArray, tick: float) -> bool:
    """Whether nine of ten frames are one tick apart, the others a multiple."""
    off = np.abs(steps / tick - np.rint(steps / tick))
    return bool((off < 0.05).all() and np.mean(steps < 1.5 * tick) > 0.8)


def _lost_chunks(header: VideoHeader, packets: PacketList) -> Lost:
    """Frames lost from an AVI file, whose times are only counted by FFmpeg."""
    found = len(packets.pos)
    missing = (header.promised or 0) - found
    if missing <= 0:
        return [], []
    jumps = _jumps(packets)
    if jumps is not None:
        torn = np.flatnonzero(jumps > 0).tolist()
        return [(packet, int(jumps[packet])) for packet in torn], torn
    torn = _tears(header, packets)
    if len(torn) == 1:
        return [(torn[0], missing)], torn
    # how many frames went at which of several places is not known
    return [], list(range(torn[0], found)) if torn else []


def is_known_at_end(header: VideoHeader, packets: PacketList) -> bool:
    """Whether only the end of the file tells how many frames are missing before its packets."""
    return header.container == "avi" and _jumps(packets) is None and bool(_tears(header, packets))


def _jumps(packets: PacketList) -> IntArray | None:
    """How many frames the index of an AVI file holds between packets; None if it knows not all."""
    place = {pos: number for number, pos in enumerate(packets.places)}
    if not place or not all(pos in place for pos in packets.pos):
        return None
    return np.diff([-1, *(place[pos] for pos in packets.pos)]) - 1


def _tears(header: VideoHeader, packets: PacketList) -> list[int]:
    """Packets that bytes stand before which belong to none."""
    skipped = np.asarray(packets.skipped, dtype=np.int64)
    skipped[0] -= _first_chunk(header)
    torn: list[int] = np.flatnonzero(skipped > OVERHEAD // 4).tolist()
    return torn


def _first_chunk(header: VideoHeader) -> int:
    """Where the first frame of an AVI file should be."""
    with header.path.open("rb") as file:
        start = file.read(1 << 20)
    return max(0, start.find(b"movi")) + 12
