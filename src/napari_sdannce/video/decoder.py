"""Decode the frames of a file in the order they are shown, and notice which are damaged.

A decoder hides damage: it repeats what it has. So every packet is numbered on its way in and
recognised on its way out (the number stands in for the time, which FFmpeg hands through), and once
a packet fails or is flagged, nothing that leans on it is given out until the next keyframe.
"""

from __future__ import annotations

import heapq
from collections import deque
from typing import TYPE_CHECKING

import av.error
from av.video.frame import PictureType

from .header import open_container, video_stream
from .packet_checks import PacketChecks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from av.container import InputContainer
    from av.packet import Packet
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

    from .frame_index import FrameIndex

JUMP = 8
"""Packets that are rather decoded than jumped over by a seek."""


class _FailedInThreads(Exception):
    """Which packet failed is not known, because several were decoded at once."""


class FrameDecoder:
    """Decodes one file; for one thread at a time.

    Parameters
    ----------
    index
        Where the frames are.
    threads
        Threads of the codec; 0 lets FFmpeg choose.
    keep
        Frames before the one asked for that are worth having too.
    on_frame
        Called with number and frame for those, and for the one asked for.
    """

    def __init__(
        self,
        index: FrameIndex,
        *,
        threads: int,
        keep: int,
        on_frame: Callable[[int, VideoFrame], None],
    ) -> None:
        self._index = index
        self._path = index.header.path
        self._threads = threads
        self._keep = keep
        self._on_frame = on_frame
        self.n_decoded = 0
        """Packets decoded since the file was opened."""
        self._can_seek = True
        self._open()

    def close(self) -> None:
        """Close the file."""
        self._container.close()

    def fetch(self, frame: int) -> VideoFrame | None:
        """Decode a frame; None when it is damaged.

        Raises
        ------
        VideoError
            When the file cannot be read any more.
        """
        try:
            return self._fetch(frame)
        except _FailedInThreads:
            # a damaged file is decoded packet by packet from here on
            self._threads = 1
            self._container.close()
            self._open()
            return self._fetch(frame)

    def _fetch(self, frame: int) -> VideoFrame | None:
        self._table = self._index.table(frame)
        anchor = self._table.anchor(frame)
        found = self._run_to(frame) if self._is_ahead(frame, anchor) else None
        if found is None:
            self._seek(anchor)
            found = self._run_to(frame)
        if found is None and (anchor > 0 or not self._can_seek):
            # a keyframe that is none, or frames counted from it wrongly: start before it
            again = anchor if not self._can_seek else -1 if self._table.counted else anchor - 1
            self._seek(again)
            found = self._run_to(frame)
        if found is None:
            dark = self._table.frames_of(sorted(self._dark)).tolist()
            self._index.report_damage([frame, *(n for n in dark if n > self._passed)])
            self._restart = True
        return found

    def _open(self) -> None:
        self._container: InputContainer = open_container(self._path)
        self._stream: VideoStream = video_stream(self._container, self._path)
        context = self._stream.codec_context
        context.thread_type = "NONE" if self._threads == 1 else "AUTO"
        context.thread_count = self._threads
        if self._threads != 1:
            # threads do not mark damaged frames: let them fail, and one thread then judge
            context.options = {"err_detect": "explode"}
        self._checks = PacketChecks(context)
        self._packets = self._demux()
        self._begin(0, -1)

    def _demux(self) -> Iterator[Packet[VideoStream]]:
        return self._container.demux(self._stream)

    def _begin(self, packet: int, anchor_frame: int) -> None:
        self._sent = packet
        self._base = anchor_frame
        self._passed = anchor_frame - 1
        self._ready: deque[tuple[int, VideoFrame]] = deque()
        self._pending: list[int] = []
        self._left_out = -1
        self._shown = 0
        self._dark: set[int] = set()
        self._ended = False
        self._restart = False

    def _is_ahead(self, frame: int, anchor: int) -> bool:
        if self._restart or self._base < 0 or frame <= max(self._passed, self._left_out):
            return False
        key = int(self._table.keys[anchor]) if anchor >= 0 else 0
        return (not self._ended and key <= self._sent + JUMP) or self._is_ready(frame)

    def _is_ready(self, frame: int) -> bool:
        return any(number == frame for number, _ in self._ready)

    def _seek(self, anchor: int) -> None:
        """Let the next packet be the keyframe, or the first packet of the file."""
        table = self._table
        target = int(table.keys[anchor]) if anchor >= 0 else 0
        found = self._jump(anchor) if anchor >= 0 and self._can_seek else None
        if found is None or found[0] > target:
            self._container.close()
            self._open()
            first = next(self._packets, None)
            found = None if first is None else (0, first)
        number, packet = found if found is not None else (target, None)
        while packet is not None and number < target:
            packet, number = next(self._packets, None), number + 1
        self._begin(target, max(0, int(table.rank[target])) if table.n_packets else 0)
        self._next: Packet[VideoStream] | None = packet
        self._ended = packet is None

    def _jump(self, anchor: int) -> tuple[int, Packet[VideoStream]] | None:
        """Seek; the packet arrived at and its number, None when that is not known."""
        try:
            self._container.seek(int(self._table.seek_times[anchor]), stream=self._stream)
            self._packets = self._demux()
            packet = next(self._packets, None)
        except av.error.FFmpegError:
            return None
        if packet is None or not packet.size:
            return None
        number = self._table.locate(self._place_of(packet))
        return None if number is None else (number, packet)

    def _run_to(self, frame: int) -> VideoFrame | None:
        while True:
            while self._ready and self._ready[0][0] <= frame:
                number, decoded = self._ready.popleft()
                self._passed = number
                if number > frame - self._keep or number == frame:
                    self._on_frame(number, decoded)
                if number == frame:
                    return decoded
            if self._ready or self._ended or int(self._table.packet[frame]) in self._dark:
                return None
            self._step(frame)

    def _step(self, frame: int) -> None:
        """Send one packet and take what the decoder gives."""
        packet = self._next if self._next is not None else self._read_packet()
        self._next = None
        if packet is None or not packet.size:
            self._ended = True
            self._receive(packet)
            return
        number, self._sent = self._sent, self._sent + 1
        if number >= self._table.n_packets:
            self._table = self._index.table(number)
            if number >= self._table.n_packets:
                self._ended = True
                return
        self._send(packet, number, frame)

    def _read_packet(self) -> Packet[VideoStream] | None:
        try:
            return next(self._packets, None)
        except av.error.FFmpegError:
            return None

    def _send(self, packet: Packet[VideoStream], number: int, frame: int) -> None:
        rank = int(self._table.rank[number])
        if not self._is_expected(packet, number):
            self._can_seek = False  # the file's index leads astray: go through the packets in turn
            self._darken(number)
            return
        if number in self._table.damaged or self._checks.is_damaged(packet):
            self._darken(number)
            return
        if rank < frame - self._keep and self._checks.is_unreferenced(packet):
            self._left_out = max(self._left_out, rank)
            return
        packet.pts = packet.dts = number  # comes out as the time of its frame
        if rank >= self._base:
            heapq.heappush(self._pending, rank)
        self.n_decoded += 1
        self._receive(packet, number)

    def _is_expected(self, packet: Packet[VideoStream], number: int) -> bool:
        places = self._table.place
        return places is None or bool(places[number] == self._place_of(packet))

    def _place_of(self, packet: Packet[VideoStream]) -> int | None:
        return packet.pts if self._table.place_is_time else packet.pos

    def _receive(self, packet: Packet[VideoStream] | None, number: int | None = None) -> None:
        try:
            frames = packet.decode() if packet is not None else []
        except av.error.FFmpegError:
            if self._threads != 1:
                raise _FailedInThreads from None
            if number is not None:
                self._darken(number)
            return
        for decoded in frames:
            self._take(decoded)

    def _take(self, decoded: VideoFrame) -> None:
        number = decoded.pts
        if number is None or not 0 <= number < self._table.n_packets:
            return
        rank = self._rank_of(number)
        if rank < self._base:
            return  # shown before the keyframe the decoding began at
        if self._misses(number, decoded) if self._table.counted else self._drop_before(rank):
            self._dark.add(number)  # the missing one may be this one under a wrong time
        if decoded.is_corrupt:
            self._darken(number)
        if number not in self._dark:
            self._ready.append((rank, decoded))

    def _rank_of(self, number: int) -> int:
        if self._table.counted:
            if self._shown == 0 and number != self._base:
                self._darken(self._base)
            self._shown += 1
            return self._base + self._shown - 1
        return int(self._table.rank[number])

    def _drop_before(self, rank: int) -> bool:
        """Give up frames that should have come out before this one; whether there were any."""
        found = False
        while self._pending and self._pending[0] <= rank:
            missed = heapq.heappop(self._pending)
            if missed != rank:
                self._darken(int(self._table.packet[missed]))
                found = True
        return found

    def _misses(self, number: int, decoded: VideoFrame) -> bool:
        """Whether one did not come out that must have, where frames are counted.

        A frame that is no B-frame is shown after all that are stored before it.
        """
        if number in self._pending:
            self._pending.remove(number)
        first = min(self._pending, default=number)
        if decoded.pict_type == PictureType.B or first >= number:
            return False
        self._darken(first)
        return True

    def _darken(self, number: int) -> None:
        if number not in self._dark:
            self._dark.update(self._table.shadow(number))
