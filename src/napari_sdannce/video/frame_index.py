"""The frame table of a file, filled at once or in the background, shared by its readers."""

from __future__ import annotations

import threading
from contextlib import ExitStack
from typing import TYPE_CHECKING

from .errors import VideoError
from .frame_ranges import describe_ranges, merge_ranges, ranges_of
from .scan import Scan, final_table, partial_table, scan_packets, table_from_header

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .header import VideoHeader
    from .index import FrameTable

_TURN = threading.Semaphore(1)
FIRST_PACKETS = 512
"""A growing table is renewed at this many packets, then whenever their number has doubled."""


class FrameIndex:
    """Where the frames of one file are.

    mp4 and mov files tell it in their header, which is read at the first question (a few
    milliseconds for 100 000 frames). Of other files all packets have to be read once: this happens
    in a thread, and questions about frames already passed are answered meanwhile.

    Parameters
    ----------
    header
        The file's header.
    """

    def __init__(self, header: VideoHeader) -> None:
        self.header = header
        self._changed = threading.Condition()
        self._scan: Scan | None = None
        self._failure: str | None = None
        self._wanted = 0
        self._stopped = False
        self._thread: threading.Thread | None = None
        self._tried_header = False
        self._damaged: set[int] = set()

    def start(self) -> None:
        """Begin to index, if that has not begun."""
        with self._changed:
            if not self._tried_header:
                self._tried_header = True
                self._scan = table_from_header(self.header)
            if self._scan is None and self._thread is None and not self._stopped:
                self._thread = threading.Thread(
                    target=self._fill, name=f"index {self.header.path.name}", daemon=True
                )
                self._thread.start()

    def stop(self) -> None:
        """End the thread; the table stays as it is."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()
            thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join()

    @property
    def is_complete(self) -> bool:
        """Whether the whole file is known; never waits."""
        scan = self._scan
        return (scan is not None and scan.complete) or self._failure is not None

    def table(self, frame: int | None = None) -> FrameTable:
        """The table, as soon as it holds a frame, or for good when `frame` is None.

        Raises
        ------
        VideoError
            When the file could not be indexed.
        """
        return self._wait(frame).table

    def wait(self) -> None:
        """Return when the whole file is known, or turned out not to be readable to its end.

        Raises
        ------
        VideoError
            When it was closed before.
        """
        try:
            self._wait(None)
        except VideoError:
            if self._failure is None:
                raise

    def _wait(self, frame: int | None) -> Scan:
        self.start()
        with self._changed:
            if frame is not None:
                self._wanted = max(self._wanted, frame)
            self._changed.wait_for(lambda: self._stopped or self._holds(frame))
            if self._failure is not None:
                raise VideoError(self.header.path, self._failure)
            if self._scan is None or not self._holds(frame):
                raise VideoError(self.header.path, "was closed before its frames were counted")
            return self._scan

    def _holds(self, frame: int | None) -> bool:
        if self.is_complete:
            return True
        return frame is not None and self._scan is not None and frame < self._scan.table.n_frames

    @property
    def n_frames_now(self) -> int:
        """Number of frames as far as is known without reading the file through."""
        self.start()
        if self.is_complete or self.header.promised is None:
            scan = self._scan
            return 0 if scan is None else scan.n_readable
        return self.header.promised

    @property
    def n_frames(self) -> int:
        """Number of frames up to the last one that can be read; waits until all is known."""
        return self._wait(None).n_readable

    def report_damage(self, frames: Iterable[int]) -> None:
        """Note frames that turned out not to decode."""
        with self._changed:
            self._damaged.update(frames)

    def is_missing(self, frame: int) -> bool:
        """Whether a frame is known to be unreadable; never waits."""
        return frame in self._damaged or any(frame in r for r in self._lost)

    @property
    def missing_now(self) -> tuple[range, ...]:
        """Frames that cannot be read, as far as known without waiting."""
        with self._changed:
            return merge_ranges([*self._lost, *ranges_of(self._damaged)])

    @property
    def _lost(self) -> tuple[range, ...]:
        scan = self._scan
        n = scan.table.n_frames if scan is not None else 0
        promised = (self.header.promised or 0) if self._breaks_promise() else 0
        missing = scan.missing if scan is not None else ()
        return merge_ranges([*missing, range(n, max(n, promised))])

    def _breaks_promise(self) -> bool:
        scan = self._scan
        if scan is None or not scan.complete:
            return self._failure is not None
        return scan.ends_early or self.header.counts_frames

    @property
    def problems_now(self) -> tuple[str, ...]:
        """What is known to be wrong, one sentence each; never waits."""
        with self._changed:
            lost = self._lost
            found = [n for n in self._damaged if not any(n in r for r in lost)]
            first = self._problem(lost)
        damage = (
            f"frames that do not decode: {describe_ranges(ranges_of(found))}" if found else None
        )
        return tuple(text for text in (first, damage) if text)

    def _problem(self, missing: tuple[range, ...]) -> str | None:
        if self._failure is not None:
            return self._failure
        scan = self._scan
        if scan is not None and scan.complete and not scan.table.n_frames:
            return "holds no frames; expected a video with frames"
        if missing:
            promised = self.header.promised
            says = f", the header promises {promised}" if promised is not None else ""
            held = 0 if scan is None else scan.n_readable
            return f"holds {held} frames{says}; missing: {describe_ranges(missing)}"
        if scan is not None and scan.complete and scan.ends_early:
            return f"is cut off; {scan.n_readable} frames can be read"
        return None

    def _fill(self) -> None:
        failure = "could not be read through"
        try:
            with ExitStack() as held:
                self._read_through(held)
        except (VideoError, OSError, MemoryError) as error:
            message = error.message if isinstance(error, VideoError) else str(error)
            failure = f"{failure} ({message})"
        finally:
            # whatever happened, nobody may wait for ever
            with self._changed:
                if not self.is_complete and not self._stopped:
                    self._failure = failure
                self._changed.notify_all()

    def _read_through(self, held: ExitStack) -> None:
        renew_at = FIRST_PACKETS
        is_known_late = False
        for packets, whole in scan_packets(self.header):
            n = len(packets.pts)
            if n >= renew_at == FIRST_PACKETS:
                self._wait_for_turn(held)
            if self._stopped:
                return
            if whole:
                self._publish(final_table(self.header, packets))
                return
            known = self._scan.table.n_frames if self._scan is not None else 0
            is_asked_for = known <= self._wanted < n and not is_known_late
            if n >= renew_at or is_asked_for:
                renew_at = max(renew_at, FIRST_PACKETS if n < FIRST_PACKETS else 2 * n)
                scan = partial_table(self.header, packets)
                is_known_late = scan is None
                if scan is not None:
                    self._publish(scan)

    def _wait_for_turn(self, held: ExitStack) -> None:
        """Long files are read through one at a time, so that the first frames of all come soon."""
        while not self._stopped:
            if _TURN.acquire(timeout=0.1):
                held.callback(_TURN.release)
                return

    def _publish(self, scan: Scan) -> None:
        with self._changed:
            self._scan = scan
            self._changed.notify_all()
