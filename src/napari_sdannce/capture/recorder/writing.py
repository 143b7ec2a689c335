"""Encoding and noting the frames of a camera, in a thread of its own."""

from __future__ import annotations

import threading
import time
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from napari_sdannce.capture.frame_records import FrameRecord, FrameStatus
from napari_sdannce.capture.recorder.causes import in_words
from napari_sdannce.capture.recorder.events import EventKind

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_sdannce.capture.frame_queue import FrameQueue, QueuedFrame
    from napari_sdannce.capture.frame_records import FrameRecordFile
    from napari_sdannce.capture.recorder.events import EventLog
    from napari_sdannce.capture.video_file import CameraVideoWriter


@dataclass(frozen=True, eq=False, slots=True)
class Output:
    """Where the frames of a camera go.

    Parameters
    ----------
    video
        Writes its video.
    records
        Writes what became of each frame.
    queue_bytes
        Bytes of images that may wait for the encoder.
    """

    video: CameraVideoWriter
    records: FrameRecordFile
    queue_bytes: int


class WriteThread:
    """Writes frames until no more come, then finishes the files.

    Whatever fails, every frame ends in the record of frames, in its order.

    Parameters
    ----------
    name
        Of the camera.
    output
        Where its frames go.
    queue
        Where they come from.
    events
        Where trouble is noted.
    troubled
        Called with the error when a frame could not be written or noted.
    """

    def __init__(
        self,
        name: str,
        output: Output,
        queue: FrameQueue,
        events: EventLog,
        troubled: Callable[[Exception], None],
    ) -> None:
        self.became = dict.fromkeys(FrameStatus, 0)
        """Frames by what became of them."""
        self._name = name
        self._output = output
        self._queue = queue
        self._events = events
        self._troubled = troubled
        self._moved_s = time.monotonic()
        self._why_not = ""
        self._held: deque[FrameRecord] = deque()
        self._thread = threading.Thread(target=self._run, name=f"encode {name}", daemon=True)

    @property
    def seconds_still(self) -> float:
        """How long it has done nothing, though frames wait."""
        return time.monotonic() - self._moved_s if len(self._queue) else 0.0

    def start(self) -> None:
        """Begin to write."""
        self._thread.start()

    def wake(self) -> None:
        """Count from here on how long it does nothing: so far nothing waited."""
        self._moved_s = time.monotonic()

    def write_no_more(self, why: str) -> None:
        """Have it only note frames from here on."""
        self._why_not = self._why_not or why

    def join(self, still_s: float) -> bool:
        """Wait until all frames are written; False when none was for so many seconds."""
        self.wake()
        while self._thread.is_alive() and time.monotonic() - self._moved_s < still_s:
            self._thread.join(still_s / 20)
        return not self._thread.is_alive()

    def flush(self) -> None:
        """Have the disk keep what was noted."""
        if self._thread.is_alive():
            with suppress(OSError):  # of a full disk, who writes to it tells
                self._output.records.flush()

    def _run(self) -> None:
        while (queued := self._queue.get()) is not None:
            self.wake()
            status, file_frame = queued.status, None
            if queued.frame.image is not None:
                file_frame = self._written(queued)
                status = FrameStatus.UNWRITTEN if file_frame is None else status
            self.became[status] += 1
            self._held.append(_record_of(queued, status, file_frame))
            self._try_to_note()
            self.wake()
        self._finish()

    def _written(self, queued: QueuedFrame) -> int | None:
        """Number in the video of a frame; None when it was not written."""
        frame = queued.frame
        assert frame.image is not None
        time_ns = frame.host_ns if frame.camera_ns is None else frame.camera_ns
        if self._why_not:
            self._events.add(EventKind.UNWRITTEN, self._why_not, self._name, queued.index)
            return None
        try:
            return self._output.video.write(frame.image, time_ns // 1000)
        except Exception as error:  # noqa: BLE001 - the edge of a thread: all frames are noted
            self._could_not_write(queued, error)
            return None

    def _could_not_write(self, queued: QueuedFrame, error: Exception) -> None:
        why = in_words(error)
        if self._output.video.is_closed:
            self._why_not = why
        self._events.add(EventKind.UNWRITTEN, why, self._name, queued.index)
        self._troubled(error)

    def _try_to_note(self, *, is_end: bool = False) -> None:
        """Note frames, as far as it is known what became of them, and the disk takes it."""
        try:
            self._note(is_end=is_end)
        except OSError as error:
            self._troubled(error)

    def _note(self, *, is_end: bool) -> None:
        """Note frames; one in the video when the next one is: a write that fails takes it along."""
        video = self._output.video
        while self._held:
            record = self._held[0]
            if record.file_frame is not None and record.file_frame >= video.n_frames:
                record = self._held[0] = self._lost_again(record)
            is_newest = record.file_frame == video.n_frames - 1
            if is_newest and not is_end and not video.is_closed:
                return
            self._output.records.add(record)
            self._held.popleft()

    def _lost_again(self, record: FrameRecord) -> FrameRecord:
        """A frame that was written, and was lost with the next one."""
        self.became[record.status] -= 1
        self.became[FrameStatus.UNWRITTEN] += 1
        why = "lost with the one after it"
        self._events.add(EventKind.UNWRITTEN, why, self._name, record.recorder_index)
        return replace(record, file_frame=None, status=FrameStatus.UNWRITTEN)

    def _finish(self) -> None:
        """Finish the files."""
        self._safely(self._output.video.close)
        self._try_to_note(is_end=True)
        self._safely(lambda: self._note(is_end=True))  # a full disk may have more room now
        self._safely(self._output.records.close)

    def _safely(self, step: Callable[[], None]) -> None:
        try:
            step()
        except Exception as error:  # noqa: BLE001 - the edge of a thread: do the other steps
            self._events.trouble_with(self._name, in_words(error))
            self._troubled(error)


def _record_of(queued: QueuedFrame, status: FrameStatus, file_frame: int | None) -> FrameRecord:
    frame = queued.frame
    return FrameRecord(
        queued.index,
        file_frame,
        frame.block_id,
        frame.camera_ns,
        frame.host_ns,
        frame.utc_ns,
        queued.depth,
        status,
    )
