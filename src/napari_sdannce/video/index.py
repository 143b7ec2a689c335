"""Which packet of a video file holds which frame, and from which keyframe to decode it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from .frame_ranges import merge_ranges, ranges_of

if TYPE_CHECKING:
    from collections.abc import Sequence

IntArray = npt.NDArray[np.int64]

HOLE = -1
"""Stands for the packet of a frame that the file lost."""


@dataclass(slots=True)
class PacketList:
    """What a demuxer tells about the packets of the video stream, in decode order.

    `pts` and `dts` may hold None. `damaged` holds packet numbers that are cut off or flagged,
    `skipped` the bytes between a packet and the one before it; `indexed` is the number of
    packets that the file's own index holds, `places` where it says they are.
    """

    pts: list[int | None] = field(default_factory=list)
    dts: list[int | None] = field(default_factory=list)
    pos: list[int] = field(default_factory=list)
    size: list[int] = field(default_factory=list)
    skipped: list[int] = field(default_factory=list)
    keys: list[int] = field(default_factory=list)
    discarded: list[int] = field(default_factory=list)
    damaged: list[int] = field(default_factory=list)
    indexed: int = 0
    places: list[int] = field(default_factory=list)


@dataclass(frozen=True, slots=True, eq=False)
class FrameTable:
    """Frames in the order of presentation against packets in decode order.

    Parameters
    ----------
    rank
        (N,) frame number of each packet; negative for packets that show no frame of their own.
    packet
        (F,) packet of each frame; `HOLE` for a frame the file lost.
    keys
        (K,) rising packet numbers of the keyframes.
    seek_times
        (K,) time to seek to for each keyframe, in ticks of the stream.
    place
        (N,) something that tells packets apart after a seek: byte offset or presentation time;
        None when nothing does, and the file can only be decoded from its start.
    place_is_time
        Whether `place` holds presentation times.
    pts
        (F,) presentation time of each frame in ticks; for a hole, the time it should have had.
    damaged
        Packets that are known to be cut off or corrupt before any decoding.
    counted
        Whether frames are told apart by counting the decoder's output from a keyframe, because the
        file holds no presentation times.
    uncounted
        First frame that cannot be counted, because one is lost; None when all can.
    """

    rank: IntArray
    packet: IntArray
    keys: IntArray
    seek_times: IntArray
    place: IntArray | None
    place_is_time: bool
    pts: IntArray
    damaged: frozenset[int] = frozenset()
    counted: bool = False
    uncounted: int | None = None
    key_rank: IntArray = field(init=False)
    _place_order: IntArray | None = field(init=False)

    def __post_init__(self) -> None:
        # kept, so that finding a keyframe costs the same in a file of any length
        object.__setattr__(self, "key_rank", self.rank[self.keys])
        place = self.place
        order = None if place is None or (np.diff(place) > 0).all() else np.argsort(place)
        object.__setattr__(self, "_place_order", order)

    @property
    def n_frames(self) -> int:
        """Number of frames whose place in the order is settled."""
        return len(self.packet)

    @property
    def n_packets(self) -> int:
        """Number of packets."""
        return len(self.rank)

    def anchor(self, frame: int) -> int:
        """Number in `keys` of the keyframe to decode a frame from; -1: from the first packet.

        A frame that is shown before a keyframe but stored after it (open group of pictures) needs
        the keyframe before that.
        """
        return int(np.searchsorted(self.key_rank, frame, side="right")) - 1

    def locate(self, place: int | None) -> int | None:
        """Packet at a place, None when there is none."""
        if self.place is None or place is None:
            return None
        at = int(np.searchsorted(self.place, place, sorter=self._place_order))
        if at == len(self.place):
            return None
        packet = at if self._place_order is None else int(self._place_order[at])
        return packet if self.place[packet] == place else None

    def shadow(self, packet: int) -> range | tuple[int, ...]:
        """Packets that cannot be trusted when a packet is damaged: up to the next keyframe.

        The frames shown before that keyframe but stored after it lean on both sides.
        """
        after = np.searchsorted(self.keys, packet, side="right")
        if after == len(self.keys):
            return range(packet, self.n_packets)
        key = int(self.keys[after])
        stop = key + 1
        limit = self.keys[after + 1] if after + 1 < len(self.keys) else self.n_packets
        leading = []
        while stop < limit and self.rank[stop] < self.rank[key]:
            leading.append(stop)
            stop += 1
        return (*range(packet, key), *leading) if leading else range(packet, key)

    def frames_of(self, packets: Sequence[int]) -> IntArray:
        """Frame numbers of packets, those that show none left out."""
        ranks = self.rank[np.asarray(packets, dtype=np.int64)]
        return np.sort(ranks[ranks >= 0])

    @property
    def known_missing(self) -> tuple[range, ...]:
        """Frames known to be unreadable without having decoded anything."""
        holes = np.flatnonzero(self.packet == HOLE).tolist()
        dark: set[int] = set()
        for packet in sorted(self.damaged):
            if packet not in dark:
                dark.update(self.shadow(packet))
        lost = ranges_of([*holes, *self.frames_of(sorted(dark)).tolist()])
        if self.uncounted is None:
            return lost
        return merge_ranges([*lost, range(self.uncounted, self.n_frames)])


def table_of_times(
    pts: IntArray,
    dts: IntArray,
    pos: IntArray,
    keys: IntArray,
    *,
    damaged: frozenset[int] = frozenset(),
    discarded: Sequence[int] = (),
    seek_by_dts: bool = True,
    lost: Sequence[tuple[int, int]] = (),
) -> FrameTable:
    """Table from the times of every packet, all arrays (N,) in decode order.

    `lost` holds (packet, count): so many frames are missing right before the frame of that packet.
    """
    shown = np.ones(len(pts), dtype=bool)
    shown[np.asarray(discarded, dtype=np.int64)] = False
    order = np.argsort(np.where(shown, pts, np.iinfo(np.int64).max), kind="stable")
    order = order[: int(shown.sum())]
    frames = _frame_numbers(order, lost)
    rank = np.full(len(pts), -1, dtype=np.int64)
    rank[order] = frames
    n_frames = int(frames[-1]) + 1 if len(frames) else 0
    packet = np.full(n_frames, HOLE, dtype=np.int64)
    packet[frames] = order
    times = pts[order]
    if n_frames > len(frames):
        times = np.rint(np.interp(np.arange(n_frames), frames, times)).astype(np.int64)
    place, is_time = _places(pos, pts)
    seek = dts[keys] if seek_by_dts else np.minimum(pts[keys], dts[keys])
    return FrameTable(rank, packet, keys, seek, place, is_time, times, damaged)


def times_agree(pts: IntArray, keys: IntArray) -> bool:
    """Whether each group of pictures is shown wholly after the one before, as it must be."""
    if len(keys) < 2 or not len(pts):
        return True
    starts = np.concatenate([[0], keys[keys > 0]])
    latest = np.maximum.reduceat(pts, starts)
    earliest = np.minimum.reduceat(pts, starts)
    return bool((latest[:-1] < earliest[1:]).all())


def table_of_count(
    dts: IntArray,
    pos: IntArray,
    keys: IntArray,
    *,
    damaged: frozenset[int] = frozenset(),
    uncounted: int | None = None,
) -> FrameTable:
    """Table of a file without presentation times: frames are counted as the decoder shows them.

    From a keyframe on, the n-th frame shown is taken for the n-th packet stored, which holds where
    no frame is stored after and shown before a keyframe.
    """
    number = np.arange(len(dts), dtype=np.int64)
    place = _places(pos, number)[0] if len(pos) and pos.min() >= 0 else None
    return FrameTable(
        rank=number,
        packet=number,
        keys=keys,
        seek_times=dts[keys],
        place=place,
        place_is_time=False,
        pts=number,
        damaged=damaged,
        counted=True,
        uncounted=uncounted,
    )


def _frame_numbers(order: IntArray, lost: Sequence[tuple[int, int]]) -> IntArray:
    """(F,) frame number of each shown packet: its rank, moved up by the frames lost before it."""
    frames = np.arange(len(order), dtype=np.int64)
    for packet, count in lost:
        at = np.flatnonzero(order == packet)
        if len(at):
            frames[at[0] :] += count
    return frames


def _places(pos: IntArray, pts: IntArray) -> tuple[IntArray | None, bool]:
    if len(pos) and pos.min() >= 0 and _are_different(pos):
        return pos, False
    return (pts, True) if _are_different(pts) else (None, False)


def _are_different(values: IntArray) -> bool:
    if (np.diff(values) > 0).all():
        return True
    return len(np.unique(values)) == len(values)
