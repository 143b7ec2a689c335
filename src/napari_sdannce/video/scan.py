"""Build the frame table of a file: from its tables where it has them, else from its packets."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import av.error
import numpy as np
import numpy.typing as npt

from .header import open_container, video_stream
from .index import FrameTable, PacketList, table_of_count, table_of_times, times_agree
from .losses import ends_early, has_gap, is_known_at_end, losses, wrong_times
from .mp4_tables import UnusableTables, read_tables

if TYPE_CHECKING:
    from collections.abc import Iterator

    from av.packet import Packet
    from av.stream import Stream

    from .header import VideoHeader

IntArray = npt.NDArray[np.int64]

REORDERED_CODECS = ("h264", "hevc", "vvc", "av1", "vp9")
"""Codecs for which AVI files give no presentation times although frames are reordered."""


@dataclass(frozen=True, slots=True, eq=False)
class Scan:
    """A frame table and what is known of the file's end.

    Attributes
    ----------
    complete
        Whether the table holds the whole file.
    ends_early
        Whether the file stops before its header says, or was never finished.
    """

    table: FrameTable
    complete: bool
    ends_early: bool = False
    missing: tuple[range, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "missing", self.table.known_missing)

    @property
    def n_readable(self) -> int:
        """Frames up to the last one that is not known to be unreadable."""
        n = self.table.n_frames
        return self.missing[-1].start if self.missing and self.missing[-1].stop == n else n


def table_from_header(header: VideoHeader) -> Scan | None:
    """The table of an mp4 file from its header, None where that cannot be trusted."""
    if not header.is_mp4:
        return None
    try:
        tables = read_tables(header.path, header.track_id)
    except UnusableTables:
        return None
    if header.entries != len(tables.pos):
        return None
    shift = header.samples[0].dts - int(tables.dts[0])
    for entry in header.samples:
        i = entry.number
        ours = (tables.dts[i] + shift, tables.pos[i], tables.size[i])
        if ours != (entry.dts, entry.pos, entry.size) or entry.is_discard:
            return None
    outside = tables.pos + tables.size > header.bytes
    cut = frozenset(np.flatnonzero(outside | (tables.pos < 0)).tolist())
    if times_agree(tables.pts, tables.keys):
        table = table_of_times(
            tables.pts + shift, tables.dts + shift, tables.pos, tables.keys, damaged=cut
        )
    else:
        table = table_of_count(tables.dts + shift, tables.pos, tables.keys, damaged=cut)
    return Scan(table, complete=True, ends_early=bool(cut))


def scan_packets(header: VideoHeader) -> Iterator[tuple[PacketList, bool]]:
    """Read a file's packets without decoding; yields what is known so far at every keyframe.

    The packet list is the same object, growing; the flag says whether it is whole.
    """
    packets = PacketList()
    end = 0
    with open_container(header.path) as container:
        stream = video_stream(container, header.path)
        if header.container == "avi" and len(stream.index_entries) == header.promised:
            # FFmpeg gives the place of a chunk here and of what is in it there
            packets.places = [entry.pos + 8 for entry in stream.index_entries]
        try:
            for packet in container.demux():
                if not packet.size:
                    continue
                skipped = max(0, (packet.pos or 0) - end)
                end = max(end, (packet.pos or 0) + packet.size)
                if packet.stream_index != stream.index:
                    continue
                if packet.is_keyframe and packets.pts:
                    yield packets, False
                _append(packets, packet, skipped)
        except av.error.FFmpegError:
            pass  # the file ends here; the number of frames found tells
        packets.indexed = len(stream.index_entries)
    yield packets, True


def _append(packets: PacketList, packet: Packet[Stream], skipped: int) -> None:
    number = len(packets.pts)
    packets.pts.append(packet.pts)
    packets.dts.append(packet.dts)
    packets.pos.append(-1 if packet.pos is None else packet.pos)
    packets.size.append(packet.size)
    packets.skipped.append(skipped)
    if packet.is_keyframe:
        packets.keys.append(number)
    if packet.is_discard:
        packets.discarded.append(number)
    if packet.is_corrupt:
        packets.damaged.append(number)


def partial_table(header: VideoHeader, packets: PacketList) -> Scan | None:
    """Table of the packets so far, which must end right before a keyframe.

    None when the numbers of their frames are known at the end of the file only.
    """
    if is_known_at_end(header, packets):
        return None
    return Scan(_table(header, packets), complete=False)


def final_table(header: VideoHeader, packets: PacketList) -> Scan:
    """Table of all packets of a file, with what it lost."""
    if not packets.pts:
        empty = np.empty(0, dtype=np.int64)
        return Scan(table_of_count(empty, empty, empty), complete=True, ends_early=True)
    if _is_counted(header, packets):
        early = header.counts_frames and len(packets.pts) < (header.promised or 0)
        return Scan(_counted_table(header, packets, cut=early), complete=True, ends_early=early)
    pts = np.asarray(packets.pts, dtype=np.int64)
    early = ends_early(header, packets, pts)
    whole = len(pts) >= (header.promised or len(pts) + 1) and not has_gap(header, pts)
    if early and header.reorder and not whole:
        # frames shown before these may have been stored after the end: their number is not known
        packets.discarded.extend(np.argsort(pts, kind="stable")[-header.reorder :].tolist())
    return Scan(_table(header, packets), complete=True, ends_early=early or header.cut)


def _is_counted(header: VideoHeader, packets: PacketList) -> bool:
    """Whether the packets have no times, or, in AVI files, times that FFmpeg guessed wrongly."""
    if any(pts is None for pts in packets.pts):
        return True
    if header.container != "avi":
        return False
    if header.codec in REORDERED_CODECS and header.reorder > 0:
        return True
    pts = np.asarray(packets.pts, dtype=np.int64)
    return not times_agree(pts, np.asarray(packets.keys, dtype=np.int64))


def _table(header: VideoHeader, packets: PacketList) -> FrameTable:
    if _is_counted(header, packets):
        return _counted_table(header, packets)
    keys = np.asarray(packets.keys, dtype=np.int64)
    pos = np.asarray(packets.pos, dtype=np.int64)
    pts = np.asarray(packets.pts, dtype=np.int64)
    first = min(min(pts.tolist()), *(d for d in packets.dts if d is not None), 0)
    dts = np.array([first if d is None else d for d in packets.dts])
    if header.container == "mpegts":
        pos = np.full(len(pos), -1, dtype=np.int64)  # differs after a seek
    wrong = wrong_times(dts)
    pts[wrong] = dts[wrong] = np.maximum.accumulate(dts)[wrong]  # shown nowhere; kept in order
    lost, torn = losses(header, packets, pts, wrong)
    return table_of_times(
        pts,
        dts.astype(np.int64),
        pos,
        keys,
        damaged=frozenset([*packets.damaged, *torn, *wrong.tolist()]),
        discarded=[*packets.discarded, *wrong.tolist()],
        seek_by_dts=header.is_mp4 or header.container == "avi",
        lost=lost,
    )


def _counted_table(header: VideoHeader, packets: PacketList, *, cut: bool = False) -> FrameTable:
    """Table of packets without times; `cut`: the last ones are lost.

    Nothing about and behind a lost packet can be counted.
    """
    pos = np.asarray(packets.pos, dtype=np.int64)
    dts = np.array([dts or 0 for dts in packets.dts], dtype=np.int64)
    torn = losses(header, packets, dts)[1] if header.container == "avi" else []
    lost_at = torn[0] if torn else len(dts) if cut else None
    return table_of_count(
        dts,
        pos,
        np.asarray(packets.keys, dtype=np.int64),
        damaged=frozenset(packets.damaged),
        # a frame shown before the lost one may be stored after it
        uncounted=None if lost_at is None else max(0, lost_at - header.reorder),
    )
