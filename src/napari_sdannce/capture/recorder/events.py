"""What happens during a recording, told at once and kept in ``events.csv``.

A camera that loses every second frame would tell it a hundred times a second. So what happens to
frames is told when it begins, and then added up: one line a second of each kind and camera.

Whoever notes something never waits for the disk: it is when the disk is slow that most is noted,
and by threads that must not be late.
"""

from __future__ import annotations

import csv
import io
import threading
import time
from collections import deque
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from napari_sdannce.capture.rows import RowFile

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

EVENTS_FILE = "events.csv"
HEADER = ("utc", "camera", "frame", "kind", "count", "what")
KEPT = 1000
"""Events that are kept in memory and in ``recording.yaml``: the last ones. All are in the file."""
_A_SECOND_NS = 1_000_000_000


class EventKind(StrEnum):
    """What kind of thing happened."""

    NOTE = "note"
    """The recording went on as it should."""
    TROUBLE = "trouble"
    """Something a person should look at."""
    LOST = "lost"
    """Exposures that never arrived."""
    FAILED = "failed"
    """Frames that did not arrive whole."""
    DROPPED = "dropped"
    """Frames for which there was no room in the queue."""
    UNWRITTEN = "unwritten"
    """Frames that encoder or disk did not take."""
    LATE = "late"
    """Frames that came late."""
    LATE_TRIGGER = "late trigger"
    """Exposures that this program started late."""


_WORDS = {
    EventKind.LOST: ("exposure never arrived", "exposures never arrived"),
    EventKind.FAILED: ("frame did not arrive whole", "frames did not arrive whole"),
    EventKind.DROPPED: (
        "frame was left out: the queue to the encoder was full",
        "frames were left out: the queue to the encoder was full",
    ),
    EventKind.UNWRITTEN: ("frame was not written", "frames were not written"),
    EventKind.LATE: ("frame came late", "frames came late"),
    EventKind.LATE_TRIGGER: ("exposure was started late", "exposures were started late"),
}


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened.

    Parameters
    ----------
    utc_ns
        When, since 1970.
    kind
        What kind of thing.
    cause
        Why, in words; of notes and trouble, all that is told.
    camera
        Its name; empty: all.
    frame
        Number of the first frame it is about, in the camera's ``frametimes.csv``.
    count
        Frames or exposures it is about.
    """

    utc_ns: int
    kind: EventKind
    cause: str = ""
    camera: str = ""
    frame: int | None = None
    count: int = 1

    @property
    def utc(self) -> datetime:
        """When."""
        return datetime.fromtimestamp(self.utc_ns / 1e9, UTC)

    @property
    def what(self) -> str:
        """In words."""
        if self.kind not in _WORDS:
            return self.cause
        one, many = _WORDS[self.kind]
        told = f"{self.count} {one if self.count == 1 else many}"
        return f"{told}: {self.cause}" if self.cause else told

    @property
    def is_counted(self) -> bool:
        """Whether it is about frames, and added up."""
        return self.kind in _WORDS

    @property
    def row(self) -> tuple[str, ...]:
        """As it stands in the file."""
        frame = "" if self.frame is None else str(self.frame)
        when = self.utc.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        return (when, self.camera, frame, self.kind, str(self.count), self.what)

    @property
    def line(self) -> str:
        """The same as text, with its end."""
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerow(self.row)
        return text.getvalue()


class EventLog:
    """Notes what happens, from any thread.

    Parameters
    ----------
    path
        New file to write; None: none is written.
    now_ns
        Time since 1970.

    Raises
    ------
    OSError
        When the file can not be made.
    """

    def __init__(self, path: Path | None = None, now_ns: Callable[[], int] = time.time_ns) -> None:
        self._rows = None if path is None else RowFile(path, ",".join(HEADER))
        self._now_ns = now_ns
        self._lock = threading.Lock()
        self._writing = threading.Lock()
        self._kept: deque[Event] = deque(maxlen=KEPT)
        self._unwritten: list[Event] = []
        self._told_ns: dict[tuple[EventKind, str], int] = {}
        self._added_up: dict[tuple[EventKind, str], Event] = {}
        self.n_events = 0
        """Events so far, also those that are not kept."""

    @property
    def last(self) -> tuple[Event, ...]:
        """The last events, in the order in which they happened."""
        with self._lock:
            return tuple(sorted(self._kept, key=lambda event: event.utc_ns))

    def note(self, what: str, camera: str = "") -> None:
        """Note that something went as it should."""
        self.add(EventKind.NOTE, what, camera)

    def trouble_with(self, camera: str, what: str) -> None:
        """Note trouble with a camera; empty name: with all."""
        self.add(EventKind.TROUBLE, what, camera)

    def add(
        self,
        kind: EventKind,
        cause: str = "",
        camera: str = "",
        frame: int | None = None,
        count: int = 1,
    ) -> None:
        """Note what happened; what happens to frames is told once a second at most."""
        now_ns = self._now_ns()
        event = Event(now_ns, kind, cause, camera, frame, count)
        with self._lock:
            if not event.is_counted:
                self._tell(event)
                return
            waiting = self._added_up.get((kind, camera))
            if waiting is not None:
                event = replace(waiting, count=waiting.count + count)
            self._added_up[kind, camera] = event
            self._tell_due(now_ns)

    def tell_due(self, *, all_of_them: bool = False) -> None:
        """Tell what was added up a second ago or more, or all that was, and write what was told."""
        with self._lock:
            self._tell_due(self._now_ns(), all_of_them=all_of_them)
        self._write()

    def close(self) -> None:
        """Tell and write all there is, and close the file; what it could not take is told."""
        self.tell_due(all_of_them=True)
        with self._writing:
            rows, self._rows = self._rows, None
        if rows is not None:
            rows.close()
        if self._unwritten:
            self.trouble_with("", f"{len(self._unwritten)} events are not in {EVENTS_FILE}")

    def _tell_due(self, now_ns: int, *, all_of_them: bool = False) -> None:
        for key in list(self._added_up):
            since = now_ns - self._told_ns.get(key, now_ns - _A_SECOND_NS)
            if all_of_them or since >= _A_SECOND_NS:
                self._told_ns[key] = now_ns
                self._tell(self._added_up.pop(key))

    def _tell(self, event: Event) -> None:
        self._kept.append(event)
        if self._rows is not None:
            self._unwritten.append(event)
        self.n_events += 1

    def _write(self) -> None:
        """Write what was told; what a full disk does not take waits for the next time."""
        with self._writing:
            if self._rows is None:
                return
            with self._lock:
                events, self._unwritten = self._unwritten, []
            try:
                self._rows.add("".join(event.line for event in events))
            except OSError:
                with self._lock:
                    self._unwritten[:0] = events
